"""Publishes a metric on the Hub as a Space that `evaluate.load("org/name")` loads: self-contained, a dry run at first.

    $ python -m eval_harness.push_metric --metric subq_accuracy --repo org/subq_accuracy
    space org/subq_accuracy: new, private
    + subq_accuracy.py (4.7 kB)
    ...
    dry run: nothing was sent; add --yes to push

Without --repo, `--output DIR` writes the self-contained folder there and sends nothing: `evaluate.load(DIR)` works
where this project is not installed.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dataset_builder.core.config import option, parse_config
from dataset_builder.core.errors import UserError, entry_point
from dataset_builder.hub.upload import PushOptions, Upload, push_files
from eval_harness.metrics.bundle import bundle_metric, metric_names

MANAGED = ("*.py", "requirements.txt")


@dataclass
class PushMetricConfig(PushOptions):
    """Which metric goes where."""

    metric: str = option("subq_accuracy", "which metric", metric_names())
    output: str = option(
        "", "write the self-contained folder here, too; without --repo nothing is sent", writes="folder"
    )


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    """`python -m eval_harness.push_metric`."""
    config = parse_config(
        PushMetricConfig,
        argv,
        prog="python -m eval_harness.push_metric",
        description="Publish a metric as a self-contained Space for evaluate.load. A dry run without --yes.",
        epilog="""examples:
  see what would change:   python -m eval_harness.push_metric --metric subq_accuracy --repo org/subq_accuracy
  publish it:              python -m eval_harness.push_metric --metric subq_accuracy --repo org/subq_accuracy \\
                               --public --yes
  only write the folder:   python -m eval_harness.push_metric --metric subq_accuracy --output outputs/subq_accuracy

The token comes from `hf auth login` or HF_TOKEN. Others can load a metric only from a public Space.""",
    )
    push_metric(config)


def push_metric(config: PushMetricConfig) -> str | None:
    """Bundles the metric and pushes it; returns the commit, None for a dry run or a folder only.

    Raises:
        UserError: neither --repo nor --output, a repository of another name, or what `push_files` refuses.
    """
    if not config.repo and not config.output:
        raise UserError("say where to: --repo org/name for the Hub, --output DIR for a folder")
    for option_name, value in (("repo", config.repo), ("output", config.output)):
        if value and Path(value).name != config.metric:
            raise UserError(
                f"--{option_name} {value}: evaluate.load looks for a script of that name, so it must end in "
                f"/{config.metric}"
            )
    with tempfile.TemporaryDirectory() as folder:
        files = bundle_metric(config.metric, Path(config.output or folder))
        if not config.repo:
            print(f"{config.output}: {len(files)} files; evaluate.load({config.output!r}) needs no other file of ours")
            return None
        upload = Upload("space", files, f"Metric {config.metric}", managed=MANAGED, space_sdk="gradio")
        return push_files(upload, config)


if __name__ == "__main__":
    sys.exit(main())
