"""Weights that compute in half precision and learn in single precision: one copy an update, no cast at each use.

A LoRA in float32 under autocast is cast to bfloat16 wherever it is used: 56 of 216 kernels of a layer and micro-batch
(`make bench-launches`). Here its weights are bfloat16, micro-batches add up their gradients in float32, and the
optimiser steps float32 masters, which are rounded into the weights once an update. The products are the same:

    optimizer = with_masters(torch.optim.AdamW(model.parameters()))     # unchanged where no moving weight is half

Source: Micikevicius et al., arXiv 1710.03740, section 3.1 (a float32 master copy of weights).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor
from torch.optim import Optimizer

HALF = (torch.bfloat16, torch.float16)


def with_masters(optimizer: Optimizer) -> Optimizer:
    """`optimizer`, stepping float32 masters of the weights that are half precision; itself where none is."""
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    return MasterWeights(optimizer) if any(weight.dtype in HALF for weight in weights) else optimizer


class MasterWeights(Optimizer):
    """A fresh optimizer whose half-precision weights have float32 masters; to the outside it is one optimizer."""

    def __init__(self, inner: Optimizer) -> None:  # like accelerate's wrapper without Optimizer's own
        self.inner = inner
        self.pairs: list[tuple[Tensor, Tensor]] = []
        for group in inner.param_groups:
            group["params"] = [self._master(weight) for weight in group["params"]]

    def _master(self, weight: Tensor) -> Tensor:
        if weight.dtype not in HALF:
            return weight
        weight.grad_dtype = torch.float32  # type: ignore[attr-defined]
        master = weight.detach().float().requires_grad_(True)
        self.pairs.append((weight, master))
        return master

    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One step of the masters, and their rounding into the weights."""
        for weight, master in self.pairs:
            master.grad = weight.grad
        self.inner.step(closure)
        with torch.no_grad():
            torch._foreach_copy_([weight for weight, _ in self.pairs], [master for _, master in self.pairs])
        for _, master in self.pairs:
            master.grad = None

    def zero_grad(self, set_to_none: bool = True) -> None:
        self.inner.zero_grad(set_to_none)
        for weight, _ in self.pairs:
            weight.grad = None

    def state_dict(self) -> dict[str, Any]:
        """The inner optimizer's, and the masters, which a resumed run goes on from."""
        return {"inner": self.inner.state_dict(), "masters": [master.detach() for _, master in self.pairs]}

    @torch.no_grad()
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.inner.load_state_dict(state_dict["inner"])
        for (_, master), saved in zip(self.pairs, state_dict["masters"], strict=True):
            master.copy_(saved)

    @property
    def param_groups(self) -> list[dict[str, Any]]:  # type: ignore[override]
        return self.inner.param_groups

    @property
    def state(self) -> Any:  # type: ignore[override]
        return self.inner.state

    @property
    def defaults(self) -> dict[str, Any]:  # type: ignore[override]
        return cast("dict[str, Any]", self.inner.defaults)
