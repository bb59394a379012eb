"""The GPU one has decides: what is recommended fits it, is done in time, and is the largest that is."""

from __future__ import annotations

import pytest

from dataset_builder.door.commands import called_as_subq
from recipes.config.backbones import backbones
from recipes.plan import main
from recipes.planning.gpus import USUAL, gpu_named
from recipes.planning.recommend import FREE, SPANS, recommend


@pytest.mark.parametrize("name", USUAL)
def test_advice_fits_the_gpu_and_the_time_and_grows_with_it(name: str) -> None:
    gpu = gpu_named(name)
    evening, night = recommend("bc", gpu)
    for advice in (evening, night):
        assert advice.plan.memory.total <= gpu.usable_gib * 2**30
        assert advice.hours <= SPANS[advice.span]
        assert backbones()[advice.backbone].licence in FREE
    assert evening.plan.parameters < night.plan.parameters


def test_a_larger_gpu_trains_no_smaller_backbone() -> None:
    nights = [recommend("bc", gpu_named(name))[-1].plan.parameters for name in USUAL]
    assert nights == sorted(nights)


def test_plan_without_a_recipe_says_what_to_train_and_with_one_plans_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--gpu", "12gb"]) == 0
    printed = capsys.readouterr().out
    advice = recommend("bc", gpu_named("12gb"))
    assert all(f"make train-{item.target} GPU=12gb" in printed for item in advice)
    assert "not measured on a GPU" in printed
    with called_as_subq():
        assert main(["--gpu", "12gb"]) == 0
    printed = capsys.readouterr().out
    assert all(f"subq train --recipe {item.target} --gpu 12gb" in printed for item in advice)
    assert main(["--recipe", "gpt2/bc_full", "--gpu", "12gb"]) == 0
    assert "make train-" not in capsys.readouterr().out


def test_a_gpu_for_which_nothing_fits_is_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert recommend("bc", gpu_named("0.6gb")) == []
    assert main(["--gpu", "0.6gb"]) == 0
    assert "nothing fits" in capsys.readouterr().out
