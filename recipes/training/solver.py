"""A solver's accuracy on what a student asks: in this process, or by whatever command the user names.

Reads the problems and their right answers from the dataset's validation split. Every request and its answer is in
`solver.sqlite` beside the run's other files, so equal sub-questions of two checkpoints are paid for once.

A command reads one line per problem; a completion that cannot be read has no sub-questions:

    {"problem_id": "gsm8k-train-00007", "prompt": "Ana has 3 pens. ...\\n", "sub_questions": ["How many ...?"]}
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import shlex
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from dataset_builder.core.errors import UserError
from dataset_builder.core.files import write_jsonl
from dataset_builder.dataset_folder.problems import dataset_problems
from dataset_builder.llm.settings import ServiceSettings
from dataset_builder.micro_gsm.replies import MicroGsmSolver
from dataset_builder.schema.records import Problem
from dataset_builder.solving.endpoint import EndpointSolver, SolverOptions
from dataset_builder.solving.records import Solver
from dataset_builder.solving.solve import accuracy_of, solve_problems
from dataset_builder.solving.texts import read_decomposition
from dataset_builder.sources.embedded import serve_embedded
from dataset_builder.text.parsing import readable_sub_questions
from recipes.config.solver import MICRO_GSM, SOLVER_ROWS, TRANSFORMERS, SolverKeys, model_here
from recipes.training.in_process import InProcessSolver, load_solver_model

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
    with open_solvers(config, folder) as solver_named:
        return accuracy_of(solve_problems(solver_named(config.solver), problems, decompositions))


@contextlib.contextmanager
def open_solvers(config: SolverKeys, folder: Path) -> Iterator[Callable[..., Solver]]:
    """Gives what makes a solver of a name (and a temperature); all share one journal.

    A model in this process is loaded at once: before anything is sampled, and by the thread that trains.

    Args:
        config: names the endpoint, its limits and its prices.
        folder: where the journal goes.

    Raises:
        UserError: the embedded world's server does not start, or a model here cannot be loaded.
    """
    with serve_embedded([config.solver_base_url]) as urls:
        settings = dataclasses.replace(ServiceSettings.of(config, urls, prefix="solver_"), progress=False)
        load = functools.cache(load_solver_model)  # who answers and who votes may be one model

        def named(spec: str, temperature: float = 0.0) -> Solver:
            if spec == MICRO_GSM:
                return MicroGsmSolver()
            options = SolverOptions(settings, folder / JOURNAL, temperature=temperature, batch_size=SOLVER_ROWS)
            if not (path := model_here(spec)):
                return EndpointSolver(spec.partition(":")[2], options)
            solver = InProcessSolver(TRANSFORMERS, path, options, load)
            solver.load()
            return solver

        yield named


def validation_problems(config: SolverKeys, ids: Sequence[str]) -> list[Problem]:
    """The problems of the dataset's validation split with these ids, in their order.

    Raises:
        UserError: the split holds no such problem.
    """
    problems = dataset_problems(config.dataset, "validation", config.dataset_revision or None)
    known = {problem.problem_id: problem for problem in problems}
    if missing := next((key for key in ids if key not in known), None):
        raise UserError(f"{config.dataset} has no validation problem {missing} in its default config; build it again")
    return [known[key] for key in ids]


def command_accuracy(
    command: str, ids: Sequence[str], prompts: Sequence[str], texts: Sequence[str], path: Path
) -> float:
    """The number in the last line that the command prints.

    Args:
        command: with {questions} where the file's name belongs; run without a shell.
        ids: problem ids.
        prompts: what the student read.
        texts: what it wrote.
        path: where the file for the command goes.

    Raises:
        UserError: the command fails, or prints no number.
    """
    lines = [
        {"problem_id": key, "prompt": prompt, "sub_questions": readable_sub_questions(text)}
        for key, prompt, text in zip(ids, prompts, texts, strict=True)
    ]
    write_jsonl(path, lines)
    words = [word.replace("{questions}", str(path)) for word in shlex.split(command)]
    try:
        done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
        return float(done.stdout.strip().splitlines()[-1])
    except (OSError, subprocess.CalledProcessError) as error:
        raise UserError(f"the solver command failed ({error}); run it by hand on {path}") from error
    except (ValueError, IndexError) as error:
        raise UserError(f"the solver command printed no number in its last line ({error}): {words[0]} ...") from error
