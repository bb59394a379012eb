"""Texts through the journal: asked once, in order, and a failure says at which stage it happened."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from dataset_builder.llm.journal import Journal
from dataset_builder.llm.request import Request, Response
from dataset_builder.solving.completions import ask_in_process, cut_reply, to_reply, to_request
from dataset_builder.solving.records import CompletionRequest, Reply, Usage, total_usage


def request(text: str, task: str = "answer", temperature: float = 0.0) -> Request:
    item = CompletionRequest("p-0", task, text, ("\nQ:",), sample_index=3)
    return to_request(item, "m", {"temperature": temperature, "max_tokens": 9})


def test_equal_requests_of_a_model_in_this_process_are_decoded_once_the_longest_first(tmp_path: Path) -> None:
    batches: list[list[str]] = []

    def complete(batch: Sequence[Request]) -> list[Response]:
        batches.append([item.messages[-1]["content"] for item in batch])
        return [Response(item, item.messages[-1]["content"].upper(), "stop") for item in batch]

    asked = [request(text) for text in ("a", "bbb", "a", "cc")]
    journal = tmp_path / "journal.sqlite"
    answered = ask_in_process(asked, complete, journal, batch_size=2, label="")
    assert [response.text for response in answered] == ["A", "BBB", "A", "CC"]
    assert batches == [["bbb", "cc"], ["a"]]
    assert ask_in_process(asked, complete, journal, batch_size=2, label="") == answered
    with Journal(journal, read_only=True) as kept:
        assert len(kept) == 3


@pytest.mark.parametrize("task", ["decompose", "answer"])
def test_a_request_without_an_answer_fails_at_its_stage(task: str) -> None:
    reply = to_reply(Response(request("a", task), None, error_kind="timeout", error="5 s"))
    assert reply.failure is not None
    assert (reply.failure.stage, reply.failure.kind, reply.failure.detail) == (task, "timeout", "5 s")


@pytest.mark.parametrize("kind", ["length", "empty", "content_filter"])
def test_a_reply_that_was_cut_short_or_withheld_is_what_the_model_gave(kind: str) -> None:
    assert to_reply(Response(request("a"), "A1: 5", error_kind=kind)).failure is None


def test_a_reply_ends_before_its_first_stop_string_and_counts_what_was_saved() -> None:
    assert cut_reply("A1: 5\nQ: And?", ("\nQ:",)) == Reply("A1: 5", cut_characters=8)
    stopped = to_reply(Response(request("a"), "A1: 5\nQ:", "stop_string", 4, 5, 0.0, 1.0), ("\nQ:",))
    assert (stopped.text, stopped.usage) == ("A1: 5", Usage(4, 5, 0.0, 1.0, saved_tokens=4))


def test_the_seed_is_sent_only_where_a_temperature_makes_it_matter() -> None:
    assert "seed" not in request("a").decoding
    assert request("a", temperature=0.7).decoding["seed"] == 3


def test_an_unknown_price_is_not_a_price_of_zero() -> None:
    assert total_usage([Usage(1, 1, 0.25, 1.0), Usage(2, 0, 0.25, 1.0)]) == Usage(3, 1, 0.5, 2.0)
    assert total_usage([Usage(cost_usd=0.25), Usage(cost_usd=None)]).cost_usd is None
