"""Stand-ins for the commands of job services: programs on PATH that run what they are given, here and now.

`hf` and `ray` as the profiles call them. Each call is written to CALLS. A bucket is a folder; a job runs to its end
before its id is printed, in which the mount's place is taken by the bucket's folder.
"""

from __future__ import annotations

import stat
import sys
from pathlib import Path

HEAD = f"""#!{sys.executable}
import json, os, shlex, shutil, subprocess, sys
from pathlib import Path
words, home = sys.argv[1:], Path(__file__).parent
with open(home / "calls.jsonl", "a") as file:
    file.write(json.dumps([Path(__file__).name, *words]) + "\\n")
jobs = home / "jobs"
jobs.mkdir(exist_ok=True)

def ran(line):
    name = f"job{{len(list(jobs.iterdir()))}}"
    done = subprocess.run(line, shell=True, env=os.environ)
    (jobs / name).write_text("ERROR FAILED" if done.returncode else "COMPLETED SUCCEEDED")
    return name
"""

RAY = (
    HEAD
    + """
if words[1] == "submit":
    asked = words[words.index("--submission-id") + 1]
    os.rename(jobs / ran(shlex.join(words[words.index("--") + 1 :])), jobs / asked)
    print("Job submission server address: http://here")
else:
    print(f"Status for job {words[2]!r}:", (jobs / words[2]).read_text().split()[1])
"""
)

HF = (
    HEAD
    + """
def local(place):
    return str(home / place.removeprefix("hf://")) if place.startswith("hf://") else place

if words[:2] == ["buckets", "sync"]:
    source, target = local(words[2]), local(words[3])
    patterns = [words[place + 1] for place, word in enumerate(words) if word == "--include"]
    for path in sorted(Path(source).rglob("*")):
        name = path.relative_to(source)
        if path.is_file() and ".snakemake" not in name.parts and (
            not patterns or any(name.match(pattern) for pattern in patterns)
        ):
            (Path(target) / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, Path(target) / name)
elif words[:2] == ["jobs", "run"]:
    bucket, _, mount = words[words.index("--volume") + 1].removesuffix(":rw").rpartition(":")
    line = words[-1].rpartition(" && ")[2].replace("/env/bin/python", sys.executable)
    print(ran(line.replace(mount + "/", local(bucket) + "/")))
elif words[:2] == ["jobs", "inspect"]:
    stage = (jobs / words[-1]).read_text().split()[0]
    print(json.dumps([{"id": words[-1], "status": {"stage": stage, "message": None}}]))
"""
)


def write_stand_ins(folder: Path) -> Path:
    """Writes both programs into a folder for PATH; gives the file of their calls."""
    folder.mkdir()
    for name, text in (("ray", RAY), ("hf", HF)):
        path = folder / name
        path.write_text(text, encoding="utf-8")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return folder / "calls.jsonl"
