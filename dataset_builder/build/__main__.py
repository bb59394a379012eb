"""Builds the dataset folder from raw sets: labels them, splits them by problem, checks for leaks, writes every config.

Reads a generation's folder (`--generation`) or raw files in the paper's form (`--raw`, `--published`), twice: to know
all problems, once to write rows; memory stays flat. Writes a folder as `dataset_folder.layout` describes, in a
sibling that takes the folder's place at the end, so that an interrupted build leaves the old folder as it was.

    $ python -m dataset_builder.build --raw qg_test_data_raw.jsonl --output gsm8k-ai-subq
    gsm8k-ai-subq: 1319 problems, 1319 sets (test 1319)
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from dataset_builder.build.config import BuildConfig
from dataset_builder.build.dataset import build_dataset
from dataset_builder.build.summary import last_lines
from dataset_builder.core.config import parse_config
from dataset_builder.core.errors import entry_point
from dataset_builder.door.commands import as_typed

EPILOG = """examples:
  the paper's own files, from SUBQ_DATA or their public home:
    python -m dataset_builder.build --published
  one of them, as it is:
    python -m dataset_builder.build --raw qg_test_data_raw.jsonl --output gsm8k-ai-subq
  train and test together:
    python -m dataset_builder.build --raw qg_train_data_raw.jsonl qg_test_data_raw.jsonl
  what `python -m dataset_builder.generate --output outputs/run` wrote:
    python -m dataset_builder.build --generation outputs/run --output gsm8k-ai-subq
  from problems of your own, with what only you know of them:
    python -m dataset_builder.build --generation outputs/physics --output physics-subq --validation_fraction 0.2 \\
        --license cc-by-4.0 --language en --domain "physics word problems"

Afterwards, beside the folder:  load_dataset("gsm8k-ai-subq")  or  load_dataset("gsm8k-ai-subq", "preference")"""


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    config = parse_config(
        BuildConfig,
        argv,
        prog="python -m dataset_builder.build",
        description="Builds the dataset folder (parquet, card, facts) from a generation or from published raw files.",
        epilog=EPILOG,
    )
    facts = build_dataset(config)
    print(*map(as_typed, last_lines(config, facts)), sep="\n")


if __name__ == "__main__":
    sys.exit(main())
