"""Everything a model card says, gathered from records; a fact that is missing is an error that names it.

Reads a checkpoint's `train_record.json`, an evaluation's `results/*.json` and the dataset's `facts.json`. Nothing here
is typed in by hand but what no record can know (ids on the Hub, a licence). Local paths are reduced to their last
part, so none reaches a card.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dataset_builder.core.errors import UserError
from eval_harness.records.results import ResultsRecord
from eval_harness.records.rows import load_rows
from eval_harness.records.same_set import check_same_set, load_comparable
from eval_harness.reporting.tables import comparisons
from eval_harness.scoring.significance import Comparison
from model_cards.card.base import Base, find_base
from model_cards.card.config import CardConfig
from model_cards.card.example import Example, find_example
from model_cards.card.licences import Licence, licence_of_weights
from model_cards.card.required_rows import check_required_rows, find_own_rows
from model_cards.card.training_data import TrainingData, checked_hub_id, gather_training_data
from recipes.config.methods import student_of
from recipes.methods.ilql.settings import is_guided
from recipes.training.record import TrainRecord, read_train_record


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
    base: Base
    """What the weights lie on or were made from."""
    licence: Licence
    """That of the weights, with what it asks of them."""
    dataset: TrainingData
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
    comparisons: dict[str, Comparison]
    """By record name: each row against the baseline of the same solver; empty where nothing was compared."""
    example: Example
    """A prompt, and what the model made of it."""
    post_seen: tuple[str, ...] = ()
    """Pairs that the user wants posted although they have seen some of their problems before."""
    merge_error: float | None = None
    """Largest difference of a log-probability between the merged weights and the adapter that was scored."""

    @property
    def is_adapter(self) -> bool:
        return self.form == "adapter"

    @property
    def base_model(self) -> str | None:
        """The Hub id of what loaders need beside these weights, or of what they were made from; None without one."""
        return self.base.hub_id if self.is_adapter else self.base.hub_id or self.base.origin

    @property
    def loads_alone(self) -> bool:
        """Whether other libraries can load it as it lies there: not without a base that is a folder of ours."""
        return self.form != "guided" and not (self.is_adapter and self.base.hub_id is None)

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
    results = Path(config.results)
    folders = [results, *([Path(config.beside)] if config.beside else [])]
    rows = tuple(record for folder in folders for record in load_comparable(folder))
    check_same_set(rows, folders[-1])
    for row in rows:
        if not row.publishable:
            raise UserError(f"{row.name}: a request failed, so its score is not publishable; run the evaluation again")
    base = find_base(checkpoint, training, config.base_model)
    data = gather_training_data(training, config)
    name = (config.repo_id or checkpoint.resolve().name).rpartition("/")[2]
    role = student_of(training.method)
    own_rows = find_own_rows(rows, checkpoint, training.recipe_sha256, role)
    check_required_rows(rows, own_rows, role)
    if unknown := [pair for pair in config.post_seen if pair not in {row.name for row in own_rows}]:
        names = ", ".join(row.name for row in own_rows)
        raise UserError(f"--post_seen {unknown[0]}: this model has no such pair; it has {names}")
    return CardContent(
        name=name,
        repo_id=checked_hub_id("--repo_id", config.repo_id) or "",
        base=base,
        licence=licence_of_weights(base.hub_id or base.origin, config.licence, name, data.licence),
        dataset=data,
        training=training,
        emissions=_emissions(training, config),
        rows=rows,
        own_rows=own_rows,
        form=_form(checkpoint, training),
        role=role,
        comparisons=compare_rows(folders),
        example=find_example(own_rows, results, role),
        post_seen=tuple(config.post_seen),
    )


def compare_rows(folders: Sequence[Path]) -> dict[str, Comparison]:
    """The paired tests of the evaluations' own table; none where its verdicts are not at hand."""
    if not all((folder / "verdicts").is_dir() for folder in folders):
        return {}
    rows = [row for folder in folders for row in load_rows(folder)]
    return comparisons(rows, str(rows[0].record.config.get("baseline", "none")))


def _form(checkpoint: Path, training: TrainRecord) -> str:
    """A policy guided by values holds a policy and a value model, so no library but this one loads it."""
    if is_guided(checkpoint):
        return "guided"
    return "full" if training.adapter == "full" else "adapter"


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
