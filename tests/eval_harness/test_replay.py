"""The golden tier: the published cells from the published responses; and what bad input does."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from dataset_builder.sources.published import RESPONSE_FILES
from eval_harness.replay import main
from eval_harness.reproduction.published_cells import agrees
from eval_harness.reproduction.rescore import rescore
from eval_harness.systems.published import read_metadata

BASE = ("bc", "teacher")
PROBLEMS = ["Ann has 3 pens and buys 2.", "Ben eats 4 of 9 figs.", "Two cars cost how much?", "What was left?"]
GOLDS = ["5", "5", "70,000", "-5"]
PUBLISHED_GOLDS = [5.0, 5.0, 70.0, 5.0]
ANSWERS = ["Final answer: 5", "It is 5 figs.", "Final answer: 70,000", "Final answer: -5"]


def write_inputs(
    folder: Path, answers: list[Any] | None = None, name: str = "eval_finetune.jsonl"
) -> tuple[Path, Path]:
    gold = folder / "test.jsonl"
    lines = [{"question": text, "answer": f"So.\n#### {value}"} for text, value in zip(PROBLEMS, GOLDS, strict=True)]
    gold.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    responses = folder / "solver" / name
    responses.parent.mkdir(exist_ok=True)
    rows = [
        {"problem": text, "questions": "Q1: How many?", "answers": given, "answer": value}
        for text, given, value in zip(PROBLEMS, answers or ANSWERS, PUBLISHED_GOLDS, strict=True)
    ]
    responses.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return responses, gold


def test_each_rule_has_its_accuracy_counts_and_interval(tmp_path: Path) -> None:
    responses, gold = write_inputs(tmp_path)
    out = tmp_path / "out.json"
    arguments = ["--responses", str(responses), "--gold", str(gold), "--json", str(out)]
    assert main([*arguments, "--rule", "paper_2402", "--rule", "first_marker"]) == 0
    report = json.loads(out.read_text(encoding="utf-8"))
    (entry,) = report["files"]
    assert entry["label"] == "bc gpt2"
    first = entry["rules"]["first_marker"]
    assert (first["n"], first["accuracy"]) == (4, 0.75)
    assert first["counts"] == {"correct": 3, "incorrect": 0, "no_answer": 1, "parse_failure": 0, "request_failed": 0}
    low, high = first["interval"]
    assert low < 0.75 < high
    assert entry["rules"]["paper_2402"]["n"] == 4


def test_flips_say_whether_gold_or_extraction_changed(tmp_path: Path) -> None:
    answers = ["Final answer: 10-5=5", "Final answer: 5", "Final answer: 70 thousand, so 70", "Final answer: -5"]
    responses, gold = write_inputs(tmp_path, answers)
    entry = rescore([responses], gold, ["paper_2402", "first_marker"])["files"][0]
    by_row = {flip["row"]: flip["why"] for flip in entry["rules"]["first_marker"]["flips"]["rows"]}
    assert by_row[0] == "extraction changed"
    assert 1 not in by_row
    assert entry["wrong_published_golds"] == [2, 3]


def test_a_reply_that_never_came_is_counted_as_a_failed_request(tmp_path: Path) -> None:
    responses, gold = write_inputs(tmp_path, [None, *ANSWERS[1:]])
    entry = rescore([responses], gold, ["first_marker"])["files"][0]
    assert entry["rules"]["first_marker"]["counts"]["request_failed"] == 1


def test_a_learnt_row_is_compared_with_cloning_of_its_own_backbone(tmp_path: Path) -> None:
    right, gold = write_inputs(tmp_path, [f"Final answer: {value}" for value in GOLDS], "eval_filtered_bc.jsonl")
    base, _ = write_inputs(tmp_path, ["?", "?", "?", f"Final answer: {GOLDS[3]}"])
    other, _ = write_inputs(tmp_path, name="eval_finetune_dist.jsonl")
    rows = {entry["label"]: entry["rules"] for entry in rescore([right, base, other], gold, ["first_marker"])["files"]}
    result = rows["filtered_bc gpt2"]["first_marker"]["against"]
    assert (result["baseline"], result["difference"], result["row_only"], result["p_value"]) == (
        "bc gpt2",
        0.75,
        3,
        0.25,
    )
    assert not result["distinguishable"]
    assert "against" not in rows["bc gpt2"]["first_marker"]
    assert "against" not in rows["bc distilgpt2"]["first_marker"]


def test_without_golds_only_the_papers_rule_can_be_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    responses, _ = write_inputs(tmp_path)
    assert main(["--responses", str(responses)]) == 0
    assert "recomputed" in capsys.readouterr().out
    assert main(["--responses", str(responses), "--rule", "flexible"]) == 2
    assert "--gold" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("shorter", "holds 3 responses, the gold file 4 problems"),
        ("repeated", "2 times"),
        ("no_answers", "no key 'answers'"),
        ("text_gold", "needs a number under 'answer'"),
        ("not_json", "line 2: not JSON"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    damage: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    responses, gold = write_inputs(tmp_path)
    lines = responses.read_text(encoding="utf-8").splitlines()
    if damage == "shorter":
        lines = lines[:3]
    elif damage == "repeated":
        lines[3] = lines[0]
    elif damage == "no_answers":
        lines[0] = json.dumps({"problem": PROBLEMS[0]})
    elif damage == "text_gold":
        lines[0] = lines[0].replace('"answer": 5.0', '"answer": "5"')
    else:
        lines[1] = lines[1][:20]
    responses.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert main(["--responses", str(responses), "--gold", str(gold)]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert message in error


def test_missing_paths_are_user_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    responses, _ = write_inputs(tmp_path)
    assert main(["--responses", str(tmp_path / "nowhere")]) == 2
    assert main(["--responses", str(responses), "--gold", str(tmp_path / "nowhere")]) == 2
    assert main([]) == 2
    assert capsys.readouterr().err.count("error:") == 3


def test_namesakes_that_answer_other_questions_are_noted(tmp_path: Path) -> None:
    responses, gold = write_inputs(tmp_path)
    other = tmp_path / "other" / responses.name
    other.parent.mkdir()
    other.write_text(responses.read_text(encoding="utf-8").replace("How many?", "Who?"), encoding="utf-8")
    notes = rescore([responses, other], gold, ["paper_2402"])["notes"]
    assert any("do not all answer the same sub-questions" in note for note in notes)


@pytest.mark.parametrize(
    ("name", "label", "printed_as"),
    [
        ("eval_chat.jsonl", "teacher", "teacher"),
        ("eval_finetune_dist.jsonl.gz", "bc distilgpt2", "bc"),
        ("eval_filtered_bc_medium.jsonl", "filtered_bc gpt2-medium", "filtered_bc"),
        ("eval_iql.jsonl", "ilql_full gpt2", "ilql_sparse"),
        ("eval_iql_medium_sparse.jsonl", "ilql_sparse gpt2-medium", "ilql_full"),
        ("mine.jsonl", "mine", "mine"),
    ],
)
def test_a_rows_label_is_read_from_the_files_own_name(name: str, label: str, printed_as: str) -> None:
    metadata = read_metadata(Path("chatgpt") / name)
    assert (metadata.label, metadata.printed_as) == (label, printed_as)


@pytest.fixture(scope="module")
def published(subq_data: Path) -> dict[str, Any]:
    responses = subq_data / "gsm8k_ai_subq" / "eval_responses"
    return rescore([responses], subq_data / "gsm8k" / "test.jsonl", ["paper_2402", "first_marker"])


@pytest.mark.data
def test_every_published_cell_is_reproduced(published: dict[str, Any]) -> None:
    by_file = {entry["file"]: entry for entry in published["files"]}
    assert round(by_file["chatgpt/eval_chat.jsonl.gz"]["rules"]["paper_2402"]["accuracy"], 4) == 0.6823
    assert round(by_file["chatgpt/eval_finetune.jsonl.gz"]["rules"]["paper_2402"]["accuracy"], 4) == 0.5080
    assert len(by_file) == 2 * len(RESPONSE_FILES)
    for entry in by_file.values():
        assert agrees(entry["printed"], entry["rules"]["paper_2402"]["accuracy"]), entry["file"]


@pytest.mark.data
def test_the_crossed_rows_are_named(published: dict[str, Any]) -> None:
    crossed = {entry["file"] for entry in published["files"] if entry["crossed"]}
    assert len(crossed) == 12
    assert all(any(name in note for note in published["notes"]) for name in crossed)


@pytest.mark.data
def test_the_one_difference_from_cloning_that_the_published_rule_shows_is_gone_once_corrected(
    published: dict[str, Any],
) -> None:
    learnt = [entry for entry in published["files"] if entry["method"] not in BASE]
    assert len(learnt) == 2 * 9
    before, after = ([entry["rules"][rule]["against"] for entry in learnt] for rule in ("paper_2402", "first_marker"))
    filtered = [item["row"] for item in before if item["p_value"] < 0.05 and item["row"].startswith("filtered_bc")]
    assert filtered == ["filtered_bc gpt2-medium"]
    assert [item["row"] for item in before if item["distinguishable"]] == ["filtered_bc gpt2-medium"]
    assert not [item["row"] for item in after if item["distinguishable"]]


@pytest.mark.data
def test_sixteen_published_golds_are_wrong_in_every_file(published: dict[str, Any]) -> None:
    assert {len(entry["wrong_published_golds"]) for entry in published["files"]} == {16}


@pytest.mark.data
def test_true_golds_explain_the_flips_that_extraction_does_not(published: dict[str, Any]) -> None:
    for entry in published["files"]:
        corrected = entry["rules"]["first_marker"]
        before, after = entry["rules"]["paper_2402"]["counts"]["correct"], corrected["counts"]["correct"]
        flips = corrected["flips"]
        assert after - before == flips["to_correct"] - flips["to_incorrect"]
        assert sum(flips["why"].values()) == flips["total"] == len(flips["rows"])
        wrong = set(entry["wrong_published_golds"])
        assert all((flip["row"] in wrong) == (flip["why"] != "extraction changed") for flip in flips["rows"])


@pytest.mark.data
def test_every_solvers_folder_is_taken_when_it_is_there_and_named_when_it_is_not(
    subq_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home, there = tmp_path / "gsm8k_ai_subq" / "eval_responses", subq_data / "gsm8k_ai_subq" / "eval_responses"
    (tmp_path / "gsm8k").symlink_to(subq_data / "gsm8k")
    for solver in ("llama13b", "Mistral-7B"):
        (home / solver).mkdir(parents=True)
        zipped = (there / "llama7b" / "eval_finetune.jsonl.gz").read_bytes()
        (home / solver / "eval_finetune.jsonl").write_bytes(gzip.decompress(zipped))
    monkeypatch.setenv("SUBQ_DATA", str(tmp_path))
    assert main(["--published"]) == 0
    printed = capsys.readouterr().out
    assert ".212 (differs)" in printed
    assert ".264 (differs)" in printed
    assert "not scored: the published responses of chatgpt, llama7b\n" in printed


@pytest.mark.data
def test_plain_files_score_like_gzipped_ones(subq_data: Path, tmp_path: Path) -> None:
    zipped = subq_data / "gsm8k_ai_subq" / "eval_responses" / "llama7b" / "eval_iql.jsonl.gz"
    plain = tmp_path / "eval_iql.jsonl"
    plain.write_bytes(gzip.decompress(zipped.read_bytes()))
    first, second = rescore([zipped, plain], None, None)["files"]
    assert first["rules"] == second["rules"]
