"""Models that answer in this process: transformers in batches (`recipes.training.in_process`), or vLLM.

load_transformers("outputs/tiny/solver_teacher_full").answer(requests)      # policies guided by values included
load_vllm("org/model").answer(requests)                                     # the extra `vllm`
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataset_builder.core.errors import UserError
from dataset_builder.llm.request import Request, Response
from recipes.modeling import load_policy
from recipes.models.chat_template import OWN, encode_prompts, end_token
from recipes.models.checkpoint import check_finished, recorded_format
from recipes.training.in_process import TransformersModel, prompt_texts


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
        prompts = encode_prompts(tokenizer, prompt_texts(requests), self.text_format)
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


def _from_vllm(request: Request, output: Any, seconds: float) -> Response:
    best = output.outputs[0]
    reason = "stop_string" if isinstance(best.stop_reason, str) else best.finish_reason
    return Response(request, best.text, reason, len(output.prompt_token_ids), len(best.token_ids), 0.0, seconds)
