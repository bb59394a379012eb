"""The model a recipe trains: a new tiny backbone, a backbone of the Hub, or an earlier run's weights, plus LoRA.

Reads a recipe; gives the tokenizer first, then the model, of which the recipe's adapter decides which weights move.

Source: arXiv 2402.01812, section 4: each method after BC starts from the BC checkpoint.
Differences: 1. LoRA and QLoRA beside full fine-tuning (arXiv 2106.09685, 2305.14314).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from accelerate import PartialState
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import PreTrainedModel, PreTrainedTokenizerFast
from transformers.pytorch_utils import Conv1D

from dataset_builder.core.errors import UserError
from recipes.config.recipe import TINY, RecipeConfig
from recipes.models.checkpoint import check_finished, is_adapter, lasting_name
from recipes.models.load import (
    cast_adapters,
    load_adapter,
    load_backbone,
    load_tokenizer,
    local_copy,
    pick_dtype,
)
from recipes.models.sharding import weights_are_sharded
from recipes.models.tiny import build_tiny_model, build_word_tokenizer
from recipes.models.types import CausalLM, Tokenizer


def trainable_tokenizer(config: RecipeConfig, texts: Callable[[], Sequence[str]]) -> Tokenizer:
    """The tokenizer of what a recipe trains; rows are tokenised before any weight is loaded.

    Args:
        config: the recipe.
        texts: gives the training texts, from which a new tiny backbone takes its words.

    Raises:
        UserError: there is none, or the run it starts from has not finished.
    """
    if config.backbone == TINY and not config.init_from:
        return build_word_tokenizer(texts(), config.tiny_vocabulary)
    source, revision = _start(config)
    check_finished(source)
    copy = local_copy(source) if config.init_from else source
    return load_tokenizer(copy, "") if is_adapter(copy) else load_tokenizer(source, revision)


def load_trainable(config: RecipeConfig, tokenizer: Tokenizer) -> CausalLM:
    """The model that a recipe trains: new, from the backbone, or from `init_from`.

    A LoRA recipe whose `init_from` is an adapter resumes that adapter; whose `init_from` is a full
    checkpoint, a new adapter on it.

    Args:
        config: the recipe.
        tokenizer: of `trainable_tokenizer`; a new tiny backbone has a row for each of its words.

    Raises:
        UserError: a full recipe starts from an adapter, or the weights cannot be loaded.
    """
    if config.backbone == TINY and not config.init_from:
        return build_tiny_model(config, cast("PreTrainedTokenizerFast", tokenizer))
    source, revision = _start(config)
    dtype = pick_dtype(config.precision)
    check_finished(source)
    copy = local_copy(source) if config.init_from else source
    if is_adapter(copy):
        if config.adapter == "full":
            raise UserError(f"{source} is an adapter; train on it with --adapter lora, or give a full checkpoint")
        return load_adapter(copy, dtype, four_bit=config.adapter == "qlora", trainable=True)
    if config.adapter == "full":
        # Full fine-tuning keeps float32 weights; a GPU's bfloat16 comes from autocast, so that small updates count.
        return load_backbone(source, revision=revision, dtype=torch.float32)
    return add_lora(load_backbone(source, revision=revision, dtype=dtype, four_bit=config.adapter == "qlora"), config)


def _start(config: RecipeConfig) -> tuple[str, str]:
    """(folder or Hub id, revision) of the weights that a recipe starts from."""
    return (config.init_from, "") if config.init_from else (config.backbone, config.backbone_revision)


def embedded_tokens(model: CausalLM) -> int:
    """How many tokens the model has an embedding for."""
    return int(cast("torch.nn.Embedding", model.get_input_embeddings()).num_embeddings)


def add_lora(model: PreTrainedModel, config: RecipeConfig) -> PeftModel:
    """Wraps a backbone so that only the LoRA matrices of its linear layers move (GPT-2's Conv1D layers included)."""
    # PEFT's prepare_model_for_kbit_training would also turn embeddings and output layer to float32: 2 GiB more for
    # Llama 3.1. Freezing is get_peft_model's work, and gradients through checkpoints are the trainer's.
    targets: Any = "all-linear" if config.lora_targets == ["all-linear"] else config.lora_targets
    adapted: PeftModel = get_peft_model(
        model,
        LoraConfig(
            task_type="CAUSAL_LM",
            r=config.lora_rank,
            lora_alpha=config.lora_alpha,
            lora_dropout=config.lora_dropout,
            target_modules=targets,
            fan_in_fan_out=any(isinstance(module, Conv1D) for module in model.modules()),
        ),
        # ZeRO-3 gathers all trained weights in one type, that of the backbone (TRL's issue 6089).
        autocast_adapter_dtype=config.adapter == "qlora" or not weights_are_sharded(),
    )
    adapted.peft_config["default"].base_model_name_or_path = lasting_name(str(model.name_or_path))
    return adapted


def has_masters(config: RecipeConfig) -> bool:
    """Whether a LoRA computes in the backbone's type and learns in float32 masters (see `training.masters`).

    Else it is float32, under autocast: DDP takes no gradient of another type than its weight's, and what is sharded is
    its launcher's business.
    """
    return config.adapter != "full" and not weights_are_sharded() and PartialState().num_processes == 1


def set_adapter_type(model: CausalLM, config: RecipeConfig) -> None:
    """Puts the LoRA matrices, a reference's and a policy's included, into the type that they compute in.

    TRL would have put those of a QLoRA into bfloat16, which loses small updates and is slow on a CPU.
    """
    if config.adapter == "qlora" or has_masters(config):
        cast_adapters(model, pick_dtype(config.precision) if has_masters(config) else torch.float32)
