"""The statistics of a dataset, worked by hand on small sets."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pytest

from dataset_builder.build.config import BuildConfig
from dataset_builder.build.dataset import build_dataset
from dataset_builder.dataset_folder.layout import read_facts
from dataset_builder.schema.records import RawSet
from dataset_builder.stats.__main__ import main
from dataset_builder.stats.dataset_stats import correct_sets, dataset_stats, paper_rule_accuracy
from tests.support.raw_sets import QUESTIONS, make_problem, make_set, make_sets, write_journal


def built(tmp_path: Path, raw_sets: Sequence[RawSet]) -> Path:
    journal = write_journal(tmp_path / "journal", raw_sets)
    build_dataset(BuildConfig(journal=str(journal), output=str(tmp_path / "made"), validation_fraction=0.2))
    return tmp_path / "made"


def test_votes_against_answers_worked_by_hand(tmp_path: Path):
    # (answer, votes) -> None: wrong & negative, wrong & clean, right & negative, right & clean; means 0.5, 1, 0.5, 1
    sets = [
        make_set(make_problem(1), final="wrong", votes=("YN",)),
        make_set(make_problem(2), final="wrong", votes=("YY",)),
        make_set(make_problem(3), final="right", votes=("NY",)),
        make_set(make_problem(4), final="right", votes=("YY",)),
        make_set(make_problem(5), final="right", votes=("YY",)),
    ]
    votes = dataset_stats(built(tmp_path, sets))["train"]["votes_against_answers"]
    assert votes["confusion"] == {"true_positive": 1, "false_positive": 1, "false_negative": 1, "true_negative": 2}
    assert (votes["precision"], votes["recall"]) == (0.5, 0.5)
    # wrong {.5, 0} against right {.5, 0, 0}: .5 ties .5, beats 0 and 0; 0 loses to .5, ties 0 and 0 -> 3.5 of 6
    assert votes["roc_auc"] == pytest.approx(3.5 / 6)
    # means deviate (-.3 .2 -.3 .2 .2), right (-.6 -.6 .4 .4 .4): sum .1 -> .1 / sqrt(.3 * 1.2)
    assert votes["pearson"] == pytest.approx(0.1 / (0.3 * 1.2) ** 0.5)


def test_train_and_validation_are_one_group_and_test_another(tmp_path: Path) -> None:
    stats = dataset_stats(built(tmp_path, make_sets(20)))
    assert {group: values["sets"] for group, values in stats.items()} == {"train": 60, "test": 5}
    assert stats["train"]["correct_sets"] == {
        "sets_per_problem": 3,
        "problems": 20,
        "shares": {"0": 0.0, "1": 0.0, "2": 1.0, "3": 0.0},
    }
    assert stats["train"]["questions"]["histogram"] == {"1": 20, "2": 20, "3": 20}
    assert stats["train"]["usefulness"]["per_question"] == {"0": 20, "0.3333": 40, "0.6667": 20, "1": 40}
    assert sum(stats["train"]["usefulness"]["per_set_bins"]) == 60
    assert stats["test"]["usefulness"] is None
    assert stats["test"]["votes_against_answers"] is None


def test_shares_of_right_sets_are_over_problems() -> None:
    shares = correct_sets(["a", "a", "b", "b", "c"], [1, 1, 0, 1, None])
    assert shares == {"sets_per_problem": 2, "problems": 2, "shares": {"0": 0.0, "1": 0.5, "2": 0.5}}


def test_data_sheet_counts_what_is_wrong_with_a_set(tmp_path: Path) -> None:
    bad = make_set(
        questions=(QUESTIONS[0], QUESTIONS[0], "What do the 77 pens cost?"), votes=("YNY", "YYY"), final="none"
    )
    lost = make_set(make_problem(2), final=None, votes=("YY",))
    sheet = dataset_stats(built(tmp_path, [bad, lost]))["train"]["data_sheet"]
    assert sheet["repeated_sets"]["successes"] == 1
    assert (sheet["giveaway_questions"]["successes"], sheet["giveaway_questions"]["n"]) == (1, 5)
    assert (sheet["disputed_questions"]["successes"], sheet["disputed_questions"]["n"]) == (1, 5)
    assert sheet["failures"] == {"answer: missing": 1}
    assert sheet["usage"] == {"prompt_tokens": 200, "completion_tokens": 40, "cost_usd": 0.002}


def test_paper_rule_misreads_a_gold_with_a_comma_and_rewards_the_same_misreading() -> None:
    row = {"answer": "#### 2,125", "answers": ["A1: x\n\nFinal answer: 2,125", "A1: x\n\nFinal answer: 2125"]}
    result = paper_rule_accuracy([row])
    assert result["misread_golds"] == 1
    assert (result["as_published"]["successes"], result["true_golds"]["successes"]) == (1, 1)


def test_problem_without_a_number_has_no_paper_rule() -> None:
    assert paper_rule_accuracy([{"answer": "#### Paris", "answers": ["Final answer: Paris"]}]) is None


def test_command_draws_each_figure_twice_and_the_card_shows_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = [make_set(make_problem(900 + n), index) for n in range(2) for index in range(3)]
    folder = built(tmp_path, [*make_sets(20), *world])
    assert main(["--dataset", str(folder)]) == 0
    table = capsys.readouterr().out
    assert "ROC-AUC" in table
    names = {path.name for path in (folder / "figures").iterdir()}
    assert len(names) == 14
    card = (folder / "README.md").read_text(encoding="utf-8")
    for name in names:
        assert (f'src="figures/{name}"' in card) is name.endswith(".png")


def test_figures_without_data_are_not_drawn(tmp_path: Path) -> None:
    folder = built(tmp_path, [make_set(make_problem(n, "test"), votes=()) for n in range(3)])
    assert main(["--dataset", str(folder)]) == 0
    names = {path.stem for path in (folder / "figures").iterdir()}
    assert names == {"questions_per_set", "data_sheet"}


def test_statistics_in_a_folder_of_their_own_leave_the_dataset_as_it_is(tmp_path: Path) -> None:
    folder, out = built(tmp_path, make_sets(20)), tmp_path / "stats"
    before = sorted((path, path.read_bytes()) for path in folder.rglob("*") if path.is_file())
    assert main(["--dataset", str(folder), "--output", str(out)]) == 0
    assert sorted((path, path.read_bytes()) for path in folder.rglob("*") if path.is_file()) == before
    assert (out / "figures" / "questions_per_set.png").is_file()
    assert "problems / sets" in (out / "stats.md").read_text(encoding="utf-8")
    assert (out / "stats.json").is_file()


def test_statistics_are_the_same_when_computed_again(tmp_path: Path) -> None:
    folder = built(tmp_path, make_sets(20))
    before = read_facts(folder)["stats"]
    assert main(["--dataset", str(folder)]) == 0
    assert read_facts(folder)["stats"] == before


def test_missing_dataset_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--dataset", str(tmp_path / "nothing")]) == 2
    assert "does not exist" in capsys.readouterr().err


def test_never_answered_sets_are_outside_accuracy(tmp_path: Path) -> None:
    sets = [make_set(make_problem(1)), dataclasses.replace(make_set(make_problem(2), final=None))]
    stats = dataset_stats(built(tmp_path, sets))["train"]
    assert (stats["accuracy"]["successes"], stats["accuracy"]["n"]) == (1, 1)
    assert stats["verdicts"] == {"correct": 1, "request_failed": 1}
