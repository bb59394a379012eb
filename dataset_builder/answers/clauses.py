"""Clauses and equations: the one value they have, where they have one.

"after 3 hours, 60+60=120 miles"  ->  120        "50/3 ≈ 16.67"  ->  50/3        "4 red, 6 blue"  ->  refused
"""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import NamedTuple

from dataset_builder.answers.number_words import joined_words
from dataset_builder.answers.tokens import Refused, Token, has_numbers
from dataset_builder.answers.vocabulary import BETWEEN, BOUNDS, DETERMINERS, VARIABLES

_CLAUSE_WORDS = frozenset(["and", "or", "but", "while", "whereas", "then", "versus", "vs"])
_ALTERNATIVES = frozenset(["and", "or"])
_UNKNOWN_AMOUNTS = frozenset(["number", "total", "amount"])


def read_clauses(tokens: list[Token]) -> Fraction:
    """The one value of a statement.

    Raises:
        Refused: there is none, or more than one.
    """
    breaks = [index for index in range(len(tokens)) if _ends_clause(tokens, index)]
    readings = [_read_clause(clause) for clause in _split(tokens, breaks) if has_numbers(clause)]
    strong = [reading for reading in readings if not reading.weak] or readings
    last = strong[-1]
    others = [reading for reading in strong if reading.value != last.value]
    joined = any(tokens[index].text in _ALTERNATIVES for index in breaks)
    # An equation answers for the bare numbers before it ("after 3 hours, 60+60=120 miles"), and for equations it uses.
    unused = [reading for reading in others if reading.operands and reading.value not in last.operands]
    if others and (joined or unused or not last.operands):
        raise Refused
    if not last.operands and any(value != last.value for value in joined_words(tokens)):
        raise Refused
    return last.value


def _ends_clause(tokens: list[Token], index: int) -> bool:
    token = tokens[index]
    if token.kind == "separator":
        return True
    if token.kind == "word":
        return token.text in _CLAUSE_WORDS
    if token.text == "-" and 0 < index < len(tokens) - 1 and not any(other.kind == "equals" for other in tokens):
        after = tokens[index + 1]
        words = [near for near in (tokens[index - 1], after) if near.kind == "word" and len(near.text) > 1]
        return token.spaced and after.spaced and bool(words)
    return False


class _Reading(NamedTuple):
    """A clause's value; `operands` are the numbers it was worked out from, where the clause is an equation."""

    value: Fraction
    weak: bool
    operands: frozenset[Fraction | None] = frozenset()


def _read_clause(tokens: list[Token]) -> _Reading:
    at = [index for index, token in enumerate(tokens) if token.kind == "equals"]
    sides = [side for side in _split(tokens, at) if side]
    # A chain whose next to last side is plain arithmetic has been solved, whatever it began with.
    if any(_is_algebra(side) for side in (sides[-2:] if len(sides) > 2 else sides)):
        raise Refused
    if exact := _before_rounding(tokens, at):
        return _Reading(exact, False, frozenset(token.value for side in sides for token in side))
    for side in reversed(sides):
        values = _side_values(side)
        counted = [token for token in values if not token.weak] or values
        if not counted:
            continue
        operands = frozenset(token.value for other in sides if other is not side for token in other)
        if operands - {None} and side[0].kind in ("number", "currency"):
            counted = counted[:1]  # "360/15=24 calls in a 5 day week": what the equals sign brings
        if len({token.value for token in counted}) > 1 or counted[0].value is None:
            raise Refused
        return _Reading(counted[0].value, counted[0].weak, operands)
    raise Refused


def _before_rounding(tokens: list[Token], at: list[int]) -> Fraction | None:
    """The exact side of "50/3 ≈ 16.67"; None where the last side counts.

    Raises:
        Refused: the last two sides are different numbers and nothing else ("3~5", "16.67 ≈ 17", "3 = 5").
    """
    if not at:
        return None
    mark, sides = tokens[at[-1]].text, _split(tokens, at)[-2:]
    numbers = [[token for token in side if token.kind == "number"] for side in sides]
    if mark == "~" and sides[0] and sides[1] and sides[0][-1].kind == sides[1][0].kind == "number":
        raise Refused  # a range
    if any(len(found) != 1 for found in numbers) or _side_values(sides[0]) != numbers[0]:
        return None
    (left,), (right,) = numbers
    if left.value is None or right.value is None or left.value == right.value:
        return None
    if mark == "≈" and "/" in left.text and right.value.denominator != 1:
        return left.value
    bare = all(token.kind in ("number", "currency", "other") for side in sides for token in side)
    if bare and (mark == "≈" or not ("/" in left.text or "/" in right.text)):
        raise Refused
    return None


def _is_algebra(side: list[Token]) -> bool:
    """Whether the side compares, holds a malformed number, or calculates with a variable or a word."""
    for index, token in enumerate(side):
        before, after = side[index - 1] if index else None, side[index + 1] if index + 1 < len(side) else None
        if token.kind == "compare" or (token.kind == "number" and token.value is None):
            return True
        if token.kind == "word" and _is_variable(token, before, after):
            return True
        if token.kind == "operator" and before and after and "word" in (before.kind, after.kind):
            unit_slash = token.text == "/" and after.kind == "word" and after.text not in _UNKNOWN_AMOUNTS
            glued = token.text in "-*" and token.spaced != after.spaced  # a hyphen, or markdown
            counted = _operand_has_number(side, index, -1) and _operand_has_number(side, index, 1)
            hyphen = token.text == "-" and not token.spaced and not after.spaced
            if not (unit_slash or glued or counted or hyphen) and has_numbers(side):
                return True
    return False


def _is_variable(word: Token, before: Token | None, after: Token | None) -> bool:
    if word.text.split("^")[0].split("-")[0] not in VARIABLES:
        return False
    if "-" in word.text or "^" in word.text:
        return True
    article = word.text in "aA" and word.spaced
    return not article and (
        (before is not None and before.kind in ("number", "operator"))
        or (after is not None and after.kind == "operator")
    )


def _operand_has_number(side: list[Token], index: int, step: int) -> bool:
    """Whether the operand beside the operator at `index` holds a number: "600 ml" does, "width" does not."""
    index += step
    while 0 <= index < len(side) and side[index].kind != "operator":
        if side[index].kind == "number":
            return True
        index += step
    return False


def _side_values(side: list[Token]) -> list[Token]:
    """The numbers of one side of an equation; none where it is a sum still to do."""
    if (
        [token.text for token in side[:2]] == ["-", "("]
        or any(token.kind == "function" or token.text == "^" for token in side)
        or _works_in_words(side)
    ):
        return []
    operands = ("number", "close", "percent", "currency", "open")
    for token, before, after in zip(side[1:], side, [*side[2:], None], strict=False):
        if token.kind == "operator" and (
            (token.text == "+" and (after is not None or before.kind in operands))
            or (before.kind in operands and after is not None and after.kind in operands)
            or (token.text == "-" and after is not None and after.kind == "open" and not after.spaced)
            or (token.text == "-" and after is None and not token.spaced and before.kind == "number")
        ):
            return []
    return [token for token in side if token.kind == "number"]


def _works_in_words(side: list[Token]) -> bool:
    """Whether words calculate with the numbers of the side ("5 times 5") or only bound them ("more than 5")."""
    numbers = [index for index, token in enumerate(side) if token.kind == "number"]
    alike = len({side[index].value for index in numbers}) == 1  # different ones refuse by themselves
    for index, token in enumerate(side[:-1]):
        following = side[index + 1]
        if token.text in BOUNDS and following.kind in ("number", "currency") and (alike or index < numbers[0]):
            return True
        if token.text in ("%", "percent") and following.text == "of" and alike and index < numbers[-1]:
            return True
        if token.text in BETWEEN and numbers and numbers[0] < index:
            operand = next((other for other in side[index + 1 :] if other.text not in DETERMINERS), None)
            if operand is not None and operand.kind in ("number", "currency", "open"):
                return True
    return False


def _split(tokens: list[Token], at: list[int]) -> list[list[Token]]:
    bounds = [-1, *at, len(tokens)]
    return [tokens[start + 1 : end] for start, end in itertools.pairwise(bounds)]
