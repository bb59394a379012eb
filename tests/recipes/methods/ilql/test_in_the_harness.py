"""The evaluation takes a guided policy like any checkpoint, and another beta counts as another checkpoint."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from dataset_builder.llm.settings import ServiceSettings
from dataset_builder.micro_gsm.problems import generate_problems
from dataset_builder.solving.endpoint import SolverOptions
from dataset_builder.solving.records import CompletionRequest
from dataset_builder.text.student_format import format_student_prompt
from eval_harness.systems.decomposers import DecomposerOptions, make_decomposer
from eval_harness.systems.solvers import make_solver
from recipes.config.recipe import RecipeConfig
from recipes.modeling import load_policy
from recipes.models.checkpoint import checkpoint_fingerprint
from recipes.train import run_recipe


def test_harness_decomposes_and_solves_with_a_guided_policy_and_tells_betas_apart(
    reward_recipe: Callable[..., RecipeConfig], cloned: Path, tmp_path: Path
) -> None:
    out = run_recipe(reward_recipe(tmp_path / "ilql_sparse", method="ilql_sparse", init_from=str(cloned)))
    options = DecomposerOptions(ServiceSettings(), tmp_path / "journal", max_new_tokens=24)
    decomposer = make_decomposer(f"checkpoint:{out}", options)
    assert decomposer.metadata["label"] == "ilql_sparse"
    problems = generate_problems("test", 3, 0)
    assert len(decomposer.decompose(problems, seed=0)) == len(problems)

    prompt = format_student_prompt(problems[0].problem)
    solver = make_solver(
        f"transformers:{out}", SolverOptions(ServiceSettings(), tmp_path / "solve", max_new_tokens=24), []
    )
    (reply,) = solver.complete([CompletionRequest("t-0", "answer", prompt)])
    assert [reply.text] == load_policy(out).complete([prompt], max_new_tokens=24)

    copy = shutil.copytree(out, tmp_path / "copy")
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | {"beta": 7.0}))
    assert checkpoint_fingerprint(copy) != checkpoint_fingerprint(out)
