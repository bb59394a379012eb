r"""One reading of a reply, before anything in it is read as questions, answers or votes.

    "<think>Q1: ?</think>\nQ1: How many pens?<|im_end|>"  ->  "Q1: How many pens?", ("reasoning", "end mark")

Generation, building and evaluation all read through `read_reply`; the journal keeps what came. What was taken off is
named, so that a run can say how often.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from dataset_builder.answers.replies import own_turn, without_tags, without_thoughts

_MARKUP = re.compile(r"[<◁`~]|THINK\]")
_FENCE = re.compile(r"^[ \t]*(?:`{3,}|~{3,})[\w-]*[ \t]*(?:\n|$)", re.MULTILINE)
_INLINE_FENCE = re.compile(r"\A\s*`{3,}|`{3,}\s*\Z")


class ReadReply(NamedTuple):
    """What a reply says, and what stood around it."""

    text: str
    taken_off: tuple[str, ...] = ()


def read_reply(raw: str | None) -> ReadReply:
    """A reply without reasoning, end marks and other turns, tags and fences.

    >>> read_reply("<think>Q1: 5?</think>Q1: How many pens?</s>")
    ReadReply(text='Q1: How many pens?', taken_off=('reasoning', 'end mark'))
    """
    if not raw or not _MARKUP.search(raw):
        return ReadReply(raw or "")
    text, taken = raw, []
    steps = (
        ("reasoning", without_thoughts),
        ("end mark", own_turn),
        ("tag", without_tags),
        ("fence", _without_fences),
    )
    for name, step in steps:
        before, text = text, step(text)
        if text != before:
            taken.append(name)
    return ReadReply(text.strip("\n") if taken else text, tuple(taken))


def count_taken_off(replies: Iterable[str | None]) -> Counter[str]:
    """How many of the replies had what around them."""
    return Counter(name for reply in replies for name in read_reply(reply).taken_off)


def told_taken_off(counts: Counter[str]) -> str:
    """The counts for people; "" where nothing was taken off.

    >>> told_taken_off(Counter({"reasoning": 12, "end mark": 1}))
    'taken off before reading: reasoning of 12 replies, end mark of 1 replies'
    """
    parts = ", ".join(f"{name} of {count:,} replies" for name, count in counts.most_common())
    return f"taken off before reading: {parts}" if parts else ""


def _without_fences(text: str) -> str:
    return _INLINE_FENCE.sub("", _FENCE.sub("", text))
