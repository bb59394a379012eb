"""A study's plan: its steps, each a command line with what it waits for, frozen before anything runs.

A step's folder is named by the hash of its command, its settings and its parents' hashes. So whatever changes a
result gives another folder, and a setting that goes from A to B and back to A finds A's folders again: only what
differs runs. What a step needs (minutes, GPUs, price) is no part of the hash. Writes and reads
`OUTPUT/plans/HASH.json`, which never changes once jobs refer to it, and the newest as `OUTPUT/plan.json`:

    {"version": 1, "study": "subq", "scale": "embedded", "work": "/srv/gsm8k-ai-subq",
     "steps": [{"name": "train bc", "command": ["recipes.train", "--dataset", "{parent:build}", ...],
                "parents": ["build"], "record": "train_record.json", "gpu": 0, "api": false, "minutes": 2.0,
                "price_usd": 0.0, "disk_gb": 0.01, "settings": {"seed": 0}, "folder": "steps/train-bc-0f3c..."}]}
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from dataset_builder.core.errors import UserError
from dataset_builder.core.files import read_text, write_json
from dataset_builder.core.values import nearest

VERSION = 1
PLAN_FILE = "plan.json"

Plain = str | int | float | bool | None | list["Plain"] | dict[str, "Plain"]
"""A value as JSON has it."""

_PLACE = re.compile(r"\{out\}|\{parent:([^{}]+)\}")


@dataclass(frozen=True)
class Step:
    """One command of a study."""

    name: str
    """Readable, and its own in the study."""
    command: tuple[str, ...]
    """What follows `python -m`, the module first; `{out}` is the step's folder, `{parent:NAME}` that of a parent."""
    parents: tuple[str, ...] = ()
    """Names of the steps whose folders it reads."""
    record: str = "record.json"
    """The file (or folder) in the step's folder that the command leaves when it has done its work."""
    gpu: int = 0
    """GPUs it needs."""
    api: bool = False
    """Whether it asks an endpoint: so many of these at a time as the profile lets."""
    minutes: float = 1.0
    """Estimated wall time; a scheduler is asked for more (the profile says how much)."""
    price_usd: float = 0.0
    """Estimated price of its requests."""
    disk_gb: float = 0.0
    """Estimated size of its folder."""
    settings: Mapping[str, Plain] = field(default_factory=dict)
    """What shapes its result beyond the command: contents of files that the command names, a version."""


@dataclass(frozen=True)
class Plan:
    """Steps with their folders; made by `freeze`, which checks them."""

    study: str
    """The study's name."""
    scale: str
    """embedded, small or paper."""
    output: Path
    """The study's folder, absolute."""
    work: Path
    """The folder that commands start in, so that paths a user typed stay what they are; absolute."""
    steps: tuple[Step, ...]
    """In the order in which they were given."""
    folders: Mapping[str, str]
    """By name of the step: its folder, relative to `output`."""

    @cached_property
    def by_name(self) -> dict[str, Step]:
        return {step.name: step for step in self.steps}

    def step(self, name: str) -> Step:
        """The step of that name.

        Raises:
            UserError: there is none.
        """
        if name not in self.by_name:
            raise UserError(f"the plan has no step {name!r}{nearest(name, list(self.by_name))}")
        return self.by_name[name]

    def folder(self, name: str) -> Path:
        """A step's folder."""
        return self.output / self.folders[name]

    def command(self, name: str) -> list[str]:
        """A step's command with the folders put in."""

        def place(found: re.Match[str]) -> str:
            return str(self.folder(found[1] or name))

        return [_PLACE.sub(place, word) for word in self.step(name).command]

    def to_json(self) -> dict[str, object]:
        steps = [dataclasses.asdict(step) | {"folder": self.folders[step.name]} for step in self.steps]
        return {"version": VERSION, "study": self.study, "scale": self.scale, "work": str(self.work), "steps": steps}

    @property
    def hash(self) -> str:
        """Names this plan, needs and prices included."""
        return _hash(self.to_json())


def freeze(
    steps: Iterable[Step], output: Path, *, study: str = "study", scale: str = "embedded", work: Path | None = None
) -> Plan:
    """Checks the steps and gives each its folder; nothing is written.

    Args:
        steps: of the study, in any order.
        output: the study's folder.
        study: its name.
        scale: of the study.
        work: the folder that commands start in; None: the one of this process.

    Raises:
        UserError: equal names, an unknown parent, a folder of a step that is no parent, a circle.
    """
    steps = tuple(steps)
    _check(steps)
    hashes: dict[str, str] = {}
    by_name = {step.name: step for step in steps}
    for name in _parents_first(steps):
        step = by_name[name]
        parents = {parent: hashes[parent] for parent in sorted(step.parents)}
        hashes[name] = _hash({"command": step.command, "settings": step.settings, "parents": parents})
    folders = {step.name: f"steps/{slug(step.name)}-{hashes[step.name]}" for step in steps}
    for folder, count in Counter(folders.values()).items():
        if count > 1:
            alike = [name for name in folders if folders[name] == folder]
            raise UserError(f"steps {alike[0]!r} and {alike[1]!r} of {study} are the same; leave one out")
    return Plan(study, scale, output.absolute(), (work or Path.cwd()).absolute(), steps, folders)


def write_plan(plan: Plan) -> Path:
    """Writes the plan and returns the file that jobs refer to, which never changes."""
    path = plan.output / "plans" / f"{plan.hash}.json"
    if not path.exists():
        write_json(path, plan.to_json())
    write_json(plan.output / PLAN_FILE, plan.to_json())
    return path


def read_plan(path: Path) -> Plan:
    """The plan of a file, or the newest of a study's folder.

    Raises:
        UserError: there is none, or the file is no plan.
    """
    path = path / PLAN_FILE if path.is_dir() else path
    if not path.is_file():
        raise UserError(f"no plan at {path}; `make study STUDY=...` writes it")
    try:
        content = json.loads(read_text(path))
        rows = [dict(row) for row in content["steps"]]
        folders = {str(row["name"]): str(row.pop("folder")) for row in rows}
        tuples = [row | {"command": tuple(row["command"]), "parents": tuple(row["parents"])} for row in rows]
        steps = tuple(Step(**row) for row in tuples)
        study, scale, work = str(content["study"]), str(content["scale"]), Path(content["work"])
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(f"{path} is no plan ({error!r}); run the study again, which writes it") from error
    folder = path.absolute().parent
    return Plan(study, scale, folder.parent if folder.name == "plans" else folder, work, steps, folders)


def output_of(study: str) -> Path:
    """Where a study goes unless it is told otherwise."""
    return Path("outputs/studies") / study


def slug(name: str) -> str:
    """A name as part of a file name.

    >>> slug("train bc / tiny, seed 0")
    'train-bc-tiny-seed-0'
    """
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60].rstrip("-") or "step"


def parents_in(command: Iterable[str]) -> tuple[str, ...]:
    """The steps whose folders a command names, each once.

    >>> parents_in(["--source", "{parent:build d}/d", "--output", "{out}"])
    ('build d',)
    """
    return tuple(dict.fromkeys(found[1] for word in command for found in _PLACE.finditer(word) if found[1]))


def _check(steps: tuple[Step, ...]) -> None:
    names = Counter(step.name for step in steps)
    if not steps:
        raise UserError("the study has no steps; name at least one row in its file")
    for step in steps:
        if names[step.name] > 1:
            raise UserError(f"two steps are called {step.name!r}; give each a name of its own")
        if not step.command:
            raise UserError(f"step {step.name!r} has no command; give it the module that it runs")
        for parent in step.parents:
            if parent not in names:
                raise UserError(f"step {step.name!r}: unknown parent {parent!r}{nearest(parent, list(names))}")
        for other in parents_in(step.command):
            if other not in step.parents:
                raise UserError(f"step {step.name!r} reads the folder of {other!r}; name that among its parents")


def _parents_first(steps: tuple[Step, ...]) -> list[str]:
    try:
        return list(TopologicalSorter({step.name: step.parents for step in steps}).static_order())
    except CycleError as error:
        # graphlib gives the way from parent to child; said from child to parent
        way = " <- ".join(repr(name) for name in error.args[1])
        raise UserError(f"steps wait for each other in a circle: {way}; take one parent away") from error


def _hash(value: object) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
