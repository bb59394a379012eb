"""Python use in a few lines: what a trained checkpoint asks about a problem.

    from recipes import load_decomposer

    decomposer = load_decomposer("outputs/demo/filtered_bc")          # a folder, or a Hub id
    decomposer.decompose("Ann has 3 pens and buys 2. How many pens does Ann have?").sub_questions

Training in Python is `recipes.train.run_recipe(RecipeConfig(...))`, the model itself `recipes.modeling.load_policy`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dataset_builder.core.errors import UserError
from dataset_builder.solving.records import Decomposition
from dataset_builder.solving.texts import read_decomposition
from dataset_builder.text.student_format import format_student_prompt
from recipes.config.methods import student_of
from recipes.modeling import Policy, load_policy
from recipes.training.record import find_train_record


@dataclass(frozen=True)
class TrainedDecomposer:
    """A checkpoint with its weights loaded."""

    policy: Policy
    """Reads a student's prompt, writes a student's text."""
    max_new_tokens: int = 200
    """A reply that has not ended by then is cut."""

    def decompose(self, problem: str, passage: str = "") -> Decomposition:
        """Its sub-questions; `failure` says why there are none, `text` is what it wrote."""
        return self.decompose_all([(problem, passage)])[0]

    def decompose_all(self, problems: Sequence[tuple[str, str]]) -> list[Decomposition]:
        """Likewise for many (problem, passage) at once."""
        prompts = [format_student_prompt(problem, passage) for problem, passage in problems]
        texts = self.policy.complete(prompts, max_new_tokens=self.max_new_tokens)
        return [read_decomposition(text, delimited=True) for text in texts]


def load_decomposer(
    checkpoint: str | Path, device: str = "", *, four_bit: bool = False, max_new_tokens: int = 200
) -> TrainedDecomposer:
    """Loads a decomposer that a recipe trained.

    Args:
        checkpoint: its folder, or its id on the Hub.
        device: cpu, cuda, ...; empty: a GPU if there is one.
        four_bit: load the weights in 4 bit.
        max_new_tokens: longest reply.

    Raises:
        UserError: there is no such checkpoint, it has not finished, or it is a solver.
    """
    record = find_train_record(checkpoint)
    if record and student_of(record.method) == "solver":
        raise UserError(f"{checkpoint} is a solver ({record.method}): it answers sub-questions and asks none")
    return TrainedDecomposer(load_policy(checkpoint, device or None, four_bit=four_bit), max_new_tokens)
