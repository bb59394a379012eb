"""A finished run as `eval_harness.run` leaves it, made without a model; its first problem looks like markup."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dataset_builder.schema.records import Failure, Problem
from dataset_builder.solving.records import Decomposition, Reply, Usage
from eval_harness.records.predictions import Prediction, write_predictions
from eval_harness.records.problems import write_problems
from eval_harness.records.results import write_record
from eval_harness.records.rows import pair_name
from eval_harness.records.verdicts import write_verdicts
from eval_harness.scoring.score import aggregate, score_predictions
from tests.eval_harness.records.test_results import make_record

NASTY = "<script>window.hurt = 1</script></script><img src=x onerror='window.hurt = 1'><!-- & \u2028 {{data}} \\u003c"
UNREADABLE = Decomposition(text="I would rather not.", failure=Failure("decompose", "parse:no_questions", "none"))


def make_problems(n: int) -> list[Problem]:
    texts = [f"Ann has {index} pens and gets one more. How many pens has she?" for index in range(n)]
    texts[0] = NASTY
    return [Problem(f"t-{index}", text, str(index + 1), "made", "test") for index, text in enumerate(texts)]


def write_run(output: Path, n: int, wrong: dict[str, Sequence[int]], seeds: Sequence[int] = (0,)) -> None:
    """A finished run as `eval_harness.run` leaves it; `wrong` says per decomposer which problems it fails on."""
    problems = make_problems(n)
    write_problems(problems, output)
    for label, failed in wrong.items():
        predictions = [
            Prediction(item.problem_id, seed, _decomposition(label, index), _reply(index, index in failed))
            for seed in seeds
            for index, item in enumerate(problems)
        ]
        _write_pair(output, label, problems, predictions, seeds)


def _decomposition(label: str, index: int) -> Decomposition:
    if label == "none":
        return Decomposition(none_needed=True)
    questions = (f"{label}: how many at first?", NASTY if index == 0 else "Now?")
    return UNREADABLE if index == 3 else Decomposition(questions, usage=Usage(71, 13, 0.0001, 0.25))


def _reply(index: int, wrong: bool) -> Reply:
    text = f"A1: {index}\nA2: one more.\n\nFinal answer: {index + (2 if wrong else 1)}"
    return Reply(
        text + " long" * 300 if index == 1 else text,
        cut_characters=7 if index == 2 else 0,
        usage=Usage(641, 44, None, 1.5),
    )


def _write_pair(
    output: Path, label: str, problems: Sequence[Problem], predictions: Sequence[Prediction], seeds: Sequence[int]
) -> None:
    name = pair_name(label, "s")
    sha256 = write_predictions(output / "predictions" / f"{name}.jsonl", predictions)
    scores = score_predictions(predictions, {item.problem_id: item for item in problems}, "first_marker")
    total = aggregate(scores)
    write_verdicts(output / "verdicts" / f"{name}.jsonl", scores)
    record = make_record(
        name=name, decomposer={"kind": "api", "label": label}, n=total.n, counts=total.counts, seeds=list(seeds),
        accuracy=total.accuracy, mean_score=total.mean_score,
        interval={"low": total.interval.low, "high": total.interval.high, "level": 0.95, "method": "wilson"},
        predictions={"path": f"predictions/{name}.jsonl", "sha256": sha256},
    )  # fmt: skip
    write_record(record, output / "results" / f"{name}.json")
