"""Writes `eval.yaml`, which makes the dataset's test problems a benchmark that inspect-ai can run from the Hub.

    inspect eval hf/org/gsm8k-ai-subq --model openai/gpt-4o-mini

One task, the pair: the model first writes sub-questions, then answers them, and the last number is compared with the
gold answer. Under inspect-ai one model plays both parts; `eval_harness` takes a decomposer and a solver of your
choice, and names the solver beside each score. So this is never the same number as a plain GSM8K score.

Written where the test split has one row per problem and the problem stands alone (no passage); else there is none.

Source: https://huggingface.co/docs/hub/eval-results and inspect_ai's reader (`_eval/task/hf.py`, 0.3.285).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dataset_builder.core.files import write_text
from dataset_builder.core.templates import render_template
from dataset_builder.dataset_folder.layout import iterate_rows
from dataset_builder.prompts import load_prompt

BENCHMARK_FILE = "eval.yaml"
TEMPLATE = Path(__file__).parent / "eval.yaml.jinja"
TASK_ID = "decomposer_solver_pair"


def write_benchmark(folder: Path, facts: dict[str, Any]) -> Path | None:
    """Writes `eval.yaml`, or removes an old one where the folder gives no benchmark."""
    path = folder / BENCHMARK_FILE
    config = _config_with_one_row_per_problem(folder, facts)
    if config is None:
        path.unlink(missing_ok=True)
        return None
    text = render_template(
        TEMPLATE,
        problems=facts["problems"]["test"],
        task_id=TASK_ID,
        config=config,
        decompose=decompose_template(),
        answer=load_prompt("answer_own.v1").text,
    )
    write_text(path, text)
    return path


def decompose_template() -> str:
    """The decompose prompt of this project in inspect-ai's notation, where {prompt} is the sample's input."""
    marker = "\0"
    text = load_prompt("decompose.v1").fill(problem=marker)
    return text.replace("{", "{{").replace("}", "}}").replace(marker, "{prompt}")


def _config_with_one_row_per_problem(folder: Path, facts: dict[str, Any]) -> str | None:
    problems = facts["problems"].get("test", 0)
    for config in ("default", "reference"):
        rows = facts["configs"].get(config, {}).get("test", {}).get("rows", 0)
        if problems and rows == problems:
            first = next(iterate_rows(folder, "default", ("test",)))
            return None if first["passage"] else config
    return None
