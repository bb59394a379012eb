"""What decides a dataset folder's content."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dataset_builder.answers import DEFAULT_RULE, RULES
from dataset_builder.build import views
from dataset_builder.core.config import option
from dataset_builder.stats.about import AboutOptions


@dataclass
class BuildConfig(AboutOptions):
    """The options of a build."""

    generation: str | None = option(None, "the folder of a generation (holds sets.jsonl)")
    journal: str | None = option(None, "the same by its older name")
    published: bool = option(False, "the paper's own raw files, from SUBQ_DATA or their public home")
    raw: list[str] = option([], "published raw files, one problem a line (qg_train_data_raw.jsonl, ...)")
    output: str = option(
        "gsm8k-ai-subq", "the dataset folder to write; an older one of ours is replaced", writes="folder"
    )
    split: str = option(
        "auto", "where the problems of --raw belong; auto asks the file", choices=["auto", "train", "test"]
    )
    gold: str | None = option(None, "GSM8K's own jsonl of the split of --raw, for its golds (default: looked up)")
    rule: str = option(DEFAULT_RULE, "how a final answer is read from a text", choices=RULES)
    validation_fraction: float = option(0.01, "share of the train problems that becomes validation", least=0, most=1)
    keep_test: int = option(
        0,
        "where only a test set is at hand, train on it: this many of its problems stay test, the others become train "
        "and validation, and the card says so; 0: all stay test",
        least=0,
    )
    skip_bad_lines: bool = option(False, "leave malformed lines out instead of stopping at the first")
    drop_leaks: bool = option(
        False, "drop problems whose text stands in a stricter split or a prompt, instead of stopping"
    )
    seed: int = option(0, "draws another division of train and validation")
    usefulness_margin: float = option(
        views.USEFULNESS_MARGIN, "least lead in mean usefulness that makes a preference pair", least=0, most=1
    )
    max_pairs: int = option(views.MAX_PAIRS_PER_PROBLEM, "most preference pairs per problem", least=0)

    @property
    def generation_folder(self) -> Path | None:
        """The generation to build from, by either name."""
        named = self.generation or self.journal
        return Path(named) if named else None
