"""A checkpoint's way to the Hub: the card for that place, the staged files, the push, and the weights read back."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dataset_builder.core.config import option
from dataset_builder.core.errors import UserError
from dataset_builder.hub.connection import ask_hub, hub_api, require_on_hub
from dataset_builder.hub.repository import Remote
from dataset_builder.hub.upload import PushOptions, Upload, push_files
from model_cards.card.config import UserFacts, read_card_config
from model_cards.card.content import CardContent, gather_content
from model_cards.release import FORMS, Release, stage_release

if TYPE_CHECKING:
    from huggingface_hub import HfApi

MANAGED = ("*.safetensors", "*.gguf", "*.png", ".eval_results/*", "*adapter_config.json", "*.safetensors.index.json")


@dataclass
class PushModelConfig(UserFacts, PushOptions):
    """What goes where; the ids replace those of `card.yaml` where they are given."""

    checkpoint: str = option("", "folder of a finished training run, with its card")
    form: str = option("as_trained", "as_trained (adapter or full), merged, or gguf", FORMS)
    converter: str = option("", "llama.cpp's convert_hf_to_gguf.py, where it is not on the PATH")


def push_model(config: PushModelConfig) -> str | None:
    """Pushes the checkpoint and returns the commit; None for a dry run, which also says what a push would lack.

    Raises:
        UserError: no card, a missing fact, a bad name or token, a secret in a file, a tag that exists, a refusal.
    """
    hub_api(needs_token=config.yes)  # a missing token is refused before anything is read
    checkpoint = Path(config.checkpoint)
    card_config = read_card_config(checkpoint)
    facts = {field.name: getattr(config, field.name) for field in dataclasses.fields(UserFacts)}
    given = {name: value for name, value in facts.items() if value}
    card = gather_content(dataclasses.replace(card_config, checkpoint=config.checkpoint, repo_id=config.repo, **given))
    release = Release(config.form, config.converter, with_weights=config.yes)
    if config.yes and (lacks := [*missing_on_hub(card), *missing_before_push(card, release)]):
        raise UserError(lacks[0])
    with tempfile.TemporaryDirectory() as staging:
        files = stage_release(card, checkpoint, Path(staging), release)
        made_later = release.makes_weights and not release.with_weights
        message = f"{card.training.method} {config.form.replace('_', ' ')}"
        return push_files(
            Upload("model", files, message, managed=() if made_later else MANAGED),
            config,
            notes=lambda api, remote: [] if config.yes else notes_of_dry_run(card, release, remote),
            verify=lambda api, commit: verify_weights(api, config.repo, commit, files),
        )


def missing_before_push(card: CardContent, release: Release) -> list[str]:
    """What has to be on the Hub first, as far as the card knows."""
    lacks = []
    if not card.dataset.hub_id:
        lacks.append(
            "the training data has no Hub id: push it first (`subq push`), then give --dataset_id and "
            "--dataset_revision"
        )
    if card.is_adapter and not release.makes_weights and not card.base_model:
        lacks.append(
            "the adapter's base has no Hub id: push the base first, then give --base_model, or push --form merged"
        )
    return lacks


def missing_on_hub(card: CardContent) -> list[str]:
    """Whether the Hub lacks the dataset at its revision."""
    if not card.dataset.hub_id:
        return []
    try:
        require_on_hub("dataset", card.dataset.hub_id, card.dataset.revision)
    except UserError as error:
        return [str(error)]
    return []


def notes_of_dry_run(card: CardContent, release: Release, remote: Remote) -> list[str]:
    """What a dry run cannot show, and what a push would lack."""
    lacks = [*(() if remote.not_asked else missing_on_hub(card)), *missing_before_push(card, release)]
    made = ["the weights of this form are made when it is pushed"] if release.makes_weights else []
    return [*made, *(f"before --yes: {lack}" for lack in lacks)]


def verify_weights(api: HfApi, repo: str, commit: str, files: Mapping[str, Path]) -> None:
    """Reads the header of each weight file back from the Hub and compares names and shapes with those sent.

    Args:
        api: the Hub's client.
        repo: the model's id.
        commit: what was pushed.
        files: local files by their path in the repository.

    Raises:
        UserError: a tensor is missing or has another shape.
    """
    from safetensors import safe_open

    for name, path in files.items():
        if not name.endswith(".safetensors"):
            continue
        remote = ask_hub(partial(api.parse_safetensors_file_metadata, repo, name, revision=commit), repo)
        with safe_open(path, framework="numpy") as file:
            local = {key: list(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118 (no mapping)
        if {key: list(tensor.shape) for key, tensor in remote.tensors.items()} != local:
            raise UserError(f"{repo} does not hold the tensors of {name} as sent; no tag was set: push again")
