"""Rewards land on the right tokens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dataset_builder.text.student_format import format_student_completion
from recipes.data.tokenize import NO_LOSS
from recipes.methods.ilql.trajectories import (
    TrajectoryCollator,
    build_trajectory_rows,
)
from recipes.models.load import load_tokenizer

STEPS = ["How many pens does Ana have?", "How many pens does Ben have?"]
COLUMNS: dict[str, list[Any]] = {
    "prompt": ["Ana has 3 pens.\n"],
    "steps": [STEPS],
    "step_rewards": [[1.0, 0.25]],
    "final_reward": [1.0],
}


@pytest.fixture(scope="module")
def tokenizer(cloned: Path) -> Any:
    return load_tokenizer(str(cloned))


def placed(tokenizer: Any, method: str, columns: dict[str, list[Any]] = COLUMNS) -> list[tuple[str, float]]:
    """(text up to and including the token, reward) of each rewarded token."""
    row = build_trajectory_rows(columns, tokenizer, method)[0]
    first = len(row["input_ids"]) - len(row["rewards"])
    return [
        (tokenizer.decode(row["input_ids"][first : first + position + 1]), reward)
        for position, reward in enumerate(row["rewards"])
        if reward
    ]


def test_full_rewards_stand_on_the_token_that_closes_each_step_and_on_the_end(tokenizer: Any) -> None:
    whole, first = (format_student_completion(steps) for steps in (STEPS, STEPS[:1]))
    rewards = placed(tokenizer, "ilql_full")
    assert [reward for _, reward in rewards] == [1.0, 0.25, 1.0]
    read = [tokenizer.decode(tokenizer(text, add_special_tokens=False)["input_ids"]) for text in (first, whole)]
    assert [text for text, _ in rewards] == [*read, read[1] + tokenizer.eos_token]


def test_sparse_rewards_stand_on_the_end_alone(tokenizer: Any) -> None:
    assert [reward for _, reward in placed(tokenizer, "ilql_sparse")] == [1.0]


def test_shaped_rewards_make_a_useless_step_cost(tokenizer: Any) -> None:
    assert [reward for _, reward in placed(tokenizer, "ilql_shaped")] == pytest.approx([0.7, -0.05, 1.0])


def test_gpt2_tokens_that_end_inside_a_delimiter_still_find_their_step(tmp_path: Path) -> None:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [("U", "E"), ("UE", ">"), ("Q", "UE>")]
    words = [*alphabet, "UE", "UE>", "QUE>", "<|endoftext|>"]
    byte_level = Tokenizer(models.BPE({word: index for index, word in enumerate(words)}, merges))
    byte_level.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    byte_level.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=byte_level, eos_token="<|endoftext|>")
    rewards = placed(tokenizer, "ilql_full")
    assert rewards[0][0] == format_student_completion(STEPS[:1])
    assert rewards[1][0] == format_student_completion(STEPS)


def test_batch_lays_out_actions_and_the_states_before_them() -> None:
    rows = [
        {"input_ids": [5, 6, 7, 8], "rewards": [0.0, 1.0]},
        {"input_ids": [5, 9, 8], "rewards": [0.5]},
    ]
    batch = TrajectoryCollator(pad_token_id=0)(rows)
    assert batch["input_ids"].tolist() == [[5, 6, 7, 8], [5, 9, 8, 0]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1, 1], [1, 1, 1, 0]]
    assert batch["labels"].tolist() == [[7, 8], [8, NO_LOSS]]
    assert batch["positions"].tolist() == [[1, 2], [1, 0]]
    assert batch["rewards"].tolist() == [[0, 1], [0.5, 0]]
