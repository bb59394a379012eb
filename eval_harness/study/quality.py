"""What a study's page says of sub-questions alone: a table per quality of its file, a line per row.

Reads the `quality.json` of the steps that have finished.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dataset_builder.core.files import read_text
from eval_harness.pipeline.quality import QUALITY_FILE, QUALITY_HEAD, quality_caption, quality_cells
from eval_harness.study.expand import CellStep, quality_steps
from eval_harness.study.render import Section, Table
from eval_harness.study.study_file import QualityPart, Scale


def quality_sections(scale: Scale, folders: Mapping[str, Path]) -> list[Section]:
    """A section per quality of which something has finished.

    Args:
        scale: the study at its scale.
        folders: step -> its folder.
    """
    sections = []
    for name, part in scale.qualities.items():
        records = list(_records(name, scale, folders))
        rows = [row for step, record in records for row in _rows(part, step, record, scale)]
        if rows:
            cells = [quality_cells(row) for _, row in sorted(rows, key=lambda row: row[0])]
            texts = [*([part.about] if part.about else []), quality_caption(records[0][1])]
            sections.append(Section(part.title or name, texts, [Table(QUALITY_HEAD, cells, right_from=1)]))
    return sections


def _records(name: str, scale: Scale, folders: Mapping[str, Path]) -> Iterator[tuple[CellStep, dict[str, Any]]]:
    for step in quality_steps(scale):
        path = folders.get(step.step, Path("-")) / QUALITY_FILE
        if step.evaluation == name and path.is_file():
            yield step, json.loads(read_text(path))


def _rows(
    part: QualityPart, step: CellStep, record: Mapping[str, Any], scale: Scale
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The record's rows, each with its place in the study's file; a student's bears its name and what tells it."""
    fixed = [spec for spec in part.rows if spec not in scale.students]
    for spec, row in zip([step.row.student] if step.row else fixed, record["rows"], strict=True):
        label = str(step.row) if step.row else row["label"]
        yield part.rows.index(spec), row | {"label": label}
