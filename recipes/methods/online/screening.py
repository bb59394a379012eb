"""Which problems are worth sampling: those whose first set the policy was least sure of.

A group of samples teaches where their outcomes differ, and they hardly can where the policy is sure of every token. So
one set is drawn of each problem first, nobody is asked about it, and only the problems of the highest entropy are
sampled in full. What is trained on are new samples, so that the choice does not bias them.

Source: our own; SPEED (Zhang et al., arXiv 2506.09016, withdrawn since) also looks before it samples, but by rewards,
which are paid for.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Any

import torch
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling


@torch.no_grad()
def set_entropies(trainer: Any, prompts: Sequence[list[int]], completions: Sequence[list[int]]) -> list[float]:
    """For each completion the entropies of its tokens, summed, in nats: how many ways the policy saw to go on.

    Args:
        trainer: TRL's GRPOTrainer; its model's distribution at the temperature of its samples.
        prompts: token ids.
        completions: token ids of one set for each prompt.
    """
    rows = [prompt + completion for prompt, completion in zip(prompts, completions, strict=True)]
    collate = DataCollatorForLanguageModeling(pad_token_id=trainer.processing_class.pad_token_id)
    batch = collate([{"input_ids": row} for row in rows])
    ids, mask = (batch[name].to(trainer.accelerator.device) for name in ("input_ids", "attention_mask"))
    _, entropies, _ = trainer._get_per_token_logps_and_entropies(
        trainer.model, ids, mask, ids.shape[1] - 1, trainer.args.per_device_train_batch_size, compute_entropy=True
    )
    return [
        float(own[len(prompt) - 1 : len(row) - 1].sum())
        for own, prompt, row in zip(entropies, prompts, rows, strict=True)
    ]


def least_sure(entropies: Sequence[float], count: int) -> list[int]:
    """The positions of the `count` highest, in their order.

    >>> least_sure([0.1, 2.0, 0.4, 1.0], 2)
    [1, 3]
    """
    return sorted(heapq.nlargest(count, range(len(entropies)), key=lambda position: (entropies[position], -position)))
