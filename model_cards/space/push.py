"""Publishes the demo as a Space on the Hub: the page, its options, its card, and the packages it runs on.

A dry run unless `--yes`, private unless `--public`; read back like every push. The Space holds the packages' files,
so it runs what was tested here, and needs nothing that is not on PyPI.

    $ python -m model_cards.space.push --repo org/decompose-then-solve
    space org/decompose-then-solve: new, private
    + README.md (1.2 kB)
    + app.py (0.2 kB)
    ...
    dry run: nothing was sent; add --yes to push
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from dataset_builder.core.config import option, parse_config
from dataset_builder.core.errors import UserError, entry_point
from dataset_builder.hub.card_rules import is_hub_id
from dataset_builder.hub.upload import PushOptions, Upload, push_files
from model_cards.space.app import WORLD, WORLD_SOLVER, SpaceConfig, runs_in_world

ROOT = Path(__file__).parents[2]
HUB = Path(__file__).parent / "hub"
GRADIO = "6.31.0"  # the version this page was looked at with
PACKAGES = ("dataset_builder", "eval_harness", "recipes", "model_cards/space")
SUFFIXES = (".py", ".txt", ".json")
LIGHT = ("aiohttp", "huggingface_hub", "openai", "pyyaml", "tqdm")
FOR_CHECKPOINTS = ("accelerate", "datasets", "peft", "safetensors", "torch", "transformers")


@dataclass
class PushSpaceConfig(PushOptions):
    """What goes where."""

    decomposers: list[str] = option([], "as in eval_harness.run; empty: those of the embedded world")
    solver: str = option("", "as in eval_harness.run; empty: the embedded world's, which needs no key")
    base_url: str = option("", "endpoint of both; empty: OpenAI's own, or the embedded world's")
    max_cost_usd: float = option(0.05, "most a problem may cost with one decomposer; 0: no cap")
    datasets: list[str] = option([], "datasets to link on the Space's card, as org/name")


def push_space(config: PushSpaceConfig, say: Callable[[str], None] = print) -> str | None:
    """Pushes the Space and returns the commit; None for a dry run.

    Raises:
        UserError: a local checkpoint, a bad name or token, a tag that exists, a Hub that refuses.
    """
    with tempfile.TemporaryDirectory() as staging:
        files = stage_space(config, Path(staging))
        managed = ("*.py", *(f"{package}/*" for package in PACKAGES))
        return push_files(Upload("space", files, "Space", managed=managed, space_sdk="gradio"), config, say=say)


def stage_space(config: PushSpaceConfig, staging: Path) -> dict[str, Path]:
    """Writes what is the Space's own, and gives all its files by their path in the repository."""
    import yaml

    models = [spec.partition(":")[2] for spec in config.decomposers if spec.startswith("checkpoint:")]
    if local := [name for name in models if not is_hub_id(name) or Path(name).exists()]:
        raise UserError(f"a Space cannot reach the folder {local[0]}: push that checkpoint and name it by its Hub id")
    options = {key: getattr(config, key) for key in ("decomposers", "solver", "base_url", "max_cost_usd")}
    (staging / "space.yaml").write_text(yaml.safe_dump(options, sort_keys=False), encoding="utf-8")
    (staging / "README.md").write_text(space_card(config, models), encoding="utf-8")
    needed = (*LIGHT, *(FOR_CHECKPOINTS if models else ()))
    lines = [f"{name}=={version(name).partition('+')[0]}" for name in needed]
    (staging / "requirements.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    own = {name: staging / name for name in ("README.md", "requirements.txt", "space.yaml")}
    return (
        own | {"app.py": HUB / "app.py", "model_cards/__init__.py": ROOT / "model_cards" / "__init__.py"} | packages()
    )


def packages() -> dict[str, Path]:
    """The packages' files that run, by their path."""
    found = (path for package in PACKAGES for path in sorted((ROOT / package).rglob("*")))
    kept = (path for path in found if path.suffix in SUFFIXES and "__pycache__" not in path.parts)
    return {path.relative_to(ROOT).as_posix(): path for path in kept if HUB not in path.parents}


def space_card(config: PushSpaceConfig, models: Sequence[str]) -> str:
    """The Space's README.md."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HUB), undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    in_world = runs_in_world(SpaceConfig(solver=config.solver, base_url=config.base_url))
    return environment.get_template("README.md.jinja").render(
        gradio=GRADIO,
        models=models,
        datasets=config.datasets,
        decomposers=config.decomposers or WORLD,
        solver=config.solver or WORLD_SOLVER,
        max_cost_usd=config.max_cost_usd,
        in_world=in_world,
    )


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    """`python -m model_cards.space.push`."""
    push_space(
        parse_config(
            PushSpaceConfig,
            argv,
            prog="python -m model_cards.space.push",
            description="Pushes the demo page to the Hub as a Gradio Space. A dry run without --yes.",
            epilog="""examples:
  python -m model_cards.space.push --repo me/decompose-then-solve
  python -m model_cards.space.push --repo me/decompose-then-solve --solver openai:gpt-4o-mini \\
      --decomposers checkpoint:me/subq-lora api:gpt-4o-mini none --yes

The token comes from `hf auth login` or HF_TOKEN.""",
        )
    )


if __name__ == "__main__":
    sys.exit(main())
