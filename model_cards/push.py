"""Publishes a checkpoint on the Hub as an adapter, as merged weights or as GGUF, with its card written for that place.

A dry run unless `--yes`, private unless `--public`. The card is written anew from the records, with what `card.yaml`
was told (see `model_cards.cards`) and the repository's own name; nothing is sent before it has passed its check and no
file holds a token or a home path. After the upload the content hashes and the weights' headers are read back.

    $ python -m model_cards.push --checkpoint outputs/demo/bc --repo org/subq-bc --dataset_id org/gsm8k-ai-subq \\
          --dataset_revision v1.0.0
    model org/subq-bc: new, private
    + README.md (6.1 kB)
    + model.safetensors (3,112.4 kB)
    dry run: nothing was sent; add --yes to push
"""

from __future__ import annotations

import dataclasses
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dataset_builder.core.config import option, parse_config
from dataset_builder.core.errors import UserError, entry_point
from dataset_builder.hub.connection import ask_hub, hub_api
from dataset_builder.hub.upload import PushOptions, Upload, push_files
from model_cards.config import read_card_config
from model_cards.content import gather_content
from model_cards.release import FORMS, stage_release

if TYPE_CHECKING:
    from huggingface_hub import HfApi

MANAGED = ("*.safetensors", "*.gguf", "*.png", ".eval_results/*", "*adapter_config.json", "*.safetensors.index.json")

EPILOG = """examples:
  python -m model_cards.push --checkpoint outputs/mistral-7b/bc_lora --repo me/mistral-7b-subq
  python -m model_cards.push --checkpoint outputs/mistral-7b/bc_lora --repo me/mistral-subq-merged --form merged --yes

The card's own options (--dataset_id, ...) are those it was last written with, unless they are given here.
The token comes from `hf auth login` or HF_TOKEN."""


@dataclass
class PushModelConfig(PushOptions):
    """What goes where."""

    checkpoint: str = option("", "folder of a finished training run, with its card")
    form: str = option("as_trained", "as_trained (adapter or full), merged, or gguf", FORMS)
    converter: str = option("", "llama.cpp's convert_hf_to_gguf.py, where it is not on the PATH")
    base_model: str = option("", "the base's id on the Hub; needed for an adapter on a base of your own")
    dataset_id: str = option("", "the training data's id on the Hub")
    dataset_revision: str = option("", "the training data's tag or commit")
    licence: str = option("", "the licence of the weights, where the base is not a known one")


def push_model(config: PushModelConfig, say: Callable[[str], None] = print) -> str | None:
    """Pushes the checkpoint and returns the commit; None for a dry run.

    Raises:
        UserError: no card, a missing fact, a bad name or token, a secret in a file, a tag that exists, a refusal.
    """
    hub_api(needs_token=config.yes)  # says so at once where there is none
    checkpoint = Path(config.checkpoint)
    written = read_card_config(checkpoint)
    card = gather_content(
        dataclasses.replace(
            written,
            checkpoint=config.checkpoint,
            repo_id=config.repo,
            base_model=config.base_model or written.base_model,
            dataset_id=config.dataset_id or written.dataset_id,
            dataset_revision=config.dataset_revision or written.dataset_revision,
            licence=config.licence or written.licence,
        )
    )
    if not card.dataset.hub_id:
        raise UserError(
            "the training data has no Hub id: push it first (make push-dataset), then give --dataset_id and "
            "--dataset_revision"
        )
    check_dataset(card.dataset.hub_id, card.dataset.revision)
    with tempfile.TemporaryDirectory() as staging:
        files = stage_release(card, checkpoint, Path(written.results), config.form, Path(staging), config.converter)
        return push_files(
            Upload("model", files, f"{card.training.method} {config.form.replace('_', ' ')}", managed=MANAGED),
            config,
            say=say,
            verify=lambda api, commit: verify_weights(api, config.repo, commit, files),
        )


def check_dataset(repo: str, revision: str) -> None:
    """Refuses a card that would name a dataset, or a revision of it, that the Hub does not have.

    Raises:
        UserError: it is not there, or hidden from this token.
    """
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    try:
        api = hub_api(needs_token=False)
        ask_hub(lambda: api.repo_info(repo, repo_type="dataset", revision=revision), repo)
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise UserError(
            f"the Hub has no dataset {repo} at {revision}, or hides it from this token: push and tag it first"
        ) from error


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


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    """`python -m model_cards.push`."""
    config = parse_config(
        PushModelConfig,
        argv,
        prog="python -m model_cards.push",
        description="Pushes a checkpoint to the Hub: card, diff, upload, read back, tag. A dry run without --yes.",
        epilog=EPILOG,
    )
    if not config.checkpoint or not Path(config.checkpoint).is_dir():
        raise UserError(f"--checkpoint must be the folder of a finished run, found {config.checkpoint!r}")
    push_model(config)


if __name__ == "__main__":
    sys.exit(main())
