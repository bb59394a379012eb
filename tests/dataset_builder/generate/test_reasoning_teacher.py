"""A reasoning model goes the whole way, from problems to a dataset's sets and to scores."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dataset_builder.llm.journal import Journal
from tests.support import generation_runs as runs
from tests.support.fake_openai import serving

REFUSES = ["max_tokens", "temperature", "stop"]


def test_a_reasoning_model_is_teacher_and_solver_from_problems_to_scores(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from eval_harness.records.results import load_records
    from eval_harness.run import main as evaluate

    problems = runs.write_problems(tmp_path, 4)
    with serving(refuses=REFUSES, thinks=True) as url:
        code, output = runs.generate_here(problems, url, tmp_path / "run", reasoning_effort="low", sets=2)
        assert code == 0, output
        assert "taken off before reading: reasoning of 40 replies" in output
        options = ["--source", problems, "--base_url", url, "--output", tmp_path / "eval", "--baseline", "none"]
        options += ["--decomposers", "api:test-model", "none", "--solvers", "openai:test-model"]
        assert evaluate([str(option) for option in options]) == 0
    sets = runs.read_sets(tmp_path / "run")
    assert all(one["failures"] == [] for one in sets)
    for one in sets:
        texts = [one["questions_text"], one["answers_text"], *one["feedback_texts"]]
        assert not any("think" in text or "<|" in text or "12345" in text for text in texts)
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    assert facts["tokens"]["reasoning"] == 12 * 40
    assert facts["parameters"]["test-model"] == {"max_tokens": "max_completion_tokens", "temperature": None}
    assert facts["taken_off"] == {"reasoning": 40, "end mark": 40}
    with Journal(tmp_path / "run", read_only=True) as journal:
        assert all("<think>" in (reply.text or "") and reply.reasoning for reply in journal.responses())
    records = {record.label: record for record in load_records(tmp_path / "eval")}
    assert {
        label: [role["reasoning_tokens"] for role in record.usage.values()] for label, record in records.items()
    } == {
        "test-model": [12 * 4, 12 * 4],
        "none": [0, 12 * 4],
    }
    for role in (records["test-model"].decomposer, records["none"].solver):
        assert role["parameters"]["renamed"] == {"max_tokens": "max_completion_tokens"}
        assert "temperature" in role["parameters"]["left_out"]
        assert role["served_by"][0]["base_url"] == url
    assert "solve: of these reasoning" in (tmp_path / "eval" / "report.md").read_text()
    assert "solve_reasoning_tokens" in (tmp_path / "eval" / "table.csv").read_text()
    assert "12345" not in (tmp_path / "eval" / "predictions").glob("*.jsonl").__next__().read_text()
    assert "reasoning of" in capsys.readouterr().err
