"""Named sources at their pins, a user's own file, and the way a file is found."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from dataset_builder.answers import parse_number
from dataset_builder.answers.grading import grade_answer
from dataset_builder.core.errors import UserError
from dataset_builder.sources import SOURCES, fetch, load_problems
from dataset_builder.sources.fetch import fetch_file
from dataset_builder.sources.published import published_file
from dataset_builder.sources.source import SourceFile

GSM8K_ROWS = [
    {"question": "Ann has 2 pens and buys 3. How many?", "answer": "2+3=<<2+3=5>>5\n#### 5"},
    {"question": "A house costs 70,000. What do 2 cost?", "answer": "2*70,000=140,000\n#### 140,000"},
]


def write_lines(path: Path, rows: list[dict]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("SUBQ_DATA", raising=False)
    return tmp_path


SIZES = {
    ("gsm8k", "train"): 7473,
    ("gsm8k", "test"): 1319,
    ("gsm8k_socratic", "test"): 1319,
    ("svamp", "test"): 1000,
    ("multiarith", "test"): 600,
    ("addsub", "test"): 395,
    ("singleeq", "test"): 508,
    ("gsm_hard", "test"): 1319,
    ("drop", "test"): 9536,
    ("bamboogle", "test"): 125,
    ("strategyqa", "test"): 229,
}


@pytest.mark.data
@pytest.mark.parametrize(("name", "split"), SIZES)
def test_a_source_gives_all_its_problems_and_its_gold_answers_itself(
    name: str, split: str, subq_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUBQ_DATA", str(subq_data))
    problems = load_problems(name, split)  # type: ignore[arg-type]
    assert len(problems) == SIZES[name, split]
    assert len({problem.problem_id for problem in problems}) == len(problems)
    assert problems[12].problem_id == f"{name}-{split}-00012"
    wrong = [
        p for p in problems if grade_answer(f"Final answer: {p.gold_answer}", p, "first_marker").verdict != "correct"
    ]
    assert wrong == []


@pytest.mark.data
def test_references_and_passages_come_with_the_sources_that_have_them(
    subq_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUBQ_DATA", str(subq_data))
    socratic = load_problems("gsm8k_socratic", "test")
    assert socratic[0].reference_sub_questions[0] == "How many eggs does Janet sell?"
    assert all(len(p.reference_sub_questions) == len(p.reference_sub_answers) > 0 for p in socratic)
    assert all(len(p.reference_sub_questions) == 2 for p in load_problems("bamboogle", "test"))
    assert all(p.reference_sub_questions for p in load_problems("strategyqa", "test"))
    assert all(p.passage and p.problem for p in load_problems("drop", "test", limit=200))


@pytest.mark.data
def test_gsm_hard_golds_are_the_files_digits_and_their_roundings_are_right(
    subq_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUBQ_DATA", str(subq_data))
    problems = load_problems("gsm_hard", "test")
    assert problems[0].gold_answer == "-9867630"
    noisy = next(p for p in problems if p.gold_answer == "3244047.0999999996")
    assert grade_answer("Final answer: 3,244,047.1", noisy, "first_marker").verdict == "correct"
    assert grade_answer("Final answer: 3,244,047", noisy, "first_marker").verdict == "incorrect"


@pytest.mark.data
def test_the_pins_are_those_of_the_files_at_hand(subq_data: Path) -> None:
    sums = dict(
        reversed(line.split("  ./")) for line in (subq_data / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    )
    files = [file for source in SOURCES.values() for file in source.files.values() if file.sha256]
    assert len(files) == 11
    assert all(sums[file.local] == file.sha256 for file in files)


def test_every_source_says_its_licence_home_and_citation() -> None:
    assert all(source.licence and source.home and source.citation for source in SOURCES.values())
    assert all(source.revision for source in SOURCES.values() if source.repository)


@pytest.mark.parametrize("name", ["micro_gsm", "micro_gsm_walks"])
def test_micro_gsm_is_drawn_and_not_loaded(name: str) -> None:
    problems = load_problems(name, "train", limit=3)
    assert len(problems) == 3
    assert problems == load_problems(name, "train", limit=5)[:3]


def test_a_users_file_keeps_its_ids_when_lines_move(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "mine.jsonl", GSM8K_ROWS)
    ids = {p.problem: p.problem_id for p in load_problems(str(path))}
    write_lines(path, GSM8K_ROWS[::-1])
    assert {p.problem: p.problem_id for p in load_problems(str(path))} == ids
    assert all(problem_id.startswith("mine-") for problem_id in ids.values())


def test_a_users_file_may_be_gzipped_and_name_its_columns_as_we_do(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl.gz"
    rows = [{"problem": "How many?", "gold_answer": 1.10}, {"problem": "Is it so?", "gold_answer": True}]
    rows += [{"problem": "Who?", "gold_answer": "James Madison"}]
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    problems = load_problems(str(path), "test")
    assert [(p.gold_answer, p.answer_kind) for p in problems] == [
        ("1.1", "number"),
        ("yes", "yes_no"),
        ("James Madison", "text"),
    ]
    assert parse_number(problems[0].gold_answer) == Fraction(11, 10)
    assert {p.split for p in problems} == {"test"}


def test_a_users_gsm8k_solution_is_kept_and_its_number_is_the_gold(tmp_path: Path) -> None:
    problems = load_problems(str(write_lines(tmp_path / "mine.jsonl", GSM8K_ROWS)))
    assert [p.gold_answer for p in problems] == ["5", "140000"]
    assert problems[1].solution == GSM8K_ROWS[1]["answer"]


def test_repeated_problems_are_dropped_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write_lines(tmp_path / "mine.jsonl", [*GSM8K_ROWS, GSM8K_ROWS[0]])
    assert len(load_problems(str(path))) == 2
    assert "1 repeated problems" in caplog.text


def test_answers_that_are_read_as_texts_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = [
        {"question": "a", "answer": "5"},
        {"question": "b", "answer": "3 to 5"},
        {"question": "c", "answer": "yes"},
    ]
    load_problems(str(write_lines(tmp_path / "mine.jsonl", rows)))
    assert "1 of 3 answers are texts" in caplog.text
    caplog.clear()
    load_problems(str(write_lines(tmp_path / "numbers.jsonl", rows[:1])))
    assert "texts" not in caplog.text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"question": "a", "answer": 1}\nnot json\n', "line 2: not JSON"),
        ('{"question": "a"}\n', "line 1: expected the columns question and answer, found question"),
        ('["a", 1]\n', "line 1: expected a JSON object"),
        ("", "holds no problems"),
        ('{"question": "a", "answer": ""}\n', "line 1: the answer '' is nothing to compare with"),
        ('{"question": "a", "answer": 1}\n{"question": "b", "answer": NaN}\n', "line 2: the answer 'nan' is nothing"),
        ('{"question": "a", "answer": -Infinity}\n', "line 1: the answer '-inf' is nothing"),
        ('{"question": "a", "answer": "2+3\\n#### "}\n', "line 1: the answer"),
        ('{"question": "a", "answer": " \\t"}\n', "line 1: the answer .* is nothing to compare with"),
        ('{"question": "a", "answer": null}\n', "line 1: the answer '' is nothing to compare with"),
        ('{"question": "a", "answer": "#N/A"}\n', "line 1: the answer '#N/A' is nothing"),
        ('{"question": "a", "answer": "..."}\n', "line 1: the answer '...' is nothing"),
        ('{"question": "a", "answer": 1e999}\n', "line 1: the answer '1e999' is nothing"),
        ('{"question": "a", "answer": "NaN"}\n', "line 1: the answer 'NaN' is nothing"),
        ('{"question": "a", "answer": "\u221e"}\n', "line 1: the answer '\u221e' is nothing"),
        ('{"question": "a", "answer": [3]}\n', r"line 1: the answer \['3'\] is no number and no text"),
    ],
)
def test_a_malformed_file_names_its_line(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        load_problems(str(path))


def test_a_column_without_a_value_is_as_good_as_none(tmp_path: Path) -> None:
    bare = load_problems(str(write_lines(tmp_path / "mine.jsonl", [{"question": "a", "answer": 1}])))
    rows = [{"question": "a", "answer": 1, "passage": None, "solution": None}]
    assert load_problems(str(write_lines(tmp_path / "mine.jsonl", rows))) == bare


def test_an_unknown_source_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"neither a file nor a known source.*gsm8k, gsm8k_socratic, svamp"):
        load_problems("gsm9k")
    with pytest.raises(UserError, match="is a folder"):
        load_problems(str(tmp_path))


def test_a_split_that_a_source_does_not_have_names_those_it_has() -> None:
    with pytest.raises(UserError, match="gsm8k has no validation split at its source; valid: train, test"):
        load_problems("gsm8k", "validation")


def test_an_altered_file_is_refused(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUBQ_DATA", str(empty_home))
    write_lines(empty_home / "gsm8k" / "test.jsonl", GSM8K_ROWS)
    with pytest.raises(UserError, match="is not the published file: expected sha256 3730d312f6e3"):
        load_problems("gsm8k", "test")


class _Home(http.server.BaseHTTPRequestHandler):
    body = json.dumps(GSM8K_ROWS[0]).encode() + b"\n"
    asked: list[str] = []  # noqa: RUF012 - shared by the handlers of one server

    def do_GET(self) -> None:
        self.asked.append(self.path)
        result = self.path == "/owner/repo/abc123/data/some.jsonl"
        self.send_response(200 if result else 404)
        self.send_header("Content-Length", str(len(self.body) if result else 0))
        self.end_headers()
        self.wfile.write(self.body if result else b"")

    def log_message(self, *_: object) -> None:
        """Keeps the test's output quiet."""


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[_Home]]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Home)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(fetch, "RAW_HOME", f"http://127.0.0.1:{server.server_port}")
    _Home.asked.clear()
    yield _Home
    server.shutdown()
    server.server_close()


SOME_SOURCE = replace(SOURCES["gsm8k"], name="some", repository="owner/repo", revision="abc123")
RIGHT = hashlib.sha256(_Home.body).hexdigest()


def test_a_file_is_downloaded_once_at_its_pinned_revision(empty_home: Path, home: type[_Home]) -> None:
    file = SourceFile("some/some.jsonl", "data/some.jsonl", RIGHT)
    path = fetch_file(SOME_SOURCE, file)
    assert path.read_bytes() == _Home.body
    assert fetch_file(SOME_SOURCE, file) == path
    assert home.asked == ["/owner/repo/abc123/data/some.jsonl"]


def test_a_download_that_is_not_the_pinned_file_leaves_nothing_behind(empty_home: Path, home: type[_Home]) -> None:
    with pytest.raises(UserError, match="is not the published file"):
        fetch_file(SOME_SOURCE, SourceFile("some/some.jsonl", "data/some.jsonl", "0" * 64))
    assert [path for path in (empty_home / "cache").rglob("*") if path.is_file()] == []


@pytest.mark.usefixtures("empty_home", "home")
def test_a_file_out_of_reach_names_both_ways_out() -> None:
    with pytest.raises(UserError, match=r"try again with a connection, or put the file at x.jsonl .* SUBQ_DATA"):
        fetch_file(SOME_SOURCE, SourceFile("x.jsonl", "data/missing.jsonl"))


@pytest.mark.usefixtures("empty_home")
def test_a_source_without_a_public_home_says_where_to_put_its_file() -> None:
    with pytest.raises(UserError, match=r"bamboogle cannot be downloaded; put bamboogle/bamboogle.json"):
        load_problems("bamboogle", "test")


@pytest.mark.data
def test_published_files_are_found_plain_and_gzipped(subq_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUBQ_DATA", str(subq_data))
    assert published_file("qg_test_data_raw.jsonl").name == "qg_test_data_raw.jsonl"
    assert published_file("eval_responses/llama7b/eval_iql.jsonl").name == "eval_iql.jsonl.gz"
