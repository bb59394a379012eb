"""Makes what is published of a checkpoint: its files by their path in the repository, with no local path in any.

Weights and tokenizer are read in place. Written into a staging folder: the card, `adapter_config.json`
with the base's Hub id, `recipe.yaml` and `train_record.json` with paths reduced to their last part, and, if they are
asked for, the merged weights or the GGUF file. Pickled weights are never published.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Any

from dataset_builder.core.errors import UserError
from dataset_builder.core.files import write_json, write_text
from dataset_builder.core.hub_ids import public_name
from model_cards.card.base import PARTS
from model_cards.card.content import CardContent
from model_cards.card.figures import TITLES
from model_cards.card.model_card import write_model_card
from recipes.models.checkpoint import ADAPTER_FILE, PROBLEMS_FILE, RECIPE_FILE, RECORD_FILE
from recipes.models.merge import merge_adapter

FORMS = ("as_trained", "merged", "gguf")
CONVERTER = "convert_hf_to_gguf.py"
_PATHS_IN_RECIPE = ("backbone", "dataset", "init_from", "output_dir")
_TOKENIZER: tuple[str, ...] = (
    "tokenizer*",
    "special_tokens_map.json",
    "vocab.json",
    "merges.txt",
    "added_tokens.json",
    "chat_template*",
)
_WEIGHTS: tuple[str, ...] = ("*.safetensors", "*.safetensors.index.json", "config.json", "generation_config.json")
_RECORDS = (RECIPE_FILE, RECORD_FILE, PROBLEMS_FILE)
_WRITTEN = ("README.md", "*.png", ".eval_results/*.yaml", "*.gguf", f"**/{ADAPTER_FILE}", *_RECORDS)


@dataclass(frozen=True)
class Release:
    """What is published of a checkpoint."""

    form: str = "as_trained"
    """One of FORMS."""
    converter: str = ""
    """llama.cpp's converter; empty: the one on the PATH."""
    with_weights: bool = True
    """Whether merged or converted weights are made; a dry run shows everything else."""

    @property
    def makes_weights(self) -> bool:
        """Whether the weights are not those that training left."""
        return self.form != "as_trained"


def stage_release(card: CardContent, checkpoint: Path, staging: Path, release: Release) -> dict[str, Path]:
    """Writes what has to be written and gives all files by their path in the repository.

    Args:
        card: what the card says.
        checkpoint: a finished run's folder.
        staging: an empty folder for the written files.
        release: in which form.

    Raises:
        UserError: the checkpoint cannot be given that form, or a fact it needs is missing.
    """
    weights = checkpoint
    script = find_converter(release.converter) if release.form == "gguf" else ""
    if not release.makes_weights:
        stage_adapter_configs(card, checkpoint, staging)
    else:
        if card.form == "guided" or (release.form == "merged" and not card.is_adapter):
            raise UserError(f"{checkpoint} holds no adapter to merge, but a {card.form} model: push it as_trained")
        if card.is_adapter and release.with_weights:
            weights = staging / "merged"
            drift = merge_adapter(checkpoint, weights, "cpu")["drift"]
            card = dataclasses.replace(card, merge_error=drift["against_adapter"]["largest"])
        card = dataclasses.replace(card, form=release.form)
        if script and release.with_weights:
            convert_to_gguf(script, weights, staging / f"{card.name}-f16.gguf")
    stage_records(card, checkpoint, staging)
    for figure in TITLES:
        if (checkpoint / figure).is_file():
            shutil.copyfile(checkpoint / figure, staging / figure)
    write_model_card(card, staging, redraw=False)
    made_later = release.makes_weights and not release.with_weights
    patterns = () if release.form == "gguf" else _TOKENIZER + (() if made_later else _WEIGHTS)
    files = {
        name: path for part in PARTS for name, path in _matches(weights, [part + pattern for pattern in patterns])
    }
    return dict(sorted((files | dict(_matches(staging, _WRITTEN))).items()))


def _matches(folder: Path, patterns: Iterable[str]) -> Iterator[tuple[str, Path]]:
    for pattern in patterns:
        yield from ((path.relative_to(folder).as_posix(), path) for path in sorted(folder.glob(pattern)))


def stage_adapter_configs(card: CardContent, checkpoint: Path, staging: Path) -> None:
    """Each adapter's configuration with the base's Hub id, without which others cannot load it."""
    for part in PARTS:
        path = checkpoint / part / ADAPTER_FILE
        if not path.is_file():
            continue
        base = card.base_model or card.base.folder  # a folder's name: in a dry run, and then nowhere
        values = json.loads(path.read_text(encoding="utf-8")) | {"base_model_name_or_path": base}
        (staging / part).mkdir(exist_ok=True)
        write_json(staging / part / ADAPTER_FILE, values)


def stage_records(card: CardContent, checkpoint: Path, staging: Path) -> None:
    """What makes the release reproducible, without local paths, and the hashes of the problems it was trained on."""
    import yaml

    record = json.loads((checkpoint / RECORD_FILE).read_text(encoding="utf-8"))
    recipe = record["resolved_recipe"]
    recipe |= {key: public_name(recipe[key]) for key in _PATHS_IN_RECIPE if recipe.get(key)}
    record["dataset"] |= {"path": card.dataset.hub_id or card.dataset.name, "revision": card.dataset.revision}
    record |= {key: public_name(record[key]) for key in ("backbone", "init_from")}
    record = without_paths(record)
    write_json(staging / RECORD_FILE, record)
    if (checkpoint / PROBLEMS_FILE).is_file():
        shutil.copy(checkpoint / PROBLEMS_FILE, staging / PROBLEMS_FILE)
    recipe_text = yaml.safe_dump(record["resolved_recipe"], sort_keys=False, allow_unicode=True)
    write_text(staging / RECIPE_FILE, recipe_text)


def without_paths(value: Any) -> Any:
    """A JSON value with every absolute path in it reduced to its last part.

    >>> without_paths({"log": ["/data/runs/bc", "a/b", "3/4", "~/x"]})
    {'log': ['bc', 'a/b', '3/4', 'x']}
    """
    if isinstance(value, dict):
        return {key: without_paths(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_paths(item) for item in value]
    is_path = isinstance(value, str) and (value.startswith(("/", "~/")) or bool(PureWindowsPath(value).drive))
    return PureWindowsPath(value).name or value if is_path else value


def find_converter(converter: str) -> str:
    """llama.cpp's converter, as named or on the PATH.

    Raises:
        UserError: it is not installed.
    """
    script = converter or shutil.which(CONVERTER) or ""
    if not Path(script).is_file():
        raise UserError(
            f"--form gguf needs llama.cpp's {CONVERTER}: put it on the PATH, or name it with --converter "
            "(https://github.com/ggml-org/llama.cpp)"
        )
    return script


def convert_to_gguf(script: str, weights: Path, output: Path) -> None:
    """Runs the converter on a folder of transformers weights.

    Raises:
        UserError: it refuses the model.
    """
    command = [sys.executable, script, str(weights), "--outfile", str(output), "--outtype", "f16"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode or not output.is_file():
        last = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1]
        raise UserError(f"{CONVERTER} cannot convert this model: {last}")
