"""Policies: what was trained loads again and decodes greedily, in batches as one at a time."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

from dataset_builder.core.errors import UserError
from dataset_builder.micro_gsm.problems import generate_problems
from recipes.config.recipe import RecipeConfig
from recipes.modeling import Policy, adapter_base, load_backbone, load_policy, pick_dtype
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
    (ids,) = policy._encode([PROBLEMS[0].problem + "\n"])
    expected: list[int] = []
    with torch.inference_mode():
        for _ in range(12):
            logits = policy.model(torch.tensor([ids + expected])).logits
            expected.append(int(logits[0, -1].argmax()))
    assert policy._decode_batch([ids], 12)[0] == expected[: len(policy._decode_batch([ids], 12)[0])]


def test_no_problems_give_no_texts(policy: Policy) -> None:
    assert policy.generate([]) == []


def test_prompt_longer_than_the_positions_keeps_its_end(policy: Policy) -> None:
    room = policy.model.config.max_position_embeddings
    assert policy._cut(list(range(room)), 10) == list(range(10, room))


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


def test_adapter_base_on_the_hub_stays_as_recorded(tmp_path: Path) -> None:
    values = {"base_model_name_or_path": "mistralai/Mistral-7B-v0.1"}
    (tmp_path / "adapter_config.json").write_text(json.dumps(values), encoding="utf-8")
    assert adapter_base(tmp_path) == "mistralai/Mistral-7B-v0.1"


def test_damaged_adapter_configuration_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text("{", encoding="utf-8")
    with pytest.raises(UserError, match="damaged"):
        adapter_base(tmp_path)


def test_missing_checkpoint_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no checkpoint"):
        load_policy(tmp_path / "nowhere", device="cpu")


def test_model_that_is_neither_here_nor_reachable_is_one_line() -> None:
    with pytest.raises(UserError, match="cannot load nobody/nothing"):
        load_policy("nobody/nothing", device="cpu")


@pytest.mark.parametrize(
    ("kind", "message"),
    [(GatedRepoError, "it is gated: accept its terms"), (RepositoryNotFoundError, "no such model")],
)
def test_gated_or_missing_model_is_one_line(
    kind: type[Exception], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError("long text\nin two lines") from kind.__new__(kind)

    monkeypatch.setattr("transformers.AutoModelForCausalLM.from_pretrained", refuse)
    with pytest.raises(UserError, match=f"cannot load org/model: .*{message}"):
        load_backbone("org/model", dtype=torch.float32)


def test_a_cpu_computes_in_float32() -> None:
    assert pick_dtype("auto", "cpu") is torch.float32
    assert pick_dtype("bfloat16", "cpu") is torch.bfloat16
