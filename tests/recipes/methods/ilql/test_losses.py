"""Every ILQL loss against arithmetic done by hand, with masks and gradients."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from recipes.methods.ilql import losses

ROW = torch.tensor([[1, 1, 1, 0]])  # three actions, then padding


def row(*values: float) -> Tensor:
    return torch.tensor([values], dtype=torch.float64)


# --- target ----------------------------------------------------------------------------------------------------------


def test_target_is_reward_plus_discounted_next_value_and_reward_alone_at_the_end() -> None:
    target = losses.bellman_target(row(0, 0.5, 1), row(2, 4, 100), row(1, 1, 0), 0.5)
    assert target.tolist() == [[1.0, 2.5, 1.0]]


def test_published_target_subtracts_the_next_value() -> None:
    target = losses.bellman_target(row(0, 0.5, 1), row(2, 4, 100), row(1, 1, 0), 0.5, published=True)
    assert target.tolist() == [[-1.0, -1.5, 1.0]]


def test_no_gradient_flows_through_the_target() -> None:
    next_v = row(2, 4, 1).requires_grad_()
    assert not losses.bellman_target(row(0, 0, 1), next_v, row(1, 1, 0), 0.9).requires_grad
    assert not losses.bellman_target(row(0, 0, 1), next_v, row(1, 1, 0), 0.9, td_lambda=0.5).requires_grad


def test_gradient_flows_through_the_published_target() -> None:
    assert losses.bellman_target(row(0, 1), row(2, 4).requires_grad_(), row(1, 0), 0.9, published=True).requires_grad


@pytest.mark.parametrize(("td_lambda", "expected"), [(0.0, [0.45, 1.0]), (1.0, [0.9, 1.0]), (0.5, [0.675, 1.0])])
def test_lambda_return_goes_from_one_step_to_the_sum_of_rewards(td_lambda: float, expected: list[float]) -> None:
    target = losses.bellman_target(row(0, 1), row(0.5, 7), row(1, 0), 0.9, td_lambda=td_lambda)
    assert target[0].tolist() == pytest.approx(expected)


def test_padding_after_the_last_action_changes_no_return() -> None:
    short = losses.bellman_target(row(0.2, 1), row(0.5, 0), row(1, 0), 0.9, td_lambda=0.7)
    padded = losses.bellman_target(row(0.2, 1, 9, 9), row(0.5, 0, 9, 9), row(1, 0, 0, 0), 0.9, td_lambda=0.7)
    assert padded[0, :2].tolist() == short[0].tolist()


# --- losses by hand --------------------------------------------------------------------------------------------------


def test_td_loss_by_hand() -> None:
    q = torch.stack([row(1, 2, 3, 50), row(3, 2, 1, 50)])
    target = row(2, 2, 2, -50)
    # squares per action over both heads: 1 + 1, 0 + 0, 1 + 1; mean over three actions
    assert losses.td_loss(q, target, ROW).item() == pytest.approx(4 / 3)


def test_expectile_loss_by_hand() -> None:
    v = row(1, 4, 2, 50)
    target_q = torch.stack([row(3, 3, 2, -50), row(4, 5, 9, -50)])
    # smaller target Q: 3, 3, 2; gaps 2, -1, 0; 0.9 * 4 + 0.1 * 1 + 0
    assert losses.expectile_loss(v, target_q, 0.9, ROW).item() == pytest.approx((3.6 + 0.1) / 3)


def test_expectile_one_half_is_half_the_squared_error() -> None:
    v, q = row(1, 4), row(3, 3)
    assert losses.expectile_loss(v, q[None], 0.5, row(1, 1)).item() == pytest.approx(0.5 * (4 + 1) / 2)


def test_cql_loss_is_the_cross_entropy_of_q() -> None:
    scores = torch.tensor([[[0.0, math.log(3)], [2.0, 2.0]]], dtype=torch.float64)  # (B, A, V), one head
    actions = torch.tensor([[1, 0]])
    q = scores.gather(-1, actions[..., None]).squeeze(-1)[None]
    # log(1 + 3) - log 3, and log 2
    expected = (math.log(4 / 3) + math.log(2)) / 2
    assert losses.cql_loss(scores.logsumexp(-1)[None], q, row(1, 1)).item() == pytest.approx(expected)


def test_cql_loss_of_sums_equals_that_of_single_actions() -> None:
    log_sum_exp, q = torch.rand(2, 1, 4, dtype=torch.float64), torch.rand(2, 1, 4, dtype=torch.float64)
    summed = (log_sum_exp * ROW).sum((1, 2))
    single = losses.cql_loss(log_sum_exp, q, ROW)
    assert losses.cql_loss(summed, q, ROW).item() == pytest.approx(single.item())


def test_advantage_weighted_bc_loss_by_hand_and_its_cap() -> None:
    log_pi, advantage = row(math.log(0.5), math.log(0.5)), row(0, math.log(3))
    assert losses.advantage_weighted_bc_loss(log_pi, advantage, 1.0, 10.0, row(1, 1)).item() == pytest.approx(
        2 * math.log(2)
    )
    capped = losses.advantage_weighted_bc_loss(log_pi, advantage, 1.0, 2.0, row(1, 1)).item()
    assert capped == pytest.approx(1.5 * math.log(2))


def test_advantage_weighted_bc_loss_moves_the_policy_and_not_the_advantage() -> None:
    log_pi, advantage = row(-1.0, -2.0).requires_grad_(), row(0.1, -0.2).requires_grad_()
    losses.advantage_weighted_bc_loss(log_pi, advantage, 4.0, 10.0, row(1, 0)).backward()
    assert advantage.grad is None
    assert log_pi.grad is not None
    assert log_pi.grad.tolist() == [[pytest.approx(-math.exp(0.4)), 0]]


def test_next_values_and_last_actions_by_hand() -> None:
    assert losses.next_values(row(1, 2, 3)).tolist() == [[2, 3, 0]]
    assert losses.not_done_mask(ROW).tolist() == [[1, 1, 0, 0]]


def test_diagnostics_by_hand() -> None:
    q = torch.stack([row(1, 2, 3, 50), row(3, 2, 1, 50)])
    sums = losses.diagnostics(q, row(0, 3, 1, 9), row(2, 2, 2, 9), ROW)
    # smaller Q 1, 2, 1; mean Q 2, 2, 2; V above Q only at the second
    assert {name: value.item() for name, value in sums.items()} == {
        "q": 4,
        "v": 4,
        "advantage": 0,
        "td_error": 0,
        "v_above_q": 1,
    }


# --- masks and budgets -----------------------------------------------------------------------------------------------


def total_loss(q: Tensor, v: Tensor, target_q: Tensor, log_sum_exp: Tensor, rewards: Tensor) -> Tensor:
    target = losses.bellman_target(rewards, losses.next_values(v), losses.not_done_mask(ROW), 0.9, td_lambda=0.3)
    return (
        losses.td_loss(q, target, ROW)
        + losses.expectile_loss(v, target_q, 0.8, ROW)
        + losses.cql_loss(log_sum_exp, q, ROW)
    )


def test_what_stands_at_padding_changes_no_loss_and_gets_no_gradient() -> None:
    torch.manual_seed(0)
    inputs = [torch.rand(*shape, 1, 4) for shape in ((2,), (), (2,), (2,), ())]
    before = total_loss(*inputs)
    spoilt = [tensor.clone() for tensor in inputs]
    for tensor in spoilt:
        tensor[..., 3] = 1e3
    tracked = [tensor.requires_grad_() for tensor in spoilt]
    after = total_loss(*tracked)
    assert after.item() == before.item()
    after.backward()
    assert all(tensor.grad is None or not tensor.grad[..., 3].any() for tensor in tracked)


def test_two_micro_batches_divided_by_all_actions_add_up_to_one_batch() -> None:
    q, target = torch.rand(2, 2, 4), torch.rand(2, 4)
    is_action = torch.tensor([[1, 1, 1, 0], [1, 0, 0, 0]])
    whole = losses.td_loss(q, target, is_action)
    parts = sum(losses.td_loss(q[:, k : k + 1], target[k : k + 1], is_action[k : k + 1], 4) for k in range(2))
    assert float(parts) == pytest.approx(whole.item())


# --- gradients -------------------------------------------------------------------------------------------------------


def test_td_loss_gives_v_no_gradient_and_expectile_loss_gives_q_none() -> None:
    q, v = torch.rand(2, 1, 4, requires_grad=True), torch.rand(1, 4, requires_grad=True)
    target = losses.bellman_target(torch.rand(1, 4), losses.next_values(v), losses.not_done_mask(ROW), 0.9)
    losses.td_loss(q, target, ROW).backward()
    assert v.grad is None
    assert q.grad is not None
    q.grad = None
    losses.expectile_loss(v, q, 0.9, ROW).backward()
    assert q.grad is None
    assert v.grad is not None
