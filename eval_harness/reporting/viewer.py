"""A finished run as one HTML page: its problems side by side, with two pairs' sub-questions, answers and verdicts.

Reads OUTPUT/problems.jsonl, results/, predictions/ and verdicts/; writes one file that needs nothing else: no server,
no network, no further file. Filters by verdict and by disagreement, text search, and the summary with intervals are in
the page; a bookmark keeps the view. What the page holds, as JSON in its `<script id="data">`:

    {"title": "gsm8k test", "caption": "...", "verdicts": ["correct", ...], "seeds": [0], "solvers": 1,
     "problems": [{"id": "gsm8k-test-00001", "text": "A robe takes ...", "passage": "", "gold": "3"}],
     "pairs": [{"name": "bc--m", "decomposer": "bc", "solver": "m", "baseline": false, "accuracy": 0.61, "low": ...,
                "high": ..., "n": 1319, "counts": {"correct": 805, ...}, "against": "+3.1, p = 0.021",
                "runs": [[{"questions": ["..."], "reply": "A1: ...", "verdict": "correct", "why": "read 3 ..."}]]}]}

where `runs[s][p]` is seed s on problem p, null where that pair was not asked it.

    python -m eval_harness.browse --results outputs/demo/eval --output page.html
"""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dataset_builder.core.errors import UserError
from dataset_builder.core.files import write_text
from dataset_builder.core.templates import render_template
from dataset_builder.schema.records import Problem
from dataset_builder.schema.verdicts import VERDICTS
from eval_harness.records.predictions import Prediction, load_predictions
from eval_harness.records.problems import PROBLEMS_FILE, load_asked_problems
from eval_harness.records.rows import PairRow
from eval_harness.records.verdicts import ProblemScore
from eval_harness.reporting.tables import caption, comparison_text, comparisons

PAGE_FILE = "page.html"
_PARTS = Path(__file__).with_name("page")


def write_page(rows: Sequence[PairRow], output: Path, baseline: str, page: Path | None = None) -> Path:
    """Writes the page of a run.

    Args:
        rows: its pairs.
        output: the run's folder, with its problems and predictions.
        baseline: the row that the others are compared with.
        page: where the page goes; None: PAGE_FILE in the folder.

    Raises:
        UserError: a file of the run is missing, or its pairs were asked other problems.
    """
    page = page or output / PAGE_FILE
    write_text(page, render_page(page_data(rows, output, baseline)))
    return page


def page_data(rows: Sequence[PairRow], output: Path, baseline: str) -> dict[str, Any]:
    """What the page holds; the module's header shows it."""
    problems = load_asked_problems(output)
    seeds = sorted({seed for row in rows for seed in row.record.seeds})
    tested = comparisons(rows, baseline)
    dataset = rows[0].record.dataset
    return {
        "title": f"{dataset['source']} {dataset['split']}",
        "caption": caption(rows, baseline),
        "verdicts": list(VERDICTS),
        "seeds": seeds,
        "solvers": len({row.record.solver["label"] for row in rows}),
        "problems": [
            {"id": item.problem_id, "text": item.problem, "passage": item.passage, "gold": item.gold_answer}
            for item in problems
        ],
        "pairs": [
            _pair(row, output, baseline, problems, seeds)
            | {"against": "baseline" if row.record.label == baseline else comparison_text(tested.get(row.record.name))}
            for row in rows
        ],
    }


def _pair(
    row: PairRow, output: Path, baseline: str, problems: Sequence[Problem], seeds: Sequence[int]
) -> dict[str, Any]:
    record = row.record
    predictions = load_predictions(output / record.predictions["path"])
    scores = {(score.problem_id, score.seed): score for score in row.scores}
    entries = {
        (item.problem_id, item.seed): _entry(item, scores[item.problem_id, item.seed])
        for item in predictions
        if (item.problem_id, item.seed) in scores
    }
    if missing := {problem_id for problem_id, _ in entries} - {problem.problem_id for problem in problems}:
        raise UserError(
            f"{record.name} was asked {min(missing)}, which is not in {output / PROBLEMS_FILE}: the folder holds runs "
            "on different problems; give each run an output folder of its own"
        )
    return {
        "name": record.name,
        "decomposer": record.label,
        "solver": record.solver["label"],
        "baseline": record.label == baseline,
        "accuracy": record.accuracy,
        "low": record.interval["low"],
        "high": record.interval["high"],
        "n": record.n,
        "counts": record.counts,
        "runs": [[entries.get((problem.problem_id, seed)) for problem in problems] for seed in seeds],
    }


def _entry(prediction: Prediction, score: ProblemScore) -> dict[str, Any]:
    """One pair on one problem; keys that would be empty are left out but for the four that are always read."""
    decomposition, reply = prediction.decomposition, prediction.reply
    entry: dict[str, Any] = {
        "questions": list(decomposition.sub_questions),
        "reply": reply.text or "",
        "verdict": score.verdict,
        "why": score.explanation,
    }
    if decomposition.failure and decomposition.text:
        entry["unread"] = decomposition.text
    if reply.cut_characters:
        entry["cut"] = reply.cut_characters
    return entry


def render_page(data: dict[str, Any]) -> str:
    """The page with everything inside; no text of the data can end its script or become markup."""
    return render_template(
        _PARTS / "page.html",
        title=html.escape(data["title"]),
        style=(_PARTS / "page.css").read_text(encoding="utf-8"),
        script=(_PARTS / "page.js").read_text(encoding="utf-8"),
        data=script_safe_json(data),
    )


def script_safe_json(value: object) -> str:
    """JSON that an HTML parser reads as plain characters wherever it stands.

    >>> script_safe_json("</script><!-- & ")
    '"\\\\u003c/script\\\\u003e\\\\u003c!-- \\\\u0026 "'
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text
