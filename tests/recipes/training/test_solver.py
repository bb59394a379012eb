"""A solver scores a student's sub-questions in this process: by the dataset's own problems, paid for once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from dataset_builder.core.errors import UserError
from dataset_builder.dataset_folder.load import load_subq
from dataset_builder.llm.journal import Journal, cost_of
from dataset_builder.llm.request import Request, Response
from dataset_builder.text.student_format import format_student_completion
from recipes.config.recipe import RecipeConfig, check_recipe
from recipes.training.in_process import TransformersModel
from recipes.training.solver import JOURNAL, solver_accuracy, validation_problems

WORLD = {"solver": "openai:micro-gsm-solver", "solver_base_url": "micro_gsm", "choose_by": "solver"}


@pytest.fixture
def config(reward_dataset: Path) -> RecipeConfig:
    return RecipeConfig(dataset=str(reward_dataset), **WORLD)


@pytest.fixture
def sets(reward_dataset: Path) -> dict[str, list[str]]:
    """The most complete recorded set of each of twelve validation problems."""
    longest: dict[str, list[str]] = {}
    for row in load_subq("default", "validation", str(reward_dataset)):
        longest[row["problem_id"]] = max(longest.get(row["problem_id"], []), row["sub_questions"], key=len)
    return dict(list(longest.items())[:12])


def test_good_sub_questions_score_more_than_the_last_one_alone_and_equal_ones_are_paid_for_once(
    config: RecipeConfig, sets: dict[str, list[str]], tmp_path: Path
) -> None:
    ids, prompts = list(sets), [""] * len(sets)
    whole = [format_student_completion(questions) for questions in sets.values()]
    last = [format_student_completion(questions[-1:]) for questions in sets.values()]
    scores = [solver_accuracy(config, ids, prompts, texts, tmp_path) for texts in (whole, last, whole)]
    assert scores[0] == scores[2] > scores[1]
    with Journal(tmp_path / JOURNAL, read_only=True) as journal:
        assert len(journal) == len(set(zip(ids, whole, strict=True)) | set(zip(ids, last, strict=True)))


def test_a_model_in_this_process_is_asked_through_the_same_journal_and_costs_nothing(
    config: RecipeConfig,
    sets: dict[str, list[str]],
    trained_solver: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answered: list[int] = []
    original = TransformersModel.answer

    def answer(self: TransformersModel, requests: Sequence[Request]) -> list[Response]:
        answered.append(len(requests))
        return original(self, requests)

    monkeypatch.setattr(TransformersModel, "answer", answer)
    here = replace(config, solver=f"transformers:{trained_solver}", solver_base_url="")
    check_recipe(here)
    texts = [format_student_completion(questions) for questions in sets.values()]
    scores = [solver_accuracy(here, list(sets), [""] * len(sets), texts, tmp_path) for _ in range(2)]
    assert 0 <= scores[0] == scores[1] < 1
    assert sum(answered) == len(sets)
    with Journal(tmp_path / JOURNAL, read_only=True) as journal:
        assert sum(row.requests for row in journal.totals()) == len(sets)
        assert cost_of(journal.totals()) == 0.0


def test_what_cannot_be_read_is_wrong_and_costs_nothing(
    config: RecipeConfig, sets: dict[str, list[str]], tmp_path: Path
) -> None:
    assert solver_accuracy(config, list(sets), [""] * len(sets), ["nothing"] * len(sets), tmp_path) == 0.0
    assert not (tmp_path / JOURNAL).exists()


def test_an_endpoint_that_does_not_answer_gives_no_score(
    config: RecipeConfig, sets: dict[str, list[str]], tmp_path: Path
) -> None:
    dead = replace(config, solver_base_url="http://127.0.0.1:9/v1")
    texts = [format_student_completion(questions) for questions in sets.values()]
    with pytest.raises(UserError, match="nobody answers"):
        solver_accuracy(dead, list(sets), [""] * len(sets), texts, tmp_path)


def test_a_problem_that_the_dataset_does_not_hold_is_named(config: RecipeConfig) -> None:
    with pytest.raises(UserError, match="no validation problem p-0"):
        validation_problems(config, ["p-0"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"solver": "vllm:gpt2"}, "expected openai:MODEL, transformers:PATH or micro_gsm"),
        ({"solver": "openai:"}, "expected openai:MODEL"),
        ({"solver_command": "true"}, "keep one"),
        ({"solver": ""}, "--choose_by solver needs --solver"),
    ],
)
def test_a_solver_that_cannot_be_asked_is_refused_before_anything_is_loaded(
    changes: dict[str, str], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        check_recipe(RecipeConfig(**(WORLD | changes)))
