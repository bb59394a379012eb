"""The options of a card, which `card.yaml` beside the card keeps."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dataset_builder.core.config import check_keys, fields_of, option, read_yaml
from dataset_builder.core.errors import UserError

CONFIG_FILE = "card.yaml"


@dataclass
class UserFacts:
    """What no record can know; an empty key that turns out to be needed is an error."""

    base_model: str = option("", "the base's id on the Hub; needed where the recipe started from a local folder")
    dataset_id: str = option("", "the dataset's id on the Hub, where the recipe read a local folder")
    dataset_revision: str = option("", "the dataset's tag or commit on the Hub; needed with a dataset's id")
    licence: str = option(
        "", "the licence of the weights, as on the base's card, where neither the base's nor the data's is known"
    )
    language: list[str] = option([], "the languages of your own problems, such as en, where the dataset does not say")
    domain: str = option("", "what your own problems are about, in words, where the dataset does not say")
    post_seen: list[str] = option(
        [], "pairs whose score is posted although they have seen problems before: their names, as in results/NAME.json"
    )


@dataclass
class CardConfig(UserFacts):
    """Which checkpoint, its evaluation, and the user's facts."""

    checkpoint: str = option("", "folder of a finished training run")
    results: str = option("", "output folder of an evaluation that has a row of this checkpoint")
    beside: str = option("", "another evaluation on the same problems, whose rows stand beside this checkpoint's")
    output: str = option("", "where the card and its figures go; empty: beside the weights", writes="folder")
    repo_id: str = option("", "the model's id on the Hub, where it is or will be")
    dataset: str = option("", "the dataset's folder, where it is not where the recipe read it")
    carbon_g_per_kwh: float = option(
        0.0, "grams of CO2 per kWh of your grid; 0: not known, so no CO2 is stated", least=0
    )
    region: str = option("", "what grid that is, in words")


def read_card_config(checkpoint: Path) -> CardConfig:
    """What the checkpoint's card was last written with.

    Raises:
        UserError: there is no card yet.
    """
    path = checkpoint / CONFIG_FILE
    if not path.is_file():
        raise UserError(
            f"{checkpoint} has no card yet: make card CHECKPOINT={checkpoint} RESULTS=<the evaluation's output>"
        )
    return CardConfig(**check_keys(path, read_yaml(path), fields_of(CardConfig)))
