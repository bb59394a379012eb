"""What the solver is asked: with sub-questions, or in one of the single-stage forms that both papers lack.

    none            plan-free: the answer prompt's own worked examples solved step by step, without sub-questions
    direct          the answer at once, no reasoning
    cot_zero_shot   chain of thought, no worked example
    cot_few_shot    chain of thought with the same worked examples as the answer prompt (what `none` asks, too)
    self_ask        dynamic: one follow-up question at a time, each answered by the same solver before the next

`style@K` takes K samples at the solver's temperature and the most frequent answer: with K chosen so that a problem
takes as many tokens as the two-stage pair does, the comparison is at equal tokens (`equal_tokens.py`).

Problems whose answer is no number (DROP, Bamboogle, StrategyQA) are asked with the same prompts in words ("_words"),
because the others demand "the one number".

Source: arXiv 2402.15000, sections 4 and 5 (single stage; static against dynamic); Press et al. 2022 (self-ask).
Differences: 1. the paper's single-stage prompt allows five words, so it measures the ban on reasoning, too: that is
`direct` here, and the chains of thought stand beside it; 2. every prompt asks for "Final answer: ", so that one rule
reads all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from dataset_builder.answers import extract_answer_text, extract_final_answer
from dataset_builder.core.errors import UserError
from dataset_builder.prompts import Prompt, load_prompt
from dataset_builder.schema.records import Failure, Problem, normalise_text
from dataset_builder.text.parsing import STOP_STRINGS, format_sub_questions
from dataset_builder.text.problem_text import problem_text
from dataset_builder.text.student_format import format_solver_prompt
from eval_harness.records.predictions import Decomposition, Reply
from eval_harness.systems.solvers import Question, Solver

ANSWER_PROMPT = "answer.v1"
SINGLE_STAGE = {
    "none": "cot_few_shot.v1",
    "direct": "direct.v1",
    "cot_zero_shot": "cot_zero_shot.v1",
    "cot_few_shot": "cot_few_shot.v1",
    "self_ask": "self_ask.v1",
}
MAX_FOLLOW_UPS = 8


def prompts_used(style: str, problems: Sequence[Problem]) -> dict[str, str]:
    """The prompts a row's solver is asked with, as records hold them: stage -> name and hash."""
    names = {"answer": ANSWER_PROMPT, "single_stage": SINGLE_STAGE[split_style(style)[0]]}
    forms = sorted({_form(problem) for problem in problems})
    return {
        stage + form: load_prompt(_in_form(name, form)).reference for form in forms for stage, name in names.items()
    }


def _form(problem: Problem) -> str:
    return "" if problem.answer_kind == "number" else "_words"


def _in_form(name: str, form: str) -> str:
    stem, _, version = name.rpartition(".")
    return f"{stem}{form}.{version}"


def _prompt(name: str, problem: Problem) -> Prompt:
    return load_prompt(_in_form(name, _form(problem)))


def split_style(style: str) -> tuple[str, int]:
    """A style and how many samples are voted over.

    >>> split_style("cot_few_shot@5"), split_style("direct")
    (('cot_few_shot', 5), ('direct', 1))

    Raises:
        UserError: what stands behind the "@" is no positive number.
    """
    name, at, samples = style.partition("@")
    if at and not (samples.isdecimal() and int(samples)):
        raise UserError(f"{style!r}: expected a positive number of samples after the @, as in {name}@5")
    return name, int(samples or 1)


def is_single_stage(spec: str) -> bool:
    """Whether a decomposer's name stands for asking the solver without one."""
    return split_style(spec)[0] in SINGLE_STAGE


def answer_problems(
    solver: Solver, problems: Sequence[Problem], decompositions: Sequence[Decomposition], style: str, seed: int
) -> list[Reply]:
    """The solver's reply to each problem; a failed decomposition is not sent and gives an empty reply.

    Args:
        solver: who answers.
        problems: what is asked.
        decompositions: one per problem; those with `none_needed` are asked in the single-stage `style`.
        style: a key of SINGLE_STAGE, with "@K" for a vote over K samples.
        seed: tells repeats apart.
    """
    name, samples = split_style(style)
    asked = [place for place, item in enumerate(decompositions) if item.failure is None]
    planned = [place for place in asked if not decompositions[place].none_needed]
    single = [place for place in asked if decompositions[place].none_needed]
    replies = [Reply() for _ in problems]
    student = solver.facts.get("reads") == "student text"
    questions = [_planned(problems[place], decompositions[place], seed, student) for place in planned]
    for place, reply in zip(planned, solver.complete(questions), strict=True):
        replies[place] = reply
    bare = [problems[place] for place in single]
    answered = (
        _self_ask(solver, bare, seed) if name == "self_ask" else _single_stage(solver, bare, name, samples, seed)
    )
    for place, reply in zip(single, answered, strict=True):
        replies[place] = reply
    return replies


def _planned(problem: Problem, decomposition: Decomposition, seed: int, student: bool) -> Question:
    if student:
        text = format_solver_prompt(problem.problem, decomposition.sub_questions, problem.passage)
        return Question(problem.problem_id, "answer", text, tuple(STOP_STRINGS), seed)
    sub_questions = format_sub_questions(decomposition.sub_questions)
    text = _prompt(ANSWER_PROMPT, problem).fill(problem=problem_text(problem), sub_questions=sub_questions)
    return Question(problem.problem_id, "answer", text, tuple(STOP_STRINGS), seed)


def _single_stage(solver: Solver, problems: Sequence[Problem], style: str, samples: int, seed: int) -> list[Reply]:
    questions = [
        Question(
            problem.problem_id,
            "direct",
            _prompt(SINGLE_STAGE[style], problem).fill(problem=problem_text(problem)),
            tuple(STOP_STRINGS),
            seed * samples + sample,
        )
        for problem in problems
        for sample in range(samples)
    ]
    replies = solver.complete(questions)
    return [
        majority(replies[place * samples : (place + 1) * samples], words=bool(_form(problem)))
        for place, problem in enumerate(problems)
    ]


def majority(replies: Sequence[Reply], *, words: bool = False) -> Reply:
    """The first reply that gives the most frequent answer (a number, or words), with the usage of all of them.

    A tie goes to the answer given first; replies without a readable answer have no vote.
    """
    usage = replies[0].usage
    for reply in replies[1:]:
        usage = usage + reply.usage
    answers = [_read_words(reply.text) if words else extract_final_answer(reply.text) for reply in replies]
    votes = Counter(answer for answer in answers if answer is not None)
    chosen = replies[answers.index(votes.most_common(1)[0][0])] if votes else replies[0]
    return replace(chosen, usage=usage)


def _read_words(text: str | None) -> str | None:
    found = extract_answer_text(text)
    return normalise_text(found) if found else None


def _self_ask(solver: Solver, problems: Sequence[Problem], seed: int) -> list[Reply]:
    """Rounds over all problems that are still open: next line, then the answer to its follow-up question."""
    transcripts = {problem.problem_id: "" for problem in problems}
    replies = {problem.problem_id: Reply() for problem in problems}
    open_problems = list(problems)
    for last in [False] * MAX_FOLLOW_UPS + [True]:
        for stage in ("next", "intermediate"):
            suffix = "\nIntermediate answer:" if stage == "intermediate" else "\n"
            questions = [_next_line(problem, transcripts, suffix, seed) for problem in open_problems]
            for problem, reply in zip(open_problems, solver.complete(questions), strict=True):
                key = problem.problem_id
                line = (reply.text or "").strip().split("\n")[0]
                head = "\nIntermediate answer: " if stage == "intermediate" else "\n"
                transcripts[key] += head + line.removeprefix("Intermediate answer:").strip()
                usage = replies[key].usage + reply.usage
                replies[key] = replace(reply, text=transcripts[key].strip() or None, usage=usage)
            open_problems = [problem for problem in open_problems if _is_open(replies[problem.problem_id], stage)]
            if last:
                break
    return [replies[problem.problem_id] for problem in problems]


def _next_line(problem: Problem, transcripts: dict[str, str], suffix: str, seed: int) -> Question:
    transcript = transcripts[problem.problem_id] + suffix.rstrip("\n")
    text = _prompt(SINGLE_STAGE["self_ask"], problem).fill(problem=problem_text(problem), transcript=transcript)
    return Question(problem.problem_id, "self_ask", text, ("\n", *STOP_STRINGS), seed)


def _is_open(reply: Reply, stage: str) -> bool:
    last = (reply.text or "").rpartition("\n")[2]
    return reply.failure is None and (stage == "intermediate" or last.startswith("Follow up:"))


def fall_back(decompositions: Sequence[Decomposition]) -> list[Decomposition]:
    """Decompositions that could not be read become "none needed": the solver gets the original question."""
    return [
        replace(item, none_needed=True, failure=None) if _unreadable(item.failure) else item for item in decompositions
    ]


def _unreadable(failure: Failure | None) -> bool:
    return failure is not None and failure.kind.startswith("parse")
