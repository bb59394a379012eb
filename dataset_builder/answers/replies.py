r"""What a model says in its reply: without its reasoning, the marks of its chat template, and HTML tags.

    "<think>final answer: 5?</think>\nFinal answer: 7"            ->  "\nFinal answer: 7"
    "hm, 5? ... </think>Final answer: <b>7</b><|im_end|>\nuser"   ->  "Final answer: 7"
    "<think>cut off in the middle of"                             ->  ""

Reasoning ends at its closing mark, with or without an opening one; a block that never closes says nothing. Text behind
an end mark is another turn and is cut.
"""

from __future__ import annotations

import re

_WORDS = "think|thinking|thought|thoughts|reason|reasoning|reflection|scratchpad|analysis|inner_monologue"
_THOUGHT = re.compile(
    rf"<(/?)(?:\w+:)?(?:{_WORDS})(?: [^<>]*)?>|◁(/?)think▷|\[(/?)THINK\]"
    r"|<\|(?:begin_of_|start_)(?:thought|thinking)\|>|<\|(end)_(?:of_)?(?:thought|thinking)\|>",
    re.IGNORECASE,
)
_FINAL_CHANNEL = "<|channel|>final<|message|>"
_OTHER_CHANNEL = "<|channel|>"
_TURN_MARK = re.compile(
    r"<[|｜][^<>|｜\n]{1,40}[|｜]>|</?s>|<(?:bos|eos|pad|unk|start_of_turn|end_of_turn|end_of_text|endoftext|eot)>",
    re.IGNORECASE,
)
_ROLE = re.compile(r"\s*(?:assistant|model)\s*(?:\n|$)")
_LINE_TAG = re.compile(r"<(?:br|/?p|/?div|/?li|/?tr|/?h[1-6])\b[^<>]*>", re.IGNORECASE)
_RAISED = re.compile(r"<(sup|sub)>([^<>]*)</\1>", re.IGNORECASE)
_TAKEN_BACK = re.compile(r"<(del|strike)>[^<>]*</\1>", re.IGNORECASE)
_TAG = re.compile(
    r"</?(?:b|i|u|em|strong|span|code|pre|mark|font|small|big|center|tt|kbd|ins|ul|ol|td|th|table|tbody|hr|a"
    r"|(?:final_)?answer|output|response|result)\b[^<>]*>",
    re.IGNORECASE,
)


def said(reply: str) -> str:
    """The part of a reply that is meant for its reader.

    >>> said("<think>final answer: 5?</think>Final answer: <b>7</b><|im_end|>")
    'Final answer: 7'
    """
    if "<" in reply or "◁" in reply or "THINK]" in reply:
        return without_tags(own_turn(without_thoughts(reply)))
    return reply


def without_tags(text: str) -> str:
    """The text without HTML tags: exponents stay as ^, struck out text goes, paragraphs become lines."""
    if "<" not in text:
        return text
    text = _TAKEN_BACK.sub("", _RAISED.sub(lambda m: f"{'^' if m[1].lower() == 'sup' else '_'}{m[2].strip()}", text))
    return _TAG.sub("", _LINE_TAG.sub("\n", text))


def without_thoughts(reply: str) -> str:
    """The reply without its reasoning."""
    if _OTHER_CHANNEL in reply:
        return reply.rpartition(_FINAL_CHANNEL)[2] if _FINAL_CHANNEL in reply else ""
    kept: list[str] = []
    start, thinking = 0, False
    for mark in _THOUGHT.finditer(reply):
        closes = any(mark.groups())
        if closes and not thinking:
            kept = []
        elif not closes and not thinking:
            kept.append(reply[start : mark.start()])
        thinking = not closes
        start = mark.end()
    return "".join(kept if thinking else [*kept, reply[start:]])


def own_turn(reply: str) -> str:
    """The first turn that says something, without the marks of the chat template."""
    for turn in _TURN_MARK.split(reply):
        turn = _ROLE.sub("", turn, count=1) if _ROLE.match(turn) else turn
        if turn.strip():
            return turn
    return ""
