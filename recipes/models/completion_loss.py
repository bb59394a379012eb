"""The loss of the tokens that carry one, without logits for those that do not.

Prompts are more than half of this dataset's tokens, and the output layer is a large part of a small model: so only
positions with a label are projected onto the vocabulary. On a GPU, TRL's fused kernel does that in tiles; here is the
same for a CPU, where TRL projects every position, twice, and computes entropies that are not used:

    model(**batch, labels=labels, fused_lm_head=True).log_probs    # 0 where there is no label

The loss equals the plain one (tests/recipes/models/test_completion_loss.py).
"""

from __future__ import annotations

import functools

import torch
from torch.nn import functional
from torch.utils.checkpoint import checkpoint
from transformers import PreTrainedModel
from transformers.utils import ModelOutput
from trl.trainer.utils import FusedCausalLMOutput, add_fused_lm_head

from recipes.models.limits import KEPT_LOGITS, PART
from recipes.models.load import backbone_of
from recipes.models.types import NO_LOSS, CausalLM, OutputLayer


def add_completion_head(model: CausalLM) -> None:
    """Gives a causal LM, or a PEFT model on one, a forward pass that returns log-probabilities of its labels.

    The model's own `forward` is replaced, as TRL's `add_fused_lm_head` does it: DDP, PEFT and the trainer call that
    one, and a module around the model would hide its class from all three.
    """
    base = backbone_of(model)
    if next(base.parameters()).device.type != "cpu" or _shapes_its_logits(base):
        add_fused_lm_head(base, outputs=("log_probs",))
        return
    original = base.forward

    @functools.wraps(type(base).forward)
    def forward(
        *args: object, fused_lm_head: bool = False, labels: torch.Tensor | None = None, **kwargs: object
    ) -> ModelOutput:
        if labels is None:
            return original(*args, **kwargs)
        if not fused_lm_head:
            return original(*args, labels=labels, **kwargs)
        kwargs["use_cache"] = False
        states = base.base_model(*args, **kwargs).last_hidden_state[:, :-1]
        targets = labels[:, 1:]
        mask = targets != NO_LOSS
        of_labels = label_log_probs(states[mask], base.get_output_embeddings(), targets[mask])
        log_probs = torch.zeros(targets.shape, dtype=of_labels.dtype).masked_scatter(mask, of_labels)
        return FusedCausalLMOutput(log_probs=log_probs, label_mask=mask)

    base.forward = forward


def label_log_probs(states: torch.Tensor, head: OutputLayer, targets: torch.Tensor) -> torch.Tensor:
    """Log-probability of each target. Shapes: (N, H), (N,) -> (N,)."""
    words = head.weight.shape[0]
    if len(states) * words <= KEPT_LOGITS:
        return _log_probs(states, head, targets)
    size = max(1, PART // words)
    parts = zip(states.split(size), targets.split(size), strict=True)
    return torch.cat([checkpoint(_log_probs, part, head, wanted, use_reentrant=False) for part, wanted in parts])


def _log_probs(states: torch.Tensor, head: OutputLayer, targets: torch.Tensor) -> torch.Tensor:
    return -functional.cross_entropy(head(states).float(), targets, reduction="none")


def _shapes_its_logits(base: PreTrainedModel) -> bool:
    """Whether the model caps or scales its logits, which TRL's layer knows how to do."""
    text = base.config.get_text_config()
    names = ("final_logit_softcapping", "logit_scale", "output_multiplier", "lm_head_multiplier", "logits_scaling")
    return any(getattr(text, name, None) is not None for name in names)
