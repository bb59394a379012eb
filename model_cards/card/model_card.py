"""A checkpoint's card, README.md, from what its records say: after PEFT's own save, and never overwritten by it.

Written into the checkpoint's folder with its figures and, where the scores may be posted, `.eval_results/*.yaml`. The
template knows no default: a name it lacks is an error, never a placeholder. The card is checked here, offline, by the
Hub's rules, before anything is sent.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dataset_builder.core.errors import UserError
from dataset_builder.core.files import write_text
from dataset_builder.core.hub_ids import hub_url
from dataset_builder.core.templates import render_template
from dataset_builder.schema.verdicts import VERDICT_TABLE
from dataset_builder.stats.card import CITATIONS
from dataset_builder.text.student_format import format_solver_prompt, format_student_prompt
from eval_harness.records.results import ResultsRecord
from model_cards.card.content import CardContent
from model_cards.card.eval_results import display_label, posted_rows, write_eval_results
from model_cards.card.figures import write_figures
from model_cards.card.metadata import card_metadata, model_card_problems

TEMPLATE = Path(__file__).parent / "model_card.md.jinja"
CARD_FILE = "README.md"
EXAMPLE = "Ana has 12 apples. Ben has 5 more apples than Ana. How many apples do Ben and Ana have together?"


def write_model_card(card: CardContent, checkpoint: Path, results: Path) -> Path:
    """Writes the card whole or not at all, and what belongs beside it.

    Raises:
        UserError: the card would break a rule of the Hub.
    """
    import yaml

    front = yaml.safe_dump(card_metadata(card), sort_keys=False, allow_unicode=True, width=120)
    figures = write_figures(card.training, results, checkpoint)
    path = checkpoint / CARD_FILE
    write_text(path, f"---\n{front}---\n\n{card_body(card, figures)}")
    write_eval_results(card, checkpoint)
    if problems := model_card_problems(checkpoint):
        raise UserError(f"the card {path} is not fit to publish: {'; '.join(problems)}")
    return path


def card_body(card: CardContent, figures: list[dict[str, str]]) -> str:
    """The Markdown below the YAML."""
    return render_template(
        TEMPLATE,
        card=card,
        figures=figures,
        table=[table_row(row, card) for row in sorted(card.rows, key=lambda row: -row.accuracy)],
        posted=bool(posted_rows(card)),
        dataset_link=dataset_link(card),
        pair=pair_options(card),
        prompt=example_prompt(card),
        citations=CITATIONS.read_text(encoding="utf-8"),
        hub_url=hub_url,
    )


def table_row(row: ResultsRecord, card: CardContent) -> dict[str, Any]:
    """One line of the evaluation table, as texts."""
    roles = row.usage.values()
    costs = [role["cost_per_1000_usd"] for role in roles]
    tokens = sum(role["prompt_tokens"] + role["completion_tokens"] for role in roles)
    return {
        "label": _mark(display_label(row), card, row, "decomposer"),
        "solver": _mark(str(row.solver["label"]), card, row, "solver"),
        "problems": f"{row.dataset['problems']:,} of {Path(row.dataset['source']).name} {row.dataset['split']}",
        "accuracy": f"{100 * row.accuracy:.1f}",
        "low": f"{100 * row.interval['low']:.1f}",
        "high": f"{100 * row.interval['high']:.1f}",
        "no_answer": sum(row.counts[verdict] for verdict, kind in VERDICT_TABLE.items() if kind.unread),
        "tokens": f"{tokens / row.n:,.0f}",
        "cost": "not known" if None in costs else f"{sum(costs):.2f}",
    }


def _mark(label: str, card: CardContent, row: ResultsRecord, role: str) -> str:
    return f"**{label}** (this model)" if role == card.role and row in card.own_rows else label


def dataset_link(card: CardContent) -> str:
    hub_id = card.dataset.hub_id
    return f"[{hub_id}]({hub_url(f'datasets/{hub_id}')})" if hub_id else f"`{card.dataset.name}`"


def pair_options(card: CardContent) -> str:
    """How the toolkit's command line asks for this model's first row, and for the row to compare it with."""
    row = card.own_rows[0]
    own = card.name if card.repo_id else "."
    world = " --base_url micro_gsm" if row.config.get("base_url") == "micro_gsm" else ""
    if card.role == "solver":
        kinds = {str(row.decomposer["kind"]): row.label for row in card.own_rows}
        decomposers = ["reference"] if "reference" in kinds else [f"api:{kinds['api']}"] if "api" in kinds else []
        return f"--decomposers {' '.join([*decomposers, 'none'])} --solvers transformers:{own}{world}"
    name = str(row.solver.get("model") or row.solver["label"])
    solver = f"{row.solver['kind']}:{name if not Path(name).is_absolute() else Path(name).name}"
    return f"--decomposers checkpoint:{own} none --solvers {solver}{world}"


def example_prompt(card: CardContent) -> str:
    """A prompt in the very form that the model was trained on."""
    if card.role == "solver":
        return format_solver_prompt(EXAMPLE, ("How many apples does Ben have?", "How many do they have together?"))
    return format_student_prompt(EXAMPLE)
