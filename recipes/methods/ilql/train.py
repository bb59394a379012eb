"""Carries out ilql_sparse, ilql_full and ilql_shaped: BC checkpoint and trajectories -> a policy guided by values.

Reads a recipe whose `init_from` is a trained BC checkpoint (full or adapter), and the dataset's `trajectories` config;
gives a `GuidedModel`, which saves itself, decodes like any model, and loads through `modeling.load_policy`. What a
recipe wants of `IlqlArguments` goes through its `trainer_options`:

    method: ilql_full
    init_from: outputs/tiny/bc_full
    trainer_options: [expectile=0.8, beta=4]

Source: arXiv 2402.01812, section 4. Difference: 1. the value trunk is a LoRA beside the policy's own on one base, so
that a 7B policy and its values fit where the policy alone fits (`adapter: full` keeps two models).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from recipes.config.recipe import RecipeConfig
from recipes.data import tokenize
from recipes.data.load import TrainingData
from recipes.data.tokenize import TokenRow
from recipes.methods.ilql.guided_policy import Decoding, GuidedModel
from recipes.methods.ilql.heads import ValueHeads
from recipes.methods.ilql.trainer import IlqlArguments, IlqlTrainer
from recipes.methods.ilql.trajectories import (
    TrajectoryCollator,
    build_trajectory_rows,
    check_trajectories,
    resample_rows,
    set_returns,
)
from recipes.methods.ilql.value_model import (
    POLICY_ADAPTER,
    VALUE_ADAPTER,
    ValueModel,
    hidden_size,
    load_policy_adapter,
    recompute_activations,
)
from recipes.modeling import is_adapter, load_backbone, local_copy
from recipes.models.trainable import load_trainable
from recipes.training.arguments import extra_arguments, shared_arguments
from recipes.training.callbacks import ProgressBar, Tally
from recipes.training.checkpoints import newest_checkpoint
from recipes.training.fit import Trained
from recipes.training.record import Measured

HEALTH = ("q", "v", "advantage", "td_error", "v_above_q", "q_loss", "v_loss", "cql_loss", "policy_loss")


def train(config: RecipeConfig, data: TrainingData) -> Trained:
    """Trains the value model of a recipe.

    Raises:
        UserError: no BC checkpoint, rewards that are missing or do not fit, rows too long, or a run that diverges.
    """
    check_trajectories(data.train)
    arguments = trainer_config(config)
    model, tokenizer = load_trainable(config, list)
    rows = build_trajectory_rows(data.train, tokenizer, config.method, config.text_format, arguments.step_cost)
    tokenize.check_training_rows(rows, tokenizer, config.max_length, config.text_format)
    print(tokenize.save_first_example(rows[0], tokenizer, config.output))
    returns = set_returns(data.train, sparse=config.method == "ilql_sparse")
    rows = resample_rows(rows, returns, arguments.resample_temperature, config.seed)
    if config.gradient_checkpointing:
        recompute_activations(model)
    policy = load_policy_beside(config, model, arguments)
    values = value_model(model, arguments, config.seed, policy if arguments.policy_weight else None)
    measured = train_values(config, arguments, values, tokenizer, rows, newest_checkpoint(config.output))
    return Trained(GuidedModel(policy, values.trunk, values.heads, decoding_of(arguments)), tokenizer, measured)


OURS: dict[str, Any] = {"remove_unused_columns": False}


def trainer_config(config: RecipeConfig) -> IlqlArguments:
    """The arguments of a recipe.

    Raises:
        UserError: `trainer_options` names something they do not have.
    """
    return IlqlArguments(**(shared_arguments(config) | OURS | extra_arguments(config, IlqlArguments)))


def value_model(trunk: Any, arguments: IlqlArguments, seed: int, policy: Any = None) -> ValueModel:
    """The trunk with new heads, the same for the same seed."""
    import torch

    torch.manual_seed(seed)
    vocabulary = trunk.get_input_embeddings().weight.shape[0]
    heads = ValueHeads(hidden_size(trunk), vocabulary, arguments.head_kind, arguments.head_rank)
    return ValueModel(
        trunk,
        heads.to(trunk.device),
        policy=policy,
        target_trunk=arguments.target_trunk,
        chunk=arguments.vocab_chunk if arguments.cql_weight else 0,
    )


def decoding_of(arguments: IlqlArguments) -> Decoding:
    """How the trained policy decodes until somebody asks for another beta."""
    return Decoding(beta=arguments.beta, top_k=arguments.top_k, min_ratio=arguments.min_ratio)


def load_policy_beside(config: RecipeConfig, trunk: Any, arguments: IlqlArguments) -> Any:
    """The BC policy that values guide: a model of its own (`full`), or an adapter or the bare base of the trunk.

    With `policy_weight` it moves, too: the model, the adapter, or a new adapter on the bare base.
    """
    import torch

    if config.adapter == "full":
        policy = load_backbone(config.init_from, dtype=torch.float32, device=str(trunk.device))
        return policy.requires_grad_(arguments.policy_weight > 0)
    start = local_copy(config.init_from)
    if is_adapter(start):
        load_policy_adapter(trunk, start)
    elif arguments.policy_weight:
        trunk.add_adapter(POLICY_ADAPTER, trunk.peft_config[VALUE_ADAPTER])
        trunk.set_adapter(VALUE_ADAPTER)
    if arguments.policy_weight:
        for name, parameter in trunk.named_parameters():
            if f".{POLICY_ADAPTER}." in name:
                parameter.requires_grad_(True)
    return trunk


def train_values(
    config: RecipeConfig,
    arguments: IlqlArguments,
    model: ValueModel,
    tokenizer: Any,
    rows: Sequence[TokenRow],
    checkpoint: Path | None = None,
) -> Measured:
    """Trains `model` in place for `max_steps` updates.

    Args:
        config: the recipe.
        arguments: its ILQL settings.
        model: trunk and heads.
        tokenizer: of the trunk.
        rows: checked rows of `trajectories.build_trajectory_rows`.
        checkpoint: the checkpoint folder to go on from.
    """
    from datasets import Dataset

    keep = ("input_ids", "rewards", "length")
    trainer = IlqlTrainer(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_list([{key: row[key] for key in keep} for row in rows]),
        data_collator=TrajectoryCollator(tokenizer.pad_token_id),
        callbacks=[Tally(), ProgressBar(f"train {config.name}")],
        largest_return=max(sum(map(abs, row["rewards"])) for row in rows),
    )
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    history = [entry for entry in trainer.state.log_history if "loss" in entry]
    logged = [name for name in HEALTH if history and name in history[-1]]
    health = {name: [[entry["step"], entry[name]] for entry in history] for name in logged}
    return Measured(
        trained_tokens=int(trainer.tally.trained_tokens),
        read_tokens=int(trainer.tally.read_tokens),
        seconds=round(trainer.tally.seconds, 3),
        loss_curve=[[entry["step"], entry["loss"]] for entry in history],
        validation_loss=None,
        details={"health": health},
    )
