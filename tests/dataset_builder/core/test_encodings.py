"""UTF-8 is read with its mark or without; every other encoding is named in one line; half characters never get in."""

from __future__ import annotations

import codecs
import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dataset_builder.build.inputs import GenerationSets
from dataset_builder.build.published import PublishedFile
from dataset_builder.core.config import read_yaml
from dataset_builder.core.encodings import whole_characters
from dataset_builder.core.errors import UserError
from dataset_builder.core.files import iterate_jsonl, read_jsonl, read_text
from dataset_builder.llm.pricing import Price, price_list
from dataset_builder.llm.settings import ServiceSettings
from dataset_builder.sources import load_problems
from eval_harness.reproduction.responses import load_response_file
from eval_harness.score_questions import AccuracyConfig, accuracy
from eval_harness.systems.recorded import RecordedDecomposer, RecordedSolver
from model_cards.card.config import CONFIG_FILE, read_card_config

MARK = codecs.BOM_UTF8
QUESTION = json.dumps({"question": "Ann has 3 pens. How many?", "answer": 3}).encode()
RECORDED = json.dumps(
    {"problem": "Ann has 3 pens. How many?", "questions": "Q1: How many pens?", "answers": "A"}
).encode()


@pytest.mark.parametrize(
    "content",
    [MARK + QUESTION, gzip.compress(MARK + QUESTION), MARK + QUESTION + b"\r\n", b"\n" + MARK + QUESTION],
    ids=["marked", "gzipped", "with CRLF", "put together"],
)
def test_a_byte_order_mark_is_read_over(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "mine.jsonl").write_bytes(content)
    (problem,) = load_problems(str(tmp_path / "mine.jsonl"))
    assert (problem.problem, problem.gold_answer) == ("Ann has 3 pens. How many?", "3")


def prices(path: Path) -> object:
    settings = ServiceSettings(price_file=str(path))
    return price_list(settings, ["https://api.example.org/v1"])


def problems_of(path: Path) -> object:
    return load_problems(str(path))


READERS: dict[str, Callable[[Path], object]] = {
    "problems": problems_of,
    "YAML": read_yaml,
    "prices": prices,
    "cards": lambda path: read_card_config(path.rename(path.parent / CONFIG_FILE).parent),
    "published": lambda path: list(PublishedFile(path)),
    "generation": lambda path: GenerationSets(path.rename(path.parent / "sets.jsonl").parent),
    "responses": lambda path: load_response_file(path, None),
    "recorded answers": lambda path: RecordedSolver(path, []),
    "recorded questions": lambda path: RecordedDecomposer(path).decompose([], 0),
    "questions to score": lambda path: accuracy(AccuracyConfig(questions=str(path))),
    "any text": read_text,
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("utf-16", "UTF-16 (little-endian)"),
        ("utf-16-le", "UTF-16 (little-endian)"),
        ("utf-16-be", "UTF-16 (big-endian)"),
        ("utf-32", "UTF-32 (little-endian)"),
    ],
)
def test_another_encoding_is_named_in_any_file_that_a_user_gives(
    reader: str, encoding: str, name: str, tmp_path: Path
) -> None:
    path = tmp_path / "given"
    path.write_bytes('{"question": "3 pens?", "answer": 3}\n'.encode(encoding))
    with pytest.raises(UserError) as caught:
        READERS[reader](path)
    assert f"is in {name}, not UTF-8; save it as UTF-8" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_yaml_and_prices_may_begin_with_a_mark(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_bytes(MARK + b"model: m\n")
    assert read_yaml(tmp_path / "config.yaml") == {"model": "m"}
    (tmp_path / "prices.yaml").write_bytes(MARK + b"m: [1, 2]\n")
    listed = price_list(ServiceSettings(price_file=str(tmp_path / "prices.yaml")), ["https://api.example.org/v1"])
    assert listed.price("m") == Price(1, 2)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"question": "Combien de cafés?"}'.encode("cp1252"), "line 2: not UTF-8 but perhaps Windows-1252"),
        (
            '{"question": "小明有3支笔，又买了2支。一共有几支？"}'.encode("gb18030"),
            "line 2: not UTF-8 but perhaps gb18030",
        ),
        ('{"question": "太郎はペンを3本持っています。"}'.encode("shift_jis"), "line 2: not UTF-8 but perhaps cp932"),
        (b'{"question": "3 \xed\xa0\xbd pens?"}', "line 2: half a character"),
        ('{"question": "3 cafés'.encode()[:-2], "line 2: ends in the middle of a character"),
    ],
)
def test_a_line_in_another_encoding_is_named_with_its_number(line: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_bytes(b'{"question": "a"}\n' + line)
    with pytest.raises(UserError, match=message):
        read_jsonl(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PAR1\x15\x04", "is no text but a Parquet file"),
        (b"PK\x03\x04\x14\x00", "zip archive"),
        (b"\x28\xb5\x2f\xfd\x04", "compressed by zstd"),
    ],
)
def test_a_file_that_is_no_text_is_named(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "mine.jsonl").write_bytes(content)
    with pytest.raises(UserError, match=message):
        load_problems(str(tmp_path / "mine.jsonl"))


@pytest.mark.parametrize(
    ("escaped", "read"),
    [
        (r"pens \ud83d ?", "pens \ufffd ?"),
        (r"\uDE00 pens", "\ufffd pens"),
        (r"\ud83d\ud83d\ude00", "\ufffd\U0001f600"),
        (r"\\ud83d pens", r"\ud83d pens"),
        (r"\ud83d\ude00 pens", "\U0001f600 pens"),
    ],
)
def test_half_a_character_in_a_row_is_replaced_and_the_others_stay(escaped: str, read: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text(f'{{"question": "{escaped}", "answer": 3}}\n{{"question": "b", "answer": 4}}\n', encoding="utf-8")
    problems = load_problems(str(path))
    assert [problem.problem for problem in problems] == [read, "b"]
    assert json.dumps([problem.problem for problem in problems], ensure_ascii=False).encode()


def test_rows_with_half_a_character_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": "\\ud83d"}\n{"a": ["\\ud83d\\ude00"]}\n{"a": {"\\ude00": 1}}\n', encoding="utf-8")
    assert [row for _, row in iterate_jsonl(path)] == [{"a": "\ufffd"}, {"a": ["\U0001f600"]}, {"a": {"\ufffd": 1}}]
    assert "2 rows hold half a character" in caplog.text


def test_half_a_character_in_recorded_answers_and_yaml_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "r.jsonl").write_text('{"answers": "A1: \\ud83d\\nFinal answer: 3"}\n', encoding="utf-8")
    assert load_response_file(tmp_path / "r.jsonl", None).rows[0]["answers"] == "A1: \ufffd\nFinal answer: 3"
    (tmp_path / "c.yaml").write_text('note: "pens \\ud83d"\nface: "\\ud83d\\ude00"\n', encoding="utf-8")
    assert read_yaml(tmp_path / "c.yaml") == {"note": "pens \ufffd", "face": "\U0001f600"}


def test_whole_texts_are_the_same_object() -> None:
    text = "3 pens"
    assert whole_characters(text) is text
