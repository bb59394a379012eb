"""A finished run as one HTML page: its problems side by side, with two pairs' sub-questions, answers and verdicts.

Reads OUTPUT/problems.jsonl, results/, predictions/ and verdicts/; writes one file that needs nothing else: no server,
no network, no further file. Filters by verdict and by disagreement, text search, and the summary with intervals are in
the page; a bookmark keeps the view. What the page holds, as JSON in its `<script id="data">`:

    {"title": "Decomposers ...", "caption": "...", "baseline": "none", "warnings": [], "verdicts": ["correct", ...],
     "seeds": [0], "opens": ["bc--m", "none--m"], "columns": ["decomposer", "solver", "accuracy", ...],
     "problems": [{"id": "gsm8k-test-00001", "text": "A robe takes ...", "passage": "", "gold": "3"}],
     "prompts": [{"name": "answer.v1@8bdbdf7e87be", "text": "You solve ..."}],
     "pairs": [{"name": "bc--m", "decomposer": "bc", "solver": "m", "accuracy": 0.61, "low": ..., "high": ...,
                "best": true, "tested": "better", "cells": {"accuracy": "61.0 %", "against": "+3.1, p = 0.021", ...},
                "runs": [[{"questions": ["..."], "reply": "A1: ...", "verdict": "correct", "why": "read 3 ...",
                           "asked": [null, 0], "usage": [[71, 13, 0.02, 0], [641, 44, 1.1, 0.0001]]}]]}]}

where `runs[s][p]` is seed s on problem p, null where that pair was not asked it; `asked` (places in `prompts`) and
`usage` (tokens in, tokens out, seconds, dollars or null where the price is not known) are of decomposer and solver.

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
from dataset_builder.solving.records import Usage
from eval_harness.records.predictions import Prediction, load_predictions
from eval_harness.records.problems import PROBLEMS_FILE, load_asked_problems
from eval_harness.records.results import ResultsRecord
from eval_harness.records.rows import PairRow
from eval_harness.records.verdicts import ProblemScore
from eval_harness.reporting.asked import PromptTexts, asked_decomposer, asked_solver
from eval_harness.reporting.ranking import opening_pair, ranked
from eval_harness.reporting.tables import caption, columns, comparisons, overlap_warnings, table
from eval_harness.scoring.significance import Comparison

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
    rows, problems, prompts = ranked(rows), load_asked_problems(output), PromptTexts()
    seeds = sorted({seed for row in rows for seed in row.record.seeds})
    tested, cells, warnings = comparisons(rows, baseline), table(rows, baseline), overlap_warnings(rows)
    return {
        "title": f"Decomposers and solvers on {rows[0].record.asked}",
        "caption": caption(rows, baseline, warned=bool(warnings)),
        "baseline": baseline,
        "warnings": warnings,
        "verdicts": list(VERDICTS),
        "seeds": seeds,
        "opens": [row.record.name for row in opening_pair(rows)],
        "columns": ["decomposer", "solver", *(name for name in columns(rows) if name not in ("decomposer", "solver"))],
        "problems": [
            {"id": item.problem_id, "text": item.problem, "passage": item.passage, "gold": item.gold_answer}
            for item in problems
        ],
        "pairs": [
            _score(row.record, line, tested.get(row.record.name), rows)
            | {"runs": _runs(_entries(row, output, problems, prompts), problems, seeds)}
            for row, line in zip(rows, cells, strict=True)
        ],
        "prompts": prompts.as_list(),
    }


def _score(
    record: ResultsRecord, cells: dict[str, str], comparison: Comparison | None, rows: Sequence[PairRow]
) -> dict[str, Any]:
    """A pair's line of the summary; the best is one that has not seen the problems before."""
    rivals = [row.record for row in rows if row.record.solver["label"] == record.solver["label"]]
    best = max((rival.accuracy for rival in rivals if rival.is_evaluation), default=None)
    tested = ""
    if comparison and comparison.distinguishable:
        tested = "better" if comparison.difference > 0 else "worse"
    return {
        "name": record.name,
        "decomposer": record.label,
        "solver": record.solver["label"],
        "accuracy": record.accuracy,
        "low": record.interval["low"],
        "high": record.interval["high"],
        "best": len(rivals) > 1 and record.is_evaluation and record.accuracy == best,
        "tested": tested,
        "cells": cells,
    }


def _runs(
    entries: dict[tuple[str, int], dict[str, Any]], problems: Sequence[Problem], seeds: Sequence[int]
) -> list[list[dict[str, Any] | None]]:
    return [[entries.get((problem.problem_id, seed)) for problem in problems] for seed in seeds]


def _entries(
    row: PairRow, output: Path, problems: Sequence[Problem], prompts: PromptTexts
) -> dict[tuple[str, int], dict[str, Any]]:
    """(problem_id, seed) -> the pair on that problem."""
    record, by_id = row.record, {problem.problem_id: problem for problem in problems}
    scores = {(score.problem_id, score.seed): score for score in row.scores}
    entries = {}
    for item in load_predictions(output / record.predictions["path"]):
        if (key := (item.problem_id, item.seed)) not in scores:
            continue
        if item.problem_id not in by_id:
            raise UserError(
                f"{record.name} was asked {item.problem_id}, which is not in {output / PROBLEMS_FILE}: the folder "
                "holds runs on different problems; give each run an output folder of its own"
            )
        problem, questions = by_id[item.problem_id], item.decomposition.sub_questions
        roles = asked_decomposer(record, problem), asked_solver(record, problem, item.decomposition)
        asked = [prompts.number(role, problem, questions) for role in roles]
        entries[key] = _entry(item, scores[key]) | {"asked": asked}
    return entries


def _entry(prediction: Prediction, score: ProblemScore) -> dict[str, Any]:
    """One pair on one problem; what would be empty is left out, but for what is always read."""
    decomposition, reply = prediction.decomposition, prediction.reply
    entry: dict[str, Any] = {
        "questions": list(decomposition.sub_questions),
        "reply": reply.text or "",
        "verdict": score.verdict,
        "why": score.explanation,
        "usage": [_usage(decomposition.usage), _usage(reply.usage)],
    }
    if decomposition.failure and decomposition.text:
        entry["unread"] = decomposition.text
    if reply.cut_characters:
        entry["cut"] = reply.cut_characters
    return entry


def _usage(usage: Usage) -> list[float | None]:
    return [usage.prompt_tokens, usage.completion_tokens, round(usage.seconds, 3), usage.cost_usd]


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
