"""Twelve physics problems of one's own, and a teacher of them behind the chat-completions protocol on loopback.

The teacher writes, answers and judges, told apart by the last line of what it is asked. Its sets differ by the
request's seed, so that there is something to learn from: the first of a problem is good, the second begins with a
superfluous question, the third has the last question alone and a wrong answer.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

MODEL = "physics-teacher"
SUPERFLUOUS = "Which quantities does the problem state?"


class PhysicsProblem(NamedTuple):
    """One problem with a good decomposition."""

    question: str
    answer: str
    sub_questions: tuple[str, ...]


PROBLEMS = tuple(
    PhysicsProblem(question, answer, tuple(asked.split(" | ")))
    for question, answer, asked in (
        (
            "A cart rolls 12 metres in 4 seconds and goes on for 5 seconds at twice that speed. How far does it get?",
            "42",
            "How fast is the cart at first? | How far does it roll in the 5 seconds? | How far does it get in all?",
        ),
        (
            "A crate of 20 kg stands on a scale in a lift that accelerates upwards at 2 m/s^2. With g = 10 m/s^2, how "
            "many newtons does the scale show?",
            "240",
            "Which acceleration does the crate feel in all? | How many newtons does the scale show?",
        ),
        (
            "A lamp of 60 W burns for 3 hours a day. How many watt-hours does it use in a week?",
            "1260",
            "How many hours does the lamp burn in a week? | How many watt-hours does it use in a week?",
        ),
        (
            "A spring of 200 N/m is stretched by 0.1 m and then by 0.1 m more. How many joules does it hold then?",
            "4",
            "By how much is the spring stretched in all? | How many joules does it hold then?",
        ),
        (
            "Two resistors of 6 ohms are in parallel, one of 5 ohms in series with them. How many ohms is the whole?",
            "8",
            "How many ohms do the parallel resistors have together? | How many ohms is the whole?",
        ),
        (
            "A stone falls from rest for 3 seconds. With g = 10 m/s^2, how many metres does it fall?",
            "45",
            "How fast is the stone after the fall? | What is its mean speed? | How many metres does it fall?",
        ),
        (
            "A pump lifts 30 kg of water by 8 metres in 20 seconds. With g = 10 m/s^2, what is its power in watts?",
            "120",
            "How much work does the pump do? | What is its power in watts?",
        ),
        (
            "A car of 1000 kg brakes from 20 m/s to rest over 50 metres. How large is the mean force in newtons?",
            "4000",
            "How much kinetic energy does the car lose? | How large is the mean force in newtons?",
        ),
        (
            "A wave has 50 Hz and a wavelength of 4 metres. How many metres does it travel in 3 seconds?",
            "600",
            "How fast is the wave? | How many metres does it travel in 3 seconds?",
        ),
        (
            "Half a kilo of water is warmed by 20 degrees. With 4200 J/(kg K), how many kilojoules does that take?",
            "42",
            "How many joules does one degree take? | How many kilojoules does it take in all?",
        ),
        (
            "A ball of 2 kg at 3 m/s sticks to a resting ball of 4 kg. What is their speed in m/s?",
            "1",
            "What is the momentum before? | What is the mass of both? | What is their speed in m/s?",
        ),
        (
            "A seesaw carries 30 kg at 2 metres from its pivot. At how many metres must 40 kg sit to balance it?",
            "1.5",
            "Which torque has the first side? | At how many metres must the other sit to balance it?",
        ),
    )
)


def write_problems(path: Path) -> Path:
    """The problems as a user has them: JSON lines with question and answer."""
    rows = ({"question": problem.question, "answer": problem.answer} for problem in PROBLEMS)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def reply_text(prompt: str, seed: int) -> tuple[str, str]:
    """(the task, what the teacher says) for a prompt; the seed is that of the set or of the vote."""
    asked = prompt.rstrip()
    problem = max(PROBLEMS, key=lambda one: asked.rfind(one.question))
    questions = re.findall(r"^Q\d+: (.+)$", asked[asked.rfind(problem.question) :], re.MULTILINE)
    if asked.endswith("Sub-questions:"):
        return "decompose", _numbered("Q", _variant(problem, seed))
    if asked.endswith("Verdicts:"):
        return "feedback", _numbered("Q", ["No" if question == SUPERFLUOUS else "Yes" for question in questions])
    answer = "7" if questions == [problem.sub_questions[-1]] else problem.answer
    return "answer", _numbered("A", ["As computed." for _ in questions]) + f"\n\nFinal answer: {answer}"


def _variant(problem: PhysicsProblem, seed: int) -> tuple[str, ...]:
    variants = (problem.sub_questions, (SUPERFLUOUS, *problem.sub_questions), problem.sub_questions[-1:])
    return variants[seed % len(variants)]


def _numbered(letter: str, texts: list[str] | tuple[str, ...]) -> str:
    return "\n".join(f"{letter}{number}: {text}" for number, text in enumerate(texts, 1))


class Teacher(ThreadingHTTPServer):
    """The server. `asked` lists the task of each request."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        """What `--base_url` takes."""
        return f"http://127.0.0.1:{self.server_port}/v1"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Teacher

    def log_message(self, *words: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._send({"object": "list", "data": [{"id": MODEL, "object": "model"}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        prompt = body["messages"][-1]["content"]
        task, text = reply_text(prompt, body.get("seed") or 0)
        self.server.asked.append(task)
        usage = {"prompt_tokens": len(prompt) // 4, "completion_tokens": len(text) // 4}
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        self._send(
            {"id": "1", "object": "chat.completion", "model": body["model"], "choices": [choice], "usage": usage}
        )

    def _send(self, value: dict[str, Any]) -> None:
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@contextmanager
def teaching() -> Iterator[Teacher]:
    """The teacher, for as long as the block lasts."""
    with Teacher() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()
