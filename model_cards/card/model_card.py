"""A checkpoint's card, README.md, from what its records say: after PEFT's own save, and never overwritten by it.

Written into the checkpoint's folder with its figures and, where the scores may be posted, `.eval_results/*.yaml`. The
template knows no default: a name it lacks is an error, never a placeholder. The card is checked here, offline, by the
Hub's rules, before anything is sent.
"""

from __future__ import annotations

from pathlib import Path

from dataset_builder.core.errors import UserError
from dataset_builder.core.files import write_text
from dataset_builder.core.hub_ids import hub_url, is_on_hub
from dataset_builder.core.templates import render_template
from dataset_builder.sources import SOURCES
from dataset_builder.stats.card import CITATIONS
from eval_harness.records.results import ResultsRecord
from model_cards.card.content import CardContent
from model_cards.card.eval_results import posted_rows, write_eval_results
from model_cards.card.figures import write_figures
from model_cards.card.metadata import card_metadata, model_card_problems
from model_cards.card.score_table import baseline_of, score_table

TEMPLATE = Path(__file__).parent / "model_card.md.jinja"
CARD_FILE = "README.md"


def write_model_card(card: CardContent, checkpoint: Path, *, redraw: bool = True) -> Path:
    """Writes the card whole or not at all, and what belongs beside it.

    Args:
        card: what it says.
        checkpoint: the folder it is written into.
        redraw: see `write_figures`.

    Raises:
        UserError: the card would break a rule of the Hub.
    """
    import yaml

    front = yaml.safe_dump(card_metadata(card), sort_keys=False, allow_unicode=True, width=120)
    figures = write_figures(card, checkpoint, redraw=redraw)
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
        table=score_table(card),
        baseline=baseline_of(card),
        posted=bool(posted_rows(card)),
        warnings=list(dict.fromkeys(line for row in card.rows for line in row.overlap_told)),
        dataset_link=dataset_link(card),
        pair=pair_command(card),
        prompt=card.example.prompt,
        citations=CITATIONS.read_text(encoding="utf-8"),
        hub_url=hub_url,
    )


def dataset_link(card: CardContent) -> str:
    hub_id = card.dataset.hub_id
    return f"[{hub_id}]({hub_url(f'datasets/{hub_id}')})" if hub_id else f"`{card.dataset.name}`"


def pair_command(card: CardContent) -> str:
    """How the toolkit scores this model's pair and the row to compare it with; empty where others could not run it."""
    row = next((row for row in card.own_rows if _public_source(row, card) and _has_partner(row, card.role)), None)
    if row is None:
        return ""
    own = card.name if card.repo_id else "."
    world = " --base_url micro_gsm" if row.config.get("base_url") == "micro_gsm" else ""
    if card.role == "solver":
        kinds = {str(row.decomposer["kind"]): row.label for row in card.own_rows}
        decomposers = ["reference"] if "reference" in kinds else [f"api:{kinds['api']}"] if "api" in kinds else []
        pair = f"--decomposers {' '.join([*decomposers, 'none'])} --solvers transformers:{own}{world}"
    else:
        solver = f"{row.solver['kind']}:{row.solver.get('model') or row.solver['label']}"
        pair = f"--decomposers checkpoint:{own} none --solvers {solver}{world}"
    source = f"--source {_public_source(row, card)} --split {row.dataset['split']}"
    return f"python -m eval_harness.run {source} --limit 20 --output pair \\\n    {pair}"


def _public_source(row: ResultsRecord, card: CardContent) -> str:
    """What others name the row's problems by: a named source or a dataset on the Hub; empty for a file or folder."""
    source = str(row.dataset["source"])
    if source in SOURCES:
        return source
    if row.dataset.get("kind") != "dataset":
        return ""
    own = card.dataset.hub_id or ""
    return own if source == card.dataset.name else source if is_on_hub(source, namespace=True) else ""


def _has_partner(row: ResultsRecord, role: str) -> bool:
    """Whether others have the row's solver: it is behind an endpoint or on the Hub."""
    partner = str(row.solver.get("model") or "")
    return role == "solver" or row.solver["kind"] == "openai" or is_on_hub(partner, namespace=True)
