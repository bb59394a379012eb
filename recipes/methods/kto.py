"""kto: a policy that makes right sets likelier and wrong ones less likely, on TRL's KTOTrainer.

Reads the columns prompt, completion, label (`unpaired_preference` config); its reference is the BC checkpoint that it
starts from.

Source: Ethayarajh et al., arXiv 2402.01306.
Differences: 1. the budget is the recipe's `max_steps` at its effective batch size; 2. desirable and undesirable losses
are weighted so that both kinds count alike (equation 8), unless the recipe's `trainer_options` say otherwise.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from trl import KTOConfig, KTOTrainer

from dataset_builder.core.errors import UserError
from recipes.data.load import Columns
from recipes.methods.preference import Preference, TokenizedTrainer, completion_ids, prompt_ids
from recipes.models.types import Tokenizer
from recipes.training.method import Example, Texts


class TokenizedKTOTrainer(TokenizedTrainer, KTOTrainer):
    """KTOTrainer on the rows of `LabelledSets`."""


class LabelledSets(Preference):
    """kto: {"prompt_ids", "completion_ids", "label", "KL_completion_ids"} of each set, in a shuffled order.

    KTO estimates how far the policy has moved from completions of *other* prompts of the same micro-batch, so the
    order is fixed here and read as it is.
    """

    arguments_class = KTOConfig
    trainer_class = TokenizedKTOTrainer
    columns = ("prompt_ids", "completion_ids", "label", "KL_completion_ids")

    def own_arguments(self) -> dict[str, Any]:
        """With the weights of the two kinds.

        Raises:
            UserError: all labels are the same.
        """
        labels = self.data.train["label"]
        if len(set(labels)) < 2:
            raise UserError("kto needs right and wrong sets, and all labels here are the same; check the dataset")
        return super().own_arguments() | {"train_sampling_strategy": "sequential", **balanced_weights(labels)}

    def texts(self, columns: Columns, tokenizer: Tokenizer) -> list[Texts]:
        rows = self.token_rows(columns, columns["completion"], tokenizer)
        return [(row | {"label": bool(label)},) for row, label in zip(rows, columns["label"], strict=True)]

    def examples(self, texts: Sequence[Texts]) -> list[Example]:
        shuffled = random.Random(self.config.seed).sample(range(len(texts)), len(texts))
        rows = [texts[index][0] for index in shuffled]
        examples: list[Example] = [
            {"prompt_ids": prompt_ids(row), "completion_ids": completion_ids(row), "label": row["label"]}
            for row in rows
        ]
        for start in range(0, len(examples), self.config.micro_batch):
            batch = examples[start : start + self.config.micro_batch]
            for row, previous in zip(batch, [batch[-1], *batch[:-1]], strict=True):
                row["KL_completion_ids"] = previous["completion_ids"]
        return examples

    def trained_tokens(self, examples: Sequence[Example]) -> list[int]:
        return [token for row in examples for token in row["completion_ids"]]


def balanced_weights(labels: Sequence[bool]) -> dict[str, float]:
    """KTO's weights under which right and wrong sets count alike: the rarer kind weighs more, the other 1.

    >>> balanced_weights([True, True, True, False])
    {'desirable_weight': 1.0, 'undesirable_weight': 3.0}
    """
    right = sum(labels)
    wrong = len(labels) - right
    return {"desirable_weight": max(1.0, wrong / right), "undesirable_weight": max(1.0, right / wrong)}
