"""Puts a dataset folder on the Hub: shows what would change, uploads it as one commit, reads it back, tags it.

A dry run unless `--yes` is given, private unless `--public`. The card goes up as it reads on the Hub. Nothing is
uploaded before the card has passed its check and no token or home path was found; an existing tag is never moved; the
tag is set only after content hashes and row counts were read back. Files that arrived before an interruption are not
sent again: run the same command once more.

    $ python -m dataset_builder.push --folder gsm8k-ai-subq --repo org/gsm8k-ai-subq --tag v1.0.0
    dataset org/gsm8k-ai-subq: new, private
    + data/default/test-00000-of-00001.parquet (312.4 kB)
    rows: default/test 0 -> 1319
    dry run: nothing was sent; add --yes to push
"""

from __future__ import annotations

import functools
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataset_builder.core.config import option
from dataset_builder.core.errors import UserError
from dataset_builder.dataset_folder.layout import CARD_FILE, FACTS_FILE, KIND, read_facts
from dataset_builder.hub.connection import ask_hub
from dataset_builder.hub.repository import Remote
from dataset_builder.hub.upload import PushOptions, Upload, push_files
from dataset_builder.stats.benchmark import BENCHMARK_FILE
from dataset_builder.stats.card import card_text
from dataset_builder.stats.card_check import card_problems
from dataset_builder.stats.croissant import CROISSANT_FILE

PUBLISHED = (
    CARD_FILE,
    FACTS_FILE,
    CROISSANT_FILE,
    BENCHMARK_FILE,
    "data/**/*.parquet",
    "figures/*.png",
    "figures/*.svg",
)
MANAGED = ("data/*", "figures/*")


@dataclass
class PushConfig(PushOptions):
    """What goes where."""

    folder: str = option("gsm8k-ai-subq", "the dataset folder")


def push_dataset(config: PushConfig, say: Callable[[str], None] = print) -> str | None:
    """Pushes the folder and returns the commit; None for a dry run.

    Raises:
        UserError: a bad folder, card, name or token; a secret in a file; a tag that exists; a Hub that refuses.
    """
    folder = Path(config.folder)
    facts = read_facts(folder)
    if problems := card_problems(folder):
        raise UserError(f"the card of {folder} is not fit to publish: {'; '.join(problems)}; build the folder again")
    with tempfile.TemporaryDirectory() as staging:
        card = Path(staging) / CARD_FILE
        card.write_text(card_text(folder, facts, config.repo), encoding="utf-8")
        return push_files(
            Upload("dataset", local_files(folder) | {CARD_FILE: card}, "Dataset", managed=MANAGED),
            config,
            say=say,
            notes=lambda api, remote: describe_rows(row_counts(facts), remote_rows(api, config.repo, remote), remote),
            verify=lambda api, commit: verify_rows(api, config.repo, commit, facts),
        )


def local_files(folder: Path) -> dict[str, Path]:
    """The files that are published, by their path in the repository."""
    paths = sorted(path for pattern in PUBLISHED for path in folder.glob(pattern))
    return {path.relative_to(folder).as_posix(): path for path in paths}


def row_counts(facts: dict[str, Any]) -> dict[str, int]:
    """Rows by "config/split"."""
    return {
        f"{config}/{split}": values["rows"]
        for config, splits in facts["configs"].items()
        for split, values in splits.items()
    }


def describe_rows(local: dict[str, int], held: dict[str, int], remote: Remote) -> list[str]:
    """The row counts that would change; all of them where the Hub was not asked.

    Args:
        local: of the folder, by "config/split".
        held: those that the Hub's facts state.
        remote: what else is known of the Hub.
    """
    if remote.not_asked:
        return [f"rows: {name} {count}" for name, count in sorted(local.items())]
    names = sorted(set(local) | set(held))
    changed = [name for name in names if local.get(name, 0) != held.get(name, 0)]
    return [f"rows: {name} {held.get(name, 0)} -> {local.get(name, 0)}" for name in changed]


def remote_rows(api: Any, repo: str, remote: Remote) -> dict[str, int]:
    """The row counts that the Hub's facts state; empty where it has none."""
    if FACTS_FILE not in remote.hashes:
        return {}
    path = ask_hub(lambda: api.hf_hub_download(repo, FACTS_FILE, repo_type="dataset", revision=remote.head), repo)
    facts = json.loads(Path(path).read_text(encoding="utf-8"))
    return row_counts(facts) if isinstance(facts, dict) and facts.get("kind") == KIND else {}


def verify_rows(api: Any, repo: str, commit: str, facts: dict[str, Any]) -> None:
    """Reads the row counts of every parquet file back from the Hub, at the commit.

    Args:
        api: the Hub's client.
        repo: org/name.
        commit: what was just pushed.
        facts: the local folder's.

    Raises:
        UserError: a count differs; the commit is there then, but no tag names it.
    """
    import pyarrow.parquet as parquet
    from huggingface_hub import HfFileSystem

    files = HfFileSystem(endpoint=api.endpoint, token=api.token, use_listings_cache=False)

    def count(name: str) -> int:
        with files.open(f"datasets/{repo}@{commit}/{name}", "rb", block_size=2**16) as file:
            return parquet.read_metadata(file).num_rows

    for config, splits in facts["configs"].items():
        for split, values in splits.items():
            rows = sum(ask_hub(functools.partial(count, name), repo) for name in values["files"])
            if rows != values["rows"]:
                raise UserError(
                    f"{repo} holds {rows} rows of {config}/{split} instead of {values['rows']} after the upload; no "
                    "tag was set: push again"
                )
