"""A solver's accuracy on what a student asks: in this process, or by whatever command the user names.

Reads the problems and their right answers from the dataset's validation split. Every request and its answer is in
`solver.sqlite` beside the run's other files, so equal sub-questions of two checkpoints are paid for once.

Differences: a dataset holds no kind of answer and no aliases, so the kind is guessed from the right answer, and DROP's
spans are graded as a short text.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dataset_builder.answers.kinds import guess_kind
from dataset_builder.core.errors import UserError
from dataset_builder.llm.settings import ServiceSettings
from dataset_builder.schema.records import Problem
from dataset_builder.solving.endpoint import EndpointSolver, SolverOptions
from dataset_builder.solving.solve import accuracy_of, solve_problems
from dataset_builder.solving.texts import read_decomposition
from dataset_builder.sources.embedded import serve_embedded
from recipes.config.solver import SolverKeys
from recipes.training.solver_command import command_accuracy

JOURNAL = "solver.sqlite"
QUESTIONS = "solver_questions.jsonl"


def solver_accuracy(
    config: SolverKeys, ids: Sequence[str], prompts: Sequence[str], texts: Sequence[str], folder: Path
) -> float:
    """The share of validation problems that the solver answers rightly with the student's sub-questions.

    Args:
        config: names the solver and the dataset.
        ids: problem ids of the validation split.
        prompts: what the student read.
        texts: what it wrote; what cannot be read counts as wrong.
        folder: where the journal, or the command's file, goes.

    Raises:
        UserError: requests failed, the cost cap is reached, a problem is not in the dataset, the command fails.
    """
    if config.solver_command:
        accuracy = command_accuracy(config.solver_command, ids, prompts, texts, folder / QUESTIONS)
        (folder / QUESTIONS).unlink()
        return accuracy
    problems = validation_problems(config, ids)
    decompositions = [read_decomposition(text, delimited=True) for text in texts]
    with serve_embedded([config.solver_base_url]) as (url,):
        settings = ServiceSettings((url,) if url else (), max_cost_usd=config.solver_max_cost_usd, progress=False)
        solver = EndpointSolver(config.solver.partition(":")[2], SolverOptions(settings, folder / JOURNAL))
        return accuracy_of(solve_problems(solver, problems, decompositions))


def validation_problems(config: SolverKeys, ids: Sequence[str]) -> list[Problem]:
    """The problems of the dataset's validation split with these ids, in their order.

    Raises:
        UserError: the split holds no such problem.
    """
    from dataset_builder.dataset_folder.load import load_subq

    rows = load_subq("default", "validation", config.dataset, config.dataset_revision or None)
    wanted, known = set(ids), dict[str, Problem]()
    for row in rows:
        key, gold = row["problem_id"], row["gold_answer"]
        if key in wanted:
            known[key] = Problem(
                key, row["problem"], gold, "dataset", "validation", guess_kind(gold), row["passage"] or ""
            )
    if missing := next((key for key in ids if key not in known), None):
        raise UserError(f"{config.dataset} has no validation problem {missing} in its default config; build it again")
    return [known[key] for key in ids]
