"""Which problems a checkpoint was trained on, as hashes beside its weights, so that a test on them is noticed.

Written with a run's record; it travels with the weights, into a merge and to the Hub. It holds the problems of the
whole chain: those of the run, and those that the list of the checkpoint it started from holds.

    {"schema_version": "1.0.0", "unknown_start": "", "trained_on": ["5b1f...9c 8d31... w2nVmg...", ...],
     "chosen_by": ["..."]}

`unknown_start` names a start without a list (a run of an earlier version): then other problems may have been trained
on. What a backbone read before anybody trained it here is never known. A line is a `text.likeness.Fingerprint`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from dataset_builder.core.checks import record_from_json
from dataset_builder.core.errors import UserError
from dataset_builder.core.files import parse_json_object, read_text, write_json
from dataset_builder.core.hub_ids import is_on_hub
from dataset_builder.hub.connection import hub_or_cache
from dataset_builder.text.likeness import Fingerprint, fingerprint
from dataset_builder.text.student_format import problem_of_prompt
from recipes.config.recipe import TINY, RecipeConfig
from recipes.models.checkpoint import PROBLEMS_FILE, RECIPE_FILE

SCHEMA_VERSION = "1.0.0"


@dataclass(frozen=True)
class TrainedProblems:
    """The problems of a checkpoint's chain of runs, as lines of fingerprints."""

    trained_on: list[str]
    """Those in a training row of any run of the chain."""
    chosen_by: list[str]
    """Validation problems that a run of the chain chose its checkpoint by."""
    unknown_start: str = ""
    """The start of the chain that has no list; empty: the lists are whole."""
    schema_version: str = SCHEMA_VERSION
    """Of this file."""

    def fingerprints(self, lines: Iterable[str]) -> list[Fingerprint]:
        """The fingerprints of some of the lines."""
        return [Fingerprint.from_line(line) for line in lines]


def lines_of(prompts: Iterable[str]) -> list[str]:
    """A line for each distinct problem of the prompts, sorted, so that they tell nothing of the order."""
    problems = {problem_of_prompt(prompt) for prompt in prompts}
    return sorted(fingerprint(problem).line for problem in problems)


def chain_of(config: RecipeConfig, prompts: Iterable[str], chosen_by: Iterable[str]) -> TrainedProblems:
    """The list of a run that has ended: its own problems and those of what it started from.

    Args:
        config: names the start.
        prompts: of the run's training rows.
        chosen_by: prompts of the validation problems that its checkpoint was chosen by.
    """
    before = _start(config)
    return TrainedProblems(
        sorted({*lines_of(prompts), *before.trained_on}),
        sorted({*lines_of(chosen_by), *before.chosen_by}),
        before.unknown_start,
    )


def _start(config: RecipeConfig) -> TrainedProblems:
    """The list of the checkpoint that a run starts from, or of a backbone that was trained here."""
    if config.init_from:
        return find_trained_problems(config.init_from) or TrainedProblems([], [], Path(config.init_from).name)
    return (find_trained_problems(config.backbone) if config.backbone != TINY else None) or TrainedProblems([], [])


def find_trained_problems(checkpoint: str) -> TrainedProblems | None:
    """The list of a checkpoint; of one trained here without a list an empty one that names it as unknown.

    None for a model of other origin, and where the Hub does not answer.

    Raises:
        UserError: the list is damaged.
    """
    path = _file_of(checkpoint, PROBLEMS_FILE)
    if path is not None:
        return read_trained_problems(path)
    trained_here = _file_of(checkpoint, RECIPE_FILE) is not None
    return TrainedProblems([], [], Path(checkpoint).name) if trained_here else None


def _file_of(checkpoint: str, name: str) -> Path | None:
    """A file of a checkpoint's folder, or of its repository on the Hub; None where there is none."""
    if not is_on_hub(checkpoint, namespace=True):
        path = Path(checkpoint) / name
        return path if path.is_file() else None
    hub_or_cache()
    from huggingface_hub import hf_hub_download

    try:
        return Path(hf_hub_download(checkpoint, name))
    except (OSError, ValueError):  # there is no such file, or the Hub does not answer
        return None


def add_chosen_by(folder: Path, prompts: Iterable[str]) -> None:
    """Adds validation problems that a setting of a finished checkpoint was chosen by; one without a list stays so."""
    if (folder / PROBLEMS_FILE).is_file():
        known = read_trained_problems(folder / PROBLEMS_FILE)
        chosen_by = sorted({*known.chosen_by, *lines_of(prompts)})
        write_trained_problems(replace(known, chosen_by=chosen_by), folder)


def write_trained_problems(problems: TrainedProblems, folder: Path) -> None:
    """Writes the list beside the weights."""
    write_json(folder / PROBLEMS_FILE, asdict(problems), indent=0)


def read_trained_problems(path: Path) -> TrainedProblems:
    """What `write_trained_problems` wrote.

    Raises:
        UserError: the file is damaged.
    """
    remedy = "train again, or delete it: then its overlap with a test is unknown"
    try:
        problems = record_from_json(TrainedProblems, parse_json_object(read_text(path)), str(path), remedy)
        for line in (problems.trained_on[:1], problems.chosen_by[:1]):
            problems.fingerprints(line)
    except ValueError as error:
        raise UserError(f"{path} is no list of problems: {error}; {remedy}") from error
    return problems
