"""Scores answers that are words: DROP's official exact match and F1, normalised match (Bamboogle), yes or no.

Reads a prediction and the right answers as texts; gives scores in [0, 1] or a truth value.

Source: the official DROP evaluation (arXiv 1903.00161; allenai/allennlp-reading-comprehension, drop_eval).
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Sequence

from dataset_builder.answers import numbers_equal, parse_number

Answer = str | Sequence[str]

_ARTICLES = re.compile(r"\b(a|an|the)\b")


def drop_scores(prediction: Answer, golds: Sequence[Answer]) -> tuple[float, float]:
    """(exact match, F1) of the best right answer, as DROP's official evaluation computes them.

    Args:
        prediction: the predicted text, or several spans.
        golds: the right answers; each a text or several spans. Blank ones are passed over.

    >>> drop_scores("the 4 Cowboys", ["4 cowboys", "Giants"]), drop_scores("5 yards", ["4 yards"])
    ((1.0, 1.0), (0.0, 0.0))
    """
    scores = [_span_scores(prediction, gold) for gold in golds if _spans(gold)[0].strip()]
    return (max(em for em, _ in scores), max(f1 for _, f1 in scores)) if scores else (0.0, 0.0)


def normalised_match(prediction: str, golds: Sequence[str]) -> bool:
    """Whether a short answer names one of `golds`.

    It does when the texts agree after folding (case, accents, punctuation, articles, the order of the words of a date,
    notations of a number), or when it is a sentence that holds the gold's words one after the other and offers no
    alternative ("or") and no denial ("not").

    >>> normalised_match("It was James Madison.", ["james madison"])
    True
    >>> normalised_match("June 20, 1837", ["20 June 1837"])
    True
    >>> normalised_match("1812 or 1813", ["1812"])
    False
    """
    return any(_matches(prediction, gold) for gold in golds if gold.strip())


def yes_no(text: str | None) -> bool | None:
    """What a text says: its first word where that is yes or no (true, false), else the only one of both in it.

    >>> yes_no("Yes, because ..."), yes_no("I know nothing"), yes_no("The answer is no.")
    (True, None, False)
    """
    words = re.findall(r"[a-z]+", (text or "").lower())
    said = [word in ("yes", "true") for word in words if word in ("yes", "no", "true", "false")]
    if not said:
        return None
    first = words[0] in ("yes", "no", "true", "false")
    return said[0] if first or len(set(said)) == 1 else None


def _matches(prediction: str, gold: str) -> bool:
    said, wanted = _folded_words(prediction), _folded_words(gold)
    if said == wanted or (_is_date(wanted) and sorted(said) == sorted(wanted)):
        return bool(said)
    if numbers_equal(parse_number(gold), parse_number(prediction)) and len(wanted) == 1:
        return True
    if "not" in said or "or" in said:
        return False
    return any(said[start : start + len(wanted)] == wanted for start in range(len(said) - len(wanted) + 1) if wanted)


def _folded_words(text: str) -> list[str]:
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    plain = "".join(char for char in decomposed if not unicodedata.combining(char)).replace("'s ", " ")
    words = "".join(char if char.isalnum() else " " for char in plain.replace(",", "").replace(".", "")).split()
    return [word for word in words if word not in ("a", "an", "the")]


def _is_date(words: list[str]) -> bool:
    months = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ]
    return any(word in months for word in words) and any(word.isdecimal() for word in words)


def _spans(answer: Answer) -> Sequence[str]:
    return [answer] if isinstance(answer, str) else list(answer) or [""]


def _span_scores(prediction: Answer, gold: Answer) -> tuple[float, float]:
    said = [_normalise(span) for span in _spans(prediction)]
    wanted = [_normalise(span) for span in _spans(gold)]
    exact = 1.0 if set(said) == set(wanted) and len(said) == len(wanted) else 0.0
    said_bags, wanted_bags = [set(span.split()) for span in said], [set(span.split()) for span in wanted]
    scores = [
        [_bag_f1(bag, other) if _numbers_agree(other, bag) else 0.0 for bag in said_bags] for other in wanted_bags
    ]
    return exact, round(_best_alignment(scores) / max(len(said), len(wanted)), 2)


def _normalise(text: str) -> str:
    """Lower case, no punctuation, articles as blanks, numbers as floats; word by word, hyphens separating words."""
    words = [_normalise_word(word) for word in re.split(r" |-", text)]
    return " ".join(word for word in words if word.strip()).strip()


def _normalise_word(word: str) -> str:
    word = word.lower()
    if not _is_float(word):
        word = "".join(char for char in word if char not in string.punctuation)
    word = str(float(word)) if _is_float(word) else word
    return " ".join(_ARTICLES.sub(" ", word).split())


def _is_float(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _bag_f1(said: set[str], wanted: set[str]) -> float:
    shared = len(said & wanted)
    precision = shared / len(said) if said else 1.0
    recall = shared / len(wanted) if wanted else 1.0
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _numbers_agree(wanted: set[str], said: set[str]) -> bool:
    """A right answer that holds numbers is only matched by a prediction that shares one."""
    numbers = {word for word in wanted if _is_float(word)}
    return not numbers or bool(numbers & {word for word in said if _is_float(word)})


def _best_alignment(scores: list[list[float]]) -> float:
    """The largest sum of scores over one-to-one pairs of rows and columns."""
    if len(scores) == 1 or len(scores[0]) == 1:
        return max(max(row) for row in scores)
    from scipy.optimize import linear_sum_assignment  # only an answer of several spans needs it

    rows, columns = linear_sum_assignment(scores, maximize=True)
    return sum(scores[row][column] for row, column in zip(rows, columns, strict=True))
