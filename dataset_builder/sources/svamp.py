"""SVAMP: body and question of a row are joined to one text, an open if-clause with a comma."""

from __future__ import annotations

import re

from dataset_builder.sources.source import Row, Source, number_problem, test_file

_OPENINGS = ["How", "What", "Who", "When", "Where", "Which", "By", "In", "Did", "Do", "Does", "Is", "Are", "Will"]


def _parse_row(row: Row) -> Row:
    return number_problem(join_svamp(row["Body"], row["Question"]), row["Answer"])


def join_svamp(body: str, question: str) -> str:
    """One text out of SVAMP's two fields.

    >>> join_svamp("Dan had $ 3 left. If he had $ 4 at the start", "How much did the candy bar cost?")
    'Dan had $ 3 left. If he had $ 4 at the start, how much did the candy bar cost?'
    >>> join_svamp("Paco had 26 cookies", "How many did he eat?")
    'Paco had 26 cookies. How many did he eat?'
    """
    body, question = body.strip(), question.strip()
    if not body or body[-1] in ".!?":
        return f"{body} {question}".strip()
    last = re.split(r"(?<=[.!?])\s+", body)[-1]
    if last.lower().startswith("if "):
        name = question.split(maxsplit=1)[0] not in _OPENINGS
        return f"{body}, {question if name else question[:1].lower() + question[1:]}"
    return f"{body}. {question}"


SOURCE = Source(
    name="svamp",
    licence="mit",
    home="https://github.com/arkilpatel/SVAMP",
    citation="Patel et al. 2021, arXiv 2103.07191",
    repository="arkilpatel/SVAMP",
    revision="689d7cc",
    files=test_file(
        "svamp/SVAMP.json", "SVAMP.json", "5be77703a6d891ae476d7c082787ad361392aa02453b132516cdd5f4e7934e3e"
    ),
    parse_row=_parse_row,
    has_duplicates=True,
)
