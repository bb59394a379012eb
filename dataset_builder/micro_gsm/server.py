"""Serves the embedded world on a loopback port through OpenAI's chat-completions protocol.

Its models, so that the whole way runs through the production client, journal and parsers:

    micro-gsm-teacher       decomposes   (the user message ends with "Sub-questions:")
    micro-gsm-critic        votes        (it ends with "Verdicts:")
    micro-gsm-solver        answers      (anything else: "Answers:", or a prompt without sub-questions)
    micro-gsm-solver-weak   the same, with more slips
    micro-gsm-solver-far    the same, and can take two hops at once
    micro-gsm-reasoner      the same, and has sub-questions of its own where it is given none and may reason

`python -m dataset_builder.micro_gsm.server --port 8765` serves until it is stopped; `sources.embedded.serve_embedded`
starts one in a child process for as long as it is needed. A reply depends on the world's seed, the messages, the
temperature and the request's `seed`, and on nothing else: the same request always gets the same reply. `GET /requests`
counts the replies sent; with `--log FILE` each is also a line {"sha256": <of the body>, "model": ...}.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from dataset_builder.core.config import option, parse_config
from dataset_builder.core.errors import UserError, entry_point
from dataset_builder.micro_gsm.replies import MODELS, NAME, reply_text

if TYPE_CHECKING:
    from aiohttp import web


@dataclass(frozen=True)
class ServerConfig:
    """The loopback server's options."""

    host: str = option("127.0.0.1", "address to listen on")
    port: int = option(0, "port to listen on; 0 takes a free one and prints it", least=0, most=65535)
    seed: int = option(0, "seed of the world: of the teacher's samples, the solver's slips, the critic's errors")
    latency_s: float = option(0.0, "seconds to wait before each reply, as a remote endpoint would", least=0)
    log: str = option("", "file to append a line to for each reply sent", writes="file")
    stop_with_stdin: bool = option(False, "stop when standard input is closed, as it is when a parent process ends")


def build_app(config: ServerConfig) -> web.Application:
    """The aiohttp application behind the server."""
    from aiohttp import web

    sent = 0
    log: TextIO | None = None
    if config.log:
        Path(config.log).parent.mkdir(parents=True, exist_ok=True)
        log = Path(config.log).open("a", encoding="utf-8")  # noqa: SIM115 (open as long as the server)

    async def complete(request: web.Request) -> web.Response:
        nonlocal sent
        try:
            raw = await request.read()
            body = json.loads(raw)
            text = reply_text(body, config.seed)
        except (ValueError, KeyError, IndexError, TypeError) as error:
            message = f"not a chat-completion request: {error}"
            return web.json_response({"error": {"message": message, "type": "invalid_request_error"}}, status=400)
        if config.latency_s:
            await asyncio.sleep(config.latency_s)
        sent += 1
        if log is not None:
            with contextlib.suppress(OSError):  # a full disk is the client's to tell
                log.write(json.dumps({"sha256": hashlib.sha256(raw).hexdigest(), "model": body.get("model")}) + "\n")
                log.flush()
        return web.json_response(_completion(body, text))

    async def models(_: web.Request) -> web.Response:
        same = {"object": "model", "owned_by": NAME, "root": f"{NAME}, seed {config.seed}"}
        listed = [{"id": name, **same} for name in MODELS]
        return web.json_response({"object": "list", "data": listed})

    async def count(_: web.Request) -> web.Response:
        return web.json_response({"sent": sent})

    app = web.Application()
    app.router.add_post("/v1/chat/completions", complete)
    app.router.add_get("/v1/models", models)
    app.router.add_get("/requests", count)
    return app


def _completion(body: dict[str, Any], text: str) -> dict[str, Any]:
    """A chat.completion object; a token is a blank-separated word here."""
    prompt_tokens = sum(len(message["content"].split()) for message in body["messages"])
    words = text.split()
    limit = body.get("max_completion_tokens") or body.get("max_tokens") or len(words)
    for stop in [body["stop"]] if isinstance(body.get("stop"), str) else body.get("stop") or []:
        text = text.partition(stop)[0]
    cut = len(words) > limit
    return {
        "id": "chatcmpl-" + hashlib.sha256(text.encode()).hexdigest()[:12],
        "object": "chat.completion",
        "created": int(time.time()),
        "model": body.get("model", NAME),
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": " ".join(words[:limit]) if cut else text},
                "finish_reason": "length" if cut else "stop",
            }
        ],
        "usage": {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": min(len(words), limit),
            "total_tokens": prompt_tokens + min(len(words), limit),
        },
    }


async def _serve(config: ServerConfig) -> None:
    from aiohttp import web

    runner = web.AppRunner(build_app(config), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, config.host, config.port)
    try:
        await site.start()
    except OSError as error:
        raise UserError(
            f"cannot listen on {config.host}:{config.port}: {error.strerror}; choose another port"
        ) from error
    host, port = runner.addresses[0][:2]
    print(f"http://{host}:{port}/v1", flush=True)
    closed = asyncio.Event()
    if config.stop_with_stdin:
        asyncio.get_running_loop().run_in_executor(None, _wait_for_parent, closed, asyncio.get_running_loop())
    await closed.wait()
    await runner.cleanup()


def _wait_for_parent(closed: asyncio.Event, loop: asyncio.AbstractEventLoop) -> None:
    """A parent that ends, even by kill -9, closes the pipe that is our standard input."""
    sys.stdin.read()
    loop.call_soon_threadsafe(closed.set)


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    """`python -m dataset_builder.micro_gsm.server`."""
    config = parse_config(
        ServerConfig,
        argv,
        prog="python -m dataset_builder.micro_gsm.server",
        description="Serves the MicroGSM world (teacher, critic, solver) through OpenAI's chat-completions protocol.",
        epilog="example: python -m dataset_builder.micro_gsm.server --port 8765 --latency_s 0.5",
    )
    asyncio.run(_serve(config))


if __name__ == "__main__":
    sys.exit(main())
