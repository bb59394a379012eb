"""Policies: what was trained loads again and decodes greedily, in batches as one at a time."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from dataset_builder.core.errors import UserError
from dataset_builder.micro_gsm.problems import generate_problems
from recipes.config.recipe import RecipeConfig
from recipes.modeling import Policy, load_policy
from recipes.models.checkpoint import adapter_base
from recipes.models.decoding import decode_batch
from recipes.train import run_recipe

Recipe = Callable[..., RecipeConfig]
PROBLEMS = generate_problems("test", 9, seed=0)


@pytest.fixture(scope="module")
def policy(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Policy:
    """Trained just long enough to close its questions and to end."""
    folder = tmp_path_factory.mktemp("policy") / "bc_full"
    return load_policy(run_recipe(recipe(folder, max_steps=120, learning_rate=1e-2)), device="cpu")


def test_trained_policy_writes_delimited_questions_and_stops(policy: Policy) -> None:
    texts = policy.generate(PROBLEMS)
    assert sum(text.startswith(" <QUE> How many") and text.endswith("</QUE>") for text in texts) >= 8
    assert not any(word in text for text in texts for word in ("<pad>", "<|endoftext|>"))


def test_batched_decoding_equals_one_at_a_time(policy: Policy) -> None:
    together = policy.generate(PROBLEMS, max_new_tokens=40)
    assert together == policy.generate(PROBLEMS, max_new_tokens=40, batch_size=1)
    assert together == [policy.generate([problem], max_new_tokens=40)[0] for problem in PROBLEMS]


def test_cached_decoding_equals_a_loop_without_cache(policy: Policy) -> None:
    (ids,) = policy.encode([PROBLEMS[0].problem + "\n"])
    (completion,) = decode_batch(policy.model, policy.tokenizer, [ids], ends=[], max_new_tokens=12)
    expected: list[int] = []
    with torch.inference_mode():
        for _ in range(12):
            logits = policy.model(torch.tensor([ids + expected])).logits
            expected.append(int(logits[0, -1].argmax()))
    assert completion.ids == expected


def test_no_problems_give_no_texts(policy: Policy) -> None:
    assert policy.generate([]) == []


@pytest.fixture
def chain(bc_checkpoint: Path, recipe: Recipe, tmp_path: Path) -> tuple[Path, Path]:
    """(base, adapter) side by side in one folder."""
    base = tmp_path / "runs" / "bc_full"
    shutil.copytree(bc_checkpoint, base)
    config = recipe(tmp_path / "runs" / "lora", method="filtered_bc", adapter="lora", init_from=str(base))
    return base, run_recipe(config)


def test_adapter_loads_after_its_folder_was_moved_with_its_base(chain: tuple[Path, Path], tmp_path: Path) -> None:
    before = load_policy(chain[1], device="cpu").generate(PROBLEMS[:2], max_new_tokens=12)
    moved = (tmp_path / "runs").rename(tmp_path / "elsewhere")
    assert Path(adapter_base(moved / "lora")) == moved / "bc_full"
    assert load_policy(moved / "lora", device="cpu").generate(PROBLEMS[:2], max_new_tokens=12) == before


def test_adapter_whose_base_is_gone_is_one_line(chain: tuple[Path, Path]) -> None:
    shutil.rmtree(chain[0])
    with pytest.raises(UserError, match=r"no checkpoint .*bc_full"):
        load_policy(chain[1], device="cpu")


def test_missing_checkpoint_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no checkpoint"):
        load_policy(tmp_path / "nowhere", device="cpu")
