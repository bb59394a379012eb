"""grpo: groups with spread first, rewards that rise, a record that says who was asked, a start that is held to."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file
from trl import GRPOTrainer

from dataset_builder.core.errors import UserError
from dataset_builder.llm.journal import Journal
from recipes.config.recipe import RecipeConfig, check_recipe
from recipes.methods.online import rollouts
from recipes.methods.online.grpo import GrpoTrainer, groups_with_spread
from recipes.planning.preflight import check_support
from recipes.train import main, run_recipe
from recipes.training import in_process
from recipes.training import solver as solver_module
from recipes.training.record import read_train_record
from recipes.training.solver import JOURNAL
from tests.recipes.methods.online.conftest import Online


def test_groups_whose_samples_earn_alike_are_the_first_to_be_left_out() -> None:
    totals = [1.0, 1.0, 0.0, 1.0, 0.5, 0.5, 0.0, 1.0]
    assert groups_with_spread(totals, 2, 2) == [range(2, 4), range(6, 8)]
    assert groups_with_spread([1.0] * 8, 2, 2) == [range(2), range(2, 4)]


@pytest.mark.usefixtures("short_sets_win")
def test_rewards_rise_and_the_record_says_who_was_asked_how_often(online: Online, tmp_path: Path) -> None:
    settings = {"problems": "micro_gsm:small", "kl": 0.0, "samples_per_problem": 8}
    config = online(tmp_path / "grpo", "grpo", settings, max_steps=20, effective_batch_size=32, learning_rate=3e-3)
    record = read_train_record(run_recipe(config))
    rewards = record.details["rewards"]
    curve = [reward for _, reward, _ in rewards["curve"]]
    assert sum(curve[-5:]) > sum(curve[:5]) + 0.5
    assert (rewards["solver"], rewards["cost_usd"], rewards["samples"]) == ("micro_gsm", 0.0, 20 * 32)
    assert 0 < rewards["calls"] <= rewards["readable"] * rewards["samples"] + 1
    assert rewards["curve"][-1][2] == rewards["calls"]
    assert record.trained_tokens > 0 < record.read_tokens
    assert record.validation_loss is None


def test_oversampled_problems_are_drawn_and_asked_but_not_all_trained_on(online: Online, tmp_path: Path) -> None:
    runs = [
        read_train_record(run_recipe(online(tmp_path / str(k), "grpo", {"oversample": k}, max_steps=2)))
        for k in (1, 3)
    ]
    samples = [run.details["rewards"]["samples"] for run in runs]
    assert samples == [16, 48]
    assert runs[1].trained_tokens < 2 * runs[0].trained_tokens


def test_a_large_draw_is_decoded_in_parts_of_whole_groups(
    online: Online, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded, original = list[int](), GRPOTrainer._generate_single_turn

    def counting(self: GRPOTrainer, prompts: list[list[int]], *args: Any, **kwargs: Any) -> Any:
        decoded.append(len(prompts))
        return original(self, prompts, *args, **kwargs)

    monkeypatch.setattr(GRPOTrainer, "_generate_single_turn", counting)
    monkeypatch.setattr(rollouts, "MOST_ROWS", 6)
    run_recipe(online(tmp_path / "out", "grpo", {"oversample": 3}, max_steps=1))
    assert decoded == [8, 8, 8]


def test_two_updates_on_a_draw_halve_what_is_drawn(online: Online, tmp_path: Path) -> None:
    record = read_train_record(run_recipe(online(tmp_path / "out", "grpo", {"updates_per_draw": 2}, max_steps=3)))
    assert (record.updates, record.details["rewards"]["samples"]) == (3, 16)


@pytest.mark.usefixtures("short_sets_win")
def test_a_strong_hold_keeps_the_policy_near_its_start(online: Online, tmp_path: Path) -> None:
    def reward(kl: float) -> float:
        config = online(
            tmp_path / str(kl), "grpo", {"kl": kl}, max_steps=15, effective_batch_size=32, learning_rate=3e-3
        )
        curve = read_train_record(run_recipe(config)).details["rewards"]["curve"]
        return sum(reward for _, reward, _ in curve[-5:]) / 5

    assert reward(0.0) > reward(20.0) + 0.1


def test_an_adapter_is_trained_further_and_its_reference_is_gone_afterwards(
    online: Online, start: Path, tmp_path: Path
) -> None:
    first = run_recipe(online(tmp_path / "lora", "grpo", {"kl": 0.1}, adapter="lora"))
    second = run_recipe(online(tmp_path / "again", "grpo", {"kl": 0.1}, adapter="lora", init_from=str(first)))
    names = set(load_file(second / "adapter_model.safetensors"))
    assert names == set(load_file(first / "adapter_model.safetensors"))
    assert not any("ref" in path.name for path in second.iterdir())


def test_each_part_of_the_reward_is_logged_by_name(
    online: Online, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged, original = set[str](), GrpoTrainer.log

    def log(self: GrpoTrainer, logs: dict[str, float], *args: Any) -> None:
        original(self, logs, *args)
        logged.update(logs)

    monkeypatch.setattr(GrpoTrainer, "log", log)
    settings = {"vote_weight": 0.5, "feedback_model": "micro_gsm", "question_cost": 0.01}
    run_recipe(online(tmp_path / "out", "grpo", settings, max_steps=2))
    assert {"rewards/solver/mean", "rewards/questions/mean", "rewards/votes/mean", "reward", "calls"} <= logged


@pytest.mark.parametrize("method", ["grpo", "expert_iteration"])
def test_a_model_in_this_process_answers_and_votes_through_the_journal_for_nothing(
    method: str, online: Online, trained_solver: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    loaded: list[str] = []
    original = in_process.load_solver_model
    monkeypatch.setattr(solver_module, "load_solver_model", lambda path: loaded.append(path) or original(path))
    here = f"transformers:{trained_solver}"
    votes = {"vote_weight": 0.5, "feedback_model": here, "votes": 1, "problems": "micro_gsm:small"}
    config = online(tmp_path / "out", method, votes, max_steps=2, solver=here)
    run_recipe(dataclasses.replace(config, dry_run=True))
    printed = capsys.readouterr().out
    assert "costs    nothing: the solver is in this process" in printed
    assert "solver  in this process: 0.0 GiB of that memory; costs nothing" in printed
    rewards = read_train_record(run_recipe(config)).details["rewards"]
    with Journal(config.output / JOURNAL, read_only=True) as journal:
        asked = {(row.task, row.outcome): row.requests for row in journal.totals()}
    assert rewards["solver"] == rewards["feedback_model"] == "transformers:solver"
    assert rewards["calls"] == asked["answer", "answered"] + asked["feedback", "answered"] > 0
    assert rewards["cost_usd"] == 0.0
    assert loaded == [str(trained_solver)]


def check_both(config: RecipeConfig) -> None:
    check_recipe(config)
    check_support(config)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"solver": ""}, "grpo needs --solver"),
        ({"solver": "transformers:outputs/x"}, "no checkpoint outputs/x"),
        ({"solver": "vllm:x"}, "expected openai:MODEL, transformers:PATH or micro_gsm"),
        ({"effective_batch_size": 6}, "multiple of samples_per_problem 4"),
    ],
)
def test_a_recipe_that_cannot_be_rewarded_is_refused_before_anything_is_loaded(
    online: Online, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        check_both(online(tmp_path / "out", "grpo", **changes))


def test_a_solver_is_no_start(online: Online, tmp_path: Path, reward_recipe: Any) -> None:
    solver = run_recipe(reward_recipe(tmp_path / "solver", method="solver_teacher", max_length=256, max_steps=1))
    with pytest.raises(UserError, match="is a solver"):
        run_recipe(online(tmp_path / "out", "grpo", init_from=str(solver)))


def test_a_start_that_writes_nothing_readable_is_one_line(online: Online, tmp_path: Path, reward_recipe: Any) -> None:
    untrained = run_recipe(reward_recipe(tmp_path / "bc", max_steps=1))
    with pytest.raises(UserError, match="so the start is no decomposer"):
        run_recipe(online(tmp_path / "out", "grpo", init_from=str(untrained)))


def test_a_dry_run_says_what_would_be_asked_and_paid_and_writes_nothing(
    online: Online, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = online(tmp_path / "out", "grpo", {"oversample": 2}, max_steps=10, solver="openai:gpt-4o-mini")
    run_recipe(dataclasses.replace(config, dry_run=True))
    printed = capsys.readouterr().out
    assert "asks     at most 160 times: 10 updates of 16 samples" in printed
    assert "costs    about $0.0" in printed
    assert not (tmp_path / "out").exists()
    looked_at = dataclasses.replace(config, grpo=dataclasses.replace(config.grpo, screen=4))
    run_recipe(dataclasses.replace(looked_at, dry_run=True))
    assert "asks     at most 160 times: 10 updates of 16 samples" in capsys.readouterr().out
    run_recipe(dataclasses.replace(config, dry_run=True, solver="openai:nobodys-model"))
    assert "no price of nobodys-model; give --solver_price_input" in capsys.readouterr().out
    own = {"solver": "openai:nobodys-model", "solver_price_input": 1.0, "solver_price_output": 2.0}
    run_recipe(dataclasses.replace(config, dry_run=True, **own))
    assert "(price: --solver_price_input and --solver_price_output)" in capsys.readouterr().out


def test_an_endpoint_that_nobody_serves_is_one_line_and_no_reward(
    online: Online, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config: RecipeConfig = online(tmp_path / "out", "grpo", solver="openai:m", solver_base_url="http://127.0.0.1:9/v1")
    with pytest.raises(UserError, match="nobody answers"):
        run_recipe(config)
    with Journal(tmp_path / "out" / JOURNAL, read_only=True) as journal:
        assert len(journal) == 0
    assert main(["--recipe", "tiny/grpo_full", "--init_from", "x", "--dataset", str(config.dataset)]) == 2
    assert "grpo needs --solver" in capsys.readouterr().err
