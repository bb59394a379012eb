"""Writes the tables of docs/papers.md: what each paper sets, and what our recipe of the same row resolves to.

python -m tests.golden.write_papers
"""

from __future__ import annotations

from typing import Any

from dataset_builder.core.config import build_config, resolved
from dataset_builder.generate.config import GenerateConfig
from eval_harness.reporting.markers import put_between_markers
from recipes.config.compose import Names, compose
from recipes.config.recipe import RecipeConfig
from tests.conftest import ROOT

PAGE = ROOT / "docs" / "papers.md"
Row = tuple[str, str, str, str]
"""What it is, what the paper has, whose setting is ours, the key."""

PAPER_A: tuple[Row, ...] = (
    ("sets of a problem", "3", "generate", "sets"),
    ("votes on a set", "3", "generate", "votes"),
    ("temperature of teacher and critic", "0.7", "generate", "temperature"),
    ("BC: updates", "10,000", "gpt2/bc/full", "max_steps"),
    ("BC: rows of an update", "32", "gpt2/bc/full", "effective_batch_size"),
    ("BC: learning rate", "1e-4, constant", "gpt2/bc/full", "learning_rate lr_scheduler"),
    ("BC: optimiser", "AdamW", "gpt2/bc/full", "optimizer"),
    ("BC: checkpoint by", "fluency", "gpt2/bc/full", "choose_by"),
    ("filtered BC: updates, after BC's", "7,500", "gpt2/filtered_bc/full", "max_steps"),
    ("ILQL: updates, after BC's", "25,000", "gpt2/ilql_full/full", "max_steps"),
    ("ILQL: expectile", "0.9", "gpt2/ilql_full/full", "ilql.expectile"),
    ("ILQL: gamma", "0.999", "gpt2/ilql_full/full", "ilql.gamma"),
    ("ILQL: Polyak", "0.005", "gpt2/ilql_full/full", "ilql.polyak"),
    ("ILQL: weights of CQL, V, Q", "0.01, 1, 1", "gpt2/ilql_full/full", "ilql.cql_weight ilql.v_weight ilql.q_weight"),
    ("ILQL: beta when decoding", "1", "gpt2/ilql_full/full", "ilql.beta"),
    ("weight of the policy's own loss under ILQL", "0: BC, frozen", "gpt2/ilql_full/full", "ilql.policy_weight"),
)
PAPER_B: tuple[Row, ...] = (
    ("weights that move", "all", "mistral-7b-instruct/bc/lora", "adapter"),
    ("rows of an update", "128", "mistral-7b-instruct/bc/lora", "effective_batch_size"),
    ("learning rate", "2e-5", "mistral-7b-instruct/bc/lora", "learning_rate lr_scheduler"),
    ("GSM8K: length", "5 epochs", "mistral-7b-instruct/bc/lora", "max_steps"),
    ("S_D-R starts from", "the backbone", "mistral-7b-instruct/filtered_bc/lora", "init_from"),
    ("solver students, S_E-A: length", "5 epochs", "mistral-7b-instruct/solver_oracle/lora", "max_steps"),
)


def table(rows: tuple[Row, ...]) -> str:
    """What the paper has beside what our recipe resolves to, and the recipe's name."""
    lines = ["| | paper | ours | key | of |", "| --- | --- | --- | --- | --- |"]
    for about, printed, owner, keys in rows:
        settings = _settings(owner)
        ours = ", ".join(_shown(_value(settings, key)) for key in keys.split())
        names = ", ".join(f"`{key}`" for key in keys.split())
        lines.append(f"| {about} | {printed} | {ours} | {names} | {_name(owner)} |")
    return "\n".join(lines)


def _name(owner: str) -> str:
    backbone, _, rest = owner.partition("/")
    return f"`{backbone}/{rest.replace('/', '_')}`" if rest else f"`subq {owner}`"


def _settings(owner: str) -> dict[str, Any]:
    if owner == "generate":
        return resolved(GenerateConfig())
    backbone, method, adapter = owner.split("/")
    return resolved(build_config(RecipeConfig, compose(Names(backbone, method, adapter))))


def _value(settings: dict[str, Any], key: str) -> Any:
    section, _, name = key.rpartition(".")
    return (settings[section] if section else settings)[name]


def _shown(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if value in ("", None):
        return "the backbone"
    return f"{value:g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    put_between_markers(PAGE, "paper-a", table(PAPER_A))
    put_between_markers(PAGE, "paper-b", table(PAPER_B))
