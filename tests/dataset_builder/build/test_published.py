"""The published raw and training forms become raw sets with GSM8K's own golds, or say which line is wrong."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from dataset_builder.answers import numbers_equal, parse_number, published_gold
from dataset_builder.answers.grading import grade_answer
from dataset_builder.build.published import PublishedFile, guess_split
from dataset_builder.core.errors import UserError
from dataset_builder.text.parsing import parse_sub_questions

GOLD = [
    {"question": "Ann has 2 pens and buys 3 more pens for school. How many pens?", "answer": "2+3=5\n#### 5"},
    {"question": "A house costs 70,000 dollars and a garden 1. What do both cost?", "answer": "...\n#### 70,001"},
]


def raw_row(index: int, sets: int = 1, votes: int = 0, **changed: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "problem": GOLD[index % 2]["question"],
        "questions": [f"Q1: How many pens in set {number}?" for number in range(sets)],
        "answers": [f"A1: set {number}\n\nFinal answer: 5" for number in range(sets)],
        "answer": GOLD[index % 2]["answer"],
    }
    if votes:
        row["feedback"] = [["Q1: Yes"] * votes for _ in range(sets)]
    return row | changed


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for split in ("train", "test"):
        path = tmp_path / "gsm8k" / f"{split}.jsonl"
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(json.dumps(row) + "\n" for row in GOLD), encoding="utf-8")
    (tmp_path / "published").mkdir()
    return tmp_path / "published"


def write(path: Path, *rows: Any) -> Path:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), "utf-8")
    return path


def test_a_raw_row_gives_its_sets_with_feedback_in_order(folder: Path) -> None:
    sets = list(PublishedFile(write(folder / "qg_train_data_raw.jsonl", raw_row(0, 3, 2), raw_row(1, 3, 2))))
    assert [(raw.problem.problem_id, raw.set_index) for raw in sets] == [
        (f"gsm8k-train-0000{problem}", number) for problem in range(2) for number in range(3)
    ]
    assert sets[4].questions_text == "Q1: How many pens in set 1?"
    assert sets[4].answers_text == "A1: set 1\n\nFinal answer: 5"
    assert sets[4].feedback_texts == ("Q1: Yes", "Q1: Yes")
    assert sets[4].provenance.teacher == "gpt-3.5-turbo"
    assert sets[4].failures == ()


def test_the_gold_is_gsm8ks_whatever_the_file_says(folder: Path) -> None:
    (raw,) = PublishedFile(write(folder / "test.jsonl", raw_row(1, answer="#### 70")))
    assert raw.problem.gold_answer == "70001"
    assert raw.problem.problem_id == "gsm8k-test-00001"
    assert raw.problem.solution == "#### 70", "the published text stays readable for the published rule"


def test_a_re_encoded_problem_is_found_by_its_place(folder: Path) -> None:
    text = GOLD[0]["question"].replace("school", "sch\ufffdol")
    (raw,) = PublishedFile(write(folder / "test.jsonl", raw_row(0, problem=text)))
    assert (raw.problem.problem_id, raw.problem.problem) == ("gsm8k-test-00000", text)


def test_a_problem_that_is_not_gsm8ks_keeps_its_own_gold(folder: Path) -> None:
    (raw,) = PublishedFile(write(folder / "test.jsonl", raw_row(0, problem="A new one?", answer="#### 1,200")))
    assert raw.problem.gold_answer == "1200"


def test_a_gold_file_of_the_users_is_taken(folder: Path, tmp_path: Path) -> None:
    gold = write(tmp_path / "mine.jsonl", GOLD[0] | {"answer": "#### 6"})
    (raw,) = PublishedFile(write(folder / "test.jsonl", raw_row(0)), gold=gold)
    assert raw.problem.gold_answer == "6"


def test_a_gzipped_file_reads_the_same(folder: Path) -> None:
    plain = write(folder / "test.jsonl", raw_row(0), raw_row(1))
    zipped = folder / "test.jsonl.gz"
    zipped.write_bytes(gzip.compress(plain.read_bytes()))
    assert list(PublishedFile(zipped)) == list(PublishedFile(plain))


@pytest.mark.parametrize(
    ("name", "row", "split"),
    [
        ("qg_train_data_raw.jsonl", raw_row(0), "train"),
        ("qg_test_data_raw.jsonl", raw_row(0, 3, 3), "test"),
        ("contest.jsonl", raw_row(0, 3), "train"),
        ("latest.jsonl", raw_row(0, 1, 3), "train"),
        ("restrained.jsonl", raw_row(0), "test"),
        ("train_test.jsonl", raw_row(0), "test"),
    ],
)
def test_the_split_is_a_word_of_the_name_or_what_the_first_row_looks_like(name: str, row: dict, split: str) -> None:
    assert guess_split(Path(name), row) == split


def test_the_training_form_gives_questions_without_answers(folder: Path) -> None:
    rows = [
        {
            "question": GOLD[i // 2]["question"],
            "answers": [f"How {i}?", "And then?"],
            "rewards": {},
            "true_answer": 7.0,
        }
        for i in range(4)
    ]
    path = folder / "qg_train_dataset.jsonl"
    path.write_text(json.dumps(rows), encoding="utf-8")
    sets = list(PublishedFile(path))
    assert [(raw.problem.problem_id, raw.set_index) for raw in sets] == [
        ("gsm8k-train-00000", 0),
        ("gsm8k-train-00000", 1),
        ("gsm8k-train-00001", 0),
        ("gsm8k-train-00001", 1),
    ]
    assert parse_sub_questions(sets[3].questions_text) == ("How 3?", "And then?")
    assert sets[3].problem.gold_answer == "70001"
    assert (sets[3].answers_text, sets[3].feedback_texts) == (None, ())
    assert sets[3].failures[0].kind == "not_published"


BAD_ROWS = {
    "not JSON": "{oops",
    "expected a JSON object": "[1, 2]",
    "problem must be a text": raw_row(0, problem=3),
    "questions must be a list of texts": raw_row(0, questions="Q1: How?"),
    "2 question sets, 1 answers": raw_row(0, questions=["Q1: a", "Q1: b"]),
    "feedback must be a list of lists": raw_row(0, feedback=["Q1: Yes"]),
}


@pytest.mark.parametrize("message", BAD_ROWS)
def test_a_malformed_line_is_named_with_the_way_around_it(message: str, folder: Path) -> None:
    path = write(folder / "test.jsonl", raw_row(0), BAD_ROWS[message], raw_row(1))
    with pytest.raises(UserError, match=rf"test.jsonl, line 2: {message}.*--skip_bad_lines"):
        list(PublishedFile(path))


@pytest.mark.parametrize("message", BAD_ROWS)
def test_a_malformed_line_can_be_left_out_and_is_counted(
    message: str, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(folder / "test.jsonl", raw_row(0), BAD_ROWS[message], raw_row(1))
    assert len(list(PublishedFile(path, skip_bad_lines=True))) == 2
    assert "1 malformed lines were skipped (2)" in caplog.text


def test_a_second_pass_gives_the_same_sets_and_warns_of_nothing_again(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = PublishedFile(write(folder / "test.jsonl", raw_row(0), "{oops"), skip_bad_lines=True)
    first = list(file)
    assert "malformed" in caplog.text
    caplog.clear()
    assert list(file) == first
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"  \n\n", "is empty"),
        (b"question,answer\n1,2\n", "is not JSON"),
        (b"\x1f\x8b\x00broken", "cannot read"),
        (b"\xff\xfe\x00", "is in UTF-16"),
        ("[1]".encode("utf-16-be"), "is in UTF-16 .big-endian."),
        (b'{"problem": "caf\xe9"}\n', "line 1: not UTF-8 but perhaps Windows-1252"),
        (b'[{"question": "a", "ans', "cut off"),
    ],
)
def test_a_file_of_another_kind_says_what_it_is(content: bytes, message: str, folder: Path) -> None:
    path = folder / "test.jsonl"
    path.write_bytes(content)
    with pytest.raises(UserError, match=message):
        list(PublishedFile(path))


def test_a_folder_and_a_missing_file_say_what_to_give(folder: Path) -> None:
    with pytest.raises(UserError, match="is a folder"):
        list(PublishedFile(folder))
    with pytest.raises(UserError, match=r"no file .*; give the path"):
        list(PublishedFile(folder / "none.jsonl"))


def test_a_long_file_is_read_in_little_memory(folder: Path) -> None:
    path = folder / "qg_train_data_raw.jsonl"
    padding = "x" * 2000
    with path.open("w", encoding="utf-8") as file:
        for index in range(3000):
            row = raw_row(index, 3, 3)
            row["answers"] = [f"{padding}{answer}" for answer in row["answers"]]
            file.write(json.dumps(row) + "\n")
    tracemalloc.start()
    count = sum(1 for _ in PublishedFile(path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 9000
    assert peak < path.stat().st_size / 5


@pytest.mark.data
def test_the_published_test_file_gives_the_published_accuracy_and_the_right_golds(subq_data: Path) -> None:
    sets = list(PublishedFile(subq_data / "gsm8k_ai_subq" / "qg_test_data_raw.jsonl"))
    assert [raw.problem.problem_id for raw in sets] == [f"gsm8k-test-{index:05d}" for index in range(1319)]
    as_published = Counter(grade_answer(raw.answers_text, raw.problem, "paper_2402").verdict for raw in sets)
    corrected = Counter(grade_answer(raw.answers_text, raw.problem, "first_marker").verdict for raw in sets)
    assert round(as_published["correct"] / 1319, 4) == 0.6687
    assert (corrected["correct"], corrected["no_answer"]) == (890, 22)
    misread = [
        raw
        for raw in sets
        if not numbers_equal(published_gold(raw.problem.solution), parse_number(raw.problem.gold_answer))
    ]
    assert len(misread) == 16


@pytest.mark.data
def test_the_published_training_form_names_the_same_problems(subq_data: Path) -> None:
    folder = subq_data / "gsm8k_ai_subq"
    trained = list(PublishedFile(folder / "qg_test_dataset.jsonl"))
    raw = list(PublishedFile(folder / "qg_test_data_raw.jsonl"))
    assert [each.problem.problem_id for each in trained] == [each.problem.problem_id for each in raw]
    assert [each.problem.gold_answer for each in trained] == [each.problem.gold_answer for each in raw]


@pytest.mark.data
def test_human_sub_questions_come_with_the_problems_when_asked_for(
    subq_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUBQ_DATA", str(subq_data))
    file = subq_data / "gsm8k_ai_subq" / "qg_test_data_raw.jsonl"
    with_them = list(PublishedFile(file, references=True))
    assert sum(bool(raw.problem.reference_sub_questions) for raw in with_them) == 1319
    assert not any(raw.problem.reference_sub_questions for raw in PublishedFile(file))
