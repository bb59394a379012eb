"""A sub-question or sub-answer as plain text, and what is wrong with a sub-question that is none.

"**How many *red* pens?**"      ->  "How many red pens?"
"How many pens? A1: 3 pens"     ->  Failure("decompose", "holds_answers", ...)
"[question text]"               ->  Failure("decompose", "placeholder", ...)
"""

from __future__ import annotations

import re

from dataset_builder.schema.records import Failure

_EMPHASIS = re.compile(r"(?<![\w*_`\\])(\*{1,3}|_{1,3}|`+)(?=[^\s*_`])(.*?[^\s*_`\\])\1(?![\w*_`])")
_LOOSE = re.compile(r"(?<=[^\W\d])\*\*|\*\*(?=[^\W\d])|(?<=[?.!])\*{1,3}")
_QUOTED = re.compile(r"[\"“]([^\"“”]+)[\"”]")
_ANSWER_MARK = re.compile(
    r"\b(?:a(?:ns)?\.?[ \t]?\d+|(?:final |sub-?)?answers?(?:[ \t]?\d+)?|solution)[ \t*_]*[:：=]|####|\\boxed",
    re.IGNORECASE,
)
_SHORT_MARK = re.compile(r"[?？].*?\b(?:a|ans)\b[ \t*_.]*[:：=]", re.IGNORECASE)
_AFTER_QUESTION = re.compile(r"[?？][\s\W]*(?P<tail>\w.*)\Z", re.DOTALL)
_BARE_ANSWER = re.compile(
    r"(?:yes|no|true|false)\b|(?:it|that|there|this|he|she|they|so)\b[^?]*\d|\d[\d.,/]*%?(?:\s+[^\W\d]+){0,3}\W*\Z|[^?]*=\s*\S*\d",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(
    r"(?:your |the |insert |first |second |third |next |another |a )*(?:sub-?)?questions?"
    r"(?: (?:text|here|goes here|\d+|n|one|two|three))*|n/?a|none(?: needed)?|tbd|todo|null|placeholder|xxx+|nothing",
    re.IGNORECASE,
)
_IN_BRACKETS = re.compile(r"\[[^\[\]]*\]|<[^<>]*>|\{[^{}]*\}|\([^()]*\)")


def undecorated(item: str) -> str:
    """The item without emphasis, code marks and quotes around it.

    >>> undecorated("How many **red** pens?**"), undecorated("3*2=6 and 2**3 = 8")
    ('How many red pens?', '3*2=6 and 2**3 = 8')
    """
    before = ""
    while before != item:
        before, item = item, _EMPHASIS.sub(r"\2", item)
    item = _LOOSE.sub("", item).strip()
    item = re.sub(r"\A(?:[*`]+|[-–—•][ \t]+)|[*`]+\Z", "", item).strip()
    quoted = _QUOTED.fullmatch(item)
    return quoted[1].strip() if quoted else item


def flaw_of_question(question: str) -> Failure | None:
    """Why this is no sub-question: it holds its answer, or it only stands where one should.

    >>> flaw_of_question("How many pens? A1: 3 pens").kind, flaw_of_question("How many pens?")
    ('holds_answers', None)
    """
    bare = question.strip(" .…?!:;-_*")
    if not any(character.isalpha() for character in bare) and bare.strip("[](){}<>") == bare:
        bare = ""
    if not bare or _PLACEHOLDER.fullmatch(bare) or _IN_BRACKETS.fullmatch(question.rstrip(" .?!")):
        return Failure("decompose", "placeholder", f"a placeholder stands for a sub-question: {question[:60]!r}")
    tail = _AFTER_QUESTION.search(question)
    glued = _ANSWER_MARK.search(question) or _SHORT_MARK.search(question)
    if glued or (tail and _BARE_ANSWER.match(tail["tail"])):
        return Failure("decompose", "holds_answers", f"a sub-question holds its answer: {question[:80]!r}")
    return None
