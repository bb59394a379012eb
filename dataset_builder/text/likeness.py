"""Whether two word problems are the same, or nearly: by hashes alone, so that a list of them holds no text.

    fingerprint("Ann has 3 pens. How many?").line  ->  "5b1f...9c 8d31... w2nVmg..."   (text, numbers, word pairs)

The same problem: equal normalised texts (`schema.normalise_text`), the passage included. Nearly the same: the same
numbers, and word pairs whose Jaccard likeness is at least NEAR. Other numbers make another problem, however alike the
words are; a changed name, a changed word or sentences in another order do not.

Of GSM8K's 1,319 test problems the likest to a train problem with its numbers has 0.16; of MicroGSM's first 300 to its
first 3,000 one has more than NEAR (0.71: another name), the next 0.59.

Source: Broder 1997 (the SKETCH smallest hashes of both sets estimate their likeness; exact where there are no more).
"""

from __future__ import annotations

import base64
import hashlib
import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from dataset_builder.schema.records import normalise_text

NEAR = 0.6
SKETCH = 64
_HASH_BYTES, _PAIR_BYTES = 16, 4


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What is kept of a problem's text."""

    text: bytes
    """Hash of the normalised text."""
    numbers: bytes
    """Hash of its numbers, in order of size."""
    pairs: frozenset[int]
    """The smallest hashes of its pairs of neighbouring words."""

    @property
    def line(self) -> str:
        """As a file holds it."""
        pairs = b"".join(value.to_bytes(_PAIR_BYTES, "big") for value in sorted(self.pairs))
        return f"{self.text.hex()} {self.numbers.hex()} {base64.b64encode(pairs).decode()}"

    @classmethod
    def from_line(cls, line: str) -> Fingerprint:
        """The inverse of `line`.

        Raises:
            ValueError: the line is none.
        """
        text, numbers, encoded = line.split(" ")
        pairs = base64.b64decode(encoded, validate=True)
        starts = range(0, len(pairs), _PAIR_BYTES)
        words = frozenset(int.from_bytes(pairs[start : start + _PAIR_BYTES], "big") for start in starts)
        return cls(bytes.fromhex(text), bytes.fromhex(numbers), words)


def text_hash(problem_text: str, passage: str = "") -> bytes:
    """16 bytes that are equal for texts that read the same; a question is only the same with the same passage."""
    return hashlib.sha256(normalise_text(f"{passage}\n{problem_text}").encode()).digest()[:_HASH_BYTES]


def fingerprint(problem_text: str, passage: str = "") -> Fingerprint:
    """The fingerprint of a problem, with its passage where it has one."""
    words = normalise_text(f"{passage}\n{problem_text}").split()
    numbers = " ".join(sorted(word for word in words if word.isdecimal()))
    pairs = {_short_hash(f"{left} {right}") for left, right in itertools.pairwise(words)}
    smallest = frozenset(sorted(pairs)[:SKETCH])
    return Fingerprint(text_hash(problem_text, passage), hashlib.sha256(numbers.encode()).digest()[:8], smallest)


def likeness(one: Fingerprint, other: Fingerprint) -> float:
    """The share of all word pairs that both have, estimated from their smallest hashes."""
    cut_off = SKETCH in (len(one.pairs), len(other.pairs))
    both = sorted(one.pairs | other.pairs)[: SKETCH if cut_off else None]
    return sum(pair in one.pairs and pair in other.pairs for pair in both) / len(both) if both else 0.0


def _short_hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=_PAIR_BYTES).digest(), "big")


class KnownProblems:
    """Problems to look others up in."""

    def __init__(self, known: Iterable[Fingerprint]) -> None:
        self._texts: set[bytes] = set()
        self._by_numbers: dict[bytes, list[Fingerprint]] = {}
        for one in known:
            self._texts.add(one.text)
            self._by_numbers.setdefault(one.numbers, []).append(one)

    def find(self, problem: Fingerprint) -> Literal["same", "near"] | None:
        """Whether the problem, or one that reads nearly like it, is among them."""
        if problem.text in self._texts:
            return "same"
        alike = self._by_numbers.get(problem.numbers, ())
        return "near" if any(likeness(problem, one) >= NEAR for one in alike) else None
