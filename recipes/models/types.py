"""Names of what passes between loading, training and decoding; importing this file loads neither torch nor peft.

def load_tokenizer(source: str) -> Tokenizer: ...
def label_log_probs(states: Tensor, head: OutputLayer, targets: Tensor) -> Tensor: ...
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from peft import PeftModel
    from torch import Tensor
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

NO_LOSS = -100
"""Label of a token that carries no loss, as torch's cross-entropy has it."""
CausalLM: TypeAlias = "PreTrainedModel | PeftModel"
"""A causal language model, bare or with adapters."""
Tokenizer: TypeAlias = "PreTrainedTokenizerBase"
Batch: TypeAlias = "dict[str, Tensor]"
"""A collated micro-batch: input_ids, attention_mask, labels, ..."""
Collator: TypeAlias = Callable[[list[dict[str, Any]]], "dict[str, Tensor]"]
"""Rows of the training dataset -> a micro-batch."""


class OutputLayer(Protocol):
    """The projection onto the vocabulary."""

    weight: Tensor

    def __call__(self, states: Tensor, /) -> Tensor:
        """Hidden states (..., H) -> logits (..., V)."""
        ...
