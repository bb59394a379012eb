"""One GPU measured offline in one command: memory and speed of the recipes beside TRL's defaults and paper A's loop.

    make bench-gpu                                  # a data-centre GPU
    make bench-gpu ARGS="--limit_s 600"             # a consumer card: more time for each run
    make bench-gpu ARGS="--only qlora_24gib --again"
    make bench-gpu ARGS=--tiny                      # the whole command at toy size on any CPU; measures nothing

Weights are random, of the true shape, made on the fly (20 GB of disk); nothing is downloaded. Each run is a process of
its own with a time limit and, where it says so, a cap on memory; one that needs a larger card is left out, one that
has ended is not run again (`--again`), and a benchmark that was stopped goes on with the same command. The table goes
into tests/benchmarks/gpu/README.md, and everything into outputs/bench/gpu/gpu.json, which holds no path of this
machine: send it for your own card.
"""

from __future__ import annotations

import argparse
import json
import os
import re
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
from dataset_builder.core.values import check_writable
from eval_harness.reporting.markers import put_between_markers
from recipes.models.checkpoint import RECORD_FILE
from tests.benchmarks.gpu.inputs import Bench
from tests.benchmarks.gpu.stages import GIB, STAGES, measure_stage
from tests.benchmarks.gpu.table import gpu_table

PACKAGES = ("torch", "transformers", "trl", "peft", "bitsandbytes")
INPUTS = "inputs"
LAST_LINES = 3
DISK_GB = 20
"""Weights in bfloat16, and the checkpoints that the runs leave."""
LEAST_LIMIT_S = 900
"""Of what measures nothing: making the weights, on a CPU where the card cannot hold them."""
README = Path("tests/benchmarks/gpu/README.md")


def run_stage(name: str, bench: Bench, limit_s: float) -> dict[str, Any]:
    """A stage in a fresh process; where it fails or takes too long, why."""
    stage = STAGES[name]
    base: dict[str, Any] = {"label": stage.label, "cap_gib": stage.cap_gib}
    if needs_larger_card(name):
        return base | {"failed": f"the card has {card_gib():.0f} GiB"}
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
        return base | {"failed": _why(last, done.returncode)}
    return base | dict(json.loads(result.read_text(encoding="utf-8")))


def _why(log: list[str], code: int) -> str:
    """Why a run failed, in words that hold no path."""
    if any("OutOfMemory" in line or "out of memory" in line for line in log):
        return "out of memory"
    if any(re.match(r"error: .* about [\d.,]+ GiB", line) for line in log):  # the plan's own refusals
        return "does not fit"
    return "killed" if code < 0 else f"exit code {code}"


def card_gib() -> float:
    """Memory of the GPU; 0 where there is none."""
    import torch

    return torch.cuda.get_device_properties(0).total_memory / GIB if torch.cuda.is_available() else 0.0


def needs_larger_card(name: str) -> bool:
    """Whether a run's cap is above what the card has; one of "24 GB" has 22 to 24 GiB."""
    return 0 < card_gib() < 0.9 * STAGES[name].cap_gib


def measured_before(bench: Bench) -> dict[str, Any]:
    """What earlier calls measured, failures included.

    Raises:
        UserError: the file is damaged, or of another card or size.
    """
    path = bench.folder / "gpu.json"
    if not path.is_file():
        return {}
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        gpu, stages = str(report["gpu"]), dict(report["stages"])
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is damaged ({error}); delete it, and all runs are measured again") from error
    if gpu != _gpu(bench):
        raise UserError(f"{path} is of {gpu}, and this is {_gpu(bench)}; name another --folder")
    return stages


def run_all(bench: Bench, names: list[str], limit_s: float, again: bool) -> dict[str, Any]:
    """The report: what earlier calls measured, and the stages named here that are not among it."""
    path = bench.folder / "gpu.json"
    kept = measured_before(bench)
    for name in names:
        if not again and _has_ended(kept, name):
            print(f"{name}: measured before")
            continue
        started = time.monotonic()
        kept[name] = run_stage(name, bench, max(limit_s, LEAST_LIMIT_S) if name == INPUTS else limit_s)
        said = {key: value for key, value in kept[name].items() if isinstance(value, int | float | str)}
        print(f"{name}: {time.monotonic() - started:.0f} s, {said}", flush=True)
        report = _report({stage: kept[stage] for stage in STAGES if stage in kept}, bench)
        write_json(path, report)  # after each, so that a stopped benchmark goes on from here
    return _report({stage: kept[stage] for stage in STAGES if stage in kept}, bench)


def _has_ended(kept: dict[str, Any], name: str) -> bool:
    return name in kept and "failed" not in kept[name]


def _gpu(bench: Bench) -> str:
    import torch

    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "no GPU"
    return f"{gpu}, toy sizes: no measurement" if bench.tiny else gpu


def _report(stages: dict[str, Any], bench: Bench) -> dict[str, Any]:
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "gpu": _gpu(bench),
        "versions": package_versions(PACKAGES),
        "commit": code_state().label,
        "source": stages.get("inputs", {}).get("source", ""),
        "stages": stages,
    }


@entry_point
def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--folder", type=Path, help="results, and weights in work/; left out: outputs/bench/gpu, or gpu_tiny beside it"
    )
    every = ", ".join(STAGES)
    parser.add_argument("--only", nargs="+", choices=STAGES, default=list(STAGES), metavar="RUN", help=f"of: {every}")
    parser.add_argument("--again", action="store_true", help="measure again what was measured before")
    parser.add_argument("--limit_s", type=float, default=150, help="seconds that a run may take")
    parser.add_argument("--keep_weights", action="store_true", help="leave work/ (15 GB) behind")
    parser.add_argument("--readme", type=Path, help="gets the table; a toy run writes none unless it is named")
    parser.add_argument("--tiny", action="store_true", help="toy sizes, on a CPU")
    parser.add_argument("--stage", choices=STAGES, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    usual = Path("outputs/bench", "gpu_tiny" if options.tiny else "gpu")
    bench = Bench(options.folder or usual, options.tiny)
    if options.stage:
        write_json(bench.folder / f"{options.stage}.json", measure_stage(STAGES[options.stage], bench))
        return 0
    readme = options.readme or (None if options.tiny else README)
    _check(bench, options.limit_s, readme)
    bench.folder.mkdir(parents=True, exist_ok=True)
    kept = {} if options.again else measured_before(bench)
    left = [name for name in options.only if not _has_ended(kept, name) and not needs_larger_card(name)]
    needed = _made_first(bench, left)
    for name in needed:
        made = run_all(bench, [name], options.limit_s, again=True)["stages"][name]
        if name == INPUTS and "failed" in made:
            raise UserError(f"no weights could be made ({made['failed']}); {bench.folder}/{INPUTS}.log says why")
    wanted = [name for name in options.only if name not in needed]
    report = run_all(bench, wanted, options.limit_s, options.again)
    print(f"\n{gpu_table(report)}")
    if readme:
        put_between_markers(readme, "gpu", gpu_table(report))
    if not options.keep_weights:
        shutil.rmtree(bench.folder / "work", ignore_errors=True)
    if failed := [name for name in options.only if "failed" in report["stages"][name]]:
        logs = f"{bench.folder}/NAME.log"
        print(f"without a measurement: {', '.join(failed)} ({logs} says why; the same command tries them again)")
    return 1 if failed else 0


def _made_first(bench: Bench, names: list[str]) -> list[str]:
    """The stages whose files the named ones need, and which are not there or not whole."""
    starts = {STAGES[name].needs for name in names} - {""}
    missing = [
        name for name in STAGES if name in starts and not (bench.folder / "work" / name / RECORD_FILE).is_file()
    ]
    return [*([] if not names or bench.is_made else [INPUTS]), *missing]


def _check(bench: Bench, limit_s: float, readme: Path | None) -> None:
    """Refuses what would end after minutes."""
    if limit_s <= 0:
        raise UserError(f"--limit_s must be above 0, found {limit_s:g}")
    if not bench.tiny and not card_gib():
        raise UserError("there is no GPU that torch can use; ARGS=--tiny tries the command at toy size on a CPU")
    check_writable("--folder", bench.folder, "folder")
    if readme and not readme.is_file():
        raise UserError(f"there is no {readme} to put the table into; run this in the checkout, or name --readme")
    if bench.tiny or bench.is_made:
        return
    place = next(folder for folder in (bench.folder, *bench.folder.absolute().parents) if folder.exists())
    free = shutil.disk_usage(place).free / 1e9
    if free < DISK_GB:
        raise UserError(f"{free:.0f} GB are free for --folder {bench.folder}, and {DISK_GB} are needed; name another")


if __name__ == "__main__":
    sys.exit(main())
