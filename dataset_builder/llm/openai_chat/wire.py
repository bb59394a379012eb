"""A request as the JSON that is sent, and a chat completion as it is read.

Only `stop` is a whole reply. A cut one (`length`), a withheld one (`content_filter`) and an empty one are failures
that keep what came; any other end is tried again. `content` is a text, or parts of which the texts are joined and the
thoughts set apart.
"""

from __future__ import annotations

import json
from typing import Any

from dataset_builder.core.encodings import whole_characters
from dataset_builder.llm.openai_chat.meanings import LONGEST_DETAIL, error_inside, fault_of
from dataset_builder.llm.openai_chat.parameters import Parameters
from dataset_builder.llm.request import Request, Response
from dataset_builder.llm.retry import Fault

_WHOLE = frozenset({"stop", "eos", "eos_token", "end_turn", "stop_sequence"})
_CUT = frozenset({"length", "max_tokens", "max_output_tokens", "max_completion_tokens", "model_length", "max_length"})
_WITHHELD = frozenset({"content_filter", "safety", "recitation", "blocklist", "prohibited_content", "refusal"})
_CALLS = frozenset({"tool_calls", "function_call"})
_THOUGHTS = frozenset({"thinking", "reasoning", "redacted_thinking", "reasoning_text", "summary_text", "thought"})
_ERRORS = {
    "length": "the reply was cut at max_tokens",
    "content_filter": "the provider withheld the reply",
    "empty": "the reply holds no text",
}


def wire_body(request: Request, parameters: Parameters | None = None) -> dict[str, Any]:
    """The JSON body of a request; parameters that are None are left to the server."""
    decoding = (parameters or Parameters()).wire(request.model, request.decoding)
    return {"model": request.model, "messages": list(request.messages), **decoding}


def wire_bytes(body: dict[str, Any]) -> bytes:
    """The body as it is sent; a surrogate without its pair is replaced."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    try:
        return text.encode()
    except UnicodeEncodeError:
        return whole_characters(text).encode()


def read_completion(request: Request, body: Any, latency_s: float) -> Response | Fault:
    """Reads a chat completion, or the refusal that stands in its place."""
    if (error := error_inside(body)) is not None:
        return fault_of(error, {}, list(request.decoding))
    try:
        choice = body["choices"][0]
        text, thought = _said(choice["message"].get("content"))
        thought = thought or _reasoning(choice["message"])
        ended = choice.get("finish_reason")
        prompt_tokens, completion_tokens, reasoning_tokens = _usage(body.get("usage"))
    except (KeyError, IndexError, TypeError, AttributeError, ValueError):
        shown = whole_characters(str(body))[:LONGEST_DETAIL]
        return Fault("bad_reply", f"not a chat completion: {shown}", "retry", maybe_billed=True)
    end = ended.lower() if isinstance(ended, str) else str(ended)
    kind = "length" if end in _CUT else "content_filter" if end in _WITHHELD else None
    if kind is None and end not in _WHOLE and not (end in _CALLS and not (text or "").strip()):
        return Fault("bad_reply", f"the reply ended with finish_reason {end[:60]!r}", "retry", maybe_billed=True)
    if kind is None and not (text or "").strip():
        kind = "empty"
    error_text = _ERRORS.get(kind or "")
    if kind == "empty" and thought:
        error_text = "the reply holds reasoning and no text"
    return Response(
        request, text, kind if kind == "length" else end, prompt_tokens, completion_tokens, None, latency_s, kind,
        error_text, thought, reasoning_tokens,
    )  # fmt: skip


def _said(content: Any) -> tuple[str | None, str | None]:
    """(text, thoughts) of a message's content.

    Raises:
        TypeError: the content is neither a text nor parts of text.
    """
    if content is None or isinstance(content, str):
        return (content if content is None else whole_characters(content)), None
    if not isinstance(content, list):
        raise TypeError(f"content is a {type(content).__name__}")
    texts: list[str] = []
    thoughts: list[str] = []
    for part in content:
        kind = part.get("type", "text")
        if kind in _THOUGHTS:
            thoughts.append(_thought(part))
        elif kind in ("text", "output_text") and isinstance(part.get("text"), str):
            texts.append(part["text"])
        else:
            raise TypeError(f"a part of the content is {kind!r}")
    return whole_characters("".join(texts)), whole_characters("".join(thoughts)) or None


def _thought(part: dict[str, Any]) -> str:
    value = part.get("thinking", part.get("reasoning", part.get("text", part.get("summary"))))
    if isinstance(value, list):
        return "".join(_thought(item) for item in value if isinstance(item, dict))
    return value if isinstance(value, str) else ""


def _reasoning(message: dict[str, Any]) -> str | None:
    """What servers put beside the content."""
    for name in ("reasoning_content", "reasoning"):
        if isinstance(message.get(name), str) and message[name]:
            return whole_characters(message[name])
    return None


def _usage(usage: Any) -> tuple[int, int, int]:
    """(prompt, reply, reasoning) tokens; what a total counts beside the two is reasoning that is billed as reply."""
    if not isinstance(usage, dict):
        return 0, 0, 0
    prompt, reply, total = (_count(usage.get(f"{name}_tokens")) for name in ("prompt", "completion", "total"))
    details = usage.get("completion_tokens_details")
    reasoning = _count((details if isinstance(details, dict) else usage).get("reasoning_tokens"))
    if total > prompt + reply and total - prompt - reply == reasoning:
        reply = total - prompt
    return prompt, reply, reasoning


def _count(value: Any) -> int:
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    return max(0, int(value)) if isinstance(value, (int, float)) and value == value and value < 1e12 else 0
