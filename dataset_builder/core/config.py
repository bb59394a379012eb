"""One grammar for every entry point: `python -m <package>.<entry> --config file.yaml --key value`.

A dataclass is the only home of defaults and help texts; the YAML file holds what the experiment decides; the command
line overrides it. An unknown key fails and names the nearest valid one.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import functools
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml

from dataset_builder.core.encodings import whole_characters
from dataset_builder.core.errors import UserError
from dataset_builder.core.files import read_text, write_text
from dataset_builder.core.values import check_values, nearest
from dataset_builder.door.commands import as_typed

ConfigT = TypeVar("ConfigT")
AUTO = "auto"
"""What a truth value whose default is None may be set to, so that the program decides."""
HOME = Path(__file__).parents[2]
"""Where the packages lie."""
Fields = dict[str, tuple[type, bool, dataclasses.Field[Any]]]
"""Name -> (element type, is a list, field) of a config's dataclass; of a section's fields "section.name"."""


def option(
    default: Any,
    help: str,
    choices: Sequence[str] | None = None,
    *,
    positional: bool = False,
    owner: str = "",
    writes: str = "",
    **limits: float,
) -> Any:
    """A dataclass field with its default and its help text.

    Args:
        default: its value where neither the file nor the command line names it.
        help: one line for `--help`.
        choices: its valid values; None: any.
        positional: on the command line the value alone, without `--key`.
        owner: the group of `--help` that it stands in.
        writes: "folder" or "file": what is written there, so that an impossible path is refused at once.
        limits: what its numbers must be: `least=1`, `most=1`, `above=0`.
    """
    metadata = {
        "help": help,
        "choices": tuple(choices) if choices else None,
        "positional": positional,
        "owner": owner,
        "writes": writes,
        "limits": limits,
    }
    if isinstance(default, (list, dict)):
        return dataclasses.field(default_factory=lambda: type(default)(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def like(config_class: type, name: str, owner: str = "") -> Any:
    """A field with the default and the help text of another config's, for what one program says of two services."""
    (field,) = (field for field in dataclasses.fields(config_class) if field.name == name)
    metadata = {**field.metadata, "owner": owner or field.metadata["owner"]}
    if field.default_factory is not dataclasses.MISSING:
        return dataclasses.field(default_factory=field.default_factory, metadata=metadata)
    return dataclasses.field(default=field.default, metadata=metadata)


def parse_config(
    config_class: type[ConfigT], argv: Sequence[str] | None = None, *, prog: str, description: str, epilog: str = ""
) -> ConfigT:
    """Reads a config from `--config FILE` and `--key value` pairs, the command line winning.

    Args:
        config_class: a dataclass whose fields were made with `option`.
        argv: the arguments without the program's name; None means those of this process.
        prog: what the user types, for instance "python -m dataset_builder.generate".
        description: one sentence, the head of `--help`.
        epilog: examples, printed under the options as written.

    Raises:
        UserError: an unknown key, a value of the wrong type, a file that is missing or not YAML.
    """
    fields = fields_of(config_class)
    path, given = parse_arguments(config_class, argv, prog=prog, description=description, epilog=epilog)
    if path:
        given = check_keys(path, read_yaml(path), fields) | given
    return build_config(config_class, given)


def build_config(config_class: type[ConfigT], given: Mapping[str, Any]) -> ConfigT:
    """The config with these keys; those of a section ("ilql.beta") make the dataclass that is its value.

    Raises:
        UserError: a value that cannot be (`check_values`).
    """
    values = {name: value for name, value in given.items() if "." not in name}
    sections: dict[str, dict[str, Any]] = {}
    for name, value in given.items():
        section, dot, key = name.partition(".")
        if dot:
            sections.setdefault(section, {})[key] = value
    hints = typing.get_type_hints(config_class) if sections else {}
    config = config_class(**values, **{name: _kind(hints[name])[0](**keys) for name, keys in sections.items()})
    check_values(config)
    return config


def parse_arguments(
    config_class: type, argv: Sequence[str] | None = None, *, prog: str, description: str, epilog: str = ""
) -> tuple[Path | None, dict[str, Any]]:
    """(the file of `--config`, the keys that the command line gives); arguments as of `parse_config`.

    Raises:
        UserError: an unknown key, or a value of the wrong type.
    """
    fields = fields_of(config_class)
    prog, description, epilog = map(as_typed, (prog, description, epilog))
    layout = functools.partial(argparse.RawDescriptionHelpFormatter, max_help_position=34, width=110)
    parser = argparse.ArgumentParser(
        prog=prog, description=description, epilog=epilog, formatter_class=layout, allow_abbrev=False
    )
    parser.error = _raise_user_error  # type: ignore[method-assign, assignment]
    parser.add_argument("--config", metavar="YAML", help="a file with any of the keys below; the command line wins")
    groups: dict[str, argparse._ArgumentGroup] = {}
    for name, (kind, many, field) in fields.items():
        section, dot, _ = name.rpartition(".")
        owner = field.metadata["owner"] + dot + section
        if owner and owner not in groups:
            groups[owner] = parser.add_argument_group(f"keys of the {owner.replace('.', ', ')}")
        _add_argument(groups.get(owner, parser), name, kind, many, field)
    namespace, unknown = parser.parse_known_args(argv)
    for word in unknown:
        known = [f"--{name}" for name in fields]
        raise UserError(f"unknown argument {word!r}{nearest(word.split('=')[0], known)}; see `{prog} --help`")
    given = {name: value for name, value in vars(namespace).items() if value not in (None, []) and name != "config"}
    return _config_file(namespace.config) if namespace.config else None, given


def _config_file(name: str) -> Path:
    """The file of that name; one of ours ("eval_harness/configs/demo.yaml") is found from any working folder."""
    ours = HOME / name
    return ours if not Path(name).exists() and ours.is_file() else Path(name)


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping that a YAML file holds.

    Raises:
        UserError: the file is missing, or is not a YAML mapping.
    """
    if not path.is_file():
        raise UserError(f"no config file {path}; give --config the path of an existing YAML file")
    try:
        text = read_text(path)
        values = whole_characters(yaml.safe_load(text)) or {}
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not valid YAML: {error}") from error
    if not isinstance(values, dict) or not text.strip():
        raise UserError(f"{path} must hold `key: value` lines, found {type(values).__name__ if values else 'nothing'}")
    return values


def check_keys(path: Path, values: dict[str, Any], fields: Fields) -> dict[str, Any]:
    """The values of a file as their fields want them.

    A section's mapping gives a key for each of its entries: "ilql.beta".

    Raises:
        UserError: an unknown key, with the nearest valid one, or a value of the wrong type.
    """
    values = _flat(path, values, {name.partition(".")[0] for name in fields if "." in name})
    for key in values:
        if key not in fields:
            raise UserError(f"{path}: unknown key {key!r}{nearest(str(key), list(fields))}")
    return {key: _convert(path, key, value, *fields[key]) for key, value in values.items()}


def resolved(config: Any) -> dict[str, Any]:
    """The config as plain values, ready for YAML, JSON or a record."""
    return dataclasses.asdict(config)


def save_resolved(config: Any, path: Path) -> None:
    """Writes the resolved config as YAML beside a run's output."""
    write_text(path, yaml.safe_dump(resolved(config), sort_keys=False, allow_unicode=True))


def _raise_user_error(message: str) -> None:
    raise UserError(message)


def _flat(path: Path, values: dict[str, Any], sections: typing.Collection[str]) -> dict[str, Any]:
    """`ilql: {beta: 1}` as "ilql.beta": 1."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if key not in sections:
            flat[key] = value
        elif value is not None and not isinstance(value, dict):
            raise UserError(f"{path}: {key} must hold `key: value` lines, found {value!r}")
        else:
            flat |= {f"{key}.{name}": item for name, item in (value or {}).items()}
    return flat


def fields_of(config_class: type) -> Fields:
    """The fields of a config's dataclass."""
    hints = typing.get_type_hints(config_class)
    fields: Fields = {}
    for field in dataclasses.fields(config_class):
        kind, many = _kind(hints[field.name])
        if dataclasses.is_dataclass(kind):
            fields |= {f"{field.name}.{name}": entry for name, entry in fields_of(kind).items()}
        else:
            fields[field.name] = kind, many, field
    return fields


def _kind(hint: Any) -> tuple[type, bool]:
    """(element type, is a list) of a field's annotation; `X | None` reads as X."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        (hint,) = (arm for arm in typing.get_args(hint) if arm is not type(None))
    if typing.get_origin(hint) is list:
        return typing.get_args(hint)[0], True
    return hint, False


def _add_argument(
    parser: argparse._ActionsContainer, name: str, kind: type, many: bool, field: dataclasses.Field[Any]
) -> None:
    default = field.default
    if field.default_factory is not dataclasses.MISSING:
        default = field.default_factory()
    shown = "" if default is None or default is False or default in ([], "") else f" (default: {default})"
    options: dict[str, Any] = {"default": None, "help": f"{field.metadata['help']}{shown}".replace("%", "%%")}
    if kind is bool:
        options |= {
            "type": _to_switch if default is None else _to_bool,
            "nargs": "?",
            "const": True,
            "metavar": "BOOL",
        }
    else:
        choices = ",".join(field.metadata["choices"] or ())
        options |= {"type": kind, "metavar": {int: "N", float: "X"}.get(kind, "TEXT")}
        if choices:
            options["metavar"] = "NAME" if len(choices) > 40 else f"{{{choices}}}"
    if many:
        options |= {"nargs": "*" if field.metadata.get("positional") else "+", "action": "extend"}
    elif field.metadata.get("positional"):
        options["nargs"] = "?"
    parser.add_argument(name if field.metadata.get("positional") else f"--{name}", **options)


def _to_switch(text: str) -> bool | str:
    """A truth value that may be left open: AUTO then."""
    return AUTO if text.lower() == AUTO else _to_bool(text)


def _to_bool(text: str) -> bool:
    if text.lower() in ("true", "yes", "1"):
        return True
    if text.lower() in ("false", "no", "0"):
        return False
    raise argparse.ArgumentTypeError(f"expected true or false, found {text!r}")


def _convert(path: Path, key: str, value: Any, kind: type, many: bool, field: dataclasses.Field[Any]) -> Any:
    if value is None:
        return None
    if many:
        values = value if isinstance(value, list) else [value]
        return [_convert(path, key, item, kind, False, field) for item in values]
    if kind is float and isinstance(value, (int, str)) and not isinstance(value, bool):
        with contextlib.suppress(ValueError):
            value = float(value)  # YAML reads 1e-4 as text
    if kind is bool and field.default is None and value == AUTO:
        return value
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise UserError(f"{path}: {key} must be {kind.__name__}, found {value!r}")
    if field.metadata["choices"] and value not in field.metadata["choices"]:
        raise UserError(f"{path}: {key} must be one of {', '.join(field.metadata['choices'])}, found {value!r}")
    return value
