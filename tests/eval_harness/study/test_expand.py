"""A study's steps are commands that exist, in an order that a plan can freeze, and change where the study does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from dataset_builder.core.errors import UserError
from eval_harness.study.expand import cell_steps, page_reads, steps_of
from eval_harness.study.plan import Plan, Step, freeze
from eval_harness.study.study_file import SCALES, load_study
from tests.support.house import MODULES, is_entry_point, name_of

SIDES = "row: {evaluation: mian, row: bc}, than: {evaluation: main, row: none}"
STUDIES = [("subq", "embedded"), ("subq", "paper"), *(("divide_or_conquer", scale) for scale in SCALES)]


def steps(name: str = "subq", scale: str = "embedded", changes: Sequence[str] = ()) -> list[Step]:
    return steps_of(load_study(name, scale, changes), scale, changes)


def plan(changes: Sequence[str] = (), name: str = "subq") -> Plan:
    return freeze(steps(name, changes=changes), Path("outputs"))


@pytest.mark.parametrize(("name", "scale"), STUDIES)
def test_every_step_is_a_command_that_exists_and_the_page_is_last(name: str, scale: str) -> None:
    entries = {name_of(path).removesuffix(".__main__") for path in MODULES if is_entry_point(path)}
    made = steps(name, scale)
    assert {step.command[0] for step in made} <= entries
    assert made[-1].name == "page"
    assert freeze(made, Path("outputs")).steps == tuple(made)


@pytest.mark.parametrize("name", ["subq", "divide_or_conquer"])
def test_an_embedded_study_is_meant_to_take_less_than_an_hour_and_nothing_else(name: str) -> None:
    made = steps(name)
    assert sum(step.minutes for step in made) < 60
    assert {step.price_usd for step in made} == {0.0}
    assert {step.gpu for step in made} == {0}


@pytest.mark.parametrize("name", ["subq", "divide_or_conquer"])
def test_the_papers_scale_says_what_it_costs_and_which_gpu_hours_it_needs(name: str) -> None:
    by_name = {step.name: step for step in steps(name, "paper")}
    generate = next(step for step in by_name.values() if step.name.startswith("generate gsm8k"))
    assert 1 < generate.price_usd < 200
    trained = [step for step in by_name.values() if step.name.startswith("train ")]
    assert {step.gpu for step in trained} == {1}
    assert all(5 < step.minutes < 600 for step in trained)
    assert all(step.disk_gb > 0.1 for step in trained)


def test_a_student_starts_from_another_on_its_own_backbone_and_seed() -> None:
    by_name = {step.name: step for step in steps(changes=["seeds=[0, 3]"])}
    step = by_name["train filtered_bc tiny-48 seed 3"]
    assert "train bc tiny-48 seed 3" in step.parents
    assert step.command[-1] == "{parent:train bc tiny-48 seed 3}"


def test_a_changed_option_gives_other_folders_to_what_it_touches_and_to_nothing_else() -> None:
    before, after = plan(), plan(["students.ilql_full.options.max_steps=3"])
    changed = {name for name in before.folders if before.folders[name] != after.folders[name]}
    assert changed == {name for name in before.folders if "ilql_full" in name} | {"page"}
    assert plan(["students.ilql_full.options.max_steps=3"]).folders == after.folders


def test_what_is_said_of_a_table_gives_the_page_another_folder_and_no_other_step() -> None:
    before, after = plan(), plan(["evaluations.main.title=Another"])
    assert {name for name in before.folders if before.folders[name] != after.folders[name]} == {"page"}


def test_rows_that_nobody_trains_are_asked_in_one_step() -> None:
    made = {step.name: step for step in steps()}
    fixed = made["evaluate main"].command
    assert fixed[fixed.index("--decomposers") + 1 : fixed.index("--solvers")] == (
        "reference",
        "api:micro-gsm-teacher",
        "none",
    )
    rows = [cell for cell in cell_steps(load_study("subq").scale("embedded")) if cell.row]
    assert len(rows) == 18


def test_a_card_has_the_rows_that_nobody_trains_beside_its_own() -> None:
    made = {step.name: step for step in steps()}
    command = made["card main filtered_bc tiny-48 seed 0"].command
    assert command[command.index("--results") + 1] == "{parent:evaluate main filtered_bc tiny-48 seed 0}"
    assert command[command.index("--beside") + 1] == "{parent:evaluate main}"


def test_a_student_solves_with_its_weights_and_a_decomposer_for_itself() -> None:
    made = {step.name: step for step in steps("divide_or_conquer")}
    solving = made["evaluate solvers by solver_teacher tiny-96 seed 0"]
    assert "transformers:{parent:train solver_teacher tiny-96 seed 0}" in solving.command
    own = made["evaluate own_solver filtered_bc tiny-96 seed 0 by filtered_bc tiny-96 seed 0"]
    assert own.parents == ("train filtered_bc tiny-96 seed 0",)


def test_a_teacher_is_asked_once_and_the_steps_that_need_the_same_read_it() -> None:
    made = {step.name: step for step in steps("divide_or_conquer", "paper")}
    solving = made["evaluate solvers by solver_teacher llama-3.1-8b seed 0"]
    assert solving.command[-2:] == ("--asked_before", "{parent:evaluate stages}")
    assert "evaluate stages" in solving.parents
    assert (solving.api, solving.price_usd) == (False, 0.0)
    assert "--asked_before" not in made["evaluate stages"].command
    other = made["evaluate cap_2"]  # asks otherwise
    assert "--asked_before" not in other.command
    assert other.price_usd > 0
    from_other_domain = made["evaluate transfer_solvers by solver_oracle llama-3.1-8b seed 0"]
    assert from_other_domain.command[-1] == "{parent:evaluate transfer}"


def test_a_teacher_whom_only_students_solve_for_is_asked_by_each_so_that_one_may_fail() -> None:
    change = "evaluations.stages.solvers=[solver_oracle]"
    made = steps("divide_or_conquer", "paper", [change, "evaluations.other_solvers.solvers=[solver_oracle]"])
    solving = [step for step in made if step.name.startswith("evaluate solvers by")]
    assert solving
    assert all("--asked_before" not in step.command and step.api for step in solving)


def test_sub_questions_are_measured_by_steps_of_their_own_and_the_page_reads_them() -> None:
    made = {step.name: step for step in steps("divide_or_conquer", "small")}
    student, published = (made[f"quality held_out_questions{name}"] for name in (" bc smollm2 seed 0", ""))
    assert student.parents == ("build divided", "train bc smollm2 seed 0")
    words = iter(student.command)
    assert [next(words) for word in words if word in ("--source", "--references", "--decomposers")] == [
        "{parent:build divided}/divided",
        "{parent:build divided}/divided",
        "checkpoint:{parent:train bc smollm2 seed 0}",
    ]
    assert student.command[-2:] == ("--max_new_tokens", "160")
    assert "published:llama7b/eval_finetune" in published.command
    assert published.parents == ("build divided",)
    assert published.minutes < 1 < student.minutes
    assert {student.name, published.name} <= set(made["page"].parents)


def test_an_endpoint_that_is_asked_for_sub_questions_alone_is_limited_and_priced() -> None:
    change = 'qualities={"q": {"source": "gsm8k_socratic", "rows": ["api:gpt-4o-mini"], "options": {"limit": 100}}}'
    (step,) = (step for step in steps(scale="paper", changes=[change]) if step.name == "quality q")
    assert step.api
    assert 0 < step.price_usd < 1


def test_the_page_is_told_the_folders_of_all_that_it_reads() -> None:
    study = load_study("subq")
    page = steps()[-1]
    assert list(page.command[page.command.index("--folders") + 1 :]) == [
        f"{{parent:{name}}}" for name in page_reads(study, "embedded")
    ]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("students.filtered_bc.start=bcc", "'bc'"),
        ("students.bc.dataset=micro", "'micro-subq'"),
        ("students.bc.backbones=[tiny-49]", "tiny-48"),
        ("students.bc.backbones=[tiny-48]", "not trained"),
        ("students.bc.options.max_stepz=3", "'max_steps'"),
        ("evaluations.main.options.limitt=3", "'limit'"),
        ("datasets.micro-subq.generate.sets=0", "--sets"),
        ("qualities={q: {source: micro_gsm, rows: [bc], options: {limitt: 3}}}", "'limit'"),
        ("qualities={q: {source: micro_gsm, rows: [bc], backbones: [tiny-49]}}", "tiny-48"),
        (f"scales.embedded.claims={{c: {{says: s, test: higher, {SIDES}}}}}", "'main'"),
        ("students.bc.method=kto_", "kto"),
    ],
)
def test_what_no_step_could_use_is_refused_before_any_runs(change: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        steps(changes=[change])
