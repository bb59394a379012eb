"""The value model: a trunk that reads the text, and heads that judge each action; what ILQL trains.

The trunk is a causal LM whose output layer is not used: all its weights (a copy of the BC checkpoint), or a LoRA on a
base that the BC policy shares. The heads see action positions only, never prompt or padding.

Source: arXiv 2206.11871, section 4.3.
Differences: 1. by default only the heads have target copies, so that a target costs no second pass through the trunk;
`target_trunk` asks for the full copy; 2. no (B, T, V) tensor is ever made (`chunked_logsumexp.py`).
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, NamedTuple, cast

import torch
from peft import PeftModel
from torch import Tensor, nn

from recipes.config.settings import VOCAB_CHUNK
from recipes.data.tokenize import NO_LOSS
from recipes.methods.ilql.heads import ValueHeads
from recipes.models.completion_loss import label_log_probs
from recipes.models.load import backbone_of
from recipes.models.types import CausalLM

POLICY_ADAPTER, VALUE_ADAPTER = "policy", "default"


class Values(NamedTuple):
    """What the losses need of a batch. Shapes: q, target_q (E, B, A), v, log_pi (B, A), log_sum_exp (E,), summed."""

    q: Tensor
    target_q: Tensor
    v: Tensor
    log_sum_exp: Tensor
    log_pi: Tensor | None = None
    """Of the tokens taken, where a policy is trained beside the values."""


class ValueModel(nn.Module):
    """Trunk and heads, and the policy where it is trained beside them."""

    def __init__(
        self,
        trunk: CausalLM,
        heads: ValueHeads,
        *,
        policy: CausalLM | None = None,
        target_trunk: bool = False,
        chunk: int = VOCAB_CHUNK,
        vocab_precision: str = "auto",
    ) -> None:
        super().__init__()
        self.trunk = trunk
        self.heads = heads
        self.policy = policy
        self.chunk = chunk
        self.vocab_precision = vocab_precision
        self.target_trunk = copy.deepcopy(trunk).requires_grad_(False) if target_trunk else None

    def forward(self, input_ids: Tensor, attention_mask: Tensor, positions: Tensor, labels: Tensor) -> Values:
        """Values of the actions of a batch, as `trajectories.TrajectoryCollator` makes it."""
        is_action = labels != NO_LOSS
        rows, columns = is_action.nonzero(as_tuple=True)
        before, actions = positions[rows, columns], labels[rows, columns]

        def read(model: CausalLM) -> Tensor:
            """Hidden states before each action. Shapes: -> (N, H)."""
            output = decoder(model)(input_ids, attention_mask=attention_mask, use_cache=False)
            return torch.as_tensor(output.last_hidden_state[rows, before])

        read_states = read(self.trunk)
        states = in_head_precision(read_states, self.heads)
        q, log_sum_exp = self.heads.action_values(states, actions, self.chunk, half=self._half(read_states.dtype))
        target_states = states.detach()
        if self.target_trunk is not None:
            with torch.no_grad():
                target_states = in_head_precision(read(self.target_trunk), self.heads)
        target = self.heads.target_action_values(target_states, actions)
        log_pi = None
        if self.policy is not None:
            shared = self.policy is self.trunk  # two adapters of one base
            with active_adapter(cast("PeftModel", self.policy), POLICY_ADAPTER) if shared else nullcontext():
                policy_states = read(self.policy)
            head = self.policy.get_output_embeddings()
            log_pi = _lay_out(label_log_probs(policy_states, head, actions)[None], is_action)[0]
        laid_out = [_lay_out(values, is_action) for values in (q, target, self.heads.value(states)[None])]
        return Values(laid_out[0], laid_out[1], laid_out[2][0], log_sum_exp, log_pi)

    def _half(self, trunk: torch.dtype) -> bool:
        """Whether the vocabulary is scored by products in bfloat16: as the recipe says, or as the trunk computes."""
        if self.vocab_precision == "auto":
            return trunk is torch.bfloat16
        return self.vocab_precision == "bfloat16"

    @torch.no_grad()
    def update_targets(self, polyak: float) -> None:
        """Moves the target copies a little towards what is being trained."""
        self.heads.update_targets(polyak)
        if self.target_trunk is not None:
            for slow, fast in zip(self.target_trunk.parameters(), self.trunk.parameters(), strict=True):
                slow.lerp_(fast, polyak)

    def kept_state(self) -> dict[str, Tensor]:
        """What a checkpoint must hold: the weights that move, target copies included, and never a frozen base."""
        moving = {name for name, parameter in self.named_parameters() if parameter.requires_grad}
        state = self.state_dict()
        kept = {
            name: state[name] for name in state if name in moving or "heads.target_" in name or "target_trunk." in name
        }
        return {name: tensor.detach().clone().contiguous() for name, tensor in kept.items()}


@contextmanager
def active_adapter(model: PeftModel, adapter: str) -> Iterator[None]:
    """Makes an adapter of a base the active one inside the block.

    PEFT freezes the adapters that are not active, and a graph made before would lose its gradient: what moved before
    moves again.
    """
    before = model.active_adapter
    if adapter == before:
        yield
        return
    moving = [parameter for parameter in model.parameters() if parameter.requires_grad]
    try:
        model.set_adapter(adapter)
        yield
    finally:
        model.set_adapter(before)
        for parameter in moving:
            parameter.requires_grad_(True)


def load_policy_adapter(model: PeftModel, path: str) -> None:
    """Loads the policy's adapter, frozen, beside the values' one, which is active afterwards; they share its base."""
    model.load_adapter(path, adapter_name=POLICY_ADAPTER, is_trainable=False)
    base = model.peft_config[VALUE_ADAPTER].base_model_name_or_path
    model.peft_config[POLICY_ADAPTER].base_model_name_or_path = base
    model.set_adapter(VALUE_ADAPTER)


def recompute_activations(model: CausalLM) -> None:
    """Trades time for memory; a frozen base must pass gradients on to the LoRA of its first layer.

    Where two adapters share the base, a layer is computed again with the adapter that it was computed with.
    """
    options: dict[str, Any] = {"use_reentrant": False}
    if isinstance(model, PeftModel):
        model.enable_input_require_grads()
        options["context_fn"] = lambda: (nullcontext(), active_adapter(model, model.active_adapter))
    model.activation_checkpointing_enable(activation_checkpointing_kwargs=options)


def decoder(model: CausalLM) -> nn.Module:
    """The part of a causal LM (with or without adapters) that gives hidden states."""
    return backbone_of(model).base_model


def in_head_precision(states: Tensor, heads: ValueHeads) -> Tensor:
    """Hidden states in the heads' precision: values are learnt in float32 whatever the trunk computes in."""
    return states.to(next(heads.parameters()).dtype)


def _lay_out(values: Tensor, is_action: Tensor) -> Tensor:
    """Values of the real actions, row by row -> a (K, B, A) tensor with 0 for padding. Shapes: (K, N) -> (K, B, A)."""
    laid_out = values.new_zeros((len(values), *is_action.shape))
    laid_out[:, is_action] = values
    return laid_out
