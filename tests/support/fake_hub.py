"""A Hub of one process on a loopback port, enough for the real clients: models, datasets, Spaces and collections.

Knows: create, repo info, preupload, LFS batch / upload / verify, commit, pull request, tree, paths-info, refs, tags,
resolve (HEAD and ranges), whoami, validate-yaml, collections. Everything lives in memory. A private repository is
hidden from a client without a token; PR_TOKEN may read and open pull requests, and nothing else. Faults on request: a
status; "drop" to close the connection in the middle of a reply; "lose" to do what is asked, then drop; "serve" to do
it after something else happened.

    with FakeHub() as hub:
        hub.faults.append(Fault("POST", r"/commit/", 500, times=1))
        subprocess.run([...], env=hub.client_env(tmp_path))     # clients read HF_ENDPOINT when imported: a subprocess
        hub.repos["dataset", "org/name"].files("main")          # {"README.md": b"...", ...}
"""

from __future__ import annotations

import base64
import dataclasses
import json
import os
import re
import threading
import urllib.parse
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.support.fake_collections import Collections
from tests.support.fake_repo import Repo, file_entry, folders_of, listing, ref_entry, sha256_of, upload_mode

TOKEN = "hf_loopback"
PR_TOKEN = "hf_pull_requests_only"
Match = dict[str, Any]
_KIND = r"(?P<kind>models|datasets|spaces)"
_REPO = r"(?P<repo>[^/]+/[^/]+)"


@dataclasses.dataclass
class Fault:
    """Answers the next `times` requests that match with `status` (or a dropped connection) instead."""

    method: str
    path: str
    status: int | str
    times: int = 1
    meanwhile: Callable[[], object] = lambda: None  # with "lose" or "serve": happens just before
    headers: dict[str, str] = dataclasses.field(default_factory=dict)


class FakeHub:
    """The server, running in a thread while the `with` block lasts."""

    def __init__(self) -> None:
        self.repos: dict[tuple[str, str], Repo] = {}
        self.collections: dict[str, dict[str, Any]] = {}
        self.lfs: dict[str, bytes] = {}
        self.faults: list[Fault] = []
        self.requests: list[str] = []
        self.lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.hub = self  # type: ignore[attr-defined]
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> FakeHub:
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


class _Handler(Collections, BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Any
    lost = False

    def log_message(self, format: str, *args: Any) -> None:
        return

    def _serve(self) -> None:
        hub: FakeHub = self.server.hub
        quoted, _, self.query = self.path.partition("?")
        path = urllib.parse.unquote(quoted)
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with hub.lock:
            hub.requests.append(f"{self.command} {path}")
            fault = next((f for f in hub.faults if f.method == self.command and re.search(f.path, path)), None)
            if fault is not None:
                fault.times -= 1
                hub.faults = [f for f in hub.faults if f.times > 0]
                fault.meanwhile()
                if fault.status not in ("lose", "serve"):
                    return self._fail(fault)
                self.lost = fault.status == "lose"
            for methods, pattern, action in _ROUTES:
                match = re.fullmatch(pattern, quoted)  # a slash in a revision is quoted: refs%2Fpr%2F1
                if match and self.command in methods:
                    return action(self, hub, _unquoted(match))
        self._reply({"error": f"no such path {path}"}, 404)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _serve

    def _fail(self, fault: Fault) -> None:
        if fault.status == "drop":
            return self._drop()
        self._reply({"error": f"fault {fault.status}"}, int(fault.status), fault.headers)

    def _drop(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
        self.close_connection = True

    def _reply(self, value: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        if self.lost:
            return self._drop()
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

    @property
    def _token(self) -> str:
        return str(self.headers.get("Authorization", "")).removeprefix("Bearer ")

    def _may_write(self) -> bool:
        """Whether the token may write; answers 401 or 403 where it may not."""
        if self._token == TOKEN:
            return True
        known = self._token == PR_TOKEN
        self._reply({"error": "Forbidden" if known else "Invalid credentials"}, 403 if known else 401)
        return False

    def _repo(self, hub: FakeHub, match: Match) -> Repo | None:
        kind = match.get("kind") or (match["prefix"] or "models/").rstrip("/")
        result = hub.repos.get((kind.removesuffix("s"), match["repo"]))
        if result is None or (result.private and self._token not in (TOKEN, PR_TOKEN)):
            self._missing("RepoNotFound", 401 if result else 404)
            return None
        return result

    def whoami(self, hub: FakeHub, match: Match) -> None:
        if self._token not in (TOKEN, PR_TOKEN):
            return self._reply({"error": "Invalid credentials"}, 401)
        self._reply({"type": "user", "name": "tester", "orgs": [{"name": "org"}], "auth": {"type": "access_token"}})

    def validate_yaml(self, hub: FakeHub, match: Match) -> None:
        self._reply({"errors": [], "warnings": []})

    def create(self, hub: FakeHub, match: Match) -> None:
        if not self._may_write():
            return
        asked = json.loads(self.body)
        name = f"{asked.get('organization') or 'tester'}/{asked['name']}"
        key = (asked.get("type") or "model", name)
        status = 409 if key in hub.repos else 200
        hub.repos.setdefault(key, Repo(asked.get("visibility") == "private", asked.get("sdk"), asked.get("hardware")))
        prefix = "" if key[0] == "model" else f"{key[0]}s/"
        self._reply({"url": f"{hub.url}/{prefix}{name}", "id": name, "name": name}, status)

    def info(self, hub: FakeHub, match: Match) -> None:
        if (repo := self._repo(hub, match)) is None:
            return
        oid = repo.commit_of(match["revision"] or "main")
        if oid is None:
            return self._missing("RevisionNotFound")
        siblings = [{"rfilename": name} for name in sorted(repo.commits[oid])]
        facts = {"_id": oid[:24], "id": match["repo"], "sha": oid, "siblings": siblings, "private": repo.private}
        facts |= {"sdk": repo.sdk} if repo.sdk else {}
        self._reply(facts | {"tags": [], "downloads": 0, "likes": 0, "gated": False, "disabled": False})

    def refs(self, hub: FakeHub, match: Match) -> None:
        if (repo := self._repo(hub, match)) is None:
            return
        branches = [ref_entry("heads", name, oid) for name, oid in repo.branches.items()]
        tags = [ref_entry("tags", name, oid) for name, oid in repo.tags.items()]
        self._reply({"branches": branches, "converts": [], "tags": tags, "pullRequests": []})

    def tag(self, hub: FakeHub, match: Match) -> None:
        if (repo := self._repo(hub, match)) is None:
            return
        name, oid = json.loads(self.body)["tag"], repo.commit_of(match["revision"])
        if not self._may_write():
            return
        if name in repo.tags:
            return self._reply({"error": "Tag reference exists already"}, 409)
        if oid is None:
            return self._missing("RevisionNotFound")
        repo.tags[name] = oid
        self._reply({})

    def preupload(self, hub: FakeHub, match: Match) -> None:
        if self._repo(hub, match) is None:
            return
        files = [
            {"path": file["path"], "uploadMode": upload_mode(file["path"]), "shouldIgnore": False, "oid": None}
            for file in json.loads(self.body)["files"]
        ]
        self._reply({"files": files})

    def lfs_batch(self, hub: FakeHub, match: Match) -> None:
        objects: list[dict[str, Any]] = []
        for wanted in json.loads(self.body)["objects"]:
            entry = {"oid": wanted["oid"], "size": wanted["size"]}
            if wanted["oid"] not in hub.lfs:
                entry["actions"] = {"upload": {"href": f"{hub.url}/lfs/{wanted['oid']}", "header": {}}}
            objects.append(entry)
        self._reply(
            {"transfer": "basic", "objects": objects}, headers={"Content-Type": "application/vnd.git-lfs+json"}
        )

    def lfs_upload(self, hub: FakeHub, match: Match) -> None:
        if sha256_of(self.body) != match["oid"]:
            return self._reply({"error": "sha256 differs"}, 422)
        hub.lfs[match["oid"]] = self.body
        self._reply({})

    def commit(self, hub: FakeHub, match: Match) -> None:
        if (repo := self._repo(hub, match)) is None:
            return
        opens_pr = "create_pr=1" in self.query
        if not opens_pr and not self._may_write():
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
        number = sum(name.startswith("refs/pr/") for name in repo.branches) + 1
        oid = repo.commit(f"refs/pr/{number}" if opens_pr else match["revision"], files)
        index = f"{hub.url}/{'' if match['kind'] == 'models' else match['kind'] + '/'}{match['repo']}"
        reply = {"success": True, "commitOid": oid, "commitUrl": f"{index}/commit/{oid}"}
        self._reply(reply | ({"pullRequestUrl": f"{index}/discussions/{number}"} if opens_pr else {}))

    def tree(self, hub: FakeHub, match: Match) -> None:
        if (repo := self._repo(hub, match)) is None:
            return
        if repo.commit_of(match["revision"]) is None:
            return self._missing("RevisionNotFound")
        files, under = repo.files(match["revision"]), (match["path"] or "").strip("/")
        prefix = f"{under}/" if under else ""
        recursive = "recursive=true" in self.query.lower() or "recursive=1" in self.query
        result = [file_entry(name, files) for name in listing(files, prefix, recursive)]
        if not result and under:
            return self._missing("EntryNotFound")
        self._reply(result)

    def paths_info(self, hub: FakeHub, match: Match) -> None:
        if (repo := self._repo(hub, match)) is None:
            return
        if repo.commit_of(match["revision"]) is None:
            return self._missing("RevisionNotFound")
        text = self.body.decode()
        paths = json.loads(text)["paths"] if text.startswith("{") else urllib.parse.parse_qs(text).get("paths", [])
        files = repo.files(match["revision"])
        known = [*files, *folders_of(files)]
        self._reply([file_entry(path, files) for path in paths if path in known])

    def resolve(self, hub: FakeHub, match: Match) -> None:
        if (repo := self._repo(hub, match)) is None:
            return
        oid = repo.commit_of(match["revision"])
        if oid is None:
            return self._missing("RevisionNotFound")
        if match["path"] not in repo.commits[oid]:
            return self._reply({}, 404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": oid})
        data = repo.commits[oid][match["path"]]
        etag = f'"{sha256_of(data)}"'
        headers = {"ETag": etag, "X-Repo-Commit": oid, "Accept-Ranges": "bytes", "X-Linked-Etag": etag}
        headers |= {"X-Linked-Size": str(len(data)), "Content-Type": "application/octet-stream"}
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if not wanted:
            return self._reply(data, headers=headers)
        start, end = int(wanted[1]), min(int(wanted[2] or len(data) - 1), len(data) - 1)
        headers["Content-Range"] = f"bytes {start}-{end}/{len(data)}"
        self._reply(data[start : end + 1], 206, headers)


def _unquoted(match: re.Match[str]) -> Match:
    return {name: text and urllib.parse.unquote(text) for name, text in match.groupdict().items()}


_Route = tuple[tuple[str, ...], str, Callable[[_Handler, FakeHub, Match], None]]
_REVISION = r"(?P<revision>.+?)"
_ROUTES: list[_Route] = [
    (("GET",), r"/api/whoami-v2", _Handler.whoami),
    (("POST",), r"/api/validate-yaml", _Handler.validate_yaml),
    (("POST",), r"/api/repos/create", _Handler.create),
    (("POST",), r"/api/collections", _Handler.create_collection),
    (("GET",), r"/api/collections", _Handler.collections),
    (("GET",), r"/api/collections/(?P<slug>[^/]+/[^/]+)", _Handler.collection),
    (("POST",), r"/api/collections/(?P<slug>[^/]+/[^/]+)/items", _Handler.add_to_collection),
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
