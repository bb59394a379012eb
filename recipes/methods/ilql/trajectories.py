"""Trajectories -> token rows with a reward per action, and batches of them.

Reads the columns of the dataset's `trajectories` config; an action is a token of the completion, end of text included:

    {"prompt": "Ana has 3 pens. ...\\n", "steps": ["How many pens ...?"], "step_rewards": [0.67], "final_reward": 1.0}
    ->  input_ids   Ana  has ... \\n  <QUE>  How ...  ?  </QUE>  <|endoftext|>
        rewards                       0      0  ...  0  0.67     1

The method says which rewards count: `ilql_sparse` the final one, `ilql_full` also each step's usefulness on the token
that closes the step, `ilql_shaped` usefulness minus the cost of a step there.

Source: arXiv 2402.01812, section 4 (ilql_sparse, ilql_full); Yue et al., arXiv 2210.09241 (`resample_rows`).
Difference: 1. ilql_shaped: a critic finds a superfluous sub-question useful now and then (in MicroGSM once in eight
times), so that asking on and on would earn; less a cost above that share it is a loss. The cost must stay below what a
useful step earns, or ending at once is best.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from dataset_builder.core.errors import UserError
from dataset_builder.text.student_format import format_student_completion
from recipes.data.tokenize import NO_LOSS, TokenRow, build_token_rows

if TYPE_CHECKING:
    import torch

STEP_COST = 0.3
Row = TypeVar("Row")


def check_trajectories(columns: Mapping[str, Sequence[Any]]) -> None:
    """Stops a run whose rewards are missing or do not fit the sub-questions.

    Raises:
        UserError: the first row with a missing reward, one outside [0, 1], or not one reward for each step.
    """
    rows = zip(columns["steps"], columns["step_rewards"], columns["final_reward"], strict=True)
    for number, (steps, rewards, final) in enumerate(rows):
        if not steps:
            raise UserError(
                f"trajectory {number} has no sub-question; leave such sets out and build the dataset again"
            )
        if not rewards or final is None or any(reward is None for reward in rewards):
            raise UserError(f"trajectory {number} lacks a reward; answer and label the sets, then build again")
        if len(rewards) != len(steps):
            raise UserError(f"trajectory {number} has {len(steps)} sub-questions and {len(rewards)} step rewards")
        if not all(0 <= reward <= 1 for reward in (*rewards, final)):
            raise UserError(f"trajectory {number} has a reward outside [0, 1]: {[*rewards, final]}")


def build_trajectory_rows(
    columns: Mapping[str, Sequence[Any]],
    tokenizer: Any,
    method: str,
    text_format: str = "delimiters",
    step_cost: float = STEP_COST,
) -> list[TokenRow]:
    """The token rows of `formatting.build_token_rows`, each with `rewards`, one per token of the completion."""
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

    A cost of None leaves the steps' rewards out.

    >>> place_rewards([1, 3], [1.0, 0.25], 1.0, 5, 0.5)
    [0.0, 0.5, 0.0, -0.25, 1.0]
    """
    rewards = [0.0] * actions
    rewards[-1] = float(final_reward)
    if step_cost is not None:
        for place, usefulness in zip(closing, step_rewards, strict=True):
            rewards[place] += usefulness - step_cost
    return rewards


def set_returns(columns: Mapping[str, Sequence[Any]], *, sparse: bool = False) -> list[float]:
    """Each set's final reward, plus the mean usefulness of its steps unless `sparse`: in [0, 2].

    The mean, not the sum, so that a set is not better for being longer.
    """
    return [
        final + (0.0 if sparse else sum(steps) / len(steps))
        for final, steps in zip(columns["final_reward"], columns["step_rewards"], strict=True)
    ]


def resample_rows(rows: Sequence[Row], returns: Sequence[float], temperature: float, seed: int) -> list[Row]:
    """As many rows, drawn with replacement in proportion to exp(return / temperature); the rows themselves at 0.

    Where most sets are bad, most updates would teach what to avoid, and few what to do. The support of the data stays
    what it was. The seed decides what is drawn, so that a resumed run draws the same.

    Args:
        rows: of `build_trajectory_rows`, or whatever else has returns.
        returns: of each row, see `set_returns`.
        temperature: in units of reward; below a tenth of the spread of returns little but the best sets is left.
        seed: the recipe's.
    """
    if temperature == 0:
        return list(rows)
    best = max(returns)
    weights = [math.exp((value - best) / temperature) for value in returns]
    return random.Random(f"resample/{seed}").choices(rows, weights, k=len(rows))


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

    Shapes: input_ids, attention_mask (B, T); labels, rewards, positions (B, A): `positions` are the places in the text
    *before* each action, whose hidden states know what was read so far.
    """

    pad_token_id: int

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        import torch

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
    import torch

    width = max(map(len, rows))
    return torch.tensor([[*row, *[filler] * (width - len(row))] for row in rows])
