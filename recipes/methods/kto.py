"""kto: a policy that makes right sets likelier and wrong ones less likely, on TRL's KTOTrainer.

Reads the columns prompt, completion, label (`unpaired_preference` config); its reference is the BC checkpoint that it
starts from.

Source: Ethayarajh et al., arXiv 2402.01306.
Differences: 1. the budget is the recipe's `max_steps` at its effective batch size; 2. the KL divergence is estimated
on a whole update, so that micro-batches change nothing; 3. desirable and undesirable losses are weighted so that both
kinds count alike (equation 8), unless the recipe's `trainer_options` say otherwise.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from statistics import fmean
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import Module
from trl import KTOConfig, KTOTrainer
from trl.models.utils import disable_gradient_checkpointing
from trl.trainer.utils import use_adapter

from dataset_builder.core.errors import UserError
from recipes.data.load import Columns
from recipes.methods.preference import (
    REFERENCE_ADAPTER,
    Preference,
    TokenizedTrainer,
    completion_ids,
    prompt_ids,
)
from recipes.models.types import Batch, Tokenizer
from recipes.training.method import Example, Texts


class TokenizedKTOTrainer(TokenizedTrainer, KTOTrainer):
    """KTOTrainer on the rows of `LabelledSets`; how far the policy has moved is measured on a whole update's."""

    drift: Tensor
    """Of the update under way: the mean of log pi - log reference over its mismatched completions."""

    def before_update(self, model: Module, batches: Sequence[Batch]) -> None:
        gaps = []
        policy_model, recomputed = cast("Any", self.model), cast("Any", self.args.gradient_checkpointing_kwargs)
        for batch in map(self._prepare_inputs, batches):
            with (
                torch.no_grad(),
                self.compute_loss_context_manager(),
                disable_gradient_checkpointing(policy_model, recomputed),
            ):
                policy = super()._compute_kl_logps(model, batch)
                with self.reference() as reference:
                    gaps.append(policy - super()._compute_kl_logps(reference, batch))
        self.drift = torch.cat(gaps).mean()[None]

    def _compute_kl_logps(self, model: Module, batch: Batch) -> Tensor:
        """The two that TRL subtracts in a micro-batch, policy first: their difference is the update's."""
        self._asked = not getattr(self, "_asked", False)
        return self.drift if self._asked else torch.zeros_like(self.drift)

    def rows_behind(self, name: str, inputs: Batch) -> int:
        """Right sets alone have chosen rewards, wrong ones rejected."""
        right = int(torch.as_tensor(inputs["label"]).sum())
        return right if name.endswith("/chosen") else len(inputs["label"]) - right

    def _weigh_by_rows(self, logged: dict[str, list[float]], before: dict[str, int], inputs: Batch) -> None:
        logged.pop("rewards/margins", None)
        super()._weigh_by_rows(logged, before, inputs)
        right, wrong = logged.get("rewards/chosen"), logged.get("rewards/rejected")
        if right and wrong:  # of all sets so far, since a micro-batch may hold sets of one kind
            logged["rewards/margins"] = [fmean(right) - fmean(wrong)]

    @contextmanager
    def reference(self) -> Iterator[Module]:
        """The model that the policy is held to: one of its own, or the trained one with its first adapter."""
        if self.ref_model is not None:
            yield self.ref_model
            return
        policy = self.accelerator.unwrap_model(self.model)
        with use_adapter(policy, REFERENCE_ADAPTER if REFERENCE_ADAPTER in policy.peft_config else None):
            yield cast("Module", self.model)


class LabelledSets(Preference):
    """kto: {"prompt_ids", "completion_ids", "label", "KL_completion_ids"} of each set.

    KTO estimates how far the policy has moved on completions of *other* prompts: here on that of the set before it in
    an order that the seed shuffles.
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
        order = random.Random(self.config.seed).sample(range(len(texts)), len(texts))
        rows = [texts[index][0] for index in order]
        return [
            {
                "prompt_ids": prompt_ids(row),
                "completion_ids": completion_ids(row),
                "label": row["label"],
                "KL_completion_ids": completion_ids(before),
                "length": 2 * max(row["length"], len(prompt_ids(row)) + len(completion_ids(before))),
            }
            for row, before in zip(rows, rows[-1:] + rows[:-1], strict=True)
        ]

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
