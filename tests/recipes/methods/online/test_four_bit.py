"""A 4-bit LoRA goes through each method on a CPU: load, sample, learn, save, load, decompose."""

from __future__ import annotations

from pathlib import Path

import pytest
from safetensors.torch import load_file

from dataset_builder.micro_gsm.problems import generate_problems
from recipes.config.methods import METHODS
from recipes.modeling import load_policy
from recipes.train import run_recipe
from recipes.training.record import read_train_record
from tests.recipes.methods.online.conftest import SECTIONS, Online


def test_every_method_that_samples_is_tried_here() -> None:
    assert set(SECTIONS) == {name for name, method in METHODS.items() if method.samples}


@pytest.mark.parametrize("method", SECTIONS)
@pytest.mark.usefixtures("short_sets_win")
def test_qlora_goes_the_whole_way(method: str, online: Online, tmp_path: Path) -> None:
    settings = {} if method == "on_policy_distillation" else {"screen": 2, "clone_weight": 0.5}
    config = online(
        tmp_path / "out", method, settings, adapter="qlora", optimizer="paged_adamw_8bit", gradient_checkpointing=True,
        learning_rate=1e-2, max_steps=3, micro_batch_size=4, effective_batch_size=16,
    )  # fmt: skip
    out = run_recipe(config)
    weights = load_file(out / "adapter_model.safetensors")
    assert all(weight.abs().sum() > 0 for name, weight in weights.items() if ".lora_B." in name)
    assert (read_train_record(out).updates, read_train_record(out).adapter) == (3, "qlora")
    policy = load_policy(out, "cpu", four_bit=True)
    assert len(policy.generate(generate_problems("test", 2, 0), max_new_tokens=8)) == 2
