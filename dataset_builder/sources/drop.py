"""DROP: questions on a passage; its references of one question become gold answer and aliases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dataset_builder.schema.records import Problem, Split
from dataset_builder.sources.source import Source, SourceFile, jsonl_rows


def read_drop(path: Path, source: str, split: Split) -> Iterator[Problem]:
    for index, row in jsonl_rows(path):
        passage, _, question = row["context"].removesuffix("\nAnswer:").partition("\nQuestion: ")
        gold, *aliases = row["ref_text"].split("|")
        yield Problem(
            problem_id=f"{source}-{split}-{index:05d}",
            problem=question.strip(),
            gold_answer=gold.strip(),
            source=source,
            split=split,
            answer_kind="spans",
            passage=passage.removeprefix("Passage: ").strip(),
            gold_aliases=tuple(alias.strip() for alias in aliases),
        )


SOURCE = Source(
    name="drop",
    licence="cc-by-sa-4.0",
    home="https://github.com/ShengranHu/ADAS",
    citation="Dua et al. 2019, arXiv 1903.00161",
    repository="ShengranHu/ADAS",
    revision="2702bee",
    files={
        "test": SourceFile(
            "drop/drop_v0_dev.jsonl.gz",
            "dataset/drop_v0_dev.jsonl.gz",
            "7a58d35552dc476699d87ee8af0254f63e9f00f5a7f6b8b033e11c933157e186",
        )
    },
    reader=read_drop,
    has_duplicates=True,
)
