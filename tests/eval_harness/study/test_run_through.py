"""A cut study runs from its file to its page, each step as the command that it is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from eval_harness.study.expand import steps_of
from eval_harness.study.plan import freeze, write_plan
from eval_harness.study.study_file import load_study

CUT = """
study: cut
scales:
  embedded:
    datasets:
      cut-subq: {problems: micro_gsm, limit: 24, teacher: micro-gsm-teacher, solver: micro-gsm-solver,
                 critic: micro-gsm-critic, base_url: micro_gsm, build: {validation_fraction: 0.1}}
    backbones: {tiny: {backbone: tiny, adapter: full, options: {tiny_hidden_size: 16}}}
    students: {bc: {method: bc, dataset: cut-subq, options: {max_steps: 2, tiny_layers: 1}}}
    train: {threads: 1, report_to: none}
    evaluate: {base_url: micro_gsm, limit: 8, decomposer_max_new_tokens: 8}
    evaluations:
      main: {source: micro_gsm, rows: [reference, none, bc], solvers: ["openai:micro-gsm-solver"], cards: [bc]}
    qualities:
      asked: {source: cut-subq, references: cut-subq, rows: [bc], options: {split: validation, max_new_tokens: 8}}
claims:
  exact: {says: The exact sub-questions help, test: higher, row: {evaluation: main, row: reference},
          than: {evaluation: main, row: none}}
  none: {says: They help more than an untrained student's, test: higher, row: {evaluation: main, row: reference},
         than: {evaluation: main, row: bc}}
"""


@pytest.mark.slow
def test_a_cut_study_runs_from_its_file_to_its_page(tmp_path: Path) -> None:
    path = tmp_path / "cut.yaml"
    path.write_text(CUT, encoding="utf-8")
    steps = steps_of(load_study(str(path)), "embedded", source=str(path))
    plan = freeze(steps, tmp_path / "run", study="cut")
    write_plan(plan)
    for step in steps:  # as they are listed, parents stand first
        plan.folder(step.name).mkdir(parents=True)
        command = [sys.executable, "-m", *plan.command(step.name)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, (step.name, done.stderr[-2000:])
        assert (plan.folder(step.name) / step.record).exists(), step.name
    page = plan.folder("page")
    outcomes = [item["verdict"] for item in json.loads((page / "claims.json").read_text(encoding="utf-8"))]
    assert "not run" not in outcomes
    text = (page / "page.html").read_text(encoding="utf-8")
    assert "against cut-subq" in text
    assert all(part in text for part in ("cut-subq", "bc tiny seed 0", "micro-gsm-solver", "data:image/png"))
    assert (plan.folder("card main bc tiny seed 0") / "README.md").read_text(encoding="utf-8").startswith("---")
    assert not (plan.folder("train bc tiny seed 0") / "README.md").exists()
