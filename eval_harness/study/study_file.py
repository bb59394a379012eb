"""A study as a file: who teaches, what is trained, who is scored on what, and which claims it is held against.

    study: subq                       its name; the file may lie anywhere, or in eval_harness/studies by name
    base: subq                        optional: a study whose keys hold where this file has none
    options: {student_updates: 400}   named numbers, to be changed in one place and by `--set student_updates=100`
    scales:
      embedded:
        datasets: {bags: {problems: micro_gsm, teacher: micro-gsm-teacher, base_url: micro_gsm, ...}}
        backbones: {tiny: {backbone: tiny, options: {tiny_hidden_size: 48}}}
        students: {bc: {method: bc, dataset: bags, options: {max_steps: "{student_updates}"}}}
        evaluations: {main: {source: micro_gsm, rows: [none, bc], solvers: ["openai:micro-gsm-solver"]}}
        qualities: {asked: {source: micro_gsm, rows: [reference, bc]}}
        seeds: [0, 1]
    claims: {cloning_helps: {says: "...", test: higher, row: {evaluation: main, row: bc}, than: {...}}}

`--set scales.embedded.students.bc.options.max_steps=100`, or without `scales.embedded.`, changes one line. Keys that a
study does not have are refused with the nearest that it has.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

from dataset_builder.core.checks import record_from_json
from dataset_builder.core.config import read_yaml
from dataset_builder.core.errors import UserError
from dataset_builder.core.values import nearest

STUDIES = Path(__file__).parents[1] / "studies"
SCALES = ("embedded", "small", "paper")
Test = Literal["higher", "not_lower", "fewer_tokens"]
Options = dict[str, Any]
"""Options of a command: `key: value` becomes `--key value`; a mapping is a section of a recipe."""


@dataclass(frozen=True)
class DatasetPart:
    """One dataset: a teacher's sets for some problems, built into a folder."""

    problems: str = ""
    """A source's name or a file, as `dataset_builder.generate --problems`; empty: nothing is generated."""
    limit: int | None = None
    """Only so many problems."""
    teacher: str = ""
    """Writes the sub-questions."""
    solver: str = ""
    """Answers them; empty: the teacher."""
    critic: str = ""
    """Votes on them; empty: the teacher."""
    base_url: str = ""
    """The endpoint of all three, or micro_gsm."""
    generate: Options = field(default_factory=dict)
    """Further options of `dataset_builder.generate`."""
    build: Options = field(default_factory=dict)
    """Further options of `dataset_builder.build`."""
    minutes: float = 1.0
    """Of generating and building, estimated."""


@dataclass(frozen=True)
class BackbonePart:
    """One backbone that students are trained on."""

    backbone: str
    """As recipes name it, or a Hub id or folder with `recipe`."""
    recipe: str = ""
    """The backbone whose settings it takes, where it has none of its own."""
    adapter: str = ""
    """Empty: the first that the method has."""
    options: Options = field(default_factory=dict)
    """Further options of `recipes.train`."""
    times: float = 1.0
    """How long its students take, in minutes of the students' own `minutes`."""


@dataclass(frozen=True)
class StudentPart:
    """One row that is trained: a decomposer, or a solver where its method trains one."""

    method: str
    """As `recipes.train --method`."""
    dataset: str
    """What it learns from: a name among the datasets."""
    start: str = ""
    """The student whose weights it starts from."""
    backbones: list[str] = field(default_factory=list)
    """Empty: all."""
    seeds: list[int] = field(default_factory=list)
    """Empty: the scale's."""
    options: Options = field(default_factory=dict)
    """Further options of `recipes.train`."""
    minutes: float = 1.0
    """Of training, estimated."""


@dataclass(frozen=True)
class EvaluationPart:
    """One grid of decomposers and solvers on one set of problems."""

    source: str
    """As `eval_harness.run --source`; a dataset's name stands for its folder."""
    rows: list[str]
    """Decomposers: students by name, others as `eval_harness.run` has them."""
    solvers: list[str]
    """Likewise; a student's name stands for its weights."""
    title: str = ""
    """Of its table."""
    about: str = ""
    """What its table shows, in a sentence or two."""
    printed: dict[str, str] = field(default_factory=dict)
    """What the paper prints, by row or by "row + solver"."""
    backbones: list[str] = field(default_factory=list)
    """Empty: all that the students have."""
    options: Options = field(default_factory=dict)
    """Further options of `eval_harness.run`."""
    cards: list[str] = field(default_factory=list)
    """Its students that get a model card."""
    minutes: float = 0.5
    """Of one student's cells, estimated."""


@dataclass(frozen=True)
class QualityPart:
    """Some decomposers measured by their sub-questions alone, on one set of problems."""

    source: str
    """As `eval_harness.question_quality --source`; a dataset's name stands for its folder."""
    rows: list[str]
    """Decomposers: students by name, others as `eval_harness.question_quality` has them."""
    references: str = ""
    """What they are measured against, named like the source; empty: the source's own sub-questions."""
    title: str = ""
    """Of its table."""
    about: str = ""
    """What its table shows, in a sentence or two."""
    backbones: list[str] = field(default_factory=list)
    """Empty: all that the students have."""
    options: Options = field(default_factory=dict)
    """Further options of `eval_harness.question_quality`."""
    minutes: float = 0.5
    """Of one student's row, estimated."""


@dataclass(frozen=True)
class Scale:
    """A study at one scale."""

    about: str = ""
    """What it is run on, for the page."""
    datasets: dict[str, DatasetPart] = field(default_factory=dict)
    backbones: dict[str, BackbonePart] = field(default_factory=dict)
    students: dict[str, StudentPart] = field(default_factory=dict)
    evaluations: dict[str, EvaluationPart] = field(default_factory=dict)
    qualities: dict[str, QualityPart] = field(default_factory=dict)
    seeds: list[int] = field(default_factory=lambda: [0])
    """Of training; every student is trained once with each."""
    generate: Options = field(default_factory=dict)
    """Options of every generation."""
    train: Options = field(default_factory=dict)
    """Options of every training."""
    evaluate: Options = field(default_factory=dict)
    """Options of every evaluation."""
    gpu: str = ""
    """The GPU that trainings and local models need, as `recipes.plan --gpu`; empty: none."""
    claims: dict[str, Claim] = field(default_factory=dict)
    """Beside the study's; one of the same name stands in its place."""


@dataclass(frozen=True)
class Cells:
    """Some cells of a study: their outcomes are taken together."""

    evaluation: str
    row: str
    """The decomposer's label: a student's name, none, reference, a model's name."""
    solver: str = ""
    """Its label; empty: all."""
    backbone: str = ""
    """Empty: all."""


@dataclass(frozen=True)
class Claim:
    """A statement that the outcome is held against."""

    says: str
    """The statement."""
    test: Test
    """higher: the row scores above the other; not_lower: at most `margin` below it; fewer_tokens: per problem."""
    row: Cells
    than: Cells
    margin: float = 0.03
    """Of not_lower, a fraction."""
    paper: str = ""
    """What the paper says or prints."""


@dataclass(frozen=True)
class Study:
    """A study's file, read and checked."""

    study: str
    """Its name."""
    title: str = ""
    paper: str = ""
    """Whose argument it repeats."""
    about: str = ""
    """What it asks, for the head of its page."""
    base: str = ""
    """The study that it rests on."""
    options: Options = field(default_factory=dict)
    """Values that stand in other keys as "{name}"."""
    scales: dict[str, Scale] = field(default_factory=dict)
    claims: dict[str, Claim] = field(default_factory=dict)
    """By a short name."""

    def scale(self, name: str) -> Scale:
        """The study at that scale.

        Raises:
            UserError: it has no such scale.
        """
        if name not in self.scales:
            raise UserError(f"study {self.study} has no scale {name!r}{nearest(name, list(self.scales))}")
        return self.scales[name]

    def claims_at(self, name: str) -> tuple[dict[str, Claim], set[str]]:
        """The claims that a scale has evaluations for, and the evaluations that the others would need.

        Raises:
            UserError: there is no such scale.
        """
        scale = self.scale(name)
        asked: dict[str, Claim] = {}
        lacking: set[str] = set()
        for short, claim in (self.claims | scale.claims).items():
            needed = {claim.row.evaluation, claim.than.evaluation} - scale.evaluations.keys()
            lacking |= needed
            asked |= {} if needed else {short: claim}
        return asked, lacking


_PARTS: dict[str, type] = {
    "datasets": DatasetPart,
    "backbones": BackbonePart,
    "students": StudentPart,
    "evaluations": EvaluationPart,
    "qualities": QualityPart,
}


def load_study(name: str, scale: str = "embedded", changes: Sequence[str] = ()) -> Study:
    """Reads a study by name or by file.

    Args:
        name: of a file in eval_harness/studies, or the path of one.
        scale: the scale that `changes` are meant for where they name none.
        changes: "key=value" each, with dots between the keys; the value is YAML.

    Raises:
        UserError: no such study, a key that it does not have (the nearest is named), a value of the wrong type.
    """
    path, values = _read(name)
    values.setdefault("study", path.stem)
    for change in changes:
        _set(values, change, scale, path)
    return _study(_filled(values, values.get("options") or {}, path), path)


def study_names() -> list[str]:
    """Of the studies that come with the toolkit."""
    return sorted(path.stem for path in STUDIES.glob("*.yaml"))


def _read(name: str, seen: tuple[str, ...] = ()) -> tuple[Path, dict[str, Any]]:
    """The file's path and its keys, those of its base below them."""
    path = Path(name) if name.endswith((".yaml", ".yml")) else STUDIES / f"{name}.yaml"
    if not path.is_file():
        raise UserError(f"no study {name!r}{nearest(name, study_names())}; or name a YAML file")
    if str(path) in seen:
        raise UserError(f"{path} rests on itself; take its `base` away")
    values = read_yaml(path)
    if base := values.get("base"):
        _, below = _read(str(base), (*seen, str(path)))
        values = _merged(below, values)
    return path, values


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(copy.deepcopy(dict(below)))
    for key, value in above.items():
        old = result.get(key)
        result[key] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result


def _set(values: dict[str, Any], change: str, scale: str, path: Path) -> None:
    """Changes one key, which must be there or be one that its place may have."""
    name, equals, text = change.partition("=")
    if not equals:
        raise UserError(f"--set expects key=value, found {change!r}")
    keys, place = name.split("."), values
    if keys[0] in (values.get("options") or {}):
        keys = ["options", *keys]
    elif keys[0] in {item.name for item in dataclasses.fields(Scale)} and keys[0] not in values:
        keys = ["scales", scale, *keys]
    known = [
        *(values.get("options") or {}),
        *(item.name for item in (*dataclasses.fields(Study), *dataclasses.fields(Scale))),
    ]
    if keys[0] not in known:
        raise UserError(f"--set {name}: no key {keys[0]!r}{nearest(keys[0], known)}")
    for depth, key in enumerate(keys[:-1]):
        if not isinstance(place.get(key), dict):
            if key in place or not _may_hold(keys[: depth + 1]):
                where = ".".join(keys[:depth]) or path.name
                raise UserError(f"--set {name}: {where} has no {key!r}{nearest(key, list(place))}")
            place[key] = {}
        place = place[key]
    place[keys[-1]] = yaml.safe_load(text)


def _may_hold(keys: Sequence[str]) -> bool:
    """Whether a mapping that is not there yet may be made: options of a command, not parts of a study."""
    return keys[-1] in ("options", "generate", "build", "train", "evaluate") or "options" in keys


def _filled(value: Any, options: Mapping[str, Any], path: Path) -> Any:
    """The value with every "{name}" that is a whole text replaced by that option."""
    if isinstance(value, dict):
        return {
            key: item if key == "options" and value is item else _filled(item, options, path)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_filled(item, options, path) for item in value]
    if isinstance(value, str) and value.startswith("{") and value.endswith("}") and value[1:-1].isidentifier():
        if value[1:-1] not in options:
            raise UserError(f"{path}: no option {value[1:-1]!r}{nearest(value[1:-1], list(options))}")
        return options[value[1:-1]]
    return value


def _study(values: dict[str, Any], path: Path) -> Study:
    _check_keys(Study, values, str(path))
    for name, scale in values.get("scales", {}).items():
        where = f"{path}: scales.{name}"
        _check_keys(Scale, scale, where)
        for section, kind in _PARTS.items():
            for part, keys in (scale.get(section) or {}).items():
                _check_keys(kind, keys, f"{where}.{section}.{part}")
        _check_claims(scale.get("claims") or {}, where)
    _check_claims(values.get("claims", {}), str(path))
    return record_from_json(Study, values, str(path), "see eval_harness/studies")


def _check_claims(claims: Mapping[str, Any], where: str) -> None:
    for name, claim in claims.items():
        _check_keys(Claim, claim, f"{where}: claims.{name}")
        if (test := claim.get("test")) not in get_args(Test):
            raise UserError(f"{where}: claims.{name}: no test {test!r}{nearest(str(test), list(get_args(Test)))}")
        for side in ("row", "than"):
            _check_keys(Cells, claim.get(side), f"{where}: claims.{name}.{side}")


def _check_keys(kind: type, values: object, where: str) -> None:
    """Refuses a key that a part of a study does not have, with the nearest."""
    if not isinstance(values, dict):
        raise UserError(f"{where}: expected keys and values, found {values!r}")
    known = [item.name for item in dataclasses.fields(kind)]
    for key in values:
        if key not in known:
            raise UserError(f"{where}: no key {key!r}{nearest(str(key), known)}")
