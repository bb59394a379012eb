"""A small whole way on the embedded world, in process: a dataset, four kinds of students, an evaluation of all."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from dataset_builder.build.config import BuildConfig
from dataset_builder.build.dataset import build_dataset
from dataset_builder.micro_gsm.problems import generate_problems
from dataset_builder.schema.records import RawSet
from eval_harness.pipeline.config import EvalConfig
from eval_harness.run import evaluate
from recipes.config.recipe import RecipeConfig
from recipes.train import run_recipe
from tests.support.raw_sets import make_set, write_journal

SMALL = {
    "tiny_hidden_size": 64,
    "tiny_layers": 2,
    "tiny_heads": 2,
    "max_length": 192,
    "effective_batch_size": 16,
    "learning_rate": 3e-3,
    "logging_steps": 1,
    "lora_rank": 4,
    "report_to": "none",
}


@dataclass(frozen=True)
class SmallPipeline:
    """The folders that the stages wrote."""

    dataset: Path
    bc: Path
    lora: Path
    guided: Path
    solver: Path
    results: Path


def run_small_pipeline(folder: Path) -> SmallPipeline:
    """Everything a push needs, in about a minute on one core."""
    dataset = folder / "gsm8k-ai-subq"
    journal = write_journal(folder / "generate", micro_sets("train", 120) + micro_sets("test", 12))
    build_dataset(BuildConfig(journal=str(journal), output=str(dataset), validation_fraction=0.05))
    recipe = RecipeConfig(dataset=str(dataset), output_dir=str(folder / "bc"), max_steps=30, **SMALL)
    bc = run_recipe(recipe)
    changes = {"method": "filtered_bc", "adapter": "lora", "init_from": str(bc), "max_steps": 4}
    lora = run_recipe(dataclasses.replace(recipe, **changes, output_dir=str(folder / "filtered_bc")))
    changes = {"method": "ilql_full", "init_from": str(bc), "max_steps": 2}
    guided = run_recipe(dataclasses.replace(recipe, **changes, output_dir=str(folder / "ilql")))
    changes = {"method": "solver_teacher", "max_steps": 2, "max_length": 256}
    solver = run_recipe(dataclasses.replace(recipe, **changes, output_dir=str(folder / "solver")))
    results = folder / "eval"
    decomposers = [*(f"checkpoint:{path}" for path in (bc, lora, guided)), "reference", "none"]
    solvers = ["openai:micro-gsm-solver", f"transformers:{solver}"]
    world = {"source": "micro_gsm", "base_url": "micro_gsm", "solvers": solvers, "max_new_tokens": 40}
    evaluate(EvalConfig(**world, limit=12, decomposers=decomposers, output=str(results)))
    return SmallPipeline(dataset, bc, lora, guided, solver, results)


def micro_sets(split: str, count: int) -> list[RawSet]:
    """One answered set of reference sub-questions per problem."""
    problems = generate_problems(split, count, 0)
    sets = [(problem, problem.reference_sub_questions) for problem in problems]
    return [make_set(problem, votes=("Y" * len(asked),), questions=asked) for problem, asked in sets]
