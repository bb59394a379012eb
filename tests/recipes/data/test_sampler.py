"""The order of rows: all of them once an epoch, any rows in an update, like lengths side by side in it."""

from __future__ import annotations

import random
from pathlib import Path

import torch
from datasets import Dataset
from transformers import TrainingArguments

from recipes.config.settings import IlqlSettings
from recipes.data.sampler import LengthSortedSampler
from recipes.methods.ilql.trainer import IlqlTrainer
from recipes.methods.ilql.trajectories import TrajectoryCollator

LENGTHS = random.Random(0).choices(range(20, 200), k=1000)


def slices(sampler: LengthSortedSampler, size: int) -> list[list[int]]:
    """The lengths of the order's rows, `size` at a time."""
    lengths = [sampler.lengths[row] for row in sampler]
    return [lengths[start : start + size] for start in range(0, len(lengths), size)]


def mean_spread(sampler: LengthSortedSampler, size: int) -> float:
    spreads = [max(item) - min(item) for item in slices(sampler, size)]
    return sum(spreads) / len(spreads)


def test_every_row_comes_once_an_epoch_whatever_the_batch() -> None:
    for per_update in (1, 7, 32, 999, 5000):
        assert sorted(LengthSortedSampler(LENGTHS, per_update, 0)) == list(range(1000))


def test_a_micro_batch_holds_rows_of_like_length() -> None:
    sampler = LengthSortedSampler(LENGTHS, 40, 0)
    assert mean_spread(sampler, 8) < 0.3 * mean_spread(LengthSortedSampler(LENGTHS, 8, 0), 8)


def test_an_update_is_a_plain_draw_of_rows_of_all_lengths() -> None:
    """Grouped by length, updates of 40 of these rows would spread over 20 tokens or so, and their means over 100."""
    sampler = LengthSortedSampler(LENGTHS, 40, 0)
    assert mean_spread(sampler, 40) > 150
    means = [sum(item) / len(item) for item in slices(sampler, 40)]
    assert max(means) - min(means) < 45


def test_an_update_begins_with_its_longest_row_so_that_too_little_memory_shows_at_once() -> None:
    assert all(item == sorted(item, reverse=True) for item in slices(LengthSortedSampler(LENGTHS, 40, 0), 40))


def test_order_follows_from_seed_and_epoch() -> None:
    sampler = LengthSortedSampler(LENGTHS, 8, 0)
    first = list(sampler)
    assert list(sampler) == first
    sampler.set_epoch(1)
    second = list(sampler)
    assert second != first
    assert list(LengthSortedSampler(LENGTHS, 8, 1)) != first
    sampler.set_epoch(0)
    assert list(sampler) == first


def test_a_partial_update_stays_last() -> None:
    assert len(slices(LengthSortedSampler(LENGTHS[:21], 8, 0), 8)[-1]) == 5


def test_ilql_reads_its_rows_in_this_order(tmp_path: Path) -> None:
    """transformers' own grouping sorts fifty updates at a time, so that a short run ends on short rows alone."""
    rows = [{"input_ids": [1] * length, "rewards": [0.0, 1.0], "length": length} for length in range(10, 74)]
    arguments = TrainingArguments(str(tmp_path), per_device_train_batch_size=4, gradient_accumulation_steps=4, seed=3,
                              use_cpu=True, report_to="none", remove_unused_columns=False)  # fmt: skip
    trainer = IlqlTrainer(
        model=torch.nn.Linear(2, 2),
        args=arguments,
        train_dataset=Dataset.from_list(rows),
        data_collator=TrajectoryCollator(0),
        settings=IlqlSettings(),
        largest_return=1.0,
    )
    read = [int(length) for batch in trainer.get_train_dataloader() for length in batch["attention_mask"].sum(1)]
    assert read == [rows[index]["length"] for index in LengthSortedSampler(range(10, 74), 16, 3)]
