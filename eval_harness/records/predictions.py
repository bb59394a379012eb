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
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataset_builder.core.errors import UserError
from dataset_builder.schema.records import Failure
from dataset_builder.solving.records import Decomposition, Reply, Usage


@dataclass(frozen=True, slots=True)
class Prediction:
    """One problem's way through the pair."""

    problem_id: str
    seed: int
    decomposition: Decomposition
    reply: Reply

    @property
    def failure(self) -> Failure | None:
        """The first thing that went wrong, if any."""
        return self.decomposition.failure or self.reply.failure

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Prediction:
        """The inverse of `dataclasses.asdict` after a trip through JSON."""
        decomposition, reply = dict(values["decomposition"]), dict(values["reply"])
        for part in (decomposition, reply):
            part["usage"] = Usage(**part["usage"])
            part["failure"] = Failure(**part["failure"]) if part["failure"] else None
        decomposition["sub_questions"] = tuple(decomposition["sub_questions"])
        return cls(values["problem_id"], values["seed"], Decomposition(**decomposition), Reply(**reply))


def write_predictions(path: Path, predictions: Sequence[Prediction]) -> str:
    """Writes the predictions, one JSON object a line, and returns the file's sha256 (hex)."""
    lines = (json.dumps(dataclasses.asdict(prediction), ensure_ascii=False) + "\n" for prediction in predictions)
    content = "".join(lines).encode()
    write_atomically(path, content)
    return hashlib.sha256(content).hexdigest()


def load_predictions(path: Path) -> list[Prediction]:
    """Reads what `write_predictions` wrote.

    Raises:
        UserError: the file is missing, or a line of it is not a prediction.
    """
    if not path.is_file():
        raise UserError(f"no predictions file {path}")
    predictions = []
    # not splitlines(): a model's text may hold U+2028, which JSON leaves as it is
    for number, line in enumerate(path.read_text(encoding="utf-8").removesuffix("\n").split("\n"), 1):
        try:
            predictions.append(Prediction.from_dict(json.loads(line)))
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"{path}, line {number}: not a prediction ({error!r})") from error
    return predictions


def write_atomically(path: Path, content: bytes) -> None:
    """Writes a file so that a reader sees the old content or the new, never a half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.write_bytes(content)
    os.replace(part, path)
