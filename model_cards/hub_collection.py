"""A collection on the Hub: created or completed with what it lacks, and read back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Literal, cast, get_args

from dataset_builder.core.config import option
from dataset_builder.core.errors import UserError
from dataset_builder.core.hub_ids import is_hub_id
from dataset_builder.hub.connection import ask_hub, hub_api, out_of_reach, require_on_hub
from dataset_builder.hub.upload import DRY_RUN

if TYPE_CHECKING:
    from huggingface_hub import Collection, HfApi

Kind = Literal["dataset", "model", "space", "paper"]
Item = tuple[Kind, str]
"""Kind and id."""

KINDS = get_args(Kind)
OWN_DATASET = "GSM8K-AI-SubQ"
OWN_DESCRIPTION = "Sub-questions by a language model, and small models that learnt to ask them"
PAPERS = ("paper:2402.01812", "paper:2402.15000")
"""Of GSM8K-AI-SubQ; a collection of other data links the papers that it names."""


@dataclass(frozen=True)
class CollectionConfig:
    """What is linked where."""

    namespace: str = option("", "whose collection: a user's or an organisation's name")
    title: str = option("", "the collection's title; may be left out where GSM8K-AI-SubQ itself is linked")
    description: str = option("", "under the title; likewise")
    items: list[str] = option([], "what it links, as kind:id; kinds: dataset, model, space (metrics, too), paper")
    public: bool = option(False, "make a new collection public; without it a new one is private")
    yes: bool = option(False, "really do it; without it nothing is sent")


def push_collection(config: CollectionConfig, say: Callable[[str], None] = print) -> str | None:
    """Creates or completes the collection and returns its slug; None for a dry run.

    Raises:
        UserError: a malformed item, no token, something that is not on the Hub, a Hub that refuses.
    """
    config = completed(config)
    items = [parse_item(item) for item in dict.fromkeys(config.items)]
    if not config.namespace:
        raise UserError("--namespace is missing: whose collection is it?")
    api = hub_api(needs_token=config.yes)
    not_asked = "" if config.yes else out_of_reach(api)
    existing = None if not_asked else ask_hub(lambda: find_collection(api, config), config.namespace)
    missing = [item for item in items if item not in _items(existing)]
    state = f"the Hub cannot be asked ({not_asked}); all of:" if not_asked else _state(existing, config)
    say(f"collection {config.namespace}/{config.title}: {state}")
    for kind, name in missing:
        say(f"+ {kind} {name}")
    if not missing:
        say("nothing is missing from it")
    if not config.yes:
        say(DRY_RUN)
        return None
    for kind, name in missing:
        if kind != "paper":
            require_on_hub(kind, name)
    slug = str(existing.slug if existing else _create(api, config))
    say(f"collection {slug}: {_add(api, slug, missing)} items; read back")
    return slug


def completed(config: CollectionConfig) -> CollectionConfig:
    """The options with the title, description and papers of GSM8K-AI-SubQ, where that is linked.

    Raises:
        UserError: no title, and nothing that says one.
    """
    names = [name.rpartition("/")[2] for kind, name in map(parse_item, config.items) if kind == "dataset"]
    if OWN_DATASET.lower() in map(str.lower, names):
        title, description = config.title or OWN_DATASET, config.description or OWN_DESCRIPTION
        return replace(config, title=title, description=description, items=[*config.items, *PAPERS])
    if not config.title:
        raise UserError("--title is missing: what is the collection called?")
    return config


def parse_item(text: str) -> Item:
    """(kind, id) of "dataset:org/name".

    Raises:
        UserError: no known kind, or no id of the Hub's.
    """
    kind, _, name = text.partition(":")
    if kind not in KINDS or not (name if kind == "paper" else is_hub_id(name, namespace=True)):
        raise UserError(f"--items {text!r}: expected kind:id, the kind one of {', '.join(KINDS)}, the id org/name")
    return cast(Kind, kind), name


def find_collection(api: HfApi, config: CollectionConfig) -> Collection | None:
    """The whole collection of that title, or None."""
    for existing in api.list_collections(owner=config.namespace):
        if existing.title == config.title:
            return api.get_collection(existing.slug)  # a listing shows four items at most
    return None


def _items(collection: Collection | None) -> set[tuple[str, str]]:
    return {(item.item_type, item.item_id) for item in collection.items} if collection else set()


def _state(existing: Collection | None, config: CollectionConfig) -> str:
    return f"has {len(existing.items)} items" if existing else f"new, {'public' if config.public else 'private'}"


def _add(api: HfApi, slug: str, items: Sequence[Item]) -> int:
    """Links the items, and says how many the collection holds afterwards."""
    for kind, name in items:
        ask_hub(partial(api.add_collection_item, slug, name, kind, exists_ok=True), name)
    collection = ask_hub(lambda: api.get_collection(slug), slug)
    if absent := set(items) - _items(collection):
        raise UserError(f"{slug} does not hold {', '.join(sorted(name for _, name in absent))} afterwards; try again")
    return len(collection.items)


def _create(api: HfApi, config: CollectionConfig) -> str:
    create = partial(api.create_collection, config.title, namespace=config.namespace, exists_ok=True)
    description, private = config.description[:150], not config.public
    return ask_hub(lambda: create(description=description, private=private).slug, config.namespace)
