"""What can be seen wrong with sub-questions without solving anything: repeated, given away, or asking what is given.

Pure functions of texts, used by the data sheet and by the evaluation's quality scores. All are heuristics on numbers
and wording; what each one counts is in its docstring.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from fractions import Fraction

from dataset_builder.answers import parse_number
from dataset_builder.schema.records import normalise_text

_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
)
_NUMBER_WORDS: dict[str, Fraction] = {
    **{word: Fraction(value) for value, word in enumerate(_WORDS.split())},
    **{
        word: Fraction(10 * tens)
        for tens, word in enumerate(["thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], 3)
    },
    **{"hundred": Fraction(100), "thousand": Fraction(1000), "million": Fraction(10**6)},
    **{"dozen": Fraction(12), "dozens": Fraction(12), "couple": Fraction(2), "pair": Fraction(2)},
    **{"once": Fraction(1), "twice": Fraction(2), "double": Fraction(2), "thrice": Fraction(3), "triple": Fraction(3)},
    **{"first": Fraction(1), "second": Fraction(2), "third": Fraction(3), "fourth": Fraction(4), "fifth": Fraction(5)},
    **{"half": Fraction(1, 2), "quarter": Fraction(1, 4)},
}

# What everybody knows about clocks, calendars, dozens and percent is neither given nor computed.
_KNOWN_CONSTANTS = frozenset(Fraction(value) for value in (0, 1, 2, 7, 10, 12, 24, 30, 31, 52, 60, 100, 365, 1000))
_EDGES = " \t\n.,;:!?()[]{}<>\"'“”‘’*_%$€£#"


@functools.lru_cache(maxsize=256)  # the sets of one problem come together
def stated_numbers(text: str) -> frozenset[Fraction]:
    """The numbers that stand in a text as digits or as common number words.

    >>> sorted(map(str, stated_numbers("She eats three of the 1,200 eggs, at $2.50 each.")))
    ['1200', '3', '5/2']
    """
    numbers = _digit_numbers(text)
    for word in normalise_text(text).split():
        if word in _NUMBER_WORDS:
            numbers.add(_NUMBER_WORDS[word])
    return frozenset(numbers)


def repeated_questions(sub_questions: Sequence[str]) -> list[int]:
    """The indices of sub-questions that read like an earlier one.

    >>> repeated_questions(["How many pens?", "What cost?", "how many PENS"])
    [2]
    """
    seen: set[str] = set()
    repeated = []
    for index, question in enumerate(sub_questions):
        text = normalise_text(question)
        if text in seen:
            repeated.append(index)
        seen.add(text)
    return repeated


def giveaway_questions(problem: str, sub_questions: Sequence[str]) -> list[int]:
    """The indices of sub-questions that hold a computed number: in digits, not in the problem, not common knowledge.

    >>> giveaway_questions("Ann has 3 pens and buys 4.", ["How many pens?", "What do the 9 pens cost?"])
    [1]
    """
    known = stated_numbers(problem) | _KNOWN_CONSTANTS
    return [index for index, question in enumerate(sub_questions) if _digit_numbers(question) - known]


def given_questions(problem: str, sub_answers: Sequence[str]) -> list[int]:
    """The indices of sub-questions whose answer only repeats the problem: numbers it states, and no arithmetic.

    >>> given_questions("Ann has 3 pens and buys 4.", ["A1: Ann has 3 pens.", "A2: 3+4=7 pens."])
    [0]
    """
    known = stated_numbers(problem)
    repeated = []
    for index, answer in enumerate(sub_answers):
        body = answer.partition(":")[2] if answer[:1] == "A" and answer[1:2].isdigit() else answer
        if any(sign in body for sign in "=+*/×÷"):
            continue
        numbers = _digit_numbers(body)
        if numbers and numbers <= known:
            repeated.append(index)
    return repeated


def asks_given(problem: str, question: str) -> bool:
    """Whether a sentence of the problem plainly states what the question asks for.

    That is a sentence with a number, without a comparison, that holds all content words of the question.

    >>> asks_given("A pen costs 3 dollars. Ann buys 4.", "How much does a pen cost?")
    True
    >>> asks_given("A pen costs 3 dollars more than a nib.", "How much does a pen cost?")
    False
    """
    wanted = {_stem(word) for word in normalise_text(question).split()} - _FUNCTION_WORDS
    if not wanted:
        return False
    for sentence in problem.replace("!", ".").replace("?", ".").split(". "):
        words = normalise_text(sentence).split()
        stems = {_stem(word) for word in words}
        if any(word[0].isdigit() for word in words) and wanted <= stems and not stems & _COMPARISONS:
            return True
    return False


_FUNCTION_WORDS = frozenset(
    ("how", "many", "much", "what", "is", "are", "was", "were", "the", "a", "an", "of", "in", "to", "for", "doe", "do",
     "did", "have", "ha", "had", "it", "at", "by", "on", "per", "there")
)  # fmt: skip
_COMPARISONS = frozenset(
    ("than", "time", "twice", "half", "double", "triple", "third", "quarter", "more", "fewer", "less", "each", "every",
     "per", "as")
)  # fmt: skip


def _stem(word: str) -> str:
    """A word without the ending that tells number or person."""
    return word[:-1] if word.endswith("s") and len(word) > 2 else word


_parse_number = functools.lru_cache(maxsize=65536)(parse_number)


def _digit_numbers(text: str) -> set[Fraction]:
    numbers = set()
    for token in text.replace("-", " ").replace("/", " ").split():
        bare = token.strip(_EDGES)
        if bare[:1].isdigit() or bare[:1] == ".":
            value = _parse_number(bare.removesuffix("'s").removesuffix("’s"))
            if value is not None:
                numbers.add(value)
    return numbers


def mean_usefulness(usefulness: Sequence[float | None]) -> float | None:
    """The mean over the sub-questions that have a readable vote; None when none has.

    >>> mean_usefulness([1.0, None, 0.5]), mean_usefulness([])
    (0.75, None)
    """
    known = [value for value in usefulness if value is not None]
    return sum(known) / len(known) if known else None
