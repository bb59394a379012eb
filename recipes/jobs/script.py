"""The script of a Hugging Face Job: one PEP 723 file that installs this toolkit, trains a recipe, pushes the result.

Reads a recipe; gives text. Nothing secret is in it: the Job gets its token as a secret of its own.
"""

from __future__ import annotations

import json
from pathlib import Path

from dataset_builder.core.config import resolved
from recipes.config.recipe import RecipeConfig

# The launcher knows the GPUs; the recipe travels inside the script, so that it is all there is to keep.
TEMPLATE = '''\
# /// script
# requires-python = ">=3.11"
# dependencies = ["gsm8k-ai-subq @ {code}"]
# ///
"""Trains {name} as a Hugging Face Job and pushes the folder to {push_to}; made by `python -m recipes.jobs`."""

import json
import subprocess
import sys
from pathlib import Path

from huggingface_hub import HfApi

RECIPE = json.loads({recipe!r})

Path("recipe.yaml").write_text(json.dumps(RECIPE), encoding="utf-8")  # JSON is YAML
launcher = [sys.executable, "-m", "accelerate.commands.launch", "--num_processes", "{gpus}", "--mixed_precision", "no"]
subprocess.run([*launcher, "-m", "recipes.train", "--config", "recipe.yaml"], check=True)
HfApi().create_repo("{push_to}", private=True, exist_ok=True)
HfApi().upload_folder(repo_id="{push_to}", folder_path=RECIPE["output_dir"], commit_message="Trained {name}")
'''


def write_script(config: RecipeConfig, code: str, push_to: str, gpus: int) -> str:
    """The script's text.

    Args:
        config: the recipe.
        code: where pip finds this toolkit.
        push_to: Hub repository for the result.
        gpus: processes to start, one each.
    """
    name = f"{Path(config.backbone).name}/{config.name}"
    recipe = json.dumps(resolved(config) | {"output_dir": "output", "gpu": "", "report_to": "none"})
    return TEMPLATE.format(code=code, name=name, push_to=push_to, recipe=recipe, gpus=gpus)
