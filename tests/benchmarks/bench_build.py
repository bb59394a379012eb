"""Builds the dataset from a synthetic full-size raw file and prints seconds and peak memory.

The file has the published train file's shape: 7,473 problems with 3 sets of sub-questions, 3 answers and 3 x 3
feedback texts. Texts are drawn from a seed, so two runs build the same dataset.

    python -m tests.benchmarks.bench_build            # the full shape; or --problems 500
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PEOPLE = ("Ada", "Bram", "Chidi", "Dora", "Emil", "Farah", "Gita", "Hugo", "Ines", "Jorge", "Kaya", "Lars")
THINGS = ("lanterns", "crates", "postcards", "seedlings", "kites", "tickets", "buttons", "melons", "ribbons", "maps")


def synthetic_problem(number: int, rng: random.Random) -> dict[str, object]:
    """One line of a raw file: about 3 kB in 3 sets, of which two of three end with the right answer."""
    person, thing = rng.choice(PEOPLE), rng.choice(THINGS)
    start, more, price = rng.randint(2, 90), rng.randint(2, 90), rng.randint(2, 20)
    problem = (
        f"In shop {number}, {person} has {start} {thing} in the morning and gets {more} more at noon. "
        f"Every one of the {thing} is sold in the evening for {price} dollars. How many dollars does {person} earn?"
    )
    questions = [
        f"How many {thing} does {person} have in the morning?",
        f"How many {thing} does {person} have after noon?",
        f"For how many dollars is one of the {thing} sold?",
        f"How many dollars does {person} earn?",
    ]
    total = start + more
    sets = []
    for _ in range(3):
        chosen = [question for question in questions[:-1] if rng.random() < 0.7] + questions[-1:]
        final = total * price if rng.random() < 0.67 else total * price + 1
        answers = [
            f"A{i}: {start} in the morning and {more} at noon make {start}+{more}={total} {thing} for {person}."
            for i in range(1, len(chosen) + 1)
        ]
        votes = [
            "\n".join(f"Q{i}: {'Yes' if rng.random() < 0.9 else 'No'}" for i in range(1, len(chosen) + 1))
            for _ in range(3)
        ]
        asked = "\n".join(f"Q{i}: {question}" for i, question in enumerate(chosen, start=1))
        sets.append((asked, "\n".join(answers) + f"\n\nFinal answer: {final}", votes))
    working = f"({start}+{more})*{price}=<<{total}*{price}={total * price}>>"
    return {
        "problem": problem,
        "questions": [asked for asked, _, _ in sets],
        "answers": [answers for _, answers, _ in sets],
        "feedback": [votes for _, _, votes in sets],
        "answer": f"{person} earns {working} dollars.\n#### {total * price:,}",
    }


def write_raw_file(path: Path, problems: int, seed: int = 0) -> None:
    rng = random.Random(seed)
    with path.open("w", encoding="utf-8") as file:
        for number in range(problems):
            file.write(json.dumps(synthetic_problem(number, rng)) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", type=int, default=7473, help="problems in the file, each with 3 sets")
    problems = parser.parse_args().problems
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "qg_train_data_raw.jsonl"
        write_raw_file(raw, problems)
        command = [sys.executable, "-m", "dataset_builder.build", "--raw", str(raw), "--output", f"{folder}/out"]
        start = time.perf_counter()
        subprocess.run(command, check=True)
        seconds = time.perf_counter() - start
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu_s, peak_mib = usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
        written = sum(path.stat().st_size for path in Path(folder, "out").rglob("*.parquet")) / 2**20
        print(f"input {raw.stat().st_size / 2**20:.0f} MiB, {problems} problems x 3 sets, parquet {written:.1f} MiB")
        print(f"build {seconds:.1f} s ({cpu_s:.1f} s of CPU), peak memory {peak_mib:.0f} MiB (goals: 60 s, 2048 MiB)")


if __name__ == "__main__":
    main()
