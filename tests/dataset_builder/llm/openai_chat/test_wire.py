"""Replies in every form that servers give them, and what is sent."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dataset_builder.llm.openai_chat.wire import read_completion, wire_bytes
from dataset_builder.llm.request import Request, Response
from dataset_builder.llm.retry import Fault
from tests.support.fake_openai import completion

REQUEST = Request("answer", "m", ({"role": "user", "content": "2 + 2"},), {"max_tokens": 5})


def read(content: Any, finish: Any = "stop", usage: Any = None, **message: Any) -> Response | Fault:
    body = completion("", "m", [1, 1])
    body["choices"][0]["message"] |= {"content": content, **message}
    body["choices"][0]["finish_reason"] = finish
    body["usage"] = usage or body["usage"]
    return read_completion(REQUEST, body, 0.1)


@pytest.mark.parametrize(
    ("content", "text", "reasoning"),
    [
        ([{"type": "thinking", "thinking": "5?"}, {"type": "text", "text": "Q1: pens?"}], "Q1: pens?", "5?"),
        ([{"type": "text", "text": "Q1: "}, {"type": "text", "text": "pens?"}], "Q1: pens?", None),
        ([{"type": "reasoning", "summary": [{"text": "5?"}]}, {"type": "output_text", "text": "7"}], "7", "5?"),
        ("7", "7", None),
    ],
)
def test_parts_of_text_are_joined_and_thoughts_kept_apart(content: Any, text: str, reasoning: str | None) -> None:
    reply = read(content)
    assert isinstance(reply, Response)
    assert (reply.text, reply.reasoning, reply.ok) == (text, reasoning, True)


@pytest.mark.parametrize("content", [{"text": "7"}, 7, ["7"], [{"type": "image_url"}], [{"type": "text"}], True])
def test_any_other_content_is_a_bad_reply_of_its_row(content: Any) -> None:
    fault = read(content)
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.action) == ("bad_reply", "retry")


@pytest.mark.parametrize("finish", ["error", "abort", "insufficient_system_resource", None, 3, "tool_calls"])
def test_only_stop_is_a_whole_reply(finish: Any) -> None:
    fault = read("half a te", finish)
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.action) == ("bad_reply", "retry")


@pytest.mark.parametrize(
    ("finish", "kind"),
    [("length", "length"), ("max_tokens", "length"), ("MAX_TOKENS", "length"), ("model_length", "length"),
     ("SAFETY", "content_filter"), ("content_filter", "content_filter"), ("stop", None), ("STOP", None)],
)  # fmt: skip
def test_ends_are_known_by_their_other_names(finish: str, kind: str | None) -> None:
    reply = read("half a te", finish)
    assert isinstance(reply, Response)
    assert (reply.error_kind, reply.text) == (kind, "half a te")


def test_reasoning_beside_the_text_is_kept_and_counted() -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 7}}
    reply = read("7", usage=usage, reasoning_content="5? no")
    assert isinstance(reply, Response)
    assert (reply.reasoning, reply.reasoning_tokens, reply.completion_tokens) == ("5? no", 7, 9)
    only = read("", usage=usage, reasoning_content="5? no")
    assert isinstance(only, Response)
    assert (only.error_kind, only.error) == ("empty", "the reply holds reasoning and no text")


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 12,
          "completion_tokens_details": {"reasoning_tokens": 7}}, 9),
        ({"prompt_tokens": "3", "completion_tokens": "2"}, 2),
        ({"prompt_tokens": None, "completion_tokens": -2}, 0),
        (["odd"], 0),
    ],
)  # fmt: skip
def test_reasoning_that_is_billed_beside_the_reply_is_added_and_odd_usage_is_none(usage: Any, tokens: int) -> None:
    reply = read("7", usage=usage)
    assert isinstance(reply, Response)
    assert reply.completion_tokens == tokens


@pytest.mark.parametrize("text", ["pens \ud83d ?", "\udc00 pens", "caf\u00e9 \ud800"])
def test_a_surrogate_without_its_pair_is_replaced_in_a_reply_and_in_a_request(text: str) -> None:
    reply = read(text)
    assert isinstance(reply, Response)
    assert reply.text is not None
    assert "\ufffd" in reply.text
    reply.text.encode()
    assert "\ufffd" in json.loads(wire_bytes({"content": text}))["content"]


def test_a_surrogate_pair_is_one_character() -> None:
    reply = read("\ud83d\ude00")
    assert isinstance(reply, Response)
    assert reply.text == "\N{GRINNING FACE}"
