"""Scores recorded responses again, under any rule, beside the published figures.

Reads upstream's response files (`responses.py` shows a row) and GSM8K's test file. With --json writes

    {"schema_version": "1.1.0", "rules": ["paper_2402", "first_marker"],
     "gold": {"path": "...", "sha256": "...", "n": 1319},
     "files": [{"file": "chatgpt/eval_iql_dist.jsonl.gz", "path": "...", "sha256": "...", "solver": "chatgpt",
                "label": "ilql_full distilgpt2", "method": "ilql_full", "backbone": "distilgpt2",
                "printed_as": "ilql_sparse", "crossed": true, "printed": ".474", "wrong_published_golds": [141, ...],
                "rules": {"paper_2402": {"accuracy": 0.4746019711902957, "n": 1319, "interval": [0.4478, 0.5016],
                                         "counts": {"correct": 626, "incorrect": 692, "no_answer": 1, ...},
                                         "against": {"baseline": "bc distilgpt2", "difference": -0.0023, "p_holm": 1.0,
                                                     "distinguishable": false, ...}},
                          "first_marker": {..., "flips": {"total": 11, "to_correct": 8, "to_incorrect": 3,
                                           "why": {"gold corrected": 9, ...}, "rows": [...]}}}}],
     "notes": ["chatgpt/eval_iql_dist.jsonl.gz: printed as ILQL-sparse, is ilql_full ..."]}

`--published` finds the published files (SUBQ_DATA) by itself and prints both tables: as published, and corrected.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tqdm import tqdm

from dataset_builder.answers import RULES
from dataset_builder.core.errors import UserError, entry_point
from dataset_builder.sources import PUBLISHED_SOLVERS, SOURCES, fetch_file, published_file
from eval_harness.records.predictions import write_atomically
from eval_harness.reproduction.comparisons import compare_with_cloning, comparison_report
from eval_harness.reproduction.published_cells import FILE_NAMES, printed_cell, solver_name
from eval_harness.reproduction.responses import (
    PAPER_RULE,
    FileScore,
    ResponseFile,
    find_files,
    flips,
    load_gold,
    load_response_file,
    questions_sha256,
    score_file,
    wrong_published_golds,
)
from eval_harness.reproduction.tables import replay_tables

REPLAY_SCHEMA_VERSION = "1.1.0"
EPILOG = """examples:
  python -m eval_harness.replay --published
  python -m eval_harness.replay --responses eval_responses/chatgpt --gold gsm8k/test.jsonl \\
      --rule paper_2402 --rule first_marker --json out.json

rules: paper_2402 compares with each file's own `answer` field, as published; the others with the true golds.
--published needs SUBQ_DATA, the folder that holds gsm8k/ and gsm8k_ai_subq/eval_responses/."""


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    """`python -m eval_harness.replay`."""
    options = _parse(argv)
    responses, gold = options.responses, options.gold
    if options.published:
        responses, gold = responses or published_responses(), gold or published_gold()
    if not responses:
        raise UserError("nothing to score: give --responses <files or folders>, or --published")
    report = replay(responses, gold, options.rule or [PAPER_RULE, "first_marker"] if gold else options.rule)
    if options.published:
        report["notes"] += _missing_solvers(report["files"])
    if options.json:
        write_atomically(options.json, (json.dumps(report, indent=1, ensure_ascii=False) + "\n").encode())
    print(replay_tables(report))
    if options.json:
        print(f"\nwritten to {options.json}")


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m eval_harness.replay",
        description="Score recorded solver responses again, under any answer rule, with intervals.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--responses", nargs="+", action="extend", type=Path, metavar="PATH",
                        help="response files (.jsonl, .jsonl.gz) or folders of them")  # fmt: skip
    parser.add_argument("--gold", type=Path, metavar="FILE", help="GSM8K's test.jsonl: the true golds")
    parser.add_argument("--rule", nargs="+", action="extend", choices=RULES, metavar="RULE",
                        help=f"how answers are read, once or more: {', '.join(RULES)} "
                             f"(default: {PAPER_RULE}, and first_marker where there are golds)")  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything there as JSON, too")
    parser.add_argument("--published", action="store_true", help="the published files, found through SUBQ_DATA")
    return parser.parse_args(argv)


def published_responses() -> list[Path]:
    """What SUBQ_DATA holds of the published responses, or all of them, fetched from their home.

    Raises:
        UserError: they are in neither place.
    """
    folder = Path(os.environ.get("SUBQ_DATA") or "") / "gsm8k_ai_subq" / "eval_responses"
    if os.environ.get("SUBQ_DATA") and folder.is_dir():
        return [folder]
    return [
        published_file(f"eval_responses/{solver}/{name}.jsonl") for solver in PUBLISHED_SOLVERS for name in FILE_NAMES
    ]


def published_gold() -> Path:
    """GSM8K's test file at its pinned revision."""
    return fetch_file(SOURCES["gsm8k"], SOURCES["gsm8k"].files["test"])


def replay(responses: Sequence[Path], gold: Path | None, rules: Sequence[str] | None) -> dict[str, Any]:
    """Scores every file under every rule; the returned value is what --json writes (see the module's header).

    Raises:
        UserError: a file is missing or malformed, or a rule needs golds and there are none.
    """
    chosen = list(dict.fromkeys(rules or [PAPER_RULE]))
    problems = load_gold(gold) if gold else None
    paths = find_files(responses)
    files, questions, scored = [], {}, []
    for path in tqdm(paths, desc="score", unit="file", disable=len(paths) < 2):
        file = load_response_file(path, problems)
        questions[_name(path)] = questions_sha256(file)
        scores = {rule: score_file(file, rule) for rule in chosen}
        scored.append((file.facts, scores))
        files.append(_file_report(file, scores))
    for rule in chosen:
        compared = compare_with_cloning([(facts, scores[rule]) for facts, scores in scored])
        for entry, comparison in zip(files, compared, strict=True):
            if comparison is not None:
                entry["rules"][rule]["against"] = comparison_report(comparison)
    return {
        "schema_version": REPLAY_SCHEMA_VERSION,
        "rules": chosen,
        "gold": _gold_report(gold, len(problems or ())),
        "files": files,
        "notes": [note for entry in files for note in _notes(entry)] + _other_questions(questions),
    }


def _name(path: Path) -> str:
    return "/".join(path.absolute().parts[-2:])


def _gold_report(gold: Path | None, n: int) -> dict[str, Any] | None:
    return {"path": str(gold), "sha256": hashlib.sha256(gold.read_bytes()).hexdigest(), "n": n} if gold else None


def _file_report(file: ResponseFile, scores: dict[str, FileScore]) -> dict[str, Any]:
    own_gold = all("answer" in row for row in file.rows)
    published = scores.get(PAPER_RULE) or (score_file(file, PAPER_RULE) if own_gold and file.golds else None)
    facts = file.facts
    return {
        "file": _name(file.path),
        "path": str(file.path),
        "sha256": file.sha256,
        "solver": facts.solver,
        "label": facts.label,
        "method": facts.method,
        "backbone": facts.backbone,
        "printed_as": facts.printed_as,
        "crossed": facts.crossed,
        "printed": printed_cell(facts.solver, facts.printed_as, facts.backbone),
        "wrong_published_golds": wrong_published_golds(file) if own_gold else [],
        "rules": {rule: _score_report(score, published) for rule, score in scores.items()},
    }


def _score_report(score: FileScore, published: FileScore | None) -> dict[str, Any]:
    report: dict[str, Any] = {
        "accuracy": score.accuracy,
        "n": score.n,
        "interval": [score.interval.low, score.interval.high],
        "counts": score.counts,
    }
    if published is None or score is published:
        return report
    found = flips(published, score)
    report["flips"] = {
        "total": len(found),
        "to_correct": sum(flip.verdict == "correct" for flip in found),
        "to_incorrect": sum(flip.verdict != "correct" for flip in found),
        "why": dict(Counter(flip.why for flip in found).most_common()),
        "rows": [asdict(flip) for flip in found],
    }
    return report


def _notes(entry: dict[str, Any]) -> list[str]:
    notes = []
    if entry["crossed"]:
        notes.append(
            f"{entry['file']}: printed in the row {entry['printed_as']}; by the authors' own commands it is "
            f"{entry['method']}"
        )
    return notes


def _missing_solvers(files: Sequence[dict[str, Any]]) -> list[str]:
    here = {solver_name(entry["solver"]) for entry in files}
    missing = [solver for solver in PUBLISHED_SOLVERS if solver_name(solver) not in here]
    return [f"not here, so not scored: the published responses of {', '.join(missing)}"] if missing else []


def _other_questions(questions: dict[str, str]) -> list[str]:
    """Files of one name that answer other sub-questions than most of their namesakes."""
    notes = []
    stems: dict[str, dict[str, str]] = {}
    for name, sha256 in questions.items():
        folder, _, file = name.rpartition("/")
        stems.setdefault(file.removesuffix(".gz"), {})[folder] = sha256
    for file, by_folder in stems.items():
        if len(set(by_folder.values())) > 1:
            folders = ", ".join(sorted(by_folder))
            notes.append(f"{file}: the files of {folders} do not all answer the same sub-questions")
    return notes


if __name__ == "__main__":
    sys.exit(main())
