"""Writes a study's page from what its steps have left: the last step of every study.

Reads the study's file and its steps' folders; writes `OUTPUT/page.html`, `page.md`, the figures and `claims.json`.
Steps that are not there are named on the page, and claims that need them are "not run".
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dataset_builder.core.config import option, parse_config
from dataset_builder.core.errors import UserError, entry_point
from eval_harness.study.study_file import load_study
from eval_harness.study.write_page import folders_of, write_study_page

EPILOG = """examples:
  make study STUDY=subq                                                   # runs the study, and this at its end
  python -m eval_harness.study_page --plan outputs/studies/subq --study subq --output outputs/page
                                                                          # of what has finished so far"""


@dataclass(frozen=True)
class StudyPageConfig:
    """Which study, and where its steps are."""

    study: str = option("", "the study's name, or its file")
    scale: str = option("embedded", "which scale was run")
    set: list[str] = option([], "what was changed of the file: key=value, several after one another")
    folders: list[str] = option([], "folders of the steps that the page reads, in the study's order")
    plan: str = option("", "instead of them: the study's folder, which holds its plan.json")
    output: str = option("", "folder for the page", writes="folder")


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    """`python -m eval_harness.study_page`."""
    config = parse_config(
        StudyPageConfig,
        argv,
        prog="python -m eval_harness.study_page",
        description="Write a study's page: claims, tables, figures, cost, and what was run.",
        epilog=EPILOG,
    )
    if not config.study or not config.output:
        raise UserError("--study and --output are needed, for instance --study subq --output outputs/page")
    study = load_study(config.study, config.scale, config.set)
    folders = folders_of(study, config.scale, config.folders, config.plan)
    findings = write_study_page(study, config.scale, folders, Path(config.output))
    for finding in findings:
        print(f"{finding.verdict:<20}{finding.claim.says}")
    print(f"page: {Path(config.output) / 'page.html'}")


if __name__ == "__main__":
    sys.exit(main())
