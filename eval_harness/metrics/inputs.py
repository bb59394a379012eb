"""What a metric's `compute` is given, checked before `evaluate` sees it, whose own errors come from its inside."""

from collections.abc import Iterable
from typing import Any


def checked_inputs(predictions: Iterable[Any] | None, references: Iterable[Any] | None) -> tuple[list[Any], list[Any]]:
    """Predictions and references as lists, one reference per prediction.

    Raises:
        ValueError: one of the two is missing, empty or a single text, or they are of unequal number.
    """
    texts, golds = _as_list("predictions", predictions), _as_list("references", references)
    if len(texts) != len(golds):
        raise ValueError(f"{len(texts)} predictions, {len(golds)} references; give one reference per prediction")
    if not texts:
        raise ValueError("no predictions to score; give at least one, with its reference")
    return texts, golds


def _as_list(name: str, values: Iterable[Any] | None) -> list[Any]:
    if values is None or isinstance(values, str):
        raise ValueError(f"{name} must be a list, found {values!r:.40}; give as many references as predictions")
    return list(values)
