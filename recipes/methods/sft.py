"""Cloning of completions: sub-questions (bc, filtered_bc) and a solver's answers (solver_*), on TRL's SFTTrainer.

Reads prompt and completion columns. Rows are tokenised and checked by the scaffold, so TRL's own preparation (which
drops or truncates rows silently) is switched off.

Rows of a micro-batch are padded to the longest, or joined into one padding-free row. Joined rows keep apart through
their positions: each starts at 0 again, and attention stays inside a row, by FlashAttention where it is installed and
by torch alone elsewhere (`models.joined_attention`). Both give the same loss. `auto` joins where that was measured
faster: with FlashAttention, and on a CPU; tiny backbones stay padded, so that their runs repeat to the digit.

Source: arXiv 2402.01812, section 4 (AdamW 1e-4 constant, effective batch 32); arXiv 2402.15000, section 3.
Differences: 1. an equal budget of updates per method is the recipe's `max_steps`; 2. batches of like length instead of
padding every row to the longest; 3. each loss is the mean over the trained tokens of the whole effective batch, so the
micro-batch size changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import Module
from transformers.utils import ModelOutput
from trl import SFTConfig, SFTTrainer

from recipes.config.recipe import TINY, RecipeConfig
from recipes.data.load import Columns
from recipes.data.tokenize import NO_LOSS
from recipes.models.completion_loss import add_completion_head
from recipes.models.joined_attention import use_joined_attention
from recipes.models.load import has_flash_attention
from recipes.models.types import Batch, CausalLM, Tokenizer
from recipes.training.method import Example, Texts, TrainingMethod
from recipes.training.packed import PackedTrainer


class CompletionTrainer(PackedTrainer, SFTTrainer):
    """SFTTrainer with a lean loss; a row may carry a `weight`, which multiplies the losses of its tokens."""

    def __init__(self, model: CausalLM, **kwargs: Any) -> None:
        super().__init__(model=model, **kwargs)
        if kwargs["args"].padding_free and not has_flash_attention():
            use_joined_attention(model)
        add_completion_head(model)

    def compute_loss(
        self,
        model: Module,
        inputs: Batch,
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Tensor | tuple[Tensor, ModelOutput]:
        """Mean over the trained tokens of the whole effective batch; TRL's also gathers metrics, a sync per step."""
        weights = inputs.pop("weight", None)
        outputs = model(**inputs, fused_lm_head=True)
        log_probs = outputs.log_probs if weights is None else outputs.log_probs * weights[:, None]
        tokens = outputs.label_mask.sum() if num_items_in_batch is None else num_items_in_batch
        loss = -log_probs.sum() / tokens
        if self.args.average_tokens_across_devices and num_items_in_batch is not None:
            loss = loss * self.accelerator.num_processes  # its mean over the processes is the sum again
        return (loss, outputs) if return_outputs else loss

    def validation_sums(self, model: Module, inputs: Batch) -> Tensor:
        """Per trained token, all rows alike."""
        inputs.pop("weight", None)
        outputs = model(**inputs, fused_lm_head=True)
        return torch.stack([-outputs.log_probs.sum(), outputs.label_mask.sum()])


class Cloning(TrainingMethod):
    """bc, filtered_bc and solver_*: the loss of the completion's tokens."""

    arguments_class = SFTConfig
    trainer_class = CompletionTrainer
    columns: tuple[str, ...] = ("input_ids", "labels")

    def own_arguments(self) -> dict[str, Any]:
        return {
            "activation_checkpointing": bool(self.config.gradient_checkpointing),
            "padding_free": joins_rows(self.config),
            "max_length": None,
            "dataset_kwargs": {"skip_prepare_dataset": True},
        }

    def words(self) -> list[str]:
        return [*self.data.train["prompt"], *self.completions(self.data.train)]

    def completions(self, columns: Columns) -> list[str]:
        """The texts that are cloned."""
        return columns["completion"]

    def texts(self, columns: Columns, tokenizer: Tokenizer) -> list[Texts]:
        return [(row,) for row in self.token_rows(columns, self.completions(columns), tokenizer)]

    def trained_tokens(self, examples: Sequence[Example]) -> list[int]:
        return [label for row in examples for label in row["labels"] if label != NO_LOSS]


def joins_rows(config: RecipeConfig) -> bool:
    """Whether the rows of a micro-batch are joined, not padded."""
    if config.padding_free != "auto":
        return config.padding_free == "on"
    return has_flash_attention() or not (torch.cuda.is_available() or config.backbone == TINY)
