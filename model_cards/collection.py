"""One collection on the Hub that links what belongs together: dataset, models, metric, Space and papers.

A dry run unless `--yes`, private unless `--public`. An existing collection of that title gets what it lacks and loses
nothing; the items are read back.

    $ python -m model_cards.collection --namespace org --title GSM8K-AI-SubQ \\
          --items dataset:org/gsm8k-ai-subq model:org/subq-lora space:org/subq_accuracy paper:2402.01812
    collection org/GSM8K-AI-SubQ: new, private
    + dataset org/gsm8k-ai-subq
    ...
    dry run: nothing was sent; add --yes to push
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from dataset_builder.core.config import option, parse_config
from dataset_builder.core.errors import UserError, entry_point
from dataset_builder.core.hub_ids import is_hub_id
from dataset_builder.hub.connection import ask_hub, hub_api
from dataset_builder.hub.upload import DRY_RUN

if TYPE_CHECKING:
    from huggingface_hub import Collection, HfApi

KINDS = ("dataset", "model", "space", "paper")
PAPERS = ("paper:2402.01812", "paper:2402.15000")


@dataclass(frozen=True)
class CollectionConfig:
    """What is linked where."""

    namespace: str = option("", "whose collection: a user's or an organisation's name")
    title: str = option("GSM8K-AI-SubQ", "the collection's title")
    description: str = option(
        "Sub-questions by a language model, and small models that learnt to ask them", "under it"
    )
    items: list[str] = option([], "what it links, as kind:id; kinds: dataset, model, space (metrics, too), paper")
    public: bool = option(False, "make a new collection public; without it a new one is private")
    yes: bool = option(False, "really do it; without it nothing is sent")


def push_collection(config: CollectionConfig, say: Callable[[str], None] = print) -> str | None:
    """Creates or completes the collection and returns its slug; None for a dry run.

    Raises:
        UserError: a malformed item, no token, something that is not on the Hub, a Hub that refuses.
    """
    wanted = [parse_item(item) for item in dict.fromkeys((*config.items, *PAPERS))]
    if not config.namespace:
        raise UserError("--namespace is missing: whose collection is it?")
    api = hub_api(needs_token=config.yes)
    existing = ask_hub(lambda: find_collection(api, config), config.namespace)
    have = {(item.item_type, item.item_id) for item in existing.items} if existing else set()
    missing = [item for item in wanted if item not in have]
    state = "new, " + ("public" if config.public else "private") if existing is None else f"has {len(have)} items"
    say(f"collection {config.namespace}/{config.title}: {state}")
    for kind, name in missing:
        say(f"+ {kind} {name}")
    if not missing:
        say("nothing is missing from it")
    if not config.yes:
        say(DRY_RUN)
        return None
    check_items(api, missing)
    slug = existing.slug if existing else _create(api, config)
    for kind, name in missing:
        ask_hub(partial(api.add_collection_item, slug, name, kind, exists_ok=True), name)
    now = ask_hub(lambda: api.get_collection(slug), slug)
    lost = set(wanted) - {(item.item_type, item.item_id) for item in now.items}
    if lost:
        raise UserError(f"{slug} does not hold {', '.join(sorted(name for _, name in lost))} afterwards; try again")
    say(f"collection {slug}: {len(now.items)} items; read back")
    return str(slug)


def parse_item(text: str) -> tuple[str, str]:
    """(kind, id) of "dataset:org/name".

    Raises:
        UserError: no known kind, or no id of the Hub's.
    """
    kind, _, name = text.partition(":")
    if kind not in KINDS or not (name if kind == "paper" else is_hub_id(name, namespace=True)):
        raise UserError(f"--items {text!r}: expected kind:id, the kind one of {', '.join(KINDS)}, the id org/name")
    return kind, name


def find_collection(api: HfApi, config: CollectionConfig) -> Collection | None:
    """The whole collection of that title, or None."""
    for existing in api.list_collections(owner=config.namespace):
        if existing.title == config.title:
            return api.get_collection(existing.slug)  # a listing shows four items at most
    return None


def check_items(api: HfApi, items: Sequence[tuple[str, str]]) -> None:
    """Refuses to link what the Hub does not have.

    Raises:
        UserError: names the first such item.
    """
    from huggingface_hub.errors import RepositoryNotFoundError

    for kind, name in items:
        if kind == "paper":
            continue
        try:
            ask_hub(partial(api.repo_info, name, repo_type=kind), name)
        except RepositoryNotFoundError as error:
            raise UserError(f"the Hub has no {kind} {name}, or hides it from this token: push it first") from error


def _create(api: HfApi, config: CollectionConfig) -> str:
    made = ask_hub(
        lambda: api.create_collection(
            config.title,
            namespace=config.namespace,
            description=config.description[:150],
            private=not config.public,
            exists_ok=True,
        ),
        config.namespace,
    )
    return str(made.slug)


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    """`python -m model_cards.collection`."""
    push_collection(
        parse_config(
            CollectionConfig,
            argv,
            prog="python -m model_cards.collection",
            description="Link dataset, models, metric, Space and papers in one collection. A dry run without --yes.",
            epilog="The token comes from `hf auth login` or HF_TOKEN.",
        )
    )


if __name__ == "__main__":
    sys.exit(main())
