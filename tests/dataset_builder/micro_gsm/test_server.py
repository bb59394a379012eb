"""The loopback server speaks the real protocol to the real client."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from openai import BadRequestError, OpenAI

from dataset_builder.micro_gsm.problems import generate_problems
from dataset_builder.micro_gsm.replies import CRITIC, SOLVER, TEACHER
from dataset_builder.prompts import load_prompt
from dataset_builder.sources.embedded import serve_embedded
from dataset_builder.text.parsing import format_sub_questions, parse_sub_questions, parse_votes

PROBLEM = generate_problems("train", 5)[4]
QUESTIONS = format_sub_questions(PROBLEM.reference_sub_questions)
Client = tuple[OpenAI, str, Path]
"""The library's client, the address, the log."""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    log = tmp_path_factory.mktemp("server") / "requests.jsonl"
    with serve_embedded(["micro_gsm"], log=log) as (url,):
        yield OpenAI(base_url=url, api_key="none", max_retries=0), url, log


def ask(client: OpenAI, model: str, text: str, **options: object) -> str:
    reply = client.chat.completions.create(model=model, messages=[{"role": "user", "content": text}], **options)  # type: ignore[call-overload]
    return str(reply.choices[0].message.content)


def test_the_teacher_decomposes_the_critic_votes_and_the_solver_answers(client: Client) -> None:
    api, _, _ = client
    questions = ask(api, TEACHER, load_prompt("decompose.v1").fill(problem=PROBLEM.problem), temperature=0.7, seed=1)
    assert isinstance(parse_sub_questions(questions), tuple)
    filled = {"problem": PROBLEM.problem, "sub_questions": QUESTIONS}
    votes = parse_votes(
        ask(api, CRITIC, load_prompt("feedback.v1").fill(**filled)), len(PROBLEM.reference_sub_questions)
    )
    assert isinstance(votes, tuple)
    assert "Final answer: " in ask(api, SOLVER, load_prompt("answer.v1").fill(**filled))


def test_a_reply_depends_on_the_seed_and_on_nothing_else(client: Client) -> None:
    api, _, _ = client
    prompt = load_prompt("decompose.v1").fill(problem=PROBLEM.problem)
    replies = [ask(api, TEACHER, prompt, temperature=0.7, seed=seed) for seed in [*range(30), *range(30)]]
    assert replies[:30] == replies[30:]
    assert len(set(replies)) > 1


def test_another_worlds_problem_is_refused_in_words_that_no_parser_takes_for_questions(client: Client) -> None:
    api, _, _ = client
    reply = ask(api, TEACHER, load_prompt("decompose.v1").fill(problem="A train leaves at nine. When does it arrive?"))
    assert not isinstance(parse_sub_questions(reply), tuple)


def test_a_token_limit_ends_with_length_and_a_stop_string_cuts(client: Client) -> None:
    api, _, _ = client
    prompt = load_prompt("answer.v1").fill(problem=PROBLEM.problem, sub_questions=QUESTIONS)
    short = api.chat.completions.create(model=SOLVER, messages=[{"role": "user", "content": prompt}], max_tokens=2)
    assert short.choices[0].finish_reason == "length"
    assert short.usage is not None
    assert short.usage.completion_tokens == 2
    assert "Final" not in ask(api, SOLVER, prompt, stop=["Final"])


def test_what_is_no_chat_completion_request_gets_a_400(client: Client) -> None:
    api, _, _ = client
    with pytest.raises(BadRequestError):
        api.chat.completions.create(model=TEACHER, messages=[])


def test_replies_are_counted_and_logged(client: Client) -> None:
    api, url, log = client
    ask(api, TEACHER, load_prompt("decompose.v1").fill(problem=PROBLEM.problem))
    with urllib.request.urlopen(url.removesuffix("/v1") + "/requests") as reply:
        assert json.load(reply)["sent"] == len(log.read_text().splitlines()) > 0


def test_real_addresses_pass_through() -> None:
    with serve_embedded(["http://127.0.0.1:9/v1"]) as urls:
        assert urls == ["http://127.0.0.1:9/v1"]


def test_the_child_server_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    code = (
        "from dataset_builder.sources.embedded import serve_embedded\n"
        "with serve_embedded(['micro_gsm']) as urls:\n    print(urls[0], flush=True)\n    input()\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    assert parent.stdin is not None
    url = parent.stdout.readline().strip()
    parent.kill()
    parent.wait()
    parent.stdin.close()
    parent.stdout.close()
    for _ in range(100):
        try:
            urllib.request.urlopen(url + "/models", timeout=1).close()
        except OSError:
            return
        time.sleep(0.1)
    pytest.fail(f"the server of a killed parent still answers (pid of this test {os.getpid()})")


def test_a_taken_port_is_one_line_and_exit_code_2(client: Client) -> None:
    _, url, _ = client
    port = url.split(":")[2].split("/")[0]
    command = [sys.executable, "-m", "dataset_builder.micro_gsm.server", "--port", port]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr.startswith("error: cannot listen on")
    assert len(done.stderr.splitlines()) == 1
