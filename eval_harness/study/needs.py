"""What a study's steps will take: minutes, dollars, GPUs, disk; said before anything starts or is loaded.

At a scale that names a GPU a training's time is `recipes.plan`'s, elsewhere it is what the study's file says was
measured. Prices are the project's own (`dataset_builder.llm.pricing`) for prompts and replies of the usual length, as
`dataset_builder.generate --dry_run` takes them; a model whose price is not known is counted as 0 and has to be named
with `price_input` and `price_output`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataset_builder.core.config import build_config, check_keys, fields_of
from dataset_builder.generate.config import GenerateConfig, make_plan
from dataset_builder.generate.estimate import USUAL_REPLY_TOKENS, estimate_stages, prices_before_start
from dataset_builder.llm.settings import ServiceSettings
from dataset_builder.schema.records import Problem
from dataset_builder.solving.single_stage import is_single_stage, split_style
from eval_harness.pipeline.config import EvalConfig
from eval_harness.pipeline.quality import QualityConfig
from eval_harness.study.study_file import (
    BackbonePart,
    DatasetPart,
    EvaluationPart,
    Options,
    QualityPart,
    Scale,
    StudentPart,
)
from recipes.config.compose import resolve_keys
from recipes.config.recipe import RecipeConfig
from recipes.planning.estimate import plan_recipe
from recipes.planning.gpus import gpu_named

USUAL_PROBLEM = Problem("usual", "Ann has 12 apples and gives 5 of them to her friend. " * 5, "7", "usual")
USUAL_COUNT = 7473
"""Problems of a dataset that has no limit: GSM8K's."""
USUAL_TESTS = 1319
PROMPT_TOKENS = {"decompose": 420, "answer": 470, "single": 330}
REQUESTS_PER_S = 8.0
"""Of a remote endpoint, as its limits allow (a guess)."""
BYTES_PER_WEIGHT = 4
READING_MINUTES = 0.3
"""Of measuring sub-questions that are there already."""
LOCAL_TOKENS_PER_S = 600.0
"""That a model of seven billion weights decodes in this process, in batches (a guess)."""


@dataclass(frozen=True)
class Needs:
    """Of one step."""

    minutes: float = 1.0
    price_usd: float = 0.0
    gpu: int = 0
    disk_gb: float = 0.01

    def fields(self) -> dict[str, Any]:
        """As a `Step` has them."""
        return {key: round(value, 3) if isinstance(value, float) else value for key, value in vars(self).items()}


@dataclass(frozen=True)
class DatasetNeeds:
    """Of the two steps of a dataset."""

    generate: Needs
    build: Needs


def needs_of_dataset(part: DatasetPart, scale: Scale) -> DatasetNeeds:
    """Of generating it and of building it.

    Raises:
        UserError: an option that `dataset_builder.generate` does not have.
    """
    options = {"model": part.teacher, "solver_model": part.solver, "feedback_model": part.critic}
    options |= scale.generate | part.generate | ({"base_url": [part.base_url]} if part.base_url else {})
    checked = check_keys(
        Path("generate"), {key: value for key, value in options.items() if value != ""}, fields_of(GenerateConfig)
    )
    build = Needs(part.minutes / 2, disk_gb=0.05)
    if not part.problems:
        return DatasetNeeds(Needs(), build)
    config = build_config(GenerateConfig, checked)
    settings, count = ServiceSettings.of(config, config.base_url), part.limit or USUAL_COUNT
    stages = estimate_stages(make_plan(config), [USUAL_PROBLEM], Path(), settings, batch=config.backend == "batch")
    price = count * sum(stage.cost_usd or 0.0 for stage in stages)
    requests = count * sum(stage.requests for stage in stages)
    minutes = part.minutes / 2 if not scale.gpu else requests / REQUESTS_PER_S / 60
    return DatasetNeeds(Needs(minutes, price, disk_gb=0.05 + requests * 4e-6), build)


def needs_of_student(part: StudentPart, backbone: BackbonePart, scale: Scale, options: Options) -> Needs:
    """Of one training.

    Raises:
        UserError: an option that `recipes.train` does not have, names that do not go together, a GPU too small.
    """
    own = {key: value for key, value in options.items() if key != "recipe"}
    keys = check_keys(Path("train"), own, fields_of(RecipeConfig))
    config = build_config(RecipeConfig, resolve_keys({}, keys | {"recipe": options.get("recipe", "")}))
    if not scale.gpu:
        return Needs(part.minutes * backbone.times, disk_gb=0.02)
    plan = plan_recipe(config, gpu_named(scale.gpu))
    kept = plan.trained if config.adapter != "full" else plan.parameters
    return Needs(plan.seconds / 60, gpu=1, disk_gb=kept * BYTES_PER_WEIGHT * 4 / 1e9)


def needs_of_evaluation(
    part: EvaluationPart,
    scale: Scale,
    rows: Sequence[str],
    solvers: Sequence[str],
    trained: Sequence[Any],
    *,
    asks_for_questions: bool,
) -> Needs:
    """Of one evaluating step.

    Args:
        part: the evaluation.
        scale: of the study.
        rows: the step's decomposers.
        solvers: the step's solvers.
        asks_for_questions: whether decomposers behind an endpoint are asked; else another step has their answers.
        trained: the students among them.

    Raises:
        UserError: an option that `eval_harness.run` does not have.
    """
    options = check_keys(Path("evaluate"), scale.evaluate | part.options, fields_of(EvalConfig))
    config = build_config(EvalConfig, options)
    problems = (config.limit or USUAL_TESTS) * len(config.seeds)
    settings = ServiceSettings.of(config, [config.base_url])
    asked = [("decompose", spec) for spec in rows if asks_for_questions and spec.startswith("api:")]
    for solver in solvers:
        for row in rows:
            samples = split_style(row)[1] if is_single_stage(row) else 1
            asked += [("single" if is_single_stage(row) else "answer", solver)] * samples
    remote = [(task, spec) for task, spec in asked if spec.startswith(("api:", "openai:"))]
    price = problems * _price(remote, settings)
    times = max((scale.backbones[item.backbone].times for item in trained), default=1.0)
    if not scale.gpu:
        return Needs(part.minutes * (times if trained else 1.0), price, disk_gb=0.01)
    here = len(trained) + len([spec for _, spec in asked if spec.startswith(("transformers:", "vllm:"))])
    seconds = len(remote) * problems / REQUESTS_PER_S
    seconds += here * problems * USUAL_REPLY_TOKENS["answer"] / LOCAL_TOKENS_PER_S
    return Needs(seconds / 60, price, gpu=int(here > 0), disk_gb=0.02)


def needs_of_quality(part: QualityPart, scale: Scale, rows: Sequence[str], backbone: BackbonePart | None) -> Needs:
    """Of one step that measures sub-questions.

    Args:
        part: what is measured.
        scale: of the study.
        rows: the step's decomposers.
        backbone: of the student among them.

    Raises:
        UserError: an option that `eval_harness.question_quality` does not have.
    """
    config = build_config(QualityConfig, check_keys(Path("quality"), part.options, fields_of(QualityConfig)))
    problems = config.limit or USUAL_TESTS
    remote = [("decompose", spec) for spec in rows if spec.startswith("api:")]
    price = problems * _price(remote, ServiceSettings.of(config, [config.base_url]))
    if not scale.gpu:
        decodes = backbone is not None or any(spec.startswith(("api:", "checkpoint:")) for spec in rows)
        return Needs(part.minutes * (backbone.times if backbone else 1.0) if decodes else READING_MINUTES, price)
    seconds = len(remote) * problems / REQUESTS_PER_S
    seconds += bool(backbone) * problems * USUAL_REPLY_TOKENS["decompose"] / LOCAL_TOKENS_PER_S
    return Needs(seconds / 60, price, gpu=int(backbone is not None))


def _price(remote: Sequence[tuple[str, str]], settings: ServiceSettings) -> float:
    """Dollars that a problem takes: task and spec of each request."""
    prices, price = prices_before_start(settings), 0.0
    for task, spec in remote:
        if found := prices.price(spec.partition(":")[2]):
            replied = USUAL_REPLY_TOKENS["decompose" if task == "decompose" else "answer"]
            price += found.cost(PROMPT_TOKENS[task], replied) or 0.0
    return price
