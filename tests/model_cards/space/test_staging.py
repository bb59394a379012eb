"""What goes to the Hub as the demo's Space: enough to run there, and nothing that is nobody's business."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
import yaml

from model_cards.space.config import SpaceConfig
from model_cards.space.staging import FOR_CHECKPOINTS, LIGHT, stage_space
from tests.support.imports import imported_from

IMPORT_NAMES = {"pyyaml": "yaml", "genai-prices": "genai_prices"}
NOT_ON_THE_PAGE = {"vllm", "trl", "pyarrow", "_typeshed", "gradio"}  # other kinds, training, datasets' own; the SDK


@pytest.fixture
def space(tmp_path: Path) -> Path:
    """A folder with what `push-space` would send."""
    staging, folder = tmp_path / "staging", tmp_path / "space"
    staging.mkdir()
    for name, path in stage_space(SpaceConfig(), [], staging).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(path.read_bytes())
    return folder


def test_the_spaces_own_files_hold_no_test_and_no_local_path(space: Path) -> None:
    names = {path.relative_to(space).as_posix() for path in space.rglob("*") if path.is_file()}
    assert {"app.py", "README.md", "requirements.txt", "space.yaml", "model_cards/space/demo.py"} <= names
    assert not [name for name in names if name.startswith("tests/") or "__pycache__" in name]
    card = (space / "README.md").read_text()
    for line in ("sdk: gradio", "sdk_version: 6.", "app_file: app.py", "license: apache-2.0"):
        assert line in card
    values = yaml.safe_load(card.split("---\n")[1])
    assert {values["colorFrom"], values["colorTo"]} <= {
        "red",
        "yellow",
        "green",
        "blue",
        "indigo",
        "purple",
        "pink",
        "gray",
    }
    assert len(values["short_description"]) <= 60  # the Hub's limit
    assert str(Path.home()) not in card


def test_every_package_that_the_page_can_import_is_installed_on_the_space() -> None:
    try:
        with_gradio = [re.split(r"[^\w-]", line)[0] for line in requires("gradio") or []]
    except PackageNotFoundError:
        pytest.skip("gradio is not installed: the extra `space`")
    installed = {IMPORT_NAMES.get(name, name.replace("-", "_")) for name in (*LIGHT, *FOR_CHECKPOINTS, *with_gradio)}
    assert imported_from("model_cards.space.app") - installed - NOT_ON_THE_PAGE == set()
