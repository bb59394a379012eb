"""A quality of a study becomes a table: its rows in the order of the file, students under the study's names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eval_harness.study.expand import quality_steps
from eval_harness.study.quality import quality_sections
from eval_harness.study.study_file import Scale
from tests.support.made_study import made_study, write_quality


@pytest.fixture
def scale(tmp_path: Path) -> Scale:
    return made_study(tmp_path)[0].scale("embedded")


def test_rows_stand_in_the_order_of_the_file_with_their_interval(scale: Scale, tmp_path: Path) -> None:
    folders = {step.step: tmp_path / str(index) for index, step in enumerate(quality_steps(scale))}
    for step, folder in folders.items():
        write_quality(folder, ["bc"] if " bc " in step else ["reference", "published bc gpt2"])
    (section,) = quality_sections(scale, folders)
    labels = [row[0] for row in section.tables[0].rows]
    assert labels == [
        "reference",
        "bc small seed 0",
        "bc small seed 1",
        "bc big seed 0",
        "bc big seed 1",
        "published bc gpt2",
    ]
    assert "0.10 (0.04 - 0.23)" in section.tables[0].rows[1]
    assert section.title == "What is asked"
    assert "against pens" in section.texts[-1]


def test_what_has_not_finished_has_no_row_and_a_quality_without_rows_no_section(scale: Scale, tmp_path: Path) -> None:
    assert quality_sections(scale, {}) == []
    folder = tmp_path / "one"
    write_quality(folder, ["bc"])
    (section,) = quality_sections(scale, {"quality asked bc big seed 0": folder})
    assert len(section.tables[0].rows) == 1
    assert json.loads((folder / "quality.json").read_text(encoding="utf-8"))["rows"][0]["label"] == "bc"
