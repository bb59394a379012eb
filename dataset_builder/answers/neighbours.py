"""The grammar of what may stand around a number: each neighbour changes it, makes it unreadable, or is a unit.

The policies stand in the package. Here "-", "$", "1.5", "million" become one number; "5", "!" a number and a function;
"3", "тыщи" a number without a value.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from fractions import Fraction

from dataset_builder.answers.tokens import Token
from dataset_builder.answers.vocabulary import (
    BEHIND,
    DENOMINATORS,
    DETERMINERS,
    FUNCTIONS,
    GLUED_FACTORS,
    JOINING,
    LABELS,
    LETTER_UNITS,
    MONEY_FACTORS,
    NUMBER_WORDS,
    ONLY_WITH_OF,
    SIGNS_ELSEWHERE,
    SPACED_LETTERS,
    VARIABLES,
    factor_of,
    plain_word,
)

_POWER_UNIT = re.compile(r"(?:[mcdk]?m|in|inch|ft|yd|mi|s)[23]")
_REMAINDER = re.compile(r"r\d+")


def read_neighbours(tokens: list[Token]) -> list[Token]:
    """The tokens with all that belongs to a number folded into it, and with operations marked as functions."""
    joined: list[Token] = []
    for index, token in enumerate(tokens):
        last = joined[-1] if joined else None
        following = tokens[index + 1] if index + 1 < len(tokens) else None
        if token.kind == "number":
            _read_before(token, joined)
            if _fraction_closed(token, joined, following):
                continue
            _take_sign(token, joined)
        elif last is None:
            pass
        elif token.kind == "word":
            if last.kind == "number" and _read_behind(last, token, following, joined):
                continue
            if last.text == "-" and not (last.spaced or token.spaced) and joined[-2:-1] and factor_of(token.text) != 1:
                joined[-2].value = None  # "5-million"
        elif last.kind in ("number", "close"):
            _read_mark_behind(last, token, following)
        joined.append(token)
    _mark_functions(joined)
    return joined


def _read_behind(number: Token, word: Token, following: Token | None, before: list[Token]) -> bool:
    """Applies the word behind a number to it; whether the word is used up."""
    base = word.text.split("^")[0]
    if not word.spaced and base in ("st", "nd", "rd", "th"):
        number.weak = True
        return True
    if base in BEHIND or (base in ("quarter", "quarters") and (number.value or 0) < 4):
        word.kind = "function"  # "3 quarters" may be coins, or 3/4
        return False
    factor: Fraction | int | None
    if len(base) == 1 and base.isascii():
        money = any(token.kind == "currency" for token in before[-3:-1])
        factor = _letter_factor(base, word, following, money)
    elif (not word.spaced and any(char.isdigit() for char in base)) or _REMAINDER.fullmatch(base):
        factor = 1 if _POWER_UNIT.fullmatch(base) else None
    elif base in DENOMINATORS and not base.endswith("s"):
        factor = 1 if number.value != 1 else None  # "76 sixth graders", but "1 sixth"
    else:
        factor = factor_of(base)
    if factor == 1:
        return False
    number.value = None if factor is None or number.value is None else number.value * factor
    return True


def _letter_factor(letter: str, word: Token, following: Token | None, money: bool) -> int | None:
    if money and letter.lower() in MONEY_FACTORS and letter == word.text:
        return MONEY_FACTORS[letter.lower()]
    if word.spaced:
        abbreviated = following is not None and following.text == ("&" if letter == "M" else ".") and letter in "Mie"
        return 1 if letter in SPACED_LETTERS or abbreviated else None  # "5 M&Ms", "5, i.e. half of 10"
    if letter in GLUED_FACTORS:
        return GLUED_FACTORS[letter] if letter == word.text else None
    metres = letter == "m" and (letter != word.text or (following is not None and following.text == "/"))
    return 1 if metres or letter in LETTER_UNITS or letter in VARIABLES else None


def _read_mark_behind(last: Token, mark: Token, following: Token | None) -> None:
    if mark.text == "!" and not mark.spaced:
        mark.kind = "function"  # a factorial, or an exclamation: nobody can say
    elif mark.kind == "other" and unicodedata.category(mark.text) in ("Mn", "Me"):
        last.value = None if unicodedata.category(mark.text) == "Mn" else last.value
    elif mark.kind == "other" and unicodedata.category(mark.text) == "Sm":
        mark.kind = "function"
    elif mark.kind == "colon" and not last.weak and following and following.kind == "number":
        last.value = None  # a ratio or a time of day


def _read_before(number: Token, before: list[Token]) -> None:
    if not before:
        return
    last = before[-1]
    names = [token.text for token in before[-2:]]
    number.weak = last.text in LABELS or last.text == "#" or names == ["no", "."]
    if last.kind == "word":
        counted = last.text != "one" and all(part in NUMBER_WORDS for part in last.text.split("-"))
        other_script = not last.text.isascii() and not plain_word(last.text).isascii()
        denied = last.text == "not" or last.text.endswith("n't")
        inside_word = number.text.startswith(".") and not number.spaced
        if counted or other_script or denied or inside_word or last.text in SIGNS_ELSEWHERE:
            number.value = None


def _mark_functions(tokens: list[Token]) -> None:
    """Marks words that work on the number behind them ("twice 5", "half of the 12", "f(5)") as functions."""
    for index, token in enumerate(tokens):
        if token.kind != "word":
            continue
        at = index + 1
        if at < len(tokens) and tokens[at].text == "(" and not tokens[at].spaced and _opens_number(tokens, at):
            token.kind = "function"
        if token.text not in FUNCTIONS and token.text not in JOINING:
            continue
        while at < len(tokens) and tokens[at].text in DETERMINERS:
            at += 1
        if token.text in JOINING and not _joins(tokens, at):
            continue
        direct = token.text not in ONLY_WITH_OF and token.text not in JOINING
        if (direct or at > index + 1) and _opens_number(tokens, at):
            token.kind = "function"


def _joins(tokens: list[Token], at: int) -> bool:
    """Whether two numbers follow that belong together ("5 cats and 7")."""
    near = tokens[at : at + 6]
    pairs = itertools.pairwise(near)
    return any(one.text in ("and", ",", "&") and other.kind in ("number", "currency") for one, other in pairs)


def _opens_number(tokens: list[Token], at: int) -> bool:
    kinds = [token.kind for token in tokens[at : at + 3]]
    while kinds and kinds[0] in ("open", "currency", "operator"):
        kinds.pop(0)
    return bool(kinds) and kinds[0] in ("number", "function")


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
        numerator.value, numerator.text = value, f"{numerator.text}/{token.text}"
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
