"""Nothing that a stranger should not have is published: not by a push, and not by a commit."""

from __future__ import annotations

import json
import socket
import subprocess
from pathlib import Path

import pytest

from dataset_builder.core.errors import UserError
from dataset_builder.dataset_folder.parquet_writer import SplitWriter
from dataset_builder.hub.leak_guard import main
from dataset_builder.hub.secrets import PATTERNS, find_secrets
from dataset_builder.hub.upload import refuse_secrets

ROOT = Path(__file__).parents[3]
CASES = [
    ("token hf_" + "A1" * 17, "a Hugging Face token"),
    ("sk-proj-" + "a" * 30, "an API key"),
    ("Authorization: Bearer abc", "an Authorization header"),
    ('"Authorization": "Bearer abc"', "an Authorization header"),
    ("/home/ann/data.jsonl", "a home folder"),
    ("/Users/ann/data", "a home folder"),
    (r"C:\Users\ann\data", "a home folder"),
    ("/root/.cache", "a home folder"),
    ("AIza" + "b" * 35, "an API key"),
    ("ghp_" + "c" * 36, "a GitHub token"),
    ("-----BEGIN OPENSSH PRIVATE KEY-----", "a private key"),
    ("https://ann:secret@example.org/x", "a password in an address"),
    ("base_url: http://10.1.2.3:8000/v1", "a private address"),
    ("https://gpu-7.cluster.internal/v1", "a private address"),
    ("key: AKIA" + "A1" * 8, "an AWS key"),
]


@pytest.fixture(autouse=True)
def nameless(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine with a plain name, so that the other findings stand alone."""
    monkeypatch.setattr(socket, "gethostname", lambda: "ubuntu")
    monkeypatch.setattr(Path, "home", lambda: Path("/"))


@pytest.mark.parametrize(("text", "kind"), CASES)
def test_secret_is_found_and_not_repeated(tmp_path: Path, text: str, kind: str) -> None:
    path = tmp_path / "facts.json"
    path.write_text(f"{{\n{text}")
    assert find_secrets([path]) == [f"facts.json holds {kind} (line 2)"]


@pytest.mark.parametrize(
    "text",
    [
        "https://huggingface.co/org/name",
        "http://127.0.0.1:8000/v1",
        "mailto:ann@example.org at 10:30",
        "skin-deep",
        "the home/away game",
        "hf_ prefix",
        "task-" + "a" * 30,
        "1/2 a root/stem",
    ],
)
def test_ordinary_text_is_no_secret(tmp_path: Path, text: str) -> None:
    path = tmp_path / "card.md"
    path.write_text(text)
    assert find_secrets([path]) == []


def test_secret_deep_in_a_parquet_column_is_found(tmp_path: Path) -> None:
    writer = SplitWriter(tmp_path, "raw", "train")
    row = {"problem": "p", "questions": ["Q1"], "answers": ["A1"], "feedback": [["ok", "/home/ann/x"]], "answer": "1"}
    writer.add(row)
    (name,) = writer.close()["files"]
    assert find_secrets([tmp_path / name]) == ["train-00000-of-00001.parquet holds a home folder (column feedback)"]


def test_own_secrets_home_and_machine_are_found_by_their_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROVIDER_API_KEY", "no-known-form-77")
    monkeypatch.setenv("OTHER_TOKEN", "short")
    monkeypatch.setattr(Path, "home", lambda: Path("/data/people/ann"))
    monkeypatch.setattr(socket, "gethostname", lambda: "gpu-node-17.example.org")
    path = tmp_path / "run.log"
    path.write_text("short: key no-known-form-77 read in /data/people/ann/x by gpu-node-17")
    assert find_secrets([path]) == [
        "run.log holds the value of one of your secret variables (line 1)",
        "run.log holds your home folder (line 1)",
        "run.log holds this machine's name (line 1)",
    ]


def test_header_of_weights_and_any_other_binary_are_searched_and_weights_are_not(tmp_path: Path) -> None:
    header = json.dumps({"__metadata__": {"from": "/home/ann/run"}, "w": {"dtype": "U8", "shape": [6]}}).encode()
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(len(header).to_bytes(8, "little") + header + b"/root/")
    pickled = tmp_path / "training_args.bin"
    pickled.write_bytes(b"\x80\x04X\x0f\x00\x00\x00/home/ann/out/x\x94.")
    assert find_secrets([weights, pickled]) == [
        "model.safetensors holds a home folder (its header)",
        "training_args.bin holds a home folder (line 1)",
    ]
    weights.write_bytes(weights.read_bytes().replace(b"/home/ann/run", b"somewhere-run"))
    assert find_secrets([weights]) == []


def test_what_is_committed_holds_no_secret() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("no git checkout")
    names = [name for name in listed.stdout.splitlines() if not name.startswith("tests/")]
    assert len(names) > 100
    assert find_secrets(ROOT / name for name in names if (ROOT / name).is_file()) == []


def test_as_a_hook_it_names_the_files_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.txt").write_text("fine")
    (tmp_path / "b.txt").write_text("hf_" + "a" * 34)
    assert main([str(tmp_path / "a.txt"), str(tmp_path / "gone.txt")]) == 0
    assert main([str(tmp_path / "a.txt"), str(tmp_path / "b.txt")]) == 2
    assert capsys.readouterr().err.strip() == "error: b.txt holds a Hugging Face token (line 1)"


def test_a_refusal_says_where_it_stands_and_lets_a_trace_pass_that_was_looked_at_but_no_secret(tmp_path: Path) -> None:
    trace, secret = tmp_path / "problems.txt", tmp_path / "run.txt"
    trace.write_text("In which folder lies /home/ann/a.txt?")
    secret.write_text("hf_" + "a" * 34)
    files = {"data/problems.txt": trace}
    with pytest.raises(UserError, match=r"\(line 1\); take it out of .* add --looked_at data/problems.txt$"):
        refuse_secrets(files)
    refuse_secrets(files, ["data/problems.txt"])
    with pytest.raises(UserError, match=r"run.txt holds a Hugging Face token .* write the files again$"):
        refuse_secrets({"run.txt": secret}, ["run.txt"])


def test_every_pattern_has_a_case() -> None:
    assert {kind for _, kind in CASES} == set(PATTERNS)
