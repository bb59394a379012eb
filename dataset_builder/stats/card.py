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
from dataset_builder.stats.about import OWN_FILE, About, about_dataset
from dataset_builder.stats.benchmark import BENCHMARK_FILE, write_benchmark
from dataset_builder.stats.croissant import CROISSANT_FILE, croissant_metadata
from dataset_builder.stats.figures import FIGURES
from dataset_builder.stats.table import headline, stats_table

TEMPLATE = Path(__file__).parent / "dataset_card.md.jinja"
CITATIONS = Path(__file__).parent / "citations.bib"
OPENAI_MODELS = ("gpt-", "o1", "o3", "o4", "chatgpt")
SIZE_LIMITS = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)


def write_card(folder: Path) -> Path:
    """Writes `README.md`, `croissant.json` and `eval.yaml` of a dataset folder; returns the card's path."""
    facts = read_facts(folder)
    metadata = card_metadata(folder, facts)
    croissant = croissant_metadata(folder, facts, about_dataset(facts), metadata["license"], summary(facts))
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
    about, sources = about_dataset(facts), source_facts(facts)
    several = {"multilinguality": ["monolingual" if len(about.languages) == 1 else "multilingual"]}
    return {
        "pretty_name": about.title,
        **({"language": list(about.languages), **several} if about.languages else {}),
        **about.licence_keys(),
        "task_categories": ["text-generation"],
        "size_categories": [next(size for limit, size in zip(SIZE_LIMITS, SIZES, strict=True) if rows < limit)],
        "annotations_creators": ["machine-generated"],
        "language_creators": ["machine-generated"]
        if about.is_own or about.is_drawn
        else ["found", "machine-generated"],
        "source_datasets": [source["hub_id"] for source in sources if source["hub_id"]] or ["original"],
        "tags": _tags(about, facts),
        "configs": [_config_entry(config, splits) for config, splits in splits_by_config(folder).items()],
        "dataset_info": [_info_entry(config, splits) for config, splits in facts["configs"].items()],
    }


def summary(facts: dict[str, Any]) -> str:
    """What the dataset is, in a sentence or two."""
    about = about_dataset(facts)
    what = about.domain[:1].upper() + about.domain[1:] or "Problems"
    right, useful = "whether the final answer is right", "how useful each sub-question is"
    rest = f"{right}, and {useful}" if "trajectories" in facts["configs"] else f"and {right}"
    made = f"{what} with sub-questions written by a language model, the answers to them, {rest}."
    return f"{about.description.strip()} {made}".strip()


def _tags(about: About, facts: dict[str, Any]) -> list[str]:
    known = {
        "math-word-problems": about.is_math and not about.is_own,
        "offline-rl": "trajectories" in facts["configs"],
    }
    tags = ["problem-decomposition", "sub-questions", "math-word-problems", "distillation", "offline-rl", "trl"]
    return [tag for tag in tags if known.get(tag, True)]


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
        about=about_dataset(facts),
        sums=summary(facts),
        configs=configs,
        splits=[split for split in SPLITS if split in facts["problems"]],
        columns=column_rows(),
        verdicts=verdicts_in_words(),
        example=format_row(next(iterate_rows(folder, "default"))),
        table=stats_table(facts["stats"], facts["rule"]),
        headline=headline(facts["stats"]),
        figures=figure_links(folder),
        sources=source_facts(facts),
        n_sets=sum(facts["sets"].values()),
        n_problems=sum(facts["problems"].values()),
        openai_made=any(name.startswith(OPENAI_MODELS) for name in facts["teachers"]),
        cost=_cost(facts),
        own_names=[name for name in facts["sources"] if name not in SOURCES],
        one_judge=_judges(facts) == set(facts["teachers"]),
        own_prompts=[prompt for prompt in _prompts(facts) if "text" in prompt],
        has_benchmark=(folder / BENCHMARK_FILE).is_file(),
        citations=CITATIONS.read_text(encoding="utf-8"),
    )


def format_row(row: dict[str, Any]) -> str:
    """A row as JSON for a reader: a key a line, a text of a list a line, everything else in one.

    >>> print(format_row({"votes": [[True, None]], "sub_questions": ["How many?"]}))
    {
      "votes": [[true, null]],
      "sub_questions": [
        "How many?"
      ]
    }
    """
    lines = []
    for key, value in row.items():
        texts = isinstance(value, list) and value and all(isinstance(item, str) for item in value)
        written = json.dumps(value, indent=2 if texts else None, ensure_ascii=False).replace("\n", "\n  ")
        lines.append(f"  {json.dumps(key)}: {written}")
    return "{\n" + ",\n".join(lines) + "\n}"


def figure_links(folder: Path) -> list[dict[str, str]]:
    """The figures in the folder, as path and title, in their reading order."""
    present = [name for name in FIGURES if (folder / FIGURES_FOLDER / f"{name}.png").is_file()]
    return [{"path": f"{FIGURES_FOLDER}/{name}.png", "title": FIGURES[name][0]} for name in present]


def source_facts(facts: dict[str, Any]) -> list[dict[str, Any]]:
    """The problems' sources with their licences and homes, as `sources.SOURCES` has them and their owner says."""
    own = (facts.get("about") or {}).get("license")
    sources = ((name, sets, SOURCES.get(name, OWN_FILE)) for name, sets in facts["sources"].items())
    return [
        {
            "name": name,
            "sets": sets,
            "licence": own if own and source is OWN_FILE else source.licence,
            "home": source.home,
            "hub_id": source.hub_id,
        }
        for name, sets, source in sources
    ]


def _prompts(facts: dict[str, Any]) -> list[dict[str, str]]:
    """The prompts that the generation wrote down, one a stage."""
    return list(((facts.get("run") or {}).get("prompts") or {}).values())


def _judges(facts: dict[str, Any]) -> set[str]:
    """Who voted: the generation says it; in the published files it was the teacher."""
    models = (facts.get("run") or {}).get("models") or {}
    return {models["feedback"]} if "feedback" in models else set() if models else set(facts["teachers"])


def _cost(facts: dict[str, Any]) -> str:
    cost = facts["usage"]["cost_usd"]
    return "not known: a model has no listed price and none was given" if cost is None else f"{cost:.2f} dollars"


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
