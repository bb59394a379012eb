"""Merges an adapter into its base at the base's full precision, and measures what that changes; see `models.merge`.

Reads an adapter folder that a recipe wrote; writes the merged model beside it, or into `--output`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dataset_builder.core.config import option, parse_config
from dataset_builder.core.errors import UserError, entry_point
from recipes.models.merge import merge_adapter

EPILOG = """\
examples:
  python -m recipes.merge --checkpoint outputs/mistral-7b/bc_qlora
  python -m recipes.merge --checkpoint outputs/tiny/filtered_bc_lora --output outputs/tiny/merged
"""


@dataclass(frozen=True)
class MergeConfig:
    """What to merge and where to."""

    checkpoint: str = option("", "adapter folder that recipes.train wrote")
    output: str = option(
        "", "new folder for the merged model (default: the adapter's name with -merged)", writes="folder"
    )
    device: str = option("", "cpu, cuda, ...; empty: a GPU if there is one")


@entry_point
def main(argv: Sequence[str] | None = None) -> int:
    config = parse_config(
        MergeConfig,
        argv,
        prog="python -m recipes.merge",
        description="Merges an adapter into its full-precision base and measures the drift.",
        epilog=EPILOG,
    )
    if not config.checkpoint:
        raise UserError("name the adapter folder: --checkpoint outputs/mistral-7b/bc_qlora (with make CHECKPOINT=...)")
    checkpoint = Path(config.checkpoint)
    output = Path(config.output) if config.output else checkpoint.with_name(f"{checkpoint.name}-merged")
    record = merge_adapter(checkpoint, output, config.device or None)
    for name, drift in record["drift"].items():
        print(
            f"drift {name.replace('_', ' '):16} log-probability at most {drift['largest']:.2e}, "
            f"mean {drift['mean']:.2e}; same choice at {100 * drift['same_choice']:.2f} % of {record['tokens']} tokens"
        )
    print(f"merged: {output}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
