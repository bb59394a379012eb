"""Which checkpoint of a run is published: the one whose sub-questions read best on validation, or are answered best.

At every checkpoint the model decomposes some validation problems; the best weights so far are kept beside the newest.
Writes `checkpoints/choice.jsonl`, one line per checkpoint, from which a resumed run goes on:

    {"step": 200, "fluency": 0.412, "granularity": 0.71, "readable": 0.98, "accuracy": null}

Source: arXiv 2402.01812, section 4 (fluency on validation chooses the checkpoint; granularity beside it).
Differences: 1. a solver's accuracy on request; 2. early stopping.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from transformers import TrainerCallback

from dataset_builder.core.errors import UserError
from dataset_builder.core.files import read_jsonl, write_jsonl
from dataset_builder.text.bleu import fluency, granularity
from dataset_builder.text.parsing import readable_sub_questions
from recipes.config.methods import METHODS
from recipes.config.recipe import RecipeConfig
from recipes.modeling import Policy
from recipes.training.checkpoints import CHECKPOINTS
from recipes.training.processes import is_main_process, weights_are_sharded
from recipes.training.solver_command import solver_accuracy

logger = logging.getLogger(__name__)

HISTORY = "choice.jsonl"
BEST = "best"
NEW_TOKENS = {"decomposer": 200, "solver": 400}


@dataclass(frozen=True)
class Held:
    """Validation problems to choose by, one set of each."""

    ids: list[str]
    prompts: list[str]
    references: list[str]


def load_held(config: RecipeConfig) -> Held:
    """The first validation problems, each with its first set.

    Raises:
        UserError: the dataset has no validation split to choose by.
    """
    from dataset_builder.dataset_folder.load import load_subq

    method = METHODS[config.method]
    rows = load_subq(method.dataset_config, "validation", config.dataset, config.dataset_revision or None)
    first: dict[str, dict[str, Any]] = {}
    for row in rows:
        example = method.validates_on(row)
        if example is not None:
            first.setdefault(row["problem_id"], example)
        if len(first) == config.choose_examples:
            break
    examples = list(first.values())
    return Held(list(first), [one["prompt"] for one in examples], [one["completion"] for one in examples])


def score_texts(texts: Sequence[str], references: Sequence[str], student: str) -> dict[str, float | None]:
    """Solver-free quality of completions; an unreadable one counts as a set without sub-questions.

    >>> score_texts([" <QUE> How many pens? </QUE>"], [" <QUE> How many pens? </QUE>"], "decomposer")["granularity"]
    1.0
    """
    if student == "solver":
        return {"fluency": fluency([[text] for text in texts], [[text] for text in references]), "granularity": None}
    mine, theirs = ([readable_sub_questions(text) for text in side] for side in (texts, references))
    return {
        "fluency": fluency(mine, theirs),
        "granularity": fmean(granularity(len(one), len(other)) for one, other in zip(mine, theirs, strict=True)),
        "readable": sum(map(bool, mine)) / len(mine),
    }


class Choice(TrainerCallback):
    """Scores the model at every checkpoint, keeps the best weights, and stops a run that no longer gets better."""

    def __init__(self, config: RecipeConfig, tokenizer: Any, held: Held) -> None:
        self.config, self.tokenizer, self.held = config, tokenizer, held
        self.student = METHODS[config.method].student
        self.folder = config.output / CHECKPOINTS
        self.history: list[dict[str, Any]] = []

    @property
    def key(self) -> str:
        return "accuracy" if self.config.choose_by == "solver" else "fluency"

    @property
    def best(self) -> dict[str, Any] | None:
        """The best line of the history, the earlier of two equals."""
        known = [line for line in self.history if line[self.key] is not None]
        return max(known, key=lambda line: line[self.key]) if known else None

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        path = self.folder / HISTORY
        lines = read_jsonl(path) if path.is_file() else []
        # What was scored after the checkpoint that this run goes on from will be scored again.
        self.history = [line for line in lines if line["step"] <= state.global_step]

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        step = state.global_step
        if step % self.config.save_steps == 0 or step == state.max_steps:
            self._score(model, step)
        if self._exhausted():
            control.should_training_stop = True

    def chosen(self, last_step: int) -> Path | None:
        """The folder of the chosen weights; None where they are the last ones."""
        best = self.best
        return None if best is None or best["step"] == last_step else self.folder / BEST

    def facts(self) -> dict[str, Any]:
        """For the record."""
        return {"by": self.key, "problems": len(self.held.ids), "best": self.best, "history": self.history}

    def _score(self, model: Any, step: int) -> None:
        training = model.training
        policy = Policy(model.eval(), self.tokenizer, self.config.text_format)
        texts = policy.complete(self.held.prompts, max_new_tokens=NEW_TOKENS[self.student])
        model.train(training)
        line = {"step": step, **score_texts(texts, self.held.references, self.student), "accuracy": None}
        if self.config.choose_by == "solver":
            line["accuracy"] = self._solver_accuracy(texts, step)
        self.history.append(line)
        best = self.best
        if is_main_process():
            if best is not None and best["step"] == step:
                self._keep(model)
            write_jsonl(self.folder / HISTORY, self.history)

    def _keep(self, model: Any) -> None:
        partial = self.folder / f"{BEST}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        model.save_pretrained(partial)
        (partial / "README.md").unlink(missing_ok=True)
        shutil.rmtree(self.folder / BEST, ignore_errors=True)
        partial.rename(self.folder / BEST)

    def _exhausted(self) -> bool:
        best = self.best
        if not self.config.early_stopping or best is None:
            return False
        return len(self.history) - 1 - self.history.index(best) >= self.config.early_stopping

    def _solver_accuracy(self, texts: Sequence[str], step: int) -> float | None:
        """What the solver command says; None, with a warning, where it fails: a night of training outlives that."""
        path = self.folder / f"questions-{step}.jsonl"
        try:
            return solver_accuracy(self.config.solver_command, self.held.ids, self.held.prompts, texts, path)
        except UserError as error:
            logger.warning("update %d is left out of the choice: %s", step, error)
            return None


def build_choice(config: RecipeConfig, tokenizer: Any) -> Choice | None:
    """The choice a recipe asks for; None where the last checkpoint is published.

    Raises:
        UserError: a choice by a solver without a command, or no validation problem to choose by.
    """
    if config.choose_by == "last":
        return None
    if weights_are_sharded():
        raise UserError("sharded weights cannot decompose problems between two updates; use --choose_by last")
    held = load_held(config)
    if not held.ids:
        raise UserError(f"--choose_by {config.choose_by} needs validation problems, and {config.dataset} has none")
    return Choice(config, tokenizer, held)
