"""Each claim of a study holds, does not hold, or is not distinguishable; the numbers can be worked out by hand."""

from __future__ import annotations

import pytest

from eval_harness.scoring.significance import mcnemar_exact
from eval_harness.study.cells import read_cells
from eval_harness.study.claims import Finding, findings_of
from tests.support.made_study import PROBLEMS, made_study


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Finding]:
    study, folders = made_study(tmp_path_factory.mktemp("study"))
    scale = study.scale("embedded")
    cells = read_cells(scale, folders)
    assert len(cells) == 5
    return {item.name: item for item in findings_of(study.claims_at("embedded")[0], cells, list(scale.backbones))}


def test_each_claim_has_the_outcome_that_its_records_give(findings: dict[str, Finding]) -> None:
    assert {name: finding.verdict for name, finding in findings.items()} == {
        "up": "holds",
        "down": "does not hold",
        "open": "not distinguishable",
        "bigger": "holds",
        "close": "holds",
        "cheap": "holds",
        "absent": "not run",
    }


def test_cells_of_one_side_are_averaged_on_each_problem_so_that_n_counts_problems(
    findings: dict[str, Finding],
) -> None:
    finding = findings["up"]
    # problem 3 has an unreadable set in every row of bc; seed 0 and 1 of small and seed 0 of big fail on 12, 14 and 4
    assert finding.row == pytest.approx(1 - (12 + 14 + 4) / 3 / PROBLEMS)
    assert finding.than == pytest.approx(0.25)
    assert finding.n == PROBLEMS
    assert finding.seeds == 2
    assert finding.interval is not None
    assert finding.interval.low < finding.difference < finding.interval.high


def test_one_cell_a_side_is_mcnemars_exact_test_and_holm_runs_over_the_claims_that_were_run(
    findings: dict[str, Finding],
) -> None:
    assert findings["open"].p_value == mcnemar_exact(1, 1)
    assert findings["up"].p_value == findings["down"].p_value == mcnemar_exact(26, 0)
    assert findings["up"].p_holm >= findings["up"].p_value
    assert findings["absent"].n == 0


def test_tokens_are_compared_problem_by_problem(findings: dict[str, Finding]) -> None:
    assert findings["cheap"].in_tokens
    assert findings["cheap"].difference < 0
