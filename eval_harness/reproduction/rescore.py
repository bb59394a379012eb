"""Scores recorded responses under any rule, beside the published figures. The report:

{"schema_version": "1.2.0", "rules": ["paper_2402", "first_marker"],
 "gold": {"file": "gsm8k/test.jsonl", "sha256": "...", "n": 1319},
 "files": [{"file": "chatgpt/eval_iql_dist.jsonl.gz", "sha256": "...", "solver": "chatgpt",
            "label": "ilql_full distilgpt2", "method": "ilql_full", "backbone": "distilgpt2",
            "printed_as": "ilql_sparse", "crossed": true, "printed": ".474", "wrong_published_golds": [141, ...],
            "rules": {"paper_2402": {"accuracy": 0.4746019711902957, "n": 1319, "interval": [0.4478, 0.5016],
                                     "counts": {"correct": 626, "incorrect": 692, "no_answer": 1, ...},
                                     "against": {"baseline": "bc distilgpt2", "difference": -0.0023, "p_holm": 1.0,
                                                 "distinguishable": false, ...}},
                      "first_marker": {..., "flips": {"total": 11, "to_correct": 8, "to_incorrect": 3,
                                       "why": {"gold corrected": 9, ...}, "rows": [...]}}}}],
 "notes": ["chatgpt/eval_iql_dist.jsonl.gz: printed as ILQL-sparse, is ilql_full ..."]}
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dataset_builder.core.files import file_sha256
from dataset_builder.core.progress import counted
from dataset_builder.sources.published import PUBLISHED_SOLVERS
from eval_harness.reproduction.comparisons import compare_with_cloning, comparison_report
from eval_harness.reproduction.published_cells import printed_cell, solver_name
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

REPORT_SCHEMA_VERSION = "1.2.0"


def rescore(responses: Sequence[Path], gold: Path | None, rules: Sequence[str] | None) -> dict[str, Any]:
    """Scores every file under every rule; the module's header shows the report.

    Args:
        responses: response files, or folders of them.
        gold: GSM8K's test file; without it only the paper's own rule can be used.
        rules: how answers are read; None: the paper's rule.

    Raises:
        UserError: a file is missing or malformed, or a rule needs golds and there are none.
    """
    chosen = list(dict.fromkeys(rules or [PAPER_RULE]))
    problems = load_gold(gold) if gold else None
    paths = find_files(responses)
    files, questions, scored = [], {}, []
    for path in counted(paths, "score", len(paths), "file"):
        file = load_response_file(path, problems)
        questions[_name(path)] = questions_sha256(file)
        scores = {rule: score_file(file, rule) for rule in chosen}
        scored.append((file.metadata, scores))
        files.append(_file_report(file, scores))
    for rule in chosen:
        compared = compare_with_cloning([(metadata, scores[rule]) for metadata, scores in scored])
        for entry, comparison in zip(files, compared, strict=True):
            if comparison is not None:
                entry["rules"][rule]["against"] = comparison_report(comparison)
    return {
        "schema_version": REPORT_SCHEMA_VERSION,
        "rules": chosen,
        "gold": {"file": _name(gold), "sha256": file_sha256(gold), "n": len(problems)} if gold and problems else None,
        "files": files,
        "notes": [_crossed_note(entry) for entry in files if entry["crossed"]] + _other_questions(questions),
    }


def _name(path: Path) -> str:
    return "/".join(path.absolute().parts[-2:])


def _file_report(file: ResponseFile, scores: dict[str, FileScore]) -> dict[str, Any]:
    own_gold = all("answer" in row for row in file.rows)
    published = scores.get(PAPER_RULE) or (score_file(file, PAPER_RULE) if own_gold and file.golds else None)
    metadata = file.metadata
    return {
        "file": _name(file.path),
        "sha256": file.sha256,
        **asdict(metadata),
        "crossed": metadata.crossed,
        "printed": printed_cell(metadata.solver, metadata.printed_as, metadata.backbone),
        "wrong_published_golds": wrong_published_golds(file) if own_gold else [],
        "rules": {rule: _score_report(score, published) for rule, score in scores.items()},
    }


def _score_report(score: FileScore, published: FileScore | None) -> dict[str, Any]:
    report: dict[str, Any] = {
        "accuracy": score.total.accuracy,
        "n": score.total.n,
        "interval": [score.total.interval.low, score.total.interval.high],
        "counts": score.total.counts,
    }
    if published is None or score is published:
        return report
    flipped = flips(published, score)
    report["flips"] = {
        "total": len(flipped),
        "to_correct": sum(flip.verdict == "correct" for flip in flipped),
        "to_incorrect": sum(flip.verdict != "correct" for flip in flipped),
        "why": dict(Counter(flip.why for flip in flipped).most_common()),
        "rows": [asdict(flip) for flip in flipped],
    }
    return report


def _crossed_note(entry: dict[str, Any]) -> str:
    file, row, method = entry["file"], entry["printed_as"], entry["method"]
    return f"{file}: printed in the row {row}; by the authors' own commands it is {method}"


def missing_solvers(files: Sequence[dict[str, Any]]) -> list[str]:
    """A note on the solvers whose published responses are not among `files`; empty where all are."""
    scored = {solver_name(entry["solver"]) for entry in files}
    missing = [solver for solver in PUBLISHED_SOLVERS if solver_name(solver) not in scored]
    return [f"not here, so not scored: the published responses of {', '.join(missing)}"] if missing else []


def _other_questions(questions: dict[str, str]) -> list[str]:
    """Files of one name that answer other sub-questions than most of their namesakes."""
    by_file: dict[str, dict[str, str]] = {}
    for name, sha256 in questions.items():
        folder, _, file = name.rpartition("/")
        by_file.setdefault(file.removesuffix(".gz"), {})[folder] = sha256
    return [
        f"{file}: the files of {', '.join(sorted(by_folder))} do not all answer the same sub-questions"
        for file, by_folder in by_file.items()
        if len(set(by_folder.values())) > 1
    ]
