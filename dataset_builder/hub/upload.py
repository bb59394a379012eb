"""Puts files into a repository on the Hub: diff, one commit, read back, tag; for datasets, models, metrics and Spaces.

A dry run unless `yes`, which needs no network; private unless `public`. Nothing is sent while a file holds a token or
a home path, or if the tag exists. The commit goes onto the head that the diff was made against, and its content hashes
are read back before the tag is set. Large files that arrived before an interruption are not sent again: run the same
command once more.

    upload = Upload("space", {"app.py": Path("metric/app.py"), ...}, "Metric", space_sdk="gradio")
    push_files(upload, PushOptions(repo="org/subq-accuracy", yes=True))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataset_builder.core.config import option
from dataset_builder.core.errors import UserError
from dataset_builder.core.hub_ids import is_hub_id
from dataset_builder.hub.connection import ask_hub, hub_api, out_of_reach
from dataset_builder.hub.repository import Diff, Kind, Remote, compare, diff_lines, read_remote, remote_hashes
from dataset_builder.hub.secrets import findings

DRY_RUN = "dry run: nothing was sent; add --yes to push"


@dataclass
class PushOptions:
    """What every push asks for; an entry point's config inherits these."""

    repo: str = option("", "where to, as org/name")
    tag: str | None = option(None, "a version to tag, such as v1.0.0; an existing one is refused")
    public: bool = option(False, "make a new repository public; without it a new one is private")
    pr: bool = option(False, "open a pull request instead of pushing: for a token that may do no more")
    looked_at: list[str] = option(
        [], "files that may hold a path, a private address or this machine's name: you have looked, it is harmless"
    )
    yes: bool = option(False, "really push; without it nothing is sent")


@dataclass(frozen=True)
class Upload:
    """What goes up."""

    kind: Kind
    """Of the repository."""
    files: Mapping[str, Path]
    """Local files by their path in the repository."""
    message: str
    """The commit's first line."""
    managed: Sequence[str] = ()
    """Patterns of paths that are ours alone: what the repository holds there and `files` does not is removed."""
    space_sdk: str | None = None
    """What a new Space runs on."""
    space_hardware: str | None = None
    """The hardware that a new Space asks for; None: the Hub's default."""


def push_files(
    upload: Upload,
    options: PushOptions,
    *,
    say: Callable[[str], None] = print,
    notes: Callable[[Any, Remote], list[str]] = lambda api, remote: [],
    verify: Callable[[Any, str], None] = lambda api, commit: None,
) -> str | None:
    """Pushes and returns the commit; None for a dry run.

    Args:
        notes: further lines for the diff, from the client and what the Hub holds now.
        verify: what else to read back, from the client and the commit; raises UserError before a tag is set.

    Raises:
        UserError: a bad name or token; a secret in a file; a tag that exists; a Hub that refuses or loses something.
    """
    repo = options.repo
    _check_options(options)
    refuse_secrets(upload.files, options.looked_at)
    api = hub_api(needs_token=options.yes)
    remote = _look(api, upload.kind, options)
    _check_remote(options, remote)
    diff = compare(upload.files, remote.hashes, upload.managed)
    say(_where(upload.kind, options, remote, has_token=bool(api.token)))
    for line in [*diff_lines(diff, upload.files, _reader(api, upload.kind, repo, remote)), *notes(api, remote)]:
        say(line)
    if not options.yes:
        say(DRY_RUN)
        return None
    commit, pull_request = _commit(api, upload, options, remote, diff)
    _read_back(api, upload, repo, commit)
    verify(api, commit)
    if options.tag:
        ask_hub(lambda: api.create_tag(repo, tag=options.tag, revision=commit, repo_type=upload.kind), repo)
    done = "unchanged: " if commit == remote.head else "pushed "
    tagged = f", tagged {options.tag}" if options.tag else ""
    say(f"{done}{repo} at {commit[:12]}{tagged}{f' as {pull_request}' if pull_request else ''}; read back")
    return commit


def refuse_secrets(files: Mapping[str, Path], looked_at: Sequence[str] = ()) -> None:
    """Refuses files that must not be published.

    Args:
        files: local files by their path in the repository.
        looked_at: those in which a trace of a machine is what their author wants; a secret never is.

    Raises:
        UserError: names the files, kinds and places of the findings, never the secret.
    """
    allowed = {files[name] for name in looked_at if name in files}
    found = [item for item in findings(files.values()) if not (item.is_trace and item.path in allowed)]
    if not found:
        return
    names = [name for name, path in files.items() if path in {item.path for item in found if item.is_trace}]
    harmless = f"; where it is harmless, add --looked_at {' '.join(names)}" if names else ""
    raise UserError(
        f"refusing to publish: {'; '.join(map(str, found))}; take it out of what the file is made from (a problem's "
        f"text, a prompt, an option) and write the files again{harmless}"
    )


def _check_options(options: PushOptions) -> None:
    if not is_hub_id(options.repo, namespace=True):
        raise UserError(f"--repo must be org/name, found {options.repo!r}")
    if options.pr and options.tag:
        raise UserError("--pr and --tag exclude each other: a pull request is tagged once it is merged")


def _look(api: Any, kind: Kind, options: PushOptions) -> Remote:
    """What the Hub holds now; a dry run goes on where it cannot be asked."""
    if not options.yes and (reason := out_of_reach(api)):
        return Remote(not_asked=reason)
    return ask_hub(lambda: read_remote(api, kind, options.repo), options.repo)


def _check_remote(options: PushOptions, remote: Remote) -> None:
    if remote.not_asked:
        return
    if options.tag in remote.tags:
        raise UserError(
            f"{options.repo} has a tag {options.tag} already; a published version is never moved: take the next"
        )
    if options.pr and remote.head is None:
        raise UserError(f"{options.repo} does not exist, or is hidden from this token: --pr needs a repository")


def _where(kind: Kind, options: PushOptions, remote: Remote, *, has_token: bool) -> str:
    if remote.not_asked:
        return (
            f"{kind} {options.repo}: compared with nothing, for the Hub cannot be asked ({remote.not_asked}); all of:"
        )
    if remote.head is None:
        hidden = "" if has_token else " (or hidden: there is no token to see it with)"
        return f"{kind} {options.repo}: new, {'public' if options.public else 'private'}{hidden}"
    return f"{kind} {options.repo} at {remote.head[:12]}, {'private' if remote.private else 'public'}"


def _reader(api: Any, kind: Kind, repo: str, remote: Remote) -> Callable[[str], str]:
    def read(name: str) -> str:
        path = ask_hub(lambda: api.hf_hub_download(repo, name, repo_type=kind, revision=remote.head), repo)
        return Path(path).read_text(encoding="utf-8", errors="replace")

    return read


def _commit(api: Any, upload: Upload, options: PushOptions, remote: Remote, diff: Diff) -> tuple[str, str | None]:
    """(the commit that holds the files, the pull request's address if one was opened)."""
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    repo, kind = options.repo, upload.kind
    if remote.head is None:
        _create(api, upload, options)
    elif not diff:
        return remote.head, None
    changed = [CommitOperationAdd(name, str(upload.files[name])) for name in [*diff.added, *diff.changed]]
    operations = [*changed, *(CommitOperationDelete(name) for name in diff.removed)]

    def commit() -> tuple[str, str | None]:
        done = api.create_commit(
            repo,
            operations,
            commit_message=f"{upload.message} {options.tag or ''}".strip(),
            repo_type=kind,
            parent_commit=remote.head,
            create_pr=options.pr,
        )
        return done.oid, done.pr_url

    try:
        return ask_hub(commit, repo, repeatable=not options.pr)
    except UserError:
        # A reply that was lost after the commit had landed: asked again, the Hub says that the head has moved.
        now = ask_hub(lambda: read_remote(api, kind, repo), repo)
        if options.pr or now.head in (None, remote.head) or compare(upload.files, now.hashes, upload.managed):
            raise
        return str(now.head), None


def _create(api: Any, upload: Upload, options: PushOptions) -> None:
    arguments: dict[str, Any] = {"repo_type": upload.kind, "private": not options.public, "exist_ok": True}
    if upload.space_sdk:
        arguments["space_sdk"] = upload.space_sdk
    if upload.space_hardware:
        arguments["space_hardware"] = upload.space_hardware
    ask_hub(lambda: api.create_repo(options.repo, **arguments), options.repo)


def _read_back(api: Any, upload: Upload, repo: str, commit: str) -> None:
    hashes = ask_hub(lambda: remote_hashes(api, upload.kind, repo, commit), repo)
    difference = compare(upload.files, hashes)
    if difference:
        names = ", ".join([*difference.added, *difference.changed][:5])
        raise UserError(f"{repo} does not hold {names} as sent after the upload; no tag was set: push again")
