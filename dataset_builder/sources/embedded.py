"""Worlds that come with the toolkit: their problems are drawn instead of loaded, their models served from here.

A world's name stands for a source (`--problems micro_gsm`) and for an endpoint (`--base_url micro_gsm`).
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from dataset_builder.core.errors import UserError
from dataset_builder.schema.records import Problem, Split
from dataset_builder.sources.source import Source

SERVERS = {"micro_gsm": "dataset_builder.micro_gsm.server"}
"""By world: the module that serves its models through the chat-completions protocol."""


def _world(name: str, domain: str) -> Source:
    """The source of a MicroGSM domain's problems."""

    def draw(split: Split, count: int) -> list[Problem]:
        from dataset_builder.micro_gsm.problems import generate_problems

        return generate_problems(split, count, 0, domain=name)

    return Source(
        name=name,
        licence="apache-2.0",
        home="dataset_builder/micro_gsm",
        citation="drawn by this toolkit",
        domain=domain,
        draw=draw,
    )


MICRO_GSM = _world("micro_gsm", "synthetic grade-school math word problems")
MICRO_GSM_WALKS = _world("micro_gsm_walks", "synthetic grade-school math word problems about ways and times")
"""Other stories and relations than micro_gsm, answered by the same models: what transfers between the two?"""


@contextlib.contextmanager
def serve_embedded(base_urls: Sequence[str], log: Path | None = None, seed: int = 0) -> Iterator[list[str]]:
    """Yields `base_urls` with a world's name replaced by the address of its server, started in a child process.

    The child ends with the `with` block, and also when this process is killed.

    Args:
        base_urls: addresses, which are passed through, and names of worlds.
        log: a file to append a line to for each reply sent.
        seed: of the world: of what its models write.

    Raises:
        UserError: the server did not come up.
    """
    worlds = [url for url in base_urls if url in SERVERS]
    if not worlds:
        yield list(base_urls)
        return
    command = [sys.executable, "-m", SERVERS[worlds[0]], "--stop_with_stdin", "--seed", str(seed)]
    command += ["--log", str(log)] if log else []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            if not address:
                raise UserError(f"the {worlds[0]} server did not start; run `{' '.join(command[1:])}` to see why")
            yield [address if url == worlds[0] else url for url in base_urls]
        finally:
            process.terminate()
