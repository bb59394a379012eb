"""Models that answer in this process: transformers in batches, or vLLM.

`load_transformers(path).answer(requests)` decodes a batch through `recipes.models.decoding`. A checkpoint trained here
is sent the ids it was trained on, as its recipe's `text_format` says; a model of other origin reads its own chat
template with its maker's defaults, or the bare prompt where it has none. Prompts that do not fit the model's positions
are failures, never cut silently.

Speed: see `tests/benchmarks/bench_eval.py`, which compares with one prompt at a time.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from dataset_builder.core.errors import UserError
from dataset_builder.llm.request import Request, Response
from recipes.modeling import load_policy
from recipes.models.chat_template import OWN, encode_prompts, end_token
from recipes.models.checkpoint import check_finished, recorded_format
from recipes.models.decoding import Completion, decode_batch, end_ids, positions
from recipes.models.policy import Policy


class InProcessModel(Protocol):
    """What answers requests without a server."""

    def answer(self, requests: Sequence[Request]) -> list[Response]:
        """One response per request."""
        ...


@dataclass
class TransformersModel:
    """A causal LM, bare, with adapters or guided by values, that answers requests."""

    policy: Policy
    """Model, tokenizer and the text format it was trained on."""

    def answer(self, requests: Sequence[Request]) -> list[Response]:
        """One response per request; they must share their decoding."""
        start = time.perf_counter()
        limit = positions(self.policy.model)
        encoded = self.policy.encode(_texts(requests))
        fitting = [index for index, ids in enumerate(encoded) if len(ids) < limit]
        completions = self._decode([encoded[index] for index in fitting], requests[0].decoding) if fitting else []
        seconds = (time.perf_counter() - start) / len(requests)
        replies = dict(zip(fitting, completions, strict=True))
        return [
            _response(request, len(encoded[index]), replies.get(index), limit, seconds)
            for index, request in enumerate(requests)
        ]

    def _decode(self, prompts: Sequence[Sequence[int]], decoding: dict[str, Any]) -> list[Completion]:
        policy = self.policy
        return decode_batch(
            policy.model,
            policy.tokenizer,
            prompts,
            ends=end_ids(policy.model, policy.tokenizer, policy.text_format),
            max_new_tokens=int(decoding["max_tokens"]),
            temperature=float(decoding["temperature"]),
            seed=int(decoding.get("seed", 0)),
            stops=tuple(decoding.get("stop", ())),
        )


def load_transformers(path: str) -> TransformersModel:
    """A causal LM (folder or Hub id, full, adapter or guided policy), on a GPU if there is one.

    Raises:
        UserError: it cannot be loaded.
    """
    return TransformersModel(load_policy(path, untrained_format=OWN))


@dataclass
class VllmModel:
    """vLLM's engine in this process; it batches by itself."""

    engine: Any
    """A `vllm.LLM`, whose package is an optional extra."""
    text_format: str = OWN
    """How the model reads a prompt, see `recipes.models.chat_template`."""

    def answer(self, requests: Sequence[Request]) -> list[Response]:
        """One response per request."""
        from vllm import SamplingParams

        start = time.perf_counter()
        tokenizer = self.engine.get_tokenizer()
        end = end_token(tokenizer, self.text_format)
        decoding = [
            SamplingParams(
                temperature=request.decoding["temperature"],
                max_tokens=request.decoding["max_tokens"],
                stop=list(request.decoding.get("stop", ())),
                stop_token_ids=[] if end is None else [end],
                seed=request.decoding.get("seed"),
            )
            for request in requests
        ]
        prompts = encode_prompts(tokenizer, _texts(requests), self.text_format)
        outputs = self.engine.generate([{"prompt_token_ids": ids} for ids in prompts], decoding)
        seconds = (time.perf_counter() - start) / len(requests)
        return [_from_vllm(request, output, seconds) for request, output in zip(requests, outputs, strict=True)]


def load_vllm(path: str) -> VllmModel:
    """vLLM with the model of a folder or Hub id.

    Raises:
        UserError: vLLM is not installed, or the checkpoint has not finished.
    """
    check_finished(path)
    try:
        from vllm import LLM
    except ImportError as error:
        raise UserError(
            "the vllm solver needs the extra: pip install 'gsm8k-ai-subq[vllm]' in an environment of its own, or "
            f"serve {path} with `vllm serve` and name it as openai:{path} with --base_url"
        ) from error
    return VllmModel(LLM(model=path), recorded_format(Path(path)) or OWN)


def _texts(requests: Sequence[Request]) -> list[str]:
    return [request.messages[-1]["content"] for request in requests]


def _response(
    request: Request, prompt_tokens: int, reply: Completion | None, positions: int, seconds: float
) -> Response:
    if reply is None:
        error = f"the prompt has {prompt_tokens} tokens, the model {positions} positions"
        return Response(request, None, cost_usd=0.0, latency_s=seconds, error_kind="bad_request", error=error)
    return Response(request, reply.text, reply.finish_reason, prompt_tokens, reply.tokens, 0.0, seconds)


def _from_vllm(request: Request, output: Any, seconds: float) -> Response:
    best = output.outputs[0]
    reason = "stop_string" if isinstance(best.stop_reason, str) else best.finish_reason
    return Response(request, best.text, reason, len(output.prompt_token_ids), len(best.token_ids), 0.0, seconds)
