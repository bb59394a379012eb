"""Small raw sets for tests: "Ann has a pens and buys b more", with any answer, votes and split."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from dataset_builder.schema.records import Failure, Problem, Provenance, RawSet, Split

QUESTIONS = ("How many pens does Ann buy?", "How many pens does Ann have now?")
PROMPTS = {"decompose": "decompose.v1@aaaa", "answer": "answer.v1@bbbb", "feedback": "feedback.v1@cccc"}


def make_problem(number: int = 1, split: Split = "train", **fields: object) -> Problem:
    text = f"Ann has {number} pens and buys {number + 3} more. How many pens does Ann have now?"
    given: dict = {"solution": f"{number}+{number + 3}\n#### {2 * number + 3}", **fields}
    return Problem(f"made-{split}-{number:05d}", text, str(2 * number + 3), "gsm8k", split, **given)


def make_set(
    problem: Problem | None = None,
    set_index: int = 0,
    *,
    final: str | None = "right",
    votes: Sequence[str | None] = ("YY", "YN", "YY"),
    questions: Sequence[str] = QUESTIONS,
    failures: Sequence[Failure] = (),
) -> RawSet:
    """A set; `final` is right, wrong, none (no marker) or None (never answered); "YN" votes yes, then no."""
    problem = problem or make_problem()
    ends = {"right": f"\n\nFinal answer: {problem.gold_answer}", "wrong": "\n\nFinal answer: 9999", "none": ""}
    answers = "\n".join(f"A{i}: Ann has {i}+{i}={2 * i} pens." for i in range(1, len(questions) + 1))
    words = {"Y": "Yes", "N": "No"}
    return RawSet(
        problem=problem,
        set_index=set_index,
        questions_text="\n".join(f"Q{i}: {question}" for i, question in enumerate(questions, 1)),
        answers_text=None if final is None else answers + ends[final],
        feedback_texts=tuple(
            None if vote is None else "\n".join(f"Q{i}: {words[letter]}" for i, letter in enumerate(vote, 1))
            for vote in votes
        ),
        failures=tuple(failures),
        provenance=Provenance("made", "teacher-1", "solver-1", dict(PROMPTS), 0.7, 100, 20, 0.001),
    )


def write_journal(folder: Path, raw_sets: Sequence[RawSet], run: dict | None = None) -> Path:
    """A generation's folder with these sets."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(raw.to_dict(), ensure_ascii=False) for raw in raw_sets]
    (folder / "sets.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    if run is not None:
        (folder / "run.json").write_text(json.dumps(run), encoding="utf-8")
    return folder


def make_sets(problems: int = 20) -> list[RawSet]:
    """Three sets per train problem (right, wrong, right with worse votes, other wording), one per test problem."""
    sets = []
    for number in range(1, problems + 1):
        problem = make_problem(number)
        sets += [
            make_set(problem, 0),
            make_set(problem, 1, final="wrong", questions=QUESTIONS[1:], votes=("Y", "N", "N")),
            make_set(problem, 2, questions=(*QUESTIONS, "What colour are the pens?"), votes=("YNN", "YNN", "YYN")),
        ]
    return sets + [make_set(make_problem(1000 + n, "test"), votes=()) for n in range(problems // 4)]
