"""Turns JSON into the dataclass or typed dict it was written from; keys and types are checked, a fault is one line."""

from __future__ import annotations

import dataclasses
import json
from typing import TypeVar

from dataset_builder.core.errors import UserError

RecordT = TypeVar("RecordT")


def record_from_json(record_class: type[RecordT], values: object, where: str, remedy: str) -> RecordT:
    """The record that the values are.

    Args:
        record_class: a dataclass; a field with a default may be absent, as in files of before it was added.
        values: what the file holds, as `json` reads it.
        where: the file, as the message's head.
        remedy: what the user can do, as its end.

    Raises:
        UserError: not a JSON object, a key is missing or unknown, or a value has another type; the key is named.
    """
    if not isinstance(values, dict):
        raise UserError(f"{where}: expected a JSON object, found {type(values).__name__}; {remedy}")
    fields = dataclasses.fields(record_class)  # type: ignore[arg-type]
    needed = [field.name for field in fields if field.default is field.default_factory is dataclasses.MISSING]
    if missing := [name for name in needed if name not in values]:
        raise UserError(f"{where}: missing key {missing[0]!r}; {remedy}")
    known = {field.name for field in fields}
    if unknown := [name for name in values if name not in known]:
        raise UserError(f"{where}: unknown key {unknown[0]!r}; {remedy}")
    return typed_json(record_class, values, where, remedy)


def typed_json(kind: type[RecordT], values: object, where: str, remedy: str) -> RecordT:
    """The values as a type has them; keys that a typed dict does not name are left out.

    Args:
        kind: a dataclass, a typed dict, ...
        values: what the file holds, as `json` reads it.
        where: the file, as the message's head.
        remedy: what the user can do, as its end.

    Raises:
        UserError: a key is missing or a value has another type; the key is named.
    """
    import pydantic

    try:
        return pydantic.TypeAdapter(kind).validate_json(json.dumps(values), strict=True)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise UserError(f"{where}: {key}: {first['msg']}, found {first['input']!r}; {remedy}") from error
