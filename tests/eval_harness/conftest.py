"""A few problems whose answers are known by heart."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataset_builder.schema.records import Problem


@pytest.fixture
def problems() -> list[Problem]:
    return [
        Problem(
            "t-0", "Ann has 3 pens and buys 2. How many?", "5", "t", "test", reference_sub_questions=("How many?",)
        ),
        Problem(
            "t-1", "Ben eats 4 of 9 figs. How many are left?", "5", "t", "test", reference_sub_questions=("Left?",)
        ),
        Problem(
            "t-2", "A pair of socks costs 1,000. Two pairs?", "2000", "t", "test", reference_sub_questions=("Cost?",)
        ),
    ]


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small Llama of random weights and a tokenizer of MicroGSM's and the prompts' words."""
    import torch

    from dataset_builder.micro_gsm.problems import generate_problems
    from dataset_builder.prompts import load_prompt
    from recipes.config.recipe import RecipeConfig
    from recipes.models.tiny import build_tiny_model, build_word_tokenizer

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("tiny")
    texts = [problem.problem for problem in generate_problems("train", 50, 0)]
    texts += [load_prompt(name).text for name in ("answer.v1", "cot_few_shot.v1")]
    tokenizer = build_word_tokenizer(texts, 1000)
    config = RecipeConfig(tiny_hidden_size=64, tiny_layers=2, tiny_heads=2, max_length=512)
    build_tiny_model(config, tokenizer).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
