"""Finds a source's file in the folder named by SUBQ_DATA, in the cache, or at its home; checks its sha256."""

from __future__ import annotations

import functools
import http.client
import os
import shutil
import urllib.error
import urllib.request
from pathlib import Path

from dataset_builder.core.errors import UserError
from dataset_builder.core.files import file_sha256, replaced_file
from dataset_builder.sources.source import Source, SourceFile

RAW_HOME = "https://raw.githubusercontent.com"
TIMEOUT_S = 60


def fetch_file(source: Source, file: SourceFile) -> Path:
    """The local path of a source's file: in SUBQ_DATA, in the cache, or downloaded into the cache.

    Raises:
        UserError: the file is out of reach, or its sha256 is not the pinned one.
    """
    folder = os.environ.get("SUBQ_DATA")
    if folder and (path := Path(folder) / file.local).is_file():
        _check(path, file)
        return path
    cached = _cache_folder() / source.name / (source.revision or "unpinned") / file.local
    if not cached.is_file():
        _download(source, file, cached)
    _check(cached, file)
    return cached


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "gsm8k-ai-subq"


@functools.cache
def _sha256(path: Path, size: int, modified_ns: int) -> str:
    return file_sha256(path)


def _check(path: Path, file: SourceFile) -> None:
    stat = path.stat()
    if file.sha256 and (actual := _sha256(path, stat.st_size, stat.st_mtime_ns)) != file.sha256:
        raise UserError(
            f"{path} is not the published file: expected sha256 {file.sha256[:12]}..., found {actual[:12]}...; "
            "delete it to download it again"
        )


def _download(source: Source, file: SourceFile, target: Path) -> None:
    """Fetches a file beside its place and moves it there when it is whole and right."""
    if not source.repository:
        raise UserError(
            f"{source.name} cannot be downloaded; put {file.local} (see {source.home}) into a folder and name that "
            "folder with SUBQ_DATA"
        )
    url = f"{RAW_HOME}/{source.repository}/{source.revision}/{file.remote}"
    try:
        with replaced_file(target) as output, urllib.request.urlopen(url, timeout=TIMEOUT_S) as reply:
            shutil.copyfileobj(reply, output)
            output.flush()
            _check(Path(output.name), file)
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        raise UserError(
            f"cannot download {url} ({getattr(error, 'reason', error)}); try again with a connection, or put the file "
            f"at {file.local} in a folder named by SUBQ_DATA"
        ) from error
