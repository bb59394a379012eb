"""4 bit on a CPU, the whole way for each family: NF4 load, LoRA on all linear maps, train, save, load, generate."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file
from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from transformers import MistralConfig, MistralForCausalLM  # isort: skip

from dataset_builder.micro_gsm.problems import generate_problems
from recipes.config.recipe import RecipeConfig
from recipes.modeling import load_policy
from recipes.train import run_recipe
from recipes.training.record import read_train_record

Recipe = Callable[..., RecipeConfig]
SIZE: dict[str, Any] = {
    "hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 1, "num_attention_heads": 2,
    "num_key_value_heads": 1, "max_position_embeddings": 512,
}  # fmt: skip
NO_ENDS: dict[str, Any] = {"bos_token_id": None, "eos_token_id": None}
LLAMA_LAYERS = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}
FAMILIES: dict[str, Any] = {
    "llama": (lambda words: LlamaForCausalLM(LlamaConfig(vocab_size=words, **SIZE)), LLAMA_LAYERS),
    "mistral": (lambda words: MistralForCausalLM(MistralConfig(vocab_size=words, **SIZE)), LLAMA_LAYERS),
    "gpt2": (
        lambda words: GPT2LMHeadModel(
            GPT2Config(vocab_size=words, n_embd=128, n_layer=1, n_head=2, n_positions=512, **NO_ENDS)
        ),
        {"c_attn", "c_proj", "c_fc"},
    ),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_qlora_goes_the_whole_way(family: str, bc_checkpoint: Path, recipe: Recipe, tmp_path: Path) -> None:
    build, layers = FAMILIES[family]
    tokenizer = AutoTokenizer.from_pretrained(bc_checkpoint)
    build(len(tokenizer)).save_pretrained(tmp_path / family)
    tokenizer.save_pretrained(tmp_path / family)
    config = recipe(
        tmp_path / "out",
        backbone=str(tmp_path / family),
        adapter="qlora",
        optimizer="paged_adamw_8bit",
        gradient_checkpointing=True,
        learning_rate=1e-2,
        max_steps=3,
        micro_batch_size=4,
    )
    out = run_recipe(config)
    saved = load_file(out / "adapter_model.safetensors")
    assert {name.split(".lora_")[0].rpartition(".")[2] for name in saved} == layers
    assert all(weight.abs().sum() > 0 for name, weight in saved.items() if ".lora_B." in name)
    record = read_train_record(out)
    assert record.loss_curve[-1][1] < record.loss_curve[0][1]
    policy = load_policy(out, "cpu", four_bit=True)
    base = policy.model.get_base_model()
    packed = [module for module in base.modules() if type(module).__name__ == "Linear4bit"]
    assert len(packed) >= len(layers)
    quantised = packed[0].weight.quant_state
    assert (quantised.quant_type, quantised.nested) == ("nf4", True)
    problems = generate_problems("test", 2, 0)
    assert policy.generate(problems, max_new_tokens=4) == [
        reply for problem in problems for reply in policy.generate([problem], max_new_tokens=4)
    ]
