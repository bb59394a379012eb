"""DROP: questions on a passage; its references of one question become gold answer and aliases."""

from __future__ import annotations

from dataset_builder.sources.source import Row, Source, test_file


def _parse_row(row: Row) -> Row:
    passage, _, question = row["context"].removesuffix("\nAnswer:").partition("\nQuestion: ")
    gold, *aliases = row["ref_text"].split("|")
    return {
        "problem": question.strip(),
        "gold_answer": gold.strip(),
        "answer_kind": "spans",
        "passage": passage.removeprefix("Passage: ").strip(),
        "gold_aliases": tuple(alias.strip() for alias in aliases),
    }


SOURCE = Source(
    name="drop",
    licence="cc-by-sa-4.0",
    home="https://github.com/ShengranHu/ADAS",
    citation="Dua et al. 2019, arXiv 1903.00161",
    domain="questions on passages of text",
    repository="ShengranHu/ADAS",
    revision="2702bee",
    files=test_file(
        "drop/drop_v0_dev.jsonl.gz",
        "dataset/drop_v0_dev.jsonl.gz",
        "7a58d35552dc476699d87ee8af0254f63e9f00f5a7f6b8b033e11c933157e186",
    ),
    parse_row=_parse_row,
    has_duplicates=True,
)
