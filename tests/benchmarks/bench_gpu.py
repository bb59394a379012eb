"""One GPU measured offline in one command: memory and speed of the recipes beside TRL's defaults and paper A's loop.

    make bench-gpu                                  # under 8 minutes on a data-centre GPU, 30 GB of disk
    make bench-gpu ARGS="--limit_s 400"             # a consumer card: more time for each run
    make bench-gpu ARGS="--only qlora_24gib --again"
    make bench-gpu ARGS=--tiny                      # the whole command at toy size on any CPU; measures nothing

Weights are random, of the true shape, made on the fly; nothing is downloaded. Each run is a process of its own with a
time limit and, where it says so, a cap on memory; one that has ended is not run again (`--again`). The table goes into
tests/benchmarks/gpu/README.md, and everything into outputs/bench/gpu/gpu.json, which holds no path of this machine:
send it for your own card.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dataset_builder.core.errors import UserError, entry_point
from dataset_builder.core.files import write_json
from dataset_builder.core.provenance import code_state, package_versions
from eval_harness.reporting.markers import put_between_markers
from tests.benchmarks.gpu.inputs import Bench
from tests.benchmarks.gpu.stages import STAGES, measure_stage
from tests.benchmarks.gpu.table import gpu_table

PACKAGES = ("torch", "transformers", "trl", "peft", "bitsandbytes")
LAST_LINES = 3
README = Path("tests/benchmarks/gpu/README.md")


def run_stage(name: str, bench: Bench, limit_s: float) -> dict[str, Any]:
    """A stage in a fresh process; where it fails or takes too long, why."""
    stage = STAGES[name]
    base: dict[str, Any] = {"label": stage.label, "cap_gib": stage.cap_gib}
    result, log = bench.folder / f"{name}.json", bench.folder / f"{name}.log"
    command = [sys.executable, "-m", "tests.benchmarks.bench_gpu", "--folder", str(bench.folder), "--stage", name]
    offline = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    with log.open("w", encoding="utf-8") as out:
        try:
            done = subprocess.run(
                [*command, *(["--tiny"] if bench.tiny else [])],
                stdout=out, stderr=subprocess.STDOUT, timeout=limit_s, env=os.environ | offline, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return base | {"failed": f"over {limit_s:g} s"}
    if done.returncode:
        last = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
        print("\n".join(last[-LAST_LINES:]), file=sys.stderr)
        memory = any("OutOfMemory" in line or "out of memory" in line for line in last)
        return base | {"failed": "out of memory" if memory else f"exit code {done.returncode}"}
    return base | dict(json.loads(result.read_text(encoding="utf-8")))


def run_all(bench: Bench, names: list[str], limit_s: float, again: bool) -> dict[str, Any]:
    """The report: what earlier calls measured, and the stages named here that are not among it."""
    path = bench.folder / "gpu.json"
    kept = json.loads(path.read_text(encoding="utf-8"))["stages"] if path.is_file() else {}
    for name in names:
        if name in kept and not again and "failed" not in kept[name]:
            print(f"{name}: measured before")
            continue
        started = time.monotonic()
        kept[name] = run_stage(name, bench, limit_s)
        said = {key: value for key, value in kept[name].items() if isinstance(value, int | float | str)}
        print(f"{name}: {time.monotonic() - started:.0f} s, {said}", flush=True)
        report = _report({stage: kept[stage] for stage in STAGES if stage in kept}, bench)
        write_json(path, report)  # after each, so that a stopped benchmark goes on from here
    return _report({stage: kept[stage] for stage in STAGES if stage in kept}, bench)


def _report(stages: dict[str, Any], bench: Bench) -> dict[str, Any]:
    import torch

    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "no GPU"
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "gpu": f"{gpu}, toy sizes: no measurement" if bench.tiny else gpu,
        "versions": package_versions(PACKAGES),
        "commit": code_state().label,
        "source": stages.get("inputs", {}).get("source", ""),
        "stages": stages,
    }


@entry_point
def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path("outputs/bench/gpu"), help="results, and weights in work/")
    parser.add_argument("--only", nargs="+", choices=STAGES, default=list(STAGES), help="stages to run")
    parser.add_argument("--again", action="store_true", help="measure again what was measured before")
    parser.add_argument("--limit_s", type=float, default=150, help="seconds that a stage may take")
    parser.add_argument("--keep_weights", action="store_true", help="leave work/ (15 GB) behind")
    parser.add_argument("--readme", type=Path, help="gets the table; a toy run writes none unless it is named")
    parser.add_argument("--tiny", action="store_true", help="toy sizes, on a CPU")
    parser.add_argument("--stage", choices=STAGES, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    bench = Bench(options.folder, options.tiny)
    if options.stage:
        write_json(bench.folder / f"{options.stage}.json", measure_stage(STAGES[options.stage], bench))
        return 0
    _check_gpu(options.tiny)
    bench.folder.mkdir(parents=True, exist_ok=True)
    needed = _made_first(bench, options.only)
    run_all(bench, needed, options.limit_s, again=True)
    wanted = [name for name in options.only if name not in needed]
    report = run_all(bench, wanted, options.limit_s, options.again)
    print(f"\n{gpu_table(report)}")
    if readme := options.readme or (None if options.tiny else README):
        put_between_markers(readme, "gpu", gpu_table(report))
    if not options.keep_weights:
        shutil.rmtree(bench.folder / "work")
    return 1 if any("failed" in report["stages"][name] for name in options.only) else 0


def _made_first(bench: Bench, names: list[str]) -> list[str]:
    """The stages whose files the named ones need, and which are not there."""
    starts = {STAGES[name].needs for name in names} - {""}
    missing = [name for name in STAGES if name in starts and not (bench.folder / "work" / name).is_dir()]
    return [*([] if bench.dataset.is_dir() else ["inputs"]), *missing]


def _check_gpu(tiny: bool) -> None:
    import torch

    if not tiny and not torch.cuda.is_available():
        raise UserError("there is no GPU that torch can use; ARGS=--tiny tries the command at toy size on a CPU")


if __name__ == "__main__":
    sys.exit(main())
