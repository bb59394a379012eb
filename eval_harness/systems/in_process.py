"""Models that answer in this process: transformers in batches, or vLLM.

`load_transformers(path).answer(requests)` decodes a batch with left padding and a KV cache. A row stops at end of
text, or as soon as its own new text holds a stop string; the batch ends with its last row. A chat model gets its
template, a base model the bare prompt. Prompts that do not fit the model's positions are failures, never cut silently.

Speed: see `tests/benchmarks/bench_eval.py`, which compares with one prompt at a time.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dataset_builder.core.errors import UserError
from dataset_builder.llm.request import Request, Response

if TYPE_CHECKING:
    import torch

STOP_WINDOW_TOKENS = 24


@dataclass
class TransformersModel:
    """A causal LM with its tokenizer."""

    model: Any
    tokenizer: Any

    def answer(self, requests: Sequence[Request]) -> list[Response]:
        """One response per request; they must share their decoding."""
        start = time.perf_counter()
        encoded = [self._encode(request) for request in requests]
        fitting = [place for place, ids in enumerate(encoded) if len(ids) < self._room()]
        texts = self._generate([encoded[place] for place in fitting], requests[0]) if fitting else []
        seconds = (time.perf_counter() - start) / len(requests)
        replies = dict(zip(fitting, texts, strict=True))
        return [
            _response(request, len(encoded[place]), replies.get(place), self._room(), seconds)
            for place, request in enumerate(requests)
        ]

    def _room(self) -> int:
        return int(getattr(self.model.config, "max_position_embeddings", None) or 1 << 30)

    def _encode(self, request: Request) -> list[int]:
        if self.tokenizer.chat_template:
            text = self.tokenizer.apply_chat_template(
                list(request.messages), add_generation_prompt=True, tokenize=False
            )
            return list(self.tokenizer(str(text), add_special_tokens=False)["input_ids"])
        return list(self.tokenizer(request.messages[-1]["content"])["input_ids"])

    def _generate(self, prompts: Sequence[Sequence[int]], request: Request) -> list[tuple[str, int, str]]:
        """(text, new tokens, finish reason) of each prompt.

        Shapes: input_ids and attention_mask (B, T), left padded -> tokens (B, T + at most max_tokens).
        """
        import torch
        from transformers import GenerationConfig, StoppingCriteriaList

        width, pad = max(map(len, prompts)), self.tokenizer.pad_token_id
        input_ids = torch.tensor([[pad] * (width - len(ids)) + list(ids) for ids in prompts])
        mask = torch.tensor([[0] * (width - len(ids)) + [1] * len(ids) for ids in prompts])
        limit = min(int(request.decoding["max_tokens"]), self._room() - width)
        temperature, stops = float(request.decoding["temperature"]), tuple(request.decoding.get("stop", ()))
        torch.manual_seed(int(request.decoding.get("seed", 0)))
        sampling = {"do_sample": True, "temperature": temperature} if temperature > 0 else {"do_sample": False}
        ends = self._end_ids()
        with torch.inference_mode():
            tokens = self.model.generate(
                input_ids=input_ids.to(self.model.device),
                attention_mask=mask.to(self.model.device),
                generation_config=GenerationConfig(
                    max_new_tokens=limit, eos_token_id=ends, pad_token_id=pad, use_cache=True, **sampling
                ),
                stopping_criteria=StoppingCriteriaList([_StopAtText(self.tokenizer, stops, width)] if stops else []),
            )
        return [self._read(row, ends, stops, limit) for row in tokens[:, width:].tolist()]

    def _end_ids(self) -> list[int]:
        configured = getattr(self.model.generation_config, "eos_token_id", None)
        extra = configured if isinstance(configured, list) else [configured]
        return sorted({int(token) for token in (self.tokenizer.eos_token_id, *extra) if token is not None})

    def _read(self, row: list[int], ends: list[int], stops: tuple[str, ...], limit: int) -> tuple[str, int, str]:
        end = next((place for place, token in enumerate(row) if token in ends), None)
        kept = row if end is None else row[:end]
        while kept and kept[-1] == self.tokenizer.pad_token_id:  # generate fills a stopped row with these
            kept = kept[:-1]
        text = self.tokenizer.decode(kept, skip_special_tokens=True)
        if end is None and any(stop in text for stop in stops):
            return text, len(kept), "stop_string"
        return text, min(len(kept) + (end is not None), limit), "length" if end is None else "stop"


class _StopAtText:
    """Marks the rows whose new text holds a stop string; called by `generate` after every token.

    Only the last tokens are decoded, because a stop string that is already there has ended its row, and only for rows
    whose newest token holds the last sign of a stop string, because nothing else can complete one.
    transformers' own StopStringCriteria needs to know how a tokenizer writes its pieces; decoding needs not.
    """

    def __init__(self, tokenizer: Any, stops: Sequence[str], prompt_width: int) -> None:
        self.tokenizer, self.stops, self.prompt_width = tokenizer, tuple(stops), prompt_width
        self._completing: dict[int, bool] = {}

    def __call__(self, input_ids: torch.LongTensor, scores: Any, **options: Any) -> torch.Tensor:
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


def _response(
    request: Request, prompt_tokens: int, reply: tuple[str, int, str] | None, room: int, seconds: float
) -> Response:
    if reply is None:
        error = f"the prompt has {prompt_tokens} tokens, the model {room} positions"
        return Response(request, None, cost_usd=0.0, latency_s=seconds, error_kind="bad_request", error=error)
    text, completion_tokens, finish_reason = reply
    return Response(request, text, finish_reason, prompt_tokens, completion_tokens, 0.0, seconds)


def load_transformers(path: str) -> TransformersModel:
    """A causal LM (folder or Hub id, full or adapter), on a GPU if there is one.

    Raises:
        UserError: it cannot be loaded.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    on_gpu = torch.cuda.is_available()
    dtype = torch.bfloat16 if on_gpu and torch.cuda.is_bf16_supported() else torch.float32
    try:
        tokenizer = AutoTokenizer.from_pretrained(path)
        model: Any = AutoModelForCausalLM.from_pretrained(path, dtype=dtype)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"cannot load the solver {path}: {reason}") from error
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return TransformersModel(model.to("cuda:0" if on_gpu else "cpu").eval(), tokenizer)


@dataclass
class VllmModel:
    """vLLM's engine in this process; it batches by itself."""

    engine: Any

    def answer(self, requests: Sequence[Request]) -> list[Response]:
        """One response per request."""
        from vllm import SamplingParams

        start = time.perf_counter()
        decoding = [
            SamplingParams(
                temperature=request.decoding["temperature"],
                max_tokens=request.decoding["max_tokens"],
                stop=list(request.decoding.get("stop", ())),
                seed=request.decoding.get("seed"),
            )
            for request in requests
        ]
        chat = self.engine.get_tokenizer().chat_template is not None
        if chat:
            outputs = self.engine.chat([list(request.messages) for request in requests], decoding)
        else:
            outputs = self.engine.generate([request.messages[-1]["content"] for request in requests], decoding)
        seconds = (time.perf_counter() - start) / len(requests)
        return [_from_vllm(request, output, seconds) for request, output in zip(requests, outputs, strict=True)]


def _from_vllm(request: Request, output: Any, seconds: float) -> Response:
    best = output.outputs[0]
    reason = "stop_string" if isinstance(best.stop_reason, str) else best.finish_reason
    return Response(request, best.text, reason, len(output.prompt_token_ids), len(best.token_ids), 0.0, seconds)


def load_vllm(path: str) -> VllmModel:
    """vLLM with the model of a folder or Hub id.

    Raises:
        UserError: vLLM is not installed.
    """
    try:
        from vllm import LLM
    except ImportError as error:
        raise UserError(
            "the vllm solver needs the extra: pip install 'gsm8k-ai-subq[vllm]' in an environment of its own, or "
            f"serve {path} with `vllm serve` and name it as openai:{path} with --base_url"
        ) from error
    return VllmModel(LLM(model=path))
