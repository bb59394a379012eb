"""A finished pair on disk: its predictions first, then their verdicts, then the record of everything that shaped them.

A record's parts (label, prompts, dataset, cost) are read from what made them.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataset_builder.core.config import resolved
from dataset_builder.core.hub_ids import public_name
from dataset_builder.core.provenance import code_state, machine, package_versions
from dataset_builder.llm.journal.asked_how import public_url
from dataset_builder.prompts import Prompt
from dataset_builder.schema.records import Problem
from dataset_builder.solving.records import Solver
from dataset_builder.solving.single_stage import is_single_stage, prompts_used
from dataset_builder.text.parsing import STOP_STRINGS
from eval_harness.pipeline.config import EvalConfig
from eval_harness.pipeline.sources import dataset_metadata
from eval_harness.records.predictions import Prediction, write_predictions
from eval_harness.records.results import (
    RECORDED_PACKAGES,
    RESULTS_SCHEMA_VERSION,
    ResultsRecord,
    write_record,
)
from eval_harness.records.rows import PairRow, pair_name
from eval_harness.records.verdicts import write_verdicts
from eval_harness.scoring.cost import usage_by_role
from eval_harness.scoring.quality import decomposition_quality
from eval_harness.scoring.score import Aggregate, aggregate, score_predictions
from eval_harness.systems.decomposers import Decomposer
from eval_harness.systems.overlap import find_overlap

_PATHS = ("source", "references", "output", "asked_before", "decompose_prompt", "answer_prompt", "price_file")


@dataclass(frozen=True)
class FinishedPair:
    """A pair with what it predicted."""

    label: str
    """The decomposer's label in this grid."""
    decomposer: Decomposer
    """Who wrote the sub-questions."""
    solver: Solver
    """Who answered."""
    predictions: list[Prediction]
    """One per problem and seed."""
    wall_s: float
    """Wall clock of decomposing and solving."""
    energy_wh: float | None
    """Of the roles that ran in this process; None where no GPU counted it."""
    runs_here: bool = False
    """Whether a role of it ran in this process."""


def record_pair(pair: FinishedPair, config: EvalConfig, problems: Sequence[Problem]) -> PairRow:
    """Writes the pair's predictions, scores them, writes verdicts and record, and gives the row."""
    output, name = Path(config.output), pair_name(pair.label, str(pair.solver.metadata["label"]))
    sha256 = write_predictions(output / "predictions" / f"{name}.jsonl", pair.predictions)
    scores = score_predictions(pair.predictions, {problem.problem_id: problem for problem in problems}, config.rule)
    write_verdicts(output / "verdicts" / f"{name}.jsonl", scores)
    total, prompts = aggregate(scores), _prompts(pair, config, problems)
    record = ResultsRecord(
        schema_version=RESULTS_SCHEMA_VERSION,
        name=name,
        created_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        **_provenance(config, problems),
        **_systems(pair, prompts),
        **_score(total),
        usage=usage_by_role(pair.predictions),
        cut=_cut(pair.predictions),
        wall_s=round(pair.wall_s, 3),
        energy_wh=pair.energy_wh,
        quality=decomposition_quality(problems, [item.decomposition for item in pair.predictions]),
        predictions={"path": f"predictions/{name}.jsonl", "sha256": sha256},
        publishable=total.counts["request_failed"] == 0,
        machine=machine() if pair.runs_here else "",
        overlap=find_overlap(pair.decomposer, pair.solver, problems, prompts.values(), scores),
    )
    write_record(record, output / "results" / f"{name}.json")
    return PairRow(record, scores)


def _provenance(config: EvalConfig, problems: Sequence[Problem]) -> dict[str, Any]:
    code = code_state()
    return {
        "commit": code.commit or "unknown",
        "dirty": code.dirty,
        "packages": package_versions(RECORDED_PACKAGES),
        "config": public_config(config),
        "dataset": dataset_metadata(problems, config.source, config.split),
        "rule": config.rule,
        "seeds": list(config.seeds),
    }


def public_config(config: EvalConfig) -> dict[str, Any]:
    """The resolved config as a record holds it: of a path the last part, of an address no password."""
    values = resolved(config)
    values |= {key: public_name(values[key]) for key in _PATHS if values[key]}
    values |= {key: public_url(values[key]) for key in ("base_url", "decomposer_base_url")}
    return values | {key: [public_spec(spec) for spec in values[key]] for key in ("decomposers", "solvers")}


def public_spec(spec: str) -> str:
    """The spec of a decomposer or solver without the way to its file.

    >>> public_spec("checkpoint:outputs/demo/bc"), public_spec("openai:org/model"), public_spec("none")
    ('checkpoint:bc', 'openai:org/model', 'none')
    """
    kind, colon, name = spec.partition(":")
    of_model = kind in ("api", "openai") and not Path(name).is_absolute()
    return f"{kind}{colon}{name if of_model else public_name(name)}"


def _prompts(pair: FinishedPair, config: EvalConfig, problems: Sequence[Problem]) -> dict[str, Prompt]:
    kind = str(pair.decomposer.metadata["kind"])
    style = kind if is_single_stage(kind) else "none"
    return pair.decomposer.prompts | prompts_used(style, problems, config.answer_prompt)


def _systems(pair: FinishedPair, prompts: dict[str, Prompt]) -> dict[str, Any]:
    return {
        "decomposer": pair.decomposer.metadata | {"label": pair.label},
        "solver": pair.solver.metadata,
        "prompts": {stage: prompt.reference for stage, prompt in prompts.items()},
        "own_prompts": {prompt.reference: prompt.text for prompt in prompts.values() if prompt.is_own},
        "stop_strings": list(STOP_STRINGS),
    }


def _score(total: Aggregate) -> dict[str, Any]:
    low, high = total.interval.low, total.interval.high
    return {
        "n": total.n,
        "counts": dict(total.counts),
        "accuracy": total.accuracy,
        "mean_score": total.mean_score,
        "interval": {"low": low, "high": high, "level": 0.95, "method": total.interval_method},
        "accuracy_per_seed": {str(seed): accuracy for seed, accuracy in total.per_seed.items()},
    }


def _cut(predictions: Sequence[Prediction]) -> dict[str, int]:
    """How many replies were cut at a stop string, and how many characters were thrown away."""
    lengths = [item.reply.cut_characters for item in predictions if item.reply.cut_characters]
    return {"predictions": len(lengths), "characters": sum(lengths)}
