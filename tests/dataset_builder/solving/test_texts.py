"""A decomposer's reply is read or says why not."""

from __future__ import annotations

import pytest

from dataset_builder.solving.texts import read_decomposition


def test_none_needed_is_an_answer_not_a_failure() -> None:
    result = read_decomposition("None needed.")
    assert result.none_needed
    assert result.failure is None


@pytest.mark.parametrize("text", [None, "", "   ", "I would rather not."])
def test_a_text_without_questions_is_a_parse_failure(text: str | None) -> None:
    failure = read_decomposition(text).failure
    assert failure is not None
    assert failure.kind.startswith("parse:")
