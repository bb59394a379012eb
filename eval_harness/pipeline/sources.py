"""Where the problems of an evaluation come from, and what its record says of that: a name and hashes, never a path.

gsm8k                 a named source: its test split unless another is named
physics.jsonl         a file: all of it; it belongs to no split unless one is named
outputs/my-dataset    a dataset's folder (or Hub id): its test split unless another is named, so that validation
                      can be scored

{"source": "physics.jsonl", "kind": "file", "split": "", "problems": 12, "revision": null, "sha256": "...",
 "source_sha256": "..."}
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from dataset_builder.core.files import file_sha256
from dataset_builder.core.hub_ids import is_on_hub, public_name
from dataset_builder.dataset_folder.layout import default_sha256, read_facts
from dataset_builder.dataset_folder.problems import dataset_problems
from dataset_builder.schema.records import Problem, Split
from dataset_builder.sources import SOURCES, load_problems

ANY_SPLIT = "auto"
_FILE_ENDINGS = (".jsonl", ".json", ".gz")


def source_kind(source: str) -> str:
    """named, dataset or file."""
    if source in SOURCES:
        return "named"
    on_hub = not source.endswith(_FILE_ENDINGS) and is_on_hub(source, namespace=True)
    return "dataset" if on_hub or Path(source).is_dir() else "file"


def load_source(source: str, split: str, limit: int | None) -> list[Problem]:
    """The problems of a source, in its order.

    Args:
        source: a name, a file, or a dataset's folder or Hub id.
        split: train, validation, test or ANY_SPLIT.
        limit: only the first so many.

    Raises:
        UserError: there is no such source or split, or it cannot be read.
    """
    part = cast(Split, "test" if split == ANY_SPLIT else split)
    if source_kind(source) == "dataset":
        return list(itertools.islice(dataset_problems(source, part), limit))
    return load_problems(source, part, limit)


def dataset_metadata(problems: Sequence[Problem], source: str, split: str) -> dict[str, Any]:
    """What was asked: name, split, size, revision where it is pinned, and hashes of the problems and their source."""
    digest = hashlib.sha256()
    for problem in problems:
        digest.update(json.dumps([problem.problem_id, problem.problem, problem.gold_answer]).encode())
    kind, known = source_kind(source), SOURCES.get(source)
    part = split if split != ANY_SPLIT else "" if kind == "file" else "test"
    folder = Path(source) if kind == "dataset" and Path(source).is_dir() else None
    return {
        "source": str(read_facts(folder).get("name") or folder.name) if folder else public_name(source),
        "kind": kind,
        "split": part,
        "problems": len(problems),
        "revision": (known.revision or None) if known else None,
        "sha256": digest.hexdigest(),
        "source_sha256": file_sha256(Path(source)) if kind == "file" else _split_sha256(folder, part),
    }


def _split_sha256(folder: Path | None, split: str) -> str | None:
    return default_sha256(folder).get(split) if folder else None
