"""Pushes with the real client, in a subprocess, to a Hub on loopback."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dataset_builder.build.config import BuildConfig
from dataset_builder.build.dataset import build_dataset
from dataset_builder.core.errors import UserError
from dataset_builder.push.__main__ import main
from dataset_builder.push.dataset import verify_rows
from tests.support.fake_hub import PR_TOKEN, FakeHub, Fault
from tests.support.fake_repo import Repo
from tests.support.raw_sets import make_sets, write_journal

ROOT = Path(__file__).parents[3]
REPO = "org/gsm8k-ai-subq"
KEY = ("dataset", REPO)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("push")
    journal = write_journal(target / "journal", make_sets())
    build_dataset(BuildConfig(journal=str(journal), output=str(target / "gsm8k-ai-subq"), validation_fraction=0.2))
    return target / "gsm8k-ai-subq"


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "gsm8k-ai-subq"))


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with FakeHub() as hub:
        yield hub


def push(hub: FakeHub, folder: Path, *arguments: str, **client: Any) -> subprocess.CompletedProcess[str]:
    env = hub.client_env(folder.parent / "home", **client)
    command = [sys.executable, "-m", "dataset_builder.push", "--folder", str(folder), "--repo", REPO, *arguments]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)


def test_dry_run_shows_the_diff_and_sends_nothing(hub: FakeHub, folder: Path) -> None:
    done = push(hub, folder, "--tag", "v1.0.0")
    assert done.returncode == 0, done.stderr
    assert "+ data/default/test-00000-of-00001.parquet" in done.stdout
    assert "rows: default/test 0 -> 5" in done.stdout
    assert f"dataset {REPO}: new, private" in done.stdout
    assert "dry run" in done.stdout
    assert hub.repos == {}
    assert hub.count("^(POST|PUT)") == 0


def test_dry_run_without_a_network_shows_every_file_and_ends_soon(hub: FakeHub, folder: Path) -> None:
    env = hub.client_env(folder.parent / "home") | {"HF_ENDPOINT": "http://127.0.0.1:9"}
    command = [sys.executable, "-m", "dataset_builder.push", "--folder", str(folder), "--repo", REPO]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "the Hub cannot be asked (ConnectError" in done.stdout
    assert "+ data/default/test-00000-of-00001.parquet" in done.stdout
    assert "rows: default/test 5\n" in done.stdout
    assert "dry run: nothing was sent" in done.stdout


def test_push_is_one_tagged_commit_that_load_dataset_reads_back(hub: FakeHub, folder: Path, tmp_path: Path) -> None:
    done = push(hub, folder, "--tag", "v1.0.0", "--yes", "--public")
    assert done.returncode == 0, done.stderr
    repo = hub.repos[KEY]
    assert not repo.private
    assert len(repo.commits) == 2
    assert repo.tags == {"v1.0.0": repo.branches["main"]}
    card = repo.files()["README.md"].decode()
    assert card.split("---\n")[1] == (folder / "README.md").read_text().split("---\n")[1]
    assert f'load_dataset("{REPO}")' in card
    assert f"--dataset_name {REPO}" in card
    assert f"inspect eval hf/{REPO}" in card
    code = (
        "from dataset_builder.dataset_folder.load import load_subq\n"
        f"from datasets import load_dataset\nprint(len(load_dataset({REPO!r})['test']))\n"
        f"print(len(load_subq('preference', 'train', {REPO!r}, revision='v1.0.0')) > 10)\n"
        "from dataset_builder.core.errors import UserError\n"
        "for wrong in (('nonsense', 'train'), ('preference', 'test')):\n"
        f"    try: load_subq(*wrong, {REPO!r})\n"
        "    except UserError as error: print(error)\n"
    )
    env = hub.client_env(tmp_path / "clean", token=None)
    read = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True)
    assert read.returncode == 0, read.stderr
    lines = read.stdout.splitlines()
    assert lines[:2] == ["5", "True"]
    assert "it has default, raw" in lines[2]
    assert "it has train, validation" in lines[3]


def test_dataset_on_the_hub_with_another_schema_is_refused(hub: FakeHub, folder: Path, tmp_path: Path) -> None:
    assert push(hub, folder, "--yes", "--public").returncode == 0
    repo = hub.repos[KEY]
    old = repo.files()["facts.json"].replace(b'"schema_version": "1.0.0"', b'"schema_version": "0.9.0"')
    repo.commit("main", repo.files() | {"facts.json": old})
    code = f"from dataset_builder.dataset_folder.load import load_subq\nload_subq('default', 'test', {REPO!r})"
    env = hub.client_env(tmp_path / "clean", token=None)
    read = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True)
    assert f"{REPO} has schema 0.9.0, and this toolkit reads 1.0.0; name a revision" in read.stderr


def test_existing_tag_is_refused_before_anything_is_sent(hub: FakeHub, folder: Path) -> None:
    assert push(hub, folder, "--tag", "v1.0.0", "--yes").returncode == 0
    sent = hub.count("^(POST|PUT)")
    done = push(hub, folder, "--tag", "v1.0.0", "--yes")
    assert done.returncode == 2
    assert "has a tag v1.0.0 already" in done.stderr
    assert hub.count("^(POST|PUT)") == sent


def test_second_push_shows_added_changed_and_removed_and_does_only_that(hub: FakeHub, folder: Path) -> None:
    assert push(hub, folder, "--yes").returncode == 0
    hub.repos[KEY].commit("main", hub.repos[KEY].files() | {"data/old/train-0.parquet": b"x", "notes.txt": b"mine"})
    build_dataset(
        BuildConfig(
            journal=str(write_journal(folder.parent / "other", make_sets(8))),
            output=str(folder),
            validation_fraction=0.0,
        )
    )
    shown = push(hub, folder, "--yes").stdout
    assert "~ README.md" in shown
    assert "- data/old/train-0.parquet" in shown
    assert "- data/default/validation-00000-of-00001.parquet" in shown
    assert "notes.txt" not in shown
    files = hub.repos[KEY].files()
    assert "data/old/train-0.parquet" not in files
    assert files["notes.txt"] == b"mine"


def test_unchanged_folder_makes_no_commit_but_can_be_tagged(hub: FakeHub, folder: Path) -> None:
    assert push(hub, folder, "--yes").returncode == 0
    done = push(hub, folder, "--yes", "--tag", "v2")
    assert "no file differs" in done.stdout
    assert len(hub.repos[KEY].commits) == 2
    assert list(hub.repos[KEY].tags) == ["v2"]


def test_interrupted_upload_goes_on_without_sending_a_file_twice(hub: FakeHub, folder: Path) -> None:
    hub.faults.append(Fault("POST", "/commit/", 403))
    assert push(hub, folder, "--yes").returncode == 2
    uploads = hub.count("^PUT /lfs/")
    assert uploads > 0
    assert push(hub, folder, "--yes").returncode == 0
    assert hub.count("^PUT /lfs/") == uploads


@pytest.mark.parametrize("status", [500, 429, "drop"])
def test_failure_that_can_heal_is_asked_again(hub: FakeHub, folder: Path, status: int | str) -> None:
    hub.faults.append(Fault("POST", "/commit/", status, headers={"Retry-After": "0"}))
    done = push(hub, folder, "--yes")
    assert done.returncode == 0, done.stderr
    assert hub.repos[KEY].files()["facts.json"] == (folder / "facts.json").read_bytes()


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("/repos/create", 401, "the token is not valid"),
        ("/repos/create", 403, "may not write there"),
        ("/commit/", 412, "somebody else pushed"),
        ("/validate-yaml", 400, "the Hub refuses the card"),
    ],
)
def test_refusal_is_explained_in_one_line(
    hub: FakeHub, folder: Path, path: str, status: int | str, message: str
) -> None:
    hub.faults.append(Fault("POST", path, status, times=9))
    done = push(hub, folder, "--yes")
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_push_onto_a_head_that_moved_since_the_diff_is_refused(hub: FakeHub, folder: Path) -> None:
    assert push(hub, folder, "--yes").returncode == 0
    repo = hub.repos[KEY]
    (folder / "facts.json").write_text((folder / "facts.json").read_text() + "\n")
    hub.faults.append(
        Fault("POST", "/commit/", "serve", meanwhile=lambda: repo.commit("main", repo.files() | {"new": b"x"}))
    )
    done = push(hub, folder, "--yes")
    assert done.returncode == 2, done.stderr
    assert "somebody else pushed" in done.stderr
    assert repo.files()["new"] == b"x"


def test_token_that_may_only_open_pull_requests_is_told_so_and_then_opens_one(hub: FakeHub, folder: Path) -> None:
    assert push(hub, folder, "--yes").returncode == 0
    facts = folder / "facts.json"
    facts.write_text(facts.read_text() + "\n")
    refused = push(hub, folder, "--yes", token=PR_TOKEN)
    assert refused.returncode == 2
    assert "open a pull request (--pr)" in refused.stderr
    before = dict(hub.repos[KEY].branches)
    done = push(hub, folder, "--yes", "--pr", token=PR_TOKEN)
    assert done.returncode == 0, done.stderr
    assert f"/datasets/{REPO}/discussions/1" in done.stdout
    assert {name: hub.repos[KEY].branches[name] for name in before} == before
    assert hub.repos[KEY].files("refs/pr/1")["facts.json"] == facts.read_bytes()


def test_commit_whose_reply_was_lost_is_found_and_not_made_twice(hub: FakeHub, folder: Path) -> None:
    assert push(hub, folder, "--yes").returncode == 0
    (folder / "facts.json").write_text((folder / "facts.json").read_text() + "\n")
    hub.faults.append(Fault("POST", "/commit/", "lose"))
    done = push(hub, folder, "--yes", "--tag", "v1")
    assert done.returncode == 0, done.stderr
    assert len(hub.repos[KEY].commits) == 3
    assert hub.repos[KEY].tags == {"v1": hub.repos[KEY].branches["main"]}


@pytest.mark.parametrize(
    ("flags", "message"),
    [(["--pr", "--tag", "v1"], "--pr and --tag exclude each other"), (["--pr"], "does not exist, or is hidden")],
)
def test_pull_request_without_a_repository_or_with_a_tag_is_refused(
    hub: FakeHub, folder: Path, flags: list[str], message: str
) -> None:
    done = push(hub, folder, *flags)
    assert done.returncode == 2
    assert message in done.stderr


def test_dry_run_without_a_token_says_that_the_repository_may_be_hidden(hub: FakeHub, folder: Path) -> None:
    assert push(hub, folder, "--yes").returncode == 0
    shown = push(hub, folder, token=None).stdout
    assert "new, private (or hidden: there is no token to see it with)" in shown


def test_missing_token_says_where_to_get_one(hub: FakeHub, folder: Path) -> None:
    done = push(hub, folder, "--yes", token=None)
    assert done.returncode == 2
    assert "hf auth login" in done.stderr
    assert hub.repos == {}


def test_file_spoilt_on_the_way_is_noticed_and_nothing_is_tagged(hub: FakeHub, folder: Path) -> None:
    other = folder.parent / "short"
    journal = write_journal(folder.parent / "other", make_sets(8))
    build_dataset(BuildConfig(journal=str(journal), output=str(other), validation_fraction=0.0))
    short = (other / "data" / "raw" / "test-00000-of-00001.parquet").read_bytes()
    hub.repos[KEY] = Repo()
    commit = Repo.commit
    lost = {"data/raw/test-00000-of-00001.parquet": short}
    hub.repos[KEY].commit = lambda branch, files: commit(hub.repos[KEY], branch, files | lost)
    done = push(hub, folder, "--yes", "--tag", "v1")
    assert done.returncode == 2
    assert "does not hold data/raw/test-00000-of-00001.parquet as sent" in done.stderr
    assert hub.repos[KEY].tags == {}


def test_row_counts_that_the_hub_does_not_hold_are_named() -> None:
    class Files:
        endpoint, token = "http://127.0.0.1:1", None

    facts = {"configs": {"raw": {"test": {"rows": 5, "files": []}}}}
    with pytest.raises(UserError, match="holds 0 rows of raw/test instead of 5"):
        verify_rows(Files(), REPO, "c" * 40, facts)


@pytest.mark.parametrize("secret", ["hf_" + "a" * 34, "/home/somebody/runs", "sk-" + "b" * 40])
def test_secret_in_a_file_is_refused_before_the_hub_is_asked(hub: FakeHub, folder: Path, secret: str) -> None:
    facts = folder / "facts.json"
    facts.write_text(facts.read_text().replace('"name": "', f'"note": "{secret}", "name": "', 1))
    done = push(hub, folder, "--yes")
    assert done.returncode == 2
    assert "facts.json holds" in done.stderr
    assert secret not in done.stderr
    assert hub.requests == []


def test_folder_of_others_and_bad_name_are_refused(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--folder", str(tmp_path), "--repo", REPO]) == 2
    assert main(["--folder", str(folder), "--repo", "no-namespace"]) == 2
    assert "org/name" in capsys.readouterr().err
