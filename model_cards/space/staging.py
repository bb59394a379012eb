"""The files of the demo's Space: a page of recorded pairs; or the page that answers, with the packages it runs on."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from dataset_builder.core.config import option
from dataset_builder.core.errors import UserError
from dataset_builder.core.hub_ids import is_on_hub
from dataset_builder.core.templates import render_template
from dataset_builder.hub.card_rules import LICENCES
from model_cards.space.config import PairConfig
from model_cards.space.provenance import runs_here
from model_cards.space.recorded import Recorded, load_recorded, static_page

RUNTIMES = ("zero_gpu", "static")
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


@dataclass
class SpaceOptions(PairConfig):
    """What the Space is, and what its card says."""

    runtime: str = option(
        "zero_gpu", "zero_gpu: a Gradio page that answers; static: a page of recorded pairs, free for all", RUNTIMES
    )
    results: str = option("", "static: output folder of the evaluation whose pairs are shown")
    problems: int = option(20, "static: how many of its problems", least=1)
    title: str = option("Split a problem, then solve it", "the Space's title")
    licence: str = option("", "of what the page shows, where the problems are your own; empty: apache-2.0 or theirs")
    datasets: list[str] = option([], "datasets to link on the Space's card, as org/name")


def stage_space(options: SpaceOptions, staging: Path) -> dict[str, Path]:
    """Writes what is the Space's own, and gives all its files by their path in the repository.

    Raises:
        UserError: a local checkpoint, no recorded pairs, or a licence that nobody knows.
    """
    return _stage_static(options, staging) if options.runtime == "static" else _stage_gradio(options, staging)


def _stage_gradio(options: SpaceOptions, staging: Path) -> dict[str, Path]:
    import yaml

    models = [spec.partition(":")[2] for spec in (*options.offered, options.answering) if runs_here(spec)]
    if local := [name for name in models if not is_on_hub(name)]:
        raise UserError(f"a Space cannot reach the folder {local[0]}: push that checkpoint and name it by its Hub id")
    pair = {field.name: getattr(options, field.name) for field in dataclasses.fields(PairConfig)}
    (staging / "space.yaml").write_text(yaml.safe_dump(pair, sort_keys=False), encoding="utf-8")
    card = _card(options, models, licence=options.licence or "apache-2.0", recorded=None)
    (staging / "README.md").write_text(card, encoding="utf-8")
    needed = [*LIGHT, *(FOR_CHECKPOINTS if models else ())]
    lines = [f"{name}=={version(name).partition('+')[0]}" for name in needed]
    (staging / "requirements.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    own = {name: staging / name for name in ("README.md", "requirements.txt", "space.yaml")}
    return (
        own | {"app.py": HUB / "app.py", "model_cards/__init__.py": ROOT / "model_cards" / "__init__.py"} | packages()
    )


def _stage_static(options: SpaceOptions, staging: Path) -> dict[str, Path]:
    if not options.results:
        raise UserError("--runtime static shows recorded pairs: name their evaluation's output with --results")
    recorded = load_recorded(Path(options.results), options.problems)
    licence = options.licence or recorded.licence
    if licence not in LICENCES:
        raise UserError("the licence of the problems is not known: give --licence, such as cc-by-4.0")
    models = [spec.partition(":")[2] for spec in options.decomposers if runs_here(spec)]
    (staging / "index.html").write_text(static_page(recorded, options.title), encoding="utf-8")
    card = _card(options, models, licence=licence, recorded=recorded)
    (staging / "README.md").write_text(card, encoding="utf-8")
    return {name: staging / name for name in ("README.md", "index.html")}


def packages() -> dict[str, Path]:
    """The packages' files that run, by their path."""
    paths = (path for package in PACKAGES for path in sorted((ROOT / package).rglob("*")))
    kept = (path for path in paths if path.suffix in SUFFIXES and "__pycache__" not in path.parts)
    return {path.relative_to(ROOT).as_posix(): path for path in kept if HUB not in path.parents}


def _card(options: SpaceOptions, models: Sequence[str], *, licence: str, recorded: Recorded | None) -> str:
    """The Space's README.md."""
    asks = not options.runs_in_world and any(
        spec.partition(":")[0] in ("api", "openai") for spec in (*options.offered, options.answering)
    )
    return render_template(
        HUB / "README.md.jinja",
        title=options.title,
        gradio=GRADIO,
        models=models,
        datasets=options.datasets,
        licence=licence,
        origins=options.origins,
        asks_endpoint=asks,
        max_cost_usd=options.max_cost_usd,
        recorded=recorded,
    )
