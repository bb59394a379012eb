"""What pip installs: small without its extras, whole without the checkout, and of one version everywhere."""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from dataset_builder.door.extras import DISTRIBUTION, EXTRAS
from tests.conftest import ROOT
from tests.support.house import PACKAGES

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SECTION = re.compile(r"^## \[?([\w.]+)\]?(?: - (\d{4}-\d\d-\d\d))?", re.MULTILINE)
LEFT_OUT = (".png", ".md")
"""Figures and manuals of the repository."""


def required(names: list[str]) -> Iterator[Requirement]:
    """The requirements, those of our own extras included."""
    for requirement in map(Requirement, names):
        if requirement.name != DISTRIBUTION:
            yield requirement
        for extra in sorted(requirement.extras) if requirement.name == DISTRIBUTION else []:
            yield from required(PROJECT["optional-dependencies"][extra])


def test_the_base_install_needs_no_torch_and_each_extra_says_what_it_brings() -> None:
    base = {item.name for item in required(PROJECT["dependencies"])}
    assert not base & {name for names in EXTRAS.values() for name in names}
    for extra, packages in EXTRAS.items():
        brought = {item.name.replace("-", "_") for item in required(PROJECT["optional-dependencies"][extra])}
        assert set(packages) <= {*brought, "liger_kernel"}, extra


def test_the_lock_holds_what_the_project_asks_for() -> None:
    lines = [line for line in (ROOT / "requirements.lock").read_text("utf-8").splitlines() if line[0] != "#"]
    locked = {re.sub(r"[-_.]+", "-", name).lower(): version for name, _, version in (x.partition("==") for x in lines)}
    wanted = list(required([*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]))
    assert len(wanted) > 30
    for item in wanted:
        version = locked.get(re.sub(r"[-_.]+", "-", item.name).lower())
        if item.name != "torch":  # installed first, see the Makefile
            assert version is not None, f"{item.name} is not in requirements.lock"
            assert item.specifier.contains(version), f"{item} and requirements.lock's {version}"


def test_version_changelog_and_citation_agree() -> None:
    """Between releases the version ends with .dev0; a release is named in all three."""
    version = PROJECT["version"]
    sections = SECTION.findall((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert sections[0][0] == "Unreleased", "CHANGELOG.md begins with ## [Unreleased]"
    if version.endswith(".dev0"):
        assert version.removesuffix(".dev0") not in [name for name, _ in sections], "released: take .dev0 off"
        return
    assert sections[1][0] == version, f"CHANGELOG.md has no ## [{version}] - DATE behind [Unreleased]"
    assert (citation.get("version"), str(citation.get("date-released"))) == sections[1]


def test_no_address_is_invented() -> None:
    cited = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert [url for url in PROJECT["urls"].values() if url not in cited] == []
    assert [author["name"] in cited for author in PROJECT["authors"]] == [True]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(sdist, the wheel that is built of it), of the files that git knows."""
    place = tmp_path_factory.mktemp("built")
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in filter(None, files.decode().split("\0")):
        if (ROOT / name).is_file():
            (place / "source" / name).parent.mkdir(parents=True, exist_ok=True)
            (place / "source" / name).write_bytes((ROOT / name).read_bytes())
    backend = "import sys; from setuptools import build_meta; getattr(build_meta, sys.argv[1])(sys.argv[2])"

    def build(kind: str, source: Path, pattern: str) -> Path:
        command = [sys.executable, "-c", backend, f"build_{kind}", str(place)]
        done = subprocess.run(command, cwd=source, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        (path,) = place.glob(pattern)
        return path

    sdist = build("sdist", place / "source", "*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(place / "unpacked", filter="data")
    (unpacked,) = (place / "unpacked").iterdir()
    return sdist, build("wheel", unpacked, "*.whl")


@pytest.fixture(scope="module")
def installed(built: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Runs a program of a new environment that holds the wheel, in an empty folder; the libraries are ours, linked."""
    place = tmp_path_factory.mktemp("installed")
    venv.create(place / "venv", with_pip=False)
    python = place / "venv" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, str(built[1])], check=True)
    found = subprocess.run(
        [python, "-c", "import site; print(site.getsitepackages()[0])"], capture_output=True, text=True
    )
    Path(found.stdout.strip(), "libraries.pth").write_text(sysconfig.get_paths()["purelib"], encoding="utf-8")
    (place / "work").mkdir()
    environment = {"PATH": str(python.parent), "HOME": str(place), "HF_HOME": str(place / "hf"), "HF_HUB_OFFLINE": "1"}

    def run(program: str, *words: str) -> str:
        command = [str(python.with_name(program)), *words]
        done = subprocess.run(command, cwd=place / "work", env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.mark.slow
def test_the_wheel_holds_every_file_that_the_packages_read(built: tuple[Path, Path]) -> None:
    tracked = subprocess.run(["git", "ls-files", *PACKAGES], cwd=ROOT, capture_output=True, text=True, check=True)
    with zipfile.ZipFile(built[1]) as wheel:
        missing = {name for name in tracked.stdout.split() if (ROOT / name).is_file()} - set(wheel.namelist())
        assert [name for name in missing if not name.endswith(LEFT_OUT)] == []
        assert [name for name in wheel.namelist() if name.startswith("tests")] == []
        (metadata,) = (name for name in wheel.namelist() if name.endswith("METADATA"))
        text = wheel.read(metadata).decode()
    assert f"\nVersion: {PROJECT['version']}\n" in text
    assert "\nRequires-Dist: torch" in text
    assert all("extra ==" in line for line in text.splitlines() if line.startswith("Requires-Dist: torch"))


@pytest.mark.slow
def test_without_the_checkout_problems_become_a_dataset_and_scores(installed: Callable[..., str]) -> None:
    assert installed("subq", "--version") == f"subq {PROJECT['version']}\n"
    where = "import recipes, model_cards; print(recipes.__file__, model_cards.__file__)"
    assert str(ROOT) not in installed("python", "-c", where)
    generated = installed(
        "subq", "generate", "--config", "dataset_builder/configs/demo.yaml", "--limit", "6", "--output", "generated"
    )
    assert "next: subq build --generation generated" in generated
    assert "6 problems, 18 sets" in installed("subq", "build", "--generation", "generated", "--output", "mine-subq")
    table = installed(
        "subq", "run", "--config", "eval_harness/configs/micro_gsm.yaml", "--limit", "6", "--output", "scores"
    )
    assert "| reference" in table
    recipe = installed("subq", "train", "--recipe", "gpt2/bc_full", "--print_config")
    assert yaml.safe_load(recipe)["backbone"] == "openai-community/gpt2"
    assert "model_cards.cards" in installed(
        "python", "-c", "import model_cards.demo as d; print(d.steps(d.DemoConfig()))"
    )
