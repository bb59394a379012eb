"""A recipe as a Hugging Face Job: planned for a flavour's GPUs, priced, written as a script, and launched.

Reads a recipe and a flavour; the Job reads its dataset from the Hub and pushes the trained folder to a private
repository there.
"""

from __future__ import annotations

import base64
import dataclasses
import math
from dataclasses import dataclass

from dataset_builder.core.config import option
from dataset_builder.core.errors import UserError
from dataset_builder.core.hub_ids import is_on_hub
from dataset_builder.core.provenance import code_here
from recipes.config.recipe import RecipeConfig, check_recipe
from recipes.jobs.prices import Flavor, flavor_named, prices_now
from recipes.jobs.script import write_script
from recipes.planning.estimate import RunPlan, plan_recipe

IMAGE = "ghcr.io/astral-sh/uv:python3.12-bookworm"
COMMAND = ["bash", "-c", "printenv JOB_SCRIPT | base64 -d > job.py && uv run job.py"]
INSTALL_HOURS = 0.25
"""Of a Job before it trains: image, packages, weights; assumed, not measured."""


@dataclass(frozen=True)
class JobConfig(RecipeConfig):
    """A recipe, and where to run it."""

    flavor: str = option("a10g-large", "hardware of the Job, for instance l4x1, a10g-large, a100-large")
    """The machine."""
    push_to: str = option("", "Hub repository for the trained folder, made private")
    code: str = option("", "where pip finds this toolkit (default: this checkout's https remote at its commit)")
    yes: bool = option(False, "launch it, and pay for it")


@dataclass(frozen=True)
class Job:
    """A Job as prepared."""

    flavor: Flavor
    plan: RunPlan
    """Of the run on it."""
    price: float
    """USD an hour."""
    source: str
    """Of the price."""
    script: str
    """What the machine runs."""
    missing: list[str]
    """What stands between this and a launch, each with what to do."""

    @property
    def hours(self) -> float:
        return self.plan.seconds / 3600 + INSTALL_HOURS

    @property
    def timeout_h(self) -> int:
        """The Job is stopped after this, so that a wrong estimate cannot cost without end."""
        return math.ceil(2 * self.hours)

    def text(self) -> str:
        lines = [
            self.plan.text().rstrip(),
            f"price   {self.flavor.name}: {self.price:.2f} USD an hour ({self.source})",
            f"        about {self.hours * self.price:.2f} USD for {self.hours:.1f} h (an estimate); stopped after "
            f"{self.timeout_h} h, so at most {self.timeout_h * self.price:.2f} USD",
        ]
        return "\n".join(lines)


def prepare_job(config: JobConfig) -> Job:
    """Plans, prices and writes the Job.

    Raises:
        UserError: an unknown flavour, or one too small for the recipe.
    """
    recipe = RecipeConfig(**{field.name: getattr(config, field.name) for field in dataclasses.fields(RecipeConfig)})
    check_recipe(recipe)
    flavor = flavor_named(config.flavor)
    plan = plan_recipe(recipe, flavor.gpu, devices=flavor.gpus)
    prices, source = prices_now()
    code = config.code or code_here()
    script = write_script(recipe, code or "CODE", config.push_to or "PUSH_TO", flavor.gpus)
    price = prices.get(flavor.name, flavor.usd_per_hour)
    return Job(flavor, plan, price, source, script, _missing(config, code))


def launch(job: Job) -> str:
    """Starts the Job and gives its address.

    Raises:
        UserError: not logged in, or the Hub refuses.
    """
    from huggingface_hub import HfApi, get_token
    from huggingface_hub.errors import HfHubHTTPError

    token = get_token()
    if not token:
        raise UserError("a Job needs a Hugging Face account; run `hf auth login`, or set HF_TOKEN")
    try:
        started = HfApi().run_job(
            image=IMAGE,
            command=COMMAND,
            env={"JOB_SCRIPT": base64.b64encode(job.script.encode()).decode()},
            secrets={"HF_TOKEN": token},
            flavor=job.flavor.name,
            timeout=f"{job.timeout_h}h",
        )
    except HfHubHTTPError as error:
        reason = str(error.server_message or error).splitlines()[0]
        raise UserError(f"the Hub refuses the Job ({reason}); check your credit and the token's rights") from error
    return str(started.url)


def _missing(config: JobConfig, code: str) -> list[str]:
    missing = []
    if not is_on_hub(config.dataset, namespace=True):
        missing.append("a dataset on the Hub: `subq push --folder DIR --repo org/name --yes`, then --dataset org/name")
    if config.init_from and not is_on_hub(config.init_from):
        missing.append("a start on the Hub: push the checkpoint, then --init_from org/name")
    if not config.push_to:
        missing.append("a repository for the result: --push_to org/name")
    if not code:
        missing.append(
            "an address to install this toolkit from: --code git+https://github.com/YOU/gsm8k-ai-subq@COMMIT"
        )
    return missing
