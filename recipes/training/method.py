"""What a method adds to a run: the rows it makes of the data, its trainer, what it logs; `training.fit` does the rest.

A method is a subclass of `TrainingMethod` in `recipes/methods/`, which its row of `config.methods.METHODS` names.

Rows pass through three hands. `texts` gives token rows, the texts of one example side by side (a pair has two), which
are checked and of which the first is shown; `examples` gives what the trainer reads of them; `draw` decides which of
these are trained on, and how often. Validation rows pass through the first two.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from datasets import Dataset
from transformers import TrainerCallback, TrainingArguments

from recipes.config.methods import METHODS
from recipes.config.recipe import RecipeConfig
from recipes.data.load import Columns, TrainingData
from recipes.data.tokenize import TokenRow, build_token_rows
from recipes.models.types import CausalLM, Tokenizer
from recipes.training.arguments import extra_arguments, shared_arguments
from recipes.training.packed import PackedTrainer

Example = dict[str, Any]
"""What the trainer's collator reads of one example, and its `length`: the tokens it takes in a batch."""
Texts = tuple[TokenRow, ...]
"""The token rows of one example."""


class TrainingMethod(ABC):
    """One method on one run's data; its arguments are built, and so checked, before anything is loaded."""

    arguments_class: ClassVar[type[TrainingArguments]]
    trainer_class: ClassVar[Any]
    """A `PackedTrainer` and one of transformers' or TRL's trainers."""
    columns: tuple[str, ...]
    """Of an example, what the dataset holds."""

    def __init__(self, config: RecipeConfig, data: TrainingData) -> None:
        self.config, self.data = config, data
        self.arguments = self._build_arguments()

    @property
    def joins_rows(self) -> bool:
        """Whether a micro-batch is one row without padding."""
        return bool(getattr(self.arguments, "padding_free", False))

    def follow(self, planned: RecipeConfig) -> None:
        """Carries out the recipe as it was planned for this machine: what it left open is decided now."""
        self.config = planned
        self.arguments = self._build_arguments()

    def _build_arguments(self) -> Any:
        config = self.config
        values = shared_arguments(config) | self.own_arguments() | extra_arguments(config, self.arguments_class)
        return self.arguments_class(**values)

    def own_arguments(self) -> dict[str, Any]:
        """Keyword arguments of `arguments_class` beside the shared ones; the recipe's `trainer_options` win."""
        return {}

    def words(self) -> list[str]:
        """The texts a new tiny backbone takes its vocabulary from; none where the method starts from a checkpoint."""
        return []

    @abstractmethod
    def texts(self, columns: Columns, tokenizer: Tokenizer) -> list[Texts]:
        """The token rows of each example of a split that is not empty."""

    def examples(self, texts: Sequence[Texts]) -> list[Example]:
        """What the trainer reads of them; by default the one row that each example has."""
        return [row for (row,) in texts]

    def draw(self, examples: list[Example]) -> list[Example]:
        """The examples that are trained on; by default each of them once."""
        return examples

    def trainer(
        self,
        model: CausalLM,
        tokenizer: Tokenizer,
        train: Dataset,
        validation: Dataset | None,
        callbacks: Sequence[TrainerCallback],
    ) -> PackedTrainer:
        """The trainer of this run.

        Args:
            model: trained in place.
            tokenizer: of the model.
            train: rows with `columns` and `length`.
            validation: the same, or None.
            callbacks: of the scaffold.
        """
        shared = {
            "model": model,
            "args": self.arguments,
            "train_dataset": train,
            "eval_dataset": validation,
            "processing_class": tokenizer,
            "callbacks": list(callbacks),
        }
        trainer: PackedTrainer = self.trainer_class(**shared | self.trainer_settings(model, tokenizer, train))
        return trainer

    def trainer_settings(self, model: CausalLM, tokenizer: Tokenizer, train: Dataset) -> dict[str, Any]:
        """Further keyword arguments of `trainer_class`, or others than the shared ones."""
        return {}

    @abstractmethod
    def trained_tokens(self, examples: Sequence[Example]) -> list[int]:
        """The tokens of a batch of these that must carry loss, in the batch's order."""

    def published(self, model: Any) -> CausalLM:
        """What is saved, and decodes, of what the trainer trains; by default that itself.

        Asked once: before the first step where checkpoints are chosen by what they decode, else after the last.
        """
        decoder: CausalLM = model
        return decoder

    def details(self, history: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """What only this method measures, from the log lines of its updates."""
        return {}

    def finish(self, published: CausalLM) -> None:  # noqa: B027 (most methods leave nothing behind)
        """Takes away what only training needed of the model; called last."""

    def token_rows(self, columns: Columns, completions: Sequence[str], tokenizer: Tokenizer) -> list[TokenRow]:
        """The rows of the prompts with these completions."""
        texts = {"prompt": columns["prompt"], "completion": completions}
        return build_token_rows(texts, tokenizer, self.config.text_format)


def method_of(config: RecipeConfig, data: TrainingData) -> TrainingMethod:
    """What carries the recipe out on these data."""
    module, _, name = METHODS[config.method].implementation.partition(":")
    method: TrainingMethod = getattr(importlib.import_module(module), name)(config, data)
    return method
