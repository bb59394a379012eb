"""Rows that stand joined in one give the loss and the gradients of padded rows, window or not, on torch alone."""

from __future__ import annotations

import copy
import inspect
from itertools import pairwise
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, Gemma3TextConfig, GPT2Config, MistralConfig, PreTrainedConfig
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

from recipes.config.recipe import RecipeConfig
from recipes.methods.sft import joins_rows
from recipes.models import joined_attention
from recipes.models.joined_attention import use_joined_attention

WIDTHS: dict[str, Any] = {
    "vocab_size": 64, "hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 4, "num_key_value_heads": 2,
    "num_hidden_layers": 2,
}  # fmt: skip
ENDS: dict[str, Any] = {"bos_token_id": 1, "eos_token_id": 2}
STILL: dict[str, Any] = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
FAMILIES: dict[str, PreTrainedConfig] = {
    "mistral with a window shorter than a row": MistralConfig(**WIDTHS, sliding_window=8),
    "gemma": Gemma3TextConfig(**WIDTHS, head_dim=16, sliding_window=8, **ENDS),
    "gpt2": GPT2Config(vocab_size=64, n_embd=32, n_layer=2, n_head=2, n_positions=32, **STILL, **ENDS),
}


def rows() -> list[dict[str, list[int]]]:
    ids = [torch.randint(3, 64, (length,)).tolist() for length in (20, 13, 5)]
    return [{"input_ids": row, "labels": list(row)} for row in ids]


def batches() -> tuple[dict[str, Any], dict[str, Any]]:
    examples = rows()
    joined = DataCollatorForLanguageModeling(0, padding_free=True)(copy.deepcopy(examples))
    return DataCollatorForLanguageModeling(0)(examples), joined


def model_of(family: str) -> Any:
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(FAMILIES[family]).train()


@pytest.mark.parametrize("family", FAMILIES)
def test_joined_rows_have_the_loss_and_gradients_of_padded_rows(family: str) -> None:
    padded, joined = batches()
    model = model_of(family)
    expected = model(**padded, use_cache=False).loss
    expected.backward()
    gradients = [weight.grad.clone() for weight in model.parameters()]
    model.zero_grad()
    use_joined_attention(model)
    loss = model(**joined, use_cache=False).loss
    loss.backward()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)
    for weight, gradient in zip(model.parameters(), gradients, strict=True):
        torch.testing.assert_close(weight.grad, gradient, rtol=1e-4, atol=1e-6)
    assert model(**padded, use_cache=False).loss.item() == pytest.approx(expected.item(), rel=1e-6)


def test_decoding_is_as_before() -> None:
    model = model_of("mistral with a window shorter than a row").eval()
    prompt = {
        "input_ids": torch.tensor([[0, 5, 6, 7], [8, 9, 10, 11]]),
        "attention_mask": torch.tensor([[0, 1, 1, 1], [1] * 4]),
    }
    before = model.generate(**prompt, max_new_tokens=12, do_sample=False, pad_token_id=0)
    use_joined_attention(model)
    assert torch.equal(model.generate(**prompt, max_new_tokens=12, do_sample=False, pad_token_id=0), before)


def test_torchs_kernel_is_called_as_torch_declares_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel runs on a GPU alone: here a loop with its signature stands in for it."""
    from torch.nn.attention import varlen

    signature = inspect.signature(varlen.varlen_attn)
    calls = []

    def stand_in(*args: Any, **options: Any) -> torch.Tensor:
        given = signature.bind(*args, **options).arguments
        calls.append(given)
        left, right = given["window_size"]
        assert right == 0
        out = torch.empty_like(given["query"])
        ends = given["cu_seq_q"].tolist()
        for start, end in pairwise(ends):
            q, k, v = (given[name][start:end].transpose(0, 1)[None] for name in ("query", "key", "value"))
            mixed = joined_attention._attend(
                q, k, v, None if left < 0 else left + 1, dropout=0.0, scale=given["scale"]
            )
            out[start:end] = mixed[0].transpose(0, 1)
        return out

    padded, joined = batches()
    model = model_of("mistral with a window shorter than a row")
    expected = model(**padded, use_cache=False).loss.item()
    use_joined_attention(model)
    monkeypatch.setattr(varlen, "varlen_attn", stand_in)
    monkeypatch.setattr(joined_attention, "_kernel_takes", lambda *_: True)
    assert model(**joined, use_cache=False).loss.item() == pytest.approx(expected, rel=1e-6)
    assert len(calls) == 2
    assert calls[0]["enable_gqa"]
    assert calls[0]["max_q"] == 20


def test_rows_are_joined_on_a_cpu_but_for_tiny_backbones() -> None:
    assert joins_rows(RecipeConfig(backbone="openai-community/gpt2"))
    assert not joins_rows(RecipeConfig(backbone="openai-community/gpt2", padding_free="off"))
    assert not joins_rows(RecipeConfig())
