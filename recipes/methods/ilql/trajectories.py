"""Trajectories -> token rows with a reward per action, and batches of them.

Reads the columns of the dataset's `trajectories` config; an action is a token of the completion, end of text included:

    {"prompt": "Ana has 3 pens. ...\\n", "steps": ["How many pens ...?"], "step_rewards": [0.67], "final_reward": 1.0}
    ->  input_ids   Ana  has ... \\n  <QUE>  How ...  ?  </QUE>  <|endoftext|>
        rewards                       0      0  ...  0  0.67     1

The method says which rewards count: `ilql_sparse` the final one, `ilql_full` also each step's usefulness on the token
that closes the step, `ilql_shaped` usefulness minus the cost of a step there.

Source: arXiv 2402.01812, section 4 (ilql_sparse, ilql_full).
Difference: 1. ilql_shaped: a critic finds a superfluous sub-question useful now and then (in MicroGSM once in eight
times), so that asking on and on would earn; less a cost above that share it is a loss. The cost must stay below what a
useful step earns, or ending at once is best.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from dataset_builder.text.student_format import format_student_completion
from recipes.config.settings import STEP_COST
from recipes.data.load import Columns
from recipes.data.tokenize import NO_LOSS, TokenRow, build_token_rows
from recipes.models.types import Batch, Tokenizer


def build_trajectory_rows(
    columns: Columns, tokenizer: Tokenizer, method: str, text_format: str = "delimiters", step_cost: float = STEP_COST
) -> list[TokenRow]:
    """The token rows of `tokenize.build_token_rows`, each with `rewards`, one per token of the completion.

    Args:
        columns: prompt, steps, step_rewards and final_reward.
        tokenizer: of the trunk.
        method: which rewards count: ilql_sparse, ilql_full or ilql_shaped.
        text_format: delimiters | chat.
        step_cost: what each step costs under ilql_shaped.
    """
    cost = {"ilql_sparse": None, "ilql_full": 0.0, "ilql_shaped": step_cost}[method]
    completions = [format_student_completion(steps) for steps in columns["steps"]]
    rows = build_token_rows({"prompt": columns["prompt"], "completion": completions}, tokenizer, text_format)
    strip = text_format == "chat"
    texts = [text.strip() if strip else text for text in completions]
    offsets = tokenizer(texts, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    for index, row in enumerate(rows):
        ends = _step_ends(columns["steps"][index], len(completions[index]) - len(texts[index]))
        closing = [_token_at(offsets[index], end) for end in ends]
        row["rewards"] = place_rewards(
            closing, columns["step_rewards"][index], columns["final_reward"][index], len(offsets[index]) + 1, cost
        )
    return rows


def place_rewards(
    closing: Sequence[int], step_rewards: Sequence[float], final_reward: float, actions: int, step_cost: float | None
) -> list[float]:
    """A reward per action: the final one on the last, a step's, less its cost, on the action that closes it.

    Args:
        closing: index of the action that closes each step.
        step_rewards: usefulness of each step.
        final_reward: of the whole set.
        actions: how many there are.
        step_cost: taken off each step's reward; None leaves the steps' rewards out.

    >>> place_rewards([1, 3], [1.0, 0.25], 1.0, 5, 0.5)
    [0.0, 0.5, 0.0, -0.25, 1.0]
    """
    rewards = [0.0] * actions
    rewards[-1] = float(final_reward)
    if step_cost is not None:
        for index, usefulness in zip(closing, step_rewards, strict=True):
            rewards[index] += usefulness - step_cost
    return rewards


def _step_ends(steps: Sequence[str], stripped: int) -> list[int]:
    """Where in the completion's text the last character of each step stands; `stripped`: characters cut off before."""
    ends, length = [], -stripped
    for step in steps:
        length += len(format_student_completion([step]))
        ends.append(length - 1)
    return ends


def _token_at(offsets: Sequence[Sequence[int]], character: int) -> int:
    return next(index for index, (start, end) in enumerate(offsets) if start <= character < end)


@dataclass(frozen=True)
class TrajectoryCollator:
    """Token rows -> a batch; `labels` holds the actions, NO_LOSS where a shorter row has none.

    Shapes: input_ids, attention_mask (B, T); labels, rewards, positions (B, A): `positions` are the indices of the
    tokens *before* each action, whose hidden states know what was read so far.
    """

    pad_token_id: int
    """Fills up input_ids."""

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> Batch:
        actions = [len(row["rewards"]) for row in rows]
        first = [len(row["input_ids"]) - count - 1 for row, count in zip(rows, actions, strict=True)]
        return {
            "input_ids": _padded([row["input_ids"] for row in rows], self.pad_token_id),
            "attention_mask": _padded([[1] * len(row["input_ids"]) for row in rows], 0),
            "labels": _padded([row["input_ids"][-count:] for row, count in zip(rows, actions, strict=True)], NO_LOSS),
            "positions": _padded([list(range(f, f + n)) for f, n in zip(first, actions, strict=True)], 0),
            "rewards": _padded([row["rewards"] for row in rows], 0.0).to(torch.float32),
        }


def _padded(rows: Sequence[Sequence[float]], filler: float) -> torch.Tensor:
    width = max(map(len, rows))
    return torch.tensor([[*row, *[filler] * (width - len(row))] for row in rows])
