"""Describes a dataset folder in Croissant (MLCommons' JSON-LD), so that catalogues and loaders understand it.

Reads the dataset's facts; gives the content of `croissant.json`: one file object per parquet file, with its sha256,
and one record set per file, with the columns that are plain values or lists of them. Structs (`failures`,
`provenance`) have no plain Croissant form and are left to the card.

Written here and only checked by the tests with mlcroissant: its writer (1.1.1) leaves the terms of version 1.1 out of
the context, so that arrays appear as `cr:isArray`, and it would bring 12 MB of packages and 1.2 s to every build.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dataset_builder.core.files import file_sha256
from dataset_builder.schema.columns import features
from dataset_builder.schema.records import SCHEMA_VERSION
from dataset_builder.stats.about import About

CROISSANT_FILE = "croissant.json"
_PAPER, _PAPERS = "https://arxiv.org/abs/2402.01812", "arXiv:2402.01812; arXiv:2402.15000"
_TYPES = {"string": "sc:Text", "bool": "sc:Boolean", "float64": "sc:Float"}
_CONTEXT = Path(__file__).parent / "croissant_context.json"


def croissant_metadata(
    folder: Path, facts: dict[str, Any], about: About, licence: str, description: str
) -> dict[str, Any]:
    """The JSON-LD as plain values.

    Args:
        folder: where the files are.
        facts: what `facts.json` holds.
        about: what is known of the problems.
        licence: the card's licence identifier ("apache-2.0").
        description: what the dataset is, in a sentence.
    """
    files, record_sets = [], []
    for config, splits in facts["configs"].items():
        for split, values in splits.items():
            for number, name in enumerate(values["files"]):
                record_id = f"{config}_{split}" + (f"_{number}" if len(values["files"]) > 1 else "")
                files.append(_file_object(folder, name, f"{record_id}_file"))
                record_sets.append(_record_set(config, record_id))
    return {
        "@context": json.loads(_CONTEXT.read_text(encoding="utf-8")),
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": facts["name"],
        "description": description,
        **({} if licence in ("unknown", "other") else {"license": f"https://spdx.org/licenses/{licence}"}),
        **({"url": _PAPER, "citeAs": _PAPERS} if about.is_gsm8k else {}),
        "version": SCHEMA_VERSION,
        "distribution": files,
        "recordSet": record_sets,
    }


def _file_object(folder: Path, name: str, file_id: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": file_id,
        "name": name,
        "contentUrl": name,
        "contentSize": f"{(folder / name).stat().st_size} B",
        "encodingFormat": "application/x-parquet",
        "sha256": file_sha256(folder / name),
    }


def _record_set(config: str, record_id: str) -> dict[str, Any]:
    fields = [_field(record_id, name, feature) for name, feature in features(config).items()]
    return {
        "@type": "cr:RecordSet",
        "@id": record_id,
        "name": record_id,
        "field": [field for field in fields if field is not None],
    }


def _field(record_id: str, name: str, feature: Any) -> dict[str, Any] | None:
    depth = 0
    while hasattr(feature, "feature"):
        feature, depth = feature.feature, depth + 1
    if isinstance(feature, dict):
        return None
    array = {"isArray": True, "arrayShape": ",".join(["-1"] * depth)} if depth else {}
    return {
        "@type": "cr:Field",
        "@id": f"{record_id}/{name}",
        "name": name,
        "dataType": _TYPES.get(feature.dtype, "sc:Integer"),
        "source": {"fileObject": {"@id": f"{record_id}_file"}, "extract": {"column": name}},
        **array,
    }
