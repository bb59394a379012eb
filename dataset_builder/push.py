"""Publishes a dataset folder on the Hub: shows what would change, uploads it as one commit, reads it back, tags it.

A dry run unless `--yes` is given. Nothing is uploaded before the card has passed its check and no token or home path
was found; an existing tag is never moved; the tag is set only after the row counts were read back. Files that
arrived before an interruption are not sent again: run the same command once more.

    $ python -m dataset_builder.push --folder gsm8k-ai-subq --repo org/gsm8k-ai-subq --tag v1.0.0
    + data/default/test-00000-of-00001.parquet (312.4 kB)
    rows: default/test 0 -> 1319
    dry run: nothing was sent; add --yes to push
"""

from __future__ import annotations

import functools
import hashlib
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from dataset_builder.card.check import card_problems
from dataset_builder.config import option, parse_config
from dataset_builder.errors import UserError, entry_point
from dataset_builder.folder.layout import FACTS_FILE, KIND, read_facts
from dataset_builder.hub.leak_guard import find_secrets

PUBLISHED = ("README.md", FACTS_FILE, "croissant.json", "data/**/*.parquet", "figures/*.png", "figures/*.svg")
MANAGED = ("data/*", "figures/*")
ATTEMPTS = 5
PAUSE_S = 1.0

ResultT = TypeVar("ResultT")


@dataclass
class PushConfig:
    """What goes where."""

    folder: str = option("gsm8k-ai-subq", "the dataset folder")
    repo: str = option("", "the Hub's dataset, as org/name")
    tag: str | None = option(None, "a version to tag, such as v1.0.0; an existing one is refused")
    private: bool = option(False, "make a new repository private")
    yes: bool = option(False, "really push; without it nothing is sent")


@dataclass(frozen=True)
class Remote:
    """What the Hub holds now: its head (None: no repository), content hashes by path, row counts and tags."""

    head: str | None
    hashes: dict[str, str]
    rows: dict[str, int]
    tags: tuple[str, ...]


@dataclass(frozen=True)
class Diff:
    """Paths by what a push would do to them."""

    added: list[str]
    changed: list[str]
    removed: list[str]

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


def push_dataset(config: PushConfig, say: Callable[[str], None] = print) -> str | None:
    """Pushes the folder and returns the commit; None for a dry run.

    Raises:
        UserError: a bad folder, card, name or token; a secret in a file; a tag that exists; a Hub that refuses.
    """
    folder = Path(config.folder)
    facts = read_facts(folder)
    if config.repo.count("/") != 1:
        raise UserError(f"--repo must be org/name, found {config.repo!r}")
    check_folder(folder)
    api = _hub_api(needs_token=config.yes)
    remote = _asked(lambda: read_remote(api, config.repo), config.repo)
    if config.tag in remote.tags:
        raise UserError(
            f"{config.repo} has a tag {config.tag} already; a published version is never moved: take the next"
        )
    diff = compare(local_files(folder), remote)
    for line in [*describe(diff, folder), *describe_rows(row_counts(facts), remote.rows)]:
        say(line)
    if not config.yes:
        say("dry run: nothing was sent; add --yes to push")
        return None
    head = upload(api, config, remote, diff)
    verify_rows(api, config.repo, head, facts)
    if config.tag:
        _asked(lambda: api.create_tag(config.repo, tag=config.tag, revision=head, repo_type="dataset"), config.repo)
    say(f"pushed {config.repo} at {head[:12]}{f', tagged {config.tag}' if config.tag else ''}; row counts read back")
    return head


def check_folder(folder: Path) -> None:
    """Refuses a folder whose card the Hub would refuse, or that holds what must not be published."""
    if problems := card_problems(folder):
        raise UserError(f"the card of {folder} is not fit to publish: {'; '.join(problems)}; build the folder again")
    if secrets := find_secrets(local_files(folder).values()):
        raise UserError(f"refusing to publish {folder}: {'; '.join(secrets)}; remove it and build again")


def local_files(folder: Path) -> dict[str, Path]:
    """The files that are published, by their path in the repository."""
    found = (path for pattern in PUBLISHED for path in folder.glob(pattern))
    return {path.relative_to(folder).as_posix(): path for path in sorted(found)}


def compare(local: dict[str, Path], remote: Remote) -> Diff:
    """What a push would add, change and remove; files of others in the repository are left alone."""
    hashes = {name: content_hashes(path) for name, path in local.items()}
    managed = {name for name in remote.hashes if name.split("/")[0] + "/*" in MANAGED}
    return Diff(
        added=[name for name in hashes if name not in remote.hashes],
        changed=[name for name in hashes if name in remote.hashes and remote.hashes[name] not in hashes[name]],
        removed=sorted(managed - set(hashes)),
    )


def content_hashes(path: Path) -> tuple[str, str]:
    """(sha256 as LFS names a file, sha1 as git names a blob): the Hub gives one of them."""
    data = path.read_bytes()
    return hashlib.sha256(data).hexdigest(), hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def row_counts(facts: dict[str, Any]) -> dict[str, int]:
    """Rows by "config/split"."""
    return {
        f"{config}/{split}": values["rows"]
        for config, splits in facts["configs"].items()
        for split, values in splits.items()
    }


def describe(diff: Diff, folder: Path) -> list[str]:
    """The diff as lines: + added, ~ changed, - removed."""
    marks = [("+", name) for name in diff.added] + [("~", name) for name in diff.changed]
    lines = [f"{mark} {name} ({(folder / name).stat().st_size / 1000:.1f} kB)" for mark, name in marks]
    return [*lines, *[f"- {name}" for name in diff.removed]] or ["no file differs from the Hub's"]


def describe_rows(local: dict[str, int], remote: dict[str, int]) -> list[str]:
    """The row counts that would change."""
    names = sorted(set(local) | set(remote))
    changed = [name for name in names if local.get(name, 0) != remote.get(name, 0)]
    return [f"rows: {name} {remote.get(name, 0)} -> {local.get(name, 0)}" for name in changed]


def read_remote(api: Any, repo: str) -> Remote:
    """What the Hub holds now."""
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        head = api.repo_info(repo, repo_type="dataset").sha
    except RepositoryNotFoundError:
        return Remote(None, {}, {}, ())
    files = [
        entry for entry in api.list_repo_tree(repo, repo_type="dataset", recursive=True) if hasattr(entry, "blob_id")
    ]
    hashes = {entry.path: entry.lfs.sha256 if entry.lfs else entry.blob_id for entry in files}
    tags = tuple(tag.name for tag in api.list_repo_refs(repo, repo_type="dataset").tags)
    return Remote(head, hashes, _remote_rows(api, repo, head) if FACTS_FILE in hashes else {}, tags)


def upload(api: Any, config: PushConfig, remote: Remote, diff: Diff) -> str:
    """Uploads as one commit onto the head that was compared with; returns the new head."""
    if remote.head is None:
        _asked(
            lambda: api.create_repo(config.repo, repo_type="dataset", private=config.private, exist_ok=True),
            config.repo,
        )
    elif not diff:
        return remote.head
    arguments = {
        "repo_id": config.repo,
        "repo_type": "dataset",
        "folder_path": config.folder,
        "allow_patterns": list(local_files(Path(config.folder))),
        "delete_patterns": list(MANAGED),
        "commit_message": f"Dataset {config.tag}" if config.tag else "Dataset",
        "parent_commit": remote.head,
    }
    return _asked(lambda: api.upload_folder(**arguments).oid, config.repo)


def verify_rows(api: Any, repo: str, head: str, facts: dict[str, Any]) -> None:
    """Reads the row counts of every parquet file back from the Hub, at the commit.

    Raises:
        UserError: a count differs; the commit is there then, but no tag names it.
    """
    import pyarrow.parquet as parquet
    from huggingface_hub import HfFileSystem

    files = HfFileSystem(endpoint=api.endpoint, token=api.token, use_listings_cache=False)

    def count(name: str) -> int:
        with files.open(f"datasets/{repo}@{head}/{name}", "rb", block_size=2**16) as file:
            return parquet.read_metadata(file).num_rows

    for config, splits in facts["configs"].items():
        for split, values in splits.items():
            rows = sum(_asked(functools.partial(count, name), repo) for name in values["files"])
            if rows != values["rows"]:
                raise UserError(
                    f"{repo} holds {rows} rows of {config}/{split} instead of {values['rows']} after the upload; no "
                    "tag was set: push again"
                )


def _remote_rows(api: Any, repo: str, head: str) -> dict[str, int]:
    path = api.hf_hub_download(repo, FACTS_FILE, repo_type="dataset", revision=head)
    facts = json.loads(Path(path).read_text(encoding="utf-8"))
    return row_counts(facts) if isinstance(facts, dict) and facts.get("kind") == KIND else {}


def _hub_api(needs_token: bool) -> Any:
    from huggingface_hub import HfApi, get_token

    token = get_token()
    if needs_token and not token:
        raise UserError(
            "no Hugging Face token; run `hf auth login`, or set HF_TOKEN to a token with write access "
            "(https://huggingface.co/settings/tokens)"
        )
    return HfApi(token=token)


def _asked(request: Callable[[], ResultT], repo: str) -> ResultT:
    """Asks the Hub, again after a failure that can heal; what cannot is explained.

    Raises:
        UserError: the Hub refuses, or cannot be reached after `ATTEMPTS` tries.
    """
    import httpx2  # the client library's own transport, whose errors it lets through
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    for attempt in range(1, ATTEMPTS + 1):
        try:
            return request()
        except OfflineModeIsEnabled as error:
            raise UserError("HF_HUB_OFFLINE is set, so the Hub cannot be asked; unset it and push again") from error
        except HfHubHTTPError as error:
            status = error.response.status_code if error.response is not None else 0
            if status in _FINAL:
                raise UserError(f"{repo}: {_FINAL[status]} (the Hub answered {status})") from error
            if status and status < 500 and status != 429:
                raise
            failure = f"the Hub answered {status}"
        except (OSError, httpx2.TransportError) as error:
            failure = f"{type(error).__name__}: {error}"
        if attempt < ATTEMPTS:
            time.sleep(PAUSE_S * 2 ** (attempt - 1))
    raise UserError(f"{repo} could not be reached ({failure}); what arrived is kept, so push again to go on")


_FINAL = {
    401: "the token is not valid; run `hf auth login` again",
    403: "the token may not write there; take one with write access to this namespace",
    409: "that name or tag exists already; take the next version",
    412: "somebody else pushed in the meantime; look at the diff again and push again",
}


def _main(argv: Sequence[str] | None = None) -> None:
    config = parse_config(
        PushConfig,
        argv,
        prog="python -m dataset_builder.push",
        description="Pushes a dataset folder to the Hub: diff, upload, rows read back, tag. A dry run without --yes.",
        epilog="""examples:
  see what would change:   python -m dataset_builder.push --repo org/gsm8k-ai-subq
  publish a version:       python -m dataset_builder.push --repo org/gsm8k-ai-subq --tag v1.0.0 --yes

The token comes from `hf auth login` or HF_TOKEN.""",
    )
    push_dataset(config)


main = entry_point(_main)

if __name__ == "__main__":
    sys.exit(main())
