"""The loss: log-probabilities on trained tokens alone equal the plain loss, joined rows equal padded ones."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

from recipes.models import completion_loss as module
from recipes.models.completion_loss import add_completion_head

SMALL: dict[str, Any] = {
    "vocab_size": 64,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
}
NO_ENDS: dict[str, Any] = {"bos_token_id": None, "eos_token_id": None}
MODELS: dict[str, Any] = {
    "llama": lambda: LlamaForCausalLM(LlamaConfig(**SMALL)),
    "mistral": lambda: MistralForCausalLM(MistralConfig(**SMALL, sliding_window=None)),
    "qwen3": lambda: Qwen3ForCausalLM(Qwen3Config(**SMALL, head_dim=16)),
    "gpt2": lambda: GPT2LMHeadModel(
        GPT2Config(vocab_size=64, n_embd=32, n_layer=2, n_head=2, n_positions=64, **NO_ENDS)
    ),
}
ROWS = [
    {"input_ids": [5, 6, 7, 8, 9, 10], "labels": [-100, -100, -100, 8, 9, 10]},
    {"input_ids": [11, 12, 13], "labels": [-100, 12, 13]},
    {"input_ids": [14, 15, 16, 17], "labels": [-100, -100, 16, 17]},
]
TOKENS = 7


def padded(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return DataCollatorForLanguageModeling(pad_token_id=0)(copy.deepcopy(rows))


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> Any:
    torch.manual_seed(0)
    return MODELS[request.param]().eval()


def gradients(model: Any, value: torch.Tensor) -> dict[str, torch.Tensor]:
    model.zero_grad()
    value.backward()
    return {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}


@pytest.mark.parametrize("kept", [2**27, 0], ids=["kept", "computed again"])
def test_lean_loss_and_its_gradients_equal_the_plain_ones(
    model: Any, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT_LOGITS", kept)
    monkeypatch.setattr(module, "PART", 2 * 64)
    batch = padded(ROWS)
    plain = model(**batch).loss
    expected = gradients(model, plain)
    add_completion_head(model)
    lean = -model(**batch, fused_lm_head=True).log_probs.sum() / TOKENS
    assert lean.item() == pytest.approx(plain.item(), rel=1e-5)
    result = gradients(model, lean)
    assert expected.keys() == result.keys()
    assert all(torch.allclose(result[name], expected[name], atol=1e-6) for name in expected)


def test_log_probability_is_zero_where_there_is_no_label(model: Any) -> None:
    add_completion_head(model)
    outputs = model(**padded(ROWS), fused_lm_head=True)
    assert outputs.label_mask.sum() == TOKENS
    assert outputs.log_probs[~outputs.label_mask].abs().sum() == 0
    assert (outputs.log_probs[outputs.label_mask] < 0).all()


def test_joined_rows_have_the_loss_of_padded_ones(model: Any) -> None:
    add_completion_head(model)
    joined = DataCollatorForLanguageModeling(pad_token_id=0, padding_free=True)(copy.deepcopy(ROWS))
    assert joined["input_ids"].shape == (1, 13)
    first = model(**joined, fused_lm_head=True).log_probs.sum().item()
    many = model(**padded(ROWS), fused_lm_head=True).log_probs.sum().item()
    assert first == pytest.approx(many, rel=1e-5)


def test_a_joined_row_sees_nothing_of_its_neighbour(model: Any) -> None:
    add_completion_head(model)
    collate = DataCollatorForLanguageModeling(pad_token_id=0, padding_free=True)
    second = [{"input_ids": [40, 41, 42], "labels": [-100] * 3}, ROWS[1]]
    alone, beside = collate([copy.deepcopy(ROWS[1])]), collate(copy.deepcopy(second))
    values = [model(**batch, fused_lm_head=True).log_probs.sum().item() for batch in (alone, beside)]
    assert values[0] == pytest.approx(values[1], rel=1e-5)


def test_generation_is_unchanged(model: Any) -> None:
    ids = torch.tensor([[5, 6, 7]])
    before = model.generate(ids, max_new_tokens=4, do_sample=False, pad_token_id=0)
    add_completion_head(model)
    assert model.generate(ids, max_new_tokens=4, do_sample=False, pad_token_id=0).equal(before)
