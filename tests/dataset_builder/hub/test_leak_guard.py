import pytest

from dataset_builder.folder.parquet_writer import SplitWriter
from dataset_builder.hub.leak_guard import find_secrets


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("token hf_" + "A1" * 17, "a Hugging Face token"),
        ("sk-proj-" + "a" * 30, "an API key"),
        ("Authorization: Bearer abc", "an Authorization header"),
        ('"Authorization": "Bearer abc"', "an Authorization header"),
        ("/home/ann/data.jsonl", "a home folder"),
        ("/Users/ann/data", "a home folder"),
        (r"C:\Users\ann\data", "a home folder"),
        ("/root/.cache", "a home folder"),
    ],
)
def test_secret_is_found_and_not_repeated(tmp_path, text, kind):
    path = tmp_path / "facts.json"
    path.write_text(text)
    assert find_secrets([path]) == [f"facts.json holds {kind}"]


@pytest.mark.parametrize(
    "text", ["skin-deep", "the home/away game", "hf_ prefix", "task-" + "a" * 30, "1/2 a root/stem"]
)
def test_ordinary_text_is_no_secret(tmp_path, text):
    path = tmp_path / "card.md"
    path.write_text(text)
    assert find_secrets([path]) == []


def test_secret_deep_in_a_parquet_column_is_found(tmp_path):
    writer = SplitWriter(tmp_path, "raw", "train")
    row = {"problem": "p", "questions": ["Q1"], "answers": ["A1"], "feedback": [["ok", "/home/ann/x"]], "answer": "1"}
    writer.add(row)
    (name,) = writer.close()["files"]
    assert find_secrets([tmp_path / name]) == ["train-00000-of-00001.parquet holds a home folder"]
