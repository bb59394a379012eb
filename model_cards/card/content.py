"""Everything a model card says, gathered from records; a fact that is missing is an error that names it.

Reads a checkpoint's `train_record.json`, an evaluation's `results/*.json` and the dataset's `facts.json`. Nothing here
is typed in by hand but what no record can know (ids on the Hub, a licence). Local paths are reduced to their last
part, so none reaches a card.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataset_builder.core.errors import UserError
from dataset_builder.core.hub_ids import is_hub_id, is_on_hub
from dataset_builder.dataset_folder.layout import is_dataset_folder, read_facts
from eval_harness.records.results import ResultsRecord, load_records
from model_cards.card.config import CardConfig
from model_cards.card.licences import Licence, licence_of_weights
from model_cards.card.required_rows import check_required_rows, find_own_rows
from recipes.config.methods import student_of
from recipes.methods.ilql.settings import is_guided
from recipes.models.checkpoint import ADAPTER_FILE
from recipes.training.record import TrainRecord, read_train_record


@dataclass(frozen=True)
class DatasetMetadata:
    """The training data, as its own build describes it."""

    name: str
    """Its own: the last part of the Hub id, or the folder's."""
    hub_id: str | None
    """None where it was built locally and not pushed."""
    revision: str
    """The tag or commit on the Hub; empty without a Hub id."""
    sources: dict[str, int]
    """Sets by the source of their problems."""
    teachers: tuple[str, ...]
    """Who wrote the sub-questions; empty where the source does not say."""
    leaks: int
    """Problems that were in two splits or in a prompt, and were left out."""
    test_problems: int
    """Problems of the test split."""


@dataclass(frozen=True)
class Emissions:
    """Energy of the training run and its CO2; None where not measured, or without the grid's intensity."""

    energy_wh: float | None
    """Watt-hours of the GPU."""
    co2_g: float | None
    """Grams of CO2 from that energy."""
    method: str
    """How both were measured, in words; empty where nothing was."""


@dataclass(frozen=True)
class CardContent:
    """What the template may use."""

    name: str
    """The model's own name: the repo's last part, or the folder's."""
    repo_id: str
    """Where the model is or will be on the Hub; empty: nowhere yet."""
    base_model: str | None
    """The Hub id of the base; None where the weights were made from scratch."""
    licence: Licence
    """That of the weights, with what it asks of them."""
    dataset: DatasetMetadata
    """What it was trained on."""
    training: TrainRecord
    """How it was trained."""
    emissions: Emissions
    """What that took."""
    rows: tuple[ResultsRecord, ...]
    """Every pair of the evaluation, so that the no-decomposition and teacher rows stand beside the model's own."""
    own_rows: tuple[ResultsRecord, ...]
    """This checkpoint's pairs, one per solver."""
    form: str
    """What is published: adapter, full or guided (as trained), merged (adapter and base in one), or gguf."""
    role: str
    """decomposer or solver: which half of the pair the model is."""
    merge_error: float | None = None
    """Largest difference of a log-probability between the merged weights and the adapter that was scored."""

    @property
    def is_adapter(self) -> bool:
        return self.form == "adapter"

    @property
    def text_format(self) -> str:
        return str(self.training.resolved_recipe["text_format"])

    @property
    def vllm_lora_rank(self) -> int:
        """The smallest of the ranks that vLLM makes size for that holds this adapter's."""
        rank = int(self.training.resolved_recipe["lora_rank"])
        return next((size for size in (8, 16, 32, 64, 128, 256, 320, 512) if size >= rank), rank)


def gather_content(config: CardConfig) -> CardContent:
    """Collects what the card of one checkpoint says.

    Raises:
        UserError: a record or a fact is missing or contradicts another, or a request of the evaluation failed.
    """
    checkpoint = Path(config.checkpoint)
    training = read_train_record(checkpoint)
    rows = tuple(load_records(Path(config.results)))
    for row in rows:
        if not row.publishable:
            raise UserError(f"{row.name}: a request failed, so its score is not publishable; run the evaluation again")
    base = _base_model(checkpoint, training, config.base_model)
    name = (config.repo_id or checkpoint.resolve().name).rpartition("/")[2]
    role = student_of(training.method)
    own_rows = find_own_rows(rows, checkpoint, training.recipe_sha256, role)
    check_required_rows(rows, own_rows, role)
    return CardContent(
        name=name,
        repo_id=_hub_id("--repo_id", config.repo_id) or "",
        base_model=base,
        licence=licence_of_weights(base, config.licence, name),
        dataset=_dataset_metadata(training, config),
        training=training,
        emissions=_emissions(training, config),
        rows=rows,
        own_rows=own_rows,
        form=_form(checkpoint, training),
        role=role,
    )


def _form(checkpoint: Path, training: TrainRecord) -> str:
    """A policy guided by values holds a policy and a value model, so no library but this one loads it."""
    if is_guided(checkpoint):
        return "guided"
    return "full" if training.adapter == "full" else "adapter"


def _hub_id(option: str, name: str) -> str | None:
    if name and not is_hub_id(name, namespace=True):
        raise UserError(f"{option} must be the Hub's org/name, found {name!r}")
    return name or None


def _base_model(checkpoint: Path, training: TrainRecord, given: str) -> str | None:
    """The base's Hub id. A tiny backbone has none, since its weights were drawn at random; its adapter may have."""
    if given:
        if not is_hub_id(given):
            raise UserError(f"--base_model must be the base's Hub id, found {given!r}")
        return given
    config = checkpoint / ADAPTER_FILE
    named = [training.backbone]
    if config.is_file():
        named.insert(0, str(json.loads(config.read_text(encoding="utf-8")).get("base_model_name_or_path") or ""))
    hub_id = next((name for name in named if name != "tiny" and is_on_hub(name)), None)
    if hub_id is None and training.backbone != "tiny":
        raise UserError(f"the base model's Hub id is missing: {training.backbone!r} is a folder; give --base_model")
    return hub_id


def _dataset_metadata(training: TrainRecord, config: CardConfig) -> DatasetMetadata:
    path = str(training.dataset["path"])
    hub_id = _hub_id("--dataset_id", config.dataset_id) or (path if is_on_hub(path, namespace=True) else None)
    revision = config.dataset_revision or str(training.dataset.get("revision") or "")
    if hub_id and not revision:
        raise UserError(
            f"the revision of {hub_id} is missing: give --dataset_revision, the tag or commit that holds the examples"
        )
    metadata = _build_metadata(Path(config.dataset or path), hub_id, revision)
    return DatasetMetadata(
        name=(hub_id or str(metadata["name"])).rpartition("/")[2],
        hub_id=hub_id,
        revision=revision if hub_id else "",
        sources=dict(metadata["sources"]),
        teachers=tuple(metadata["teachers"]),
        leaks=int(metadata["leak_check"]["leaks"]),
        test_problems=int(metadata["problems"].get("test", 0)),
    )


def _build_metadata(folder: Path, hub_id: str | None, revision: str) -> dict[str, Any]:
    """The dataset's own `facts.json`, from its folder or from the Hub."""
    if is_dataset_folder(folder):
        return read_facts(folder)
    if hub_id:
        from dataset_builder.hub.connection import ask_hub, hub_api

        api = hub_api(needs_token=False)
        file = ask_hub(
            lambda: api.hf_hub_download(hub_id, "facts.json", repo_type="dataset", revision=revision), hub_id
        )
        return read_facts(Path(file).parent)
    raise UserError(f"the dataset's facts are missing: {folder} is no dataset folder; name it with --dataset")


def _emissions(training: TrainRecord, config: CardConfig) -> Emissions:
    joules = training.energy_joules
    if joules is None:
        return Emissions(None, None, "")
    energy = joules / 3600
    counter = "the GPU's own energy counter (NVML), the GPU alone"
    if not config.carbon_g_per_kwh:
        return Emissions(energy, None, counter)
    where = f" of {config.region}" if config.region else ""
    method = f"{counter}, times {config.carbon_g_per_kwh:g} g CO2 per kWh{where}, as stated by the author"
    return Emissions(energy, energy / 1000 * config.carbon_g_per_kwh, method)
