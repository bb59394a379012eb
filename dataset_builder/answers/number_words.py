"""The number that words spell: "forty-two", "one hundred and five", "two and a half million", "three quarters"."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction

from dataset_builder.answers.tokens import Refused, Token
from dataset_builder.answers.vocabulary import (
    BOUNDS,
    COUNTED,
    DENOMINATORS,
    MAGNITUDES,
    NUMBER_WORDS,
    OPERATION_WORDS,
    TENS_IN_WORDS,
    words,
)

_BEFORE_PRONOUN = words("the this that each every no any which another other last first only next some")
_BEHIND_PRONOUN = words("them these those us you")
_UNREADABLE = (
    (OPERATION_WORDS - {"minus", "half"})
    | BOUNDS
    | {"point", "squared", "cubed", "factorial", "root", "dozen", "dozens"}
)
_LONGEST_RUN = 16
_JOINERS = frozenset(["and", "or", "to", "&", ",", "-"])


def read_words(tokens: list[Token]) -> Fraction:
    """The one value of a statement whose numbers are words ("forty-two", "two and a half million").

    Raises:
        Refused: there is none, or more than one, or it counts in dozens, or works them out.
    """
    parts = [part for token in tokens for part in (token.text.lower().split("-") if token.kind == "word" else [","])]
    if _UNREADABLE.intersection(parts) or any(token.kind in ("compare", "function") for token in tokens):
        raise Refused
    values = {value for run in _runs(parts) if (value := _words_value(run)) is not None}
    if len(values) != 1:
        raise Refused
    return values.pop()


def joined_words(tokens: list[Token]) -> list[Fraction]:
    """The numbers in words that a statement sets beside its digits ("5 cats and two dogs", "five or 6")."""
    values: list[Fraction] = []
    for index, token in enumerate(tokens):
        if token.kind != "word" or not index or tokens[index - 1].text not in _JOINERS:
            continue
        run = list(itertools.takewhile(lambda other: other.kind == "word", tokens[index : index + _LONGEST_RUN]))
        parts = [part for other in run for part in other.text.split("-")]
        part = parts[1] if parts[0] in ("a", "one") and len(parts) > 1 else parts[0]
        if part in DENOMINATORS and tokens[index - 1].text == "and":
            raise Refused  # "5 hours and a half"
        if parts[0] in NUMBER_WORDS and not (parts[0] == "one" and tokens[index - 1].text == ","):
            value = _words_value(next(_runs(parts), []))
            values += [] if value is None else [value]
    for before, joiner, number in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if number.kind == "number" and joiner.text in _JOINERS and before.text in NUMBER_WORDS:
            values.append(Fraction(NUMBER_WORDS[before.text]))
    return values


def _runs(parts: list[str]) -> Iterator[list[str]]:
    """Number words that stand together; "one" is left out where it is a pronoun ("one of them", "each one").

    Raises:
        Refused: a run is followed by a word that counts ("two dozen").
    """
    run: list[str] = []
    before = ""
    for word, following, third in zip(parts, [*parts[1:], ""], [*parts[2:], "", ""], strict=False):
        known = word in NUMBER_WORDS or word in MAGNITUDES or word in DENOMINATORS
        bridge = word in ("and", "a", "an") and (
            following in NUMBER_WORDS or following in DENOMINATORS or following in ("a", "an")
        )
        pronoun = (
            word == "one"
            and not run
            and (before in _BEFORE_PRONOUN or (following == "of" and third in _BEHIND_PRONOUN))
        )
        if not pronoun and (
            known or (run and bridge and following) or (word in ("a", "an") and following in MAGNITUDES)
        ):
            run.append(word)
        elif run:
            if word in COUNTED or following in COUNTED:
                raise Refused
            yield run
            run = []
        if word in ("minus", "negative") and not run:
            run = ["-"]
        before = word
    if run:
        yield run


def _words_value(run: list[str]) -> Fraction | None:
    """The value of one run of number words.

    Raises:
        Refused: the words are several numbers in a row ("five six").
    """
    total = Fraction(0)
    current: Fraction | None = None
    read = False
    for word in run:
        if word in NUMBER_WORDS:
            value, free = NUMBER_WORDS[word], current is None or current % 100 == 0
            if not free and not (current is not None and current % 10 == 0 and current % 100 >= 20 and 0 < value < 10):
                raise Refused
            current = (current or Fraction(0)) + value
        elif word in MAGNITUDES:
            scale = MAGNITUDES[word]
            current = Fraction(1) if current is None else current
            total, current = (total, current * scale) if scale == 100 else (total + current * scale, None)
        elif word in DENOMINATORS:
            if current is None and word not in ("half", "quarter"):
                continue  # an ordinal
            if run[run.index(word) - 1] in TENS_IN_WORDS:
                raise Refused  # "twenty-third"
            part = Fraction(1, DENOMINATORS[word])
            mixed = "and" in run and current is not None
            current = current + part if mixed and current is not None else (current or 1) * part
        read = read or word in NUMBER_WORDS or word in MAGNITUDES or current is not None
    if not read:
        return None
    result = total + (current or 0)
    return -result if run[0] == "-" else result
