"""A Hub of one process on a loopback port, enough for the real client libraries: repositories of models and datasets.

Knows: create, repo info, preupload, LFS batch / upload / verify, commit, tree, paths-info, refs, tags, resolve (HEAD
and ranges), whoami, validate-yaml. Repositories live in memory. Faults are served on request: a status, or "drop" to
close the connection in the middle of a reply.

    with LoopbackHub() as hub:
        hub.faults.append(Fault("POST", r"/commit/", 500, times=1))
        subprocess.run([...], env=hub.client_env(tmp_path))     # clients read HF_ENDPOINT when imported: a subprocess
        hub.repos["dataset", "org/name"].files("main")          # {"README.md": b"...", ...}
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import os
import re
import threading
import urllib.parse
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

TOKEN = "hf_loopback"
LFS_SUFFIXES = (".parquet", ".safetensors", ".png", ".bin", ".arrow")
_KIND = r"(?P<kind>models|datasets|spaces)"
_REPO = r"(?P<repo>[^/]+/[^/]+)"


@dataclasses.dataclass
class Fault:
    """Answers the next `times` requests that match with `status` (or a dropped connection) instead."""

    method: str
    path: str
    status: int | str
    times: int = 1
    headers: dict[str, str] = dataclasses.field(default_factory=dict)


class Repo:
    """One repository: its commits (each a whole tree), branches and tags."""

    def __init__(self, private: bool = False) -> None:
        self.private = private
        self.commits: dict[str, dict[str, bytes]] = {"0" * 40: {}}
        self.branches = {"main": "0" * 40}
        self.tags: dict[str, str] = {}

    def commit_of(self, revision: str) -> str | None:
        oid = self.branches.get(revision) or self.tags.get(revision) or revision
        return oid if oid in self.commits else None

    def files(self, revision: str = "main") -> dict[str, bytes]:
        oid = self.commit_of(revision)
        return dict(self.commits[oid]) if oid else {}

    def commit(self, branch: str, files: dict[str, bytes]) -> str:
        text = json.dumps([len(self.commits), sorted((name, _sha256(data)) for name, data in files.items())])
        oid = hashlib.sha1(text.encode()).hexdigest()
        self.commits[oid] = files
        self.branches[branch] = oid
        return oid


class LoopbackHub:
    """The server, running in a thread while the `with` block lasts."""

    def __init__(self) -> None:
        self.repos: dict[tuple[str, str], Repo] = {}
        self.lfs: dict[str, bytes] = {}
        self.faults: list[Fault] = []
        self.requests: list[str] = []
        self.lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.hub = self  # type: ignore[attr-defined]
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> LoopbackHub:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def client_env(self, home: Path, token: str | None = TOKEN) -> dict[str, str]:
        """The environment of a client process: this Hub, an empty HF_HOME, a token that is no real one."""
        dropped = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
        kept = {name: value for name, value in os.environ.items() if name not in dropped}
        given = {"HF_TOKEN": token} if token else {}
        return kept | given | {"HF_ENDPOINT": self.url, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1"}

    def count(self, pattern: str) -> int:
        """How many requests ("METHOD /path") matched so far."""
        return sum(bool(re.search(pattern, request)) for request in self.requests)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Any

    def log_message(self, format: str, *args: Any) -> None:
        return

    def _serve(self) -> None:
        hub: LoopbackHub = self.server.hub
        path, _, self.query = self.path.partition("?")
        path = urllib.parse.unquote(path)
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with hub.lock:
            hub.requests.append(f"{self.command} {path}")
            fault = next((f for f in hub.faults if f.method == self.command and re.search(f.path, path)), None)
            if fault is not None:
                fault.times -= 1
                hub.faults = [f for f in hub.faults if f.times > 0]
                return self._fail(fault)
            for methods, pattern, action in _ROUTES:
                match = re.fullmatch(pattern, path)
                if match and self.command in methods:
                    return action(self, hub, match)
        self._reply({"error": f"no such path {path}"}, 404)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _serve

    def _fail(self, fault: Fault) -> None:
        if fault.status == "drop":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
            self.close_connection = True
            return
        self._reply({"error": f"fault {fault.status}"}, int(fault.status), fault.headers)

    def _reply(self, value: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        for name, text in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _missing(self, code: str, status: int = 404) -> None:
        self._reply({"error": code}, status, {"X-Error-Code": code, "X-Error-Message": code})

    def _repo(self, hub: LoopbackHub, match: re.Match[str]) -> Repo | None:
        found = hub.repos.get((match["kind"].removesuffix("s"), match["repo"]))
        if found is None:
            self._missing("RepoNotFound")
        return found

    def whoami(self, hub: LoopbackHub, match: re.Match[str]) -> None:
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._reply({"error": "Invalid credentials"}, 401)
        self._reply({"type": "user", "name": "tester", "orgs": [{"name": "org"}], "auth": {"type": "access_token"}})

    def validate_yaml(self, hub: LoopbackHub, match: re.Match[str]) -> None:
        self._reply({"errors": [], "warnings": []})

    def create(self, hub: LoopbackHub, match: re.Match[str]) -> None:
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._reply({"error": "Invalid credentials"}, 401)
        asked = json.loads(self.body)
        name = f"{asked.get('organization') or 'tester'}/{asked['name']}"
        key = (asked.get("type") or "model", name)
        status = 409 if key in hub.repos else 200
        hub.repos.setdefault(key, Repo(bool(asked.get("private"))))
        prefix = "" if key[0] == "model" else f"{key[0]}s/"
        self._reply({"url": f"{hub.url}/{prefix}{name}", "id": name, "name": name}, status)

    def info(self, hub: LoopbackHub, match: re.Match[str]) -> None:
        if (repo := self._repo(hub, match)) is None:
            return
        oid = repo.commit_of(match["revision"] or "main")
        if oid is None:
            return self._missing("RevisionNotFound")
        siblings = [{"rfilename": name} for name in sorted(repo.commits[oid])]
        facts = {"_id": oid[:24], "id": match["repo"], "sha": oid, "siblings": siblings, "private": repo.private}
        self._reply(facts | {"tags": [], "downloads": 0, "likes": 0, "gated": False, "disabled": False})

    def refs(self, hub: LoopbackHub, match: re.Match[str]) -> None:
        if (repo := self._repo(hub, match)) is None:
            return
        branches = [_ref("heads", name, oid) for name, oid in repo.branches.items()]
        tags = [_ref("tags", name, oid) for name, oid in repo.tags.items()]
        self._reply({"branches": branches, "converts": [], "tags": tags, "pullRequests": []})

    def tag(self, hub: LoopbackHub, match: re.Match[str]) -> None:
        if (repo := self._repo(hub, match)) is None:
            return
        name, oid = json.loads(self.body)["tag"], repo.commit_of(match["revision"])
        if name in repo.tags:
            return self._reply({"error": "Tag reference exists already"}, 409)
        if oid is None:
            return self._missing("RevisionNotFound")
        repo.tags[name] = oid
        self._reply({})

    def preupload(self, hub: LoopbackHub, match: re.Match[str]) -> None:
        if self._repo(hub, match) is None:
            return
        files = [
            {"path": file["path"], "uploadMode": _mode(file["path"]), "shouldIgnore": False, "oid": None}
            for file in json.loads(self.body)["files"]
        ]
        self._reply({"files": files})

    def lfs_batch(self, hub: LoopbackHub, match: re.Match[str]) -> None:
        objects: list[dict[str, Any]] = []
        for wanted in json.loads(self.body)["objects"]:
            entry = {"oid": wanted["oid"], "size": wanted["size"]}
            if wanted["oid"] not in hub.lfs:
                entry["actions"] = {"upload": {"href": f"{hub.url}/lfs/{wanted['oid']}", "header": {}}}
            objects.append(entry)
        self._reply(
            {"transfer": "basic", "objects": objects}, headers={"Content-Type": "application/vnd.git-lfs+json"}
        )

    def lfs_upload(self, hub: LoopbackHub, match: re.Match[str]) -> None:
        if _sha256(self.body) != match["oid"]:
            return self._reply({"error": "sha256 differs"}, 422)
        hub.lfs[match["oid"]] = self.body
        self._reply({})

    def commit(self, hub: LoopbackHub, match: re.Match[str]) -> None:
        if (repo := self._repo(hub, match)) is None:
            return
        lines = [json.loads(line) for line in self.body.splitlines() if line.strip()]
        files = repo.files(match["revision"])
        for line in lines:
            value = line["value"]
            if line["key"] == "header":
                parent = value.get("parentCommit")
                if parent and parent != repo.branches.get(match["revision"]):
                    return self._reply({"error": "The branch has moved"}, 412)
            elif line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = hub.lfs[value["oid"]]
            elif line["key"] == "deletedFile":
                files.pop(value["path"])
        oid = repo.commit(match["revision"], files)
        self._reply({"success": True, "commitOid": oid, "commitUrl": f"{hub.url}/{match['repo']}/commit/{oid}"})

    def tree(self, hub: LoopbackHub, match: re.Match[str]) -> None:
        if (repo := self._repo(hub, match)) is None:
            return
        if repo.commit_of(match["revision"]) is None:
            return self._missing("RevisionNotFound")
        files, under = repo.files(match["revision"]), (match["path"] or "").strip("/")
        prefix = f"{under}/" if under else ""
        recursive = "recursive=true" in self.query.lower() or "recursive=1" in self.query
        found = [_entry(name, files) for name in _listing(files, prefix, recursive)]
        if not found and under:
            return self._missing("EntryNotFound")
        self._reply(found)

    def paths_info(self, hub: LoopbackHub, match: re.Match[str]) -> None:
        if (repo := self._repo(hub, match)) is None:
            return
        if repo.commit_of(match["revision"]) is None:
            return self._missing("RevisionNotFound")
        text = self.body.decode()
        paths = json.loads(text)["paths"] if text.startswith("{") else urllib.parse.parse_qs(text).get("paths", [])
        files = repo.files(match["revision"])
        known = [*files, *_folders(files)]
        self._reply([_entry(path, files) for path in paths if path in known])

    def resolve(self, hub: LoopbackHub, match: re.Match[str]) -> None:
        kind = (match["prefix"] or "models/").rstrip("/").removesuffix("s")
        repo = hub.repos.get((kind, match["repo"]))
        if repo is None:
            return self._missing("RepoNotFound")
        oid = repo.commit_of(match["revision"])
        if oid is None:
            return self._missing("RevisionNotFound")
        if match["path"] not in repo.commits[oid]:
            return self._reply({}, 404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": oid})
        data = repo.commits[oid][match["path"]]
        etag = f'"{_sha256(data)}"'
        headers = {"ETag": etag, "X-Repo-Commit": oid, "Accept-Ranges": "bytes", "X-Linked-Etag": etag}
        headers |= {"X-Linked-Size": str(len(data)), "Content-Type": "application/octet-stream"}
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if not wanted:
            return self._reply(data, headers=headers)
        start, end = int(wanted[1]), min(int(wanted[2] or len(data) - 1), len(data) - 1)
        headers["Content-Range"] = f"bytes {start}-{end}/{len(data)}"
        self._reply(data[start : end + 1], 206, headers)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _mode(path: str) -> str:
    return "lfs" if path.endswith(LFS_SUFFIXES) else "regular"


def _ref(kind: str, name: str, oid: str) -> dict[str, str]:
    return {"name": name, "ref": f"refs/{kind}/{name}", "targetCommit": oid}


def _folders(files: dict[str, bytes]) -> list[str]:
    return sorted({"/".join(name.split("/")[:depth]) for name in files for depth in range(1, name.count("/") + 1)})


def _listing(files: dict[str, bytes], prefix: str, recursive: bool) -> list[str]:
    names = sorted(name for name in [*files, *_folders(files)] if name.startswith(prefix))
    return [name for name in names if recursive or "/" not in name.removeprefix(prefix)]


def _entry(name: str, files: dict[str, bytes]) -> dict[str, Any]:
    if name not in files:
        return {"type": "directory", "oid": hashlib.sha1(name.encode()).hexdigest(), "size": 0, "path": name}
    data = files[name]
    blob = hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()
    entry = {"type": "file", "oid": blob, "size": len(data), "path": name}
    return entry | (
        {"lfs": {"oid": _sha256(data), "size": len(data), "pointerSize": 134}} if _mode(name) == "lfs" else {}
    )


_Route = tuple[tuple[str, ...], str, Callable[[_Handler, LoopbackHub, re.Match[str]], None]]
_REVISION = r"(?P<revision>.+?)"
_ROUTES: list[_Route] = [
    (("GET",), r"/api/whoami-v2", _Handler.whoami),
    (("POST",), r"/api/validate-yaml", _Handler.validate_yaml),
    (("POST",), r"/api/repos/create", _Handler.create),
    (("GET",), rf"/api/{_KIND}/{_REPO}/refs", _Handler.refs),
    (("POST",), rf"/api/{_KIND}/{_REPO}/tag/{_REVISION}", _Handler.tag),
    (("POST",), rf"/api/{_KIND}/{_REPO}/preupload/{_REVISION}", _Handler.preupload),
    (("POST",), rf"/api/{_KIND}/{_REPO}/commit/{_REVISION}", _Handler.commit),
    (("GET",), rf"/api/{_KIND}/{_REPO}/tree/(?P<revision>[^/]+)(?:/(?P<path>.*))?", _Handler.tree),
    (("POST",), rf"/api/{_KIND}/{_REPO}/paths-info/{_REVISION}", _Handler.paths_info),
    (("GET",), rf"/api/{_KIND}/{_REPO}(?:/revision/(?P<revision>[^/]+))?", _Handler.info),
    (("POST",), r"/(?:datasets/|spaces/)?[^/]+/[^/]+\.git/info/lfs/objects/batch", _Handler.lfs_batch),
    (("PUT",), r"/lfs/(?P<oid>[0-9a-f]{64})", _Handler.lfs_upload),
    (
        ("GET", "HEAD"),
        rf"/(?P<prefix>datasets/|spaces/)?{_REPO}/resolve/(?P<revision>[^/]+)/(?P<path>.+)",
        _Handler.resolve,
    ),
]
