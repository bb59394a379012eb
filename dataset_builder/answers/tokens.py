"""A plain statement as tokens: numbers, words, operators and marks.

"-$1,234.5 = 2 apples"  ->  operator(-) currency($) number(1234.5) equals(=) number(2) word(apples)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

_TOKEN = re.compile(
    r"""(?P<number>\d{1,3}(?:[ ]\d{3})+(?!\d)(?:\.\d+)?(?![.,]?\d|\s*/)
                   | \d+(?:[.,'_]\d+)*(?:[eE][+-]?\d+(?![^\W_]))? | \.\d+)
      | (?P<word>[^\W\d_](?:[^\W_]|[\u0300-\u036f\u0900-\u109f])*(?:['-][^\W_]+)*(?:_\w+)?(?:\^[+-]?\d+)?)
      | (?P<dots>\.{2,})
      | (?P<equals>[=~]+>?|≈|->)
      | (?P<compare>[<>≤≥≠±])
      | (?P<function>[√∛∜⌊⌈∞])
      | (?P<operator>\*\*|[-+*/^])
      | (?P<currency>\$)
      | (?P<percent>[%‰])
      | (?P<open>[(\[{])
      | (?P<close>[)\]}])
      | (?P<separator>[,;|&.!?])
      | (?P<colon>:)
      | (?P<other>\S)""",
    re.VERBOSE,
)
_MAX_DIGITS = 1000
_PLAIN_DIGITS = re.compile(r"\d+(?:\.\d+)?|\.\d+")
_GROUPED = re.compile(r"[1-9]\d{0,2}([,'_ ])\d{3}(?:\1\d{3})*(?:\.\d+)?|[1-9]\d?(?:,\d{2})+,\d{3}(?:\.\d+)?")
_EQUAL_WORDS = frozenset(["equals", "equal", "equalling"])


class Refused(Exception):
    """The statement does not commit itself to one number."""


@dataclass(slots=True)
class Token:
    """A piece of a statement."""

    kind: str
    """number, word, function (an operation on what stands beside it), operator, equals, compare, open, close, ..."""
    text: str
    """As written; words of several letters in lower case, a folded fraction with its slash."""
    spaced: bool
    """Whether blanks stand before it."""
    value: Fraction | None = None
    """Of a number; None where it is malformed, or nobody can say."""
    weak: bool = False
    """Whether the number is an ordinal or a label ("1st", "step 3")."""


def _number_value(digits: str) -> Fraction | None:
    mantissa, _, exponent = digits.lower().partition("e")
    if len(digits) > _MAX_DIGITS or (exponent and abs(int(exponent[:5])) > 400):
        return None
    if not _PLAIN_DIGITS.fullmatch(mantissa):
        if not _GROUPED.fullmatch(mantissa):
            return None
        mantissa = mantissa.translate({ord(mark): None for mark in ",'_ "})
    return Fraction(f"{mantissa}e{exponent}") if exponent else Fraction(mantissa)


def tokenize(span: str) -> list[Token]:
    tokens: list[Token] = []
    end = 0
    for match in _TOKEN.finditer(span):
        kind, text = match.lastgroup or "other", match.group()
        token = Token(kind, text, match.start() > end)
        end = match.end()
        if kind == "number":
            token.value = _number_value(text)
        elif kind == "word":
            token.text = text = text if len(text) == 1 or text == "MM" else text.lower()
            if text in _EQUAL_WORDS:
                token.kind = "equals"
            elif text[0] in "xX" and (len(text) == 1 or text[1:].isdecimal()) and _is_times(text, tokens, span, end):
                token.kind = "operator"
                if len(text) > 1:
                    tokens.append(token)
                    token = Token("number", text[1:], False, _number_value(text[1:]))
        tokens.append(token)
    return tokens


def _is_times(text: str, before: list[Token], span: str, end: int) -> bool:
    """Whether an x ("6 x 9", "6x9") is a times sign: it stands between two numbers."""
    if not any(token.kind == "number" for token in before[-6:]) or before[-1].kind in ("operator", "equals"):
        return False
    after = span[end : end + 3].lstrip(" $(")[:1]
    return len(text) > 1 or after.isdecimal() or after == "."


def has_numbers(tokens: list[Token]) -> bool:
    """Whether a number stands among the tokens."""
    return any(token.kind == "number" for token in tokens)
