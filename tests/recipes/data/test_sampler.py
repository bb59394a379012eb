"""The order of rows: all of them once an epoch, any rows in an update, like lengths side by side in it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch
from datasets import Dataset
from transformers import TrainingArguments

from recipes.config.settings import IlqlSettings
from recipes.data.sampler import UpdateSampler
from recipes.methods.ilql.trainer import IlqlTrainer
from recipes.methods.ilql.trajectories import TrajectoryCollator

LENGTHS = random.Random(0).choices(range(20, 200), k=1000)


def updates(sampler: UpdateSampler) -> list[list[int]]:
    """The lengths of each update's rows."""
    return [[sampler.lengths[row] for row in update] for update in sampler]


def mean_spread(groups: list[list[int]]) -> float:
    return sum(max(group) - min(group) for group in groups) / len(groups)


def test_every_row_comes_once_an_epoch_whatever_the_batch() -> None:
    for per_update in (1, 7, 32, 999, 5000):
        sampler = UpdateSampler(LENGTHS, per_update, 0)
        assert sorted(row for update in sampler for row in update) == list(range(1000))
        assert len(list(sampler)) == len(sampler)


def test_a_micro_batch_holds_rows_of_like_length() -> None:
    eighths = [
        update[start : start + 8] for update in updates(UpdateSampler(LENGTHS, 40, 0)) for start in range(0, 40, 8)
    ]
    assert mean_spread(eighths) < 0.3 * mean_spread(updates(UpdateSampler(LENGTHS, 8, 0)))


def test_an_update_is_a_plain_draw_of_rows_of_all_lengths() -> None:
    """Grouped by length, updates of 40 of these rows would spread over 20 tokens or so, and their means over 100."""
    drawn = updates(UpdateSampler(LENGTHS, 40, 0))
    assert mean_spread(drawn) > 150
    means = [sum(item) / len(item) for item in drawn]
    assert max(means) - min(means) < 45


def test_an_update_begins_with_its_longest_row_so_that_too_little_memory_shows_at_once() -> None:
    assert all(item == sorted(item, reverse=True) for item in updates(UpdateSampler(LENGTHS, 40, 0)))


def test_order_follows_from_seed_and_epoch() -> None:
    sampler = UpdateSampler(LENGTHS, 8, 0)
    first = list(sampler)
    assert list(sampler) == first
    sampler.set_epoch(1)
    second = list(sampler)
    assert second != first
    assert list(UpdateSampler(LENGTHS, 8, 1)) != first
    sampler.set_epoch(0)
    assert list(sampler) == first


def test_a_partial_update_stays_last() -> None:
    assert [len(update) for update in UpdateSampler(LENGTHS[:21], 8, 0)] == [8, 8, 5]


@pytest.mark.parametrize("count", [1000, 1001])
def test_processes_share_each_update_evenly_in_rows_of_like_length(count: int) -> None:
    rows = (LENGTHS * 2)[:count]
    alone = list(UpdateSampler(rows, 40, 0))
    shares = [list(UpdateSampler(rows, 40, 0, process=process, processes=4)) for process in range(4)]
    assert len({len(share) for share in shares}) == 1
    for update, *parts in zip(alone, *shares, strict=True):
        assert len({len(part) for part in parts}) == 1
        assert set(update) <= {row for part in parts for row in part}
        assert len(update) < 40 or sorted(update) == sorted(row for part in parts for row in part)
        assert len(update) < 40 or max(abs(rows[a] - rows[b]) for a, b in zip(parts[0], parts[3], strict=True)) < 60


def test_ilql_reads_its_rows_in_this_order(tmp_path: Path) -> None:
    """transformers' own grouping sorts fifty updates at a time, so that a short run ends on short rows alone."""
    rows = [{"input_ids": [1] * length, "rewards": [0.0, 1.0], "length": length} for length in range(10, 74)]
    arguments = TrainingArguments(str(tmp_path), per_device_train_batch_size=16, seed=3, use_cpu=True,
                              report_to="none", remove_unused_columns=False)  # fmt: skip
    trainer = IlqlTrainer(
        model=torch.nn.Linear(2, 2),
        args=arguments,
        train_dataset=Dataset.from_list(rows),
        data_collator=TrajectoryCollator(0),
        settings=IlqlSettings(),
        largest_return=1.0,
    )
    read = [[row["length"] for row in update] for update in trainer.get_train_dataloader()]
    assert read == [[rows[index]["length"] for index in update] for update in UpdateSampler(range(10, 74), 16, 3)]
