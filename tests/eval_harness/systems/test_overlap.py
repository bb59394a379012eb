"""A role that has seen the problems is found by its checkpoint's list, and a prompt by its worked examples."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataset_builder.llm.settings import ServiceSettings
from dataset_builder.prompts import load_prompt, worked_examples
from dataset_builder.schema.records import Problem
from dataset_builder.solving.endpoint import EndpointSolver, SolverOptions
from dataset_builder.text.student_format import format_student_prompt
from eval_harness.records.overlap import MOST_NAMED, Overlap, Seen
from eval_harness.records.verdicts import ProblemScore
from eval_harness.systems.decomposers import DecomposerOptions, make_decomposer
from eval_harness.systems.overlap import find_overlap
from eval_harness.systems.solvers import make_solver
from recipes.data.trained_problems import TrainedProblems, lines_of, write_trained_problems
from recipes.models.checkpoint import PROBLEMS_FILE, RECIPE_FILE

TEXTS = [
    f"Ann has {count} red pens and buys {count + 1} more at the market. How many pens has Ann in the end?"
    for count in range(2, 42)
]
PROBLEMS = [Problem(f"p-{index:02d}", text, "5", "mine", "test") for index, text in enumerate(TEXTS)]
NOTHING = Seen(0, 0, 0, "", [])


def checkpoint(folder: Path, *texts: str, chosen_by: tuple[str, ...] = (), unknown_start: str = "") -> str:
    folder.mkdir()
    (folder / "config.json").write_text("{}", encoding="utf-8")
    (folder / RECIPE_FILE).write_text("method: bc\n", encoding="utf-8")
    lines = [lines_of(map(format_student_prompt, part)) for part in (texts, chosen_by)]
    write_trained_problems(TrainedProblems(*lines, unknown_start), folder)
    return str(folder)


def overlap(decomposer: str, solver: str = "openai:m", prompt: str = "direct.v1", right: int = 30) -> Overlap:
    """Of a pair that got the last `right` problems right."""
    options = DecomposerOptions(ServiceSettings(), Path("journal.sqlite"))
    scores = [
        ProblemScore(problem.problem_id, 0, "correct" if index >= 40 - right else "incorrect", None, "", 0.0)
        for index, problem in enumerate(PROBLEMS)
    ]
    roles = make_decomposer(decomposer, options), make_solver(solver, options, PROBLEMS)
    return find_overlap(*roles, PROBLEMS, [load_prompt(prompt)], scores)


def test_problems_that_were_trained_on_are_counted_and_named(tmp_path: Path) -> None:
    found = overlap(f"checkpoint:{checkpoint(tmp_path / 'bc', *TEXTS[:10], 'How many?')}")
    assert found.decomposer == Seen(10, 0, 0, "", [f"p-{index:02d}" for index in range(10)])
    assert (found.solver, found.prompts) == (None, NOTHING)
    assert found.accuracy_elsewhere == 1.0


def test_a_problem_that_reads_nearly_like_a_trained_one_is_counted_apart(tmp_path: Path) -> None:
    near = [TEXTS[0].replace("market", "shop"), TEXTS[1].upper(), TEXTS[2].replace("pens", "pencils")]
    found = overlap(f"checkpoint:{checkpoint(tmp_path / 'bc', *near)}")
    assert found.decomposer is not None
    assert (found.decomposer.same, found.decomposer.near) == (1, 2)


def test_other_numbers_are_other_problems(tmp_path: Path) -> None:
    trained_on = [text.replace("pens and buys", "pens, 99 pencils and buys") for text in TEXTS]
    found = overlap(f"checkpoint:{checkpoint(tmp_path / 'bc', *trained_on)}")
    assert (found.decomposer, found.found, found.accuracy_elsewhere) == (NOTHING, False, None)


def test_a_solver_that_was_trained_on_the_problems_is_found(tmp_path: Path) -> None:
    found = overlap("none", f"transformers:{checkpoint(tmp_path / 'solver', *TEXTS)}", right=0)
    assert found.decomposer is None
    assert found.solver is not None
    assert (found.solver.same, len(found.solver.problems)) == (40, MOST_NAMED)
    assert found.accuracy_elsewhere is None  # there are no others


def test_problems_that_a_checkpoint_was_chosen_by_are_counted(tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "bc", TEXTS[0], chosen_by=(TEXTS[0], TEXTS[1]))
    found = overlap(f"checkpoint:{path}")
    assert found.decomposer == Seen(1, 0, 1, "", ["p-00", "p-01"])


@pytest.mark.parametrize("name", ["older run", "older start"])
def test_a_checkpoint_without_a_list_is_unknown_not_clean(name: str, tmp_path: Path) -> None:
    if name == "older run":
        checkpoint(tmp_path / "bc")
        (tmp_path / "bc" / PROBLEMS_FILE).unlink()
        expected = "bc"
    else:
        checkpoint(tmp_path / "bc", unknown_start="start")
        expected = "start"
    found = overlap(f"checkpoint:{tmp_path / 'bc'}")
    assert found.decomposer == Seen(0, 0, 0, expected, [])
    assert (found.unknown, found.found) == (True, False)


def test_a_model_of_other_origin_has_no_entry(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    assert overlap("none", f"transformers:{tmp_path / 'theirs'}").solver is None


def test_a_worked_example_of_the_pairs_own_prompt_is_found_and_of_another_not(tmp_path: Path) -> None:
    prompt = load_prompt("cot_few_shot.v1")
    example = worked_examples(prompt.text)[0]
    problems = [*PROBLEMS, Problem("shown", example, "5", "mine", "test"), Problem("near", f"So: {example}", "5", "m")]
    scores = [ProblemScore(problem.problem_id, 0, "incorrect", None, "", 0.0) for problem in problems]
    none = make_decomposer("none", DecomposerOptions(ServiceSettings(), tmp_path / "j"))
    solver = EndpointSolver("m", SolverOptions(ServiceSettings(), tmp_path / "j"))
    assert find_overlap(none, solver, problems, [prompt], scores).prompts == Seen(1, 1, 0, "", ["shown", "near"])
    assert find_overlap(none, solver, problems, [load_prompt("cot_zero_shot.v1")], scores).prompts == NOTHING
