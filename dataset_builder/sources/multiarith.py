"""MultiArith, in the form that LLM-Adapters publishes."""

from __future__ import annotations

from dataset_builder.sources.source import Row, Source, number_problem, test_file


def _parse_row(row: Row) -> Row:
    return number_problem(row["sQuestion"].strip(), row["lSolutions"][0])


SOURCE = Source(
    name="multiarith",
    licence="odc-by",
    home="https://github.com/AGI-Edgerunners/LLM-Adapters",
    citation="Roy and Roth 2015, arXiv 1608.01413",
    repository="AGI-Edgerunners/LLM-Adapters",
    revision="8166572",
    files=test_file(
        "math_word_sets/MultiArith.json",
        "dataset/MultiArith/MultiArith.json",
        "dc9db1b6cc68b1ecc2dec830d15aaf8c9a0932aa31d5ffce88ef3628179d36f4",
    ),
    parse_row=_parse_row,
    has_duplicates=True,
)
