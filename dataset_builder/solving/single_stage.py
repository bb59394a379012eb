"""How a solver is asked without sub-questions: the single-stage forms that both papers lack.

    none            plan-free: the answer prompt's own worked examples solved step by step, without sub-questions
    direct          the answer at once, no reasoning
    cot_zero_shot   chain of thought, no worked example
    cot_few_shot    another name of `none`, whose prompt is a chain of thought with worked examples
    self_ask        dynamic: one follow-up question at a time, each answered by the same solver before the next

`style@K` takes K samples at the solver's temperature and the most frequent answer: with K chosen so that a problem
takes as many tokens as the two-stage pair does, the comparison is at equal tokens.

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

from dataset_builder.answers import DEFAULT_RULE
from dataset_builder.answers.kinds import kind_named
from dataset_builder.answers.kinds.kind import AnswerKind
from dataset_builder.core.errors import UserError
from dataset_builder.prompts import Prompt, load_prompt
from dataset_builder.schema.records import Problem
from dataset_builder.solving.records import CompletionRequest, Reply, Solver, total_usage
from dataset_builder.solving.texts import ANSWER_PROMPT, fill_prompt, in_form, prompt_for
from dataset_builder.text.parsing import STOP_STRINGS

SINGLE_STAGE = {
    "none": "cot_few_shot.v1",
    "direct": "direct.v1",
    "cot_zero_shot": "cot_zero_shot.v1",
    "cot_few_shot": "cot_few_shot.v1",
    "self_ask": "self_ask.v1",
}
MAX_FOLLOW_UPS = 8


def prompts_used(style: str, problems: Sequence[Problem], answer_prompt: str = ANSWER_PROMPT) -> dict[str, Prompt]:
    """The prompts a row's solver is asked with, by stage.

    Raises:
        UserError: there is no such prompt in the form of a problem's kind of answer.
    """
    names = {"answer": answer_prompt, "single_stage": SINGLE_STAGE[split_style(style)[0]]}
    forms = sorted({kind_named(problem.answer_kind).prompt_form for problem in problems})
    return {stage + form: load_prompt(in_form(name, form)) for form in forms for stage, name in names.items()}


def split_style(style: str) -> tuple[str, int]:
    """A style and how many samples are voted over.

    >>> split_style("none@5"), split_style("direct")
    (('none', 5), ('direct', 1))

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


def answer_directly(
    solver: Solver, problems: Sequence[Problem], style: str, seed: int, rule: str = DEFAULT_RULE
) -> list[Reply]:
    """The solver's reply to each bare problem.

    Args:
        solver: who answers.
        problems: what is asked.
        style: a key of SINGLE_STAGE, with "@K" for a vote over K samples.
        seed: tells repeats apart.
        rule: how the samples' answers are read for the vote.
    """
    name, samples = split_style(style)
    if name == "self_ask":
        return _self_ask(solver, problems, seed)
    requests = [
        CompletionRequest(
            problem.problem_id,
            "direct",
            fill_prompt(prompt_for(SINGLE_STAGE[name], problem), problem),
            STOP_STRINGS,
            seed * samples + sample,
        )
        for problem in problems
        for sample in range(samples)
    ]
    replies = solver.complete(requests)
    return [
        majority(replies[index * samples : (index + 1) * samples], kind_named(problem.answer_kind), rule)
        for index, problem in enumerate(problems)
    ]


def majority(replies: Sequence[Reply], kind: AnswerKind, rule: str) -> Reply:
    """The first reply that gives the most frequent answer, with the usage of all of them.

    A tie goes to the answer given first; replies without a readable answer under `rule` have no vote.
    """
    answers = [kind.vote_key(reply.text, rule) for reply in replies]
    votes = Counter(answer for answer in answers if answer is not None)
    winner = replies[answers.index(votes.most_common(1)[0][0])] if votes else replies[0]
    return replace(winner, usage=total_usage(reply.usage for reply in replies))


def _self_ask(solver: Solver, problems: Sequence[Problem], seed: int) -> list[Reply]:
    """Rounds over all problems that are still open: next line, then the answer to its follow-up question."""
    transcripts = [""] * len(problems)
    replies = [Reply()] * len(problems)
    open_indices = list(range(len(problems)))
    for last in [False] * MAX_FOLLOW_UPS + [True]:
        for stage, cue in (("next", ""), ("intermediate", "\nIntermediate answer:")):
            requests = [_next_line(problems[index], transcripts[index] + cue, seed) for index in open_indices]
            for index, reply in zip(open_indices, solver.complete(requests), strict=True):
                line = (reply.text or "").strip().split("\n")[0]
                head = f"{cue} " if cue else "\n"
                transcripts[index] += head + line.removeprefix("Intermediate answer:").strip()
                usage = replies[index].usage + reply.usage
                replies[index] = replace(reply, text=transcripts[index].strip() or None, usage=usage)
            open_indices = [index for index in open_indices if _is_open(replies[index], stage)]
            if last:
                break
    return replies


def _next_line(problem: Problem, transcript: str, seed: int) -> CompletionRequest:
    text = fill_prompt(prompt_for(SINGLE_STAGE["self_ask"], problem), problem, transcript=transcript)
    return CompletionRequest(problem.problem_id, "self_ask", text, ("\n", *STOP_STRINGS), seed)


def _is_open(reply: Reply, stage: str) -> bool:
    last = (reply.text or "").rpartition("\n")[2]
    return reply.failure is None and (stage == "intermediate" or last.startswith("Follow up:"))
