"""A pair's scores as the Hub reads them: `.eval_results/*.yaml` in the model's repository, `model-index` in its card.

Both name *this dataset* as the benchmark and the solver beside the score: a pair's accuracy on GSM8K's problems is
not the model's own GSM8K score: it would rank a small decomposer among models that solve the problems themselves.
Nothing is written where the data has no Hub id or no test split, or the evaluation's problems are not its sources';
nor of a pair that has seen some of the problems before, in training or in a prompt, unless `--post_seen` names it.

    - dataset: {id: org/gsm8k-ai-subq, task_id: decomposer_solver_pair, revision: v1.0.0}
      value: 41.7
      date: '2026-11-21'
      notes: pair of this decomposer with the solver gpt-4o-mini; 1319 test problems of gsm8k; ...
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dataset_builder.core.files import write_text
from dataset_builder.core.hub_ids import hub_url
from dataset_builder.solving.single_stage import is_single_stage
from dataset_builder.stats.benchmark import TASK_ID
from eval_harness.records.results import ResultsRecord
from model_cards.card.content import CardContent
from model_cards.card.score_table import display_label, source_name

FOLDER = ".eval_results"


def posted_rows(card: CardContent) -> list[ResultsRecord]:
    """The checkpoint's rows that may be posted: on the dataset's own test problems, where it has a Hub id."""
    if not card.dataset.hub_id or not card.dataset.test_problems:
        return []
    return [
        row
        for row in card.own_rows
        if _is_of_its_data(row, card)
        and row.dataset["split"] == "test"
        and (row.is_evaluation or row.name in card.post_seen)
        and not is_single_stage(str(row.decomposer["kind"]))  # a solver alone is no pair
    ]


def _is_of_its_data(row: ResultsRecord, card: CardContent) -> bool:
    """Whether the problems are of a source of the training data, or were read from that dataset itself."""
    own = (card.dataset.name, card.dataset.hub_id)
    if row.dataset.get("kind") == "dataset":
        return row.dataset["source"] in own
    return source_name(row).split(".")[0] in card.dataset.sources


def notes(row: ResultsRecord, role: str) -> str:
    """What the number is, in a line."""
    pair = f"this decomposer with the solver {row.solver['label']}, which answers"
    if role == "solver":
        pair = f"the decomposer {display_label(row)} with this solver, which answers its sub-questions"
    low, high = 100 * row.interval["low"], 100 * row.interval["high"]
    seen = row.overlap_told
    return (
        f"accuracy of the pair: {pair}; not the model's own score. "
        f"{row.dataset['problems']} test problems of {source_name(row)}, 95 % interval "
        f"{low:.1f} to {high:.1f}, answers read with the rule {row.rule}{'. ' if seen else ''}{' '.join(seen)}"
    )


def eval_results(card: CardContent) -> list[dict[str, Any]]:
    """The entry of `.eval_results/<dataset>.yaml`: a task has one value, so the pair with the partner named first."""
    from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

    source = {"source_url": hub_url(card.repo_id), "source_name": "model card"} if card.repo_id else {}
    rows = sorted(posted_rows(card), key=lambda row: _partner_index(row, card.role))[:1]
    entries = [
        EvalResultEntry(
            dataset_id=str(card.dataset.hub_id),
            task_id=TASK_ID,
            value=round(100 * row.accuracy, 2),
            dataset_revision=card.dataset.revision,
            date=row.created_at[:10],
            notes=notes(row, card.role),
            **source,
        )
        for row in rows
    ]
    return eval_result_entries_to_yaml(entries)


def _partner_index(row: ResultsRecord, role: str) -> int:
    """The index of the row's partner on the evaluation's command line."""
    specs = row.config.get("decomposers" if role == "solver" else "solvers", [])
    label = row.label if role == "solver" else str(row.solver["label"])
    return next((index for index, spec in enumerate(specs) if label in spec), len(specs))


def write_eval_results(card: CardContent, checkpoint: Path) -> Path | None:
    """Writes the file into the checkpoint's folder, or removes an old one where nothing may be posted."""
    import yaml

    for old in (checkpoint / FOLDER).glob("*.yaml"):
        old.unlink()
    entries = eval_results(card)
    if not entries:
        return None
    path = checkpoint / FOLDER / f"{card.dataset.name}.yaml"
    write_text(path, yaml.safe_dump(entries, sort_keys=False, allow_unicode=True, width=120))
    return path


def model_index(card: CardContent) -> list[dict[str, Any]]:
    """The `model-index` of the card's YAML; empty where nothing may be posted."""
    results = [
        {
            "task": {"type": "text-generation", "name": "Problem decomposition"},
            "dataset": {
                "name": card.dataset.name,
                "type": str(card.dataset.hub_id),
                "split": "test",
                "revision": card.dataset.revision,
            },
            "metrics": [
                {
                    "type": "accuracy",
                    "name": f"accuracy of the pair with {_partner(row, card.role)}",
                    "value": round(100 * row.accuracy, 2),
                }
            ],
        }
        for row in posted_rows(card)
    ]
    return [{"name": card.name, "results": results}] if results else []


def _partner(row: ResultsRecord, role: str) -> str:
    return f"decomposer {display_label(row)}" if role == "solver" else f"solver {row.solver['label']}"
