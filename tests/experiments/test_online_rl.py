"""The online RL benchmark: every row finds what it needs, and the report pools, compares and draws what is there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dataset_builder.core.errors import UserError
from recipes.config.recipe import check_recipe
from recipes.planning.preflight import check_support
from tests.experiments.online_rl.report import REFERENCE, pooled, write_report
from tests.experiments.online_rl.rows import ROWS, needed, recipe_of


def test_every_row_runs_from_what_stands_before_it(tmp_path: Path) -> None:
    names = list(ROWS)
    for name, row in ROWS.items():
        before = names[: names.index(name)]
        assert {row.start, row.teacher} - {""} <= set(before)
        config = recipe_of(name, tmp_path, "small", seed=3)
        check_recipe(config)
        check_support(config)
        assert config.init_from == (str(tmp_path / ROWS[row.start].file) if row.start else "")
        assert (config.grpo or config.expert_iteration or config.distillation) is None or "micro_gsm:small" in str(
            config
        )


def test_grpo_and_rejection_sampling_draw_as_many_samples(tmp_path: Path) -> None:
    from recipes.config.sampling import sampled_rows

    for start in ("bc", "resampled_bc"):
        rows = (f"grpo, from {start}", f"expert_iteration, from {start}")
        assert len({sampled_rows(recipe_of(name, tmp_path, "halving", seed=3)) for name in rows}) == 1


def test_a_part_brings_what_it_needs() -> None:
    assert needed(["on_policy_distillation"]) == [
        "start", "bc", "teacher_start", "teacher", "on_policy_distillation",
    ]  # fmt: skip


def part(folder: Path, row: str, seed: int, right: int, **facts: object) -> None:
    outcomes = {f"p-{k}#{seed}": int(k < right) for k in range(40)}
    path = folder / "parts" / f"{seed}-{row}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    head = {"row": row, "seed": seed, "size": "halving", "problems": 8000, "outcomes": outcomes}
    path.write_text(json.dumps(head | facts), encoding="utf-8")


def test_the_report_pools_finished_seeds_compares_pairs_and_names_what_is_missing(tmp_path: Path) -> None:
    curve = {"curve": [[10, 0.3, 500], [20, 0.6, 900]], "samples": 2560, "calls": 900}
    for seed in (3, 4):
        part(tmp_path, REFERENCE, seed, 38)
        part(tmp_path, "grpo, from bc", seed, 30, **curve)
        part(tmp_path, "bc, further", seed, 6)
    part(tmp_path, "teacher", 3, 20)
    text = write_report(tmp_path)
    assert "| grpo, from bc | 0.750 |" in " ".join(text.split())
    assert "- grpo, from bc against bc, further: +60.0 points, p < 0.001." in text
    assert "Not measured yet: bc; resampled_bc" in text
    assert "teacher" not in pooled([json.loads(path.read_text()) for path in (tmp_path / "parts").iterdir()])
    assert (tmp_path / "curve.png").stat().st_size > 5000


def test_no_finished_seed_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no finished seed"):
        write_report(tmp_path)
