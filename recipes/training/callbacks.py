"""Callbacks of every trainer: a tally of tokens and seconds that survives a kill, and its progress."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Sequence
from types import FrameType
from typing import Any

import torch
from accelerate import PartialState
from accelerate.utils import reduce
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import ExportableState

from dataset_builder.core.energy import gpu_joules
from dataset_builder.core.progress import Progress
from dataset_builder.door.signals import STOPPING, stop_handlers
from recipes.data.tokenize import NO_LOSS
from recipes.models.types import Batch


class Tally(TrainerCallback, ExportableState):
    """Counts tokens and seconds; saved with each checkpoint, so that a resumed run reports all of its sessions."""

    def __init__(
        self, trained_tokens: int = 0, read_tokens: int = 0, seconds: float = 0.0, energy_joules: float | None = None
    ) -> None:
        self.trained_tokens: int | torch.Tensor = trained_tokens
        self.read_tokens: int | torch.Tensor = read_tokens
        self.seconds = seconds
        self.energy_joules = energy_joules
        self._started = 0.0
        self._joules: float | None = None

    def state(self) -> dict[str, Any]:
        self._stop_clock()
        counts = {"trained_tokens": int(self.trained_tokens), "read_tokens": int(self.read_tokens)}
        spent = {"seconds": self.seconds, "energy_joules": self.energy_joules}
        return {"args": {**counts, **spent}, "attributes": {}}

    def on_train_begin(self, *_: object, **__: object) -> None:
        self._started, self._joules = time.monotonic(), gpu_joules()

    def on_train_end(self, *_: object, **__: object) -> None:
        self._stop_clock()

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: object
    ) -> None:
        if state.global_step >= state.max_steps:
            control.should_log = True  # so that a run of fewer updates than logging_steps has a loss, too

    def count(self, batches: Sequence[Batch], labels: Sequence[torch.Tensor]) -> None:
        """Counts micro-batches that were trained on, with the labels of each."""
        trained = torch.stack([(those != NO_LOSS).sum() for those in labels]).sum()
        counts = reduce(torch.stack([trained, torch.stack([read_tokens(batch) for batch in batches]).sum()]), "sum")
        # Sums stay on the device: reading them at each step would make the GPU wait.
        self.trained_tokens = self.trained_tokens + counts[0]
        self.read_tokens = self.read_tokens + counts[1]

    def _stop_clock(self) -> None:
        now = time.monotonic()
        if self._started:
            self.seconds += now - self._started
            joules = gpu_joules()
            if joules is not None and self._joules is not None:
                self.energy_joules = (self.energy_joules or 0.0) + joules - self._joules
            self._joules = joules
        self._started = now


def read_tokens(batch: Batch) -> torch.Tensor:
    """Tokens of a batch without padding; joined rows have no mask, and no padding."""
    mask = batch.get("attention_mask")
    return batch["input_ids"].new_tensor(batch["input_ids"].numel()) if mask is None else mask.sum()


class TrainingProgress(TrainerCallback):
    """One line with rate, time left and the latest loss, in place of a printed dictionary per log line."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.progress: Progress | None = None

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: object
    ) -> None:
        if state.is_world_process_zero:
            self.progress = Progress(self.label, state.max_steps, "update", done=state.global_step)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: object
    ) -> None:
        if self.progress is not None:
            self.progress.advance(state.global_step - self.progress.done)

    def on_log(self, *_: object, logs: dict[str, float] | None = None, **__: object) -> None:
        if self.progress is not None and logs and "loss" in logs:
            self.progress.note = f"loss {logs['loss']:.4f}"

    def on_train_end(self, *_: object, **__: object) -> None:
        if self.progress is not None:
            self.progress.end()


class Keeping(TrainerCallback):
    """Makes a checkpoint every so many minutes, and one at Ctrl-C or SIGTERM, after which the run stops."""

    def __init__(self, minutes: float) -> None:
        """A checkpoint every `minutes`; 0: only at a signal."""
        self.every_s = minutes * 60
        self.interrupted = False
        self._saved = time.monotonic()
        self._listening = contextlib.ExitStack()

    def on_train_begin(self, *_: object, **__: object) -> None:
        self._saved = time.monotonic()
        self._listening.enter_context(stop_handlers(self._interrupt))

    def on_train_end(self, *_: object, **__: object) -> None:
        self.release()

    def on_save(self, *_: object, **__: object) -> None:
        self._saved = time.monotonic()

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: object
    ) -> None:
        if state.global_step >= state.max_steps:
            self.interrupted = False  # all is trained: the run ends by itself
            return
        due = self.every_s > 0 and time.monotonic() - self._saved >= self.every_s
        due, self.interrupted = agreed(due, self.interrupted)
        if due or self.interrupted:
            control.should_save = True
        if self.interrupted:
            control.should_training_stop = control.should_log = True

    def release(self) -> None:
        """The signals do again what they did before."""
        self._listening.close()

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self.interrupted = True
        self.release()
        if PartialState().is_main_process:
            print(
                f"\n{STOPPING[number]}: the update under way is finished and saved; again: stop at once",
                file=sys.stderr,
                flush=True,
            )


def agreed(*wishes: bool) -> list[bool]:
    """Each wish, if any process has it: all must save together."""
    if PartialState().num_processes == 1:
        return list(wishes)
    flags = torch.tensor([float(wish) for wish in wishes], device=PartialState().device)
    return [bool(flag) for flag in reduce(flags, "sum")]
