"""The value heads: V, twin Q and the twins' slow target copies, on the hidden states of a value trunk.

A Q head gives one score per token of the vocabulary, so its output layer is the largest thing here: for a
vocabulary of 50,000 and a width of 768 the published shape (hidden x 2) has 77 million weights per head. `kind`
chooses:

    mlp        H -> 2H, ReLU -> V      as published
    low_rank   H -> rank -> V          some ten times smaller
    linear     H -> V

Source: arXiv 2206.11871, appendix (two-layer heads, hidden x 2, ReLU, twin Q, Polyak averaged targets).
Differences: 1. the output layers start at zero, so that Q and V start equal and decoding starts at the BC policy;
2. low-rank and linear heads; 3. scores of a few tokens alone, for decoding.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from recipes.config.settings import HEAD_RANK, TWINS
from recipes.methods.ilql.chunked_logsumexp import score_and_logsumexp


class Head(nn.Module):
    """Hidden state -> `outputs` scores, through a body as `kind` says."""

    def __init__(self, hidden: int, outputs: int, kind: str = "mlp", rank: int = HEAD_RANK) -> None:
        super().__init__()
        width = {"mlp": 2 * hidden, "low_rank": rank, "linear": hidden}[kind]
        self.body: nn.Module = nn.Identity()
        if kind == "mlp":
            self.body = nn.Sequential(nn.Linear(hidden, width), nn.ReLU())
        elif kind == "low_rank":
            self.body = nn.Linear(hidden, width, bias=False)
        self.out = nn.Linear(width, outputs)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, states: Tensor, tokens: Tensor | None = None) -> Tensor:
        """Scores of all outputs (N, outputs), or of a few tokens per row (N, K). Shapes: (N, H), tokens (N, K)."""
        inner = self.body(states)
        if tokens is None:
            return torch.as_tensor(self.out(inner))
        return torch.einsum("nw,nkw->nk", inner, self.out.weight[tokens]) + self.out.bias[tokens]


class ValueHeads(nn.Module):
    """V, the Q heads, and their target copies, which only `update_targets` moves."""

    def __init__(
        self, hidden: int, vocabulary: int, kind: str = "mlp", rank: int = HEAD_RANK, twins: int = TWINS
    ) -> None:
        super().__init__()
        self.shape = {"hidden": hidden, "vocabulary": vocabulary, "kind": kind, "rank": rank, "twins": twins}
        self.v = Head(hidden, 1, "mlp")
        self.q: Any = nn.ModuleList(Head(hidden, vocabulary, kind, rank) for _ in range(twins))
        self.target_q: Any = copy.deepcopy(self.q).requires_grad_(False)

    def value(self, states: Tensor) -> Tensor:
        """V. Shapes: (N, H) -> (N,)."""
        return torch.as_tensor(self.v(states)).squeeze(-1)

    def action_values(
        self, states: Tensor, tokens: Tensor, chunk: int, *, half: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Q of the tokens taken and the summed log sum exp, per head.

        Args:
            states: hidden states before each action (N, H).
            tokens: the actions (N,).
            chunk: see `score_and_logsumexp`, as `half`.
            half: multiply in bfloat16 for the log sum exp.

        Shapes: -> (E, N), (E,).
        """
        pairs = [
            score_and_logsumexp(head.body(states), head.out.weight, head.out.bias, tokens, chunk, half=half)
            for head in self.q
        ]
        return torch.stack([values for values, _ in pairs]), torch.stack([total for _, total in pairs])

    @torch.no_grad()
    def target_action_values(self, states: Tensor, tokens: Tensor) -> Tensor:
        """Q of the tokens taken by the target heads; no gradient. Shapes: (N, H), (N,) -> (E, N)."""
        return torch.stack([head(states, tokens[:, None]).squeeze(-1) for head in self.target_q])

    def advantage(self, states: Tensor, tokens: Tensor | None = None) -> Tensor:
        """Smaller Q minus V, for decoding. Shapes: (N, H), tokens (N, K) -> (N, V) or (N, K)."""
        scores = torch.stack([head(states, tokens) for head in self.q]).amin(0)
        return scores - self.value(states)[:, None]

    @torch.no_grad()
    def update_targets(self, polyak: float) -> None:
        """target <- target + polyak (new - target)."""
        for slow, fast in zip(self.target_q.parameters(), self.q.parameters(), strict=True):
            slow.lerp_(fast, polyak)
