"""What every method's trainer shares: it counts what it trains on, scores validation rows, and writes no card.

A `PackedTrainer` reads an update at a time and cuts it into micro-batches under a token budget (`data.packing`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from dataset_builder.core.errors import UserError
from recipes.models.sharding import weights_are_sharded
from recipes.models.types import Batch
from recipes.training.callbacks import Tally
from recipes.training.masters import with_masters

if TYPE_CHECKING:
    from torch.nn import Module
    from torch.optim import Optimizer
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

    def _load_from_checkpoint(self, *args: Any, **kwargs: Any) -> None:
        """Weights keep their types; PEFT would read an adapter's into float32."""
        weights = cast("torch.nn.Module", self.model)
        types = {name: weight.dtype for name, weight in weights.named_parameters()}
        super()._load_from_checkpoint(*args, **kwargs)
        for name, weight in weights.named_parameters():
            weight.data = weight.data.to(types[name])

    def _issue_warnings_after_load(self, load_result: Any) -> None:
        """As of transformers, but not of weights that are tied to ones that were loaded."""
        tied = getattr(self.model, "all_tied_weights_keys", None) or {}
        missing = [key for key in load_result.missing_keys if key not in tied]
        super()._issue_warnings_after_load(type(load_result)(missing, load_result.unexpected_keys))

    def create_optimizer(self, *args: Any, **kwargs: Any) -> Optimizer:
        """As the recipe names it, with float32 masters of what moves in half precision on one device."""
        self.optimizer: Optimizer = super().create_optimizer(*args, **kwargs)
        if not weights_are_sharded() and self.args.world_size == 1:
            self.optimizer = with_masters(self.optimizer)
        return self.optimizer

    def count(self, inputs: Batch) -> None:
        """Counts the tokens of a micro-batch before its step."""
        self.tally.count([inputs], [self.loss_labels(inputs)])

    def training_step(self, model: Module, inputs: Batch, num_items_in_batch: Tensor | int | None = None) -> Tensor:
        self.count(inputs)
        return self.micro_step(model, inputs, num_items_in_batch)

    def micro_step(self, model: Module, inputs: Batch, items: Tensor | int | None) -> Tensor:
        """Forward and backward of one micro-batch, whose loss is divided by `items`, what the whole update holds."""
        loss = super().training_step(model, inputs, items)
        # Stays on the device, as the tally's sums do; `require_finite` reads it.
        self._losses_finite = torch.isfinite(loss) & getattr(self, "_losses_finite", True)
        return loss

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """As of transformers, whose loss of a micro-batch that is no number reads as 0.

        Raises:
            UserError: a loss, the norm of the gradients or a weight is no number.
        """
        if getattr(self, "_losses_finite", True) and not math.isfinite(logs.get("grad_norm", 0.0)):
            raise UserError(self._diverged("the norm of its gradients is no number any more"))
        self.require_finite()
        super().log(logs, start_time)

    def _save_checkpoint(self, *args: Any, **kwargs: Any) -> None:
        self.require_finite()
        super()._save_checkpoint(*args, **kwargs)

    def require_finite(self) -> None:
        """Stops a run before anything is written of weights that are lost.

        Raises:
            UserError: a loss was no number, or a weight is none.
        """
        if not getattr(self, "_losses_finite", True):
            raise UserError(self._diverged("its loss is no number any more"))
        moved = (weight for weight in self.model.parameters() if weight.requires_grad)  # type: ignore[union-attr]
        if not all(bool(torch.isfinite(weight).all()) for weight in moved):
            raise UserError(self._diverged("some of its weights are no numbers any more"))

    def _diverged(self, sign: str) -> str:
        saved = sorted(
            Path(str(self.args.output_dir)).glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1])
        )
        kept = f"the last good checkpoint is {saved[-1]}" if saved else "no checkpoint was written before"
        return (
            f"update {self.state.global_step}: the run has diverged, {sign}; {kept}; "
            "lower --learning_rate, or the weights of the losses, and start it again with --resume false"
        )

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
        for batch in self.validation_batches(model):
            with torch.no_grad(), self.compute_loss_context_manager():
                sums += self.validation_sums(model, self._prepare_inputs(batch)).to(sums)
        total, count = self.accelerator.reduce(sums).tolist()
        return total / count

    def validation_batches(self, model: Module) -> Iterable[Batch]:
        """The validation rows of this process."""
        return self.get_eval_dataloader()

    def create_model_card(self, *args: object, **kwargs: object) -> None:
        """Nothing: TRL's card names no model when it was given an object; `model_cards` writes ours."""
