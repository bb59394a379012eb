"""The whole way of `make demo`, smaller: the same entry points, the same files, and a kill in the middle."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
REPLIES = "embedded_replies.jsonl"


def start(*argv: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", *map(str, argv)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def run(*argv: object) -> str:
    process = start(*argv)
    output, _ = process.communicate(timeout=500)
    assert process.returncode == 0, output
    return output


def generate_arguments(folder: Path) -> list[object]:
    config = "dataset_builder/configs/demo.yaml"
    return ["dataset_builder.generate", "--config", config, "--limit", 120, "--output", folder, "--max_in_flight", 16]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished small demo; its generation was killed once on the way."""
    folder = tmp_path_factory.mktemp("demo")
    replies = folder / "generate" / REPLIES
    process = start(*generate_arguments(folder / "generate"))
    while not replies.is_file() or replies.read_text().count("\n") < 300:
        assert process.poll() is None, process.stdout.read() if process.stdout else ""
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    (folder / "answered_before_the_kill").write_text(str(replies.read_text().count("\n")))
    log = [run(*generate_arguments(folder / "generate"))]
    dataset = folder / "gsm8k-ai-subq"
    log.append(run("dataset_builder.build", "--generation", folder / "generate", "--output", dataset))
    small = ["--dataset", dataset, "--max_steps", 30, "--effective_batch_size", 16]
    log.append(run("recipes.train", "--recipe", "tiny/bc_full", *small, "--output_dir", folder / "bc"))
    lora = ["--init_from", folder / "bc", "--output_dir", folder / "filtered_bc"]
    log.append(run("recipes.train", "--recipe", "tiny/filtered_bc_lora", *small, *lora))
    rows = [
        "reference",
        "api:micro-gsm-teacher",
        f"checkpoint:{folder}/bc",
        f"checkpoint:{folder}/filtered_bc",
        "none",
    ]
    scored = ["--limit", 40, "--output", folder / "eval", "--decomposers", *rows]
    table = run("eval_harness.run", "--config", "eval_harness/configs/demo.yaml", *scored)
    (folder / "table.txt").write_text(table)
    card = run("model_cards.cards", "--checkpoint", folder / "filtered_bc", "--results", folder / "eval")
    (folder / "log.txt").write_text("".join([*log, table, card]))
    return folder


def test_a_killed_generation_asks_no_finished_request_twice(demo: Path) -> None:
    before = int((demo / "answered_before_the_kill").read_text())
    counts = Counter(json.loads(line)["sha256"] for line in (demo / "generate" / REPLIES).read_text().splitlines())
    repeated = sum(count - 1 for count in counts.values())
    assert before >= 300
    assert repeated <= 16  # those in flight at the kill: sent by the server, never read
    assert len(counts) == 120 * 3 * 5


def test_every_problem_has_its_sets_with_answers_and_votes(demo: Path) -> None:
    sets = [json.loads(line) for line in (demo / "generate" / "sets.jsonl").read_text().splitlines()]
    assert len(sets) == 360
    assert all(item["answers_text"] and all(item["feedback_texts"]) for item in sets)


def test_the_dataset_loads_offline_with_an_empty_cache(demo: Path, tmp_path: Path) -> None:
    load = "from datasets import load_dataset; found = load_dataset('gsm8k-ai-subq')"
    code = f"{load}; print({{split: len(rows) for split, rows in found.items()}})"
    environment = {**os.environ, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run([sys.executable, "-c", code], cwd=demo, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert sum(json.loads(done.stdout.replace("'", '"')).values()) == 360


def test_the_table_has_a_row_per_decomposer_with_interval_and_n(demo: Path) -> None:
    table = (demo / "table.txt").read_text()
    for row in ("reference", "micro-gsm-teacher", "bc", "filtered_bc", "none"):
        assert re.search(rf"^\| *\**{re.escape(row)}", table, re.MULTILINE), table


def test_the_log_holds_lines_and_no_bars_and_the_table_once(demo: Path) -> None:
    log = (demo / "log.txt").read_text()
    assert not re.search(r"\d%\|", log)
    assert "FutureWarning" not in log
    ends = re.findall(r"^(train|decompose) .*: [\d,/]+ (?:updates|problems) · .*took ", log, re.MULTILINE)
    assert ends == ["train", "train", "decompose", "decompose"]
    assert log.count("| 95 % interval |") == 1


def test_the_reference_beats_no_decomposition_and_a_teacher_lies_between(demo: Path) -> None:
    accuracy = {
        record["decomposer"]["label"]: record["accuracy"]
        for record in (json.loads(path.read_text()) for path in (demo / "eval" / "results").glob("*.json"))
    }
    assert accuracy["reference"] > accuracy["micro-gsm-teacher"] > accuracy["none"]


def test_every_record_says_what_was_seen_before_and_holds_no_path(demo: Path) -> None:
    texts = {path.stem: path.read_text() for path in (demo / "eval" / "results").glob("*.json")}
    assert not [name for name, text in texts.items() if str(demo) in text]
    seen = {name.partition("--")[0]: json.loads(text)["overlap"] for name, text in texts.items()}
    assert {name: overlap["decomposer"] is not None for name, overlap in seen.items()} == {
        "reference": False,
        "micro-gsm-teacher": False,
        "none": False,
        "bc": True,
        "filtered_bc": True,
    }
    for name in ("bc", "filtered_bc"):
        assert (seen[name]["decomposer"]["same"], seen[name]["decomposer"]["unknown_start"]) == (0, "")
        assert json.loads((demo / name / "train_record.json").read_text())["trained_problems"] > 60


def test_the_adapter_is_safetensors_with_its_record_and_a_card_of_its_own_scores(demo: Path) -> None:
    folder = demo / "filtered_bc"
    assert (folder / "adapter_model.safetensors").is_file()
    assert not list(folder.rglob("*.bin"))
    assert json.loads((folder / "train_record.json").read_text())["method"] == "filtered_bc"
    assert "**filtered_bc** (this model)" in (folder / "README.md").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("snippet", [0, 1])
def test_the_cards_snippets_run(demo: Path, snippet: int) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (demo / "filtered_bc" / "README.md").read_text(), re.DOTALL)
    code = "\n".join(blocks[: snippet + 1])
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=demo / "filtered_bc", env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_no_machine_path_reaches_a_card(demo: Path) -> None:
    for card in demo.rglob("README.md"):
        assert str(demo) not in card.read_text(encoding="utf-8"), card
