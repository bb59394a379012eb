"""Publishes the demo as a Space on the Hub: on ZeroGPU, where it answers, or as a static page of recorded pairs.

A dry run (which needs no network) unless `--yes`, private unless `--public`; read back like every push. A Space that
answers holds the packages' files, so it runs what was tested here, and needs nothing that is not on PyPI. A static one
is free for everybody; its card says what the other needs.

    $ python -m model_cards.space.push --repo org/decompose-then-solve
    space org/decompose-then-solve: new, private
    + README.md (1.2 kB)
    + app.py (0.2 kB)
    ...
    dry run: nothing was sent; add --yes to push
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dataset_builder.core.config import parse_config
from dataset_builder.core.errors import UserError, entry_point
from dataset_builder.core.hub_ids import is_hub_id
from dataset_builder.hub.upload import PushOptions, Upload, push_files
from model_cards.space.config import build_demo
from model_cards.space.staging import PACKAGES, SpaceOptions, stage_space

MANAGED = ("*.py", "index.html", "requirements.txt", "space.yaml", *(f"{package}/*" for package in PACKAGES))


@dataclass
class PushSpaceConfig(SpaceOptions, PushOptions):
    """Which page goes where."""


def push_space(config: PushSpaceConfig) -> str | None:
    """Pushes the Space and returns the commit; None for a dry run.

    Raises:
        UserError: a local checkpoint, a bad name or token, a tag that exists, a Hub that refuses.
    """
    if wrong := [name for name in config.datasets if not is_hub_id(name, namespace=True)]:
        raise UserError(f"--datasets {wrong[0]}: expected org/name")
    build_demo(config, "").check(checkpoints=False)
    with tempfile.TemporaryDirectory() as staging:
        files = stage_space(config, Path(staging))
        sdk, hardware = ("static", None) if config.runtime == "static" else ("gradio", "zero-a10g")
        return push_files(
            Upload("space", files, "Space", managed=MANAGED, space_sdk=sdk, space_hardware=hardware), config
        )


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    """`python -m model_cards.space.push`."""
    push_space(
        parse_config(
            PushSpaceConfig,
            argv,
            prog="python -m model_cards.space.push",
            description="Pushes the demo page to the Hub as a Space, on ZeroGPU or static. A dry run without --yes.",
            epilog="""examples:
  python -m model_cards.space.push --repo me/decompose-then-solve --runtime static --results outputs/demo/eval
  python -m model_cards.space.push --repo me/decompose-then-solve
  python -m model_cards.space.push --repo me/decompose-then-solve --solver openai:gpt-4o-mini \\
      --decomposers checkpoint:me/subq-lora api:gpt-4o-mini none --yes

The token comes from `hf auth login` or HF_TOKEN.""",
        )
    )


if __name__ == "__main__":
    sys.exit(main())
