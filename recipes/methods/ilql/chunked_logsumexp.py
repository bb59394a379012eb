"""Scores over a vocabulary without a (tokens, vocabulary) tensor: what Q-learning needs of them, in chunks.

Training needs two things of an output layer: the score of the token taken, and log sum exp over all tokens, summed
over positions. Both come with their gradients from one pass over chunks of positions, so the largest tensor is
(chunk, V) instead of (N, V), and nothing is computed twice.

Source: the idea of fused linear cross-entropy (Hsu et al., arXiv 2410.10989, section 3.2), for a sum of two terms
whose weights are not known in the forward pass: the log sum exp weighs all positions alike, so its gradient is a
scalar away.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class _ScoreAndLogSumExp(torch.autograd.Function):
    """See `score_and_logsumexp`. Shapes: states (N, W), weight (V, W), bias (V,), tokens (N,)."""

    @staticmethod
    def forward(
        ctx: Any, states: Tensor, weight: Tensor, bias: Tensor, tokens: Tensor, chunk: int, half: bool
    ) -> tuple[Tensor, Tensor]:
        total = states.new_zeros(())
        gradients = [torch.zeros_like(tensor) for tensor in (states, weight, bias)] if chunk else None
        kind = torch.bfloat16 if half else weight.dtype
        factors = weight.to(kind)
        for start in range(0, len(states) if chunk else 0, chunk or 1):
            rows = states[start : start + chunk].to(kind)
            scores = torch.mm(rows, factors.T).float().add_(bias) if half else torch.addmm(bias, rows, weight.T)
            log_sum_exp = scores.logsumexp(-1)
            total += log_sum_exp.sum()
            if gradients is not None and ctx.needs_input_grad[1]:
                share = scores.sub_(log_sum_exp[:, None]).exp_()
                gradients[2] += share.sum(0)
                if half:
                    share = share.to(kind)
                    gradients[0][start : start + chunk] = torch.mm(share, factors)
                    gradients[1] += torch.mm(share.T, rows)
                else:
                    torch.mm(share, weight, out=gradients[0][start : start + chunk])
                    gradients[1].addmm_(share.T, rows)
        ctx.gradients = gradients
        ctx.save_for_backward(states, weight, bias, tokens)
        return torch.einsum("nw,nw->n", states, weight[tokens]) + bias[tokens], total

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor | None, ...]:
        of_score, of_total = upstream
        states, weight, bias, tokens = ctx.saved_tensors
        if ctx.gradients is None:
            to_states, to_weight, to_bias = (torch.zeros_like(tensor) for tensor in (states, weight, bias))
        else:  # scaled in place: these buffers are as large as the weights, and nobody reads them again
            to_states, to_weight, to_bias = (tensor.mul_(of_total) for tensor in ctx.gradients)
            ctx.gradients = None
        to_states.addcmul_(of_score[:, None], weight[tokens])
        to_weight.index_add_(0, tokens, of_score[:, None] * states)
        to_bias.index_add_(0, tokens, of_score)
        return to_states, to_weight, to_bias, None, None, None


def score_and_logsumexp(
    states: Tensor, weight: Tensor, bias: Tensor, tokens: Tensor, chunk: int, *, half: bool = False
) -> tuple[Tensor, Tensor]:
    """(score of the token taken at each position, log sum exp over all tokens summed over positions).

    Args:
        states: what the output layer reads.
        weight: the output layer's weight.
        bias: the output layer's bias.
        tokens: the token taken at each position.
        chunk: positions scored at once; 0 leaves the log sum exp out (it is 0 then).
        half: multiply in bfloat16 for the log sum exp; its sums, and the score of the token taken, stay as they are.

    Shapes: states (N, W), weight (V, W), bias (V,), tokens (N,) -> (N,), scalar.
    """
    with torch.autocast(states.device.type, enabled=False):
        score, total = _ScoreAndLogSumExp.apply(states.to(weight.dtype), weight, bias, tokens, chunk, half)
    return score, total
