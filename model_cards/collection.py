"""One collection on the Hub that links what belongs together: dataset, models, metric, Space and papers.

A dry run unless `--yes`, which needs no network; private unless `--public`. An existing collection of that title gets
what it lacks and loses nothing; the items are read back.

    $ python -m model_cards.collection --namespace org \\
          --items dataset:org/gsm8k-ai-subq model:org/subq-lora space:org/subq_accuracy paper:2402.01812
    collection org/GSM8K-AI-SubQ: new, private
    + dataset org/gsm8k-ai-subq
    ...
    dry run: nothing was sent; add --yes to push
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from dataset_builder.core.config import parse_config
from dataset_builder.core.errors import entry_point
from model_cards.hub_collection import CollectionConfig, push_collection


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    """`python -m model_cards.collection`."""
    push_collection(
        parse_config(
            CollectionConfig,
            argv,
            prog="python -m model_cards.collection",
            description="Link dataset, models, metric, Space and papers in one collection. A dry run without --yes.",
            epilog="The token comes from `hf auth login` or HF_TOKEN.",
        )
    )


if __name__ == "__main__":
    sys.exit(main())
