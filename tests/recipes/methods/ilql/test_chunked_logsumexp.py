"""Chunked scores and their hand-made gradients equal the plain computation."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from recipes.methods.ilql.chunked_logsumexp import score_and_logsumexp


def tensors() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    torch.manual_seed(0)
    states = torch.randn(7, 5, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(11, 5, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(11, dtype=torch.float64, requires_grad=True)
    return states, weight, bias, torch.tensor([3, 3, 0, 10, 5, 1, 3])


def mixed(chosen: Tensor, total: Tensor) -> Tensor:
    """A loss with unequal weights, so that no gradient can be right by symmetry."""
    return (chosen * torch.arange(1.0, 8, dtype=torch.float64)).sum() ** 2 + 0.3 * total


@pytest.mark.parametrize("chunk", [1, 3, 7, 100])
def test_chunked_equals_plain_in_value_and_gradient(chunk: int) -> None:
    states, weight, bias, actions = tensors()
    scores = states @ weight.T + bias
    plain = mixed(scores[torch.arange(7), actions], scores.logsumexp(-1).sum())
    expected = torch.autograd.grad(plain, (states, weight, bias))
    loss = mixed(*score_and_logsumexp(states, weight, bias, actions, chunk))
    assert loss.item() == pytest.approx(plain.item())
    result = torch.autograd.grad(loss, (states, weight, bias))
    assert all(torch.allclose(first, second) for first, second in zip(result, expected, strict=True))


def test_products_in_half_precision_leave_scores_exact_and_the_log_sum_exp_close() -> None:
    torch.manual_seed(0)
    weights = [torch.randn(shape, requires_grad=True) for shape in ((64, 32), (500, 32), (500,))]
    weights[1].data *= 0.1
    tokens = torch.randint(500, (64,))
    exact, half = (score_and_logsumexp(*weights, tokens, 16, half=on) for on in (False, True))
    assert torch.equal(exact[0], half[0])
    assert half[1].item() == pytest.approx(exact[1].item(), rel=1e-4)
    gradients = [torch.autograd.grad(result[0].sum() + result[1], weights) for result in (exact, half)]
    for plain, rounded in zip(*gradients, strict=True):
        assert (plain - rounded).norm() < 0.01 * plain.norm()


def test_without_chunks_there_is_no_log_sum_exp_and_the_rest_is_the_same() -> None:
    states, weight, bias, actions = tensors()
    chosen, total = score_and_logsumexp(states, weight, bias, actions, 0)
    assert total.item() == 0
    plain = (states @ weight.T + bias)[torch.arange(7), actions]
    assert torch.allclose(chosen, plain)
    for result, expected in zip(
        torch.autograd.grad(chosen.square().sum(), (states, weight, bias)),
        torch.autograd.grad(plain.square().sum(), (states, weight, bias)),
        strict=True,
    ):
        assert torch.allclose(result, expected)


def test_no_tensor_of_positions_by_vocabulary_is_made() -> None:
    from torch.utils._python_dispatch import TorchDispatchMode

    largest = 0

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            nonlocal largest
            out = function(*args, **(kwargs or {}))
            if isinstance(out, Tensor):
                largest = max(largest, out.numel())
            return out

    states, weight = torch.randn(512, 4, requires_grad=True), torch.randn(300, 4, requires_grad=True)
    bias, actions = torch.zeros(300, requires_grad=True), torch.randint(300, (512,))
    with Watch():
        chosen, total = score_and_logsumexp(states, weight, bias, actions, 16)
        (chosen.sum() + total).backward()
    assert 16 * 300 <= largest < 512 * 300
