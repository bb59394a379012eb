"""Writes the dataset's card, README.md: YAML that the Hub and `datasets` read, and a body that a person reads.

Reads `facts.json`, the parquet files' first row and the figures that are there; writes the card and
`croissant.json`, each whole or not at all.
Every number comes from the facts; a fact that is missing is an error (the template allows no undefined name).

The YAML's `dataset_info` holds counts, bytes and a content hash for every config: `datasets` builds its cache key for
a local folder from this YAML alone, so without the hash a rebuilt folder would silently give the old rows.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from dataset_builder.core.files import write_json, write_text
from dataset_builder.core.templates import render_template
from dataset_builder.dataset_folder.layout import CARD_FILE, FIGURES_FOLDER, iterate_rows, read_facts, splits_by_config
from dataset_builder.hub.card_rules import SIZES
from dataset_builder.schema.columns import DATASET_CONFIGS, column_rows, features
from dataset_builder.schema.records import SPLITS
from dataset_builder.schema.verdicts import verdicts_in_words
from dataset_builder.sources import SOURCES
from dataset_builder.sources.source import Source
from dataset_builder.stats.benchmark import BENCHMARK_FILE, write_benchmark
from dataset_builder.stats.croissant import CROISSANT_FILE, croissant_metadata
from dataset_builder.stats.figures import FIGURES
from dataset_builder.stats.table import stats_table

TEMPLATE = Path(__file__).parent / "dataset_card.md.jinja"
CITATIONS = Path(__file__).parent / "citations.bib"
PRETTY_NAME = "GSM8K-AI-SubQ"
SUMMARY = (
    "Word problems with sub-questions written by a large language model, its answers to them, whether the final "
    "answer is right, and how useful each sub-question is."
)
OPENAI_MODELS = ("gpt-", "o1", "o3", "o4", "chatgpt")
USER_FILE = Source(
    name="", licence="as its owner states; not known to the build", home="a file of the user's", citation=""
)
SIZE_LIMITS = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)


def write_card(folder: Path) -> Path:
    """Writes `README.md`, `croissant.json` and `eval.yaml` of a dataset folder; returns the card's path."""
    facts = read_facts(folder)
    metadata = card_metadata(folder, facts)
    croissant = croissant_metadata(folder, facts, licence=metadata["license"], description=SUMMARY)
    write_json(folder / CROISSANT_FILE, croissant)
    write_benchmark(folder, facts)
    path = folder / CARD_FILE
    write_text(path, card_text(folder, facts))
    return path


def card_text(folder: Path, facts: dict[str, Any], hub_id: str = "") -> str:
    """The whole card; with `hub_id`, as it reads on the Hub: its commands name the dataset there."""
    import yaml

    front = yaml.safe_dump(card_metadata(folder, facts), sort_keys=False, allow_unicode=True, width=120)
    return f"---\n{front}---\n\n{card_body(folder, facts, hub_id)}"


def card_metadata(folder: Path, facts: dict[str, Any]) -> dict[str, Any]:
    """The YAML block as plain values: the Hub's keys, `configs` and `dataset_info`."""
    rows = sum(split["rows"] for split in facts["configs"]["default"].values())
    sources = source_facts(facts)
    return {
        "pretty_name": PRETTY_NAME,
        "language": ["en"],
        "license": _licence(sources),
        "task_categories": ["text-generation"],
        "size_categories": [next(size for limit, size in zip(SIZE_LIMITS, SIZES, strict=True) if rows < limit)],
        "annotations_creators": ["machine-generated"],
        "language_creators": ["found", "machine-generated"],
        "multilinguality": ["monolingual"],
        "source_datasets": [source["hub_id"] for source in sources if source["hub_id"]] or ["original"],
        "tags": ["problem-decomposition", "sub-questions", "math-word-problems", "distillation", "offline-rl", "trl"],
        "configs": [_config_entry(config, splits) for config, splits in splits_by_config(folder).items()],
        "dataset_info": [_info_entry(config, splits) for config, splits in facts["configs"].items()],
    }


def card_body(folder: Path, facts: dict[str, Any], hub_id: str = "") -> str:
    """The Markdown below the YAML."""
    configs = {
        name: {"splits": splits, "about": DATASET_CONFIGS[name].about} for name, splits in facts["configs"].items()
    }
    return render_template(
        TEMPLATE,
        facts=facts,
        name=hub_id or facts["name"],
        hub_id=hub_id,
        pretty_name=PRETTY_NAME,
        configs=configs,
        splits=SPLITS,
        columns=column_rows(),
        verdicts=verdicts_in_words(),
        example=json.dumps(next(iterate_rows(folder, "default")), indent=2, ensure_ascii=False),
        table=stats_table(facts["stats"], facts["rule"]),
        figures=figure_links(folder),
        sources=source_facts(facts),
        n_sets=sum(facts["sets"].values()),
        n_problems=sum(facts["problems"].values()),
        openai_made=any(name.startswith(OPENAI_MODELS) for name in facts["teachers"]),
        is_synthetic=all(name in SOURCES and SOURCES[name].draw for name in facts["sources"]),
        has_benchmark=(folder / BENCHMARK_FILE).is_file(),
        citations=CITATIONS.read_text(encoding="utf-8"),
    )


def figure_links(folder: Path) -> list[dict[str, str]]:
    """The figures in the folder, as path and title; titles come from the figures' own list."""
    paths = sorted((folder / FIGURES_FOLDER).glob("*.png"))
    return [{"path": f"{FIGURES_FOLDER}/{path.name}", "title": FIGURES[path.stem][0]} for path in paths]


def source_facts(facts: dict[str, Any]) -> list[dict[str, Any]]:
    """The problems' sources with their licences and homes, as `sources.SOURCES` has them."""
    sources = ((name, sets, SOURCES.get(name, USER_FILE)) for name, sets in facts["sources"].items())
    return [
        {"name": name, "sets": sets, "licence": source.licence, "home": source.home, "hub_id": source.hub_id}
        for name, sets, source in sources
    ]


def _licence(sources: list[dict[str, Any]]) -> str:
    """Apache-2.0, unless a source's share-alike terms bind the whole."""
    licences = {source["licence"].lower() for source in sources}
    share_alike = sorted(licence for licence in licences if "-sa" in licence)
    return share_alike[0].replace(" ", "-") if share_alike else "apache-2.0"


def _config_entry(config: str, splits: list[str]) -> dict[str, Any]:
    files = [{"split": split, "path": f"data/{config}/{split}-*.parquet"} for split in splits]
    return {"config_name": config, "data_files": files} | ({"default": True} if config == "default" else {})


def _info_entry(config: str, splits: dict[str, Any]) -> dict[str, Any]:
    content = hashlib.sha256("".join(split["sha256"] for split in splits.values()).encode()).hexdigest()
    return {
        "config_name": config,
        "description": f"{DATASET_CONFIGS[config].about}; content sha256 {content}",
        "features": features(config)._to_yaml_list(),
        "splits": [
            {"name": name, "num_bytes": split["num_bytes"], "num_examples": split["rows"]}
            for name, split in splits.items()
        ],
        "download_size": sum(split["file_bytes"] for split in splits.values()),
        "dataset_size": sum(split["num_bytes"] for split in splits.values()),
    }
