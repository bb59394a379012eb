"""What each column of the default config holds, for the card; a column without a line here is an error."""

from __future__ import annotations

from typing import Any

from dataset_builder.schema.records import features

MEANINGS = {
    "problem_id": "the source, its split and the problem's number there; the same in every config",
    "set_index": "which of the problem's sets this is, from 0",
    "problem": "the word problem, as its source has it",
    "passage": "the text a problem refers to, where it has one",
    "sub_questions": "the teacher's sub-questions, in order",
    "sub_answers": "the solver's answer to each; empty where they could not be matched",
    "final_answer": "what was read from the end of the solver's text; null where nothing could be",
    "gold_answer": "the source's own right answer",
    "verdict": "how the final answer compares with it",
    "answer_correctness": "the verdict as 1 or 0",
    "votes": "per sub-question: what each feedback sample says of its use",
    "usefulness": "per sub-question: the share of votes that say yes",
    "failures": "what is missing from the set, and why",
    "provenance": "who was asked what, and what it took",
}


def column_rows() -> list[dict[str, str]]:
    """Name, type and meaning of each column of the default config.

    Raises:
        KeyError: a column has no meaning above.
    """
    return [
        {"name": name, "type": type_text(feature), "meaning": MEANINGS[name]}
        for name, feature in features("default").items()
    ]


def type_text(feature: Any) -> str:
    """A column's type as a reader writes it."""
    if isinstance(feature, dict):
        return "{" + ", ".join(f"{key}: {type_text(value)}" for key, value in feature.items()) + "}"
    if hasattr(feature, "feature"):
        return f"list of {type_text(feature.feature)}"
    return str(feature.dtype)
