"""Bamboogle with its sub-questions, a mirror's form that has no pinned public home.

A second answer is an alias only when it agrees with the gold answer (the mirror's do not always).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dataset_builder.answers.spans import normalised_match
from dataset_builder.schema.records import Problem, Split
from dataset_builder.sources.source import Source, SourceFile, json_rows


def read_bamboogle(path: Path, source: str, split: Split) -> Iterator[Problem]:
    for index, row in json_rows(path):
        gold = str(row["Answer"]).strip()
        others = [other for other in row["A2"] if other.lower() != gold.lower()]
        yield Problem(
            problem_id=f"{source}-{split}-{index:05d}",
            problem=row["Question"].strip(),
            gold_answer=gold,
            source=source,
            split=split,
            answer_kind="text",
            gold_aliases=tuple(
                other
                for other in others
                if "|" not in other and (normalised_match(other, [gold]) or normalised_match(gold, [other]))
            ),
            reference_sub_questions=(row["Q1"].strip(), row["Q2"].strip()),
            reference_sub_answers=(row["A1"][0], row["A2"][0]),
        )


SOURCE = Source(
    name="bamboogle",
    licence="mit",
    home="https://github.com/ofirpress/self-ask",
    citation="Press et al. 2023, arXiv 2210.03350",
    files={
        "test": SourceFile(
            "bamboogle/bamboogle.json",
            "",
            "a09d863a9f61a1d6b080b1abdacdd0c652e48e648d68a536b6ced6b196234fea",
        )
    },
    reader=read_bamboogle,
)
