"""The ILQL mathematics: pure tensor functions, nothing about models, trainers or text.

A row is one text; its actions are the tokens of the completion, end of text included. Masks say what a 1 is.
`Shapes` letters: B rows, A actions of the longest row, E Q heads (two, "twin").

    rewards   0   0   .9   0   0   1        not_done   1  1  1  1  1  0        is_action   1  1  1  1  1  1

Sums are divided by `actions`, the number of real actions of the *whole* update, so that neither padding nor the
micro-batch size changes a gradient.

Source: Snell et al., arXiv 2206.11871, equations 3 to 5 and section 4.3 (V, Q, CQL term); Kostrikov et al., arXiv
2110.06169, equation 5 (expectile loss); Sutton and Barto, second edition, section 12.1 (lambda return).
Differences: 1. V is regressed on the minimum of the *target* Qs and bootstraps Q detached, as in both papers and
unlike the code published with arXiv 2402.01812, whose target is r - gamma v' with a gradient through v'; 2. every mean
is over real actions only (there: padding counts, and the mask of the CQL term comes after its mean); 3. a lambda
return on request (`td_lambda` above 0): with one-step targets a reward travels back one token per round of learning.
"""

from __future__ import annotations

import torch
from torch import Tensor


def masked_mean(values: Tensor, is_action: Tensor, actions: Tensor | int | None = None) -> Tensor:
    """Sum of `values` over real actions, divided by `actions` (default: by how many these are).

    Shapes: values, is_action (B, A) or any equal shape -> scalar.
    """
    total = torch.where(is_action.bool(), values, 0.0).sum()
    return total / (is_action.sum().clamp(min=1) if actions is None else actions)


def bellman_target(
    rewards: Tensor, next_v: Tensor, not_done: Tensor, gamma: float, *, td_lambda: float = 0.0, published: bool = False
) -> Tensor:
    """What Q of each action is drawn to: r + gamma v', and r alone for a row's last action.

    With r = (0, 1), v' = (0.5, 7), not_done = (1, 0), gamma = 0.9: (0 + 0.9 * 0.5, 1 + 0) = (0.45, 1); with a lambda
    of 1 the discounted sum of rewards, (0.9, 1), and with 0.5 half of each, (0.675, 1).

    Args:
        rewards: of each action.
        next_v: V of the state that the action leads to; whatever stands after a last action is ignored.
        not_done: 1 where the text continues after the action.
        gamma: discount per token.
        td_lambda: lambda of the lambda return; 0 is the one-step target of both papers.
        published: the target of arXiv 2402.01812's code, r - gamma v', not detached: for the ablation alone.

    Shapes: all (B, A) -> (B, A).
    """
    if published:
        return rewards - gamma * not_done * next_v
    next_v = next_v.detach()
    if td_lambda == 0:
        return rewards + gamma * not_done * next_v
    target = torch.empty_like(next_v)
    after = torch.zeros_like(next_v[:, 0])
    for step in reversed(range(next_v.shape[1])):
        ahead = (1 - td_lambda) * next_v[:, step] + td_lambda * after
        after = rewards[:, step] + gamma * not_done[:, step] * ahead
        target[:, step] = after
    return target


def td_loss(q: Tensor, target: Tensor, is_action: Tensor, actions: Tensor | int | None = None) -> Tensor:
    """Squared distance of every Q head to the target, summed over heads.

    One action, heads (1, 3), target 2: (1 - 2)^2 + (3 - 2)^2 = 2.

    Args:
        q: of the tokens taken, by every head.
        target: see `bellman_target`.
        is_action: 1 where a row has an action.
        actions: what the sum is divided by; None: how many actions these are.

    Shapes: q (E, B, A), target, is_action (B, A) -> scalar.
    """
    return masked_mean(((q - target) ** 2).sum(0), is_action, actions)


def expectile_loss(
    v: Tensor, target_q: Tensor, expectile: float, is_action: Tensor, actions: Tensor | int | None = None
) -> Tensor:
    """Draws V to an upper expectile of the smaller target Q: errors below it weigh `expectile`, above it the rest.

    V = 1, target Qs (3, 4), expectile 0.9: 0.9 * (3 - 1)^2 = 3.6; V = 4: 0.1 * (3 - 4)^2 = 0.1.

    Args:
        v: of the state before each action.
        target_q: of the tokens taken, by every target head.
        expectile: above 0.5 V is optimistic.
        is_action: 1 where a row has an action.
        actions: what the sum is divided by; None: how many actions these are.

    Shapes: v, is_action (B, A), target_q (E, B, A) -> scalar; no gradient to `target_q`.
    """
    gap = target_q.detach().amin(0) - v
    weight = torch.where(gap > 0, expectile, 1 - expectile)
    return masked_mean(weight * gap**2, is_action, actions)


def cql_loss(log_sum_exp: Tensor, action_q: Tensor, is_action: Tensor, actions: Tensor | int | None = None) -> Tensor:
    """log sum exp of Q over the vocabulary minus Q of the token taken, summed over heads: a softmax cross-entropy.

    Two tokens with Q (0, 0), the first taken: log 2 - 0 = 0.6931.

    Args:
        log_sum_exp: either per action (E, B, A), or already summed over the real actions, one number per head (E,).
        action_q: Q of the tokens taken (E, B, A).
        is_action: 1 where a row has an action (B, A).
        actions: what the sum is divided by; None: how many actions these are.
    """
    of_actions = masked_mean(action_q.sum(0), is_action, actions)
    if log_sum_exp.dim() == 1:
        return log_sum_exp.sum() / (is_action.sum().clamp(min=1) if actions is None else actions) - of_actions
    return masked_mean(log_sum_exp.sum(0), is_action, actions) - of_actions


def advantage_weighted_bc_loss(
    log_pi: Tensor,
    advantage: Tensor,
    beta: float,
    largest: float,
    is_action: Tensor,
    actions: Tensor | int | None = None,
) -> Tensor:
    """Cloning in which an action weighs exp(beta * advantage), at most `largest`: good steps of bad texts count, too.

    log pi = log 0.5 twice, advantages (0, log 3), beta 1: (1 * 0.6931 + 3 * 0.6931) / 2 = 1.3863.

    Source: the policy step of arXiv 2110.06169, equation 7, per token, with the advantage of arXiv 1910.00177,
    section 3 (lambda return minus V).

    Args:
        log_pi: of the tokens taken.
        advantage: of the tokens taken.
        beta: how sharply the weight follows the advantage.
        largest: most that an action may weigh.
        is_action: 1 where a row has an action.
        actions: what the sum is divided by; None: how many actions these are.

    Shapes: log_pi, advantage, is_action (B, A) -> scalar; no gradient to `advantage`.
    """
    weight = (beta * advantage.detach()).exp().clamp(max=largest)
    return masked_mean(-weight * log_pi, is_action, actions)


def next_values(v: Tensor) -> Tensor:
    """V of the state each action leads to: the next column, and 0 after the last. Shapes: (B, A) -> (B, A)."""
    return torch.cat([v[:, 1:], torch.zeros_like(v[:, :1])], dim=1)


def not_done_mask(is_action: Tensor) -> Tensor:
    """`not_done` of rows whose actions come first and padding after: 1 for every action but the last of its row."""
    return torch.cat([is_action[:, 1:], torch.zeros_like(is_action[:, :1])], dim=1)


@torch.no_grad()
def diagnostics(q: Tensor, v: Tensor, target: Tensor, is_action: Tensor) -> dict[str, Tensor]:
    """Sums over real actions of what tells whether learning is sound; divide by their number.

    A healthy run: TD error falling, V a little above Q on average (an upper expectile), |Q| within the sum of rewards.

    Args:
        q: of the tokens taken, by every head.
        v: of the state before each action.
        target: see `bellman_target`.
        is_action: 1 where a row has an action.

    Shapes: q (E, B, A), v, target, is_action (B, A) -> scalars.
    """
    low = q.amin(0)
    columns = {
        "q": low,
        "v": v,
        "advantage": low - v,
        "td_error": (q.mean(0) - target).abs(),
        "v_above_q": (v > low).to(v.dtype),
    }
    return {name: torch.where(is_action.bool(), values, 0.0).sum() for name, values in columns.items()}
