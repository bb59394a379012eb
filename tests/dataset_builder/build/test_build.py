"""A generation or published files become a dataset folder: parquet, card and facts, the same from the same input."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from dataset_builder.build.__main__ import main
from dataset_builder.build.config import BuildConfig
from dataset_builder.build.dataset import build_dataset
from dataset_builder.core.errors import UserError
from dataset_builder.dataset_folder.layout import iterate_rows, read_facts, splits_by_config
from dataset_builder.dataset_folder.parquet_writer import SplitWriter
from dataset_builder.prompts import FOLDER
from dataset_builder.schema.columns import CONFIGS, features
from dataset_builder.schema.records import SPLITS, RawSet
from dataset_builder.stats.card_check import card_problems
from tests.support.raw_sets import make_problem, make_set, make_sets, write_journal

ROOT = Path(__file__).parents[3]


def build(tmp_path: Path, raw_sets: Sequence[RawSet], **choices: Any) -> Path:
    journal = write_journal(tmp_path / "journal", raw_sets, choices.pop("run", None))
    choices.setdefault("validation_fraction", 0.2)
    build_dataset(BuildConfig(journal=str(journal), output=str(tmp_path / "gsm8k-ai-subq"), **choices))
    return tmp_path / "gsm8k-ai-subq"


def in_subprocess(code: str, cwd: Path, home: Path) -> list[str]:
    """Runs `code` where only `datasets` is imported, offline, with its own HF_HOME."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    env = kept | {"HF_HOME": str(home), "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    done = subprocess.run([sys.executable, "-c", code], cwd=cwd, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()


def test_every_config_with_rows_is_written_and_reference_is_left_out(tmp_path: Path) -> None:
    folder = build(tmp_path, make_sets())
    assert list(splits_by_config(folder)) == [config for config in CONFIGS if config != "reference"]
    assert splits_by_config(folder)["default"] == list(SPLITS)
    assert card_problems(folder) == []


def test_human_sub_questions_make_a_reference_config(tmp_path: Path) -> None:
    problem = make_problem(reference_sub_questions=("How many?",), reference_sub_answers=("5",))
    folder = build(tmp_path, [make_set(problem)], validation_fraction=0.0)
    assert [row["sub_questions"] for row in iterate_rows(folder, "reference")] == [["How many?"]]


def test_sets_without_feedback_make_no_trajectories_and_one_set_no_preference(tmp_path: Path) -> None:
    folder = build(tmp_path, [make_set(make_problem(n, "test"), votes=()) for n in range(3)])
    assert {"preference", "trajectories"}.isdisjoint(splits_by_config(folder))


def test_no_problem_is_in_two_splits_of_any_config(tmp_path: Path) -> None:
    folder = build(tmp_path, make_sets(60))
    for config, splits in splits_by_config(folder).items():
        key = "problem" if config == "raw" else "problem_id"
        ids = [{row[key] for row in iterate_rows(folder, config, [split])} for split in splits]
        assert sum(map(len, ids)) == len(set().union(*ids)), config


def test_sets_of_a_problem_come_together_though_the_journal_mixes_them(tmp_path: Path) -> None:
    world = make_sets(10)
    mixed = world[::2] + world[1::2]
    folder = build(tmp_path, mixed, validation_fraction=0.0)
    raw = {row["problem"]: row for row in iterate_rows(folder, "raw", ["train"])}
    assert {len(row["questions"]) for row in raw.values()} == {3}
    assert len(list(iterate_rows(folder, "preference"))) == 30


def test_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = build(tmp_path / "a", make_sets()), build(tmp_path / "b", make_sets())
    names = [path.relative_to(first) for path in sorted(first.rglob("*")) if path.is_file()]
    assert [(first / name).read_bytes() for name in names] == [(second / name).read_bytes() for name in names]


def test_load_dataset_reads_every_config_and_split_offline_from_the_parent(tmp_path: Path) -> None:
    folder = build(tmp_path, make_sets())
    code = (
        "from datasets import load_dataset, get_dataset_config_names as names\n"
        "print(load_dataset('gsm8k-ai-subq')['train'].info.config_name)\n"
        "for c in names('gsm8k-ai-subq'):\n"
        "    for s, d in load_dataset('gsm8k-ai-subq', c).items(): print(c, s, len(list(d)))\n"
    )
    lines = in_subprocess(code, tmp_path, tmp_path / "empty-home")
    facts = read_facts(folder)["configs"]
    counts = {f"{c} {s} {v['rows']}" for c, splits in facts.items() for s, v in splits.items()}
    assert lines[0] == "default"
    assert set(lines[1:]) == counts


def card_without_hashes(folder: Path) -> str:
    return re.sub(r"[0-9a-f]{64}", "", (folder / "README.md").read_text(encoding="utf-8").split("# GSM8K")[0])


def test_rebuild_with_other_content_and_an_equal_card_is_not_hidden_by_the_cache(tmp_path: Path) -> None:
    code = "from datasets import load_dataset; print(load_dataset('gsm8k-ai-subq', split='train')[0]['sub_questions'])"
    folders_by_card = {}
    for word in ("pens", "cups", "hats", "nuts", "pins", "jars", "mugs", "bags", "toys", "eggs", "keys", "fans"):
        raw = make_set(questions=(f"How many {word} now?",), votes=("Y",))
        folder = build(tmp_path / word, [raw], validation_fraction=0.0)
        folders_by_card.setdefault(card_without_hashes(folder), []).append((word, folder))
    # Counts and bytes of these two are equal, so only the content hash tells the two cards apart.
    (first, left), (second, right) = next(folders for folders in folders_by_card.values() if len(folders) > 1)[:2]
    target = tmp_path / "gsm8k-ai-subq"
    seen = []
    for folder in (left, right):
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(folder, target)
        seen.append(in_subprocess(code, tmp_path, tmp_path / "home")[-1])
    assert seen == [f"['How many {first} now?']", f"['How many {second} now?']"]


def test_overlap_of_train_and_test_stops_the_build_and_keeps_the_old_folder(tmp_path: Path) -> None:
    folder = build(tmp_path, make_sets(), validation_fraction=0.0)
    before = (folder / "facts.json").read_bytes()
    twin = make_set(make_problem(3, "test"))
    with pytest.raises(UserError, match=r"made-train-00003 \(train\) reads like made-test-00003"):
        build(tmp_path, [*make_sets(), twin], validation_fraction=0.0)
    assert (folder / "facts.json").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_dropped_leaks_are_counted_and_in_no_config(tmp_path: Path) -> None:
    twin = make_set(make_problem(3, "test"))
    folder = build(tmp_path, [*make_sets(), twin], drop_leaks=True)
    assert read_facts(folder)["leak_check"]["dropped"] == ["made-train-00003"]
    for config in splits_by_config(folder):
        key = "problem" if config == "raw" else "problem_id"
        value = make_problem(3).problem if config == "raw" else "made-train-00003"
        assert value not in {row[key] for row in iterate_rows(folder, config, ["train", "validation"])}


def test_worked_example_of_a_prompt_is_refused_as_a_problem(tmp_path: Path) -> None:
    example = next(
        line.removeprefix("Problem: ")
        for line in (FOLDER / "decompose.v1.txt").read_text(encoding="utf-8").splitlines()
        if line.startswith("Problem: ")
    )
    with pytest.raises(UserError, match="a worked example of"):
        build(tmp_path, [make_set(dataclasses.replace(make_problem(1), problem=example))])


def test_unreadable_sets_are_counted_by_reason_and_stay_in_raw(tmp_path: Path) -> None:
    silent = dataclasses.replace(make_set(make_problem(2)), questions_text="I refuse.")
    folder = build(tmp_path, [make_set(), silent], validation_fraction=0.0)
    facts = read_facts(folder)
    assert facts["unreadable_sets"] == 1
    assert [failure["stage"] for failure in facts["failures"]] == ["decompose"]
    assert len(list(iterate_rows(folder, "raw"))) == 2
    assert len(list(iterate_rows(folder, "default"))) == 1


def test_foreign_folder_is_refused_and_untouched(tmp_path: Path) -> None:
    thesis = tmp_path / "gsm8k-ai-subq" / "thesis.txt"
    thesis.parent.mkdir()
    thesis.write_text("years of work")
    with pytest.raises(UserError, match="no build of ours"):
        build(tmp_path, make_sets())
    assert thesis.read_text() == "years of work"


def test_failing_build_leaves_no_new_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "dataset_builder.build.dataset.write_card", lambda folder: (_ for _ in ()).throw(KeyboardInterrupt())
    )
    with pytest.raises(KeyboardInterrupt):
        build(tmp_path, make_sets())
    assert [path.name for path in tmp_path.iterdir()] == ["journal"]


def test_bad_journal_line_is_named_and_can_be_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal = write_journal(tmp_path / "journal", make_sets())
    with (journal / "sets.jsonl").open("a") as file:
        file.write('{"problem": {"problem_id"')
    arguments = ["--generation", str(journal), "--output", str(tmp_path / "out")]
    assert main(arguments) == 2
    assert "line 66" in capsys.readouterr().err
    assert main([*arguments, "--skip_bad_lines"]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "one of --generation"),
        (["--journal", "nowhere"], "sets.jsonl"),
        (["--raw", "nowhere.jsonl"], "nowhere.jsonl"),
        (["--raw", "x", "--validation_fraction", "1.5"], "validation_fraction"),
        (["--rwa", "x"], "--raw"),
    ],
)
def test_what_the_user_can_mend_is_one_line_and_exit_2(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    error = capsys.readouterr().err.strip()
    assert message in error
    assert "\n" not in error


def test_problem_given_twice_is_refused(tmp_path: Path) -> None:
    raw = tmp_path / "qg_test_data_raw.jsonl"
    row = {"problem": "Ann has 3 pens.", "questions": ["Q1: How many?"], "answers": ["A1: 3"], "answer": "#### 3"}
    raw.write_text(json.dumps(row) + "\n")
    gold = tmp_path / "test.jsonl"
    gold.write_text(json.dumps({"question": "Ann has 3 pens.", "answer": "#### 3"}) + "\n")
    with pytest.raises(UserError, match="comes twice"):
        build_dataset(BuildConfig(raw=[str(raw), str(raw)], gold=str(gold), output=str(tmp_path / "out")))


def test_run_facts_leave_out_what_is_only_true_of_one_machine(tmp_path: Path) -> None:
    run = {"models": {"decompose": "m"}, "base_urls": ["http://10.0.0.1/v1"], "problems": "/home/me/p.jsonl"}
    folder = build(tmp_path, make_sets(), run=run)
    assert read_facts(folder)["run"] == {"models": {"decompose": "m"}}


def test_large_split_is_written_in_several_shards_that_load_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dataset_builder.dataset_folder.parquet_writer.ROWS_PER_GROUP", 10)
    monkeypatch.setattr(SplitWriter.__init__, "__kwdefaults__", {"bytes_per_shard": 2000})
    folder = build(tmp_path, make_sets(), validation_fraction=0.0)
    names = [path.name for path in sorted((folder / "data" / "default").glob("train-*"))]
    assert names == [f"train-{number:05d}-of-00006.parquet" for number in range(6)]
    assert len(list(iterate_rows(folder, "default", ["train"]))) == 60
    assert card_problems(folder) == []


def test_a_divided_test_set_says_so_wherever_it_is_read_about(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sets = [make_set(make_problem(number, "test")) for number in range(30)]
    journal = write_journal(tmp_path / "run", sets)
    folder = tmp_path / "divided"
    main(["--generation", str(journal), "--keep_test", "10", "--validation_fraction", "0.2", "--output", str(folder)])
    facts = read_facts(folder)
    assert facts["problems"]["test"] == 10
    assert facts["taken_from_test"] == 20 == facts["problems"]["train"] + facts["problems"]["validation"]
    assert "20 of the source's test problems are trained on here" in capsys.readouterr().out
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "**Its train split holds test problems.** 20 problems" in card
    assert "test is test, but for 20 of its problems" in card
    assert card_problems(folder) == []


@pytest.mark.data
def test_published_test_file_gives_the_papers_figures(subq_data: Path, tmp_path: Path) -> None:
    raw = subq_data / "gsm8k_ai_subq" / "qg_test_data_raw.jsonl"
    facts = build_dataset(BuildConfig(raw=[str(raw)], output=str(tmp_path / "out")))
    test = facts["stats"]["test"]
    assert (test["problems"], test["sets"]) == (1319, 1319)
    assert round(test["questions"]["mean"], 2) == 4.05
    assert round(test["questions"]["sd"], 2) == 1.43
    assert (test["questions"]["median"], test["questions"]["min"], test["questions"]["max"]) == (4, 1, 14)
    assert round(test["paper_rule"]["as_published"]["share"], 4) == 0.6687
    assert test["paper_rule"]["misread_golds"] == 16
    assert round(test["data_sheet"]["repeated_sets"]["share"], 3) == 0.002
    golds = {row["problem_id"]: row["gold_answer"] for row in iterate_rows(tmp_path / "out", "default")}
    assert golds["gsm8k-test-00002"] == "70000"
    assert card_problems(tmp_path / "out") == []
    assert features("default").arrow_schema.names == list(next(iterate_rows(tmp_path / "out", "default")))
