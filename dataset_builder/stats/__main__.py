"""Computes the statistics of a dataset folder anew, draws its figures and renews its card.

$ python -m dataset_builder.stats --dataset gsm8k-ai-subq
|                                    |               test |
| ---------------------------------- | -----------------: |
| problems / sets                    |      1,319 / 1,319 |
...
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataset_builder.core.config import option, parse_config
from dataset_builder.core.errors import entry_point
from dataset_builder.core.files import write_json, write_text
from dataset_builder.dataset_folder.layout import read_facts, write_facts
from dataset_builder.door.commands import as_typed
from dataset_builder.stats.about import AboutOptions, about_dataset, said_about
from dataset_builder.stats.card import write_card
from dataset_builder.stats.dataset_stats import dataset_stats
from dataset_builder.stats.figures import draw_figures
from dataset_builder.stats.table import stats_table


@dataclass
class StatsConfig(AboutOptions):
    """Which dataset to describe."""

    dataset: str = option("gsm8k-ai-subq", "the dataset folder; its figures/, facts.json and card are renewed")
    output: str = option(
        "",
        "a folder for figures/, stats.json and stats.md instead, which leaves the dataset as it is",
        writes="folder",
    )


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    config = parse_config(
        StatsConfig,
        argv,
        prog="python -m dataset_builder.stats",
        description="Computes the dataset's statistics, draws its figures (PNG and SVG) and renews its card.",
        epilog="""examples:
  python -m dataset_builder.stats --dataset gsm8k-ai-subq
  what only you know of your own problems, for the card:
    python -m dataset_builder.stats --dataset physics-subq --title "Physics sub-questions" --license cc-by-4.0 \\
        --language en --domain "physics word problems" --description "Twelve problems of a first-year course." """,
    )
    folder = Path(config.dataset)
    facts = read_facts(folder)
    facts["about"] = said_about(config, facts.get("about", {}))
    about = about_dataset(facts)
    facts["stats"] = dataset_stats(folder, is_gsm8k=about.is_gsm8k)
    if config.output:
        _write_beside(Path(config.output), facts["stats"], facts["rule"])
        return
    write_facts(folder, facts)
    figures = draw_figures(folder, facts["stats"])
    write_card(folder)
    print(stats_table(facts["stats"], facts["rule"]))
    print(
        f"\n{len(figures)} figures (PNG and SVG) in {folder / 'figures'}; the card {folder / 'README.md'} shows them"
    )
    if missing := about.missing():
        print(f"the card does not say what only you know of your problems: {', '.join(missing)}")
    words = ["python", "-m", "dataset_builder.push", "--folder", str(folder), "--repo", f"YOU/{folder.name}"]
    print(as_typed(f"next, a dry run that sends nothing: {shlex.join(words)}"))


def _write_beside(output: Path, stats: dict[str, dict[str, Any]], rule: str) -> None:
    """Table, numbers and figures in a folder of their own; the numbers last."""
    output.mkdir(parents=True, exist_ok=True)
    draw_figures(output, stats)
    write_text(output / "stats.md", stats_table(stats, rule) + "\n")
    write_json(output / "stats.json", stats)
    print(f"{stats_table(stats, rule)}\n\nfigures in {output / 'figures'}")


if __name__ == "__main__":
    sys.exit(main())
