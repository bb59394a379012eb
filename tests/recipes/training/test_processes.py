"""Several processes: two learn what one learns; every launcher configuration is one that accelerate reads."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from accelerate import PartialState
from safetensors.torch import load_file

from dataset_builder.core.config import save_resolved
from recipes.config.recipe import RecipeConfig
from recipes.train import run_recipe
from recipes.training.record import read_train_record

ROOT = Path(__file__).parents[3]
LAUNCHERS = ROOT / "recipes" / "accelerate"
Recipe = Callable[..., RecipeConfig]


@pytest.mark.slow
@pytest.mark.parametrize("tokens", [0, 200])
def test_two_cpu_processes_give_the_trajectory_of_one(
    tokens: int, bc_checkpoint: Path, recipe: Recipe, tmp_path: Path
) -> None:
    save_resolved(recipe(tmp_path / "two", micro_batch_tokens=tokens), tmp_path / "recipe.yaml")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--master_port", port]
    command = [*launcher, "-m", "recipes.train"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    argv = [*command, "--config", str(tmp_path / "recipe.yaml")]
    done = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    item, two = read_train_record(bc_checkpoint), read_train_record(tmp_path / "two")
    assert two.micro_batch_size == 4 if tokens == 0 else two.micro_batch_size < 4
    assert tokens == 0 or two.micro_batch_tokens <= tokens
    assert [loss for _, loss in two.loss_curve] == pytest.approx([loss for _, loss in item.loss_curve], rel=1e-4)
    assert two.validation_loss == pytest.approx(item.validation_loss, rel=1e-4)
    assert (two.trained_tokens, two.read_tokens) == (item.trained_tokens, item.read_tokens)
    before, after = (load_file(folder / "model.safetensors") for folder in (bc_checkpoint, tmp_path / "two"))
    assert all(weight.allclose(after[name], atol=1e-4) for name, weight in before.items())


@pytest.mark.parametrize("path", sorted(LAUNCHERS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_launcher_configuration_is_one_accelerate_reads(path: Path) -> None:
    from accelerate.commands.config.config_args import ClusterConfig, load_config_from_file

    config = load_config_from_file(str(path))
    assert isinstance(config, ClusterConfig)
    assert set(yaml.safe_load(path.read_text(encoding="utf-8"))) <= set(vars(config))
    assert f"recipes/accelerate/{path.name}" in path.read_text(encoding="utf-8")


def test_effective_batch_that_cannot_be_shared_is_one_line(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataset_builder.core.errors import UserError

    monkeypatch.setattr(PartialState(), "num_processes", 3)
    with pytest.raises(UserError, match="cannot be shared by 3 processes"):
        run_recipe(recipe(tmp_path / "out"))
