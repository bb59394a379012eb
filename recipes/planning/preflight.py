"""What stops a run before anything is loaded: a key its method or launcher has no use for, a GPU that is not here.

Reads a recipe and the lengths of its examples; gives the plan of the run. Importing this file loads no torch.
"""

from __future__ import annotations

from dataclasses import replace

from dataset_builder.core.errors import UserError
from dataset_builder.core.values import check_installed
from recipes.config.backbones import find_backbone
from recipes.config.methods import METHODS
from recipes.config.recipe import TRACKERS, RecipeConfig, rewards_of
from recipes.models.sharding import weights_are_sharded
from recipes.planning.estimate import RunPlan, plan_recipe, smallest_need
from recipes.planning.gpus import gpu_here, gpu_named, this_cpu
from recipes.planning.lengths import Lengths
from recipes.planning.memory import models_beside
from recipes.planning.shapes import shape_of
from recipes.training.in_process import check_solver_model


def check_support(config: RecipeConfig) -> None:
    """Refuses a recipe whose method, whose launcher or whose installation cannot do what one of its keys asks for.

    Raises:
        UserError: the key, and what to set or install instead.
    """
    method = METHODS[config.method]
    if config.report_to in TRACKERS:
        check_installed(config.report_to)
    if config.padding_free == "on" and not method.joins_rows:
        raise UserError(f"{config.method} pads its micro-batches; leave --padding_free at auto, or set it to off")
    if config.distillation and not config.distillation.teacher:
        raise UserError(f"{config.method} needs --distillation.teacher, a checkpoint or Hub id of the same tokenizer")
    if rewards_of(config) and not config.solver:
        raise UserError(
            f"{config.method} needs --solver: openai:MODEL at --solver_base_url, transformers:PATH, or micro_gsm"
        )
    for path in models_beside(config):
        check_solver_model(path)
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


def plan_run(config: RecipeConfig, lengths: Lengths) -> RunPlan:
    """The plan of a run on examples of these lengths and the GPU that it names, the one that is here, or the CPU.

    Raises:
        UserError: it cannot fit.
    """
    from accelerate import PartialState

    here = gpu_here()
    gpu = here or this_cpu()
    if config.gpu:  # its memory, and the speed of the one that is here
        named = gpu_named(config.gpu)
        gpu = replace(named, teraflops=here.teraflops, example=f"on {here.name}") if here else named
    return plan_recipe(config, gpu, devices=PartialState().num_processes, lengths=lengths)
