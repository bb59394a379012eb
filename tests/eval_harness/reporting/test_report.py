"""The tables of a run: comparisons, costs, equal tokens, and what each caption says."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from pathlib import Path

import pytest

from dataset_builder.core.intervals import wilson
from dataset_builder.solving.records import Decomposition, Reply, Usage
from dataset_builder.sources.published import RESPONSE_FILES
from eval_harness.records.predictions import Prediction
from eval_harness.records.rows import PairRow, pair_name
from eval_harness.records.verdicts import ProblemScore
from eval_harness.reporting.forest_plot import forest_plot
from eval_harness.reporting.run_report import write_report
from eval_harness.reporting.tables import caption, comparison_text, csv_table, latex_table, markdown_table
from eval_harness.reporting.token_matched import equal_token_lines
from eval_harness.reproduction.published_cells import printed_cell
from eval_harness.scoring.cost import cost_table, usage_by_role
from eval_harness.scoring.significance import compare_with_baseline
from tests.eval_harness.records.test_results import make_record


def make_row(label: str, right: int, n: int = 40, solver: str = "s") -> PairRow:
    interval = wilson(right, n)
    record = make_record(
        name=pair_name(label, solver),
        decomposer={"kind": "api", "label": label},
        solver={"kind": "openai", "label": solver},
        n=n,
        counts={"correct": right, "incorrect": n - right, "no_answer": 0, "parse_failure": 0, "request_failed": 0},
        accuracy=right / n,
        mean_score=right / n,
        interval={"low": interval.low, "high": interval.high, "level": 0.95, "method": "wilson"},
    )
    scores = [
        ProblemScore(f"p{i}", 0, "correct" if i < right else "incorrect", "1", "", float(i < right)) for i in range(n)
    ]
    return PairRow(record, scores)


@pytest.fixture
def rows() -> list[PairRow]:
    return [make_row("none", 10), make_row("bc", 12), make_row("good_one", 35)]


def test_a_difference_inside_the_noise_is_called_so(rows: list[PairRow]) -> None:
    result = compare_with_baseline({row.record.label: row.correctness for row in rows}, "none")
    assert comparison_text(result["bc"]) == "+5.0, not distinguishable (p = 0.500)"
    assert comparison_text(result["good_one"]) == "+62.5, p < 0.001"
    assert comparison_text(None) == "-"


def test_the_table_says_n_seeds_rule_and_test(rows: list[PairRow]) -> None:
    text = markdown_table(rows, "none")
    assert "| none " in text
    assert "baseline" in text
    for part in ("seed 0", "rule first_marker", "McNemar", "Holm", "80 % power"):
        assert part in text
    assert "request_failed" not in text


def test_without_the_baseline_row_nothing_is_compared(rows: list[PairRow]) -> None:
    assert "distinguishable" not in markdown_table(rows, "reference")
    assert "McNemar" not in caption(rows, "reference")


def test_rows_are_compared_within_their_solver_only() -> None:
    rows = [make_row("none", 10), make_row("none", 30, solver="t"), make_row("bc", 30, solver="t")]
    lines = list(csv.DictReader(io.StringIO(csv_table(rows, "none"))))
    assert [line["difference"] for line in lines] == ["", "", "0.0"]
    assert "| solver " in markdown_table(rows, "none")


def test_latex_escapes_what_it_must(rows: list[PairRow]) -> None:
    text = latex_table(rows, "none")
    assert "good\\_one" in text
    assert "\\toprule" in text
    assert "%" not in text.split("\\midrule")[1].split("\\bottomrule")[0].replace("\\%", "")


def test_csv_holds_fractions_and_counts(rows: list[PairRow]) -> None:
    line = next(csv.DictReader(io.StringIO(csv_table(rows, "none"))))
    assert (float(line["accuracy"]), line["correct"], line["n"]) == (0.25, "10", "40")
    assert (line["seeds"], line["rule"]) == ("0", "first_marker")


def test_f1_stands_beside_the_accuracy_where_answers_earned_a_part(rows: list[PairRow]) -> None:
    none, bc, good = rows
    scores = [replace(score, score=max(score.score, 0.5)) for score in bc.scores]
    part = PairRow(replace(bc.record, mean_score=sum(score.score for score in scores) / 40), scores)
    line = next(line for line in markdown_table([none, part, good], "none").splitlines() if line.startswith("| bc"))
    assert "| 30.0 %" in line
    assert "| 65.0 (" in line
    assert "F1" not in markdown_table(rows, "none")


def test_the_report_writes_every_form(rows: list[PairRow], tmp_path: Path) -> None:
    write_report(rows, tmp_path, "none")
    sizes = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert set(sizes) == {"report.md", "table.md", "table.tex", "table.csv", "accuracy.png", "accuracy.svg"}
    assert min(sizes.values()) > 100


def test_the_figure_is_the_same_file_for_the_same_rows(rows: list[PairRow], tmp_path: Path) -> None:
    records = [row.record for row in rows]
    first = forest_plot(records, tmp_path / "a", "none", "caption")[0].read_bytes()
    second = forest_plot(records, tmp_path / "b", "none", "caption")[0].read_bytes()
    assert first == second


def test_the_figures_rows_stand_as_in_the_table_and_the_own_one_is_marked(rows: list[PairRow], tmp_path: Path) -> None:
    own = "bc--s"
    svg = forest_plot([row.record for row in rows], tmp_path / "a", "none", own=[own])[1].read_text(encoding="utf-8")
    drawn = re.findall(r"<!-- (good_one|bc \(this model\)|bc|none) -->", svg)
    write_report(rows, tmp_path, "none")
    table = [line.split("|")[1].strip() for line in (tmp_path / "table.md").read_text().splitlines()[2:5]]
    assert table == ["good_one", "bc", "none"]
    assert drawn == ["good_one", "bc (this model)", "none"]


def test_markers_at_0_and_100_percent_are_whole(rows: list[PairRow], tmp_path: Path) -> None:
    """Nothing of a row is cut off at the axes' edge."""
    svg = forest_plot([make_row("all", 40).record, make_row("nothing", 0).record], tmp_path / "a", "none")[1]
    markers = re.findall(r"<g( clip-path=[^>]*)?>\s*<use [^>]*style=\"fill: #1f5f8b", svg.read_text(encoding="utf-8"))
    assert markers == ["", ""]


def spending(row: PairRow, tokens: int, kind: str) -> PairRow:
    """The row as one that took so many tokens per problem."""
    role = {"prompt_tokens": tokens * row.record.n, "completion_tokens": 0, "seconds": 2.0, "cost_usd": 0.004}
    usage = {"decompose": role | {"prompt_tokens": 0}, "solve": role | {"saved_tokens": 80}}
    return replace(row, record=replace(row.record, usage=usage, decomposer={"kind": kind, "label": row.record.label}))


def test_at_equal_tokens_a_row_meets_the_strongest_single_stage_row(rows: list[PairRow]) -> None:
    none, bc, good = rows
    weak, strong = make_row("direct@9", 4), make_row("cot_few_shot@5", 20)
    grid = [
        spending(none, 100, "none"), spending(weak, 500, "direct@9"), spending(strong, 520, "cot_few_shot@5"),
        spending(bc, 480, "checkpoint"), spending(good, 300, "api"),
    ]  # fmt: skip
    text = "\n".join(equal_token_lines(grid))
    assert "`bc` (480 tokens/problem) against `cot_few_shot@5` (520 tokens/problem): -20.0" in text
    assert "direct@9" not in text
    assert "add cot_few_shot@3 with --temperature above 0" in text


def test_without_single_stage_rows_or_tokens_nothing_is_said_of_equal_tokens(rows: list[PairRow]) -> None:
    assert equal_token_lines([spending(row, 0, "api") for row in rows]) == []
    assert equal_token_lines([spending(row, 100, "api") for row in rows]) == []
    assert equal_token_lines([spending(rows[0], 100, "none"), spending(rows[1], 40, "api")]) == []


def test_the_cost_table_leaves_out_what_cost_nothing(rows: list[PairRow]) -> None:
    text = cost_table([spending(rows[0], 25, "none").record])
    head, _, line = text.splitlines()[2:]
    assert " ".join(
        head.split()
    ) == "| solver | decomposer | decompose: s | decompose: $ | solve: tokens | solve: s | solve: $ | " + (
        "solve: saved by stop strings |"
    )
    assert " ".join(line.split()) == "| s | none | 50.0 | $0.10 | 25000 + 0 | 50.0 | $0.10 | 2000 |"
    assert "| ? " in cost_table([rows[0].record])
    assert "name it with --price_input" in cost_table([rows[0].record])


def test_cost_is_told_per_role_and_unknown_prices_stay_unknown() -> None:
    predictions = [
        Prediction(
            "p", 0, Decomposition(("Q?",), usage=Usage(100, 10, 0.01, 2.0)), Reply("x", usage=Usage(7, 1, None, 1.0))
        )
    ] * 2
    usage = usage_by_role(predictions)
    assert usage["decompose"]["prompt_tokens"] == 200
    assert usage["decompose"]["cost_usd"] == pytest.approx(0.02)
    assert usage["decompose"]["cost_per_1000_usd"] == pytest.approx(10.0)
    assert usage["solve"]["cost_usd"] is None
    assert usage["solve"]["seconds"] == 2.0


def test_the_paper_prints_a_cell_for_each_of_the_52_files() -> None:
    from eval_harness.systems.published import read_metadata

    assert len(RESPONSE_FILES) == 13
    for solver in ("chatgpt", "llama7b", "llama13b", "mistral"):
        files = [read_metadata(Path(solver) / f"{name}.jsonl") for name in RESPONSE_FILES]
        assert all(printed_cell(solver, item.printed_as, item.backbone) for item in files)
