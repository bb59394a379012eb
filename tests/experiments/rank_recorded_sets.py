"""Is there a signal that ranks recorded sub-question sets? The published sets of each test problem, with outcomes.

    SUBQ_DATA=... python -m tests.experiments.rank_recorded_sets

Reads the 13 published sets of each of the 1,319 test problems with the recorded answers of a solver (`--solver`),
scored under the corrected rule. A reward model, a logistic regression on hashed words and a few counts, is trained on
four fifths of the problems and ranks the sets of the last fifth, for each fifth in turn: no problem is ranked by a
model that saw it. Prints ROC-AUC over sets of one problem, and the accuracy of the set it would choose, beside
chance, the teacher's own set, and the best there is. These are test problems: a model learnt here must never be
reported on them.
"""

from __future__ import annotations

import argparse
import itertools
import re
import zlib
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from dataset_builder.core.intervals import wilson
from dataset_builder.schema.records import Failure
from dataset_builder.text.parsing import parse_sub_questions
from eval_harness.reproduction.published_files import published_gold, published_responses
from eval_harness.reproduction.responses import find_files, load_gold, load_response_file, score_file
from eval_harness.scoring.significance import bootstrap_mean
from eval_harness.systems.recorded import questions_text

RULE = "first_marker"
BUCKETS = 2**10
WORD = re.compile(r"\w+")


def features(problem: str, questions: Sequence[str], others: Sequence[Sequence[str]]) -> np.ndarray:
    """Counts, overlap with the problem and with the other sets, and hashed words of a set; all about 1 in size."""
    words = [WORD.findall(question.lower()) for question in questions]
    vocabulary = {word for question in words for word in question}
    asked = set(WORD.findall(problem.lower().rsplit(".", 1)[-1]))
    last = set(words[-1]) if words else set()
    shares = [
        len(vocabulary & peer) / max(1, len(vocabulary | peer)) for peer in (set(" ".join(o).split()) for o in others)
    ]
    dense = [
        len(questions) / 5,
        len(vocabulary) / 30,
        len(last & asked) / max(1, len(last | asked)),
        len({" ".join(question) for question in words}) / max(1, len(words)),
        float(np.mean(shares)) if shares else 0.0,
        abs(len(questions) - float(np.median([len(o) for o in others]))) / 3,
        len(vocabulary & set(WORD.findall(problem.lower()))) / max(1, len(vocabulary)),
        len(WORD.findall(problem)) / 60,
    ]
    row = np.zeros(len(dense) + BUCKETS, dtype=np.float32)
    row[: len(dense)] = dense
    for question in words:
        for gram in (*question, *(" ".join(pair) for pair in itertools.pairwise(question))):
            row[len(dense) + zlib.crc32(gram.encode()) % BUCKETS] += 0.1
    return row


def fit(rows: np.ndarray, right: np.ndarray, *, decay: float = 1e-3, rounds: int = 150) -> np.ndarray:
    """Weights of a logistic regression, by gradient descent with momentum; the last one is the bias."""
    padded = np.hstack([rows, np.ones((len(rows), 1), dtype=np.float32)])
    weights, speed = np.zeros(padded.shape[1], dtype=np.float32), np.zeros(padded.shape[1], dtype=np.float32)
    for _ in range(rounds):
        slope = padded.T @ (1 / (1 + np.exp(-padded @ weights)) - right) / len(right) + decay * weights
        speed = 0.9 * speed - 1.0 * slope
        weights += speed
    return weights


def auc_within(scores: np.ndarray, right: np.ndarray) -> float | None:
    """Share of (right, wrong) pairs of one problem that are ranked rightly, ties half; None without such a pair."""
    good, bad = scores[right == 1], scores[right == 0]
    if not len(good) or not len(bad):
        return None
    gaps = good[:, None] - bad[None]
    return float((gaps > 0).mean() + 0.5 * (gaps == 0).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--solver", default="chatgpt", help="whose recorded answers decide: chatgpt, llama7b")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    problems = load_gold(published_gold())
    files = [
        load_response_file(path, problems)
        for path in find_files(published_responses())
        if options.solver in path.parts
    ]
    outcomes = [[int(v.verdict == "correct") for v in score_file(file, RULE).verdicts] for file in files]
    sets = [[_questions(questions_text(row)) for row in file.rows] for file in files]
    teacher = next(index for index, file in enumerate(files) if file.metadata.method == "teacher")
    fold = np.random.default_rng(options.seed).integers(options.folds, size=len(problems))
    rows = np.stack(
        [
            [
                features(problem.problem, sets[f][p], [sets[g][p] for g in range(len(files)) if g != f])
                for f in range(len(files))
            ]
            for p, problem in enumerate(problems)
        ]
    )
    right = np.array(outcomes).T
    scores = np.zeros(right.shape)
    for k in range(options.folds):
        train = fold != k
        weights = fit(rows[train].reshape(-1, rows.shape[-1]), right[train].reshape(-1))
        scores[~train] = rows[~train] @ weights[:-1]
    chosen = right[np.arange(len(right)), scores.argmax(1)]
    aucs = [auc for s, r in zip(scores, right, strict=True) if (auc := auc_within(s, r)) is not None]
    spread = bootstrap_mean(aucs)
    print(f"{len(files)} sets of {len(problems)} problems, solver {options.solver}, {options.folds} folds by problem")
    print(f"ROC-AUC within a problem {np.mean(aucs):.3f} ({spread.low:.3f} to {spread.high:.3f}), chance 0.5")
    for label, hits in (
        ("chance", right.mean(1)),
        ("teacher's own set", right[:, teacher]),
        ("chosen by the model", chosen),
        ("a right set exists", right.max(1)),
    ):
        interval = wilson(float(hits.sum()), len(hits))
        print(f"{label:22} {hits.mean():.3f}  {interval.low:.3f} to {interval.high:.3f}")
    by_file = defaultdict(int)
    for index in scores.argmax(1):
        by_file[files[index].metadata.label] += 1
    print(
        "chosen from: "
        + ", ".join(f"{label} {count}" for label, count in sorted(by_file.items(), key=lambda e: -e[1])[:5])
    )


def _questions(text: str | None) -> tuple[str, ...]:
    parsed = parse_sub_questions(text or "")
    return () if isinstance(parsed, Failure) else parsed


if __name__ == "__main__":
    main()
