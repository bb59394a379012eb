"""A recipe from three names: backbone, method and adapter, each with its file in `recipes/configs`.

    compose(Names("mistral-7b", "bc", "qlora"))   -> {"backbone": "mistralai/Mistral-7B-v0.1", "max_steps": 840, ...}
    parse_recipe(["--recipe", "gpt2/bc_full", "--max_steps", "7"], ...)     -> RecipeConfig
    parse_recipe(["--config", "experiment.yaml"], ...)      # `recipe: gpt2/bc_full` and the experiment's own few keys
    parse_recipe(["--config", "outputs/x/recipe.yaml"], ...)         # a whole recipe, as every run saves it

Each key has one owner (`option(..., owner=)` in `recipe.RecipeConfig`): a file may hold its axis' keys and no others,
so there is no order and nothing to merge. What a method decides stands in its file once per family of backbones, and a
learning rate there may be one per size. `init_from` and `output_dir` follow from the names. An experiment and the
command line may set any key.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml

from dataset_builder.core.config import (
    build_config,
    check_keys,
    fields_of,
    option,
    parse_arguments,
    read_yaml,
    resolved,
)
from dataset_builder.core.errors import UserError
from dataset_builder.core.values import nearest
from recipes.config.backbones import CONFIGS, Backbone, backbone_named, find_backbone
from recipes.config.methods import METHODS
from recipes.config.recipe import ADAPTERS, AXES, RecipeConfig, setting_of

RecipeT = TypeVar("RecipeT", bound=RecipeConfig)

OLD_KEYS = {
    "card": "--card is --gpu now: --gpu 12gb",
    "needs_gpu_gib": "--needs_gpu_gib is computed now; --needs_gpu false tries without a GPU",
}
"""Keys of earlier recipes and what to write instead; in a file they are still read."""


@dataclass(frozen=True)
class Names:
    """What a recipe is composed of."""

    backbone: str = "tiny"
    """Of a file, by name, alias or Hub id."""
    method: str = "bc"
    """One of `methods.METHODS`."""
    adapter: str = ""
    """Empty: the first that the method has on this backbone."""


def split_name(recipe: str) -> dict[str, str]:
    """The names in "gpt2/bc_full" (as records have it) or "gpt2-full" (as `make train-gpt2-full` has it).

    Raises:
        UserError: neither form.
    """
    backbone, slash, rest = recipe.partition("/")
    if slash:
        method, line, adapter = rest.rpartition("_")
        names = {"backbone": backbone, "method": method, "adapter": adapter}
    else:
        backbone, line, adapter = recipe.rpartition("-")
        names = {"backbone": backbone, "adapter": adapter}
    if not line or not all(names.values()):
        raise UserError(f"recipe must be <backbone>/<method>_<adapter> or <backbone>-<adapter>, found {recipe!r}")
    return names


def adapters_of(method: str, backbone: Backbone) -> tuple[str, ...]:
    """What a method is trained with on a backbone; empty: it has no settings for that family."""
    section = read_yaml(CONFIGS / "methods" / f"{method}.yaml").get(backbone.family)
    return () if section is None else tuple(section.get("adapters", backbone.adapters))


def compose(names: Names, folder: str = "") -> dict[str, Any]:
    """Every key that the three files and the rules decide; those of a section as "ilql.beta".

    A backbone without a file borrows these settings; its runs go into outputs/`folder`.

    Raises:
        UserError: an unknown name, names that do not go together, or a key in a file that does not own it.
    """
    backbone = backbone_named(names.backbone)
    adapter = _check(names, backbone)
    method_file, adapter_file = (
        CONFIGS / f"{axis}s" / f"{name}.yaml" for axis, name in (("method", names.method), ("adapter", adapter))
    )
    section = {key: value for key, value in read_yaml(method_file)[backbone.family].items() if key != "adapters"}
    start = section.pop("starts_from", "")
    if isinstance(rate := section.get("learning_rate"), dict):
        section["learning_rate"] = rate[backbone.size]
    keys = (
        owned_keys("backbone", CONFIGS / "backbones" / f"{backbone.name}.yaml", dict(backbone.keys))
        | owned_keys("method", method_file, section)
        | owned_keys("adapter", adapter_file, read_yaml(adapter_file))
    )
    runs = f"outputs/{folder or backbone.name}"
    keys |= {"method": names.method, "adapter": adapter, "output_dir": f"{runs}/{names.method}_{adapter}"}
    if start:
        # A new tiny backbone has no weights that a LoRA could rest on, so there bc is bc_full.
        trained = adapter if adapter in adapters_of(start, backbone) else "full"
        keys["init_from"] = f"{runs}/{start}_{trained}"
    return keys


def owned_keys(axis: str, path: Path, values: dict[str, Any]) -> dict[str, Any]:
    """The values of an axis' file, each checked for its type and its owner.

    Raises:
        UserError: a key that is unknown, of the wrong type, or another's.
    """
    fields = fields_of(RecipeConfig)
    keys = check_keys(path, values, fields)
    for key in keys:
        owner = fields[key][2].metadata["owner"]
        if owner != axis:
            home = f"recipes/configs/{owner}s" if owner in AXES else "an experiment or the command line"
            raise UserError(f"{path}: {key} is no key of a {axis}; it belongs to the {owner}: {home}")
    return keys


def parse_recipe(
    config_class: type[RecipeT], argv: Sequence[str] | None = None, *, prog: str, description: str, epilog: str = ""
) -> RecipeT:
    """A recipe from names, from a file, or from both, the command line winning; `--print_config` prints it and stops.

    Args:
        config_class: RecipeConfig, or a dataclass that adds keys to it.
        argv: the arguments without the program's name; None means those of this process.
        prog: what the user types, for instance "python -m recipes.train".
        description: one sentence, the head of `--help`.
        epilog: examples, printed under the options as written.

    Raises:
        UserError: as `compose`; or an unknown key, or a value of the wrong type.
    """
    for word in argv or ():
        if (name := word.split("=")[0].removeprefix("--")) in OLD_KEYS and word.startswith("--"):
            raise UserError(OLD_KEYS[name])
    path, given = parse_arguments(_with_names(config_class), argv, prog=prog, description=description, epilog=epilog)
    show = given.pop("print_config", False)
    written = (
        {} if path is None else check_keys(path, _translated(read_yaml(path)), fields_of(_with_names(config_class)))
    )
    config = build_config(config_class, resolve_keys(written, given))
    if show:
        print(yaml.safe_dump(resolved(config), sort_keys=False, allow_unicode=True), end="")
        raise SystemExit(0)
    return config


def resolve_keys(written: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Every key of a run: `given` on the command line, else `written` in the file, else as composed.

    A file that names its backbone, method or adapter and no `recipe` is a whole recipe, and nothing is composed.

    Raises:
        UserError: as `compose`, or a backbone without a file and nothing that says whose settings it takes.
    """
    own = written | given
    recipe = own.pop("recipe", "")
    if not recipe and any(axis in written for axis in AXES):
        known = find_backbone(own.get("backbone", ""))
        return own | ({"backbone": known.hub_id} if known else {})
    names = split_name(recipe) if recipe else {}
    names |= {axis: own.pop(axis) for axis in ("method", "adapter") if axis in own}
    asked = own.get("backbone", "")
    if find_backbone(asked):
        names["backbone"] = own.pop("backbone")
    elif asked and not recipe:
        raise UserError(
            f"{asked} has no file in recipes/configs/backbones; name a recipe whose settings it takes as well, "
            f"for instance --recipe llama-3.2-1b/bc_lora --backbone {asked}"
        )
    return compose(Names(**names), folder=own.get("backbone", "").split("/")[-1]) | own


def _check(names: Names, backbone: Backbone) -> str:
    """The adapter, if the three go together."""
    if names.method not in METHODS:
        raise UserError(f"no method {names.method!r}{nearest(names.method, list(METHODS))}")
    if names.adapter and names.adapter not in ADAPTERS:
        raise UserError(f"no adapter {names.adapter!r}{nearest(names.adapter, ADAPTERS)}")
    adapters = adapters_of(names.method, backbone)
    if not adapters:
        having = [method for method in METHODS if adapters_of(method, backbone)]
        raise UserError(f"{names.method} has no settings for {backbone.name}; it has them for {', '.join(having)}")
    if names.adapter and names.adapter not in adapters:
        raise UserError(
            f"{names.method} on {backbone.name} is trained with {' or '.join(adapters)}, not with {names.adapter}"
        )
    return names.adapter or adapters[0]


def _translated(values: dict[str, Any]) -> dict[str, Any]:
    """A file's keys under today's names: earlier recipes hold a method's own settings among their trainer_options."""
    values = dict(values)
    pairs = [str(pair) for pair in values.get("trainer_options") or ()]
    settings = {pair: setting_of(str(values.get("method", "bc")), pair) for pair in pairs}
    if any(settings.values()):
        values |= {setting: yaml.safe_load(pair.partition("=")[2]) for pair, setting in settings.items() if setting}
        values["trainer_options"] = [pair for pair in pairs if not settings[pair]]
    if "card" in values:
        values["gpu"] = values.pop("card")
    if "needs_gpu_gib" in values:
        values["needs_gpu"] = bool(values.pop("needs_gpu_gib"))
    return values


def _with_names(config_class: type[RecipeT]) -> type[RecipeT]:
    """The class with the keys that say how a recipe is put together, which are no part of it."""
    extra = (
        ("recipe", str, option("", "the three names at once: gpt2/bc_full, or mistral-lora with --method")),
        ("print_config", bool, option(False, "print the resolved recipe as YAML and stop")),
    )
    return dataclasses.make_dataclass("Command", extra, bases=(config_class,), frozen=True)
