"""A plain statement as tokens: numbers with their sign, fraction and magnitude folded in, words, operators.

"-$1,234.5 + 2 1/2 million"  ->  number(-1234.5) operator(+) number(2500000)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

VARIABLES = frozenset("xyznabXYZNAB")
_TOKEN = re.compile(
    r"""(?P<number>\d{1,3}(?:[ ]\d{3})+(?!\d)(?:\.\d+)?(?![.,]?\d|\s*/)
                   | \d+(?:[.,'_]\d+)*(?:[eE][+-]?\d+(?![^\W_]))? | \.\d+)
      | (?P<word>[^\W\d_][^\W_]*(?:['-][^\W_]+)*(?:\^-?\d+)?)
      | (?P<dots>\.{2,})
      | (?P<equals>[=~]+>?|≈|->)
      | (?P<compare>[<>≤≥≠±√])
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
MAGNITUDES = {
    "hundred": 10**2,
    "thousand": 10**3,
    "lakh": 10**5,
    "million": 10**6,
    "crore": 10**7,
    "billion": 10**9,
    "trillion": 10**12,
}
_SUFFIXES = {"k": 10**3, "mn": 10**6, "bn": 10**9, "tn": 10**12}
_MONEY_SUFFIXES = {"m": 10**6, "b": 10**9, "t": 10**12}
_LABELS = frozenset(
    [
        "step",
        "question",
        "part",
        "day",
        "no",
        "number",
        "option",
        "case",
        "item",
        "page",
        "chapter",
        "room",
        "example",
        "problem",
        "week",
        "month",
        "year",
        "grade",
    ]
)
_EQUAL_WORDS = frozenset(["equals", "equal", "equalling"])


@dataclass(slots=True)
class Token:
    """`value` is set for a number (None: a malformed one); `spaced`: blanks before it; `weak`: an ordinal or label."""

    kind: str
    text: str
    spaced: bool
    value: Fraction | None = None
    weak: bool = False


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
            token.text = text = text if len(text) == 1 else text.lower()
            if text in _EQUAL_WORDS:
                token.kind = "equals"
            elif text[0] in "xX" and (len(text) == 1 or text[1:].isdecimal()) and _is_times(text, tokens, span, end):
                token.kind = "operator"
                if len(text) > 1:
                    tokens.append(token)
                    token = Token("number", text[1:], False, _number_value(text[1:]))
        tokens.append(token)
    return _joined(tokens)


def _is_times(text: str, before: list[Token], span: str, end: int) -> bool:
    """Whether an x ("6 x 9", "6x9") is a times sign: it stands between two numbers."""
    if not any(token.kind == "number" for token in before[-6:]) or before[-1].kind in ("operator", "equals"):
        return False
    after = span[end : end + 3].lstrip(" $(")[:1]
    return len(text) > 1 or after.isdecimal() or after == "."


def _joined(tokens: list[Token]) -> list[Token]:
    """Signs, fractions, mixed numbers, magnitudes, ordinals and labels, folded into their number."""
    joined: list[Token] = []
    for index, token in enumerate(tokens):
        last = joined[-1] if joined else None
        if token.kind == "word" and last and last.kind == "number" and _scaled(last, token, joined):
            continue
        if token.kind == "number":
            _mark_label(token, joined)
            if _fraction_closed(token, joined, tokens[index + 1] if index + 1 < len(tokens) else None):
                continue
            _take_sign(token, joined)
        elif token.kind == "colon" and last and last.kind == "number" and not last.weak:
            following = tokens[index + 1] if index + 1 < len(tokens) else None
            if following and following.kind == "number":
                last.value = None  # a ratio or a time of day
        joined.append(token)
    return joined


def _scaled(number: Token, word: Token, before: list[Token]) -> bool:
    """Applies a magnitude word or an ordinal ending to the number in front of it."""
    text = word.text.lower()
    if not word.spaced and text in ("st", "nd", "rd", "th"):
        number.weak = True
        return True
    if text in ("dozen", "dozens"):
        number.value = None
        return True
    factor = MAGNITUDES.get(text.removesuffix("s"))
    if not word.spaced and factor is None:
        factor = _SUFFIXES.get(text)
        if factor is None and any(token.kind == "currency" for token in before[-3:-1]):
            factor = _MONEY_SUFFIXES.get(text)
    if factor is None:
        return False
    if number.value is not None:
        number.value *= factor
    return True


def _mark_label(number: Token, before: list[Token]) -> None:
    names = [token.text for token in before[-2:]]
    number.weak = bool(names) and (names[-1] in _LABELS or names[-1] == "#" or names == ["no", "."])


def _whole(token: Token) -> bool:
    return token.kind == "number" and token.value is not None and token.value.denominator == 1


def _fraction_closed(token: Token, joined: list[Token], following: Token | None) -> bool:
    """Folds `a / b` of whole numbers, and `n a/b` as a mixed number, into one token."""
    if len(joined) < 2 or joined[-1].text != "/" or not _whole(joined[-2]):
        return False
    numerator = joined[-2]
    if (following and following.text in "/^") or (len(joined) > 2 and joined[-3].text in ("/", "^")):
        numerator.value = None  # a date, or a sum to do
        joined.pop()
        return True
    joined.pop()
    if token.value is None or token.value.denominator != 1 or token.value == 0 or numerator.value is None:
        numerator.value = None
        return True
    value = numerator.value / token.value
    whole = joined[-2] if len(joined) > 1 else None
    if whole and _whole(whole) and numerator.spaced and 0 < value < 1 and whole.value is not None:
        whole.value += -value if whole.value < 0 or whole.text.startswith("-") else value
        joined.pop()
    else:
        numerator.value = value
    return True


def _take_sign(number: Token, joined: list[Token]) -> None:
    """Folds a sign in front of the number, or of its currency sign, into it."""
    money = bool(joined) and joined[-1].kind == "currency"
    at = len(joined) - (2 if money else 1)
    if at < 0 or number.value is None:
        return
    sign, before = joined[at], joined[at - 1] if at > 0 else None
    if sign.text.lower() in ("minus", "negative") and not (before and before.kind in ("number", "percent")):
        number.value, number.text = -number.value, f"-{number.text}"
        joined.pop(at)
        return
    if sign.kind != "operator" or sign.text not in "+-":
        return
    glued = not (joined[at + 1].spaced if money else number.spaced)
    if before and before.kind == "currency" and at > 1 and joined[at - 2].kind != "number":
        before = None
    starts = before is None or before.kind in ("equals", "colon", "separator", "open", "other", "currency")
    if starts or (glued and sign.spaced and before and before.kind == "word" and before.text not in VARIABLES):
        if sign.text == "-":
            number.value, number.text = -number.value, f"-{number.text}"
        joined.pop(at)
