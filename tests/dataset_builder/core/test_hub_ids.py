"""What each spelling of a name means, whoever asks."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataset_builder.core.hub_ids import hub_url, is_hub_id, is_on_hub

SPELLINGS = [
    # name, an id, an id with its namespace
    ("org/name", True, True),
    ("mistralai/Mistral-7B-v0.1", True, True),
    ("gpt2", True, False),
    ("gsm8k-ai-subq", True, False),
    ("outputs/name", False, False),
    ("outputs", False, False),
    ("outputs/tiny/bc_full", False, False),
    ("a/b/c", False, False),
    ("./name", False, False),
    ("../name", False, False),
    ("/data/name", False, False),
    ("/name", False, False),
    ("~/name", False, False),
    ("org/", False, False),
    ("org/na me", False, False),
    ("", False, False),
]


@pytest.mark.parametrize(("name", "is_id", "with_namespace"), SPELLINGS)
def test_spelling_says_whether_a_name_is_a_hub_id(name: str, is_id: bool, with_namespace: bool) -> None:
    assert (is_hub_id(name), is_hub_id(name, namespace=True)) == (is_id, with_namespace)


def test_what_exists_here_is_not_asked_of_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert is_on_hub("org/name")
    assert is_on_hub("gpt2")
    assert not is_on_hub("gpt2", namespace=True)
    (tmp_path / "org" / "name").mkdir(parents=True)
    assert not is_on_hub("org/name")
    assert is_hub_id("org/name")


def test_links_follow_the_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    assert hub_url("org/name") == "https://huggingface.co/org/name"
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example/")
    assert hub_url("org/name") == "https://mirror.example/org/name"
