"""Carries out ilql_sparse, ilql_full and ilql_shaped: BC checkpoint and trajectories -> a policy guided by values.

Reads a recipe whose `init_from` is a trained BC checkpoint (full or adapter), and the dataset's `trajectories` config;
gives a `GuidedModel`, which saves itself, decodes like any model, and loads through `modeling.load_policy`. What it
decides beside the shared keys is the recipe's section `ilql`:

    method: ilql_full
    init_from: outputs/tiny/bc_full
    ilql: {expectile: 0.8, beta: 4}

Source: arXiv 2402.01812, section 4. Difference: 1. the value trunk is a LoRA beside the policy's own on one base, so
that a 7B policy and its values fit where the policy alone fits (`adapter: full` keeps two models).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from datasets import Dataset
from peft import PeftModel
from transformers import TrainingArguments

from recipes.config.recipe import RecipeConfig
from recipes.config.settings import IlqlSettings
from recipes.data.load import Columns, TrainingData
from recipes.data.returns import check_trajectories, resample_rows, set_returns, sound_trajectories
from recipes.methods.ilql.guided_policy import Decoding, GuidedModel
from recipes.methods.ilql.heads import ValueHeads
from recipes.methods.ilql.trainer import IlqlTrainer
from recipes.methods.ilql.trajectories import TrajectoryCollator, build_trajectory_rows
from recipes.methods.ilql.value_model import (
    POLICY_ADAPTER,
    VALUE_ADAPTER,
    ValueModel,
    load_policy_adapter,
    recompute_activations,
)
from recipes.models.checkpoint import is_adapter
from recipes.models.load import load_backbone, local_copy
from recipes.models.types import CausalLM, Tokenizer
from recipes.training.method import Example, Texts, TrainingMethod

DIAGNOSTICS = ("q", "v", "advantage", "td_error", "v_above_q", "q_loss", "v_loss", "cql_loss", "policy_loss")


class Ilql(TrainingMethod):
    """ilql_sparse, ilql_full, ilql_shaped: values on a trunk, and the policy that they guide."""

    arguments_class = TrainingArguments
    trainer_class = IlqlTrainer
    columns = ("input_ids", "rewards")

    def __init__(self, config: RecipeConfig, data: TrainingData) -> None:
        super().__init__(config, data)
        self.settings = config.ilql or IlqlSettings()
        check_trajectories(data.train)

    def own_arguments(self) -> dict[str, Any]:
        return {"remove_unused_columns": False}

    def texts(self, columns: Columns, tokenizer: Tokenizer) -> list[Texts]:
        config, sound = self.config, sound_trajectories(columns)
        rows = build_trajectory_rows(sound, tokenizer, config.method, config.text_format, self.settings.step_cost)
        return [(row,) for row in rows]

    def draw(self, examples: list[Example]) -> list[Example]:
        returns = set_returns(self.data.train, sparse=self.config.method == "ilql_sparse")
        return resample_rows(examples, returns, self.settings.resample_temperature, self.config.seed)

    def trained_tokens(self, examples: Sequence[Example]) -> list[int]:
        return [token for row in examples for token in row["input_ids"][-len(row["rewards"]) :]]

    def trainer_settings(self, model: CausalLM, tokenizer: Tokenizer, train: Dataset) -> dict[str, Any]:
        """Trains a value model whose trunk is `model`, and keeps the policy beside it."""
        if self.config.gradient_checkpointing:
            recompute_activations(model)
        loads_now = isinstance(model, PeftModel) or self.settings.policy_weight > 0
        self.policy = load_policy_beside(self.config, model, self.settings) if loads_now else None
        moving_policy = self.policy if self.settings.policy_weight else None
        return {
            "model": value_model(model, self.settings, self.config.seed, moving_policy),
            "processing_class": None,  # or transformers would look for the configuration of a language model
            "settings": self.settings,
            "data_collator": TrajectoryCollator(tokenizer.pad_token_id),
            "largest_return": max(sum(map(abs, rewards)) for rewards in train["rewards"]),
        }

    def published(self, model: ValueModel) -> GuidedModel:
        """The policy, guided by the values with the recipe's beta; a frozen model of its own is loaded only here."""
        settings = self.settings
        decoding = Decoding(settings.beta, settings.top_k, settings.min_ratio)
        policy = self.policy or load_policy_beside(self.config, model.trunk, settings)
        return GuidedModel(policy, model.trunk, model.heads, decoding)

    def details(self, history: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Curves of what tells whether learning is sound."""
        logged = [name for name in DIAGNOSTICS if history and name in history[-1]]
        return {"diagnostics": {name: [[line["step"], line[name]] for line in history] for name in logged}}


def value_model(trunk: CausalLM, settings: IlqlSettings, seed: int, policy: CausalLM | None = None) -> ValueModel:
    """The trunk with new heads.

    Args:
        trunk: reads the text.
        settings: shape of the heads, and whether the trunk has a slow copy.
        seed: the same gives the same heads.
        policy: trained beside the values; None: it stays as it is.
    """
    torch.manual_seed(seed)
    vocabulary = len(torch.as_tensor(trunk.get_input_embeddings().weight))
    hidden = int(trunk.config.get_text_config().hidden_size)
    heads = ValueHeads(hidden, vocabulary, settings.head_kind, settings.head_rank)
    return ValueModel(
        trunk,
        heads.to(trunk.device),
        policy=policy,
        target_trunk=settings.target_trunk,
        chunk=settings.vocab_chunk if settings.cql_weight else 0,
        vocab_precision=settings.vocab_precision,
    )


def load_policy_beside(config: RecipeConfig, trunk: CausalLM, settings: IlqlSettings) -> CausalLM:
    """The BC policy that values guide: a model of its own (`full`), or an adapter or the bare base of the trunk.

    With `policy_weight` it moves, too: the model, the adapter, or a new adapter on the bare base.
    """
    if not isinstance(trunk, PeftModel):
        policy = load_backbone(config.init_from, dtype=torch.float32, device=str(trunk.device))
        return policy.requires_grad_(settings.policy_weight > 0)
    start = local_copy(config.init_from)
    if is_adapter(start):
        load_policy_adapter(trunk, start)
    elif settings.policy_weight:
        trunk.add_adapter(POLICY_ADAPTER, trunk.peft_config[VALUE_ADAPTER])
        trunk.set_adapter(VALUE_ADAPTER)
    if settings.policy_weight:
        for name, parameter in trunk.named_parameters():
            if f".{POLICY_ADAPTER}." in name:
                parameter.requires_grad_(True)
    return trunk
