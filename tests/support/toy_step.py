"""A study's step that does nothing but be counted: `python -m tests.support.toy_step OUT LABEL SECONDS [fail]`.

Appends "start LABEL" and "end LABEL" to the file that TOY_COUNT names; leaves `record.json`.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from eval_harness.study.plan import Step


def toy(label: str, *parents: str, seconds: float = 0.0, fails: str = "", api: bool = False, gpu: int = 0) -> Step:
    """A step of that name; `fails` is what it says when it fails."""
    command = ("tests.support.toy_step", "{out}", label, str(seconds), *([fails] if fails else []))
    return Step(label, command, parents, api=api, gpu=gpu)


def counted(label: str) -> None:
    with Path(os.environ["TOY_COUNT"]).open("a", encoding="utf-8") as file:
        file.write(f"{label}\n")


def held(label: str) -> bool:
    """Whether the file TOY_COUNT.hold names the step, which waits for the end of that."""
    hold = Path(os.environ["TOY_COUNT"] + ".hold")
    return hold.exists() and hold.read_text(encoding="utf-8") == label


def main() -> None:
    out, label, seconds, *fails = sys.argv[1:]
    counted(f"start {label}")
    print(f"this is {label} on GPUs {os.environ.get('CUDA_VISIBLE_DEVICES')}", flush=True)
    time.sleep(float(seconds))
    while held(label):
        time.sleep(0.1)
    if fails:
        sys.exit(f"error: {fails[0]}")
    (Path(out) / "record.json").write_text("{}", encoding="utf-8")
    counted(f"end {label}")


if __name__ == "__main__":
    main()
