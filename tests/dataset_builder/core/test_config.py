"""One grammar for every entry point: YAML below the command line, unknown keys refused by name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from dataset_builder.core.config import option, parse_arguments, parse_config, resolved, save_resolved
from dataset_builder.core.errors import UserError


@dataclass(frozen=True)
class Example:
    model: str = option("", "which model")
    limit: int | None = option(None, "how many", least=1)
    rate: float = option(0.5, "how fast", above=0, most=2)
    urls: list[str] = option([], "where")
    dry_run: bool = option(False, "only look")
    kind: str = option("a", "which kind", choices=["a", "b"])


def parse(*argv: str) -> Example:
    return parse_config(Example, list(argv), prog="python -m example", description="An example.")


def written(folder: Path, text: str) -> str:
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_without_arguments_the_dataclass_gives_every_default() -> None:
    assert parse() == Example()


def test_the_command_line_wins_over_the_file(tmp_path: Path) -> None:
    config = written(tmp_path, "model: from-file\nlimit: 3\n")
    assert parse("--config", config, "--model", "typed") == Example(model="typed", limit=3)


def test_a_flag_needs_no_value_and_takes_one() -> None:
    assert parse("--dry_run").dry_run is True
    assert parse("--dry_run", "false").dry_run is False


def test_a_list_takes_several_words_and_one_value_in_yaml_is_a_list(tmp_path: Path) -> None:
    assert parse("--urls", "one", "two").urls == ["one", "two"]
    assert parse("--config", written(tmp_path, "urls: one\n")).urls == ["one"]


def test_a_number_that_yaml_reads_as_text_is_a_number(tmp_path: Path) -> None:
    assert parse("--config", written(tmp_path, "rate: 1e-4\n")).rate == 1e-4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("modle: x\n", "unknown key 'modle', did you mean 'model'"),
        ("limit: three\n", "limit must be int, found 'three'"),
        ("limit: true\n", "limit must be int"),
        ("kind: c\n", "kind must be one of a, b"),
        ("- model\n", "must hold `key: value` lines, found list"),
        ("model: [unclosed\n", "not valid YAML"),
    ],
)
def test_a_bad_file_is_one_line_that_names_the_key(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message.replace("[", r"\[")):
        parse("--config", written(tmp_path, text))


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--modle", "x"], "unknown argument '--modle', did you mean '--model'"),
        (["--mod", "x"], "unknown argument '--mod'"),  # no guessing from a prefix
        (["--limit", "three"], "invalid int value"),
        (["--kind", "c"], "--kind: no 'c'; valid: a, b"),
        (["--config", "nowhere.yaml"], "no config file nowhere.yaml"),
        (["stray"], "unknown argument 'stray'"),
    ],
)
def test_a_bad_argument_is_one_line_that_names_it(argv: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse(*argv)


def test_the_resolved_config_reads_back_as_itself(tmp_path: Path) -> None:
    config = Example(model="m", urls=["u"], limit=2)
    save_resolved(config, tmp_path / "run" / "config.yaml")
    assert yaml.safe_load((tmp_path / "run" / "config.yaml").read_text()) == resolved(config)
    assert parse("--config", str(tmp_path / "run" / "config.yaml")) == config


def test_help_shows_every_key_with_its_meaning_and_default(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        parse("--help")
    shown = capsys.readouterr().out
    assert stop.value.code == 0
    for words in ("--model", "which model", "--rate", "(default: 0.5)", "--config"):
        assert words in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--limit", "0"], "--limit must be at least 1, found 0"),
        (["--rate", "0"], "--rate must be above 0, found 0"),
        (["--rate", "2.5"], "--rate must be at most 2, found 2.5"),
        (["--rate", "nan"], "--rate must be a number, found nan"),
        (["--rate", "inf"], "--rate must be a number, found inf"),
    ],
)
def test_a_number_outside_its_limits_is_refused(arguments: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse(*arguments)


def test_limits_hold_in_a_file_too(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--limit must be at least 1, found -3"):
        parse("--config", written(tmp_path, "limit: -3\n"))


def test_a_file_of_ours_is_found_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path, _ = parse_arguments(Example, ["--config", "eval_harness/configs/demo.yaml"], prog="x", description="")
    assert path is not None
    assert path.is_file()
    mine = tmp_path / "eval_harness" / "configs"
    mine.mkdir(parents=True)
    (mine / "demo.yaml").write_text("limit: 7\n", encoding="utf-8")
    assert parse("--config", "eval_harness/configs/demo.yaml").limit == 7
