"""What a card says of the data a checkpoint was trained on: what the dataset's own `facts.json` knows, and no more.

The language, licence and domain of the named sources (GSM8K, DROP, ...) are known. Of a user's own problems only what
the dataset's build or this card's options state is known; what is needed and not stated is an error that names it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataset_builder.core.errors import UserError
from dataset_builder.core.hub_ids import is_hub_id, is_on_hub
from dataset_builder.dataset_folder.layout import is_dataset_folder, read_facts
from dataset_builder.hub.card_rules import LICENCES
from dataset_builder.sources import SOURCES
from dataset_builder.stats.about import about_dataset
from model_cards.card.config import CardConfig
from recipes.training.record import TrainRecord

NOT_STATED = ("unknown", "other")


@dataclass(frozen=True)
class TrainingData:
    """The training data, as its own build describes it."""

    name: str
    """Its own: the last part of the Hub id, or the folder's."""
    hub_id: str | None
    """None where it was built locally and not pushed."""
    revision: str
    """The tag or commit on the Hub; empty without a Hub id."""
    sources: dict[str, int]
    """Sets by the source of their problems."""
    is_gsm8k: bool
    """Whether every problem is GSM8K's."""
    is_own: bool
    """Whether some problems are a user's own, of which nothing is known but what is stated."""
    teachers: tuple[str, ...]
    """Who wrote the sub-questions; empty where the source does not say."""
    leaks: int
    """Problems that were in two splits or in a prompt, and were left out."""
    taken_from_test: int
    """Problems of the sources' test sets that are train or validation in it."""
    test_problems: int
    """Problems of the test split."""
    languages: tuple[str, ...]
    """Of the problems, as codes such as en."""
    licence: str
    """Of the whole, as the Hub spells it; empty where nobody states it."""
    domain: str
    """What the problems are about, in words; empty where nobody states it."""

    @property
    def written_by(self) -> str:
        """Who wrote the sub-questions, in words."""
        if self.teachers:
            return ", ".join(self.teachers)
        return "the dataset paper's teacher" if self.is_gsm8k else "a teacher that it does not name"

    @property
    def in_language(self) -> str:
        """In which language, in words."""
        names = ["English" if code == "en" else f"`{code}`" for code in self.languages]
        return f"in {' and '.join(names)}"


def gather_training_data(training: TrainRecord, config: CardConfig) -> TrainingData:
    """What is known of the data of a run.

    Raises:
        UserError: an id is malformed, or its revision, its facts or its language are missing.
    """
    path = str(training.dataset["path"])
    hub_id = checked_hub_id("--dataset_id", config.dataset_id) or (path if is_on_hub(path, namespace=True) else None)
    revision = config.dataset_revision or str(training.dataset.get("revision") or "")
    if hub_id and not revision:
        raise UserError(
            f"the revision of {hub_id} is missing: give --dataset_revision, the tag or commit that holds the examples"
        )
    facts = _read_facts(Path(config.dataset or path), hub_id, revision)
    about = about_dataset(facts)
    languages = tuple(config.language) or about.languages
    if not languages:
        own = ", ".join(sorted(set(facts["sources"]) - set(SOURCES)))
        raise UserError(f"the language of {own} is not known: give --language, such as en or de")
    return TrainingData(
        name=(hub_id or str(facts["name"])).rpartition("/")[2],
        hub_id=hub_id,
        revision=revision if hub_id else "",
        sources=dict(facts["sources"]),
        is_gsm8k=about.is_gsm8k,
        is_own=about.is_own,
        teachers=tuple(facts["teachers"]),
        leaks=int(facts["leak_check"]["leaks"]),
        taken_from_test=int(facts.get("taken_from_test", 0)),
        test_problems=int(facts["problems"].get("test", 0)),
        languages=languages,
        licence=about.licence if about.licence in LICENCES and about.licence not in NOT_STATED else "",
        domain=config.domain or about.domain,
    )


def checked_hub_id(option: str, name: str) -> str | None:
    """The id of a repository, or None where none is given.

    Raises:
        UserError: it is not spelled org/name.
    """
    if name and not is_hub_id(name, namespace=True):
        raise UserError(f"{option} must be the Hub's org/name, found {name!r}")
    return name or None


def _read_facts(folder: Path, hub_id: str | None, revision: str) -> dict[str, Any]:
    """The dataset's own `facts.json`, from its folder or from the Hub."""
    if is_dataset_folder(folder):
        return read_facts(folder)
    if hub_id:
        return read_facts(_download_facts(hub_id, revision).parent)
    raise UserError(f"the dataset's facts are missing: {folder} is no dataset folder; name it with --dataset")


def _download_facts(hub_id: str, revision: str) -> Path:
    from dataset_builder.hub.connection import ask_hub, hub_api, hub_or_cache

    out_of_reach, api = hub_or_cache(), hub_api(needs_token=False)

    def download() -> Path:
        return Path(api.hf_hub_download(hub_id, "facts.json", repo_type="dataset", revision=revision))

    if not out_of_reach:
        return ask_hub(download, hub_id)
    try:
        return download()
    except OSError as error:
        raise UserError(
            f"the facts of {hub_id} are not among the downloads, and the Hub cannot be asked ({out_of_reach}); name "
            "a copy of the dataset here with --dataset"
        ) from error
