"""Writes a checkpoint's card, README.md, from its records: after PEFT's own save, and never overwritten by it.

Reads `train_record.json` beside the weights and an evaluation's `results/`; writes `README.md` and `accuracy.png` into
the checkpoint's folder. The template knows no default: a name it lacks is an error, never a placeholder.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataset_builder.config import option, parse_config
from dataset_builder.errors import UserError, entry_point
from model_cards.facts import CardFacts, gather_facts

TEMPLATES = Path(__file__).parent / "templates"
CARD_FILE = "README.md"
FIGURE = "accuracy.png"

EPILOG = """examples:
  python -m model_cards.cards --checkpoint outputs/demo/filtered_bc --results outputs/demo/eval
  python -m model_cards.cards --checkpoint outputs/mistral-7b/bc_lora --results outputs/eval \\
      --repo_id me/mistral-7b-subq --dataset_id me/gsm8k-ai-subq --licence apache-2.0"""


@dataclass(frozen=True)
class CardConfig:
    """Which checkpoint, and what no record can know."""

    checkpoint: str = option("", "folder of a finished training run")
    results: str = option("", "output folder of an evaluation that has a row of this checkpoint")
    repo_id: str = option("", "the model's id on the Hub, where it is or will be")
    base_model: str = option("", "the base's id on the Hub, where the recipe started from a local folder")
    dataset_id: str = option("", "the dataset's id on the Hub, where the recipe read a local folder")
    licence: str = option("", "the licence of the weights, as on the base's card; tiny: apache-2.0")


def write_model_card(facts: CardFacts, checkpoint: Path, results: Path) -> Path:
    """Writes the card whole or not at all, and the evaluation's figure beside it."""
    import yaml

    front = yaml.safe_dump(card_metadata(facts), sort_keys=False, allow_unicode=True)
    has_figure = (results / FIGURE).is_file()
    if has_figure:
        shutil.copyfile(results / FIGURE, checkpoint / FIGURE)
    path = checkpoint / CARD_FILE
    partial = path.with_suffix(".tmp")
    partial.write_text(f"---\n{front}---\n\n{_body(facts, has_figure)}", encoding="utf-8")
    os.replace(partial, path)
    return path


def card_metadata(facts: CardFacts) -> dict[str, Any]:
    """The YAML block: what the Hub indexes. A key without a fact is left out."""
    metadata: dict[str, Any] = {
        "language": ["en"],
        "license": facts.licence,
        "library_name": "peft" if facts.is_adapter else "transformers",
        "pipeline_tag": "text-generation",
        "tags": ["problem-decomposition", "sub-questions", "distillation", "trl", facts.training.method],
    }
    if facts.is_adapter:
        metadata["tags"].append("lora")
    if facts.base_model:
        metadata |= {"base_model": facts.base_model}
        metadata["base_model_relation"] = "adapter" if facts.is_adapter else "finetune"
    if facts.dataset_id:
        metadata["datasets"] = [facts.dataset_id]
    return metadata


def _body(facts: CardFacts, has_figure: bool) -> str:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("model_card.md.jinja").render(facts=facts, figure=FIGURE if has_figure else "")


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
    facts = gather_facts(
        checkpoint,
        results,
        repo_id=config.repo_id,
        base_model=config.base_model,
        dataset_id=config.dataset_id,
        licence=config.licence,
    )
    print(f"card: {write_model_card(facts, checkpoint, results)}")


if __name__ == "__main__":
    sys.exit(main())
