"""A study's file is read strictly, changed by one line, and rests on another's where it says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataset_builder.core.config import read_yaml
from dataset_builder.core.errors import UserError
from eval_harness.study.expand import steps_of
from eval_harness.study.study_file import load_study, study_names
from recipes.config.backbones import CONFIGS

OWN = """
base: subq
options: {tests: 50}
scales:
  embedded:
    seeds: [0, 1]
    students: {bc: {options: {learning_rate: 0.001}}}
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own.yaml"
    path.write_text(OWN, encoding="utf-8")
    return path


def test_both_papers_are_there_and_can_be_read_at_both_scales() -> None:
    assert {"subq", "divide_or_conquer"} <= set(study_names())
    for name in ("subq", "divide_or_conquer"):
        study = load_study(name)
        assert {"embedded", "paper"} <= set(study.scales)
        assert study.claims


def test_the_small_scale_trains_on_a_divided_test_set_says_so_and_has_the_experiments_settings() -> None:
    study = load_study("divide_or_conquer")
    scale = study.scale("small")
    assert "It trains on test problems" in scale.about
    build = next(step for step in steps_of(study, "small") if step.name == "build divided")
    assert build.command[-6:] == ("--published", "true", "--keep_test", "219", "--validation_fraction", "0.065")
    for name, student in scale.students.items():
        experiment = read_yaml(CONFIGS.parent / "experiments" / "smollm2" / f"{name}.yaml")
        options = scale.train | student.options
        assert experiment.pop("recipe") == f"smollm2-135m-instruct/{student.method}_lora"
        assert {key: options[key] for key in experiment} == experiment


def test_an_option_stands_wherever_its_name_is() -> None:
    study = load_study("subq", "embedded", ["updates=7"])
    assert study.scale("embedded").students["bc"].options["max_steps"] == 7


def test_an_own_file_says_what_differs_and_rests_on_another_for_the_rest(own: Path) -> None:
    scale, plain = load_study(str(own)).scale("embedded"), load_study("subq").scale("embedded")
    assert scale.seeds == [0, 1]
    assert scale.students["bc"].options == plain.students["bc"].options | {"learning_rate": 0.001}
    assert scale.evaluations["main"].options == {"limit": 50}
    assert scale.students["filtered_bc"] == plain.students["filtered_bc"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("students.bcc.options.max_steps=3", "'bc'"),
        ("students.bc.optionss.max_steps=3", "'options'"),
        ("scales.embeded.seeds=[1]", "'embedded'"),
        ("seeds=one", "seeds"),
        ("students.bc.methods=kto", "'method'"),
        ("claims.filtering_helps.test=hihger", "'higher'"),
        ("updates", "key=value"),
    ],
)
def test_a_change_that_cannot_be_made_is_refused_with_the_nearest_key(change: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        load_study("subq", "embedded", [change])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("studdy: x", "'study'"),
        ("scales: {embedded: {evaluation: {}}}", "'evaluations'"),
        ("scales: {embedded: {students: {a: {method: bc, dataset: d, strat: b}}}}", "'start'"),
        ("claims: {a: {says: x, test: higher, row: {evalution: m, row: a}, than: {}}}", "'evaluation'"),
        ("scales: {embedded: {claims: {a: {says: x, test: hihger, row: {}, than: {}}}}}", "'higher'"),
        ("base: subqq", "'subq'"),
        ('scales: {embedded: {evaluate: {limit: "{testz}"}}}\noptions: {tests: 3}', "'tests'"),
        ("scales: {embedded: [1]}", "keys and values"),
    ],
)
def test_a_key_that_a_study_does_not_have_is_refused_with_the_nearest(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=told):
        load_study(str(path))


def test_a_file_that_rests_on_itself_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(f"base: {path}", encoding="utf-8")
    with pytest.raises(UserError, match="rests on itself"):
        load_study(str(path))


def test_a_scale_that_a_study_does_not_have_is_refused() -> None:
    with pytest.raises(UserError, match="embedded"):
        load_study("subq").scale("embeded")
