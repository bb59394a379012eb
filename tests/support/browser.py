"""A real Chromium without a window, told what to do over its own protocol: real clicks, real layout, real screenshots.

Takes any Chromium or Chrome on the PATH (or the one that BROWSER_BINARY names); tests skip without one.
"""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
         "--disable-background-networking", "--remote-debugging-port=0")  # fmt: skip
NO_BROWSER = "no Chromium or Chrome on the PATH (Debian: apt-get install chromium), nor named by BROWSER_BINARY"


def find_browser() -> str | None:
    """The browser's binary, or None."""
    named = os.environ.get("BROWSER_BINARY")
    return named or next((path for name in NAMES if (path := shutil.which(name))), None)


class Tab:
    """One tab. `problems` collects uncaught errors and console errors, `requests` every address it asked for."""

    def __init__(self, url: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._session = self._loop.run_until_complete(self._connect(url))
        self._last_id = 0
        self.problems: list[str] = []
        self.requests: list[str] = []
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    async def _connect(self, url: str) -> aiohttp.ClientSession:
        session = aiohttp.ClientSession()
        self._socket = await session.ws_connect(url, max_msg_size=0)
        return session

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Sends one command and returns its result; what happens meanwhile is noted."""
        return self._loop.run_until_complete(asyncio.wait_for(self._call(method, parameters), 60))

    async def _call(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        self._last_id += 1
        await self._socket.send_json({"id": self._last_id, "method": method, "params": parameters})
        while True:
            message = await self._socket.receive_json()
            if message.get("id") == self._last_id:
                assert "error" not in message, message
                return dict(message["result"])
            self._note(message)

    def _note(self, message: dict[str, Any]) -> None:
        values = message.get("params", {})
        if message["method"] == "Network.requestWillBeSent":
            self.requests.append(values["request"]["url"])
        elif message["method"] == "Runtime.exceptionThrown":
            details = values["exceptionDetails"]
            self.problems.append(details.get("exception", {}).get("description") or details["text"])
        elif message["method"] == "Log.entryAdded" and values["entry"]["level"] == "error":
            self.problems.append(values["entry"]["text"])

    def open(self, url: str) -> None:
        """Goes to a page and waits until its script has drawn it."""
        self.call("Page.navigate", url="about:blank")
        self.call("Page.navigate", url=url)
        self.wait_for("document.readyState === 'complete'")

    def js(self, expression: str) -> Any:
        """The value of an expression in the page."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait_for(self, condition: str, timeout_s: float = 20) -> None:
        """Until the expression is true."""
        deadline = time.monotonic() + timeout_s
        while not self.js(condition):
            assert time.monotonic() < deadline, f"never became true: {condition}; {self.problems}"
            time.sleep(0.02)

    def size(self, width: int, height: int, *, dark: bool = False) -> None:
        """The window, and the colour scheme that the reader prefers."""
        mobile = width < 600
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def screenshot(self, path: Path) -> bytes:
        """Writes what the window shows as PNG."""
        data = base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return data

    def close(self) -> None:
        self._loop.run_until_complete(self._session.close())
        self._loop.close()


@contextmanager
def browsing(binary: str, profile: Path) -> Iterator[Tab]:
    """A tab of a fresh browser; both are gone afterwards."""
    command = [binary, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        tab = Tab(_tab_url(profile, process))
        try:
            yield tab
        finally:
            tab.close()
    finally:
        process.terminate()
        process.wait(timeout=20)


def _tab_url(profile: Path, process: subprocess.Popen[bytes]) -> str:
    """The address of the first tab's protocol, once the browser has written its port."""
    deadline, port_file = time.monotonic() + 60, profile / "DevToolsActivePort"
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the browser ended with {process.returncode}"
        if port_file.is_file() and port_file.read_text().strip():
            tabs = asyncio.run(_tabs(port_file.read_text().split()[0]))
            if tabs:
                return tabs[0]
        time.sleep(0.05)
    raise AssertionError("the browser never opened its port")


async def _tabs(port: str) -> list[str]:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/json") as reply:
        return [tab["webSocketDebuggerUrl"] for tab in await reply.json() if tab["type"] == "page"]
