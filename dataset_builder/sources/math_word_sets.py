"""AddSub, SingleEq and MultiArith: short word problems, in the form that LLM-Adapters publishes.

A row, `{"sQuestion": "Joan found 70 seashells ...", "lSolutions": ["43"], ...}`, has a problem and its one number.
"""

from __future__ import annotations

from dataset_builder.sources.source import Row, Source, number_problem, test_file


def _parse_row(row: Row) -> Row:
    return number_problem(row["sQuestion"].strip(), row["lSolutions"][0])


def _published(file: str, citation: str, sha256: str) -> Source:
    """A set of theirs.

    Args:
        file: its name there.
        citation: the paper.
        sha256: of the file.
    """
    return Source(
        name=file.lower(),
        licence="odc-by",
        home="https://github.com/AGI-Edgerunners/LLM-Adapters",
        citation=citation,
        repository="AGI-Edgerunners/LLM-Adapters",
        revision="8166572",
        files=test_file(f"math_word_sets/{file}.json", f"dataset/{file}/{file}.json", sha256),
        parse_row=_parse_row,
        has_duplicates=True,
    )


ADD_SUB = _published(
    "AddSub", "Hosseini et al. 2014, EMNLP", "21930fa90385c72b5a15f4b9a4dda27276b889ae9ff44285505cdd9fa0a20df8"
)
SINGLE_EQ = _published(
    "SingleEq",
    "Koncel-Kedziorski et al. 2015, TACL",
    "82ec4bc7363d843c23a39df9e5da65095ae7803052e0afff8eb8943cfc88d3b9",
)
MULTI_ARITH = _published(
    "MultiArith",
    "Roy and Roth 2015, arXiv 1608.01413",
    "dc9db1b6cc68b1ecc2dec830d15aaf8c9a0932aa31d5ffce88ef3628179d36f4",
)
