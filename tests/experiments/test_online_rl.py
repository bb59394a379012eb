"""The online RL benchmark: every row finds what it needs, and the report pools, compares and draws what is there."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from transformers import TrainerControl, TrainerState, TrainingArguments

from dataset_builder.core.errors import UserError
from dataset_builder.micro_gsm.problems import generate_problems
from dataset_builder.schema.records import Problem
from dataset_builder.text.student_format import format_student_completion
from recipes.config.recipe import check_recipe, sampling_of
from recipes.config.settings import DATASET
from recipes.models.decoding import Completion
from recipes.planning.preflight import check_support
from tests.experiments.offline_rl import world
from tests.experiments.online_rl import curve, failures
from tests.experiments.online_rl.report import whole_rows, write_report
from tests.experiments.online_rl.rows import REFERENCE, ROWS, needed, recipe_of


def test_every_row_runs_from_what_stands_before_it(tmp_path: Path) -> None:
    names = list(ROWS)
    for name, row in ROWS.items():
        before = names[: names.index(name)]
        assert row.needs <= {*before, REFERENCE}
        config = recipe_of(name, tmp_path, "small", seed=3)
        check_recipe(config)
        check_support(config)
        assert config.init_from == (str(tmp_path / ROWS[row.start].file) if row.start else "")
        assert (sampling_of(config) is None or row.problems_of != "") is ("micro_gsm:small" not in str(config))


def test_where_problems_are_few_both_students_have_the_same_ones(tmp_path: Path) -> None:
    clone, distilled = (
        recipe_of(f"{name}, 500 problems", tmp_path, "small", seed=3)
        for name in ("cloned_teacher", "on_policy_distillation")
    )
    assert clone.dataset == distilled.dataset == recipe_of("cloned_teacher", tmp_path, "small", seed=3).dataset
    assert clone.max_examples == distilled.max_examples == 500
    assert sampling_of(distilled).problems == DATASET  # type: ignore[union-attr]
    assert distilled.distillation.teacher == str(tmp_path / "teacher")  # type: ignore[union-attr]


def test_grpo_and_rejection_sampling_draw_as_many_samples(tmp_path: Path) -> None:
    from recipes.config.sampling import sampled_rows

    for start in ("bc", "resampled_bc"):
        rows = (f"grpo, from {start}", f"expert_iteration, from {start}")
        assert len({sampled_rows(recipe_of(name, tmp_path, "halving", seed=3)) for name in rows}) == 1


def test_a_part_brings_what_it_needs() -> None:
    assert needed(["on_policy_distillation"]) == ["teacher", "start", "bc", "on_policy_distillation"]
    few = "on_policy_distillation, 500 problems"
    assert needed([few]) == ["teacher", "start", "bc", "cloned_teacher", few]


def part(folder: Path, row: str, seed: int, right: int, points: Sequence[tuple[int, int, int]] = ()) -> None:
    """A part of 40 problems; points: (update, calls, right), the last one being the end."""
    last = points[-1][1] if points else 0
    facts = {
        "row": row, "seed": seed, "size": "halving", "problems": 8000, "parameters": 400, "calls": last,
        "outcomes": {f"p-{k}#{seed}": int(k < right) for k in range(40)},
        "points": [
            {"update": at, "calls": asked, "right": [int(k < n) for k in range(40)]} for at, asked, n in points
        ],
    }  # fmt: skip
    path = folder / "parts" / f"{seed}-{row}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(facts), encoding="utf-8")


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    """Two seeds of a few rows, and one of another."""
    for seed in (3, 4):
        part(tmp_path, REFERENCE, seed, 38)
        part(tmp_path, "bc", seed, 4)
        part(tmp_path, "bc, further", seed, 6, [(30, 0, 5), (60, 0, 6)])
        part(tmp_path, "grpo, from bc", seed, 30, [(30, 500, 20), (60, 900, 30)])
        part(tmp_path, "expert_iteration, from bc", seed, 24, [(30, 300, 12), (60, 550, 24)])
        part(tmp_path, "cloned_teacher", seed, 19)
    part(tmp_path, "teacher", 3, 20)
    return tmp_path


def test_the_report_pools_finished_seeds_compares_pairs_and_names_what_is_missing(parts: Path) -> None:
    text = write_report(parts)
    assert text.startswith('`make bench-online-rl ARGS="--seeds 3 4"`, ')
    assert "| grpo, from bc | 0.750 |" in " ".join(text.split())
    assert "- grpo, from bc against bc, further: +60.0 points" in text
    assert "Not measured: resampled_bc;" in text
    assert "teacher" not in whole_rows([json.loads(path.read_text()) for path in (parts / "parts").iterdir()])
    assert (parts / "curve.png").stat().st_size > 5000


def test_rows_are_compared_where_both_have_asked_as_often(parts: Path) -> None:
    text = write_report(parts)
    assert "- grpo, from bc against expert_iteration, from bc: +15.0 points" in text
    assert "- grpo, from bc (500 calls) against expert_iteration, from bc (550): -10.0 points" in text


def test_a_student_is_told_what_it_keeps_of_its_teacher(parts: Path) -> None:
    part(parts, "teacher", 4, 20)
    assert "cloned_teacher keeps 95% of its teacher's accuracy with 100% of its weights." in write_report(parts)


def test_no_finished_seed_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no finished seed"):
        write_report(tmp_path)


def test_a_curve_survives_a_kill_and_forgets_what_came_after_the_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(curve, "decode", lambda policy, problems: [None] * len(problems))
    problems = generate_problems("test", 2, 0, "small")
    state, arguments, control = TrainerState(max_steps=90), TrainingArguments(str(tmp_path)), TrainerControl()
    recipe = dataclasses.replace(recipe_of("bc", tmp_path, "small", seed=3), output_dir=str(tmp_path))
    first = curve.TestCurve(recipe, problems, every=30)
    for state.global_step in (0, 29, 30, 60, 90):
        if not state.global_step:
            first.on_train_begin(arguments, state, control)
        else:
            first.on_step_end(arguments, state, control, model=torch.nn.Linear(1, 1))
    assert first.points == [{"update": 30, "right": [0, 0]}, {"update": 60, "right": [0, 0]}]
    resumed = curve.TestCurve(recipe, problems, every=30)
    state.global_step = 30
    resumed.on_train_begin(arguments, state, control)
    assert resumed.points == first.points[:1]


def test_points_know_what_had_been_asked_by_then() -> None:
    points = [{"update": 30, "right": [1]}, {"update": 60, "right": [0]}]
    logged = [[10, 0.2, 40], [30, 0.3, 90], [60, 0.4, 120]]
    assert [point["calls"] for point in curve.with_calls(points, logged)] == [90, 120]
    assert [point["calls"] for point in curve.with_calls(points, [])] == [0, 0]


class Scripted:
    """A policy that answers a problem's reference set, or on problems of `fails` hops a set that asks for nothing."""

    def __init__(self, fails: int, problems: Sequence[Problem]) -> None:
        self.fails = fails
        self.by_text = {problem.problem: problem for problem in problems}

    def generate(self, problems: Sequence[Problem], **options: object) -> list[str]:
        return [
            format_student_completion(["How many?"])
            if len(problem.reference_sub_questions) == self.fails
            else format_student_completion(problem.reference_sub_questions)
            for problem in problems
        ]


def test_failures_are_counted_by_hops_and_by_what_samples_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    problems = generate_problems("test", 40, 3, "halving")
    by_hops = Counter(len(problem.reference_sub_questions) for problem in problems)
    hardest = max(by_hops)
    asked = []

    def draw(policy: Scripted, batch: Sequence[Problem], seed: int) -> list[list[tuple[str, ...] | None]]:
        asked.extend(batch)  # half of them are reached by a sample
        return [[None, p.reference_sub_questions if k % 2 else ("How many?",)] for k, p in enumerate(batch, seed)]

    monkeypatch.setattr(failures, "draw", draw)
    counts = failures.count_failures(Scripted(hardest, problems), problems)
    assert {hop: counts["asked", hop] for hop in by_hops} == by_hops
    assert counts["sound", hardest] == 0
    assert {len(problem.reference_sub_questions) for problem in asked} == {hardest}
    assert counts["unreached", hardest] == (by_hops[hardest] + 1) // 2
    text = failures.line("bc", counts, sorted(by_hops))
    sound = len(problems) - by_hops[hardest]
    assert text[1] == f"{sound / len(problems):.3f}"
    assert text[-3:-1] == ["0.000", str(by_hops[hardest])]


def test_a_sets_slips_are_not_held_against_it() -> None:
    problems = generate_problems("test", 60, 3, "halving")
    slipped = [p for p in problems if not world.score([p], [p.reference_sub_questions])[0]]
    assert slipped
    assert all(failures.is_sound(problem, problem.reference_sub_questions) for problem in slipped)
    assert not failures.is_sound(problems[0], None)


def test_samples_are_grouped_by_their_problem(tmp_path: Path) -> None:
    problems = generate_problems("test", 2, 3, "halving")

    def decoded(model: object, tokenizer: object, prompts: Sequence[str], **options: object) -> list[Completion]:
        assert options["temperature"] == 1.0
        texts = [format_student_completion([f"Of {problems[0].problem in prompt}?"]) for prompt in prompts]
        return [Completion([], text, 1, "stop") for text in texts]

    policy = SimpleNamespace(model=None, tokenizer=None, text_format="", encode=lambda prompts: prompts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(failures, "decode_batch", decoded)
        patch.setattr(failures, "end_ids", lambda *_: [])
        first, second = failures.draw(policy, problems, seed=0)
    assert first == [("Of True?",)] * failures.SAMPLES
    assert second == [("Of False?",)] * failures.SAMPLES
