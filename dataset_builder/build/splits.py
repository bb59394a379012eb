"""Which split a problem belongs to, and whether a problem's text stands in more than one place.

A problem that its source calls test is test. The others are train or validation by a hash of their problem_id, so a
problem keeps its side when others are added. All sets of a problem share its split. Where nothing but a test set is at
hand, `divide_test` moves most of its problems into train: what they teach has no score on that test set.

The leak check compares normalised problem texts (`schema.normalise_text`): between the splits, and with the worked
examples of the prompts, which the teacher has seen solved. The stricter split keeps the problem: test before
validation before train.

Source: arXiv 2402.01812's code splits by row (sets of one problem fall on both sides) and shows the teacher three test
problems. Differences: 1. split by problem; 2. the check exists.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from dataset_builder import prompts
from dataset_builder.core.errors import UserError
from dataset_builder.core.files import read_text
from dataset_builder.schema.records import Problem, Split
from dataset_builder.text.likeness import text_hash

_STRICTEST_FIRST: tuple[Split, ...] = ("test", "validation", "train")


@dataclass(frozen=True, slots=True)
class Entry:
    """What the leak check knows of a problem."""

    problem_id: str
    """Which one it is."""
    split: Split
    """Where it belongs."""
    text_hash: bytes
    """Of its normalised text."""


@dataclass(frozen=True, slots=True)
class Leak:
    """A problem that must not stay in its split."""

    problem_id: str
    """Which one it is."""
    split: Split
    """Where it belongs."""
    elsewhere: str
    """Where its text is, too: a problem of a stricter split, or a prompt."""


def assign_split(problem: Problem, validation_fraction: float, seed: int = 0) -> Split:
    """The split of a problem; `seed` draws another division of train and validation."""
    return (
        _training_split(problem.problem_id, validation_fraction, seed) if problem.split == "train" else problem.split
    )


def divide_test(entries: Iterable[Entry], kept: int, validation_fraction: float, seed: int = 0) -> list[Entry]:
    """The entries with all but so many of their test problems moved into train and validation.

    Args:
        entries: of all problems.
        kept: how many stay test, drawn by a hash of their ids; 0: all of them.
        validation_fraction: of those that move.
        seed: draws others.

    Raises:
        UserError: there are no more test problems than that.
    """
    entries = list(entries)
    drawn = sorted(
        (entry.problem_id for entry in entries if entry.split == "test"), key=lambda key: _hash(f"{seed}:test:{key}")
    )
    if kept and len(drawn) <= kept:
        raise UserError(f"--keep_test {kept} leaves nothing to train on: the input holds {len(drawn)} test problems")
    moved = set(drawn[kept:]) if kept else set()
    return [
        replace(entry, split=_training_split(entry.problem_id, validation_fraction, seed))
        if entry.problem_id in moved
        else entry
        for entry in entries
    ]


def _training_split(problem_id: str, validation_fraction: float, seed: int) -> Split:
    return "validation" if _hash(f"{seed}:{problem_id}") < validation_fraction * 2**64 else "train"


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def find_leaks(entries: Iterable[Entry], own_prompts: Iterable[Mapping[str, str]] = ()) -> list[Leak]:
    """The problems to drop so that no text stands in two splits or in a prompt.

    Args:
        entries: of all problems.
        own_prompts: name and text of prompts that are not the package's.
    """
    own = [(prompt["name"], text) for prompt in own_prompts for text in prompts.worked_examples(prompt["text"])]
    examples = {text_hash(text): name for name, text in [*own, *prompt_examples()]}
    strictest: dict[bytes, Entry] = {}
    entries = list(entries)
    for entry in sorted(entries, key=lambda entry: _STRICTEST_FIRST.index(entry.split)):
        strictest.setdefault(entry.text_hash, entry)
    leaks = []
    for entry in entries:
        keeper = strictest[entry.text_hash]
        if entry.text_hash in examples:
            leaks.append(Leak(entry.problem_id, entry.split, f"a worked example of {examples[entry.text_hash]}"))
        elif keeper.split != entry.split:
            leaks.append(Leak(entry.problem_id, entry.split, f"{keeper.problem_id} ({keeper.split})"))
    return leaks


def prompt_examples() -> list[tuple[str, str]]:
    """(prompt name, problem text) of every worked example of the prompts, its passage before its question."""
    return [
        (path.stem, example)
        for path in sorted(prompts.FOLDER.glob("*.txt"))
        for example in prompts.worked_examples(read_text(path))
    ]
