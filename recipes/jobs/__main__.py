"""No GPU at all? Prepares a Hugging Face Job for a recipe, shows its price, and launches it when confirmed.

Reads a recipe and a flavour; writes the Job's script to outputs/jobs/<backbone>-<recipe>.py. Without `--yes` nothing
is launched and nothing is paid.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from dataset_builder.core.errors import UserError, entry_point
from recipes.config.compose import parse_recipe
from recipes.jobs.hf_jobs import JobConfig, launch, prepare_job

EPILOG = """\
examples:
  make train-mistral-lora JOBS=a10g-large                       # price and script; nothing is launched
  python -m recipes.jobs --flavor a10g-large --recipe mistral-7b/bc_lora \\
      --dataset org/gsm8k-ai-subq --push_to org/mistral-7b-subq --yes

The Job reads its dataset from the Hub and pushes the trained folder to a private repository there.
"""


@entry_point
def main(argv: Sequence[str] | None = None) -> int:
    config = parse_recipe(
        JobConfig,
        argv,
        prog="python -m recipes.jobs",
        description="Prepares a recipe as a Hugging Face Job, shows its price, and launches it with --yes.",
        epilog=EPILOG,
    )
    job = prepare_job(config)
    print(job.text())
    if config.yes and job.missing:
        raise UserError(f"not launched; a Job needs {'; '.join(job.missing)}")
    path = Path("outputs/jobs") / f"{Path(config.backbone).name}-{config.name}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(job.script, encoding="utf-8")
    print(f"script  {path}")
    if config.yes:
        print(f"job     {launch(job)}")
        return 0
    for need in job.missing:
        print(f"needs   {need}")
    print("nothing was launched; add --yes to launch and pay (with make: ARGS=--yes)")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
