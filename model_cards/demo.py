"""The whole way on the embedded world, each step a command of its own: no key, no GPU, no Hub.

Reads nothing but the packages' own configs; writes generation, dataset, two checkpoints, scores and cards into
`--output`. What a step has finished is not done again, so the same command resumes where the last one stopped.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dataset_builder.core.config import HOME, option, parse_config, read_yaml
from dataset_builder.core.errors import UserError, entry_point
from dataset_builder.core.values import check_installed
from dataset_builder.door.commands import as_typed

SCORED = "eval_harness/configs/demo.yaml"
PLACE = "outputs/demo"
"""Where the configs say that it is."""
RESULTS = {
    "dataset": "gsm8k-ai-subq",
    "adapter": "filtered_bc",
    "record": "eval/results/",
    "figure": "eval/accuracy.png",
    "page": "eval/page.html",
    "card": "filtered_bc/README.md",
}
EPILOG = """examples:
  python -m model_cards.demo
  python -m model_cards.demo --quick --output outputs/quick      # a minute or two; its numbers mean nothing"""


@dataclass(frozen=True)
class DemoConfig:
    """Where to, and how much."""

    output: str = option(PLACE, "a folder for everything", writes="folder")
    quick: bool = option(False, "a small part of everything, to see that it runs; its numbers mean nothing")


def steps(config: DemoConfig) -> list[list[str]]:
    """The command lines after `python -m`, in their order."""
    place = Path(config.output)
    generation, dataset, cloned, filtered, scores = (
        str(place / name) for name in ("generate", "gsm8k-ai-subq", "bc", "filtered_bc", "eval")
    )
    rows = [row.replace(PLACE, place.as_posix()) for row in read_yaml(HOME / SCORED)["decomposers"]]
    few, short = (["--limit", "120"], ["--max_steps", "30"]) if config.quick else ([], [])
    train = ["recipes.train", "--dataset", dataset, *short, "--recipe"]
    return [
        ["dataset_builder.generate", "--config", "dataset_builder/configs/demo.yaml", "--output", generation, *few],
        ["dataset_builder.build", "--generation", generation, "--output", dataset],
        [*train, "tiny/bc_full", "--output_dir", cloned],
        [*train, "tiny/filtered_bc_lora", "--init_from", cloned, "--output_dir", filtered],
        ["eval_harness.run", "--config", SCORED, "--output", scores, "--decomposers", *rows, *few],
        ["model_cards.cards", "--checkpoint", cloned, "--results", scores],
        ["model_cards.cards", "--checkpoint", filtered, "--results", scores],
    ]


def run_step(command: Sequence[str]) -> int:
    """Its exit code. Ctrl-C reaches a step, too: it is waited for while it saves what it has."""
    step = subprocess.Popen(command)
    try:
        return step.wait()
    except KeyboardInterrupt:
        step.wait()
        raise


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    """`python -m model_cards.demo`."""
    config = parse_config(
        DemoConfig,
        argv,
        prog="python -m model_cards.demo",
        description="The whole way on the embedded world: no key, no GPU, no Hub (under 6 minutes on two CPU cores).",
        epilog=EPILOG,
    )
    check_installed("torch")
    for words in steps(config):
        print(f"\n$ {as_typed(f'python -m {shlex.join(words)}')}", flush=True)
        if done := run_step([sys.executable, "-m", *words]):
            raise UserError(f"{words[0]} stopped with exit code {done}; the same command goes on from there")
    print()
    for name, path in RESULTS.items():
        print(f"{name:9}{config.output}/{path}")


if __name__ == "__main__":
    sys.exit(main())
