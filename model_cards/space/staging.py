"""The files of the demo's Space: the page, its options, its card, and the packages it runs on."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from dataset_builder.core.errors import UserError
from dataset_builder.core.hub_ids import is_on_hub
from dataset_builder.core.templates import render_template
from model_cards.space.config import WORLD, WORLD_SOLVER, PairConfig

ROOT = Path(__file__).parents[2]
HUB = Path(__file__).parent / "hub"
GRADIO = "6.31.0"  # the version this page was looked at with
PACKAGES = ("dataset_builder", "eval_harness", "recipes", "model_cards/space")
SUFFIXES = (".py", ".txt", ".json")
LIGHT = [
    "aiohttp",
    "charset-normalizer",
    "genai-prices",
    "httpx2",
    "huggingface_hub",
    "openai",
    "psutil",
    "pyyaml",
    "scipy",
    "tqdm",
]
FOR_CHECKPOINTS = ["accelerate", "datasets", "peft", "safetensors", "torch", "transformers"]


def stage_space(config: PairConfig, datasets: Sequence[str], staging: Path) -> dict[str, Path]:
    """Writes what is the Space's own, and gives all its files by their path in the repository.

    Raises:
        UserError: a decomposer is a local checkpoint.
    """
    import yaml

    models = [spec.partition(":")[2] for spec in config.decomposers if spec.startswith("checkpoint:")]
    if local := [name for name in models if not is_on_hub(name)]:
        raise UserError(f"a Space cannot reach the folder {local[0]}: push that checkpoint and name it by its Hub id")
    options = {field.name: getattr(config, field.name) for field in dataclasses.fields(PairConfig)}
    (staging / "space.yaml").write_text(yaml.safe_dump(options, sort_keys=False), encoding="utf-8")
    (staging / "README.md").write_text(space_card(config, models, datasets), encoding="utf-8")
    needed = [*LIGHT, *(FOR_CHECKPOINTS if models else ())]
    lines = [f"{name}=={version(name).partition('+')[0]}" for name in needed]
    (staging / "requirements.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    own = {name: staging / name for name in ("README.md", "requirements.txt", "space.yaml")}
    return (
        own | {"app.py": HUB / "app.py", "model_cards/__init__.py": ROOT / "model_cards" / "__init__.py"} | packages()
    )


def packages() -> dict[str, Path]:
    """The packages' files that run, by their path."""
    paths = (path for package in PACKAGES for path in sorted((ROOT / package).rglob("*")))
    kept = (path for path in paths if path.suffix in SUFFIXES and "__pycache__" not in path.parts)
    return {path.relative_to(ROOT).as_posix(): path for path in kept if HUB not in path.parents}


def space_card(config: PairConfig, models: Sequence[str], datasets: Sequence[str]) -> str:
    """The Space's README.md."""
    return render_template(
        HUB / "README.md.jinja",
        gradio=GRADIO,
        models=models,
        datasets=datasets,
        decomposers=config.decomposers or WORLD,
        solver=config.solver or WORLD_SOLVER,
        max_cost_usd=config.max_cost_usd,
        in_world=config.runs_in_world,
    )
