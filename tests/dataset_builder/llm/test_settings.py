"""An option of an endpoint is declared once: every program that asks one takes it, with one help text."""

from __future__ import annotations

import dataclasses

import pytest

from dataset_builder.generate.config import GenerateConfig
from dataset_builder.llm.settings import EndpointOptions, ServiceSettings
from eval_harness.pipeline.config import EvalConfig
from eval_harness.score_questions import AccuracyConfig
from recipes.config.recipe import RecipeConfig
from recipes.config.solver import SolverKeys

OPTIONS = {field.name for field in dataclasses.fields(EndpointOptions)}


@pytest.mark.parametrize("config", [GenerateConfig, EvalConfig, AccuracyConfig])
def test_a_program_that_asks_an_endpoint_declares_none_of_its_options_itself(config: type) -> None:
    assert issubclass(config, EndpointOptions)
    assert OPTIONS.isdisjoint(config.__annotations__)


@pytest.mark.parametrize("config", [GenerateConfig, EvalConfig, AccuracyConfig])
def test_the_client_is_given_what_the_options_say(config: type) -> None:
    given = config(max_in_flight=3, price_input=1.0, price_output=2.0, leave_out=["stop"], other_endpoint=True)
    settings = ServiceSettings.of(given, ["http://a/v1", ""])
    assert settings.base_urls == ("http://a/v1",)
    assert (settings.max_in_flight, settings.price_output, settings.leave_out) == (3, 2.0, ["stop"])
    assert settings.other_endpoint
    assert settings.timeout_s == ServiceSettings().timeout_s


def test_the_solver_of_a_recipe_says_the_same_under_its_own_names() -> None:
    recipe = RecipeConfig(solver_max_in_flight=2, solver_max_cost_usd=1.5, max_length=99)
    settings = ServiceSettings.of(recipe, [], prefix="solver_")
    assert (settings.max_in_flight, settings.max_cost_usd) == (2, 1.5)
    assert settings.flag("max_cost_usd") == "--solver_max_cost_usd"
    assert ServiceSettings.of(EvalConfig(), []).price_flags == "--price_input and --price_output"
    texts = {field.name: field.metadata["help"] for field in dataclasses.fields(EndpointOptions)}
    same = [field for field in dataclasses.fields(SolverKeys) if field.name.removeprefix("solver_") in OPTIONS]
    assert len(same) == 4
    assert [texts[field.name.removeprefix("solver_")] for field in same] == [field.metadata["help"] for field in same]
