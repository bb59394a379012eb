"""The decoding loop: greedy decoding draws nothing, a seed fixes the draws, and a reply ends where it must."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from recipes.config.recipe import RecipeConfig
from recipes.models.decoding import Completion, decode_batch
from recipes.models.tiny import build_tiny_model, build_word_tokenizer

TEXT = "Ann has 3 pens and buys 4 more pens . How many pens has she now ?"


@pytest.fixture(scope="module")
def tiny() -> tuple[Any, Any]:
    torch.manual_seed(0)
    tokenizer = build_word_tokenizer([TEXT], 100)
    config = RecipeConfig(tiny_hidden_size=32, tiny_layers=1, tiny_heads=2, max_length=16)
    return build_tiny_model(config, tokenizer).eval(), tokenizer


def decode(tiny: tuple[Any, Any], text: str = TEXT, **options: Any) -> Completion:
    model, tokenizer = tiny
    given = {"ends": [], "max_new_tokens": 8} | options
    (completion,) = decode_batch(model, tokenizer, [tokenizer(text)["input_ids"]], **given)
    return completion


def test_greedy_decoding_draws_nothing_so_that_training_goes_on_as_without_it(tiny: tuple[Any, Any]) -> None:
    before = torch.get_rng_state()
    decode(tiny)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_seed_fixes_the_draws(tiny: tuple[Any, Any]) -> None:
    draws = [decode(tiny, temperature=5.0, seed=seed).ids for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]


def test_a_reply_ends_before_the_end_token_which_counts(tiny: tuple[Any, Any]) -> None:
    free = decode(tiny)
    end = free.ids[-1]
    cut = decode(tiny, ends=[end])
    assert cut.ids == free.ids[: free.ids.index(end)]
    assert (cut.tokens, cut.finish_reason) == (len(cut.ids) + 1, "stop")


def test_a_reply_ends_where_the_positions_do(tiny: tuple[Any, Any]) -> None:
    model, tokenizer = tiny
    room = model.config.max_position_embeddings - len(tokenizer(TEXT)["input_ids"])
    completion = decode(tiny, max_new_tokens=1000)
    assert (completion.tokens, completion.finish_reason) == (room, "length")
