"""A plan's folders follow from what shapes a result; what cannot run is refused in one line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dataset_builder.core.errors import UserError
from eval_harness.study.plan import Plan, Step, freeze, read_plan, write_plan

GENERATE = Step("generate", ("some.module", "--output", "{out}"), settings={"seed": 0}, price_usd=2.5, api=True)
TRAIN = Step("train", ("other.module", '{"a": 1}', "--in={parent:generate}", "{out}/x"), parents=("generate",), gpu=1)
OTHER = Step("other", ("third.module",))


def changed(steps: list[Step], tmp_path: Path) -> set[str]:
    """Names of the steps that got other folders than GENERATE, TRAIN and OTHER have."""
    before = freeze([GENERATE, TRAIN, OTHER], tmp_path).folders
    return {name for name, folder in freeze(steps, tmp_path).folders.items() if folder != before[name]}


def test_a_changed_setting_moves_a_step_and_its_children_and_no_other(tmp_path: Path) -> None:
    assert changed([replace(GENERATE, settings={"seed": 1}), TRAIN, OTHER], tmp_path) == {"generate", "train"}
    assert changed([GENERATE, replace(TRAIN, command=("other.module",)), OTHER], tmp_path) == {"train"}
    assert changed([OTHER, TRAIN, GENERATE], tmp_path) == set()


def test_needs_prices_and_other_steps_move_nothing(tmp_path: Path) -> None:
    cheaper = replace(GENERATE, price_usd=0.0, minutes=99.0, gpu=2, api=False, disk_gb=1.0)
    assert changed([cheaper, TRAIN], tmp_path) == set()


def test_a_command_gets_its_folders_and_keeps_its_other_braces(tmp_path: Path) -> None:
    plan = freeze([GENERATE, TRAIN], tmp_path)
    assert plan.command("train") == [
        "other.module",
        '{"a": 1}',
        f"--in={plan.folder('generate')}",
        f"{plan.folder('train')}/x",
    ]
    assert plan.folder("generate").parent == tmp_path / "steps"


def test_a_plan_is_read_as_it_was_written_and_jobs_keep_theirs(tmp_path: Path) -> None:
    plan: Plan = freeze([GENERATE, TRAIN], tmp_path, study="subq", scale="small", work=Path("/somewhere"))
    first = write_plan(plan)
    assert read_plan(first) == read_plan(tmp_path) == plan
    second = write_plan(freeze([GENERATE], tmp_path))
    assert second != first
    assert read_plan(first) == plan
    assert len(read_plan(tmp_path).steps) == 1


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([], "no steps"),
        ([GENERATE, replace(OTHER, name="generate")], "two steps are called 'generate'"),
        ([replace(GENERATE, parents=("trian",)), TRAIN], "unknown parent 'trian', did you mean 'train'"),
        ([replace(GENERATE, parents=("train",)), TRAIN], "circle: 'generate' <- 'train' <- 'generate'"),
        ([GENERATE, replace(TRAIN, parents=())], "'train' reads the folder of 'generate'"),
        ([replace(OTHER, command=())], "no command"),
        ([replace(OTHER, name="a b"), replace(OTHER, name="a-b")], "'a b' and 'a-b'"),
    ],
)
def test_what_cannot_run_is_one_line(steps: list[Step], said: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        freeze(steps, tmp_path)
    assert said in str(caught.value)


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"steps": [{"name": "x"}]}', '{"steps": [1]}'])
def test_a_file_that_is_no_plan_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(UserError, match=r"plan\.json is no plan"):
        read_plan(tmp_path)
    with pytest.raises(UserError, match="make study"):
        read_plan(tmp_path / "nowhere")
