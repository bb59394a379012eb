"""Which checkpoint of a run is published: the one whose sub-questions read best on validation, or are answered best.

At every checkpoint the model decomposes some validation problems; the best weights so far are kept beside the newest.
Writes `checkpoints/choice.jsonl`, one line per checkpoint, which a resumed run reads:

    {"step": 200, "fluency": 0.412, "granularity": 0.71, "readable": 0.98, "accuracy": null}

Source: arXiv 2402.01812, section 4 (fluency on validation chooses the checkpoint; granularity beside it).
Differences: 1. a solver's accuracy on request; 2. early stopping.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from accelerate import PartialState
from accelerate.utils import broadcast_object_list
from torch.nn import Module
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from dataset_builder.core.errors import UserError
from dataset_builder.core.files import read_jsonl, write_jsonl
from dataset_builder.dataset_folder import load
from dataset_builder.text.bleu import fluency, granularity
from dataset_builder.text.parsing import readable_sub_questions
from recipes.config.methods import METHODS
from recipes.config.recipe import RecipeConfig
from recipes.models.policy import Policy
from recipes.models.types import CausalLM, Tokenizer
from recipes.training.checkpoints import CHECKPOINTS, save_model
from recipes.training.solver import solver_accuracy

logger = logging.getLogger(__name__)

HISTORY = "choice.jsonl"
BEST = "best"
NEW_TOKENS = {"decomposer": 200, "solver": 400}


@dataclass(frozen=True)
class ValidationPrompts:
    """Validation problems to choose by, one set of each."""

    ids: list[str]
    """Their problem ids."""
    prompts: list[str]
    """What the student reads."""
    references: list[str]
    """What the teacher wrote."""


def load_validation_prompts(config: RecipeConfig) -> ValidationPrompts:
    """The first validation problems, each with its first set: for all decomposers the same, whatever they learn from.

    Raises:
        UserError: the dataset has no validation problem to choose by.
    """
    method = METHODS[config.method] if METHODS[config.method].student == "solver" else METHODS["bc"]
    rows = load.load_subq(method.dataset_config, "validation", config.dataset, config.dataset_revision or None)
    first: dict[str, dict[str, Any]] = {}
    for row in rows:
        example = method.validates_on(row)
        if example is not None:
            first.setdefault(row["problem_id"], example)
        if len(first) == config.choose_examples:
            break
    if not first:
        raise UserError(f"--choose_by {config.choose_by} needs validation problems, and {config.dataset} has none")
    examples = list(first.values())
    prompts, references = ([example[name] for example in examples] for name in ("prompt", "completion"))
    return ValidationPrompts(list(first), prompts, references)


def score_texts(texts: Sequence[str], references: Sequence[str], student: str) -> dict[str, float | None]:
    """Solver-free quality of completions; an unreadable one counts as a set without sub-questions.

    >>> score_texts([" <QUE> How many pens? </QUE>"], [" <QUE> How many pens? </QUE>"], "decomposer")["granularity"]
    1.0
    """
    if student == "solver":
        return {"fluency": fluency([[text] for text in texts], [[text] for text in references]), "granularity": None}
    written, expected = ([readable_sub_questions(text) for text in side] for side in (texts, references))
    pairs = zip(written, expected, strict=True)
    return {
        "fluency": fluency(written, expected),
        "granularity": fmean(granularity(len(asked), len(recorded)) for asked, recorded in pairs),
        "readable": sum(map(bool, written)) / len(written),
    }


class BestCheckpoint(TrainerCallback):
    """Scores the model at every checkpoint, keeps the best weights, and stops a run that no longer gets better."""

    def __init__(
        self, config: RecipeConfig, tokenizer: Tokenizer, problems: ValidationPrompts, published: CausalLM
    ) -> None:
        """Scores and saves `published`, which decodes with the weights that are being trained."""
        self.config, self.tokenizer, self.problems, self.published = config, tokenizer, problems, published
        self.student = METHODS[config.method].student
        self.folder = config.output / CHECKPOINTS
        path = self.folder / HISTORY
        self.history: list[dict[str, Any]] = read_jsonl(path) if path.is_file() else []

    @property
    def key(self) -> str:
        return "accuracy" if self.config.choose_by == "solver" else "fluency"

    @property
    def best(self) -> dict[str, Any] | None:
        """The best line of the history, the earlier of two equals."""
        known = [line for line in self.history if line[self.key] is not None]
        return max(known, key=lambda line: line[self.key]) if known else None

    @property
    def end(self) -> int:
        """The last update: where an earlier session stopped because nothing got better, or the recipe's."""
        return int(self.history[-1]["step"]) if self._exhausted() else self.config.max_steps

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: object
    ) -> None:
        # What was scored after the checkpoint that this run resumes from will be scored again.
        self.history = [line for line in self.history if line["step"] <= state.global_step]

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        model: Any = None,
        **kwargs: object,
    ) -> None:
        step = state.global_step
        if step % self.config.save_steps == 0 or step == state.max_steps:
            self._score(model, step)
        if self._exhausted():
            control.should_training_stop = control.should_log = True

    def chosen(self, last_step: int) -> Path | None:
        """The folder of the chosen weights; None where they are the last ones."""
        best = self.best
        return None if best is None or best["step"] == last_step else self.folder / BEST

    def facts(self) -> dict[str, Any]:
        """For the record."""
        return {"by": self.key, "problems": len(self.problems.ids), "best": self.best, "history": self.history}

    def _score(self, model: Module, step: int) -> None:
        with decoding(model):
            policy = Policy(self.published.eval(), self.tokenizer, self.config.text_format)
            texts = policy.complete(self.problems.prompts, max_new_tokens=NEW_TOKENS[self.student])
        line = {"step": step, **score_texts(texts, self.problems.references, self.student), "accuracy": None}
        if self.config.choose_by == "solver":
            line["accuracy"] = self._solver_accuracy(texts, step)
        self.history.append(line)
        best = self.best
        if PartialState().is_main_process:
            if best is not None and best["step"] == step:
                self._keep()
            write_jsonl(self.folder / HISTORY, self.history)

    def _keep(self) -> None:
        partial = self.folder / f"{BEST}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        save_model(self.published, partial)
        shutil.rmtree(self.folder / BEST, ignore_errors=True)
        partial.rename(self.folder / BEST)

    def _exhausted(self) -> bool:
        best = self.best
        if not self.config.early_stopping or best is None:
            return False
        return len(self.history) - 1 - self.history.index(best) >= self.config.early_stopping

    def _solver_accuracy(self, texts: Sequence[str], step: int) -> float | None:
        """What the solver says to the main process, told to all; None, with a warning, where it fails."""
        accuracy: list[float | None] = [None]
        if PartialState().is_main_process:
            try:
                ids, prompts = self.problems.ids, self.problems.prompts
                accuracy = [solver_accuracy(self.config, ids, prompts, texts, self.config.output)]
            except UserError as error:
                logger.warning("update %d is not compared: %s", step, error)
        return broadcast_object_list(accuracy)[0]


@contextmanager
def decoding(model: Module) -> Iterator[None]:
    """Makes a model in training ready to decode inside the block; what was trained before is trained again after it.

    A guided policy switches between its adapters, and PEFT freezes the one that is not active.
    """
    training, moving = model.training, [parameter for parameter in model.parameters() if parameter.requires_grad]
    try:
        yield
    finally:
        model.train(training)
        for parameter in moving:
            parameter.requires_grad_(True)
