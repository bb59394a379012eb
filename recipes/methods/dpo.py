"""dpo: a policy that likes the chosen set of a pair better than the rejected one, on TRL's DPOTrainer.

Reads the columns prompt, chosen, rejected (`preference` config); its reference is the BC checkpoint that it
starts from.

Source: Rafailov et al., arXiv 2305.18290.
Differences: 1. the budget is the recipe's `max_steps` at its effective batch size, pairs counting as one example.
"""

from __future__ import annotations

from collections.abc import Sequence

from trl import DPOConfig, DPOTrainer

from recipes.data.load import Columns
from recipes.methods.preference import Preference, TokenizedTrainer, completion_ids, prompt_ids
from recipes.models.types import Batch, Tokenizer
from recipes.training.method import Example, Texts


class TokenizedDPOTrainer(TokenizedTrainer, DPOTrainer):
    """DPOTrainer on the rows of `Pairs`."""

    def rows_of(self, inputs: Batch) -> int:
        return len(inputs["input_ids"]) // 2


class Pairs(Preference):
    """dpo: {"prompt_ids", "chosen_ids", "rejected_ids"} of each pair, each completion with its end of text."""

    arguments_class = DPOConfig
    trainer_class = TokenizedDPOTrainer
    columns = ("prompt_ids", "chosen_ids", "rejected_ids")

    def texts(self, columns: Columns, tokenizer: Tokenizer) -> list[Texts]:
        sides = (self.token_rows(columns, columns[side], tokenizer) for side in ("chosen", "rejected"))
        return list(zip(*sides, strict=True))

    def examples(self, texts: Sequence[Texts]) -> list[Example]:
        return [
            {
                "prompt_ids": prompt_ids(good),
                "chosen_ids": completion_ids(good),
                "rejected_ids": completion_ids(bad),
                "length": 2 * max(good["length"], bad["length"]),
            }
            for good, bad in texts
        ]

    def trained_tokens(self, examples: Sequence[Example]) -> list[int]:
        """TRL puts all chosen texts of a batch before the rejected ones."""
        return [token for side in ("chosen_ids", "rejected_ids") for row in examples for token in row[side]]
