"""What stops a run before anything is loaded: a key its method or launcher has no use for, a GPU that is not here.

Reads a recipe and its examples; gives the plan of the run. Importing this file loads no torch.
"""

from __future__ import annotations

import math

from dataset_builder.core.errors import UserError
from dataset_builder.text.student_format import QUESTION_END, QUESTION_START
from recipes.config.backbones import find_backbone
from recipes.config.methods import METHODS
from recipes.config.recipe import RecipeConfig
from recipes.data.load import TrainingData
from recipes.models.sharding import weights_are_sharded
from recipes.planning.estimate import RunPlan, plan_recipe, smallest_need
from recipes.planning.gpus import gpu_here, gpu_named, this_cpu
from recipes.planning.shapes import shape_of

CHARACTERS_PER_TOKEN = (2.5, 4.2)
"""At worst (rows full of numbers), and on average, for the tokenizers of the backbones named here."""
TOKENS_PER_DELIMITER = 5


def check_support(config: RecipeConfig) -> None:
    """Refuses a recipe whose method, or whose launcher, cannot do what one of its keys asks for.

    Raises:
        UserError: the key, and what to set instead.
    """
    method = METHODS[config.method]
    if config.padding_free == "on" and not method.joins_rows:
        raise UserError(f"{config.method} pads its micro-batches; leave --padding_free at auto, or set it to off")
    if not weights_are_sharded():
        return
    if not method.shards_weights:
        raise UserError(
            f"{config.method} keeps a second model beside the one it trains and cannot shard its weights; launch it "
            "with recipes/accelerate/several_gpus.yaml, or set --adapter qlora"
        )
    if config.choose_by != "last":
        raise UserError("sharded weights cannot decompose problems between two updates; use --choose_by last")


def check_gpu(config: RecipeConfig) -> None:
    """Says at once, in one line, what a recipe needs and this machine lacks, and where else it could run.

    Raises:
        UserError: no GPU, or one with too little memory.
    """
    if not config.needs_gpu:
        return
    here, need = gpu_here(), smallest_need(config, shape_of(config))
    if here is not None and here.memory_gib >= need:
        return
    has = f"the largest GPU here has {here.memory_gib:.0f} GiB" if here else "this machine has no GPU torch can use"
    known = find_backbone(config.backbone)
    name = known.name if known else "BACKBONE"
    method = "" if config.method == "bc" else f" METHOD={config.method}"
    raise UserError(
        f"{config.backbone} {config.name} needs a GPU with about {need:.1f} GiB, and {has}; "
        f"plan it for a GPU: python -m recipes.plan --recipe {name}/{config.name} --gpu 24gb; "
        f"rent one as a Hugging Face Job: make train-{name}-{config.adapter}{method} JOBS=a10g-large; "
        "--backbone tiny runs on any CPU, and --needs_gpu false tries anyway"
    )


def plan_run(config: RecipeConfig, data: TrainingData) -> RunPlan:
    """The plan of a run on these examples and the GPU that it names, the one that is here, or the CPU.

    Raises:
        UserError: it cannot fit.
    """
    from accelerate import PartialState

    longest, mean = token_lengths(data)
    gpu = gpu_named(config.gpu) if config.gpu else gpu_here() or this_cpu()
    return plan_recipe(config, gpu, devices=PartialState().num_processes, longest=longest, mean_tokens=mean)


def token_lengths(data: TrainingData) -> tuple[int, float]:
    """(longest, mean) row in tokens, guessed from characters before any tokenizer is loaded; never too short."""
    texts = [[value for value in values if isinstance(value, str)] for values in data.train.values()]
    rows = ["".join(parts) for parts in zip(*(column for column in texts if len(column) == data.count), strict=True)]
    if not rows:
        return 0, 0.0
    worst, usual = CHARACTERS_PER_TOKEN
    extra = [TOKENS_PER_DELIMITER * (row.count(QUESTION_START) + row.count(QUESTION_END)) for row in rows]
    longest = max(len(row) / worst + more for row, more in zip(rows, extra, strict=True))
    return math.ceil(longest) + 1, sum(map(len, rows)) / len(rows) / usual + sum(extra) / len(rows)
