"""What a decomposer and a solver are asked about a problem, and how a decomposer's reply is read.

"Problem: A robe takes 2 bolts ...\\n\\nQ1: How much white fiber?\\nQ2: How many?\\n\\nAnswers:"
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dataset_builder.answers.kinds import guess_kind, kind_named
from dataset_builder.prompts import Prompt, load_prompt
from dataset_builder.schema.records import Failure, Problem, content_id
from dataset_builder.solving.records import PARSE_KINDS, CompletionRequest, Decomposition
from dataset_builder.text.parsing import STOP_STRINGS, format_sub_questions, parse_delimited, parse_sub_questions
from dataset_builder.text.problem_text import problem_text
from dataset_builder.text.student_format import format_solver_prompt

ANSWER_PROMPT = "answer.v1"
STUDENT_TEXT = "student text"  # what a solver's metadata says under "reads" when it was trained by these recipes


def fill_prompt(prompt: Prompt, problem: Problem, sub_questions: Sequence[str] | None = None, **values: str) -> str:
    """A prompt's text for one problem.

    Args:
        prompt: has a place for the problem, and for what else is given.
        problem: with its passage, if it has one.
        sub_questions: for a prompt with `{sub_questions}`.
        values: for the prompt's further places.
    """
    if sub_questions is not None:
        values["sub_questions"] = format_sub_questions(sub_questions)
    return prompt.fill(problem=problem_text(problem), **values)


def in_form(name: str, form: str) -> str:
    """The name of a prompt's variant; of a user's own file, the file beside it.

    >>> in_form("answer.v1", "_words"), in_form("my/own.txt", "_words")
    ('answer_words.v1', 'my/own_words.txt')
    """
    path = Path(name)
    return str(path.with_stem(path.stem + form))


def prompt_for(name: str, problem: Problem) -> Prompt:
    """The prompt in the form that asks for the problem's kind of answer."""
    return load_prompt(in_form(name, kind_named(problem.answer_kind).prompt_form))


def answer_request(
    problem: Problem,
    sub_questions: Sequence[str],
    sample_index: int = 0,
    *,
    prompt: str = ANSWER_PROMPT,
    student: bool = False,
) -> CompletionRequest:
    """Asks for the answers to sub-questions and the final answer.

    Args:
        problem: what the sub-questions are about.
        sub_questions: in their order.
        sample_index: tells repeats apart.
        prompt: which answer prompt, in the form of the problem's kind of answer.
        student: in the text that a solver of these recipes was trained on, instead of a prompt.
    """
    if student:
        text = format_solver_prompt(problem.problem, sub_questions, problem.passage)
    else:
        text = fill_prompt(prompt_for(prompt, problem), problem, sub_questions)
    return CompletionRequest(problem.problem_id, "answer", text, STOP_STRINGS, sample_index)


def read_decomposition(text: str | None, *, delimited: bool = False) -> Decomposition:
    """A decomposer's text -> its sub-questions, or the reason why there are none.

    >>> read_decomposition("None needed.").none_needed, read_decomposition("I would rather not.").failure.kind
    (True, 'parse:no_questions')
    """
    if text is not None and text.strip().rstrip(".").lower() == "none needed":
        return Decomposition(text=text, none_needed=True)
    parsed = parse_delimited(text) if delimited else parse_sub_questions(text)
    if isinstance(parsed, Failure):
        return Decomposition(text=text, failure=replace(parsed, kind=f"{PARSE_KINDS}:{parsed.kind}"))
    return given_decomposition(parsed, text)


def problem_from_text(text: str, gold: str = "", passage: str = "") -> Problem:
    """A problem that somebody types; its right answer, which may be unknown, says what kind of answer is wanted.

    Args:
        text: the problem.
        gold: the right answer, for a verdict.
        passage: what the problem is about.
    """
    kind = guess_kind(gold) if gold else "number"
    return Problem(content_id("typed", text), text, gold, "typed", answer_kind=kind, passage=passage)


def given_decomposition(sub_questions: Sequence[str], text: str | None = None) -> Decomposition:
    """Sub-questions that need no reading; an empty set is a failure."""
    if not sub_questions:
        return Decomposition(text=text, failure=Failure("decompose", f"{PARSE_KINDS}:empty", "no sub-question"))
    return Decomposition(tuple(sub_questions), text)
