"""One attempt at a chat completion on the OpenAI protocol: request out, `Response` or `Fault` back.

Works unchanged against OpenAI, vLLM, llama.cpp, Ollama, OpenRouter and `transformers serve`: it relies on neither `n`
nor logprobs, and takes replies without a usage block. The key comes from OPENAI_API_KEY and goes nowhere but into the
request's header. Each request carries its journal key as `X-Client-Request-Id`, to find it in a provider's log.

Retries, limits and money are `service.py`'s; this file never tries twice.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping, Sequence
from typing import Any, Self

from dataset_builder.core.errors import UserError
from dataset_builder.llm.request import Request, Response
from dataset_builder.llm.retry import Fault, fault_of_status

KEY_NAME = "OPENAI_API_KEY"
OPENAI_URL = "https://api.openai.com/v1"
NO_KEY = "no-key-needed"
PROBE_S = 5.0
LONGEST_DETAIL = 300
_NEW_LIMIT_NAME = ("o1", "o3", "o4", "gpt-5")  # these models refuse `max_tokens`


def resolve_base_urls(base_urls: Sequence[str], environment: Mapping[str, str] | None = None) -> list[str]:
    """The endpoints to use: those given, else OPENAI_BASE_URL (commas separate several), else OpenAI's own.

    Raises:
        UserError: something given is not an http(s) URL.
    """
    environment = os.environ if environment is None else environment
    given = list(base_urls) or [url for url in environment.get("OPENAI_BASE_URL", "").split(",") if url.strip()]
    urls = [url.strip().rstrip("/") for url in given] or [OPENAI_URL]
    for url in urls:
        if not url.startswith(("http://", "https://")):
            raise UserError(f"--base_url must be a URL such as http://127.0.0.1:8000/v1, found {url!r}")
    return list(dict.fromkeys(urls))


def api_key(base_urls: Sequence[str], environment: Mapping[str, str] | None = None) -> str:
    """The key of the environment; servers of one's own need none.

    Raises:
        UserError: OpenAI is asked and there is no key.
    """
    environment = os.environ if environment is None else environment
    key = environment.get(KEY_NAME, "").strip()
    if not key and any(url.startswith(OPENAI_URL) for url in base_urls):
        raise UserError(
            f"{KEY_NAME} is not set; export it, or name your own server with --base_url or OPENAI_BASE_URL"
        )
    return key or NO_KEY


def wire_body(request: Request) -> dict[str, Any]:
    """The JSON body of a request; parameters that are None are left to the server."""
    decoding = {name: value for name, value in request.decoding.items() if value is not None}
    if "max_tokens" in decoding and request.model.startswith(_NEW_LIMIT_NAME):
        decoding["max_completion_tokens"] = decoding.pop("max_tokens")
    return {"model": request.model, "messages": list(request.messages), **decoding}


def read_completion(request: Request, body: Any, latency_s: float) -> Response | Fault:
    """Reads a chat completion. `length`, `content_filter` and an empty text are failures that keep what came."""
    try:
        choice = body["choices"][0]
        text = choice["message"].get("content")
        finish_reason = choice.get("finish_reason")
        usage = body.get("usage") or {}
        prompt_tokens = int(usage.get("prompt_tokens") or 0)
        completion_tokens = int(usage.get("completion_tokens") or 0)
    except (KeyError, IndexError, TypeError, AttributeError, ValueError):
        return Fault("bad_reply", f"not a chat completion: {str(body)[:LONGEST_DETAIL]}", "retry", maybe_billed=True)
    kind = finish_reason if finish_reason in ("length", "content_filter") else None
    if kind is None and not (text or "").strip():
        kind = "empty"
    return Response(
        request, text, finish_reason, prompt_tokens, completion_tokens, None, latency_s, kind, _ERRORS.get(kind or "")
    )


_ERRORS = {
    "length": "the reply was cut at max_tokens",
    "content_filter": "the provider withheld the reply",
    "empty": "the reply holds no text",
}


class ChatClient:
    """A `client.TextClient`: connections to all endpoints of a run; an async context manager."""

    key_name = KEY_NAME

    def __init__(self, base_urls: Sequence[str], timeout_s: float) -> None:
        self._base_urls = base_urls
        self._timeout_s = timeout_s
        self._key = api_key(base_urls)
        self._clients: dict[str, Any] = {}

    async def __aenter__(self) -> Self:
        import openai  # 0.6 s to import

        self._openai = openai
        for url in self._base_urls:
            self._clients[url] = openai.AsyncOpenAI(
                base_url=url,
                api_key=self._key,
                max_retries=0,
                timeout=self._timeout_s,
                http_client=openai.DefaultAioHttpClient(),
            )
        return self

    async def __aexit__(self, *_: object) -> None:
        for client in self._clients.values():
            await client.close()

    def client(self, base_url: str) -> Any:
        """The `openai.AsyncOpenAI` of an endpoint, for files and batches."""
        return self._clients[base_url]

    async def send(self, base_url: str, request: Request) -> Response | Fault:
        """Sends one request once.

        `client.post` instead of `chat.completions.create`: the same connection, headers and errors without building
        and validating a model of the reply, which is a third of the client's CPU time.
        """
        started = time.monotonic()
        headers = {"X-Client-Request-Id": request.key}
        try:
            async with asyncio.timeout(self._timeout_s):
                body = await self._clients[base_url].post(
                    "/chat/completions", cast_to=object, body=wire_body(request), options={"headers": headers}
                )
        except Exception as error:
            return self.fault(error)
        return read_completion(request, body, time.monotonic() - started)

    async def probe(self, base_url: str) -> Fault | None:
        """Does anybody answer there? Any HTTP answer will do (not every server lists its models), but not a 401."""
        for attempt in range(2):
            fault: Fault | None = None
            try:
                async with asyncio.timeout(PROBE_S):
                    await self._clients[base_url].get("/models", cast_to=object)
            except Exception as error:
                fault = self.fault(error)
            if fault is None or fault.kind not in ("connection", "timeout"):
                return fault if fault and fault.kind == "auth" else None
            await asyncio.sleep(0.3 * (1 - attempt))
        return fault

    def fault(self, error: Exception) -> Fault:
        """Maps the client library's errors; anything that is not one of them is a bug and goes up."""
        if isinstance(error, self._openai.APIStatusError):
            code = error.body.get("code") if isinstance(error.body, dict) else None
            return fault_of_status(error.status_code, self._redacted(error.message), code, error.response.headers)
        if isinstance(error, (TimeoutError, self._openai.APIConnectionError)):
            return self._connection_fault(error)
        if isinstance(error, ValueError):
            return Fault("bad_reply", self._redacted(f"not JSON: {error}"), "retry", maybe_billed=True)
        raise error

    def _connection_fault(self, error: Exception) -> Fault:
        """Tells timeouts, connections that never stood, and dropped ones apart by their deepest cause.

        The library's transport maps all three to a connect timeout (openai 3.52), so its own class says little.
        """
        import aiohttp

        chain: list[BaseException] = [error]
        while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None and cause not in chain:
            chain.append(cause)
        never_sent = any(isinstance(link, aiohttp.ClientConnectorError) for link in chain)
        if not never_sent and any(isinstance(link, TimeoutError) for link in chain):
            return Fault("timeout", f"no reply within {self._timeout_s:g} s", "retry", maybe_billed=True)
        told = next((link for link in chain[1:] if str(link)), error)
        return Fault("connection", self._redacted(str(told)), "retry", maybe_billed=not never_sent)

    def _redacted(self, text: str) -> str:
        """Providers quote the key they refuse; it must reach no record."""
        return " ".join(text.replace(self._key, "***").split())[:LONGEST_DETAIL]
