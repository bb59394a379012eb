"""ResultsRecord: everything that shaped a pair's score, beside the score. `OUTPUT/results/<pair>.json`:

    {"schema_version": "1.0.0", "name": "bc--micro-gsm-solver", "created_at": "2026-11-20T20:01:33+00:00",
     "commit": "c2cce37...", "dirty": false, "packages": {"python": "3.11.9", "torch": "2.13.0", ...},
     "config": {...the resolved config...},
     "dataset": {"source": "micro_gsm", "kind": "named", "split": "test", "problems": 100, "revision": null,
                 "sha256": "...", "source_sha256": null},
     "decomposer": {"kind": "checkpoint", "label": "bc", "checkpoint": "...", "recipe_sha256": "...", ...},
     "solver": {"kind": "openai", "label": "micro-gsm-solver", "decoding": {...}, "served_by": [...]},
     "prompts": {"answer": "answer.v1@8bdbdf7e87be", ...}, "stop_strings": ["Problem:"], "rule": "flexible",
     "seeds": [0], "n": 100, "counts": {"correct": 61, "incorrect": 37, "no_answer": 2, ...},
     "accuracy": 0.61, "mean_score": 0.61, "interval": {"low": 0.512, "high": 0.7, "method": "wilson", "level": 0.95},
     "accuracy_per_seed": {"0": 0.61}, "usage": {"decompose": {...}, "solve": {...}},
     "cut": {"predictions": 0, "characters": 0}, "wall_s": 12.1, "quality": {...}, "energy_wh": null,
     "predictions": {"path": "predictions/bc--micro-gsm-solver.jsonl", "sha256": "..."}, "publishable": true,
     "own_prompts": {}, "machine": "AMD EPYC",
     "overlap": {"decomposer": {"same": 0, ...}, "solver": null, "prompts": {...}, "accuracy_elsewhere": null}}

`eval_harness.run` writes every key; `revision`, `recipe_sha256` and `energy_wh` are null where there is none. No path
of the machine is in it: sources, checkpoints and files stand there by name and content hash. A record with
`publishable` false (a request failed) is a note to the user, and `model_cards` refuses it; one whose problems were
seen before (`overlap`) is no evaluation, and is posted only where it is asked for by name.
"""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dataset_builder.core.checks import record_from_json
from dataset_builder.core.errors import UserError
from dataset_builder.core.files import write_json
from dataset_builder.schema.verdicts import VERDICTS
from eval_harness.records.overlap import Overlap

RESULTS_SCHEMA_VERSION = "1.0.0"
RECORDED_PACKAGES = ("torch", "transformers", "trl", "peft", "bitsandbytes", "datasets", "openai", "numpy", "vllm")


@dataclass(frozen=True)
class ResultsRecord:
    """One pair's score and everything that shaped it; the module's header shows one."""

    schema_version: str
    """RESULTS_SCHEMA_VERSION of the code that wrote it."""
    name: str
    """The pair as a file name: DECOMPOSER--SOLVER."""
    created_at: str
    """UTC, ISO 8601, to the second."""
    commit: str
    """The code's commit; "unknown" outside of a checkout."""
    dirty: bool
    """Whether the checkout differed from it."""
    packages: dict[str, str]
    """Versions of Python and of the packages that can move a score."""
    config: dict[str, Any]
    """The resolved EvalConfig of the run; of paths the last part."""
    dataset: dict[str, Any]
    """What was asked: source and its kind (named, file, dataset), split (empty: all of a file), problems (how many),
    revision (null: not pinned), sha256 of ids, texts and golds, source_sha256 of the file or the dataset's split."""
    decomposer: dict[str, Any]
    """What the decomposer says of itself: kind and label, and by kind the checkpoint, recipe, model, decoding, who
    served it (`served_by`) and which parameters were renamed or left out (`parameters`)."""
    solver: dict[str, Any]
    """The same of the solver."""
    prompts: dict[str, str]
    """Stage -> prompt as name.version@hash."""
    stop_strings: list[str]
    """Where every reply is cut."""
    rule: str
    """How the final answer is read."""
    seeds: list[int]
    """One run over the problems per seed."""
    n: int
    """Predictions: problems times seeds."""
    counts: dict[str, int]
    """Predictions by verdict; every verdict is there."""
    accuracy: float
    """Share of n whose verdict is `correct`."""
    mean_score: float
    """Mean F1 where answers are spans; elsewhere the accuracy."""
    interval: dict[str, Any]
    """Of the accuracy: low, high, level, method."""
    accuracy_per_seed: dict[str, float]
    """Seed -> accuracy of that run."""
    usage: dict[str, dict[str, Any]]
    """decompose and solve -> tokens, seconds and dollars (`scoring/cost.py`)."""
    cut: dict[str, int]
    """Replies that were cut at a stop string (predictions), and how much was thrown away (characters)."""
    wall_s: float
    """Wall clock of decomposing and solving; near zero where the journal knew the answers."""
    energy_wh: float | None
    """The GPU's energy for the roles that ran in this process; null where there is none or no counter."""
    quality: dict[str, Any]
    """The sub-questions without a solver (`scoring/quality.py`)."""
    predictions: dict[str, str]
    """The predictions file: path from the run's folder, and sha256."""
    publishable: bool
    """False while a request failed."""
    own_prompts: dict[str, str] = field(default_factory=dict)
    """name@hash -> text of the prompts that the user gave by path."""
    machine: str = ""
    """What the models in this process computed on; empty where none ran here."""
    overlap: Overlap | None = None
    """Which of the problems the pair has seen before; None in a record of before this was looked at."""

    @property
    def label(self) -> str:
        """The row's name, read from what made it: the checkpoint's method, or the decomposer's kind."""
        return str(self.decomposer["label"])

    @property
    def asked(self) -> str:
        """What was asked, in words: "gsm8k test", "physics.jsonl"."""
        return " ".join(filter(None, (Path(self.dataset["source"]).name, self.dataset["split"])))

    @property
    def is_evaluation(self) -> bool:
        """Whether the score is one on problems that the pair has not seen before, as far as is known."""
        return self.overlap is None or not self.overlap.found

    @property
    def seen_before(self) -> str:
        """For a table: what the pair has seen of its problems; empty where nothing."""
        if self.overlap is None:
            return "unknown" if self._trained_roles else ""
        return self.overlap.cell

    @property
    def overlap_told(self) -> list[str]:
        """What a reader has to know of problems that the pair has seen before, or of which that is not known."""
        if self.overlap is None:
            return [
                f"It is unknown whether {name} was trained on these problems: the record is older than that question."
                for name in self._trained_roles
            ]
        return self.overlap.sentences(self.label, str(self.solver["label"]), int(self.dataset["problems"]))

    @property
    def _trained_roles(self) -> list[str]:
        """The labels of the roles that were trained here; without a path, which records of before had in them."""
        labels = [str(role["label"]) for role in (self.decomposer, self.solver) if role.get("recipe_sha256")]
        return [re.sub(r"\(.*/", "(", label) for label in labels]

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: object, where: str = "the record") -> ResultsRecord:
        """Checks and reads a record.

        Raises:
            UserError: another schema version, a missing or unknown key, a value that contradicts another.
        """
        if not isinstance(values, dict):
            raise UserError(f"{where} is no results record: expected a JSON object, found {type(values).__name__}")
        version = values.get("schema_version")
        if version != RESULTS_SCHEMA_VERSION:
            raise UserError(
                f"{where}: results schema {version!r}, this code reads {RESULTS_SCHEMA_VERSION}; score again"
            )
        record = record_from_json(cls, values, where, "score the predictions again")
        _check_sums(record, where)
        return record


def write_record(record: ResultsRecord, path: Path) -> None:
    """Checks the record and writes it as JSON."""
    values = json.loads(json.dumps(record.to_dict()))
    ResultsRecord.from_dict(values, record.name)
    write_json(path, values)


def load_record(path: Path) -> ResultsRecord:
    """Reads and checks one record.

    Raises:
        UserError: the file is missing, is not JSON, or is no record of this schema version.
    """
    if not path.is_file():
        raise UserError(f"no results record {path}; eval_harness.run writes them to OUTPUT/results/")
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path} is not JSON: {error}") from error
    return ResultsRecord.from_dict(values, str(path))


def load_records(folder: Path) -> list[ResultsRecord]:
    """Every record of OUTPUT (or of OUTPUT/results), in the order of their names.

    Raises:
        UserError: there is none, or one cannot be read.
    """
    results = folder / "results" if (folder / "results").is_dir() else folder
    paths = sorted(results.glob("*.json"))
    if not paths:
        raise UserError(f"no results records in {results}; run eval_harness.run first")
    return [load_record(path) for path in paths]


def _check_sums(record: ResultsRecord, where: str) -> None:
    counts, n, accuracy = record.counts, record.n, record.accuracy
    if set(counts) != set(VERDICTS) or sum(counts.values()) != n:
        raise UserError(f"{where}: counts must hold {', '.join(VERDICTS)} and sum to n = {n}, found {counts}")
    if n < 1 or abs(accuracy - counts["correct"] / n) > 1e-9:
        raise UserError(f"{where}: accuracy {accuracy} is not {counts['correct']} correct of {n}")
    low, high = record.interval.get("low", 1.0), record.interval.get("high", 0.0)
    if not low - 1e-9 <= accuracy <= high + 1e-9:
        raise UserError(f"{where}: accuracy {accuracy} lies outside its interval {record.interval}")
    if record.publishable and counts["request_failed"]:
        raise UserError(f"{where}: publishable, yet {counts['request_failed']} requests failed; run again first")
