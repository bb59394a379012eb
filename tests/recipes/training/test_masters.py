"""Half-precision weights with float32 masters learn what float32 weights under autocast learn, and nothing is lost."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file
from transformers import MistralConfig, MistralForCausalLM

from dataset_builder.micro_gsm.problems import generate_problems
from recipes.config.recipe import RecipeConfig
from recipes.config.settings import IlqlSettings
from recipes.modeling import load_policy
from recipes.models.load import cast_adapters
from recipes.train import run_recipe
from recipes.training.masters import MasterWeights, with_masters
from recipes.training.record import read_train_record

Recipe = Callable[..., RecipeConfig]
SIZE: dict[str, Any] = {
    "hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 4, "num_key_value_heads": 2,
    "num_hidden_layers": 2, "vocab_size": 128,
}  # fmt: skip


def mistral_with_lora(dtype: torch.dtype) -> Any:
    torch.manual_seed(0)
    model = MistralForCausalLM(MistralConfig(**SIZE)).to(torch.bfloat16)
    adapted: Any = get_peft_model(model, LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"))
    cast_adapters(adapted, dtype)
    return adapted


def losses(dtype: torch.dtype) -> list[float]:
    """Of four updates of two micro-batches, float32 weights under autocast, as PEFT and TRL have it."""
    model = mistral_with_lora(dtype)
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = with_masters(torch.optim.AdamW(weights, lr=1e-2))
    generator = torch.Generator().manual_seed(1)
    result = []
    for _ in range(4):
        for _ in range(2):
            ids = torch.randint(128, (4, 16), generator=generator)
            with torch.autocast("cpu", torch.bfloat16) if dtype is torch.float32 else nullcontext():
                loss = model(input_ids=ids, labels=ids, use_cache=False).loss
            loss.backward()
            result.append(loss.item())
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        model.zero_grad()
    return result


def test_masters_learn_what_float32_weights_under_autocast_learn() -> None:
    assert losses(torch.bfloat16) == pytest.approx(losses(torch.float32), rel=1e-4)


def test_updates_too_small_for_half_precision_add_up() -> None:
    weight = torch.nn.Parameter(torch.ones(1, dtype=torch.bfloat16))
    optimizer = with_masters(torch.optim.SGD([weight], lr=1e-3))
    for _ in range(8):  # a step of 0.001 alone rounds to nothing beside 1
        weight.sum().backward()
        optimizer.step()
        optimizer.zero_grad()
    assert weight.item() == pytest.approx(0.992, abs=2e-3)


def test_gradients_of_micro_batches_add_up_in_float32() -> None:
    weight = torch.nn.Parameter(torch.ones(1, dtype=torch.bfloat16))
    with_masters(torch.optim.SGD([weight], lr=1.0))
    (weight * 256).sum().backward()
    weight.sum().backward()
    assert weight.grad is not None
    assert weight.grad.item() == 257  # bfloat16 has no 257


def test_float32_weights_keep_their_optimizer() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=1.0)
    assert with_masters(optimizer) is optimizer


@pytest.mark.parametrize("adapter", ["lora", "qlora"])
def test_a_resumed_half_precision_run_equals_one_that_never_stopped(
    adapter: str, bc_checkpoint: Path, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared: dict[str, Any] = {
        "adapter": adapter, "init_from": str(bc_checkpoint), "precision": "bfloat16", "save_steps": 2,
        "optimizer": "adamw_torch", "micro_batch_size": 4, "lora_dropout": 0.0,
    }  # fmt: skip
    whole = run_recipe(recipe(tmp_path / "whole", **shared))
    seen: list[type] = []
    step = MasterWeights.step

    def stop_in_the_third(self: MasterWeights, closure: Any = None) -> None:
        seen.append(type(self))
        if len(seen) == 3:
            raise KeyboardInterrupt
        step(self, closure)

    monkeypatch.setattr(MasterWeights, "step", stop_in_the_third)
    with pytest.raises(KeyboardInterrupt):
        run_recipe(recipe(tmp_path / "stopped", **shared))
    monkeypatch.setattr(MasterWeights, "step", step)
    resumed = run_recipe(recipe(tmp_path / "stopped", **shared))
    first, second = (load_file(folder / "adapter_model.safetensors") for folder in (whole, resumed))
    assert all(weight.dtype is torch.bfloat16 for weight in first.values())
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("method", ["dpo", "kto", "ilql_full", "reward_weighted_bc"])
def test_every_kind_of_method_trains_a_half_precision_adapter(
    method: str, reward_recipe: Recipe, cloned_adapter: Path, tmp_path: Path
) -> None:
    changes: dict[str, Any] = {"ilql": IlqlSettings(policy_weight=1.0)} if method == "ilql_full" else {}
    shared = {"adapter": "lora", "init_from": str(cloned_adapter), "precision": "bfloat16", "max_steps": 2}
    out = run_recipe(reward_recipe(tmp_path / method, method=method, **shared, **changes))
    record = read_train_record(out)
    assert all(math.isfinite(loss) for _, loss in record.loss_curve)
    assert record.precision == "bfloat16"
    assert load_policy(out).generate(generate_problems("test", 1, 0), max_new_tokens=3)
