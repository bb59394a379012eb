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
from dataset_builder.dataset_folder.layout import iterate_rows
from dataset_builder.prompts import load_prompt

BENCHMARK_FILE = "eval.yaml"
TASK_ID = "decomposer_solver_pair"


def write_benchmark(folder: Path, facts: dict[str, Any]) -> Path | None:
    """Writes `eval.yaml`, or removes an old one where the folder gives no benchmark."""
    import yaml

    path = folder / BENCHMARK_FILE
    config = _config_with_one_row_per_problem(folder, facts)
    if config is None:
        path.unlink(missing_ok=True)
        return None
    text = yaml.dump(benchmark(facts, config), Dumper=_block_dumper(), sort_keys=False, allow_unicode=True, width=120)
    write_text(path, text)
    return path


def benchmark(facts: dict[str, Any], config: str) -> dict[str, Any]:
    """The file as plain values."""
    return {
        "name": "GSM8K-AI-SubQ",
        "description": (
            f"Decompose, then solve: {facts['problems']['test']:,} word problems; a decomposer writes sub-questions "
            "and a solver answers them. The accuracy is the pair's, not a plain model's."
        ),
        "evaluation_framework": "inspect-ai",
        "tasks": [
            {
                "id": TASK_ID,
                "config": config,
                "split": "test",
                "field_spec": {"input": "problem", "target": "gold_answer", "metadata": ["problem_id", "problem"]},
                "solvers": [
                    {"name": "prompt_template", "args": {"template": decompose_template()}},
                    {"name": "generate"},
                    {"name": "user_message", "args": {"template": load_prompt("answer_own.v1").text}},
                    {"name": "generate"},
                ],
                "scorers": [{"name": "match", "args": {"location": "end", "numeric": True}}],
            }
        ],
    }


def decompose_template() -> str:
    """The decompose prompt of this project in inspect-ai's notation, where {prompt} is the sample's input."""
    marker = "\0"
    text = load_prompt("decompose.v1").fill(problem=marker)
    return text.replace("{", "{{").replace("}", "}}").replace(marker, "{prompt}")


def _block_dumper() -> Any:
    """A YAML dumper that writes a text of several lines as one, so that a person can read the prompts."""
    import yaml

    class BlockDumper(yaml.SafeDumper):
        pass

    def represent(dumper: Any, text: str) -> Any:
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)

    BlockDumper.add_representer(str, represent)
    return BlockDumper


def _config_with_one_row_per_problem(folder: Path, facts: dict[str, Any]) -> str | None:
    problems = facts["problems"].get("test", 0)
    for config in ("default", "reference"):
        rows = facts["configs"].get(config, {}).get("test", {}).get("rows", 0)
        if problems and rows == problems:
            first = next(iterate_rows(folder, "default", ("test",)))
            return None if first["passage"] else config
    return None
