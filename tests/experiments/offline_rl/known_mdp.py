"""A deterministic decision problem whose Q* is known by hand, learnt with the losses of `recipes.methods.ilql`.

Five rooms in a row. "on" leads to the next room, and from the last to the end with reward 1; "out" ends at once with
reward 0.2. The data hold every (room, choice) equally often, so the behaviour that made them is a coin flip, which
seldom gets through; nobody ever has to: the best way is stitched from single steps.

    Q*(room k, on) = gamma^(4 - k)          Q*(room k, out) = 0.2          gamma 0.9: 0.6561 ... 1 against 0.2
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from recipes.methods.ilql import losses

ROOMS, GAMMA, OUT_REWARD = 5, 0.9, 0.2
ON, OUT = 0, 1


@dataclass(frozen=True)
class Learnt:
    """What a run ended with. Shapes: q (ROOMS, 2); `errors` holds the largest |Q - Q*| after each update."""

    q: Tensor
    errors: list[float]


def best_q() -> Tensor:
    """Q*, worked out by hand. Shapes: (ROOMS, 2)."""
    return torch.tensor([[GAMMA ** (ROOMS - 1 - room), OUT_REWARD] for room in range(ROOMS)])


def learn(expectile: float, *, published: bool = False, updates: int = 3000, polyak: float = 0.05) -> Learnt:
    """Learns Q and V tables from all transitions at once, with the losses that ILQL uses on tokens."""
    rooms = torch.arange(ROOMS).repeat_interleave(2)
    choices = torch.tensor([ON, OUT]).repeat(ROOMS)
    rewards = torch.where(choices == OUT, OUT_REWARD, (rooms == ROOMS - 1).float())[:, None]
    not_done = ((choices == ON) & (rooms < ROOMS - 1)).float()[:, None]
    following = (rooms + 1).clamp(max=ROOMS - 1)
    q, v = nn.Parameter(torch.zeros(2, ROOMS, 2)), nn.Parameter(torch.zeros(ROOMS))
    target_q, everything = q.detach().clone(), torch.ones_like(rewards)
    optimizer = torch.optim.Adam([q, v], lr=0.02)
    errors = []
    for _ in range(updates):
        target = losses.bellman_target(rewards, v[following][:, None], not_done, GAMMA, published=published)
        loss = losses.td_loss(q[:, rooms, choices][..., None], target, everything)
        loss = loss + losses.expectile_loss(
            v[rooms][:, None], target_q[:, rooms, choices][..., None], expectile, everything
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        target_q.lerp_(q.detach(), polyak)
        errors.append(float((q.detach() - best_q()).abs().max()))
    return Learnt(q.detach().amin(0), errors)
