"""StrategyQA: questions answered by yes or no, with a human decomposition."""

from __future__ import annotations

from dataset_builder.sources.source import Row, Source, test_file


def _parse_row(row: Row) -> Row:
    return {
        "problem": row["question"].strip(),
        "gold_answer": "yes" if row["answer"] else "no",
        "answer_kind": "yes_no",
        "reference_sub_questions": tuple(step.strip() for step in row["decomposition"]),
    }


SOURCE = Source(
    name="strategyqa",
    licence="mit",
    home="https://github.com/eladsegal/strategyqa",
    citation="Geva et al. 2021, arXiv 2101.02235",
    domain="yes-or-no questions on general knowledge",
    repository="eladsegal/strategyqa",
    revision="1ba1e97452e189569357876f2854b01357ffbe37",
    files=test_file(
        "strategyqa/dev.json",
        "data/strategyqa/dev.json",
        "0d94842ffb022db8fd5ecd2168b785d5cf67f6faf64f665476bad544a3eb9dde",
    ),
    parse_row=_parse_row,
)
