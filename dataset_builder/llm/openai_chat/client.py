"""One attempt at a chat completion on the OpenAI protocol: request out, `Response` or `Fault` back.

Works unchanged against OpenAI, vLLM, llama.cpp, Ollama, OpenRouter and `transformers serve`: it relies on neither `n`
nor logprobs, and takes replies without a usage block, under any content type. The key comes from OPENAI_API_KEY and
goes nowhere but into the request's header. Each request carries its journal key as `X-Client-Request-Id`, to find it
in a provider's log.

Retries, limits and money are the service's; this file never tries twice, but for a parameter that a model refuses by
name, which is mended for the whole run (`parameters`), and for a redirect, which stays a POST.

Differences from the openai client: 1. it gives the headers and does files and batches, but chat requests are posted
over aiohttp and read as JSON once: a quarter of the CPU time.
"""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Self
from urllib.parse import urljoin, urlsplit

from dataset_builder.llm.openai_chat.address import KEY_NAME, api_key
from dataset_builder.llm.openai_chat.meanings import LONGEST_DETAIL, fault_of, read_error
from dataset_builder.llm.openai_chat.parameters import Parameters
from dataset_builder.llm.openai_chat.wire import read_completion, wire_body, wire_bytes
from dataset_builder.llm.request import Request, Response
from dataset_builder.llm.retry import Fault
from dataset_builder.llm.settings import ServiceSettings

PROBE_S = 5.0
MOST_REDIRECTS = 4
_REDIRECTS = (301, 302, 303, 307, 308)


class ChatClient:
    """A `client.TextClient`: connections to all endpoints of a run; an async context manager."""

    key_name = KEY_NAME

    def __init__(self, base_urls: Sequence[str], settings: ServiceSettings) -> None:
        self.parameters = Parameters()
        self.listings: dict[str, Any] = {}
        """By base URL: what `/models` said when it was probed."""
        self._base_urls = base_urls
        self._timeout_s = settings.timeout_s
        self._url_flag = settings.flag("base_url")
        self._key = api_key(base_urls, flag=self._url_flag)
        self._clients: dict[str, Any] = {}
        self._chat_urls = {url: f"{url}/chat/completions" for url in base_urls}
        self._proxies = {url: _proxy(url) for url in base_urls}

    async def __aenter__(self) -> Self:
        import aiohttp
        import openai  # 0.6 s to import

        self._openai, self._aiohttp = openai, aiohttp
        configured = self.client(self._base_urls[0])
        headers = {**configured.default_headers, **configured.auth_headers}
        connector = aiohttp.TCPConnector(limit=0, ssl=_tls(self._base_urls))
        self._session = aiohttp.ClientSession(
            connector=connector,
            headers={name: value for name, value in headers.items() if isinstance(value, str)},
            timeout=aiohttp.ClientTimeout(total=None),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()
        for client in self._clients.values():
            await client.close()

    def client(self, base_url: str) -> Any:
        """The `openai.AsyncOpenAI` of an endpoint, for files and batches."""
        if base_url not in self._clients:
            self._clients[base_url] = self._openai.AsyncOpenAI(
                base_url=base_url,
                api_key=self._key,
                max_retries=0,
                timeout=self._timeout_s,
                http_client=self._openai.DefaultAioHttpClient(),
            )
        return self._clients[base_url]

    async def send(self, base_url: str, request: Request) -> Response | Fault:
        """Sends one request once."""
        started = time.monotonic()
        while True:
            body = wire_body(request, self.parameters)
            try:
                async with asyncio.timeout(self._timeout_s):
                    outcome = await self._post(base_url, request, body)
            except Exception as error:
                return self.fault(error)
            if not isinstance(outcome, Fault):
                return read_completion(request, outcome, time.monotonic() - started)
            sent = {name: value for name, value in body.items() if name not in ("model", "messages")}
            if not outcome.parameter or not self.parameters.mend(
                request.model, outcome.parameter, sent, request.decoding
            ):
                return outcome

    async def probe(self, base_url: str) -> Fault | None:
        """Does anybody answer there? Any HTTP answer will do (not every server lists its models), but not a 401."""
        fault: Fault | None = None
        for attempt in range(2):
            fault = None
            try:
                async with asyncio.timeout(PROBE_S):
                    fault = await self._list_models(base_url)
            except Exception as error:
                fault = self.fault(error)
            if fault is None or fault.kind not in ("connection", "timeout"):
                return fault if fault and fault.kind == "auth" else None
            await asyncio.sleep(0.3 * (1 - attempt))
        return fault

    async def _list_models(self, base_url: str) -> Fault | None:
        async with self._session.get(f"{base_url}/models", proxy=self._proxies[base_url]) as response:
            raw = await response.read()
            if response.status == 200:
                self.listings[base_url] = _json_or_text(raw)
                return None
            error = read_error(response.status, _json_or_text(raw))
            return self._redacted_fault(fault_of(error, response.headers))

    async def _post(self, base_url: str, request: Request, body: dict[str, Any]) -> Any:
        """The JSON of the answer, or why there is none."""
        data = wire_bytes(body)
        for _ in range(MOST_REDIRECTS):
            url = self._chat_urls[base_url]
            async with self._session.post(
                url,
                data=data,
                headers={"X-Client-Request-Id": request.key},
                allow_redirects=False,
                proxy=self._proxies[base_url],
            ) as response:
                raw = await response.read()
            if response.status in _REDIRECTS:
                fault = self._follow(base_url, url, response.headers.get("Location", ""), response.status)
                if fault is None:
                    continue
                return fault
            if response.status == 200:
                return json.loads(raw)
            error = read_error(response.status, _json_or_text(raw))
            return self._redacted_fault(fault_of(error, response.headers, [*body]))
        return Fault("not_found", f"{url} redirects in circles", "stop")

    def _follow(self, base_url: str, url: str, location: str, status: int) -> Fault | None:
        """Takes the address that a redirect names, for the run; None where the key may go there."""
        target = urljoin(url, location) if location else ""
        old, new = urlsplit(url), urlsplit(target)
        safe = new.scheme == "https" or new.scheme == old.scheme
        if location and status != 303 and old.hostname == new.hostname and safe and target != url:
            self._chat_urls[base_url] = target
            return None
        where = f"{target.partition('?')[0].removesuffix('/chat/completions')}" if location else "nowhere"
        return Fault(
            "not_found",
            f"HTTP {status}: moved to {where}",
            "stop",
            advice=f"give {self._url_flag} {where} if you trust it",
        )

    def fault(self, error: Exception) -> Fault:
        """Maps the client libraries' errors; anything that is not one of them is a bug and goes up."""
        if isinstance(error, self._openai.APIStatusError):
            refusal = read_error(error.status_code, error.body if error.body is not None else error.message)
            return self._redacted_fault(fault_of(refusal, error.response.headers))
        if isinstance(error, (TimeoutError, self._aiohttp.ClientError, self._openai.APIConnectionError)):
            return self._connection_fault(error)
        if isinstance(error, (ValueError, RecursionError)):
            return Fault("bad_reply", self._redacted(f"not JSON: {error}"), "retry", maybe_billed=True)
        raise error

    def _connection_fault(self, error: Exception) -> Fault:
        """Tells timeouts, connections that never stood, and dropped ones apart by their deepest cause.

        The openai client's transport maps all three to a connect timeout (openai 3.52), so its class says little.
        """
        chain: list[BaseException] = [error]
        while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None and cause not in chain:
            chain.append(cause)
        never_sent = any(
            isinstance(link, (self._aiohttp.ClientConnectorError, self._aiohttp.InvalidURL)) for link in chain
        )
        if not never_sent and any(isinstance(link, TimeoutError) for link in chain):
            return Fault("timeout", f"no reply within {self._timeout_s:g} s", "retry", maybe_billed=True)
        told = next((link for link in reversed(chain) if str(link)), error)
        return Fault("connection", self._redacted(str(told)), "retry", maybe_billed=not never_sent)

    def _redacted_fault(self, fault: Fault) -> Fault:
        if self._key not in fault.detail:
            return fault
        return replace(fault, detail=self._redacted(fault.detail))

    def _redacted(self, text: str) -> str:
        """Providers quote the key they refuse; it must reach no record."""
        return " ".join(text.replace(self._key, "***").split())[:LONGEST_DETAIL]


def _json_or_text(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return raw[: 10 * LONGEST_DETAIL].decode("utf-8", "replace")


def _proxy(url: str) -> str | None:
    """The proxy that the environment names for an endpoint, looked up once a run."""
    parts = urlsplit(url)
    if urllib.request.proxy_bypass(parts.hostname or ""):
        return None
    proxies = urllib.request.getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    return proxy if proxy is None or "://" in proxy else f"http://{proxy}"


def _tls(urls: Sequence[str]) -> Any:
    """The certificates that the openai client trusts, where any endpoint needs them."""
    if not any(url.startswith("https://") for url in urls):
        return True
    import httpx2  # what the openai client itself connects with

    return httpx2.create_ssl_context()
