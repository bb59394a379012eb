"""Publishes a checkpoint on the Hub as an adapter, as merged weights or as GGUF, with its card written for that place.

A dry run unless `--yes`, private unless `--public`. The card is rewritten from the records, with the options that
`card.yaml` keeps (see `model_cards.cards`) and the repository's own name. Nothing is sent before the card has passed
its check and no file holds a token or a home path. After the upload the content hashes and the weights' headers are
read back.

    $ python -m model_cards.push --checkpoint outputs/demo/bc --repo org/subq-bc --dataset_id org/gsm8k-ai-subq \\
          --dataset_revision v1.0.0
    model org/subq-bc: new, private
    + README.md (6.1 kB)
    + model.safetensors (3,112.4 kB)
    dry run: nothing was sent; add --yes to push
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from dataset_builder.core.config import parse_config
from dataset_builder.core.errors import UserError, entry_point
from model_cards.publication import PushModelConfig, push_model

EPILOG = """examples:
  python -m model_cards.push --checkpoint outputs/mistral-7b/bc_lora --repo me/mistral-7b-subq
  python -m model_cards.push --checkpoint outputs/mistral-7b/bc_lora --repo me/mistral-subq-merged --form merged --yes

The card's own options (--dataset_id, ...) are those it was last written with, unless they are given here.
The token comes from `hf auth login` or HF_TOKEN."""


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    """`python -m model_cards.push`."""
    config = parse_config(
        PushModelConfig,
        argv,
        prog="python -m model_cards.push",
        description="Pushes a checkpoint to the Hub: card, diff, upload, read back, tag. A dry run without --yes.",
        epilog=EPILOG,
    )
    if not config.checkpoint or not Path(config.checkpoint).is_dir():
        raise UserError(f"--checkpoint must be the folder of a finished run, found {config.checkpoint!r}")
    push_model(config)


if __name__ == "__main__":
    sys.exit(main())
