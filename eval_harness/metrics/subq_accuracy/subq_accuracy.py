"""Accuracy of a solver's texts, with a verdict per text, as an `evaluate` metric.

Each import stands on one line: `evaluate` finds by line what a metric needs.
"""

from typing import Any

import datasets
import evaluate

from dataset_builder.answers import DEFAULT_RULE, RULES
from dataset_builder.answers.grading import grade_answer
from dataset_builder.answers.kinds import KINDS
from dataset_builder.schema.records import Problem
from dataset_builder.schema.verdicts import VERDICTS
from eval_harness.metrics.citation import CITATION
from eval_harness.metrics.inputs import checked_inputs
from eval_harness.records.verdicts import ProblemScore
from eval_harness.scoring.score import aggregate

_DESCRIPTION = """\
Reads the final answer out of a solver's text under a named rule, compares it exactly with the gold answer, and counts
every verdict: a text without an answer and a text that never came are counted apart from wrong answers. The accuracy
comes with Wilson's 95 % interval.
"""

_KWARGS_DESCRIPTION = """
Args:
    predictions (list of str): what the solver wrote; None where no text ever came.
    references (list of str, or of lists of str): the gold answer, or all answers that are right. GSM8K's own solutions
        may be given as they are: what follows "####" is taken.
    rule (str): how the answer is read: first_marker (default), flexible, last_number, paper_2402.
    answer_kind (str): when an answer is right: ANSWER_KINDS; number is the default.
    per_example (bool): whether to give each text's verdict and the reason for it, too.
Returns:
    accuracy (float): share of correct texts, out of all.
    low, high (float): Wilson's 95 % interval of the accuracy.
    mean_score (float): mean F1 where answers are spans; else the accuracy.
    n (int): number of texts.
    counts (dict): texts per verdict: VERDICTS.
    verdicts, explanations (list of str): with per_example only.
Examples:
    >>> metric = evaluate.load("subq_accuracy")
    >>> texts = ["A1: 3+2=5.\\n\\nFinal answer: 5", "Final answer: 1,080", "I do not know.", None]
    >>> result = metric.compute(predictions=texts, references=["5", "#### 1,080", "7", "8"], per_example=True)
    >>> result["accuracy"], result["n"], round(result["low"], 3), round(result["high"], 3)
    (0.5, 4, 0.15, 0.85)
    >>> result["verdicts"]
    ['correct', 'correct', 'no_answer', 'request_failed']
    >>> result["explanations"][1]
    'read 1080 after "Final answer:", gold 1080'
    >>> texts, golds = ["Final answer: 12 yards"], [["12", "12 yard"]]
    >>> spans = metric.compute(predictions=texts, references=golds, answer_kind="spans")
    >>> spans["accuracy"], spans["mean_score"]
    (0.0, 0.67)
"""

_KWARGS_DESCRIPTION = _KWARGS_DESCRIPTION.replace(
    "ANSWER_KINDS", "; ".join(f"{kind.name} ({kind.meaning})" for kind in KINDS.values())
).replace("VERDICTS", ", ".join(VERDICTS))


@evaluate.utils.file_utils.add_start_docstrings(_DESCRIPTION, _KWARGS_DESCRIPTION)
class SubqAccuracy(evaluate.Metric):
    """The metric; `compute` shows its arguments."""

    rules = tuple(RULES)
    answer_kinds = tuple(KINDS)

    def _info(self) -> evaluate.MetricInfo:
        text = datasets.Value("string")
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation=CITATION,
            inputs_description=_KWARGS_DESCRIPTION,
            features=[
                datasets.Features({"predictions": text, "references": text}),
                datasets.Features({"predictions": text, "references": datasets.List(text)}),
            ],
            reference_urls=["https://arxiv.org/abs/2402.01812"],
        )

    def compute(self, *, predictions: Any = None, references: Any = None, **options: Any) -> dict[str, Any] | None:
        """As of `evaluate.Metric`; what cannot be scored is refused in one line."""
        if predictions is not None or references is not None:
            predictions, references = checked_inputs(predictions, references)
        return super().compute(predictions=predictions, references=references, **options)

    def _enforce_nested_string_type(self, schema: Any, obj: Any) -> None:
        if obj is not None:  # `evaluate` refuses a text that never came where it is the first
            super()._enforce_nested_string_type(schema, obj)

    def _compute(
        self,
        predictions: list[str | None],
        references: list[str] | list[list[str]],
        rule: str = DEFAULT_RULE,
        answer_kind: str = "number",
        per_example: bool = False,
    ) -> dict[str, Any]:
        if rule not in RULES:
            raise ValueError(f"no rule {rule!r}; there are {', '.join(RULES)}")
        scores = [
            _score(f"example-{index}", text, references[index], rule, answer_kind)
            for index, text in enumerate(predictions)
        ]
        total = aggregate(scores)
        result: dict[str, Any] = {
            "accuracy": total.accuracy,
            "low": total.interval.low,
            "high": total.interval.high,
            "mean_score": total.mean_score,
            "n": total.n,
            "counts": total.counts,
        }
        if per_example:
            result["verdicts"] = [score.verdict for score in scores]
            result["explanations"] = [score.explanation for score in scores]
        return result


def _says_something(gold: str | None) -> bool:
    return any(map(str.isalnum, (gold or "").rpartition("####")[2]))


def _score(name: str, text: str | None, reference: str | list[str], rule: str, answer_kind: str) -> ProblemScore:
    golds = [reference] if isinstance(reference, str) else list(reference or [])
    if not golds or not all(map(_says_something, golds)):
        raise ValueError(f"{name}: the reference {reference!r} is nothing to compare with; give the gold answer")
    gold, *aliases = [str(gold).rpartition("####")[2].strip() for gold in golds]
    if text is None:
        return ProblemScore(name, 0, "request_failed", None, f"no text came, gold {gold}", 0.0)
    problem = Problem(name, name, gold, "evaluate", "test", answer_kind, gold_aliases=tuple(aliases))
    judged = grade_answer(text, problem, rule)
    return ProblemScore(name, 0, judged.verdict, judged.extracted, judged.explanation, judged.score)
