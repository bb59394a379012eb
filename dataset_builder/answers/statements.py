"""The grammar: what number a statement commits itself to, if it does; see the package for the policies."""

from __future__ import annotations

import itertools
import re
from fractions import Fraction

from dataset_builder.answers.characters import plain_statement
from dataset_builder.answers.number_words import Refused, read_words
from dataset_builder.answers.tokens import VARIABLES, Token, tokenize

_CONCLUSIONS = frozenset(["so", "therefore", "thus", "hence", "altogether", "total", "ie"])
_COPULAS = frozenset(["is", "are", "was", "were", "makes", "gives", "leaves", "leaving", "totals"])
_OPERATION_WORDS = frozenset(
    ["plus", "minus", "times", "multiplied", "divided", "sum", "difference", "product", "half", "twice", "double"]
)
_CLAUSE_WORDS = frozenset(["and", "or", "but", "while", "whereas", "then", "versus", "vs"])
_REASONS = frozenset(("because", "since"))
REFUSAL = re.compile(
    r"\b(?:can(?:no|'|’| no)t|could(?: not|n't|n’t)|impossible to) (?:be )?"
    r"(?:determine|calculate|answer|solve|find|know|compute)"
    r"|\bnot enough (?:info|data|detail)|\binsufficient|\bunable to|\bunknown\b|\bundefined\b|\bn/a\b"
    r"|\bdo(?: not|n't|n’t) know|\bnot (?:given|provided|specified|stated|clear)\b|\bunclear\b"
    r"|\bno (?:final )?answer\b",
    re.IGNORECASE,
)
_SIMPLE = re.compile(r"\s*([-+]?)(\d{1,18})\.?\s*")


def parse_number(text: str) -> Fraction | None:
    """The number that a short text (a gold answer, a statement) commits itself to, or None.

    >>> parse_number("70,000"), parse_number("-1 1/2 cups"), parse_number("4 blue, 6 red")
    (Fraction(70000, 1), Fraction(-3, 2), None)
    """
    if simple := _SIMPLE.fullmatch(text):
        value = int(simple[2])
        return Fraction(-value if simple[1] == "-" else value)
    plain = plain_statement(text)
    if REFUSAL.search(plain):
        return None
    tokens = _without_remarks(tokenize(plain))
    try:
        if any(token.kind == "number" for token in tokens):
            return _read(_conclusion(tokens))
        return read_words(tokens)
    except Refused:
        return None


def _has_numbers(tokens: list[Token]) -> bool:
    return any(token.kind == "number" for token in tokens)


def _without_remarks(tokens: list[Token]) -> list[Token]:
    """Drops parentheses that stand apart, where numbers stand outside of them; marks a factor as unevaluated."""
    outside: list[Token] = []
    remarks = 0
    opened: int | None = None
    for index, token in enumerate(tokens):
        outside.append(token)
        if token.kind == "open" and opened is None:
            opened = len(outside) - 1
        elif token.kind == "close" and opened is not None:
            group, before = outside[opened:], outside[opened - 1] if opened else None
            following = tokens[index + 1] if index + 1 < len(tokens) else None
            if before and before.kind == "number" and not group[0].spaced and _has_numbers(group):
                outside.insert(opened, Token("operator", "*", False))
            elif not any(near and near.kind in ("operator", "equals", "currency") for near in (before, following)):
                del outside[opened:]
                remarks += 1
            opened = None
    return outside if not remarks or _has_numbers(outside) else tokens


def _conclusion(tokens: list[Token]) -> list[Token]:
    """What a conclusion word ("so", "therefore") brings; else what stands before a reason ("because")."""
    for index in range(len(tokens) - 1, -1, -1):
        if tokens[index].kind == "word" and tokens[index].text in _CONCLUSIONS and _has_numbers(tokens[index:]):
            return _before_reason(tokens[index + 1 :])
    copula = _copula(tokens) if not any(token.kind == "equals" for token in tokens) else []
    return _before_reason(tokens[copula[0] + 1 :] if copula and _has_numbers(tokens[copula[0] :]) else tokens)


def _before_reason(tokens: list[Token]) -> list[Token]:
    for index, token in enumerate(tokens):
        if token.kind == "word" and token.text in _REASONS and _has_numbers(tokens[:index]):
            return tokens[:index]
    return tokens


def _split(tokens: list[Token], at: list[int]) -> list[list[Token]]:
    bounds = [-1, *at, len(tokens)]
    return [tokens[start + 1 : end] for start, end in itertools.pairwise(bounds)]


def _read(tokens: list[Token]) -> Fraction:
    """The one value of a statement.

    Raises:
        Refused: there is none, or more than one.
    """
    breaks = [index for index, token in enumerate(tokens) if _ends_clause(tokens, index)]
    readings = [_read_clause(clause) for clause in _split(tokens, breaks) if _has_numbers(clause)]
    strong = [reading for reading in readings if not reading[2]] or readings
    values = {value for value, _, _ in strong}
    last, kind, _ = strong[-1]
    if len(values) == 1:
        return last
    assigned = {value for value, how, _ in strong if how == "assignment"}
    if kind == "equation" and not assigned:
        return last
    raise Refused


def _ends_clause(tokens: list[Token], index: int) -> bool:
    token = tokens[index]
    if token.kind == "separator":
        return True
    if token.kind == "word":
        return token.text in _CLAUSE_WORDS
    if token.text == "-" and token.kind == "operator" and 0 < index < len(tokens) - 1:
        after = tokens[index + 1]
        words = [near for near in (tokens[index - 1], after) if near.kind == "word" and len(near.text) > 1]
        return token.spaced and after.spaced and bool(words)
    return False


def _read_clause(tokens: list[Token]) -> tuple[Fraction, str, bool]:
    """(value, how it was given: plain | assignment | equation, whether it is weak)."""
    at = [index for index, token in enumerate(tokens) if token.kind == "equals"]
    sides = [side for side in _split(tokens, at) if side]
    if any(_is_algebra(side) for side in sides):
        raise Refused
    for side in reversed(sides):
        values = _side_values(side)
        if values:
            counted = [token for token in values if not token.weak] or values
            how = (
                "plain"
                if not at
                else "equation"
                if any(_has_numbers(s) for s in sides if s is not side)
                else "assignment"
            )
            if len({token.value for token in counted}) == 1 and counted[0].value is not None:
                return counted[0].value, how, counted[0].weak
            raise Refused
    raise Refused


def _copula(tokens: list[Token]) -> list[int]:
    """Where the only "is" stands for "=": behind an operation ("the sum of 3 and 5 is 8")."""
    words = [index for index, token in enumerate(tokens) if token.kind == "word" and token.text in _COPULAS]
    if len(words) != 1 or not _has_numbers(tokens[: words[0]]):
        return []
    operations = (
        token.text in _OPERATION_WORDS or token.kind in ("operator", "percent") for token in tokens[: words[0]]
    )
    return words if any(operations) else []


def _is_algebra(side: list[Token]) -> bool:
    """Whether a number is bound to a variable or to a word by an operator, or a comparison is made."""
    for index, token in enumerate(side):
        before, after = side[index - 1] if index else None, side[index + 1] if index + 1 < len(side) else None
        if token.kind == "compare" or (token.kind == "number" and token.value is None):
            return True
        if token.kind == "word" and token.text.split("^")[0].split("-")[0] in VARIABLES:
            article = token.text in "aA" and token.spaced
            if ("-" in token.text) or ("^" in token.text) or (before and before.kind == "number" and not article):
                return True
            if any(near and near.kind == "operator" for near in (before, after)) and not article:
                return True
        if token.kind == "operator" and before and after and {before.kind, after.kind} == {"number", "word"}:
            if token.text in "+^" or (token.text == "*" and token.spaced == after.spaced):
                return True
            if token.text == "/" and before.kind == "word":
                return True
    return False


def _side_values(side: list[Token]) -> list[Token]:
    """The numbers of one side of an equation; none where it is a sum still to do."""
    operands = ("number", "close", "percent", "currency", "open")
    for index, token in enumerate(side):
        if token.kind == "operator" and 0 < index < len(side):
            before, after = side[index - 1], side[index + 1] if index + 1 < len(side) else None
            if before.kind in operands and (token.text == "+" or (after and after.kind in operands)):
                return []
    return [token for token in side if token.kind == "number"]
