"""Writes a checkpoint's card from its records (`model_card.py`), and checks it by the Hub's rules.

Reads `train_record.json` beside the weights, an evaluation's `results/` and the dataset's facts; keeps its
options in `card.yaml`, from which `model_cards.push` writes the same card for another place or form of the weights.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from dataset_builder.core.config import parse_config, save_resolved
from dataset_builder.core.errors import UserError, entry_point
from model_cards.card.config import CONFIG_FILE, CardConfig
from model_cards.card.content import gather_content
from model_cards.card.model_card import write_model_card

EPILOG = """examples:
  python -m model_cards.cards --checkpoint outputs/demo/filtered_bc --results outputs/demo/eval
  python -m model_cards.cards --checkpoint outputs/mistral-7b/bc_lora --results outputs/eval \\
      --repo_id me/mistral-7b-subq --dataset_id me/gsm8k-ai-subq --dataset_revision v1.0.0"""


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
    if config.beside and not Path(config.beside).is_dir():
        raise UserError(f"--beside: there is no folder {config.beside}")
    folder = Path(config.output or config.checkpoint)
    folder.mkdir(parents=True, exist_ok=True)
    print(f"card: {write_model_card(gather_content(config), folder)}")
    save_resolved(config, folder / CONFIG_FILE)


if __name__ == "__main__":
    sys.exit(main())
