"""expert_iteration: clones the right samples of a round, and a round survives a kill."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import Mock

import pytest
import torch
from safetensors.torch import load_file

from recipes.methods.online.expert_iteration import ExpertTrainer, repeated
from recipes.methods.online.rewards import Earned
from recipes.methods.online.sampling import DRAWN_FILE
from recipes.train import run_recipe
from recipes.training.record import read_train_record
from tests.recipes.methods.online.conftest import Online


def drawn(rows: int) -> dict[str, torch.Tensor]:
    ids = torch.arange(rows)[:, None].repeat(1, 3)
    return {
        "completion_ids": ids,
        "completion_mask": torch.ones_like(ids),
        "advantages": torch.zeros(rows),
        "old_per_token_logps": torch.zeros(rows, 3),
        "num_items_in_batch": torch.tensor(99),
    }


def chosen(outcomes: list[float], oversample: int = 1) -> dict[str, torch.Tensor]:
    trainer = Mock(state=Mock(global_step=3), oversample=oversample)
    earned = [Earned({"solver": outcome}, True) for outcome in outcomes]
    return ExpertTrainer.chosen(trainer, drawn(len(outcomes)), earned)


def test_only_right_samples_are_cloned_as_many_as_were_drawn() -> None:
    output = chosen([0.0, 1.0, 0.0, 1.0, 0.0])
    assert set(output["completion_ids"][:, 0].tolist()) == {1, 3}
    assert output["advantages"].tolist() == [1.0] * 5
    assert int(output["num_items_in_batch"]) == 15
    assert "old_per_token_logps" not in output


def test_where_more_were_drawn_a_part_of_the_right_ones_is_cloned() -> None:
    output = chosen([1.0, 1.0, 0.0, 1.0, 1.0, 1.0], oversample=3)
    assert len(set(output["completion_ids"][:, 0].tolist()) - {2}) == 2
    assert int(output["num_items_in_batch"]) == 6


def test_a_round_without_a_right_sample_teaches_nothing() -> None:
    assert chosen([0.0, 0.0])["advantages"].tolist() == [0.0, 0.0]


def test_every_kept_sample_is_used_as_often_but_for_one() -> None:
    counts = [repeated([5, 6, 8], 8, seed=1).count(row) for row in (5, 6, 8)]
    assert sorted(counts) == [2, 3, 3]


@pytest.mark.usefixtures("short_sets_win")
def test_rewards_rise_by_cloning_what_is_right(online: Online, tmp_path: Path) -> None:
    settings = {"problems": "micro_gsm:small", "samples_per_problem": 4, "updates_per_round": 5}
    config = online(
        tmp_path / "out", "expert_iteration", settings, max_steps=20, effective_batch_size=32, learning_rate=3e-3
    )
    rewards = read_train_record(run_recipe(config)).details["rewards"]
    assert rewards["samples"] == 20 * 32
    by_round = [reward for _, reward, _ in rewards["curve"]]
    assert by_round[-1] > by_round[0] + 0.1


@pytest.mark.parametrize("stopped_at", [1, 2])
def test_a_run_that_is_stopped_within_a_round_or_between_two_ends_as_it_would_have(
    online: Online, tmp_path: Path, stopped_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    straight = run_recipe(online(tmp_path / "straight", "expert_iteration", save_steps=1))
    config = online(tmp_path / "stopped", "expert_iteration", save_steps=1)
    with monkeypatch.context() as patch:
        original = ExpertTrainer.training_step

        def stopping(self: ExpertTrainer, *args: object, **kwargs: object) -> object:
            if self.state.global_step == stopped_at:
                raise KeyboardInterrupt
            return original(self, *args, **kwargs)

        patch.setattr(ExpertTrainer, "training_step", stopping)
        with pytest.raises(KeyboardInterrupt):
            run_recipe(config)
    kept = tmp_path / "stopped" / "checkpoints" / f"checkpoint-{stopped_at}" / DRAWN_FILE
    assert kept.is_file() == (stopped_at == 1)
    resumed = run_recipe(config)
    ends = [load_file(folder / "model.safetensors") for folder in (straight, resumed)]
    assert all(torch.equal(weight, ends[1][name]) for name, weight in ends[0].items())
    samples = [read_train_record(folder).details["rewards"]["samples"] for folder in (straight, resumed)]
    assert samples[0] == samples[1]
