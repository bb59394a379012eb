"""How long the rows of a run are, and how its updates are cut into micro-batches.

A run's own rows are tokenised before it is planned, chat templates included; `recipes.plan` does the same where
dataset and tokenizer are on this machine. Where they are not, lengths are typical ones, and the plan says so.

    Lengths.typical(config)    -> 128 rows of 78 to 232 tokens; none may be longer than max_length
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from recipes.config.methods import METHODS
from recipes.config.recipe import TINY, RecipeConfig
from recipes.data.packing import TokenBudget, held_tokens, micro_batches

TYPICAL_TOKENS = {"decomposer": 155, "solver": 240}
"""Mean tokens of a row where the data are not at hand: the published test sets at 4.2 characters a token."""
SHORTEST, LONGEST = 0.5, 1.5
"""Of the mean, where the data are not at hand."""
SAMPLED_UPDATES = 50


@dataclass(frozen=True)
class Lengths:
    """Tokens that each example of a run takes in a micro-batch."""

    rows: Sequence[int]
    """Of each."""
    longest: int
    """Of the longest that may come."""
    exact: bool
    """Counted, not guessed."""
    joined: bool = False
    """A micro-batch joins its rows, so that none is padded."""

    @classmethod
    def counted(cls, rows: Sequence[int], *, joined: bool = False) -> Lengths:
        """Those of examples that are tokenised."""
        return cls(rows, max(rows), exact=True, joined=joined)

    @classmethod
    def at_hand(cls, config: RecipeConfig) -> Lengths | None:
        """Those of the dataset's examples where its folder and a tokenizer are on this machine, else None."""
        start = config.init_from or config.backbone
        if not Path(config.dataset).is_dir() or not (start == TINY or Path(start).is_dir() or _is_cached(start)):
            return None
        from recipes.data.load import load_training_data
        from recipes.models.trainable import trainable_tokenizer
        from recipes.training.fit import prepare_examples
        from recipes.training.method import method_of

        method = method_of(config, load_training_data(config))
        examples = prepare_examples(method, trainable_tokenizer(config, method.words))
        return cls.counted([example["length"] for example in examples.train], joined=method.joins_rows)

    @classmethod
    def typical(cls, config: RecipeConfig) -> Lengths:
        """What is usual for the method's student, spread evenly around the mean."""
        method, count = METHODS[config.method], config.effective_batch_size
        mean = min(TYPICAL_TOKENS[method.student], config.max_length / LONGEST)
        spread = [SHORTEST + (LONGEST - SHORTEST) * (index + 0.5) / count for index in range(count)]
        rows = [round(method.texts_per_row * mean * share) for share in spread]
        joined = config.padding_free == "on"
        return cls(rows, method.texts_per_row * config.max_length, exact=False, joined=joined)

    @property
    def mean(self) -> float:
        return fmean(self.rows)

    def updates(self, config: RecipeConfig, devices: int) -> list[list[int]]:
        """Lengths of a device's rows in some of the run's first updates, longest first."""
        from recipes.data.sampler import UpdateSampler

        sampler = UpdateSampler(self.rows, config.effective_batch_size, config.seed, processes=devices)
        drawn = zip(sampler, range(SAMPLED_UPDATES), strict=False)
        return [[self.rows[row] for row in update] for update, _ in drawn]


@dataclass(frozen=True)
class Cut:
    """Updates cut into micro-batches."""

    micro_batches: float
    """Of an update, on average."""
    tokens: float
    """That an update puts through the model, padding included."""
    read: float
    """Without padding."""
    fullest: int
    """Tokens of the largest micro-batch."""


def cut(updates: Sequence[Sequence[int]], budget: TokenBudget) -> Cut:
    """What a budget makes of these updates."""
    held = [held_tokens(rows, micro_batches(rows, budget), joined=budget.joined) for rows in updates]
    return Cut(
        micro_batches=fmean(map(len, held)),
        tokens=fmean(map(sum, held)),
        read=fmean(map(sum, updates)),
        fullest=max(map(max, held)),
    )


def _is_cached(source: str) -> bool:
    """Whether the tokenizer of a Hub id has been downloaded before: a plan downloads nothing."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        return isinstance(try_to_load_from_cache(source, "tokenizer.json"), str)
    except HFValidationError:
        return False
