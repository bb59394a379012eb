"""Writes a checkpoint's card, README.md, from its records: after PEFT's own save, and never overwritten by it.

Reads `train_record.json` beside the weights, an evaluation's `results/` and the dataset's facts; writes into the
checkpoint's folder: `README.md`, its figures, `.eval_results/*.yaml` where the scores may be posted, and `card.yaml`,
what it was told, from which `model_cards.push` writes the same card for another place or form of the weights. The
template knows no default: a name it lacks is an error, never a placeholder. The card is checked here, offline, by the
Hub's rules, before anything is sent.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataset_builder.core.config import option, parse_config, resolved, save_resolved
from dataset_builder.core.errors import UserError, entry_point
from dataset_builder.stats.card import CITATIONS
from dataset_builder.text.student_format import format_solver_prompt, format_student_prompt
from eval_harness.records.results import ResultsRecord
from model_cards.eval_results import own_words, posted_rows, write_eval_results
from model_cards.facts import CardFacts, Given, gather_facts
from model_cards.figures import write_figures
from model_cards.metadata import card_metadata, model_card_problems

TEMPLATES = Path(__file__).parent / "templates"
CARD_FILE = "README.md"
CONFIG_FILE = "card.yaml"
EXAMPLE = "Ana has 12 apples. Ben has 5 more apples than Ana. How many apples do Ben and Ana have together?"

EPILOG = """examples:
  python -m model_cards.cards --checkpoint outputs/demo/filtered_bc --results outputs/demo/eval
  python -m model_cards.cards --checkpoint outputs/mistral-7b/bc_lora --results outputs/eval \\
      --repo_id me/mistral-7b-subq --dataset_id me/gsm8k-ai-subq --dataset_revision v1.0.0"""


@dataclass(frozen=True)
class CardConfig:
    """Which checkpoint, and what no record can know."""

    checkpoint: str = option("", "folder of a finished training run")
    results: str = option("", "output folder of an evaluation that has a row of this checkpoint")
    repo_id: str = option("", "the model's id on the Hub, where it is or will be")
    base_model: str = option("", "the base's id on the Hub, where the recipe started from a local folder")
    dataset: str = option("", "the dataset's folder, where it is not where the recipe read it")
    dataset_id: str = option("", "the dataset's id on the Hub, where the recipe read a local folder")
    dataset_revision: str = option("", "the dataset's tag or commit on the Hub; needed with a dataset's id")
    licence: str = option("", "the licence of the weights, as on the base's card, where the base is not a known one")
    carbon_g_per_kwh: float = option(0.0, "grams of CO2 per kWh of your grid; 0: not known, so no CO2 is stated")
    region: str = option("", "what grid that is, in words")


def write_model_card(facts: CardFacts, checkpoint: Path, results: Path) -> Path:
    """Writes the card whole or not at all, and what belongs beside it.

    Raises:
        UserError: the card would break a rule of the Hub.
    """
    import yaml

    front = yaml.safe_dump(card_metadata(facts), sort_keys=False, allow_unicode=True, width=120)
    figures = write_figures(facts.training, results, checkpoint)
    path = checkpoint / CARD_FILE
    partial = path.with_suffix(".tmp")
    partial.write_text(f"---\n{front}---\n\n{card_body(facts, figures)}", encoding="utf-8")
    os.replace(partial, path)
    write_eval_results(facts, checkpoint)
    if problems := model_card_problems(checkpoint):
        raise UserError(f"the card {path} is not fit to publish: {'; '.join(problems)}")
    return path


def card_body(facts: CardFacts, figures: list[dict[str, str]]) -> str:
    """The Markdown below the YAML."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("model_card.md.jinja").render(
        facts=facts,
        figures=figures,
        table=[table_row(row, facts) for row in sorted(facts.rows, key=lambda row: -row.accuracy)],
        posted=bool(posted_rows(facts)),
        dataset_link=dataset_link(facts),
        pair=pair_options(facts),
        prompt=example_prompt(facts),
        citations=CITATIONS.read_text(encoding="utf-8"),
    )


def table_row(row: ResultsRecord, facts: CardFacts) -> dict[str, Any]:
    """One line of the evaluation table, as texts."""
    roles = row.usage.values()
    costs = [role["cost_per_1000_usd"] for role in roles]
    tokens = sum(role["prompt_tokens"] + role["completion_tokens"] for role in roles)
    return {
        "label": _mark(own_words(row), facts, row, "decomposer"),
        "solver": _mark(str(row.solver["label"]), facts, row, "solver"),
        "problems": f"{row.dataset['problems']:,} of {Path(row.dataset['source']).name} {row.dataset['split']}",
        "accuracy": f"{100 * row.accuracy:.1f}",
        "low": f"{100 * row.interval['low']:.1f}",
        "high": f"{100 * row.interval['high']:.1f}",
        "no_answer": row.counts["no_answer"] + row.counts["parse_failure"],
        "tokens": f"{tokens / row.n:,.0f}",
        "cost": "not known" if None in costs else f"{sum(costs):.2f}",
    }


def _mark(label: str, facts: CardFacts, row: ResultsRecord, role: str) -> str:
    return f"**{label}** (this model)" if role == facts.role and row in facts.own_rows else label


def dataset_link(facts: CardFacts) -> str:
    hub_id = facts.dataset.hub_id
    return f"[{hub_id}](https://huggingface.co/datasets/{hub_id})" if hub_id else f"`{facts.dataset.name}`"


def pair_options(facts: CardFacts) -> str:
    """How the toolkit's command line asks for this model's first row, and for the row to compare it with."""
    row = facts.own_rows[0]
    own = facts.name if facts.repo_id else "."
    world = " --base_url micro_gsm" if row.config.get("base_url") == "micro_gsm" else ""
    if facts.role == "solver":
        kinds = {str(row.decomposer["kind"]): row.label for row in facts.own_rows}
        others = ["reference"] if "reference" in kinds else [f"api:{kinds['api']}"] if "api" in kinds else []
        return f"--decomposers {' '.join([*others, 'none'])} --solvers transformers:{own}{world}"
    name = str(row.solver.get("model") or row.solver["label"])
    solver = f"{row.solver['kind']}:{name if not Path(name).is_absolute() else Path(name).name}"
    return f"--decomposers checkpoint:{own} none --solvers {solver}{world}"


def example_prompt(facts: CardFacts) -> str:
    """A prompt in the very form that the model was trained on."""
    if facts.role == "solver":
        return format_solver_prompt(EXAMPLE, ("How many apples does Ben have?", "How many do they have together?"))
    return format_student_prompt(EXAMPLE)


def given_of(config: CardConfig) -> Given:
    return Given(**{key: value for key, value in resolved(config).items() if key not in ("checkpoint", "results")})


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    """`python -m model_cards.cards`."""
    config = parse_config(
        CardConfig,
        argv,
        prog="python -m model_cards.cards",
        description="Write a checkpoint's model card from its training record and an evaluation's results.",
        epilog=EPILOG,
    )
    for name in ("checkpoint", "results"):
        if not getattr(config, name):
            raise UserError(f"--{name} is missing; see `python -m model_cards.cards --help`")
        if not Path(getattr(config, name)).is_dir():
            raise UserError(f"--{name}: there is no folder {getattr(config, name)}")
    checkpoint, results = Path(config.checkpoint), Path(config.results)
    facts = gather_facts(checkpoint, results, given_of(config))
    print(f"card: {write_model_card(facts, checkpoint, results)}")
    save_resolved(config, checkpoint / CONFIG_FILE)


if __name__ == "__main__":
    sys.exit(main())
