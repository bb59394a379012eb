"""DPO, KTO and cloning by reward: the right tokens, the right direction, every adapter, saved and loaded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from dataset_builder.core.errors import UserError
from dataset_builder.dataset_folder.load import load_subq
from dataset_builder.micro_gsm.problems import generate_problems
from recipes.config.recipe import RecipeConfig
from recipes.data.tokenize import build_token_rows
from recipes.methods.ilql.trajectories import set_returns
from recipes.methods.preference import balanced_weights, labelled_rows, pair_rows
from recipes.methods.reward_weighted import reward_weights, trainer_config, weigh_rows
from recipes.modeling import load_policy, load_tokenizer
from recipes.train import run_recipe
from recipes.training.record import read_train_record

Recipe = Callable[..., RecipeConfig]
METHODS = ("dpo", "kto", "reward_weighted_bc", "resampled_bc")
COLUMNS: dict[str, list[Any]] = {
    "prompt": ["Ana has 3 pens.\n", "Ben has 4 pens.\n", "Carl has 5 pens.\n"],
    "chosen": [" <QUE> How many pens? </QUE>"] * 3,
    "rejected": [" <QUE> Ana? </QUE>"] * 3,
    "completion": [" <QUE> How many? </QUE>", " <QUE> Ben? </QUE>", " <QUE> Carl? </QUE>"],
    "label": [True, False, True],
}


def log_likelihood(path: Path, prompt: str, completion: str) -> float:
    policy = load_policy(path, device="cpu")
    row = build_token_rows({"prompt": [prompt], "completion": [completion]}, policy.tokenizer)[0]
    with torch.no_grad():
        loss = policy.model(torch.tensor([row["input_ids"]]), labels=torch.tensor([row["labels"]])).loss
    return -float(loss) * sum(label >= 0 for label in row["labels"])


def test_pairs_hold_the_tokens_that_cloning_trains_on(cloned: Path, rewarded: Recipe, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(str(cloned))
    row = pair_rows(COLUMNS, tokenizer, rewarded(tmp_path, method="dpo", init_from=str(cloned)))[0]
    texts = {"prompt": COLUMNS["prompt"], "completion": COLUMNS["chosen"]}
    assert row["prompt_ids"] + row["chosen_ids"] == build_token_rows(texts, tokenizer)[0]["input_ids"]
    assert row["rejected_ids"][-1] == tokenizer.eos_token_id


def test_kto_measures_drift_on_another_prompts_completion(cloned: Path, rewarded: Recipe, tmp_path: Path) -> None:
    config = rewarded(tmp_path, method="kto", init_from=str(cloned), effective_batch_size=3)
    rows = labelled_rows(COLUMNS, load_tokenizer(str(cloned)), config)
    assert all(row["KL_completion_ids"] != row["completion_ids"] for row in rows)
    assert sorted(row["KL_completion_ids"] for row in rows) == sorted(row["completion_ids"] for row in rows)


def test_kto_weights_make_both_kinds_count_alike() -> None:
    weights = balanced_weights([True] * 2 + [False] * 5)
    assert 2 * weights["desirable_weight"] == pytest.approx(5 * weights["undesirable_weight"])


def test_kto_refuses_labels_of_one_kind(cloned: Path, rewarded: Recipe, tmp_path: Path) -> None:
    config = rewarded(tmp_path, method="kto", init_from=str(cloned))
    with pytest.raises(UserError, match="all labels here are the same"):
        labelled_rows(COLUMNS | {"label": [True] * 3}, load_tokenizer(str(cloned)), config)


def test_return_is_correctness_plus_mean_usefulness() -> None:
    columns = {"final_reward": [1.0, 0.0], "step_rewards": [[1.0, 0.5], [0.0]]}
    assert set_returns(columns) == [1.75, 0.0]


def test_weights_average_one_and_no_set_exceeds_the_cap() -> None:
    assert sum(reward_weights([0.3, 1.0, 2.0], 0.7, 20.0)) == pytest.approx(3)
    assert max(reward_weights([0.0] * 99 + [2.0], 0.1, 5.0)) == 5.0


def weighed(rewarded: Recipe, method: str, returns: list[float], temperature: float) -> list[dict[str, Any]]:
    config = rewarded(Path("unused"), method=method, trainer_options=[f"temperature={temperature}"])
    rows = [{"input_ids": [row]} for row in range(len(returns))]
    return weigh_rows(rows, returns, config, trainer_config(config))


def test_a_draw_leaves_bad_sets_out_where_weights_make_them_small(rewarded: Recipe) -> None:
    returns = [0.0, 0.5, 2.0] * 50
    weighted, drawn = (weighed(rewarded, method, returns, 0.1) for method in ("reward_weighted_bc", "resampled_bc"))
    assert [row["input_ids"] for row in weighted] == [[row] for row in range(150)]
    assert max(row["weight"] for row in weighted[0::3]) < 1e-6
    assert len(drawn) == 150
    assert {row["weight"] for row in drawn} == {1.0}
    assert {returns[row["input_ids"][0]] for row in drawn} == {2.0}


def test_a_draw_holds_a_set_as_often_as_its_weight_says(rewarded: Recipe) -> None:
    returns = [0.0] * 3000 + [1.0] * 3000
    weights, drawn = (weighed(rewarded, method, returns, 1.0) for method in ("reward_weighted_bc", "resampled_bc"))
    share = sum(row["weight"] for row in weights[3000:]) / 6000
    assert sum(row["input_ids"][0] >= 3000 for row in drawn) / 6000 == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize("option", ["temperature=0", "temperature=-1", "max_weight=0"])
def test_a_temperature_or_limit_of_zero_is_refused(rewarded: Recipe, option: str) -> None:
    with pytest.raises(UserError, match="must be above zero"):
        trainer_config(rewarded(Path("unused"), method="resampled_bc", trainer_options=[option]))


@pytest.mark.parametrize("method", METHODS)
def test_trains_saves_and_decodes(method: str, cloned: Path, rewarded: Recipe, tmp_path: Path) -> None:
    out = run_recipe(rewarded(tmp_path / method, method=method, init_from=str(cloned)))
    record = read_train_record(out)
    assert (record.method, record.updates) == (method, 4)
    assert 0 < record.trained_tokens < record.read_tokens
    assert len(load_policy(out, device="cpu").generate(generate_problems("test", 2, 0), max_new_tokens=4)) == 2


@pytest.mark.parametrize("method", METHODS)
def test_adapter_on_a_four_bit_base_trains_on_a_cpu(
    method: str, cloned_adapter: Path, rewarded: Recipe, tmp_path: Path
) -> None:
    config = rewarded(tmp_path / method, method=method, adapter="qlora", init_from=str(cloned_adapter), max_steps=2)
    out = run_recipe(config)
    assert (out / "adapter_model.safetensors").is_file()
    assert not (out / "ref").exists()
    policy = load_policy(out, device="cpu", four_bit=True)
    assert len(policy.generate(generate_problems("test", 1, 0), max_new_tokens=4)) == 1


@pytest.mark.parametrize("method", ["dpo", "kto"])
def test_needs_a_checkpoint_to_start_from(method: str, rewarded: Recipe, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="starts from a trained checkpoint"):
        run_recipe(rewarded(tmp_path / "out", method=method))


def test_dpo_makes_chosen_sets_likelier_than_rejected_ones(cloned: Path, rewarded: Recipe, tmp_path: Path) -> None:
    config = rewarded(tmp_path / "dpo", method="dpo", init_from=str(cloned), max_steps=30)
    out = run_recipe(config)
    rows = load_subq("preference", "train", config.dataset)

    def margin(path: Path) -> float:
        return sum(
            log_likelihood(path, row["prompt"], row["chosen"]) - log_likelihood(path, row["prompt"], row["rejected"])
            for row in rows.select(range(4))
        )

    assert margin(out) > margin(cloned)


def test_reward_weights_at_a_high_temperature_train_what_cloning_trains(
    cloned: Path, rewarded: Recipe, tmp_path: Path
) -> None:
    start = {"init_from": str(cloned), "max_steps": 1}
    plain = run_recipe(rewarded(tmp_path / "bc", **start))
    flat = run_recipe(
        rewarded(tmp_path / "flat", method="reward_weighted_bc", trainer_options=["temperature=1000000.0"], **start)
    )
    losses = [read_train_record(out).loss_curve[0][1] for out in (plain, flat)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)
