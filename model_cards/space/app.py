"""The demo Space: type a problem, see it decomposed and solved by one or two decomposers side by side.

    python -m model_cards.space.app --port 7860

Without a word about decomposers or a solver it runs on the embedded MicroGSM world, with no key. On the Hub the same
options stand in the Space's `space.yaml` (`model_cards.space.push` writes it); a key is its secret OPENAI_API_KEY,
which stays in the environment.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from dataset_builder.core.config import parse_config
from dataset_builder.core.errors import entry_point
from model_cards.space.config import SpaceConfig
from model_cards.space.page import serve


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    """`python -m model_cards.space.app`."""
    serve(
        parse_config(
            SpaceConfig,
            argv,
            prog="python -m model_cards.space.app",
            description="Serve the demo page: a problem, decomposed and solved, two decomposers side by side.",
            epilog="""examples:
  python -m model_cards.space.app
  python -m model_cards.space.app --decomposers checkpoint:outputs/demo/filtered_bc api:micro-gsm-teacher none \\
      --solver openai:micro-gsm-solver --base_url micro_gsm""",
        )
    )


if __name__ == "__main__":
    sys.exit(main())
