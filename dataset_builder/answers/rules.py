"""Where each named rule looks for the answer in a text; see the package for the rules themselves."""

from __future__ import annotations

import functools
import math
import re
from fractions import Fraction
from typing import NamedTuple

from dataset_builder.answers.characters import fold
from dataset_builder.answers.replies import said
from dataset_builder.answers.statements import REFUSAL, parse_number

RULES = ("first_marker", "flexible", "paper_2402", "last_number")
"""The ways to find a final answer in a reply."""
DEFAULT_RULE = "first_marker"
"""The prompts ask for the marker "Final answer:", so nothing else counts as a given answer."""


class Located(NamedTuple):
    """The span of a text that holds its answer, and how it was found ('after "Final answer:"')."""

    span: str
    where: str


_FINAL = re.compile(
    r"final\s+answer(?![A-Za-z\d])[\s*_`}]{0,6}(?:\([^()\n]{0,40}\)[ \t*_`]*)?"
    r"(?:(?:is|was|[=-]?>|[=:：≈→]|[-–—](?=[\s*_]))[ \t:：*_`]*|(?=\n|$)|(?=[-+−]?[\d$]))",
    re.IGNORECASE,
)
_COLON = re.compile(r"final\s+answer[\s*_`}]{0,6}[:：][ \t*_`]*", re.IGNORECASE)
_LINE_START = re.compile(r"(?:^|[\n\r])[\s#*_>`~•-]*(?:\d{1,2}[.)]\s*)?[*_`]*(?:\\[a-z]+\{)?$")
_ANSWER = re.compile(
    r"\banswer\b[ \t*_]{0,4}(?:is|are|was|equals|:|=)[ \t:*_]*|^[ \t*_]*A[ \t]*:[ \t*_]*", re.IGNORECASE | re.MULTILINE
)
_HASHES = re.compile(r"####(?!#)[ \t]*(?=[^A-Za-z#\s]|[A-Za-z]*\d|$)", re.MULTILINE)
_NEXT_PROBLEM = re.compile(
    r"^[ \t#*_>]*(?:problem|question|q)\b(?:[ \t]+\d+)?[ \t*_]*:|(?<=\s)(?-i:Problem:)", re.IGNORECASE | re.MULTILINE
)
_SUB_ITEM = re.compile(r"^[\s*_>#-]*[AQ]\s?(?:\d+|n)[*_]*\s*[:.)]", re.IGNORECASE)
_SENTENCE_END = re.compile(
    r"(?<!\bNo)(?<!\bno)(?<!\bMr)(?<!\bDr)(?<!\bMs)(?<!\bSt)(?<!\bvs)(?<!i\.e)(?<!e\.g)(?<!approx)(?<!\.)"
    r"(?:[.?]|(?<![\d)\\])!)(?=\s|$|[A-Z])"
)
_DIGIT = re.compile(r"\d")
_LIST_NUMBER = re.compile(r"\d{1,2}\.\s+[-+$]?\d")
_SHORT_TEXT = 200  # longer texts without a digit are prose, whose "one" is no answer
_BULLET = re.compile(r"^[ \t]*(?:[-*•‣◦▪·–—][ \t]+|>[ \t]*)+")
_MARKUP_ONLY = re.compile(r"[\s*_#`~>|$-]*|[\s`~]*[a-z]*output[\s`~]*|[\s\\\[\]()]*")


def locate_answer(text: str | None, rule: str = "flexible") -> Located | None:
    """Where `rule` finds the answer in `text`; None where it finds none.

    >>> locate_answer("A1: 2+3=5\\n\\nFinal answer: 5 apples\\n\\nProblem: Tom ...", "first_marker")
    Located(span='5 apples', where='after "Final answer:"')

    Raises:
        ValueError: there is no such rule.
    """
    if rule not in RULES:
        raise ValueError(f"unknown rule {rule!r}; valid: {', '.join(RULES)}")
    if text is None:
        return None
    if rule == "paper_2402":
        match = _PAPER_NUMBER.search(text.lower(), text.lower().find("final answer:") + len("final answer:"))
        return Located(match.group(), "as the first match from the marker on") if match else None
    text = said(text)
    if rule == "first_marker":
        return _first_marker(text)
    folded = fold(text)
    if rule == "last_number":
        last = functools.reduce(lambda _, match: match, _PLAIN_NUMBER.finditer(folded), None)
        return Located(last.group(), "as the last number") if last else None
    return _flexible(_cut_next_problem(folded.replace("\r\n", "\n").replace("\r", "\n")))


def extract_final_answer(text: str | None, rule: str = "flexible") -> Fraction | None:
    """The number that `text` gives as its answer under `rule`, or None.

    >>> extract_final_answer("A1: 30 + 40 = 70\\n\\nFinal answer: $1,080.50", "first_marker")
    Fraction(2161, 2)
    >>> extract_final_answer("So he needs 2/12 or 16.7%.") is None
    True

    Raises:
        ValueError: there is no such rule.
    """
    found = locate_answer(text, rule)
    if found is None:
        return None
    if rule == "paper_2402":
        return _paper_value(found.span)
    return parse_number(_first_statement(found.span))


def extract_answer_text(text: str | None, rule: str = "flexible") -> str | None:
    """The span of `text` that `rule` reads the answer from, without interpreting it; None where there is none."""
    found = locate_answer(text, rule)
    return found.span if found else None


def _first_marker(text: str) -> Located | None:
    lower = text.lower()
    plain = lower.find("final answer:")
    end = plain + len("final answer:") if plain >= 0 else -1
    if "final" in (lower[:plain] if plain >= 0 else lower):
        for match in _FINAL.finditer(text, 0, plain if plain >= 0 else len(text)):
            if colon := _COLON.match(text, match.start()):
                end = colon.end()
                break
            if _LINE_START.search(text[max(0, match.start() - 20) : match.start()]):
                end = match.end()
                break
    span = _line_after(text, end) if end >= 0 else ""
    return Located(span, 'after "Final answer:"') if span else None


def _line_after(text: str, start: int) -> str:
    """The rest of the line at `start`, or else the next line with text, up to a following "Problem:"."""
    first = True
    while start < len(text):
        ends = [end for end in (text.find("\n", start), text.find("\r", start)) if end >= 0]
        end = min(ends, default=len(text))
        line = text[start:end]
        if header := _NEXT_PROBLEM.search(line):
            return line[: header.start()].strip()
        if not _MARKUP_ONLY.fullmatch(line):
            return line.strip().removeprefix("}").lstrip() if first else _BULLET.sub("", line).strip()
        start, first = end + 1, False
    return ""


def _cut_next_problem(text: str) -> str:
    """Cuts where the text goes on to another problem: at the first such header behind an answer marker, else behind
    any text. A header that the text begins with is an echo of the task and stays."""
    marker = next((m.end() for pattern in (_FINAL, _HASHES, _ANSWER) if (m := pattern.search(text))), None)
    boxed = text.find("\\boxed")
    starts = [start for start in (marker, boxed if boxed >= 0 else None) if start is not None]
    start = min(starts) if starts else len(text) - len(text.lstrip()) + 1
    header = _NEXT_PROBLEM.search(text, start)
    return text[: header.start()] if header else text


def _flexible(text: str) -> Located | None:
    if (boxed := text.rfind("\\boxed")) >= 0:
        content = _braced(text, boxed + len("\\boxed"))
        last = functools.reduce(lambda _, match: match, _FINAL.finditer(text, boxed + len(content)), None)
        stated = _line_after(text, last.end()) if last else ""
        if stated and parse_number(_first_statement(stated)) is not None:
            return Located(stated, 'after "Final answer"')  # the box was on the way
        return Located(content, "in the last \\boxed{}")
    if match := _HASHES.search(text):
        return Located(_line_after(text, match.end()), 'after "####"')
    if match := _FINAL.search(text):
        return Located(_line_after(text, match.end()), 'after "Final answer"')
    if match := functools.reduce(lambda _, match: match, _ANSWER.finditer(text), None):
        return Located(_line_after(text, match.end()), 'after "answer"')
    return _last_statement(text)


def _braced(text: str, start: int) -> str:
    """The content of the braces that open at `start`, nested ones included; up to the end where they never close."""
    content = text[start:].lstrip()
    if not content.startswith("{"):
        return content[:30].split("$")[0].split("\n")[0]
    depth = 0
    for index, char in enumerate(content):
        depth += (char == "{") - (char == "}")
        if depth == 0:
            return content[1:index].strip()
    return content[1:]


def _statements(line: str) -> list[str]:
    pieces, start = [], 0
    for match in _SENTENCE_END.finditer(line):
        pieces.append(line[start : match.end()].strip())
        start = match.end()
    return [piece for piece in (*pieces, line[start:].strip()) if piece]


def _first_statement(line: str) -> str:
    """The first sentence of a line that holds a number or refuses; the line where none does."""
    if _LIST_NUMBER.match(line):
        return line  # "1. 18": a list's number, or an answer and another number
    for statement in _statements(line):
        if _DIGIT.search(statement) or REFUSAL.search(statement):
            return statement
    return line


def _last_statement(text: str) -> Located | None:
    for line in reversed(text.split("\n")):
        if _MARKUP_ONLY.fullmatch(line):
            continue
        if _SUB_ITEM.match(line):
            return None
        for statement in reversed(_statements(_BULLET.sub("", line))):
            if statement.endswith("?"):
                continue
            if REFUSAL.search(statement):
                return None
            if _DIGIT.search(statement):
                return Located(statement, "in the last statement")
    short_words = 0 < len(text.strip()) < _SHORT_TEXT and not _DIGIT.search(text)
    return Located(text.strip(), "in the whole text") if short_words else None


_PAPER_NUMBER = re.compile(r"[-+]?\d*\.\d+|\d+|,\d+")
_PLAIN_NUMBER = re.compile(r"(?:(?<![\w)])-)?(?:\d{1,3}(?:,\d{3})+(?![\d,])|\d+)(?:\.\d+)?|(?<![\w.])\.\d+")


def published_gold(text: str) -> Fraction | None:
    """The gold number as the published code of 2402.01812 reads it: the first match behind "####", else in `text`.

    >>> published_gold("#### 2,125"), published_gold("-3")
    (Fraction(2, 1), Fraction(3, 1))
    """
    match = _PAPER_NUMBER.search(text, text.find("####") + 1)
    return _paper_value(match.group()) if match else None


def _paper_value(number: str) -> Fraction:
    value = float(number.replace(",", ""))
    # Beyond 308 digits every float is infinite, and all infinities are equal in the published comparison.
    return Fraction(value) if math.isfinite(value) else Fraction(10**400)
