"""ILQL on transformers' Trainer: its step, its checkpoints, and when it stops.

Reads batches of `trajectories.TrajectoryCollator`; trains a `ValueModel`; logs, per action: loss and its three terms,
q, v, advantage, td_error and the share of actions whose V is above their Q.

Source: arXiv 2206.11871, section 4.3, and the settings of arXiv 2402.01812, section 4, as defaults.
Differences: 1. every mean is over the real actions of the whole effective batch, so micro-batches change nothing;
2. checkpoints hold what moves and the target copies, never the frozen base; 3. a run that diverges stops, and what is
not a number is never saved.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any, TypeAlias, cast

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import Module
from transformers import Trainer, TrainerCallback

from dataset_builder.core.errors import UserError
from recipes.config.settings import IlqlSettings
from recipes.data.tokenize import NO_LOSS
from recipes.methods.ilql import losses
from recipes.methods.ilql.value_model import ValueModel, Values
from recipes.models.types import Batch
from recipes.training.packed import PackedTrainer

WEIGHTS_FILE = "ilql.safetensors"
Actions: TypeAlias = "Tensor | int | None"
"""Of the whole update; None: of the batch."""
DIVERGED = 10.0
"""A run whose mean |Q| is this many times the largest return possible has diverged."""


class IlqlTrainer(PackedTrainer, Trainer):
    """Trains a ValueModel; `largest_return`, the largest sum of |rewards| of a row, is the yardstick of divergence."""

    model: Any

    def __init__(self, model: ValueModel, settings: IlqlSettings, largest_return: float, **kwargs: Any) -> None:
        super().__init__(model=model, **kwargs)
        self.settings = settings
        self.largest_return = largest_return
        self.model_accepts_loss_kwargs = True  # the loss divides by the actions of the whole update
        self._loss_shifts_labels = False
        self._sums: dict[str, Tensor | float] = defaultdict(float)
        self.add_callback(_TargetUpdate(model, settings.polyak))

    def training_step(self, model: Module, inputs: Any, num_items_in_batch: Actions = None) -> Tensor:
        """One update; the run stops at once where its loss is no number.

        Raises:
            UserError: the run has diverged.
        """
        loss = super().training_step(model, inputs, num_items_in_batch)
        if not torch.isfinite(loss):
            raise UserError(self._diverged("its loss is no number any more"))
        return loss

    def compute_loss(
        self, model: Module, inputs: Batch, return_outputs: bool = False, num_items_in_batch: Actions = None
    ) -> Tensor | tuple[Tensor, dict[str, Tensor]]:
        """The weighted sum of TD, expectile and CQL losses, per action of the whole update."""
        settings = self.settings
        rewards, is_action = inputs["rewards"], inputs["labels"] != NO_LOSS
        values = model(**{key: inputs[key] for key in ("input_ids", "attention_mask", "positions", "labels")})
        target = losses.bellman_target(
            rewards,
            losses.next_values(values.v),
            losses.not_done_mask(is_action).to(rewards.dtype),
            settings.gamma,
            td_lambda=settings.td_lambda,
            published=settings.published_target,
        )
        terms = self._terms(values, target, is_action, num_items_in_batch)
        loss = sum(terms.values(), torch.zeros((), device=rewards.device))
        self._remember(
            terms | losses.diagnostics(values.q, values.v, target, is_action), is_action, num_items_in_batch
        )
        if self.args.average_tokens_across_devices and num_items_in_batch is not None:
            loss = loss * self.accelerator.num_processes
        return (loss, {"loss": loss}) if return_outputs else loss

    def validation_sums(self, model: Module, inputs: Batch) -> Tensor:
        """Per action."""
        actions = (inputs["labels"] != NO_LOSS).sum()
        loss = cast("Tensor", self.compute_loss(model, inputs))
        return torch.stack([loss * actions, actions])

    def _terms(self, values: Values, target: Tensor, is_action: Tensor, actions: Actions) -> dict[str, Tensor]:
        settings = self.settings
        terms = {
            "q_loss": settings.q_weight * losses.td_loss(values.q, target, is_action, actions),
            "v_loss": settings.v_weight
            * losses.expectile_loss(values.v, values.target_q, settings.expectile, is_action, actions),
        }
        if settings.cql_weight:
            cql = losses.cql_loss(values.log_sum_exp, values.q, is_action, actions)
            terms["cql_loss"] = settings.cql_weight * cql
        if values.log_pi is not None:
            advantage = target - values.v
            terms["policy_loss"] = settings.policy_weight * losses.advantage_weighted_bc_loss(
                values.log_pi, advantage, settings.awr_beta, settings.max_weight, is_action, actions
            )
        return terms

    def _remember(self, values: dict[str, Tensor], is_action: Tensor, actions: Actions) -> None:
        if not self.model.training:
            return
        count = is_action.sum()
        for name, value in values.items():  # the loss terms are means already; all become sums over actions
            scale = (count if actions is None else actions) if name.endswith("_loss") else 1
            self._sums[name] = self._sums[name] + value.detach() * scale
        self._sums["actions"] = self._sums["actions"] + count

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Adds the diagnostics of the updates since the last log.

        Raises:
            UserError: the run has diverged.
        """
        if "loss" in logs and self._sums:
            actions = float(self._sums.pop("actions"))
            logs = logs | {name: round(float(total) / actions, 6) for name, total in self._sums.items()}
            self._sums.clear()
        super().log(logs, start_time)
        if abs(logs.get("q", 0.0)) > DIVERGED * max(1.0, self.largest_return) and not self.settings.published_target:
            raise UserError(
                self._diverged(f"its mean Q is {logs['q']:.3g}, and no return exceeds {self.largest_return:g}")
            )

    def _save(self, output_dir: str | None = None, state_dict: object = None) -> None:
        folder = Path(output_dir or str(self.args.output_dir))
        state = self.model.kept_state()
        if not all(torch.isfinite(tensor).all() for tensor in state.values()):
            raise UserError(self._diverged("some of its weights are no numbers any more"))
        folder.mkdir(parents=True, exist_ok=True)
        save_file(state, folder / WEIGHTS_FILE)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: object = None) -> None:
        state = load_file(Path(resume_from_checkpoint) / WEIGHTS_FILE)
        unknown = self.model.load_state_dict(state, strict=False).unexpected_keys
        if unknown:
            raise UserError(f"{resume_from_checkpoint} does not fit this recipe: it holds {unknown[0]}; start over")


class _TargetUpdate(TrainerCallback):
    """Moves the target copies after each update."""

    def __init__(self, model: ValueModel, polyak: float) -> None:
        self.model, self.polyak = model, polyak

    def on_step_end(self, *_: object, **__: object) -> None:
        self.model.update_targets(self.polyak)
