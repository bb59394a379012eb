"""A study whose evaluating steps have finished without a model: every outcome is given by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dataset_builder.core.files import write_json
from eval_harness.study.study_file import Study, load_study
from tests.support.eval_runs import write_run

PROBLEMS = 40
STUDY = """
study: made
title: A made-up study <i>
paper: arXiv 0000.00000
about: Whether hand-made records become a page.
scales:
  embedded:
    about: No model ran.
    datasets: {d: {problems: micro_gsm, teacher: t, base_url: micro_gsm}}
    backbones: {small: {backbone: tiny}, big: {backbone: tiny}}
    students: {bc: {method: bc, dataset: d}}
    seeds: [0, 1]
    evaluations:
      main: {source: micro_gsm, rows: [none, direct, bc], solvers: ["openai:s"], printed: {bc: ".476"}}
    qualities:
      asked: {title: What is asked, source: d, references: d, rows: [reference, bc, "published:chatgpt/eval_finetune"]}
    claims:
      cheap: {says: none takes fewer tokens, test: fewer_tokens, row: NONE, than: BC}
claims:
  elsewhere: {says: another scale's, test: higher, row: {evaluation: other, row: bc}, than: NONE}
  up: {says: bc beats none, test: higher, row: BC, than: NONE, paper: said}
  down: {says: none beats bc, test: higher, row: NONE, than: BC}
  open: {says: direct beats none, test: higher, row: DIRECT, than: NONE}
  bigger: {says: big beats small, test: higher, row: BIG, than: SMALL}
  close: {says: direct is not below none, test: not_lower, margin: 0.2, row: DIRECT, than: NONE}
  cheap: {says: none is longer, test: fewer_tokens, row: BC, than: NONE}
  absent: {says: kto beats none, test: higher, row: KTO, than: NONE}
"""
ROWS = {
    "BC": "row: bc",
    "NONE": "row: none",
    "DIRECT": "row: direct",
    "KTO": "row: kto",
    "BIG": "row: bc, backbone: largest",
    "SMALL": "row: bc, backbone: smallest",
}
"""What the words of the claims stand for."""
WRONG = {"none": range(30), "direct": range(1, 31)}
"""By row that nobody trains: the problems it fails on."""


def made_study(folder: Path) -> tuple[Study, dict[str, Path]]:
    """The study and the folders of its evaluating steps; one seed of the big backbone has not run."""
    path = folder / "made.yaml"
    text = STUDY
    for word, row in ROWS.items():
        text = text.replace(f": {word}", f": {{evaluation: main, {row}}}")
    path.write_text(text, encoding="utf-8")
    folders = {"evaluate main": folder / "fixed"}
    write_run(folders["evaluate main"], PROBLEMS, {label: list(wrong) for label, wrong in WRONG.items()})
    for backbone, seed, wrong in (("small", 0, 12), ("small", 1, 14), ("big", 0, 4)):
        step = f"evaluate main bc {backbone} seed {seed}"
        folders[step] = folder / f"{backbone}{seed}"
        write_run(folders[step], PROBLEMS, {"bc": list(range(wrong))})
    folders["evaluate main bc big seed 1"] = folder / "nowhere"
    write_quality(folder / "asked", ["bc"])
    folders["quality asked bc small seed 0"] = folder / "asked"
    return load_study(str(path)), folders


def write_quality(folder: Path, labels: Sequence[str]) -> None:
    """A finished `eval_harness.question_quality`, every row of it alike."""
    shares = {"sets_with_repetition": 0.1, "sets_with_giveaway": 0.0}
    measured = {"sets": PROBLEMS, "questions_per_set": 4.2, "fluency": 0.5, "granularity": 0.7} | shares
    rows = [{"label": label, "problems": PROBLEMS, "seen_before": ""} | measured for label in labels]
    dataset = {"source": "pens", "split": "test", "problems": PROBLEMS}
    folder.mkdir(parents=True)
    write_json(folder / "quality.json", {"dataset": dataset, "references": "pens", "rows": rows})
