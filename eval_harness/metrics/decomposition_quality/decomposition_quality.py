"""Quality of sub-question sets without a solver, as an `evaluate` metric.

Each import stands on one line: `evaluate` finds by line what a metric needs.
"""

from typing import Any

import datasets
import evaluate

from dataset_builder.schema.records import Problem
from dataset_builder.solving.records import Decomposition
from eval_harness.metrics.citation import CITATION
from eval_harness.metrics.inputs import checked_inputs
from eval_harness.scoring.quality import decomposition_quality

_DESCRIPTION = """\
Says how good sets of sub-questions are without answering them: granularity and fluency against reference sets (as
arXiv 2402.01812 defines them), repeated questions, questions that give an answer away or ask what is given, order and
length.
"""

_KWARGS_DESCRIPTION = """
Args:
    predictions (list of lists of str): one set of sub-questions per problem; an empty set counts nowhere.
    references (list of lists of str): the reference set of each problem; empty lists where there are none.
    problems (list of str, optional): the problems' texts; needed for sets_with_giveaway and sets_asking_given.
Returns:
    sets (int): sets with at least one question; all figures are over these.
    granularity (float): mean of 1 - |generated - reference| / generated, in numbers of questions. None without
        references.
    fluency (float): mean of corpus BLEU-1, -2, -3 and -4 against the references. None without references.
    order (float): mean Kendall's tau of the positions at which reference questions turn up; None without references.
    sets_with_repetition (float): share of sets with a question that reads like an earlier one.
    sets_with_giveaway (float): share of sets with a question that holds a computed number. None without problems.
    sets_asking_given (float): share of sets with a question that a sentence of the problem answers. None without
        problems.
    questions_per_set, words_per_question (float): lengths.
Examples:
    >>> metric = evaluate.load("decomposition_quality")
    >>> generated = [["How many pens has Ann?", "How many pens has Ann?"], ["What do the 9 pens cost?"]]
    >>> references = [["How many pens has Ann?"], ["What do the pens cost?"]]
    >>> texts = ["Ann has 3 pens, and buys 2.", "Pens cost 2 dollars."]
    >>> result = metric.compute(predictions=generated, references=references, problems=texts)
    >>> result["sets"], result["granularity"], result["sets_with_repetition"], result["sets_with_giveaway"]
    (2, 0.75, 0.5, 0.5)
    >>> bare = metric.compute(predictions=generated, references=[[], []])
    >>> bare["fluency"], bare["sets_with_giveaway"], bare["questions_per_set"]
    (None, None, 1.5)
"""


@evaluate.utils.file_utils.add_start_docstrings(_DESCRIPTION, _KWARGS_DESCRIPTION)
class DecompositionQuality(evaluate.Metric):
    """The metric; `compute` shows its arguments."""

    def _info(self) -> evaluate.MetricInfo:
        sets = datasets.List(datasets.Value("string"))
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation=CITATION,
            inputs_description=_KWARGS_DESCRIPTION,
            features=datasets.Features({"predictions": sets, "references": sets}),
            reference_urls=["https://arxiv.org/abs/2402.01812"],
        )

    def compute(self, *, predictions: Any = None, references: Any = None, **options: Any) -> dict[str, Any] | None:
        """As of `evaluate.Metric`; what cannot be scored is refused in one line."""
        if predictions is not None or references is not None:
            predictions, references = checked_inputs(predictions, references)
        return super().compute(predictions=predictions, references=references, **options)

    def _compute(
        self, predictions: list[list[str]], references: list[list[str]], problems: list[str] | None = None
    ) -> dict[str, Any]:
        texts = [""] * len(predictions) if problems is None else list(problems)
        if len(texts) != len(predictions):
            raise ValueError(f"{len(predictions)} predictions, {len(texts)} problems; give one text per set")
        named = [
            Problem(f"example-{index}", text, "", "evaluate", reference_sub_questions=tuple(reference))
            for index, (text, reference) in enumerate(zip(texts, references, strict=True))
        ]
        result = decomposition_quality(named, [Decomposition(tuple(questions)) for questions in predictions])
        if problems is None and result["sets"]:
            result |= {"sets_with_giveaway": None, "sets_asking_given": None}
        return result
