"""A trained model with its tokenizer and text format: prompts in, texts out, greedily and in batches.

Source: arXiv 2402.01812, section 4 (greedy decoding, at most 200 new tokens).
Differences: 1. batches with left padding and a KV cache (the published loop recomputes the whole prefix per token);
2. a reply stops at the learnt end of text.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from dataset_builder.core.progress import Progress
from dataset_builder.schema.records import Problem
from dataset_builder.text.student_format import format_student_prompt
from recipes.models.chat_template import DELIMITERS, encode_prompts
from recipes.models.decoding import decode_batch, end_ids, positions
from recipes.models.types import CausalLM, Tokenizer

logger = logging.getLogger(__name__)


@dataclass
class Policy:
    """A trained decomposer or solver with greedy decoding."""

    model: CausalLM
    """In evaluation mode."""
    tokenizer: Tokenizer
    """Of the model."""
    text_format: str = DELIMITERS
    """How it reads a prompt, see `chat_template`."""
    path: str = ""
    """Where it was loaded from; empty for a model in training."""

    def generate(
        self, problems: Sequence[Problem], *, max_new_tokens: int = 200, batch_size: int = 64, label: str = ""
    ) -> list[str]:
        """Completion texts, one per problem, in the order given; read them with `parsing.parse_delimited`.

        Args:
            problems: what to decompose.
            max_new_tokens: a reply that has not ended by then is cut.
            batch_size: problems decoded together; longest first, so that a batch holds like lengths.
            label: names the progress; empty: none is shown.
        """
        prompts = [format_student_prompt(problem.problem, problem.passage) for problem in problems]
        return self.complete(prompts, max_new_tokens=max_new_tokens, batch_size=batch_size, label=label)

    def complete(
        self, prompts: Sequence[str], *, max_new_tokens: int = 200, batch_size: int = 64, label: str = ""
    ) -> list[str]:
        """The same for prompts as the dataset's `prompt` columns have them, a solver's included.

        Args:
            prompts: what to continue.
            max_new_tokens: see `generate`.
            batch_size: see `generate`.
            label: see `generate`.
        """
        room, ends = positions(self.model), end_ids(self.model, self.tokenizer, self.text_format)
        encoded = [keep_end(ids, room, max_new_tokens) for ids in self.encode(prompts)]
        order = sorted(range(len(encoded)), key=lambda index: -len(encoded[index]))
        texts = [""] * len(encoded)
        with Progress(label, len(encoded), "problem", shown=bool(label)) as progress:
            for start in range(0, len(order), batch_size):
                batch = order[start : start + batch_size]
                completions = decode_batch(
                    self.model,
                    self.tokenizer,
                    [encoded[index] for index in batch],
                    ends=ends,
                    max_new_tokens=max_new_tokens,
                )
                for index, completion in zip(batch, completions, strict=True):
                    texts[index] = completion.text
                progress.advance(len(batch))
        return texts

    def encode(self, prompts: Sequence[str]) -> list[list[int]]:
        """The token ids that the model is given."""
        return encode_prompts(self.tokenizer, prompts, self.text_format)


def keep_end(ids: list[int], positions: int, max_new_tokens: int) -> list[int]:
    """A prompt's last tokens where prompt and reply would not fit the model's positions."""
    if len(ids) + max_new_tokens <= positions:
        return ids
    keep = max(1, positions - max_new_tokens)
    logger.warning(
        "a prompt of %d tokens was cut to its last %d: the model has %d positions", len(ids), keep, positions
    )
    return ids[-keep:]
