"""GSM8K's own problems behind the rows of a published file: ids, true golds, human sub-questions.

The published golds are misread at commas and signs, so a row's gold is that of GSM8K's problem with its text.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path

from dataset_builder.core.errors import UserError
from dataset_builder.schema.records import Problem, Split, normalise_text
from dataset_builder.sources import load_problems
from dataset_builder.sources.gsm8k import GSM8K, gold_number

logger = logging.getLogger(__name__)


class BadRow(Exception):
    """A row that is not of the expected form; says what is wrong with it."""


@dataclass
class Golds:
    """GSM8K's own problems of a split, by text and by index; empty when they are out of reach."""

    split: Split
    """Of GSM8K."""
    problems: list[Problem]
    """In its order."""
    by_text: dict[str, int]
    """Their indices by normalised text."""

    def problem(self, index: int, text: str, answer: str | None) -> Problem:
        """The problem of a row, with GSM8K's id and gold and the published wording.

        Raises:
            BadRow: GSM8K is out of reach and the row itself has no gold that can be trusted.
        """
        known_index = self.by_text.get(normalise_text(text))
        if known_index is None and index < len(self.problems) and _same_words(text, self.problems[index].problem):
            known_index = index
        if known_index is not None:
            known = self.problems[known_index]
            return replace(known, problem=text, solution=answer if answer and "####" in answer else known.solution)
        if answer is None:
            raise BadRow("this form has no gold answer to trust, and the problem is not one of GSM8K's")
        try:
            gold = gold_number(answer)
        except ValueError as error:
            raise BadRow(f"answer: {error}") from error
        return Problem(f"gsm8k-{self.split}-{index:05d}", text, gold, "gsm8k", self.split, solution=answer)


def load_golds(split: Split, gold: Path | None, path: Path, *, references: bool, needed: bool) -> Golds:
    """GSM8K's problems of a split: from `gold`, from beside the file's folder, or from the `gsm8k` source.

    Args:
        split: of GSM8K.
        gold: the user's file of it; None: looked up.
        path: the raw file, beside whose folder GSM8K may lie.
        references: add the human sub-questions.
        needed: fail where no gold is within reach.

    Raises:
        UserError: `gold` is missing or empty, or nothing is within reach and the golds are `needed`.
    """
    beside = path.resolve().parent.parent / "gsm8k" / f"{split}.jsonl"
    gold = beside if gold is None and beside.is_file() else gold
    if gold is not None:
        if not gold.is_file():
            raise UserError(f"no gold file {gold}; give GSM8K's own {split}.jsonl")
        problems = list(GSM8K.read(gold, split))
        if not problems:
            raise UserError(f"{gold} holds no problems; give GSM8K's own {split}.jsonl")
    else:
        try:
            problems = load_problems("gsm8k", split)
        except UserError as error:
            if needed:
                raise
            logger.warning("golds come from the file itself, since GSM8K is out of reach: %s", error)
            problems = []
    if references:
        problems = _with_references(problems, split)
    by_text = {normalise_text(problem.problem): index for index, problem in enumerate(problems)}
    return Golds(split, problems, by_text)


def _with_references(problems: list[Problem], split: Split) -> list[Problem]:
    try:
        socratic = {normalise_text(problem.problem): problem for problem in load_problems("gsm8k_socratic", split)}
    except UserError as error:
        logger.warning("without the human sub-questions of the %s split: %s", split, error)
        return problems
    humans = [socratic.get(normalise_text(problem.problem), problem) for problem in problems]
    return [
        replace(
            problem,
            reference_sub_questions=human.reference_sub_questions,
            reference_sub_answers=human.reference_sub_answers,
        )
        for problem, human in zip(problems, humans, strict=True)
    ]


def _same_words(left: str, right: str) -> bool:
    """Whether two texts are the same but for re-encoded characters: nine tenths of their words are shared."""
    left_words, right_words = set(normalise_text(left).split()), set(normalise_text(right).split())
    return len(left_words & right_words) >= 0.9 * max(len(left_words), len(right_words))
