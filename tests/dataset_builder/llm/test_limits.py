"""Rate limits, prices and the budget, without a network or a clock of their own."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from dataset_builder.core.errors import UserError
from dataset_builder.llm.budget import Budget, BudgetExhausted
from dataset_builder.llm.journal import Journal
from dataset_builder.llm.limits import Bucket
from dataset_builder.llm.pricing import Price, most_tokens, price_list
from dataset_builder.llm.request import Request, Response
from dataset_builder.llm.settings import ServiceSettings

REMOTE = ["https://api.openai.com/v1"]
REQUEST = Request("answer", "gpt-4o-mini", ({"role": "user", "content": "wört " * 100},), {"max_tokens": 50})


def test_a_bucket_never_lets_more_through_than_its_rate_and_one_burst() -> None:
    now = 0.0
    bucket = Bucket(600, clock=lambda: now)
    sent_at = []
    for _ in range(1000):
        now += bucket.take(1)
        sent_at.append(now)
    for first in range(0, 900, 50):
        in_a_minute = sum(sent_at[first] <= moment < sent_at[first] + 60 for moment in sent_at)
        assert in_a_minute <= 600 + 100


def test_tokens_booked_too_much_are_given_back() -> None:
    bucket = Bucket(60, clock=lambda: 0.0)
    assert bucket.take(10) == 0.0
    assert bucket.take(5) == 5.0
    bucket.give_back(15)
    assert bucket.take(10) == 0.0


def test_dated_model_names_have_their_familys_price() -> None:
    prices = price_list(ServiceSettings(), REMOTE)
    assert prices.price("gpt-4o-mini-2024-07-18") == prices.price("gpt-4o-mini")
    assert prices.price("gpt-4o-2024-05-13") == Price(5.0, 15.0)
    assert prices.price("gpt-4o-of-my-own") is None


@pytest.mark.parametrize(
    ("base_url", "model", "listed"),
    [
        ("https://api.openai.com/v1", "gpt-4.1-nano", True),
        ("https://api.anthropic.com/v1", "claude-sonnet-4-5", True),
        ("https://api.openai.com/v1", "claude-sonnet-4-5", False),
        ("http://gateway.example/v1", "gpt-4o", True),
        ("http://gateway.example/v1", "claude-sonnet-4-5", False),
    ],
)
def test_the_price_is_that_of_the_endpoints_provider(base_url: str, model: str, listed: bool) -> None:
    assert (price_list(ServiceSettings(), [base_url]).price(model) is not None) == listed


def test_a_price_file_names_families_too(tmp_path: Path) -> None:
    (tmp_path / "prices.yaml").write_text("gpt-4o: [3, 4]\ngpt-4o-mini: [1, 2]\n")
    prices = price_list(ServiceSettings(price_file=str(tmp_path / "prices.yaml")), REMOTE)
    assert prices.price("gpt-4o-2024-05-13") == Price(3.0, 4.0)
    assert prices.price("gpt-4o-mini-2024-07-18") == Price(1.0, 2.0)


def test_a_batch_costs_half() -> None:
    plain, batch = (price_list(ServiceSettings(), REMOTE, batch=flag) for flag in (False, True))
    assert batch.cost(REQUEST, 1000, 10) == pytest.approx((plain.cost(REQUEST, 1000, 10) or 0) / 2)


def test_models_of_this_machine_cost_nothing_and_unknown_ones_elsewhere_have_no_price() -> None:
    assert price_list(ServiceSettings(), ["http://127.0.0.1:1/v1"]).price("anything") == Price(0.0, 0.0)
    assert price_list(ServiceSettings(), ["http://10.0.0.7:1/v1"]).price("anything") is None
    assert price_list(ServiceSettings(), ["http://127.0.0.1:1/v1", *REMOTE]).price("anything") is None


def test_prices_given_win_over_the_table_and_come_in_pairs(tmp_path: Path) -> None:
    given = price_list(ServiceSettings(price_input=1.0, price_output=2.0), REMOTE)
    assert given.price("gpt-4o") == Price(1.0, 2.0)
    with pytest.raises(UserError, match="both"):
        price_list(ServiceSettings(price_input=1.0), REMOTE)
    (tmp_path / "prices.yaml").write_text("my-model: [3, 4]\n")
    from_file = price_list(ServiceSettings(price_file=str(tmp_path / "prices.yaml")), REMOTE)
    assert from_file.price("my-model") == Price(3.0, 4.0)
    assert from_file.price("gpt-4o") == Price(2.5, 10.0)
    (tmp_path / "prices.yaml").write_text("my-model: cheap\n")
    with pytest.raises(UserError, match="lines"):
        price_list(ServiceSettings(price_file=str(tmp_path / "prices.yaml")), REMOTE)


def test_the_worst_case_counts_every_byte_as_a_token() -> None:
    prompt, reply = most_tokens(REQUEST)
    assert prompt >= len(REQUEST.messages[0]["content"].encode())
    assert reply == 50


def test_a_reservation_waits_for_what_may_still_turn_out_cheaper(tmp_path: Path) -> None:
    async def run() -> None:
        with Journal(tmp_path / "j") as journal:
            budget = Budget(journal, cap_usd=1.0)
            await budget.reserve(0.7)
            waiting = asyncio.create_task(budget.reserve(0.6))
            await asyncio.sleep(0)
            assert not waiting.done()
            budget.settle(0.7, 0.1)
            await waiting
            assert budget.highest_usd == pytest.approx(0.7)
            budget.settle(0.6, 0.6)
            with pytest.raises(BudgetExhausted):
                await budget.reserve(0.5)

    asyncio.run(run())


def test_an_unread_attempt_and_a_killed_process_count_as_spent(tmp_path: Path) -> None:
    async def run() -> None:
        with Journal(tmp_path / "j") as journal:
            budget = Budget(journal, cap_usd=1.0)
            await budget.reserve(0.2)
            budget.lose(0.2)
            await budget.reserve(0.3)  # and here the process dies: nobody closes the budget
        with Journal(tmp_path / "j") as journal:
            budget = Budget(journal, cap_usd=1.0)
            assert budget.highest_usd >= 0.5
            await budget.reserve(0.2)
            budget.settle(0.2, 0.1)
            budget.close()
        with Journal(tmp_path / "j") as journal:
            assert Budget(journal, cap_usd=1.0).lost_usd == pytest.approx(budget.lost_usd)

    asyncio.run(run())


def test_what_the_journal_holds_is_spent(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as journal:
        journal.add(Response(REQUEST, "x", cost_usd=0.25))
        journal.add(Response(REQUEST, "x", cost_usd=None))
        assert Budget(journal, None).spent_usd == 0.25


def test_a_price_says_where_it_is_from(tmp_path: Path) -> None:
    (tmp_path / "prices.yaml").write_text("mine: [1, 2]\n", encoding="utf-8")
    listed = price_list(ServiceSettings(price_file=str(tmp_path / "prices.yaml")), REMOTE)
    assert listed.source("mine") == "--price_file"
    assert listed.source("gpt-4o-mini").startswith("genai-prices 0.")
    assert listed.source("nobody-knows-this") == ""
    given = price_list(ServiceSettings(price_input=1.0, price_output=2.0), REMOTE)
    assert given.source("nobody-knows-this") == "--price_input and --price_output"
    prefixed = ServiceSettings(price_input=1.0, price_output=2.0, flag_prefix="solver_")
    assert price_list(prefixed, REMOTE).source("m") == "--solver_price_input and --solver_price_output"
    with pytest.raises(UserError, match="both --solver_price_input and --solver_price_output"):
        price_list(replace(prefixed, price_output=None), REMOTE)
    assert "this machine" in price_list(ServiceSettings(), ["http://127.0.0.1:1/v1"]).source("m")
