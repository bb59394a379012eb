"""Compiles each layer of a model for training: one compilation serves all layers, and what is between stays as it is.

    compile_layers(model)      # the first update takes a minute more; decoding and validation run as before

Source: torch.compile, of the repeated block alone ("regional compilation" in PyTorch's recipes).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import Module
from transformers.modeling_layers import GradientCheckpointingLayer

from recipes.models.types import CausalLM


def compile_layers(model: CausalLM) -> int:
    """Replaces the forward pass of each transformer block by one that is compiled while it trains; gives their number.

    Called when the model is as it will train: with adapters, in its types, recomputation switched on.
    """
    layers = [layer for layer in model.modules() if isinstance(layer, GradientCheckpointingLayer)]
    for layer in layers:
        layer.forward = _compiled_in_training(layer, layer.forward)
    return len(layers)


def _compiled_in_training(layer: Module, eager: Callable[..., Any]) -> Callable[..., Any]:
    compiled = torch.compile(eager, dynamic=True)  # rows differ in length: one graph for all of them

    def forward(*args: Any, **kwargs: Any) -> Any:
        training = layer.training and torch.is_grad_enabled()
        return (compiled if training else eager)(*args, **kwargs)

    return forward
