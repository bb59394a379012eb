"""What is on disk before anything is scored: one prediction per problem, with everything that was received.

One line of `predictions/<pair>.jsonl`:

    {"problem_id": "gsm8k-test-00001", "seed": 0,
     "decomposition": {"sub_questions": ["How many bolts of white fiber ...?"], "text": "Q1: How many ...",
                       "none_needed": false, "failure": null, "usage": {"prompt_tokens": 512, ...}},
     "reply": {"text": "A1: ...\\nFinal answer: 3", "finish_reason": "stop", "cut_characters": 0, "failure": null,
               "usage": {"prompt_tokens": 641, "completion_tokens": 44, "cost_usd": 0.0001, "seconds": 1.1}}}

`cost_usd` is null where the model's price is unknown: an unknown price is not a price of zero.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dataset_builder.core.errors import UserError
from dataset_builder.core.files import file_sha256, iterate_lines, write_jsonl
from dataset_builder.schema.records import Failure
from dataset_builder.solving.records import Decomposition, Reply


@dataclass(frozen=True, slots=True)
class Prediction:
    """One problem's way through the pair."""

    problem_id: str
    """The problem that was asked."""
    seed: int
    """The run it belongs to: one prediction per problem and seed."""
    decomposition: Decomposition
    """The sub-questions, or why there are none."""
    reply: Reply
    """What the solver wrote, or why there is nothing."""

    @property
    def failure(self) -> Failure | None:
        """The first thing that went wrong, if any."""
        return self.decomposition.failure or self.reply.failure


def write_predictions(path: Path, predictions: Sequence[Prediction]) -> str:
    """Writes the predictions, one JSON object a line, and returns the file's sha256 (hex)."""
    write_jsonl(path, map(dataclasses.asdict, predictions))
    return file_sha256(path)


def load_predictions(path: Path) -> list[Prediction]:
    """Reads what `write_predictions` wrote.

    Raises:
        UserError: the file is missing, or a line of it is not a prediction.
    """
    import pydantic

    line_type, predictions = pydantic.TypeAdapter(Prediction), []
    for number, line in iterate_lines(path):
        try:
            predictions.append(line_type.validate_json(line, strict=True))
        except pydantic.ValidationError as error:
            first = error.errors()[0]
            raise UserError(f"{path}, line {number}: not a prediction ({first['loc']}: {first['msg']})") from error
    return predictions
