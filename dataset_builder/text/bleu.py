"""How close generated sub-questions come to reference sets: their number, and BLEU of their text.

Pure functions of texts, used by the evaluation's quality scores and to choose a checkpoint while it trains.

BLEU as Papineni et al. 2002 define it: clipped n-gram counts summed over the corpus, geometric mean over the orders,
brevity penalty exp(1 - r / c) where the candidate is shorter; tokens are runs of letters and digits, lower case, and
every other visible sign by itself; no smoothing (an order without a match makes that BLEU zero).

Source: arXiv 2402.01812, section 4 (granularity, fluency). Differences: 1. tokens are not split at blanks alone, which
would tie the end of a question to its question mark.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from statistics import fmean

BLEU_ORDERS = (1, 2, 3, 4)


def granularity(generated: int, reference: int) -> float:
    """1 for as many sub-questions as the reference; 0 for none at all; below 0 for less than half as many.

    >>> granularity(4, 3), granularity(2, 5)
    (0.75, -0.5)
    """
    return 1 - abs(generated - reference) / generated if generated else 0.0


def tokens(text: str) -> list[str]:
    """Lower-case runs of letters and digits, and every other visible sign by itself.

    >>> tokens("How many $5 eggs?")
    ['how', 'many', '$', '5', 'eggs', '?']
    """
    spaced = "".join(char if char.isalnum() or char.isspace() else f" {char} " for char in text.lower())
    return spaced.split()


def bleu(candidates: Sequence[Sequence[str]], references: Sequence[Sequence[str]], order: int = 4) -> float:
    """Corpus BLEU up to n-grams of `order`, with one reference per candidate.

    Raises:
        ValueError: the two differ in length.

    >>> bleu([["a", "b", "c", "d"]], [["a", "b", "c", "e"]], order=2)  # sqrt(3/4 * 2/3)
    0.7071067811865476
    """
    if len(candidates) != len(references):
        raise ValueError(f"{len(candidates)} candidates, {len(references)} references")
    precisions = []
    for size in range(1, order + 1):
        matched = total = 0
        for candidate, reference in zip(candidates, references, strict=True):
            counts = _ngrams(candidate, size)
            matched += (counts & _ngrams(reference, size)).total()
            total += counts.total()
        precisions.append(matched / total if total else 0.0)
    if not all(precisions):
        return 0.0
    length, wanted = sum(map(len, candidates)), sum(map(len, references))
    brevity = 1.0 if length >= wanted else math.exp(1 - wanted / length)
    return brevity * math.exp(fmean(map(math.log, precisions)))


def fluency(generated: Sequence[Sequence[str]], references: Sequence[Sequence[str]]) -> float:
    """Mean of BLEU-1..4 of sub-question sets against the reference sets."""
    candidates = [tokens(" ".join(questions)) for questions in generated]
    wanted = [tokens(" ".join(questions)) for questions in references]
    return fmean(bleu(candidates, wanted, order) for order in BLEU_ORDERS)


def _ngrams(words: Sequence[str], size: int) -> Counter[tuple[str, ...]]:
    return Counter(zip(*(words[start:] for start in range(size)), strict=False))
