"""What the models of the embedded world answer: the same text whoever asks, over HTTP or in this process.

    reply_text({"messages": [{"content": "...Problem: Ben has ...\\n\\nQ1: ...\\n\\nAnswers:"}]}, seed=0)
    -> "A1: The result is 17.\\n\\nFinal answer: 17"

A reply depends on the world's seed, the messages, the temperature and the request's `seed`, and, where it is a
solver's, on which of `solver.SKILLS` is asked; on nothing else.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

from dataset_builder.micro_gsm import solver, teacher
from dataset_builder.micro_gsm.world import World
from dataset_builder.schema.records import Failure
from dataset_builder.solving.completions import cut_reply
from dataset_builder.solving.records import CompletionRequest, Reply
from dataset_builder.text.parsing import format_sub_questions, parse_sub_questions

NAME = "micro_gsm"
TEACHER, CRITIC, SOLVER = "micro-gsm-teacher", "micro-gsm-critic", "micro-gsm-solver"
MODELS = (TEACHER, CRITIC, *solver.SKILLS)
UNREADABLE = "I can only read problems of the MicroGSM world."


def reply_text(body: dict[str, Any], seed: int) -> str:
    """The text that a chat-completion request is answered with."""
    message = body["messages"][-1]["content"]
    item = message.rpartition("Problem:")[2].strip()
    problem, _, rest = item.partition("\n\n")
    world = World.read(" ".join(problem.split()))
    if world is None:
        return UNREADABLE
    parsed = parse_sub_questions(rest.rpartition("\n\n")[0])
    questions = () if isinstance(parsed, Failure) else parsed
    if message.rstrip().endswith("Sub-questions:"):
        return format_sub_questions(teacher.decompose(world, _rng(body, seed), body.get("temperature", 1.0)))
    if message.rstrip().endswith("Verdicts:"):
        votes = teacher.vote(world, questions, _rng(body, seed))
        return "\n".join(f"Q{index}: {'Yes' if vote else 'No'}" for index, vote in enumerate(votes, start=1))
    skill = solver.SKILLS.get(body.get("model", SOLVER), solver.USUAL)
    if skill.plans and not questions and not message.rstrip().endswith("Answer:"):
        return _own_solution(world, problem, rest, body, seed, skill)
    return solver.solve(world, questions, seed, skill)


def _own_solution(world: World, problem: str, rest: str, body: dict[str, Any], seed: int, skill: solver.Skill) -> str:
    """A chain of thought, or the next line of one that asks itself a follow-up question at a time.

    Args:
        world: the problem, understood.
        problem: its text; the plan depends on it and not on how far a transcript has got.
        rest: what follows the problem: "Solution:", or "Next:" with the transcript so far.
        body: of the request.
        seed: the world's.
        skill: of the solver.
    """
    temperature = body.get("temperature", 1.0)
    plan = teacher.decompose(world, random.Random(f"{seed}/{body.get('seed')}/{temperature}/{problem}"), temperature)
    cue, _, transcript = rest.partition("Next:")
    if cue:
        return solver.reason(world, plan, seed, skill)
    asked = [line.removeprefix("Follow up: ") for line in transcript.splitlines() if line.startswith("Follow up: ")]
    results = solver.answers(world, asked, seed, skill)
    if transcript.rstrip().endswith("Intermediate answer:"):
        return f"The result is {results[-1]}."
    return f"Follow up: {plan[len(asked)]}" if len(asked) < len(plan) else f"Final answer: {results[-1]}"


class MicroGsmSolver:
    """The world's solver, and its critic, without HTTP: nothing is sent, so nothing is journalled or paid."""

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        names = {"kind": NAME, "label": SOLVER, "model": SOLVER}
        self.metadata: dict[str, Any] = names | {"decoding": {"temperature": 0.0}}

    def complete(self, requests: Sequence[CompletionRequest]) -> list[Reply]:
        return [cut_reply(reply_text(_body(item), self.seed), item.stop) for item in requests]


def _body(item: CompletionRequest) -> dict[str, Any]:
    return {
        "messages": [{"role": "user", "content": item.text}],
        "temperature": 0.0,
        "seed": item.sample_index,
    }


def _rng(body: dict[str, Any], seed: int) -> random.Random:
    shaped = [seed, body.get("seed"), body.get("temperature", 1.0), body["messages"]]
    return random.Random(json.dumps(shaped, sort_keys=True))
