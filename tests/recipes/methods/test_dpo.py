"""DPO: the tokens that cloning trains on, and chosen sets that become likelier than rejected ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from dataset_builder.dataset_folder.load import load_subq
from recipes.config.recipe import RecipeConfig
from recipes.data.load import TrainingData
from recipes.data.tokenize import build_token_rows
from recipes.methods.dpo import Pairs
from recipes.modeling import load_policy
from recipes.models.load import load_tokenizer
from recipes.train import run_recipe

Recipe = Callable[..., RecipeConfig]
COLUMNS = {
    "prompt": ["Ana has 3 pens.\n", "Ben has 4 pens.\n"],
    "chosen": [" <QUE> How many pens? </QUE>"] * 2,
    "rejected": [" <QUE> Ana? </QUE>"] * 2,
}


def log_likelihood(path: Path, prompt: str, completion: str) -> float:
    policy = load_policy(path, device="cpu")
    row = build_token_rows({"prompt": [prompt], "completion": [completion]}, policy.tokenizer)[0]
    with torch.no_grad():
        loss = policy.model(torch.tensor([row["input_ids"]]), labels=torch.tensor([row["labels"]])).loss
    return -float(loss) * sum(label >= 0 for label in row["labels"])


def test_pairs_hold_the_tokens_that_cloning_trains_on(cloned: Path, reward_recipe: Recipe, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(str(cloned))
    config = reward_recipe(tmp_path, method="dpo", init_from=str(cloned))
    method = Pairs(config, TrainingData(COLUMNS, {}, 0, {}))
    row = method.examples(method.texts(COLUMNS, tokenizer))[0]
    texts = {"prompt": COLUMNS["prompt"], "completion": COLUMNS["chosen"]}
    assert row["prompt_ids"] + row["chosen_ids"] == build_token_rows(texts, tokenizer)[0]["input_ids"]
    assert row["rejected_ids"][-1] == tokenizer.eos_token_id


def test_dpo_makes_chosen_sets_likelier_than_rejected_ones(
    cloned: Path, reward_recipe: Recipe, tmp_path: Path
) -> None:
    config = reward_recipe(tmp_path / "dpo", method="dpo", init_from=str(cloned), max_steps=30)
    out = run_recipe(config)
    rows = load_subq("preference", "train", config.dataset)

    def margin(path: Path) -> float:
        return sum(
            log_likelihood(path, row["prompt"], row["chosen"]) - log_likelihood(path, row["prompt"], row["rejected"])
            for row in rows.select(range(4))
        )

    assert margin(out) > margin(cloned)
