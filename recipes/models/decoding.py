"""A batch of prompts -> completions: the one decoding loop of trained policies and of solvers in this process.

Left padding and a KV cache; greedy, or sampled at a temperature. A row stops at its end of text, or as soon as its new
text holds a stop string; the batch ends with its last row:

    decode_batch(model, tokenizer, [[5, 9], [7]], ends=[2], max_new_tokens=40)
    -> [Completion(ids=[11, 12], text=" 3 pens", tokens=3, finish_reason="stop"), ...]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from recipes.models.chat_template import end_token
from recipes.models.types import CausalLM, Tokenizer

if TYPE_CHECKING:
    import torch

STOP_WINDOW_TOKENS = 24


@dataclass(frozen=True)
class Completion:
    """What one prompt was continued with."""

    ids: list[int]
    """New tokens, without the end of text."""
    text: str
    """Of `ids`; holds the stop string that ended it."""
    tokens: int
    """New tokens, the end of text included."""
    finish_reason: str
    """stop (end of text) | stop_string | length."""


def positions(model: CausalLM) -> int:
    """How many tokens a model can read, prompt and reply together."""
    return int(getattr(model.config, "max_position_embeddings", None) or 1 << 30)


def end_ids(model: CausalLM, tokenizer: Tokenizer, text_format: str) -> list[int]:
    """The tokens that end a reply: the tokenizer's, the chat template's, and those of the generation settings."""
    configured = getattr(model.generation_config, "eos_token_id", None)
    extra = configured if isinstance(configured, list) else [configured]
    ends = (tokenizer.eos_token_id, end_token(tokenizer, text_format), *extra)
    return sorted({int(token) for token in ends if token is not None})


def decode_batch(
    model: CausalLM,
    tokenizer: Tokenizer,
    prompts: Sequence[Sequence[int]],
    *,
    ends: Sequence[int],
    max_new_tokens: int,
    temperature: float = 0.0,
    seed: int = 0,
    stops: Sequence[str] = (),
) -> list[Completion]:
    """One completion per prompt, in the order given.

    Shapes: input_ids and attention_mask (B, T), left padded -> tokens (B, T + at most max_new_tokens).

    Args:
        model: a causal LM in evaluation mode.
        tokenizer: of the model.
        prompts: token ids; each shorter than the model's positions.
        ends: tokens that end a reply, see `end_ids`.
        max_new_tokens: a reply that has not ended by then is cut; fewer where the positions end before.
        temperature: 0 decodes greedily and draws nothing.
        seed: of the draws.
        stops: a reply ends with the first of these, too.
    """
    import torch
    from transformers import GenerationConfig, StoppingCriteriaList

    width, pad = max(map(len, prompts)), tokenizer.pad_token_id
    input_ids = torch.tensor([[pad] * (width - len(ids)) + list(ids) for ids in prompts])
    mask = torch.tensor([[0] * (width - len(ids)) + [1] * len(ids) for ids in prompts])
    limit = min(max_new_tokens, positions(model) - width)
    sampling: dict[str, Any] = {"do_sample": False}
    if temperature > 0:
        torch.manual_seed(seed)
        sampling = {"do_sample": True, "temperature": temperature}
    generator: Any = model
    with torch.inference_mode():
        tokens = generator.generate(
            input_ids=input_ids.to(model.device),
            attention_mask=mask.to(model.device),
            generation_config=GenerationConfig(
                max_new_tokens=limit, eos_token_id=list(ends), pad_token_id=pad, use_cache=True, **sampling
            ),
            stopping_criteria=StoppingCriteriaList([_StopAtText(tokenizer, stops, width)] if stops else []),
        )
    return [_read(row, tokenizer, ends, stops, limit) for row in tokens[:, width:].tolist()]


def _read(row: list[int], tokenizer: Tokenizer, ends: Sequence[int], stops: Sequence[str], limit: int) -> Completion:
    end = next((index for index, token in enumerate(row) if token in ends), None)
    kept = row if end is None else row[:end]
    while stops and kept and kept[-1] == tokenizer.pad_token_id:  # `generate` fills a stopped row with these
        kept = kept[:-1]
    text = str(tokenizer.decode(kept, skip_special_tokens=True))
    if end is None and any(stop in text for stop in stops):
        return Completion(kept, text, len(kept), "stop_string")
    return Completion(kept, text, min(len(kept) + (end is not None), limit), "length" if end is None else "stop")


class _StopAtText:
    """Marks the rows whose new text holds a stop string; called by `generate` after every token.

    Only the last tokens are decoded, because a stop string that is already there has ended its row, and only for rows
    whose newest token holds the last sign of a stop string, because nothing else can complete one.
    transformers' own StopStringCriteria needs to know how a tokenizer writes its pieces; decoding needs not.
    """

    def __init__(self, tokenizer: Tokenizer, stops: Sequence[str], prompt_width: int) -> None:
        self.tokenizer, self.stops, self.prompt_width = tokenizer, tuple(stops), prompt_width
        self._completing: dict[int, bool] = {}

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **options: object) -> torch.Tensor:
        import torch

        start = max(self.prompt_width, input_ids.shape[1] - STOP_WINDOW_TOKENS)
        done = torch.zeros(input_ids.shape[0], dtype=torch.bool)
        for row, newest in enumerate(input_ids[:, -1].tolist()):
            if self._may_complete(newest):
                text = str(self.tokenizer.decode(input_ids[row, start:].tolist(), skip_special_tokens=True))
                done[row] = any(stop in text for stop in self.stops)
        return done.to(input_ids.device)

    def _may_complete(self, token: int) -> bool:
        if token not in self._completing:
            text = str(self.tokenizer.decode([token]))
            self._completing[token] = any(stop[-1] in text for stop in self.stops)
        return self._completing[token]
