"""A loopback server that speaks chat/completions, models, files and batches, and misbehaves on request.

Runs in a child process (`serving(...)`) so that a client can be killed without it. Every chat request is told apart by
its `X-Client-Request-Id` header, which the client sets to the request's key. With `log=FILE` each event is one line:

    {"event": "asked", "key": "9f2c..."}          a request arrived
    {"event": "answered", "key": "9f2c..."}       its whole reply was written to the socket
    {"event": "batch", "id": "batch_1", "keys": 3}

Faults are drawn per key and attempt from a seed (`faults={"429": 0.1}`), or scripted for the next requests
(`script=["500", "drop"]`, or a whole answer: `{"status": 403, "body": {...}, "headers": {...}}`, which `always` gives
to every request); `content_filter`, `length` and `empty` are drawn per key alone, as real refusals are.

With `refuses=["max_tokens", ...]` a request with one of these gets the 400 that OpenAI's reasoning models send, and
with `thinks` a reply has a think block before it, `reasoning_content` beside it and reasoning tokens in its usage.
`/old/v1` has moved to `/v1`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from dataset_builder.micro_gsm.replies import reply_text as micro_gsm_text

ROOT = Path(__file__).parents[2]
TRANSIENT = ("429", "500", "503", "hang", "half", "not_json", "wrong_json", "drop")
LASTING = ("content_filter", "length", "empty", "400")
ALWAYS = ("401", "403", "404", "quota")


@dataclass
class Behaviour:
    """What the server does. Rates are shares of requests; `latency_s` holds back every good reply."""

    latency_s: float = 0.0
    faults: dict[str, float] = field(default_factory=dict)
    script: list[Any] = field(default_factory=list)
    always: dict[str, Any] = field(default_factory=dict)
    refuses: list[str] = field(default_factory=list)
    thinks: bool = False
    world: bool = False
    seed: int = 0
    retry_after_s: float = 0.05
    usage: list[int] = field(default_factory=lambda: [100, 20])
    log: str = ""
    port: int = 0
    root: str = "the same weights"
    batch_endings: list[str] = field(default_factory=list)
    batch_done_share: float = 1.0
    batch_row: dict[str, Any] = field(default_factory=dict)
    batches_gone: int = 0
    files_gone: int = 0


def reply_text(messages: list[dict[str, str]]) -> str:
    """What the model says: told by the prompt's cue line, seeded by the prompt itself."""
    text = messages[-1]["content"].rstrip()
    asked = text.rpartition("Problem:")[2]
    count = len(re.findall(r"^Q\d+:", asked, flags=re.M))
    if text.endswith("Sub-questions:"):
        return "\n".join(f"Q{i}: What is step {i}?" for i in range(1, 3 + int(_share(text) * 3)))
    if text.endswith("Verdicts:"):
        return "\n".join(f"Q{i}: {'No' if i == 1 and _share(text) < 0.3 else 'Yes'}" for i in range(1, count + 1))
    return "\n".join(f"A{i}: It is {i}." for i in range(1, count + 1)) + f"\n\nFinal answer: {int(_share(text) * 100)}"


def _share(*parts: Any) -> float:
    digest = hashlib.blake2b("|".join(map(str, parts)).encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") / 2**32


def completion(text: str, model: str, usage: list[int], finish_reason: str = "stop") -> dict[str, Any]:
    """A chat completion as servers send it."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": model,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish_reason}],
        "usage": {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)},
    }


def error_body(message: str, code: str = "") -> dict[str, Any]:
    return {"error": {"message": message, "type": "error", "code": code or None}}


def refusal_of(parameter: str) -> dict[str, Any]:
    """What OpenAI says of a parameter that its reasoning models do not take."""
    message = f"Unsupported parameter: '{parameter}' is not supported with this model."
    kind = {"type": "invalid_request_error", "param": parameter, "code": "unsupported_parameter"}
    return {"error": {"message": message, **kind}}


def thought_about(reply: dict[str, Any]) -> dict[str, Any]:
    """A reply with reasoning in its text and beside it, part of which reads like an answer."""
    message = reply["choices"][0]["message"]
    thoughts = "Q1: How many pens?\nQ2: No.\nFinal answer: 12345\n"
    message["content"] = f"<think>\n{thoughts}</think>\n\n{message['content']}<|im_end|>"
    message["reasoning_content"] = thoughts
    reply["usage"]["completion_tokens_details"] = {"reasoning_tokens": 12}
    return reply


def raw_answer(answer: dict[str, Any]) -> web.Response:
    """An answer as a test wrote it: `body` as JSON, or `text` as it is."""
    text = answer["text"] if "text" in answer else json.dumps(answer.get("body"))
    headers = {"Content-Type": "application/json", **answer.get("headers", {})}
    return web.Response(body=text.encode("utf-8", "surrogatepass"), status=answer.get("status", 200), headers=headers)


class Server:
    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.attempts: dict[str, int] = {}
        self.log = open(behaviour.log, "a", buffering=1) if behaviour.log else None  # noqa: SIM115
        self.files: dict[str, str] = {}
        self.batches: dict[str, dict[str, Any]] = {}

    def app(self) -> web.Application:
        app = web.Application(client_max_size=300 * 2**20)
        app.router.add_post("/v1/chat/completions", self.chat)
        app.router.add_post("/old/v1/chat/completions", self.moved)
        app.router.add_get("/v1/models", self.models)
        app.router.add_post("/v1/files", self.create_file)
        app.router.add_get("/v1/files/{id}/content", self.file_content)
        app.router.add_post("/v1/batches", self.create_batch)
        app.router.add_get("/v1/batches", self.list_batches)
        app.router.add_get("/v1/batches/{id}", self.get_batch)
        app.router.add_post("/v1/batches/{id}/cancel", self.cancel_batch)
        return app

    def note(self, event: str, **facts: Any) -> None:
        if self.log:
            self.log.write(json.dumps({"event": event, **facts}) + "\n")

    async def models(self, request: web.Request) -> web.Response:
        names = ("test-model", "other", "another", "m")
        listed = [{"id": name, "object": "model", "root": self.behaviour.root} for name in names]
        return web.json_response({"object": "list", "data": listed})

    async def chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        key = request.headers.get("X-Client-Request-Id") or hashlib.sha256(await request.read()).hexdigest()
        self.note("asked", key=key)
        refused = next((name for name in self.behaviour.refuses if name in body), None)
        if refused is not None:
            self.note("refused", key=key)
            return web.json_response(refusal_of(refused), status=400)
        fault = self._fault(key)
        if isinstance(fault, dict):
            return raw_answer(fault)
        if fault in TRANSIENT or fault in ALWAYS or fault == "400":
            return await self._misbehave(request, fault, key)
        if self.behaviour.latency_s:
            await asyncio.sleep(self.behaviour.latency_s)
        reply = self._completion(body, fault)
        response = web.json_response(reply)
        await response.prepare(request)
        await response.write_eof()
        self.note("answered", key=key)
        return response

    def _completion(self, body: dict[str, Any], fault: str) -> dict[str, Any]:
        if fault == "length":
            return completion("Q1: What is st", body["model"], self.behaviour.usage, "length")
        if fault == "content_filter":
            return completion("", body["model"], self.behaviour.usage, "content_filter")
        if fault == "empty":
            return completion("  ", body["model"], self.behaviour.usage)
        text = micro_gsm_text(body, 0) if self.behaviour.world else reply_text(body["messages"])
        reply = completion(text, body["model"], self.behaviour.usage)
        return thought_about(reply) if self.behaviour.thinks else reply

    def _fault(self, key: str) -> Any:
        if self.behaviour.script:
            return self.behaviour.script.pop(0)
        if self.behaviour.always:
            return self.behaviour.always
        attempt = self.attempts[key] = self.attempts.get(key, 0) + 1
        for names, drawn in ((LASTING + ALWAYS, _share(self.behaviour.seed, key)), (TRANSIENT, _share(key, attempt))):
            for name in names:
                drawn -= self.behaviour.faults.get(name, 0.0)
                if drawn < 0:
                    return name
        return ""

    async def moved(self, request: web.Request) -> web.Response:
        return web.Response(status=301, headers={"Location": "/v1/chat/completions"})

    async def _misbehave(self, request: web.Request, fault: str, key: str) -> web.StreamResponse:
        if fault in ("hang", "drop", "half"):
            self.note("torn", key=key)  # a provider may bill these
        if fault == "hang":
            await asyncio.sleep(3600)
        if fault == "drop":
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if fault == "half":
            response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "500"})
            await response.prepare(request)
            await response.write(b'{"id": "chatcmpl-1", "choices": [{"mess')
            assert request.transport is not None
            request.transport.abort()
            return response
        if fault == "not_json":
            return web.Response(text="<html>upstream timed out</html>", content_type="text/html")
        if fault == "wrong_json":
            return web.json_response({"choices": []})
        if fault == "429":
            headers = {"Retry-After": str(self.behaviour.retry_after_s)}
            return web.json_response(error_body("slow down", "rate_limit_exceeded"), status=429, headers=headers)
        if fault == "quota":
            return web.json_response(error_body("you exceeded your quota", "insufficient_quota"), status=429)
        return web.json_response(error_body(f"status {fault}"), status=int(fault))

    async def create_file(self, request: web.Request) -> web.Response:
        form = await request.post()
        uploaded = form["file"]
        assert isinstance(uploaded, web.FileField)
        return web.json_response(self._store(uploaded.file.read().decode()))

    def _store(self, content: str) -> dict[str, Any]:
        file_id = f"file-{len(self.files) + 1}"
        self.files[file_id] = content
        return {"id": file_id, "object": "file", "bytes": len(content), "created_at": 1, "filename": "requests.jsonl",
                "purpose": "batch", "status": "processed"}  # fmt: skip

    async def file_content(self, request: web.Request) -> web.Response:
        if self.behaviour.files_gone > 0:
            self.behaviour.files_gone -= 1
            return web.json_response(error_body("no such file"), status=404)
        return web.Response(text=self.files[request.match_info["id"]], content_type="application/jsonl")

    async def create_batch(self, request: web.Request) -> web.Response:
        body = await request.json()
        batch_id = f"batch_{len(self.batches) + 1}"
        rows = [json.loads(line) for line in self.files[body["input_file_id"]].splitlines()]
        ending = self.behaviour.batch_endings.pop(0) if self.behaviour.batch_endings else "completed"
        self.note("batch", id=batch_id, keys=len(rows))
        for row in rows:
            self.note("asked", key=row["custom_id"])
        self.batches[batch_id] = {
            "id": batch_id, "object": "batch", "endpoint": body["endpoint"], "input_file_id": body["input_file_id"],
            "completion_window": "24h", "status": "in_progress", "created_at": int(time.time()),
            "metadata": body.get("metadata"), "_polls": 0, "_ending": ending,
            "request_counts": {"total": len(rows), "completed": 0, "failed": 0},
        }  # fmt: skip
        return web.json_response(self._shown(self.batches[batch_id]))

    def _shown(self, batch: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in batch.items() if not name.startswith("_")}

    async def get_batch(self, request: web.Request) -> web.Response:
        batch = self.batches.get(request.match_info["id"])
        if batch is not None and len(self.batches) <= self.behaviour.batches_gone:
            batch = None
        if batch is None:
            return web.json_response(error_body("no such batch"), status=404)
        batch["_polls"] += 1
        if batch["_polls"] >= 2 and batch["status"] == "in_progress":
            self._finish(batch)
        return web.json_response(self._shown(batch))

    def _finish(self, batch: dict[str, Any]) -> None:
        batch["status"] = batch["_ending"]
        if batch["_ending"] == "failed":
            batch["errors"] = {"data": [{"code": "invalid", "message": "the file was refused"}], "object": "list"}
            return
        rows = [json.loads(line) for line in self.files[batch["input_file_id"]].splitlines()]
        done = rows if batch["_ending"] == "completed" else rows[: int(len(rows) * self.behaviour.batch_done_share)]
        good, bad = [], []
        for row in done:
            fault = self._fault(row["custom_id"])
            if self.behaviour.batch_row:
                bad.append({**self.behaviour.batch_row, "custom_id": row["custom_id"]})
                continue
            if isinstance(fault, dict):
                answer = {"status_code": fault["status"], "request_id": "r", "body": fault["body"]}
                bad.append({"id": "b", "custom_id": row["custom_id"], "response": answer, "error": None})
                continue
            if fault in ("400", "500"):
                answer = {"status_code": int(fault), "request_id": "r", "body": error_body(f"status {fault}")}
                bad.append({"id": "b", "custom_id": row["custom_id"], "response": answer, "error": None})
                continue
            answer = {"status_code": 200, "request_id": "r", "body": self._completion(row["body"], fault)}
            good.append({"id": "b", "custom_id": row["custom_id"], "response": answer, "error": None})
            self.note("answered", key=row["custom_id"])
        for row in rows[len(done) :]:
            error = {"code": "batch_expired", "message": "This request could not be executed in time."}
            bad.append({"id": "b", "custom_id": row["custom_id"], "response": None, "error": error})
        if good:
            batch["output_file_id"] = self._store("\n".join(map(json.dumps, good)) + "\n")["id"]
        if bad:
            batch["error_file_id"] = self._store("\n".join(map(json.dumps, bad)) + "\n")["id"]
        batch["request_counts"] = {"total": len(rows), "completed": len(good), "failed": len(bad)}

    async def list_batches(self, request: web.Request) -> web.Response:
        data = [self._shown(batch) for batch in reversed(self.batches.values())]
        return web.json_response({"object": "list", "data": data, "has_more": False})

    async def cancel_batch(self, request: web.Request) -> web.Response:
        batch = self.batches[request.match_info["id"]]
        batch["_ending"] = "cancelled"
        self._finish(batch)
        return web.json_response(self._shown(batch))


@contextlib.contextmanager
def serving(**behaviour: Any) -> Iterator[str]:
    """Starts the server in a child process and yields its base URL."""
    options = json.dumps(asdict(Behaviour(**behaviour)))
    command = [sys.executable, "-m", "tests.support.fake_openai", "--behaviour", options]
    child = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        yield child.stdout.readline().strip()
    finally:
        child.kill()
        child.communicate()


def events(log: Path, event: str = "answered") -> list[str]:
    """The keys of one kind of event in a server's log, in order."""
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    return [line["key"] for line in map(json.loads, lines) if line["event"] == event]


async def _serve(behaviour: Behaviour) -> None:
    runner = web.AppRunner(Server(behaviour).app(), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", behaviour.port, backlog=1024)
    await site.start()
    port = runner.addresses[0][1]
    print(f"http://127.0.0.1:{port}/v1", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)  # ends when the parent does
    os._exit(0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A loopback server with an OpenAI-compatible API and chosen faults.")
    parser.add_argument("--behaviour", default="{}", help="JSON object with the fields of Behaviour")
    asyncio.run(_serve(Behaviour(**json.loads(parser.parse_args().behaviour))))
