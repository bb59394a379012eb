"""`make bench-gpu` on a CPU at toy size: every stage, its resumption, and the table; and what the README shows."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dataset_builder.dataset_folder.layout import KIND, write_facts
from recipes.models.checkpoint import RECORD_FILE
from tests.benchmarks import bench_gpu
from tests.benchmarks.gpu.inputs import Bench
from tests.benchmarks.gpu.stages import STAGES, Stage
from tests.benchmarks.gpu.table import FIRST, gpu_table

COMPILED = "lora_joined_compiled"
"""Compiles for minutes; `test_compile_layers` does that once already."""
REPORT: dict[str, Any] = {
    "date": "2026-11-28", "gpu": "a card", "versions": {"torch": "2.13"}, "source": "MicroGSM",
    "stages": {
        "peak": {"label": "peak", "tflops": 100},
        "lora": {
            "label": "LoRA", "cap_gib": 24, "planned_gib": 20.04, "in_use_gib": 18.5, "update_s": 2.0,
            "read_tokens_per_second": 2500, "parameters": 10**9, "adapter": "lora", "joules_per_1000_tokens": 250.4,
        },
        "full": {"label": "full", "read_tokens_per_second": 2500, "parameters": 10**9, "adapter": "full"},
        "trl": {"label": "TRL", "failed": "over 150 s"},
    },
}  # fmt: skip


def cells(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if "|" in line][2:]


def test_table_has_planned_beside_measured_and_the_share_of_the_peak() -> None:
    lora, full, trl = cells(gpu_table(REPORT))
    assert lora == ["LoRA", "24", "20.0", "18.5", "2.00", "2,500", "10%", "250"]
    assert full[6] == "15%"  # gradients of the weights, too
    assert trl[6] == "over 150 s"


def test_readme_shows_the_figures_of_a_report_that_is_kept() -> None:
    readme = (Path(__file__).parent / "gpu" / "README.md").read_text(encoding="utf-8")
    shown = readme.partition("<!-- gpu: start -->")[2].partition("<!-- gpu: end -->")[0]
    assert shown.strip() == gpu_table(json.loads(FIRST.read_text(encoding="utf-8"))).strip()


def test_a_stage_that_fails_or_takes_too_long_is_said_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []
    real = subprocess.run

    def run(command: list[str], **options: Any) -> Any:
        if "--stage" not in command:  # git, for the commit
            return real(command, **options)
        name = command[command.index("--stage") + 1]
        tried.append(name)
        if name == "peak":
            raise subprocess.TimeoutExpired(command, options["timeout"])
        if name == "lora":
            options["stdout"].write("torch.OutOfMemoryError: no room\n")
            return subprocess.CompletedProcess(command, 1)
        (tmp_path / f"{name}.json").write_text('{"read_tokens_per_second": 1}', encoding="utf-8")
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", run)
    bench, names = Bench(tmp_path, tiny=True), ["peak", "lora", "gpt2"]
    report = bench_gpu.run_all(bench, names, 5, again=False)
    assert report["stages"]["peak"]["failed"] == "over 5 s"
    assert report["stages"]["lora"]["failed"] == "out of memory"
    assert report["stages"]["gpt2"]["read_tokens_per_second"] == 1
    bench_gpu.run_all(bench, names, 5, again=False)
    assert tried == [*names, "peak", "lora"]


def test_what_a_stage_starts_from_is_made_first(tmp_path: Path) -> None:
    bench, start = Bench(tmp_path), tmp_path / "work" / "qlora_8gib"
    assert bench_gpu._made_first(bench, []) == []
    start.mkdir(parents=True)  # both were begun, and killed
    bench.dataset.mkdir()
    assert bench_gpu._made_first(bench, ["decoding_bf16"]) == ["inputs", "qlora_8gib"]
    (start / RECORD_FILE).touch()
    (tmp_path / "inputs.json").touch()
    write_facts(bench.dataset, {"kind": KIND})
    assert bench_gpu._made_first(bench, ["decoding_bf16", "ilql_24gib"]) == []


@pytest.fixture
def small_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_gpu, "card_gib", lambda: 11.6)


@pytest.mark.usefixtures("small_card")
def test_a_run_that_needs_a_larger_card_is_left_out_and_says_so(tmp_path: Path) -> None:
    assert bench_gpu.run_stage("qlora_24gib", Bench(tmp_path), 5)["failed"] == "the card has 12 GiB"
    assert list(tmp_path.iterdir()) == []


def test_without_weights_nothing_else_is_tried(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []
    monkeypatch.setattr(bench_gpu, "run_stage", lambda name, *_: tried.append(name) or {"failed": "killed"})
    assert bench_gpu.main(["--tiny", "--folder", str(tmp_path / "gpu")]) == 2
    assert "no weights could be made (killed)" in capsys.readouterr().err
    assert tried == ["inputs"]


@pytest.mark.parametrize(
    ("log", "code", "why"),
    [
        ("error: a/bc_lora needs about 15.4 GiB with one row, and here has 11.5 GiB to give", 2, "does not fit"),
        ("error: a/b bc_lora needs a GPU with about 15.4 GiB, and this machine has 11.6", 2, "does not fit"),
        ("torch.OutOfMemoryError: no room", 1, "out of memory"),
        ("ValueError: /home/me/x", 1, "exit code 1"),
        ("", -9, "killed"),
    ],
)  # fmt: skip
def test_why_a_run_failed_holds_no_path(log: str, code: int, why: str) -> None:
    assert bench_gpu._why([log], code) == why


@pytest.mark.usefixtures("small_card")
def test_bad_input_is_one_line_before_anything_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, readme, other = tmp_path / "taken", tmp_path / "README.md", tmp_path / "other"
    taken.touch()
    readme.touch()
    other.mkdir()
    (other / "gpu.json").write_text('{"gpu": "another card", "stages": {}}', encoding="utf-8")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=5e9))
    for given, said in (
        (["--limit_s", "0"], "--limit_s must be above 0"),
        (["--tiny", "--folder", taken], "found a file"),
        (["--tiny", "--folder", tmp_path / "a", "--readme", tmp_path / "none.md"], "there is no"),
        (["--folder", tmp_path / "a", "--readme", readme], "5 GB are free"),
        (["--tiny", "--folder", other], "another card"),
    ):
        assert bench_gpu.main(list(map(str, given))) == 2
        error = capsys.readouterr().err
        assert said in error
        assert error.count("\n") == 1
    assert not (tmp_path / "a").exists()


def test_without_a_gpu_the_benchmark_says_so_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench_gpu.main([]) == 2
    assert "--tiny" in capsys.readouterr().err


@pytest.mark.slow
def test_the_whole_command_runs_at_toy_size_and_writes_table_and_report(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("<!-- gpu: start -->\n<!-- gpu: end -->\n", encoding="utf-8")
    names = [name for name in STAGES if name != COMPILED]
    command = [sys.executable, "-m", "tests.benchmarks.bench_gpu", "--tiny", "--folder", str(tmp_path / "gpu")]
    done = subprocess.run(
        [*command, "--readme", str(readme), "--limit_s", "300", "--only", *names],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((tmp_path / "gpu" / "gpu.json").read_text(encoding="utf-8"))
    assert list(report["stages"]) == names
    assert str(tmp_path) not in json.dumps(report)
    trained = [stage for stage in report["stages"].values() if "planned_gib" in stage]
    assert len(trained) == 7
    assert all(stage["read_tokens_per_second"] > 0 for stage in trained)
    assert report["stages"]["trl_qlora"]["read_tokens_per_second"] > 0
    assert report["stages"]["decoding_4bit"]["written_tokens_per_second"] > 0
    assert len(cells(readme.read_text(encoding="utf-8"))) == len(names) - 2
    assert not (tmp_path / "gpu" / "work").exists()


def test_every_stage_is_named_and_starts_from_an_earlier_one() -> None:
    names = list(STAGES)
    assert all(isinstance(stage, Stage) for stage in STAGES.values())
    assert all(not stage.needs or names.index(stage.needs) < names.index(name) for name, stage in STAGES.items())
