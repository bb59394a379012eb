"""ILQL as it is usually written, stated again plainly: what `recipes.ilql` is measured against.

A full target copy of trunk and heads, Q of every token of the vocabulary at every position of the text for both heads
and both target heads, and decoding that reads the whole prefix again for each token. The mathematics are right (not
the published code's), so that losses and decoded tokens must equal ours.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from recipes.data.tokenize import NO_LOSS
from recipes.methods.ilql import losses
from recipes.methods.ilql.heads import ValueHeads
from recipes.methods.ilql.settings import Decoding


class UsualModel(nn.Module):
    """Trunk, heads, and full target copies of both."""

    def __init__(self, trunk: Any, heads: ValueHeads) -> None:
        super().__init__()
        self.trunk, self.heads = trunk, heads
        self.target_trunk = copy.deepcopy(trunk).requires_grad_(False)

    def loss(self, batch: dict[str, Tensor], expectile: float, gamma: float, cql_weight: float) -> Tensor:
        """The same loss as `IlqlTrainer.compute_loss`, from (B, T, V) tensors."""
        states = self.trunk.base_model(batch["input_ids"], attention_mask=batch["attention_mask"]).last_hidden_state
        scores = [head(states) for head in self.heads.q]
        with torch.no_grad():
            slow = self.target_trunk.base_model(batch["input_ids"], attention_mask=batch["attention_mask"])
            slow_scores = [head(slow.last_hidden_state) for head in self.heads.target_q]
        v = self.heads.v(states).squeeze(-1).gather(1, batch["positions"])
        is_action = batch["labels"] != NO_LOSS
        q, target_q = (torch.stack([_taken(item, batch) for item in many]) for many in (scores, slow_scores))
        target = losses.bellman_target(
            batch["rewards"], losses.next_values(v * is_action), losses.not_done_mask(is_action).float(), gamma
        )
        log_sum_exp = torch.stack([item.logsumexp(-1).gather(1, batch["positions"]) for item in scores])
        return (
            losses.td_loss(q, target, is_action)
            + losses.expectile_loss(v, target_q, expectile, is_action)
            + cql_weight * losses.cql_loss(log_sum_exp, q, is_action)
        )

    @torch.no_grad()
    def update_targets(self, polyak: float) -> None:
        """target <- target + polyak (new - target), for heads and trunk."""
        self.heads.update_targets(polyak)
        for slow, fast in zip(self.target_trunk.parameters(), self.trunk.parameters(), strict=True):
            slow.lerp_(fast, polyak)


@torch.no_grad()
def usual_decode(policy: Any, trunk: Any, heads: ValueHeads, decoding: Decoding, prompt: Tensor, count: int) -> Tensor:
    """`count` greedy tokens, the whole prefix again for each. Shapes: prompt (1, T) -> (1, T + count)."""
    tokens = prompt
    for _ in range(count):
        log_pi = policy(tokens).logits.log_softmax(-1)
        states = trunk.base_model(tokens).last_hidden_state
        q = torch.stack([head(states) for head in heads.q]).amin(0)
        scores = (log_pi + decoding.beta * (q - heads.v(states)))[:, -1]
        if decoding.top_k:
            scores[log_pi[:, -1] < log_pi[:, -1].topk(decoding.top_k).values[:, -1:]] = -torch.inf
        tokens = torch.cat([tokens, scores.argmax(-1, keepdim=True)], dim=1)
    return tokens


def _taken(scores: Tensor, batch: dict[str, Tensor]) -> Tensor:
    at_actions = scores.gather(1, batch["positions"][..., None].expand(-1, -1, scores.shape[-1]))
    return at_actions.gather(-1, batch["labels"].clamp(min=0)[..., None]).squeeze(-1)
