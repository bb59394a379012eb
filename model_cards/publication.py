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
from dataset_builder.hub.upload import PushOptions, Upload, push_files
from model_cards.card.config import UserFacts, read_card_config
from model_cards.card.content import gather_content
from model_cards.release import FORMS, stage_release

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
    """Pushes the checkpoint and returns the commit; None for a dry run.

    Raises:
        UserError: no card, a missing fact, a bad name or token, a secret in a file, a tag that exists, a refusal.
    """
    hub_api(needs_token=config.yes)  # a missing token is refused before anything is read
    checkpoint = Path(config.checkpoint)
    card_config = read_card_config(checkpoint)
    facts = {field.name: getattr(config, field.name) for field in dataclasses.fields(UserFacts)}
    given = {name: value for name, value in facts.items() if value}
    card = gather_content(dataclasses.replace(card_config, checkpoint=config.checkpoint, repo_id=config.repo, **given))
    if not card.dataset.hub_id:
        raise UserError(
            "the training data has no Hub id: push it first (make push-dataset), then give --dataset_id and "
            "--dataset_revision"
        )
    require_on_hub("dataset", card.dataset.hub_id, card.dataset.revision)
    with tempfile.TemporaryDirectory() as staging:
        results = Path(card_config.results)
        files = stage_release(card, checkpoint, results, config.form, Path(staging), config.converter)
        return push_files(
            Upload("model", files, f"{card.training.method} {config.form.replace('_', ' ')}", managed=MANAGED),
            config,
            verify=lambda api, commit: verify_weights(api, config.repo, commit, files),
        )


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
