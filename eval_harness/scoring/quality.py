"""Decomposition quality without a solver: against reference sub-questions, and by what can be seen in the questions.

    granularity   1 - |n_generated - n_reference| / n_generated, per problem, then the mean
    fluency       mean of corpus BLEU-1, -2, -3 and -4 of the sets' texts against the reference sets' texts
    repetition    share of sets with a sub-question that reads like an earlier one of the set
    give-away     share of sets with a sub-question that holds a computed number
    asks given    share of sets with a sub-question that one plain sentence of the problem already answers
    order         mean rank correlation of the matched reference questions' positions (1: the reference's order)
    length        sub-questions per set, words per sub-question

Granularity and fluency are those of `dataset_builder.text.bleu`; the measures below them are ours.

Source: arXiv 2402.01812, section 4 (granularity, fluency).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from difflib import SequenceMatcher
from statistics import fmean
from typing import Any

from dataset_builder.schema.records import Problem
from dataset_builder.solving.records import Decomposition
from dataset_builder.text.bleu import fluency, granularity
from dataset_builder.text.question_quality import asks_given, giveaway_questions, repeated_questions

_SAME_QUESTION = 0.6


def order_agreement(generated: Sequence[str], reference: Sequence[str]) -> float | None:
    """Kendall's tau of the positions of the reference questions in the set; None with fewer than two matches.

    >>> order_agreement(["How many pens?", "What do they cost?"], ["What do they cost?", "How many pens?"])
    -1.0
    """
    positions = []
    for question in reference:
        likeness = [SequenceMatcher(None, question.lower(), candidate.lower()).ratio() for candidate in generated]
        if likeness and max(likeness) >= _SAME_QUESTION:
            positions.append(likeness.index(max(likeness)))
    pairs = [(first, second) for index, first in enumerate(positions) for second in positions[index + 1 :]]
    signs = [(second > first) - (second < first) for first, second in pairs]
    return fmean(signs) if signs else None


def decomposition_quality(problems: Sequence[Problem], decompositions: Sequence[Decomposition]) -> dict[str, Any]:
    """All measures over the readable sets; `problems` repeat, once per seed, beside `decompositions`.

    Measures against references are None where some problem has none.
    """
    pairs = zip(itertools.cycle(problems), decompositions, strict=False)
    sets = [(problem, item.sub_questions) for problem, item in pairs if item.sub_questions]
    if not sets:
        return {"sets": 0}
    n = len(sets)
    lengths = [len(question.split()) for _, questions in sets for question in questions]
    measures: dict[str, Any] = {
        "sets": n,
        "questions_per_set": fmean(len(questions) for _, questions in sets),
        "words_per_question": fmean(lengths),
        "sets_with_repetition": sum(bool(repeated_questions(questions)) for _, questions in sets) / n,
        "sets_with_giveaway": sum(
            bool(giveaway_questions(f"{item.passage} {item.problem}", questions)) for item, questions in sets
        )
        / n,
        "sets_asking_given": sum(
            any(asks_given(item.problem, question) for question in questions) for item, questions in sets
        )
        / n,
    }
    return measures | _against_references(sets)


def _against_references(sets: Sequence[tuple[Problem, tuple[str, ...]]]) -> dict[str, Any]:
    if not all(item.reference_sub_questions for item, _ in sets):
        return {"granularity": None, "fluency": None, "order": None}
    references = [item.reference_sub_questions for item, _ in sets]
    generated = [questions for _, questions in sets]
    pairs = list(zip(generated, references, strict=True))
    orders = [tau for tau in (order_agreement(*pair) for pair in pairs) if tau is not None]
    return {
        "granularity": fmean(granularity(len(generated), len(reference)) for generated, reference in pairs),
        "fluency": fluency(generated, references),
        "order": fmean(orders) if orders else None,
    }
