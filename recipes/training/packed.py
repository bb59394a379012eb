"""A trainer that reads one update at a time and cuts it into micro-batches under a token budget.

Rows of an update are sorted by length and packed (`data.packing`), so that their number varies from one micro-batch to
the next and the loss of an update does not: each micro-batch's loss is divided by what the whole update holds, over
all processes (`update_items`). To transformers' Trainer an update is one batch, so its steps, its checkpoints and what
it skips on resuming are counted in updates whatever the budget.

On a GPU a probe sets the budget before the first step (`probe`). Where no memory is left, the budget is halved
and the update begun again; its gradients, counts and log values are those of the second try alone.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, cast

import torch
from datasets import Dataset
from torch import Tensor
from torch.nn import Module

from dataset_builder.core.errors import UserError
from recipes.data.packing import TokenBudget, held_tokens, micro_batches, split_further
from recipes.data.sampler import UpdateLoader, UpdateSampler, even
from recipes.models.types import Batch
from recipes.training.probe import Meter, Probe, measure
from recipes.training.trainer import MethodTrainer

Row = dict[str, Any]
LOGGED = ("_metrics", "_sums", "_total_train_tokens", "_losses_finite")
"""Where trainers keep what they log of a micro-batch."""


class Update(NamedTuple):
    """One update's rows of this process, longest first."""

    rows: list[Row]
    batches: list[Batch]


@dataclass(frozen=True)
class Fullest:
    """What forward passes held at most; not of one micro-batch, where rows and tokens differ."""

    rows: int = 0
    tokens: int = 0

    def beside(self, batches: Sequence[Batch], sizes: Sequence[int]) -> Fullest:
        """The same with these micro-batches, of so many rows each."""
        tokens = max(batch["input_ids"].numel() for batch in batches)
        return Fullest(max(self.rows, *sizes), max(self.tokens, tokens))


class PackedTrainer(MethodTrainer):
    """A MethodTrainer whose rows have a `length`: the tokens that one takes in a batch, padding aside."""

    budget = TokenBudget()
    """Of a micro-batch; the scaffold sets what is planned."""
    fullest = Fullest()
    """What micro-batches held at most."""
    halvings = 0
    """How often memory ran out."""
    sizes: Sequence[int] = ()
    """Rows of each micro-batch packed last."""
    meter: Meter | None = None
    """Of the memory of a GPU, which is probed before the first step."""
    probed: Probe | None = None
    """What the probe measured."""

    def get_train_dataloader(self) -> UpdateLoader:
        args, rows = self.args, cast("Dataset", self.train_dataset)
        share = args.train_batch_size * args.gradient_accumulation_steps
        sampler = UpdateSampler(
            list(rows["length"]),
            share * args.world_size,
            args.seed,
            process=args.process_index,
            processes=args.world_size,
        )
        return UpdateLoader(rows, sampler)

    def get_batch_samples(
        self, epoch_iterator: Iterator[list[Row]], num_batches: int, device: torch.device
    ) -> tuple[list[Update], Tensor | int | None]:
        """The next update, and how many items its loss is divided by."""
        rows = next(epoch_iterator)
        batches = self.pack(rows)
        return [Update(rows, batches)], self.update_items(batches, device)

    def update_items(self, batches: Sequence[Batch], device: torch.device) -> Tensor | int | None:
        """What an update's loss is a mean over, counted over all processes: by default the tokens with loss."""
        items: Tensor | int | None = self._get_num_items_in_batch(list(batches), device)
        return items

    def pack(self, rows: Sequence[Row]) -> list[Batch]:
        """The micro-batches of these rows, longest first; in every process as many."""
        lengths = [row["length"] for row in rows]
        sizes = micro_batches(lengths, self.budget)
        if self.args.world_size > 1:
            parts = self.accelerator.gather(torch.tensor([len(sizes)], device=self.accelerator.device))
            sizes = split_further(sizes, int(parts.max()))
        self.sizes = sizes
        bare = [_bare(row) for row in rows]
        ends = [sum(sizes[: index + 1]) for index in range(len(sizes))]
        return [self.data_collator(bare[end - size : end]) for size, end in zip(sizes, ends, strict=True)]

    def before_update(self, model: Module, batches: Sequence[Batch]) -> None:
        """Whatever a loss needs to know of all micro-batches of an update before the first of them; nothing."""

    def training_step(self, model: Module, inputs: Any, num_items_in_batch: Tensor | int | None = None) -> Tensor:
        """A whole update, begun again with half the budget where memory runs out.

        Raises:
            UserError: memory runs out with one row at a time, or while other processes wait.
        """
        update: Update = inputs
        model.train()
        if self.meter is not None and self.probed is None:
            self.probed = self.probe(model, self.meter)
            update = Update(update.rows, self.pack(update.rows))
        while (loss := self.attempt(model, update.batches, num_items_in_batch)) is None:
            self.halve(update.rows)
            update = Update(update.rows, self.pack(update.rows))
        self.fullest = self.fullest.beside(update.batches, self.sizes)
        self.tally.count(update.batches, [self.loss_labels(batch) for batch in update.batches])
        return loss

    def probe(self, model: Module, meter: Meter) -> Probe:
        """Measures the fullest micro-batch that may come, and sets the budget by it.

        Raises:
            UserError: one row alone is too much.
        """
        planned, rows = self.budget.tokens, self.longest_rows()
        while (found := self.try_probe(model, meter, rows)) is None:
            self.halve(rows)
            rows = self.longest_rows()
        sizes = torch.tensor([found.micro_batch_tokens], device=self.accelerator.device)
        tokens = max(int(self.accelerator.gather(sizes).min()), rows[0]["length"])
        self.budget = replace(self.budget, tokens=tokens)
        if self.is_world_process_zero():
            print(found.text(planned), flush=True)
        return found

    def try_probe(self, model: Module, meter: Meter, rows: Sequence[Row]) -> Probe | None:
        """What these rows cost as one micro-batch; None where memory runs out. Leaves no trace."""
        batch = self.data_collator([_bare(row) for row in rows])
        items, logged = self.update_items([batch], self.accelerator.device), self._logged()

        def run() -> None:
            self.before_update(model, [batch])
            self.micro_step(model, dict(batch), items)
            model.zero_grad()

        try:
            with self.accelerator.no_sync(model), torch.random.fork_rng():
                return measure(meter, batch["input_ids"].numel(), self.state_bytes(), run)
        except torch.OutOfMemoryError as error:
            if self.args.world_size > 1:
                raise UserError(self._too_little([batch])) from error
            return None
        finally:
            self._forget(model, logged)

    def longest_rows(self) -> list[Row]:
        """As many of the longest rows as the budget holds, and no more than a process sees in an update."""
        data = cast("Dataset", self.train_dataset)
        lengths = list(data["length"])
        most = min(self.args.train_batch_size, self.budget.rows or len(lengths))
        order = sorted(range(len(lengths)), key=lambda row: -lengths[row])[:most]
        tallest = TokenBudget(self.budget.tokens, joined=self.budget.joined)
        size = micro_batches([lengths[row] for row in order], tallest)[0] if self.budget.tokens else most
        return [data[row] for row in order[:size]]

    def state_bytes(self) -> int:
        """What the optimiser will hold after its first step: nothing more where a resumed run has loaded it."""
        if self.optimizer is None or self.optimizer.state:
            return 0
        each, moving = 2 if "8bit" in str(self.args.optim) else 8, cast("Module", self.model).parameters()
        return sum(each * weight.numel() for weight in moving if weight.requires_grad)

    def attempt(self, model: Module, batches: Sequence[Batch], items: Tensor | int | None) -> Tensor | None:
        """The loss of these micro-batches, their gradients added up; None, and no trace, where memory runs out."""
        logged = self._logged()
        try:
            return self.accumulate(model, batches, items)
        except torch.OutOfMemoryError as error:
            if self.args.world_size > 1:
                raise UserError(self._too_little(batches)) from error
        self._forget(model, logged)
        return None

    def _logged(self) -> dict[str, Any]:
        return {name: copy.deepcopy(getattr(self, name)) for name in LOGGED if hasattr(self, name)}

    def _forget(self, model: Module, logged: dict[str, Any]) -> None:
        """Takes back what was logged since, and gradients; what the allocator kept is given back."""
        vars(self).update(logged)
        model.zero_grad()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def accumulate(self, model: Module, batches: Sequence[Batch], items: Tensor | int | None) -> Tensor:
        """Forward and backward of each micro-batch; processes exchange gradients at the last."""
        self.before_update(model, batches)
        losses = []
        for number, batch in enumerate(batches, 1):
            with nullcontext() if number == len(batches) else self.accelerator.no_sync(model):
                losses.append(self.micro_step(model, batch, items))
        return torch.stack(losses).sum() if len(losses) > 1 else losses[0]

    def halve(self, rows: Sequence[Row]) -> None:
        """Half of what a micro-batch of these rows held.

        Raises:
            UserError: it held one row.
        """
        lengths = [row["length"] for row in rows]
        sizes = micro_batches(lengths, self.budget)
        held = max(held_tokens(lengths, sizes, joined=self.budget.joined))
        if max(sizes) == 1:
            raise UserError(
                f"update {self.state.global_step + 1}: out of memory with one row of {held} tokens; set "
                "--gradient_checkpointing true, a lower --max_length, --adapter qlora, or take a larger GPU"
            )
        self.budget, self.halvings = replace(self.budget, tokens=held // 2), self.halvings + 1
        print(
            f"update {self.state.global_step + 1}: out of memory with {held:,} tokens a micro-batch; "
            f"begun again with {held // 2:,}",
            flush=True,
        )

    def floating_point_ops(self, inputs: Any) -> int:
        """Not counted: the tally counts tokens."""
        return 0

    def validation_batches(self, model: Module) -> Iterable[Batch]:
        """The share of this process, packed like an update."""
        held_out = cast("Dataset", self.eval_dataset)
        rows: list[Row] = sorted(held_out.to_list(), key=lambda row: -row["length"])
        share = even(rows, self.args.world_size, rows)[self.args.process_index :: self.args.world_size]
        batches = self.pack(share)
        self.before_update(model, [self._prepare_inputs(batch) for batch in batches])
        return batches

    def _too_little(self, batches: Sequence[Batch]) -> str:
        held = max(batch["input_ids"].numel() for batch in batches)
        return (
            f"update {self.state.global_step + 1}: out of memory with {held:,} tokens a micro-batch; start it again "
            f"with --micro_batch_tokens {held // 2}: it goes on from its newest checkpoint"
        )


def _bare(row: Row) -> Row:
    """What the collator reads of it."""
    return {key: value for key, value in row.items() if key != "length"}
