"""`python -m dataset_builder.push`: publishes a dataset folder; see `dataset.py`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from dataset_builder.core.config import parse_config
from dataset_builder.core.errors import entry_point
from dataset_builder.push.dataset import PushConfig, push_dataset


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    config = parse_config(
        PushConfig,
        argv,
        prog="python -m dataset_builder.push",
        description="Pushes a dataset folder to the Hub: diff, upload, rows read back, tag. A dry run without --yes.",
        epilog="""examples:
  see what would change:   python -m dataset_builder.push --repo org/gsm8k-ai-subq
  publish a version:       python -m dataset_builder.push --repo org/gsm8k-ai-subq --tag v1.0.0 --yes

The token comes from `hf auth login` or HF_TOKEN.""",
    )
    push_dataset(config)


if __name__ == "__main__":
    sys.exit(main())
