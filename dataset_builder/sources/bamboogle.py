"""Bamboogle with its sub-questions, a mirror's form that has no pinned public home.

A second answer is an alias only when it agrees with the gold answer (the mirror's do not always).
"""

from __future__ import annotations

from dataset_builder.answers.spans import normalised_match
from dataset_builder.sources.source import Row, Source, test_file


def _parse_row(row: Row) -> Row:
    gold = str(row["Answer"]).strip()
    return {
        "problem": row["Question"].strip(),
        "gold_answer": gold,
        "answer_kind": "text",
        "gold_aliases": tuple(answer for answer in row["A2"] if _is_alias(answer, gold)),
        "reference_sub_questions": (row["Q1"].strip(), row["Q2"].strip()),
        "reference_sub_answers": (row["A1"][0], row["A2"][0]),
    }


def _is_alias(answer: str, gold: str) -> bool:
    if answer.lower() == gold.lower() or "|" in answer:
        return False
    return normalised_match(answer, [gold]) or normalised_match(gold, [answer])


SOURCE = Source(
    name="bamboogle",
    licence="mit",
    home="https://github.com/ofirpress/self-ask",
    citation="Press et al. 2023, arXiv 2210.03350",
    domain="general-knowledge questions of two steps",
    files=test_file(
        "bamboogle/bamboogle.json", "", "a09d863a9f61a1d6b080b1abdacdd0c652e48e648d68a536b6ced6b196234fea"
    ),
    parse_row=_parse_row,
)
