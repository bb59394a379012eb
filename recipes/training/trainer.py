"""What every method's trainer shares: it counts what it trains on, scores validation rows, and writes no card."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from recipes.data.sampler import LengthSortedSampler
from recipes.models.types import Batch
from recipes.training.callbacks import Tally

if TYPE_CHECKING:
    from datasets import Dataset
    from torch.nn import Module
    from transformers import Trainer as _Base
else:
    _Base = object


class MethodTrainer(_Base):
    """Stands before a trainer of transformers or TRL among a class's bases: `class X(MethodTrainer, SFTTrainer)`."""

    @property
    def tally(self) -> Tally:
        """Looked up each time: a resumed run replaces the callback by one with the earlier sessions' counts."""
        return next(callback for callback in self.callback_handler.callbacks if isinstance(callback, Tally))

    def loss_labels(self, inputs: Batch) -> Tensor:
        """The tokens that carry loss, NO_LOSS elsewhere."""
        return inputs["labels"]

    def training_step(self, model: Module, inputs: Batch, num_items_in_batch: Tensor | int | None = None) -> Tensor:
        self.tally.count(inputs, self.loss_labels(inputs))
        return super().training_step(model, inputs, num_items_in_batch)

    def validation_sums(self, model: Module, inputs: Batch) -> Tensor:
        """(summed loss, of how many) of a validation batch; by default per row."""
        loss: Any = self.compute_loss(model, inputs)
        rows = len(inputs["input_ids"])
        return torch.stack([loss * rows, loss.new_tensor(rows)])

    def validation_loss(self) -> float | None:
        """Mean loss of the validation rows, whatever the batches; None without such rows."""
        if self.eval_dataset is None:
            return None
        model: Any = self.model.eval()  # type: ignore[union-attr]
        sums = torch.zeros(2, dtype=torch.float64, device=self.accelerator.device)
        for batch in self.get_eval_dataloader():
            with torch.no_grad(), self.compute_loss_context_manager():
                sums += self.validation_sums(model, self._prepare_inputs(batch)).to(sums)
        total, count = self.accelerator.reduce(sums).tolist()
        return total / count

    def create_model_card(self, *args: object, **kwargs: object) -> None:
        """Nothing: TRL's card names no model when it was given an object; `model_cards` writes ours."""


class LengthSorted(MethodTrainer):
    """A MethodTrainer whose micro-batches hold rows of like length."""

    def _get_train_sampler(self, train_dataset: Dataset | None = None) -> LengthSortedSampler:
        args, rows = self.args, cast("Dataset", self.train_dataset)  # the argument has lost its column of lengths
        per_update = args.train_batch_size * args.gradient_accumulation_steps * args.world_size
        return LengthSortedSampler(list(rows["length"]), per_update, args.seed)
