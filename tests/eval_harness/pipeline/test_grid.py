"""One folder is one set of problems; a row that saw them says so everywhere; no path reaches a record."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from dataset_builder.core.errors import UserError
from dataset_builder.llm.settings import ServiceSettings
from dataset_builder.prompts import load_prompt
from eval_harness.pipeline.grid import unique_labels
from eval_harness.records.results import load_records, write_record
from eval_harness.report import main as report
from eval_harness.run import main
from eval_harness.systems.decomposers import DecomposerOptions, make_decomposer
from recipes.data.trained_problems import TrainedProblems, lines_of, write_trained_problems
from recipes.models.checkpoint import RECIPE_FILE
from tests.conftest import ROOT
from tests.support.fake_openai import events, serving

TEXTS = [f"Ann has {count} pens and buys {count + 1} more. How many pens has Ann?" for count in range(2, 10)]


def problems_file(folder: Path, texts: list[str] = TEXTS, name: str = "mine.jsonl") -> Path:
    rows = ({"question": text, "answer": str(index)} for index, text in enumerate(texts))
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder / name


def arguments(output: Path, **options: Any) -> list[str]:
    words = ["--output", str(output)]
    for name, value in options.items():
        words += [f"--{name}", *(map(str, value) if isinstance(value, list) else [str(value)])]
    return words


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"limit": 4}, "problems (limit): 8 and 4"),
        ({"source": "other.jsonl"}, "source: mine.jsonl and other.jsonl"),
        ({"rule": "flexible"}, "rule: first_marker and flexible"),
        ({"seeds": [0, 1]}, "seeds: [0] and [0, 1]"),
        ({"split": "validation"}, None),
        ({"decomposers": "direct"}, None),
    ],
    ids=["limit", "source", "rule", "seeds", "the same problems called a split", "another row"],
)
def test_a_folder_of_another_set_is_refused_before_anything_is_asked(
    change: dict[str, Any], told: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    problems_file(tmp_path, [*TEXTS[1:], "How many figs?"], "other.jsonl")
    given = {"source": problems_file(tmp_path), "decomposers": "none", "solvers": "openai:m", "rule": "first_marker"}
    with serving() as url:
        assert main(arguments(tmp_path / "out", **given, base_url=url)) == 0
        if "source" in change:
            change = {"source": tmp_path / change["source"]}
        before = sorted((path, path.stat().st_mtime_ns) for path in (tmp_path / "out").rglob("*.json*"))
        assert main(arguments(tmp_path / "out", **(given | change), base_url=url)) == (2 if told else 0)
    error = capsys.readouterr().err.strip().splitlines()
    if told:
        assert error[-1].startswith("error: ")
        assert told in error[-1]
        assert sorted((path, path.stat().st_mtime_ns) for path in (tmp_path / "out").rglob("*.json*")) == before


def test_a_folder_that_was_mixed_is_refused_by_run_and_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {"source": problems_file(tmp_path), "decomposers": "none", "solvers": "openai:m"}
    with serving() as url:
        assert main(arguments(tmp_path / "out", **given, base_url=url)) == 0
        (record,) = load_records(tmp_path / "out")
        mixed = dataclasses.replace(record, name="other--m", dataset=record.dataset | {"sha256": "0", "problems": 3})
        write_record(mixed, tmp_path / "out" / "results" / "other--m.json")
        capsys.readouterr()
        assert report([str(tmp_path / "out")]) == 2
        assert "none--m and other--m differ in problems (limit): 8 and 3" in capsys.readouterr().err
        assert main(arguments(tmp_path / "out", **given, base_url=url)) == 2
        assert "none--m and other--m differ in" in capsys.readouterr().err


@pytest.mark.parametrize("role", ["trained here", "unknown"])
def test_a_run_of_a_model_on_its_training_problems_says_so_everywhere(
    role: str, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "student"
    shutil.copytree(tiny_model, model)
    (model / RECIPE_FILE).write_text("method: solver_teacher\ntext_format: delimiters\n", encoding="utf-8")
    if role == "trained here":
        write_trained_problems(TrainedProblems(lines_of([*TEXTS[:3], "Another."]), []), model)
    source, output = problems_file(tmp_path), tmp_path / "out"
    given = {"decomposers": "direct", "solvers": f"transformers:{model}", "max_new_tokens": 2}
    assert main(arguments(output, source=source, **given)) == 0
    (record,) = load_records(output)
    assert record.overlap is not None
    assert record.overlap.solver is not None
    known = role == "trained here"
    assert (record.overlap.solver.same, record.overlap.solver.unknown_start) == ((3, "") if known else (0, "student"))
    assert record.is_evaluation is not known
    sentence = "student was trained on 3 of the 8 problems" if known else "It is unknown whether student was trained"
    printed = capsys.readouterr().out
    names = ("table.md", "report.md", "table.tex", "page.html")
    files = [(output / name).read_text(encoding="utf-8") for name in names]
    assert all(sentence in text for text in (printed, *files))
    assert record.machine
    assert f"Checkpoints ran on {record.machine} with torch" in files[0]
    cell = "3 trained on (solver)" if known else "unknown"
    assert cell in files[0]
    assert cell in (output / "table.csv").read_text(encoding="utf-8")
    assert str(tmp_path) not in "".join([*files, *(path.read_text() for path in (output / "results").iterdir())])


def test_labels_of_one_method_are_told_apart_by_the_ends_of_their_paths(tmp_path: Path) -> None:
    options = DecomposerOptions(ServiceSettings(), tmp_path / "journal.sqlite")

    def labels(*names: str) -> list[str]:
        for name in names:
            (tmp_path / name).mkdir(parents=True, exist_ok=True)
            (tmp_path / name / "config.json").write_text("{}", encoding="utf-8")
        roles = [make_decomposer(f"checkpoint:{tmp_path / name}", options) for name in names]
        for role in roles:
            role.metadata["label"] = "bc"
        return unique_labels(roles)

    assert labels("a/one") == ["bc"]
    assert labels("a/one", "a/two") == ["bc (one)", "bc (two)"]
    assert labels("a/one", "b/one") == ["bc (a/one)", "bc (b/one)"]
    with pytest.raises(UserError, match="named twice"):
        labels("a/one", "a/one")


def test_own_prompts_stand_in_record_and_page_with_their_text(tmp_path: Path) -> None:
    for name, words, text in (("mine", "Split it.", "decompose.v1"), ("reply", "Reply.", "answer.v1")):
        (tmp_path / f"{name}.txt").write_text(f"{words} {load_prompt(text).text}", encoding="utf-8")
    given = {"source": problems_file(tmp_path), "decomposers": "api:m", "solvers": "openai:m"}
    prompts = {"decompose_prompt": tmp_path / "mine.txt", "answer_prompt": tmp_path / "reply.txt"}
    with serving() as url:
        assert main(arguments(tmp_path / "out", **given, **prompts, base_url=url)) == 0
    (record,) = load_records(tmp_path / "out")
    assert {name.partition("@")[0]: text.split(".")[0] for name, text in record.own_prompts.items()} == {
        "mine": "Split it",
        "reply": "Reply",
    }
    assert record.prompts["decompose"] in record.own_prompts
    page = (tmp_path / "out" / "page.html").read_text(encoding="utf-8")
    assert "Split it." in page
    assert "Reply." in page
    assert str(tmp_path) not in (tmp_path / "out" / "results" / "m--m.json").read_text(encoding="utf-8")


def test_who_served_a_model_and_which_parameters_it_took_stand_in_the_record(tmp_path: Path) -> None:
    given = {"source": problems_file(tmp_path), "decomposers": "api:m", "solvers": "openai:m"}
    with serving() as url:
        words = {"rename_parameters": "max_tokens=max_completion_tokens", "leave_out": "temperature"}
        assert main(arguments(tmp_path / "out", **given, **words, base_url=url)) == 0
    (record,) = load_records(tmp_path / "out")
    for role in (record.decomposer, record.solver):
        assert [one["base_url"] for one in role["served_by"]] == [url]
        assert role["parameters"] == {
            "renamed": {"max_tokens": "max_completion_tokens"},
            "left_out": ["temperature"],
        }


def test_the_default_rows_need_nothing_but_a_solver(tmp_path: Path) -> None:
    given = {"source": problems_file(tmp_path), "solvers": "openai:m"}
    with serving() as url:
        assert main(arguments(tmp_path / "out", **given, base_url=url)) == 0
    records = load_records(tmp_path / "out")
    assert [record.label for record in records] == ["direct", "none"]
    assert not any(record.machine or record.solver.get("parameters") for record in records)
    report_text = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    assert not any(words in report_text for words in ("reasoning", "seen before", "Checkpoints ran"))
    assert "reasoning" not in (tmp_path / "out" / "table.csv").read_text(encoding="utf-8")


def test_make_eval_runs_without_a_word_on_the_embedded_world(tmp_path: Path) -> None:
    command = subprocess.run(
        ["make", "-n", "--no-print-directory", "eval"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    words = command.strip().splitlines()[-1].split()
    assert words[-4:-1] == ["-m", "eval_harness.run", "--config"]
    assert main(["--config", str(ROOT / words[-1]), "--output", str(tmp_path / "out")]) == 0
    assert {record.label for record in load_records(tmp_path / "out")} == {"none", "reference"}


def test_another_endpoint_under_the_same_name_is_refused_before_anything_is_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {"source": problems_file(tmp_path), "decomposers": ["none", "api:m"], "solvers": "openai:n"}
    log = tmp_path / "log"
    with serving() as url, serving(log=str(log)) as other:
        assert main(arguments(tmp_path / "out", **given, base_url=url)) == 0
        more = given | {"decomposers": ["direct", "api:new"]}
        assert main(arguments(tmp_path / "out", **more, base_url=other, decomposer_base_url=url)) == 2
        error = capsys.readouterr().err.strip().splitlines()[-1]
        assert error.startswith(f"error: n is asked at {other}, and this folder's replies came from {url}")
        assert "--other_endpoint true" in error
        assert events(log, "asked") == []
        assert {record.label for record in load_records(tmp_path / "out")} == {"none", "m"}
        assert main(arguments(tmp_path / "out", **given, base_url=other, other_endpoint="true")) == 0
        assert report([str(tmp_path / "out")]) == 0
