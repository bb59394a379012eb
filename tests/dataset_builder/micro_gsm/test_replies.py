"""The embedded world's models give the same text in this process as over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from dataset_builder.llm.settings import ServiceSettings
from dataset_builder.micro_gsm.problems import generate_problems
from dataset_builder.micro_gsm.replies import SOLVER, MicroGsmSolver, reply_text
from dataset_builder.prompts import load_prompt
from dataset_builder.schema.records import Problem
from dataset_builder.solving.endpoint import EndpointSolver, SolverOptions
from dataset_builder.solving.records import CompletionRequest, Reply
from dataset_builder.solving.single_stage import answer_directly
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


class Reasoner:
    """The world's reasoner in this process, at the temperature of the papers."""

    metadata: ClassVar[dict[str, Any]] = {"kind": "micro_gsm", "label": "micro-gsm-reasoner"}

    def complete(self, requests: Sequence[CompletionRequest]) -> list[Reply]:
        return [Reply(reply_text(asked(item.text, item.sample_index), 0).split("\nProblem:")[0]) for item in requests]


def asked(text: str, seed: int = 0, model: str = "micro-gsm-reasoner") -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}], "temperature": 0.7, "seed": seed}


def right(problems: Sequence[Problem], replies: Sequence[Reply]) -> float:
    pairs = zip(problems, replies, strict=True)
    return sum((reply.text or "").endswith(f"Final answer: {item.gold_answer}") for item, reply in pairs) / len(
        problems
    )


def test_a_reasoner_solves_by_itself_what_it_may_reason_about_as_well_as_the_teachers_sets_let_it() -> None:
    problems = generate_problems("test", 300, domain="micro_gsm_walks")
    for style in ("none", "cot_zero_shot", "self_ask"):
        assert 0.6 < right(problems, answer_directly(Reasoner(), problems, style, 0)) < 0.8, style
    assert right(problems, answer_directly(Reasoner(), problems, "direct", 0)) < 0.2


def test_a_follow_up_is_one_question_and_the_answer_to_it_one_line() -> None:
    problem = generate_problems("test", 1)[0]
    transcript = answer_directly(Reasoner(), [problem], "self_ask", 0)[0].text or ""
    starts = [line.split(": ")[0] for line in transcript.splitlines()]
    assert starts[:2] == ["Follow up", "Intermediate answer"]
    assert starts[-1] == "Final answer"


def test_only_a_reasoner_has_sub_questions_of_its_own() -> None:
    text = load_prompt("cot_few_shot.v1").fill(problem=generate_problems("test", 1)[0].problem)
    assert "\n" not in reply_text(asked(text, model=SOLVER), 0)
    assert "\n" in reply_text(asked(text), 0)
