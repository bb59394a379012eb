"""The number that words spell: "forty-two", "one hundred and five", "two and a half million", "three quarters"."""

from __future__ import annotations

import itertools
from fractions import Fraction

from dataset_builder.answers.tokens import MAGNITUDES, Token


class Refused(Exception):
    """The statement does not commit itself to one number."""


_UNITS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SMALL = {word: value for value, word in enumerate(_UNITS)} | {word: 20 + 10 * i for i, word in enumerate(_TENS)}
_DENOMINATORS = {"half": 2, "halves": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "eighth": 8}
_DENOMINATORS |= {f"{word}s": value for word, value in _DENOMINATORS.items() if value > 2} | {
    "tenth": 10,
    "tenths": 10,
}


def read_words(tokens: list[Token]) -> Fraction:
    """The one value of a statement whose numbers are words ("forty-two", "two and a half million").

    Raises:
        Refused: there is none, or more than one, or it counts in dozens.
    """
    words = [part for token in tokens for part in (token.text.lower().split("-") if token.kind == "word" else [","])]
    if any(word in ("dozen", "dozens") for word in words):
        raise Refused
    runs: list[list[str]] = []
    run: list[str] = []
    for word, following in itertools.pairwise([*words, ""]):
        known = word in _SMALL or word in MAGNITUDES or word in _DENOMINATORS
        bridge = word in ("and", "a", "an") and (
            following in _SMALL or following in _DENOMINATORS or following in "aan"
        )
        if known or (run and bridge and following) or (word in ("a", "an") and following in MAGNITUDES):
            run.append(word)
        elif run:
            runs.append(run)
            run = []
        if word in ("minus", "negative") and not run:
            run = ["-"]
    values = {value for words in (*runs, run) if (value := _words_value(words)) is not None}
    values = values - {Fraction(1)} or values  # "one of them has seven"
    if len(values) != 1:
        raise Refused
    return values.pop()


def _words_value(words: list[str]) -> Fraction | None:
    """The value of one run of number words.

    Raises:
        Refused: the words are several numbers in a row ("five six").
    """
    total = Fraction(0)
    current: Fraction | None = None
    read = False
    for word in words:
        if word in _SMALL:
            value, free = _SMALL[word], current is None or current % 100 == 0
            if not free and not (current is not None and current % 10 == 0 and current % 100 >= 20 and 0 < value < 10):
                raise Refused
            current = (current or Fraction(0)) + value
        elif word in MAGNITUDES:
            scale = MAGNITUDES[word]
            current = Fraction(1) if current is None else current
            total, current = (total, current * scale) if scale == 100 else (total + current * scale, None)
        elif word in _DENOMINATORS:
            if current is None and word not in ("half", "quarter"):
                continue  # an ordinal
            part = Fraction(1, _DENOMINATORS[word])
            mixed = "and" in words and current is not None
            current = current + part if mixed and current is not None else (current or 1) * part
        read = read or word in _SMALL or word in MAGNITUDES or current is not None
    if not read:
        return None
    result = total + (current or 0)
    return -result if words[0] == "-" else result
