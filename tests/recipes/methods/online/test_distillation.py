"""on_policy_distillation: a student comes nearer to its teacher, which must read the same tokens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from dataset_builder.core.errors import UserError
from dataset_builder.micro_gsm.problems import generate_problems
from recipes.config.recipe import RecipeConfig
from recipes.modeling import load_policy
from recipes.planning.preflight import check_support
from recipes.train import run_recipe
from recipes.training.record import read_train_record
from tests.recipes.methods.online.conftest import Online

Recipe = Callable[..., RecipeConfig]


@pytest.fixture(scope="module")
def teacher(start: Path, reward_recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The start, cloned further."""
    folder = tmp_path_factory.mktemp("teacher") / "bc"
    return run_recipe(reward_recipe(folder, max_steps=60, learning_rate=5e-3, init_from=str(start)))


def distance(student: Path, teacher: Path) -> float:
    """Mean KL of the students' next tokens from the teacher's on the student's own greedy sets."""
    one, other = load_policy(student, "cpu"), load_policy(teacher, "cpu")
    total = 0.0
    for problem in generate_problems("validation", 6, seed=4):
        prompt = f"{problem.problem}\n"
        ids = torch.tensor(one.encode([prompt]))
        with torch.no_grad():
            tokens = one.model.generate(ids, max_new_tokens=20, do_sample=False)
            logs = [policy.model(tokens).logits[0, ids.shape[1] - 1 :].log_softmax(-1) for policy in (one, other)]
        total += float((logs[0].exp() * (logs[0] - logs[1])).sum(-1).mean())
    return total / 6


@pytest.mark.parametrize("adapter", ["full", "lora"])
def test_a_student_comes_nearer_to_its_teacher_and_asks_nobody(
    online: Online, start: Path, teacher: Path, tmp_path: Path, adapter: str
) -> None:
    config = online(
        tmp_path / "out", "on_policy_distillation", {"teacher": str(teacher), "problems": "micro_gsm:small"},
        max_steps=25, effective_batch_size=16, learning_rate=3e-3 if adapter == "full" else 2e-2, adapter=adapter,
        solver="",
    )  # fmt: skip
    out = run_recipe(config)
    assert distance(out, teacher) < 0.8 * distance(start, teacher)
    details = read_train_record(out).details
    assert details["teacher_parameters"] > 0
    assert "rewards" not in details
    assert not (out / "solver.sqlite").exists()


def test_a_teacher_of_other_tokens_is_one_line(
    online: Online, reward_recipe: Recipe, start: Path, tmp_path: Path
) -> None:
    other = run_recipe(reward_recipe(tmp_path / "other", max_steps=1, tiny_vocabulary=60))
    with pytest.raises(UserError, match="has another tokenizer than the student"):
        run_recipe(online(tmp_path / "out", "on_policy_distillation", {"teacher": str(other)}))


def test_an_adapter_can_be_the_teacher(online: Online, start: Path, reward_recipe: Recipe, tmp_path: Path) -> None:
    adapter = run_recipe(reward_recipe(tmp_path / "lora", adapter="lora", init_from=str(start), max_steps=2))
    out = run_recipe(online(tmp_path / "out", "on_policy_distillation", {"teacher": str(adapter)}, max_steps=2))
    assert read_train_record(out).updates == 2


def test_nobody_to_learn_from_is_refused_before_anything_is_loaded(online: Online, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="needs --distillation"):
        check_support(online(tmp_path / "out", "on_policy_distillation", {"teacher": ""}))
