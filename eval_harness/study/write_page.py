"""A study's page on disk: page.html, page.md, figures, and the claims as JSON."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from dataset_builder.core.errors import UserError
from dataset_builder.core.files import write_json, write_text
from eval_harness.study.cells import read_cells
from eval_harness.study.claims import Finding, findings_of
from eval_harness.study.expand import PAGE_FILE, page_reads
from eval_harness.study.plan import read_plan
from eval_harness.study.render import markdown, page
from eval_harness.study.report import report
from eval_harness.study.study_file import Study


def folders_of(study: Study, scale: str, given: Sequence[str], plan: str) -> dict[str, Path]:
    """Step -> folder, of the steps that the page reads.

    Args:
        study: its file, changes included.
        scale: which scale.
        given: the folders, in the order of `page_reads`.
        plan: the study's folder, where no folders are given.

    Raises:
        UserError: as many folders as steps are needed, or a plan.
    """
    steps = page_reads(study, scale)
    if given:
        if len(given) != len(steps):
            raise UserError(f"--folders: {study.study} at {scale} has {len(steps)} steps to read, found {len(given)}")
        return dict(zip(steps, map(Path, given), strict=True))
    if not plan:
        raise UserError("--folders or --plan is needed: where are the study's steps?")
    planned = read_plan(Path(plan))
    return {step: planned.folder(step) for step in steps if step in planned.folders}


def write_study_page(study: Study, scale: str, folders: Mapping[str, Path], output: Path) -> list[Finding]:
    """Writes everything, the page last, and gives what became of the claims.

    Args:
        study: its file, changes included.
        scale: which scale.
        folders: step -> folder.
        output: where the page goes.
    """
    output.mkdir(parents=True, exist_ok=True)
    part = study.scale(scale)
    cells = read_cells(part, folders)
    findings = findings_of(study.claims_at(scale)[0], cells, list(part.backbones))
    sections = report(study, scale, cells, findings, folders, output)
    title = f"{study.title or study.study} ({study.paper})" if study.paper else study.title or study.study
    write_text(output / "page.md", markdown(title, sections))
    write_json(output / "claims.json", [_plain(finding) for finding in findings])
    write_text(output / PAGE_FILE, page(title, sections, output))
    return findings


def _plain(finding: Finding) -> dict[str, object]:
    values = dataclasses.asdict(finding)
    return {key: None if isinstance(value, float) and math.isnan(value) else value for key, value in values.items()}
