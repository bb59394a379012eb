"""What dpo and kto share: TRL's trainers on rows that are tokenised already, held to the checkpoint they start from.

Rows are tokenised and checked as for cloning, so that all methods see the same tokens; TRL's own preparation is
switched off. Under a LoRA the reference is a second adapter, which TRL makes and which is gone afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from datasets import Dataset
from torch import Tensor
from torch.nn import Module

from recipes.config.settings import PreferenceSettings
from recipes.data.tokenize import NO_LOSS, TokenRow
from recipes.models.load import load_backbone
from recipes.models.types import Batch, CausalLM, Tokenizer
from recipes.training.method import TrainingMethod
from recipes.training.packed import PackedTrainer

REFERENCE_ADAPTER = "ref"
BY_ROW = ("rewards/", "logps/")
"""What TRL logs of a micro-batch as a mean over its rows."""


class TokenizedTrainer(PackedTrainer):
    """Takes rows that are tokenised, finds the trained tokens in TRL's mask, and means over the rows of an update."""

    def update_items(self, batches: Sequence[Batch], device: torch.device) -> Tensor:
        rows = torch.tensor([sum(map(self.rows_of, batches))], device=device)
        return self.accelerator.gather(rows).sum()

    def rows_of(self, inputs: Batch) -> int:
        """Examples of a batch: its loss is a mean over them."""
        return len(inputs["input_ids"])

    def compute_loss(
        self,
        model: Module,
        inputs: Batch,
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """TRL's mean over a micro-batch, as its share of the update's."""
        trl: Any = self
        logged: dict[str, list[float]] = trl._metrics["train" if trl.model.training else "eval"]
        before = {name: len(values) for name, values in logged.items()}
        loss: Any = super().compute_loss(model, inputs, return_outputs)
        self._weigh_by_rows(logged, before, inputs)
        if num_items_in_batch is None:
            return loss
        return loss * (self.rows_of(inputs) * self.accelerator.num_processes / num_items_in_batch)

    def _weigh_by_rows(self, logged: dict[str, list[float]], before: dict[str, int], inputs: Batch) -> None:
        """A mean over a micro-batch stands once for each of its rows: TRL logs the mean of what stands there."""
        for name, values in logged.items():
            if name.startswith(BY_ROW) and len(values) > before.get(name, 0):
                rows = torch.tensor([self.rows_behind(name, inputs)], device=self.accelerator.device)
                values += [values[-1]] * (int(self.accelerator.gather(rows).sum()) - 1)

    def rows_behind(self, name: str, inputs: Batch) -> int:
        """Rows of a micro-batch that a logged mean is over."""
        return self.rows_of(inputs)

    def validation_sums(self, model: Module, inputs: Batch) -> Tensor:
        """Per example."""
        loss: Any = self.compute_loss(model, inputs)
        rows = self.rows_of(inputs)
        return torch.stack([loss * rows, loss.new_tensor(rows)])

    def loss_labels(self, inputs: Batch) -> Tensor:
        return inputs["input_ids"].masked_fill(inputs["completion_mask"] == 0, NO_LOSS)

    def _prepare_dataset(self, dataset: Dataset, *args: object, **kwargs: object) -> Dataset:
        return dataset


class Preference(TrainingMethod):
    """A method that holds its policy to a reference."""

    def own_arguments(self) -> dict[str, Any]:
        settings = self.config.preference or PreferenceSettings()
        checkpointing = bool(self.config.gradient_checkpointing)
        return {"activation_checkpointing": checkpointing, "max_length": None, "beta": settings.beta}

    def trainer_settings(self, model: CausalLM, tokenizer: Tokenizer, train: Dataset) -> dict[str, Any]:
        """The reference: a model of its own where all weights move."""
        if self.config.adapter != "full":
            return {"ref_model": None}
        return {"ref_model": load_backbone(self.config.init_from, dtype=model.dtype, device=str(model.device))}

    def details(self, history: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Margins and rewards of the last updates."""
        last = history[-1] if history else {}
        return {"rewards": {name: last[name] for name in last if name.startswith("rewards/")}}

    def finish(self, published: CausalLM) -> None:
        if REFERENCE_ADAPTER in getattr(published, "peft_config", {}):
            published.delete_adapter(REFERENCE_ADAPTER)


def prompt_ids(row: TokenRow) -> list[int]:
    """The tokens of a row without loss."""
    return [token for token, label in zip(row["input_ids"], row["labels"], strict=True) if label == NO_LOSS]


def completion_ids(row: TokenRow) -> list[int]:
    """The tokens of a row with loss."""
    return [label for label in row["labels"] if label != NO_LOSS]
