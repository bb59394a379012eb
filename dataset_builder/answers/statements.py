"""What number a statement commits itself to, if it does; see the package for the policies.

"There are 4 red and 6 blue, so 10 in total (5 each)"  ->  "10"  ->  Fraction(10)
"""

from __future__ import annotations

import re
from fractions import Fraction

from dataset_builder.answers.clauses import read_clauses
from dataset_builder.answers.neighbours import read_neighbours
from dataset_builder.answers.notation import plain_statement
from dataset_builder.answers.number_words import read_words
from dataset_builder.answers.tokens import Refused, Token, has_numbers, tokenize
from dataset_builder.answers.vocabulary import COUNTED, MAGNITUDES, OPERATION_WORDS, factor_of

_CONCLUSIONS = frozenset(["so", "therefore", "thus", "hence", "ie"])
_TOTALS = frozenset(["total", "altogether", "all"])
_COPULAS = frozenset(["is", "are", "was", "were", "makes", "gives", "leaves", "leaving", "totals"])
_REASONS = frozenset(("because", "since"))
REFUSAL = re.compile(
    r"\b(?:can(?:no|'|’| no)t|could(?: not|n't|n’t)|(?:im|not )possible to) (?:be )?"
    r"(?:determine|calculate|answer|solve|find|know|compute)"
    r"|\bnot enough (?:info|data|detail)|\binsufficient|\bunable to|\bunknown\b|\bundefined\b|\bn/a\b"
    r"|\bdo(?: not|n't|n’t) know|\bnot (?:given|provided|specified|stated|clear)\b|\bunclear\b"
    r"|\bno (?:final )?answer\b|\b(?:below|under) (?:zero|freezing)\b"
    r"|\b(?:binary|octal|hexadecimal)\b|\bbase[ -](?:\d+|two|three|four|five|six|seven|eight|nine|twelve|sixteen)\b",
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
    try:
        tokens = _without_remarks(read_neighbours(tokenize(plain)))
        if not has_numbers(tokens):
            return read_words(tokens)
        _check_magnitudes(tokens)
        return read_clauses(_conclusion(tokens))
    except Refused:
        return None


def _check_magnitudes(tokens: list[Token]) -> None:
    """Refuses "5 (in thousands)", "10 in a million", "in thousands: 5", "a hundred and 5"."""
    numbers = False
    for index, token in enumerate(tokens):
        numbers = numbers or token.kind == "number"
        if token.kind == "word" and token.text.removesuffix("s") in MAGNITUDES:
            following = tokens[index + 1] if index + 1 < len(tokens) else token
            scale = index > 0 and tokens[index - 1].text == "in"
            if numbers or scale or following.kind == "number" or following.text in ("and", "or", "to", "-", ","):
                raise Refused


def _without_remarks(tokens: list[Token]) -> list[Token]:
    """Drops parentheses that stand apart, where numbers stand outside of them; marks a factor as unevaluated.

    Raises:
        Refused: what a pair of parentheses holds changes the number beside it.
    """
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
            product = following is not None and following.kind == "open" and not following.spaced
            if before and before.kind in ("number", "close") and not group[0].spaced and has_numbers(group):
                outside.insert(opened, Token("operator", "*", False))
            elif not product and not any(
                near and near.kind in ("operator", "equals", "currency") for near in (before, following)
            ):
                _check_remark(group, before)
                del outside[opened:]
                remarks += 1
            opened = None
    return outside if not remarks or has_numbers(outside) else tokens


def _check_remark(group: list[Token], before: Token | None) -> None:
    """Refuses "5 (thousand)", "(-) 5", "5 (negative)", "5 (or 6)", "5 (x 2)", and "5 (2)", which may be a product."""
    inside = group[1:-1]
    words = [token.text for token in inside if token.kind == "word"]
    alone = before is not None and before.kind == "number" and [token.kind for token in inside] == ["number"]
    if (
        any(_scales(word) or word in ("minus", "negative") for word in words)
        or (inside and (inside[0].text == "or" or inside[0].kind == "operator"))
        or (alone and before is not None and inside[0].value != before.value)
    ):
        raise Refused


def _scales(word: str) -> bool:
    """Whether a word in a remark may multiply the number before it."""
    if not word.isascii():
        return factor_of(word) != 1
    return word in COUNTED or (len(word) > 1 and factor_of(word) not in (1, None))


def _conclusion(tokens: list[Token]) -> list[Token]:
    """What a conclusion word ("so", "therefore") brings, and of it the total; else what stands before a reason."""
    for index in range(len(tokens) - 1, -1, -1):
        if tokens[index].kind == "word" and tokens[index].text in _CONCLUSIONS and has_numbers(tokens[index:]):
            tokens = tokens[index + 1 :]
            break
    else:
        copula = _copula(tokens) if not any(token.kind == "equals" for token in tokens) else []
        if copula and has_numbers(tokens[copula[0] :]):
            tokens = tokens[copula[0] + 1 :]
    return _before_reason(_total(tokens))


def _total(tokens: list[Token]) -> list[Token]:
    """What is named as the total: the number before it ("10 in total, 5 each"), else the one behind ("total 10")."""
    named = [index for index, token in enumerate(tokens) if token.kind == "word" and token.text in _TOTALS]
    for index in reversed(named[-3:]):
        word, last = tokens[index].text, tokens[index - 1] if index else None
        closes = word == "altogether" or (last is not None and last.text == "in")
        if word == "all" and not closes:
            continue
        before, behind = _around(tokens, index)
        if word == "total" and before and not closes:
            unit = before[-1].kind == "word" and len(before) > 1 and before[-2].kind == "number"
            closes = before[-1].kind in ("number", "percent") or (unit and not has_numbers(behind))
        if closes and any(token.kind == "number" and not token.weak for token in before):
            inside = any(token.kind == "equals" for token in before + behind)
            if not inside and any(token.kind == "equals" for token in tokens):
                return tokens  # "since 10 are needed in total, she buys 10-7=3"
            if not inside and has_numbers(behind):
                raise Refused
            return before + behind
        if has_numbers(tokens[index:]):
            return tokens[index + 1 :]
    return tokens


def _around(tokens: list[Token], index: int) -> tuple[list[Token], list[Token]]:
    """What stands before and behind a word, up to the next separators."""
    start = max((at + 1 for at in range(index) if tokens[at].kind == "separator"), default=0)
    end = next((at for at in range(index, len(tokens)) if tokens[at].kind == "separator"), len(tokens))
    return tokens[start:index], tokens[index + 1 : end]


def _before_reason(tokens: list[Token]) -> list[Token]:
    for index, token in enumerate(tokens):
        reason = token.kind == "word" and token.text in _REASONS and index > 0 and tokens[index - 1].text != "and"
        if reason and has_numbers(tokens[:index]):
            return tokens[:index]
    return tokens


def _copula(tokens: list[Token]) -> list[int]:
    """Where the only "is" stands for "=": behind an operation ("the sum of 3 and 5 is 8")."""
    words = [index for index, token in enumerate(tokens) if token.kind == "word" and token.text in _COPULAS]
    if len(words) != 1 or not has_numbers(tokens[: words[0]]):
        return []
    operations = (
        token.text in OPERATION_WORDS or token.kind in ("operator", "percent", "function")
        for token in tokens[: words[0]]
    )
    return words if any(operations) else []
