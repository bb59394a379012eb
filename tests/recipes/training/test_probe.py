"""The probe: one micro-batch tells what a token costs, sets the budget, and leaves no trace in what is learnt."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from recipes.config.recipe import RecipeConfig
from recipes.train import run_recipe
from recipes.training import fit as scaffold
from recipes.training.packed import PackedTrainer
from recipes.training.probe import MARGIN, CudaMeter, measure
from recipes.training.record import read_train_record

Recipe = Callable[..., RecipeConfig]
WAYS = [("bc", "full"), ("dpo", "lora"), ("kto", "full"), ("ilql_full", "full")]


class FakeGpu:
    """A GPU on which a token takes 1,000 bytes beside 200,000 that are held."""

    def __init__(self, room: int, per_token: int = 1000) -> None:
        self.memory, self.per_token, self.tokens = room, per_token, 0

    def start(self) -> int:
        self.tokens = 0
        return 200_000

    def peak(self) -> int:
        return 200_000 + self.per_token * self.tokens

    def room(self) -> int:
        return self.memory

    def watch(self, monkeypatch: pytest.MonkeyPatch) -> list[int]:
        """Every micro-batch's tokens, in their order."""
        seen: list[int] = []
        step = PackedTrainer.micro_step

        def watched(trainer: PackedTrainer, model: Any, inputs: Any, items: Any) -> torch.Tensor:
            seen.append(inputs["input_ids"].numel())
            self.tokens = max(self.tokens, seen[-1])
            return step(trainer, model, inputs, items)

        monkeypatch.setattr(PackedTrainer, "micro_step", watched)
        monkeypatch.setattr(scaffold, "meter_here", lambda limit: self)
        return seen


def test_budget_is_what_fits_beside_what_is_held_with_a_tenth_left_free() -> None:
    gpu = FakeGpu(room=2_000_000)

    def run() -> None:
        gpu.tokens = 500

    probe = measure(gpu, 500, 100_000, run)
    assert probe.bytes_per_token == 1000
    assert probe.micro_batch_tokens == ((1 - MARGIN) * 2_000_000 - 300_000) / 1000
    assert probe.seconds_per_token > 0
    assert "micro-batches of up to 1,500 tokens (400 planned, 10% of the memory stay free)" in probe.text(400)


@pytest.mark.parametrize(
    ("method", "adapter"), [("bc", "full"), ("dpo", "lora"), ("kto", "full"), ("ilql_full", "full")]
)
def test_a_probed_run_learns_what_one_without_a_probe_learns(
    method: str, adapter: str, reward_recipe: Recipe, cloned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(name: str) -> Path:
        asked = {"method": method, "adapter": adapter, "init_from": str(cloned), "max_steps": 3, "lora_dropout": 0.0}
        return run_recipe(reward_recipe(tmp_path / name, **asked))

    plain = read_train_record(run("plain"))
    seen = FakeGpu(room=10**9).watch(monkeypatch)
    monkeypatch.setattr(PackedTrainer, "state_bytes", lambda self: 0)
    probed = read_train_record(run("probed"))
    assert probed.loss_curve == plain.loss_curve
    assert (probed.trained_tokens, probed.read_tokens) == (plain.trained_tokens, plain.read_tokens)
    assert seen[0] == seen[1]
    assert seen[0] >= max(seen)  # the fullest that may come
    assert probed.probe["tokens"] == seen[0]
    assert plain.probe == {"halvings": 0}


def test_probe_makes_micro_batches_smaller_where_a_token_costs_more_than_planned(
    recipe: Recipe, bc_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = int((200_000 + 300_000) / (1 - MARGIN)) + 1
    seen = FakeGpu(room).watch(monkeypatch)
    monkeypatch.setattr(PackedTrainer, "state_bytes", lambda self: 0)
    out = run_recipe(recipe(tmp_path / "out"))
    record = read_train_record(out)
    assert record.probe["micro_batch_tokens"] == 300
    assert max(seen[2:]) <= 300 < seen[0]
    assert record.micro_batch_tokens <= 300
    assert record.plan["micro_batches"] == 1  # planned beside measured
    straight, cut = (load_file(folder / "model.safetensors") for folder in (bc_checkpoint, out))
    assert all(weight.allclose(cut[name], atol=1e-4) for name, weight in straight.items())
    json.dumps(record.probe)


def test_probe_that_is_out_of_memory_tries_half(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = FakeGpu(10**12).watch(monkeypatch)
    watched = PackedTrainer.micro_step

    def limited(trainer: PackedTrainer, model: Any, inputs: Any, items: Any) -> torch.Tensor:
        if inputs["input_ids"].numel() > 500 and len(seen) < 4:
            seen.append(inputs["input_ids"].numel())
            raise torch.OutOfMemoryError("CUDA out of memory")
        return watched(trainer, model, inputs, items)

    monkeypatch.setattr(PackedTrainer, "micro_step", limited)
    record = read_train_record(run_recipe(recipe(tmp_path / "out")))
    assert record.probe["halvings"] >= 1
    assert "out of memory with" in capsys.readouterr().out


def test_limit_that_the_recipe_names_is_not_probed(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    FakeGpu(10**9).watch(monkeypatch)
    record = read_train_record(run_recipe(recipe(tmp_path / "out", micro_batch_tokens=400)))
    assert record.probe == {"halvings": 0}


def test_room_of_a_gpu_is_the_least_of_what_is_free_what_is_allowed_and_what_is_planned(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cuda = {"mem_get_info": (60, 100), "memory_reserved": 10, "get_per_process_memory_fraction": 0.5}
    for name, value in cuda.items():
        monkeypatch.setattr(torch.cuda, name, lambda value=value: value)
    assert CudaMeter(1000).room() == 50
    assert CudaMeter(40).room() == 40
    monkeypatch.setattr(torch.cuda, "get_per_process_memory_fraction", lambda: 1.0)
    assert CudaMeter(1000).room() == 70
