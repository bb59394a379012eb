"""A compiled run learns what one that is not compiled learns, and decodes as before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import GPT2Config, GPT2LMHeadModel

from recipes.config.recipe import RecipeConfig
from recipes.models.compile_layers import compile_layers
from recipes.train import run_recipe
from recipes.training.record import read_train_record

Recipe = Callable[..., RecipeConfig]


def small_gpt2() -> Any:
    torch.manual_seed(0)
    return GPT2LMHeadModel(GPT2Config(vocab_size=64, n_embd=32, n_layer=3, n_head=2, n_positions=32))


def test_layers_are_compiled_where_they_train_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[str] = []

    def fake_compile(function: Callable[..., Any], **_: object) -> Callable[..., Any]:
        def compiled(*args: Any, **kwargs: Any) -> Any:
            used.append("compiled")
            return function(*args, **kwargs)

        return compiled

    monkeypatch.setattr(torch, "compile", fake_compile)
    model = small_gpt2()
    assert compile_layers(model) == 3
    ids = torch.arange(8)[None]
    model.train()(ids)
    assert len(used) == 3
    with torch.no_grad():
        model(ids)
    model.eval().generate(ids, max_new_tokens=2, pad_token_id=0)
    assert len(used) == 3


@pytest.mark.slow
@pytest.mark.parametrize("recomputed", [False, True])
def test_a_compiled_run_learns_the_same(recomputed: bool, bc_checkpoint: Path, recipe: Recipe, tmp_path: Path) -> None:
    shared: dict[str, Any] = {
        "adapter": "lora", "init_from": str(bc_checkpoint), "micro_batch_size": 4,
        "gradient_checkpointing": recomputed,
    }  # fmt: skip
    plain, compiled = (run_recipe(recipe(tmp_path / str(on), compile=on, **shared)) for on in (False, True))
    first, second = (load_file(folder / "adapter_model.safetensors") for folder in (plain, compiled))
    assert all(torch.allclose(first[name], second[name], rtol=1e-3, atol=1e-4) for name in first)
    curves = [[loss for _, loss in read_train_record(folder).loss_curve] for folder in (plain, compiled)]
    assert curves[0] == pytest.approx(curves[1], rel=1e-4)
