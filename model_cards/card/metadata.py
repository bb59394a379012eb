"""The card's YAML block: what the Hub indexes, and an offline check of it, since the Hub's own check is a request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dataset_builder.core.hub_ids import is_hub_id
from dataset_builder.hub.card_rules import licence_problem, placeholders
from model_cards.card.content import CardContent
from model_cards.card.eval_results import model_index
from recipes.config.methods import METHODS

RELATIONS = ("adapter", "finetune", "merge", "quantized")
TAGS = ("problem-decomposition", "sub-questions", "distillation")
OWN_LIBRARY = "gsm8k-ai-subq"
LIBRARIES = ("peft", "transformers", "gguf", OWN_LIBRARY)
_LIBRARY_OF = {"adapter": "peft", "gguf": "gguf", "guided": OWN_LIBRARY}
_TEXT_KEYS = ("license", "library_name", "pipeline_tag", "license_name", "license_link", "base_model_relation")
_LIST_KEYS = ("language", "tags", "datasets")


def card_metadata(card: CardContent) -> dict[str, Any]:
    """The YAML block as plain values. A key without a fact is left out."""
    metadata: dict[str, Any] = {
        "language": list(card.dataset.languages),
        "license": card.licence.identifier,
        "library_name": _LIBRARY_OF.get(card.form, "transformers"),
        "pipeline_tag": "text-generation",
        "tags": [*TAGS, card.training.method, *_tool_tags(card)],
    }
    if card.base_model:
        metadata["base_model"] = card.base_model
        relations = {"adapter": "adapter", "gguf": "quantized"}
        metadata["base_model_relation"] = relations.get(card.form, "finetune")
    if card.dataset.hub_id:
        metadata["datasets"] = [card.dataset.hub_id]
    if card.emissions.co2_g is not None:
        metadata["co2_eq_emissions"] = {
            "emissions": round(card.emissions.co2_g, 3),
            "source": card.emissions.method,
            "training_type": "fine-tuning",
            "hardware_used": card.training.device,
        }
    if index := model_index(card):
        metadata["model-index"] = index
    return metadata


def _tool_tags(card: CardContent) -> list[str]:
    method = METHODS.get(card.training.method)
    trainer = [] if method and method.trains_values else ["trl"]
    return [*trainer, *(["lora"] if card.training.adapter != "full" else [])]


def model_card_problems(folder: Path) -> list[str]:
    """What the Hub would refuse of a model's card, or a reader find unfinished; an empty list when nothing is."""
    from huggingface_hub import ModelCard

    path = folder / "README.md"
    if not path.is_file():
        return [f"{path}: missing; write it with `python -m model_cards.cards`"]
    try:
        card = ModelCard.load(path, ignore_metadata_errors=False)
    except Exception as error:  # the library lets YAML's own errors through, several kinds
        return [f"README.md: its YAML block cannot be read: {' '.join(str(error).split())}"]
    metadata = card.data.to_dict()
    problems = [*metadata_problems(metadata), *placeholders(card.text)]
    for line in card.text.splitlines():
        if line.startswith("![") and not (folder / line.rpartition("(")[2].rstrip(")")).is_file():
            problems.append(f"body: the figure {line} is not in the folder")
    return problems


def metadata_problems(metadata: dict[str, Any]) -> list[str]:
    """What the Hub's rules have against a model card's YAML, one line per key."""
    problems = licence_problem(metadata)
    for key in ("language", "library_name", "pipeline_tag", "tags"):
        if not metadata.get(key):
            problems.append(f"{key}: missing")
    problems += [f"{key}: must be text" for key in _TEXT_KEYS if not isinstance(metadata.get(key, ""), str)]
    for key in _LIST_KEYS:
        values = metadata.get(key, [])
        if not isinstance(values, list) or not all(isinstance(value, str) and value for value in values):
            problems.append(f"{key}: must be a list of texts")
    for key in ("base_model", "datasets"):
        values = metadata.get(key) or []
        names = [values] if isinstance(values, str) else values
        problems += [
            f"{key}: {name!r} is no Hub id; the Hub refuses a path" for name in names if not is_hub_id(str(name))
        ]
    for key, choices in (("library_name", LIBRARIES), ("base_model_relation", RELATIONS)):
        if metadata.get(key) not in (None, *choices):
            problems.append(f"{key}: {metadata[key]!r} is none of {', '.join(choices)}")
    return problems + _index_problems(metadata)


def _index_problems(metadata: dict[str, Any]) -> list[str]:
    problems = []
    for model in metadata.get("model-index") or []:
        for result in model.get("results", []):
            dataset = result.get("dataset", {})
            if not result.get("task", {}).get("type") or not dataset.get("type") or not dataset.get("name"):
                problems.append("model-index: every result needs task.type, dataset.type and dataset.name")
            if dataset.get("type") in ("openai/gsm8k", "gsm8k"):
                problems.append("model-index: a pair's score is no score on openai/gsm8k; post it under this dataset")
            for metric in result.get("metrics", []):
                if not metric.get("type") or not isinstance(metric.get("value"), (int, float)):
                    problems.append("model-index: every metric needs a type and a number")
    return problems
