"""A pair's scores as the Hub reads them: `.eval_results/*.yaml` in the model's repository, `model-index` in its card.

Both name *this dataset* as the benchmark and the solver beside the score: a pair's accuracy on GSM8K's problems is
not the model's own GSM8K score: it would rank a small decomposer among models that solve the problems themselves.
Nothing is written where the data has no Hub id or no test split, or the evaluation's problems are not its sources'.

    - dataset: {id: org/gsm8k-ai-subq, task_id: decomposer_solver_pair, revision: v1.0.0}
      value: 41.7
      date: '2026-11-21'
      notes: pair of this decomposer with the solver gpt-4o-mini; 1319 test problems of gsm8k; ...
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dataset_builder.stats.benchmark import TASK_ID
from eval_harness.pipeline.single_stage import is_single_stage
from eval_harness.records.results import ResultsRecord
from model_cards.facts import CardFacts

FOLDER = ".eval_results"


def posted_rows(facts: CardFacts) -> list[ResultsRecord]:
    """The checkpoint's rows that may be posted: on the dataset's own test problems, where it has a Hub id."""
    if not facts.dataset.hub_id or not facts.dataset.test_problems:
        return []
    return [
        row
        for row in facts.own_rows
        if row.dataset["source"] in facts.dataset.sources
        and row.dataset["split"] == "test"
        and not is_single_stage(str(row.decomposer["kind"]))  # a solver alone is no pair
    ]


def notes(row: ResultsRecord, role: str) -> str:
    """What the number is, in a line."""
    pair = f"this decomposer with the solver {row.solver['label']}, which answers"
    if role == "solver":
        pair = f"the decomposer {own_words(row)} with this solver, which answers its sub-questions"
    low, high = 100 * row.interval["low"], 100 * row.interval["high"]
    return (
        f"accuracy of the pair: {pair}; not the model's own score. "
        f"{row.dataset['problems']} test problems of {row.dataset['source']}, 95 % interval "
        f"{low:.1f} to {high:.1f}, answers read with the rule {row.rule}"
    )


def eval_results(facts: CardFacts) -> list[dict[str, Any]]:
    """The entry of `.eval_results/<dataset>.yaml`: a task has one value, so the pair with the partner named first."""
    from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

    rows = sorted(posted_rows(facts), key=lambda row: _partner_place(row, facts.role))[:1]
    entries = [
        EvalResultEntry(
            dataset_id=str(facts.dataset.hub_id),
            task_id=TASK_ID,
            value=round(100 * row.accuracy, 2),
            dataset_revision=facts.dataset.revision,
            date=row.created_at[:10],
            notes=notes(row, facts.role),
            **_source(facts),
        )
        for row in rows
    ]
    return eval_result_entries_to_yaml(entries)


def _partner_place(row: ResultsRecord, role: str) -> int:
    """Where the row's partner stands on the evaluation's command line."""
    specs = row.config.get("decomposers" if role == "solver" else "solvers", [])
    label = row.label if role == "solver" else str(row.solver["label"])
    return next((place for place, spec in enumerate(specs) if label in spec), len(specs))


def write_eval_results(facts: CardFacts, checkpoint: Path) -> Path | None:
    """Writes the file into the checkpoint's folder, or removes an old one where nothing may be posted."""
    import yaml

    for old in (checkpoint / FOLDER).glob("*.yaml"):
        old.unlink()
    entries = eval_results(facts)
    if not entries:
        return None
    path = checkpoint / FOLDER / f"{facts.dataset.name}.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump(entries, sort_keys=False, allow_unicode=True, width=120), encoding="utf-8")
    return path


def model_index(facts: CardFacts) -> list[dict[str, Any]]:
    """The `model-index` of the card's YAML; empty where nothing may be posted."""
    results = [
        {
            "task": {"type": "text-generation", "name": "Problem decomposition"},
            "dataset": {
                "name": facts.dataset.name,
                "type": str(facts.dataset.hub_id),
                "split": "test",
                "revision": facts.dataset.revision,
            },
            "metrics": [
                {
                    "type": "accuracy",
                    "name": f"accuracy of the pair with {_partner(row, facts.role)}",
                    "value": round(100 * row.accuracy, 2),
                }
            ],
        }
        for row in posted_rows(facts)
    ]
    return [{"name": facts.name, "results": results}] if results else []


def _partner(row: ResultsRecord, role: str) -> str:
    return f"decomposer {own_words(row)}" if role == "solver" else f"solver {row.solver['label']}"


def own_words(row: ResultsRecord) -> str:
    """The row's label without a local path: rows of one method carry their folders, of which the name is enough."""
    label, facts = row.label, row.decomposer
    place = str(facts.get("checkpoint") or facts.get("path") or "")
    return label.replace(f"({place})", f"({Path(place).name})") if place else label


def _source(facts: CardFacts) -> dict[str, str]:
    if not facts.repo_id:
        return {}
    return {"source_url": f"https://huggingface.co/{facts.repo_id}", "source_name": "model card"}
