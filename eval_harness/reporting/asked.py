"""What the two roles of a pair were asked about a problem, word for word, as the page shows it.

The prompts of a run differ in the problem and its sub-questions alone, so the page holds each of them once, with
places for these: `PromptTexts` makes such a text out of a whole one, the page's script fills it again.

    decompose.v1@8bdbdf7e87be    "You split a word problem ...\\n\\nProblem: <PROBLEM>\\n\\nSub-questions:"
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from dataset_builder.answers.kinds import kind_named
from dataset_builder.core.errors import UserError
from dataset_builder.prompts import Prompt, load_prompt
from dataset_builder.schema.records import Problem
from dataset_builder.solving.records import Decomposition
from dataset_builder.solving.single_stage import SINGLE_STAGE, is_single_stage, split_style
from dataset_builder.solving.texts import STUDENT_TEXT, fill_prompt, in_form, prompt_for
from dataset_builder.text.parsing import format_sub_questions
from dataset_builder.text.student_format import format_solver_prompt, format_student_prompt
from eval_harness.records.results import ResultsRecord

PROBLEM, PASSAGE, QUESTIONS = "\ufdd0", "\ufdd1", "\ufdd2"
"""Places in a text; Unicode keeps these characters out of every text that is exchanged."""
TRAINED_TEXT = "the text it was trained on"


@dataclass(frozen=True)
class Asked:
    """One whole prompt, and its name."""

    name: str
    """name@hash, as the record holds it."""
    text: str
    """As it was sent."""


@dataclass
class PromptTexts:
    """Every prompt of a page once, with places for what differs between problems."""

    numbers: dict[tuple[str, str], int] = field(default_factory=dict)
    """(name, text with places) -> its place in the list."""

    def number(self, asked: Asked | None, problem: Problem, sub_questions: Sequence[str]) -> int | None:
        """Where the prompt stands in the list; None where nothing was asked, or its text is not known."""
        if asked is None:
            return None
        text = asked.text
        for part, place in (
            (format_sub_questions(sub_questions), QUESTIONS),
            (problem.passage, PASSAGE),
            (problem.problem, PROBLEM),
        ):
            text = text.replace(part, place) if part else text
        return self.numbers.setdefault((asked.name, text), len(self.numbers))

    def as_list(self) -> list[dict[str, str]]:
        """The prompts as the page holds them."""
        return [{"name": name, "text": text} for name, text in self.numbers]


def asked_decomposer(record: ResultsRecord, problem: Problem) -> Asked | None:
    """What the decomposer read; None where none was asked."""
    if record.decomposer["kind"] == "checkpoint":
        return Asked(TRAINED_TEXT, format_student_prompt(problem.problem, problem.passage))
    prompt = _recorded(record, str(record.prompts.get("decompose", "")))
    if prompt is None:
        return None
    cap = {"cap": str(record.config["max_sub_questions"])} if "{cap}" in prompt.text else {}
    return Asked(prompt.reference, fill_prompt(prompt, problem, **cap))


def asked_solver(record: ResultsRecord, problem: Problem, decomposition: Decomposition) -> Asked | None:
    """What the solver read; None where nothing was sent, or its answers had been recorded elsewhere."""
    if decomposition.failure or record.solver["kind"] == "recorded":
        return None
    if not decomposition.none_needed and record.solver.get("reads") == STUDENT_TEXT:
        text = format_solver_prompt(problem.problem, decomposition.sub_questions, problem.passage)
        return Asked(TRAINED_TEXT, text)
    kind = str(record.decomposer["kind"])
    style = split_style(kind)[0] if is_single_stage(kind) else "none"
    name = SINGLE_STAGE[style] if decomposition.none_needed else str(record.config.get("answer_prompt", ""))
    prompt = _recorded(record, name, problem)
    if prompt is None:
        return None
    questions = None if decomposition.none_needed else decomposition.sub_questions
    first = {"transcript": ""} if "{transcript}" in prompt.text else {}
    return Asked(prompt.reference, fill_prompt(prompt, problem, questions, **first))


def _recorded(record: ResultsRecord, name: str, problem: Problem | None = None) -> Prompt | None:
    """The prompt of this name, in the problem's form, if it is still the one that the record names."""
    if not name:
        return None
    if own := _own(record, name, problem):
        return own
    try:
        prompt = prompt_for(name, problem) if problem else load_prompt(name.partition("@")[0])
    except UserError:
        return None
    return prompt if prompt.reference in record.prompts.values() else None


def _own(record: ResultsRecord, name: str, problem: Problem | None) -> Prompt | None:
    """The user's own prompt of this name, whose text the record holds; None for one of the toolkit's."""
    form = kind_named(problem.answer_kind).prompt_form if problem else ""
    stem = in_form(name, form).removesuffix(".txt") if problem else name.partition("@")[0]
    for reference, text in record.own_prompts.items():
        if reference.rpartition("@")[0] == stem:
            return Prompt(stem, text, hashlib.sha256(text.encode()).hexdigest(), is_own=True)
    return None
