"""The embedded world's models give the same text in this process as over HTTP."""

from __future__ import annotations

from pathlib import Path

from dataset_builder.llm.settings import ServiceSettings
from dataset_builder.micro_gsm.problems import generate_problems
from dataset_builder.micro_gsm.replies import SOLVER, MicroGsmSolver
from dataset_builder.solving.endpoint import EndpointSolver, SolverOptions
from dataset_builder.solving.solve import solve_problems
from dataset_builder.solving.texts import given_decomposition
from dataset_builder.sources.embedded import serve_embedded


def test_the_solver_in_this_process_answers_as_the_server_does(tmp_path: Path) -> None:
    problems = generate_problems("train", 12, seed=5)
    sets = [given_decomposition(problem.reference_sub_questions or ()) for problem in problems]
    here = solve_problems(MicroGsmSolver(), problems, sets)
    with serve_embedded(["micro_gsm"]) as urls:
        options = SolverOptions(ServiceSettings(tuple(urls), progress=False), tmp_path / "journal.sqlite")
        there = solve_problems(EndpointSolver(SOLVER, options), problems, sets)
    assert [item.reply.text for item in here] == [item.reply.text for item in there]
    assert [item.outcome for item in here] == [item.outcome for item in there]
    assert {item.outcome for item in here} <= {0.0, 1.0}
