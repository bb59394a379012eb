"""Methods: what each learns from a row, and that every one of them is carried out from load to generation."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from dataset_builder.schema.columns import CONFIGS
from dataset_builder.text.student_format import format_solver_completion, format_solver_prompt
from recipes.config.methods import METHODS
from recipes.config.recipe import RecipeConfig
from recipes.modeling import load_policy
from recipes.train import run_recipe
from recipes.training.method import TrainingMethod
from recipes.training.record import read_train_record

Recipe = Callable[..., RecipeConfig]
SOLVERS = [name for name, method in METHODS.items() if method.student == "solver"]
ROW = {
    "prompt": format_solver_prompt("Ann has 3 pens and buys 2.", ["How many pens?"]),
    "completion": format_solver_completion(["3+2=6 pens."], "6"),
    "answer_correctness": 0,
    "gold_answer": "5",
}


@pytest.mark.parametrize(
    ("method", "completion"),
    [
        ("solver_teacher", "\nA1: 3+2=6 pens.\n\nFinal answer: 6"),
        ("solver_oracle", "\nA1: 3+2=6 pens.\n\nFinal answer: 5"),
        ("solver_teacher_direct", "\n\nFinal answer: 6"),
        ("solver_oracle_direct", "\n\nFinal answer: 5"),
        ("bc", ROW["completion"]),
        ("filtered_bc", None),
    ],
)
def test_a_row_teaches_each_method_its_own_completion(method: str, completion: str | None) -> None:
    result = METHODS[method].trains_on(ROW)
    assert result == (None if completion is None else {"prompt": ROW["prompt"], "completion": completion})


def test_final_line_is_the_last_one_even_where_a_sub_answer_says_final_answer() -> None:
    row = ROW | {"completion": format_solver_completion(["Final answer: 9"], "6")}
    assert METHODS["solver_oracle"].trains_on(row)["completion"] == "\nA1: Final answer: 9\n\nFinal answer: 5"


def test_bc_and_filtered_bc_are_validated_on_the_same_rows() -> None:
    assert METHODS["bc"].validates_on(ROW) == METHODS["filtered_bc"].validates_on(ROW) is not None


@pytest.mark.parametrize("name", METHODS)
def test_every_method_reads_a_config_that_exists_and_names_the_class_that_carries_it_out(name: str) -> None:
    method = METHODS[name]
    assert method.name == name
    assert method.dataset_config in CONFIGS
    module, _, implementation = method.implementation.partition(":")
    assert issubclass(getattr(importlib.import_module(module), implementation), TrainingMethod)


@pytest.fixture(scope="module")
def solver_dataset(tmp_path_factory: pytest.TempPathFactory, dataset_folder: Path) -> Iterator[Path]:
    """A dataset folder with a `solver` config."""
    import shutil

    from datasets import Dataset

    from dataset_builder.dataset_folder.layout import read_facts, shard_path, write_facts
    from dataset_builder.micro_gsm.problems import generate_problems
    from dataset_builder.schema.columns import features
    from tests.recipes.conftest import CARD

    folder = tmp_path_factory.mktemp("solver") / "micro-subq"
    shutil.copytree(dataset_folder, folder)
    facts: dict[str, Any] = read_facts(folder)
    splits = {}
    for split, count in (("train", 24), ("validation", 4)):
        rows = [
            {
                "problem_id": problem.problem_id,
                "set_index": 0,
                "prompt": format_solver_prompt(problem.problem, problem.reference_sub_questions),
                "completion": format_solver_completion(
                    [f"{index} pens" for index, _ in enumerate(problem.reference_sub_questions)], problem.gold_answer
                ),
                "answer_correctness": 1,
                "gold_answer": problem.gold_answer,
            }
            for problem in generate_problems(split, count, seed=0)
        ]
        path = shard_path(folder, "solver", split, 0, 1)
        path.parent.mkdir(parents=True, exist_ok=True)
        Dataset.from_list(rows, features=features("solver")).to_parquet(path)
        splits[split] = {"rows": count}
    more = CARD.split("configs:\n")[1].removesuffix("---\n").replace("prompt_completion", "solver")
    (folder / "README.md").write_text(CARD.removesuffix("---\n") + more + "---\n", encoding="utf-8")
    facts["configs"]["solver"] = splits
    write_facts(folder, facts)
    with (
        pytest.MonkeyPatch.context() as patch
    ):  # `datasets` knows a folder by its card alone, which never changes here
        patch.setattr("datasets.config.HF_DATASETS_CACHE", str(folder.parent / "cache"))
        yield folder


@pytest.mark.parametrize("method", SOLVERS)
def test_every_solver_method_trains_and_answers(
    method: str, recipe: Recipe, solver_dataset: Path, tmp_path: Path
) -> None:
    config = recipe(tmp_path / method, method=method, dataset=str(solver_dataset), max_length=256, max_steps=2)
    out = run_recipe(config)
    record = read_train_record(out)
    assert (record.method, record.dataset["config"], record.examples) == (method, "solver", 24)
    example = (out / "first_example.txt").read_text(encoding="utf-8")
    context, trained = example.split("tokens with loss")
    assert "Q1:" in context
    assert ("A1" in trained) == (not method.endswith("_direct"))
    prompt = METHODS[method].trains_on(ROW)["prompt"]
    policy = load_policy(out, "cpu")
    ids = torch.tensor(policy.encode([prompt]))
    tokens = policy.model.generate(ids, max_new_tokens=3, do_sample=False)[0, ids.shape[1] :]
    assert policy.complete([prompt], max_new_tokens=3) == [policy.tokenizer.decode(tokens, skip_special_tokens=True)]


def test_the_table_of_methods_is_data_and_imports_no_other_part_of_the_recipes() -> None:
    code = "import sys, recipes.config.methods; print(sorted(m for m in sys.modules if m.startswith('recipes.')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['recipes.config', 'recipes.config.methods']"
