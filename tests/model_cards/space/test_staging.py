"""What goes to the Hub as the demo's Space: enough to run there, and nothing that is nobody's business."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
import yaml

from dataset_builder.core.errors import UserError
from model_cards.space.staging import FOR_CHECKPOINTS, LIGHT, SpaceOptions, stage_space
from tests.support.imports import imported_from

IMPORT_NAMES = {"pyyaml": "yaml", "genai-prices": "genai_prices"}
NOT_ON_THE_PAGE = {"vllm", "trl", "pyarrow", "_typeshed"}  # other kinds, training, datasets' own
OF_THE_SPACE = {"gradio", "spaces"}  # the SDK, and ZeroGPU's package


@pytest.fixture
def space(tmp_path: Path) -> Path:
    """A folder with what `push-space` would send."""
    staging, folder = tmp_path / "staging", tmp_path / "space"
    staging.mkdir()
    for name, path in stage_space(SpaceOptions(), staging).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(path.read_bytes())
    return folder


def test_the_spaces_own_files_hold_no_test_and_no_local_path(space: Path) -> None:
    names = {path.relative_to(space).as_posix() for path in space.rglob("*") if path.is_file()}
    assert {"app.py", "README.md", "requirements.txt", "space.yaml", "model_cards/space/demo.py"} <= names
    assert not [name for name in names if name.startswith("tests/") or "__pycache__" in name]
    card = (space / "README.md").read_text()
    for line in ("sdk: gradio", "app_file: app.py", "license: apache-2.0", "suggested_hardware: zero-a10g"):
        assert line in card
    assert "ZeroGPU: on the Hub" in card
    assert "no language model" in card or "without a language model" in card
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
    assert imported_from("model_cards.space.app") - installed - NOT_ON_THE_PAGE - OF_THE_SPACE == set()


def test_a_static_space_is_a_page_of_recorded_pairs_that_needs_nothing(evaluation: Path, tmp_path: Path) -> None:
    files = stage_space(
        SpaceOptions(runtime="static", results=str(evaluation), title="Physics: step by step"), tmp_path
    )
    assert sorted(files) == ["README.md", "index.html"]
    card = files["README.md"].read_text()
    values = yaml.safe_load(card.split("---\n")[1])
    assert (values["sdk"], values["app_file"], values["license"]) == ("static", "index.html", "apache-2.0")
    assert values["title"] == "Physics: step by step"
    assert "nothing runs, no hardware, no key, no paid plan" in card
    assert "recorded on 2026-11-20" in card


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "name their evaluation's output with --results"),
        ({"results": "{own}"}, "licence of the problems is not known: give --licence"),
    ],
)
def test_a_static_space_of_own_problems_claims_no_licence(
    evaluation: Path, tmp_path: Path, given: dict[str, str], message: str
) -> None:
    for path in (evaluation / "results").glob("*.json"):
        path.write_text(path.read_text().replace('"source": "micro_gsm"', '"source": "physics"'))
    options = {key: value.format(own=evaluation) for key, value in given.items()}
    with pytest.raises(UserError, match=message):
        stage_space(SpaceOptions(runtime="static", **options), tmp_path)


def test_a_space_cannot_reach_a_folder_of_this_machine(tmp_path: Path) -> None:
    for local in ({"decomposers": ["checkpoint:outputs/bc"]}, {"solver": "transformers:outputs/solver"}):
        with pytest.raises(UserError, match="a Space cannot reach the folder outputs/"):
            stage_space(SpaceOptions(**local), tmp_path)
