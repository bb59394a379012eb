"""How much memory one micro-batch of a recipe needs at its peak, by arithmetic.

Reads a recipe and a shape; gives bytes, part by part:

    weights      bfloat16 under a LoRA, NF4 with double quantisation under QLoRA, float32 when all weights move
    trained      float32 gradients and optimiser state of what moves, and the LoRA matrices with their float32 masters
    activations  what the backward pass of one micro-batch needs, per layer and token (fewer with checkpointing)
    loss         logits and their gradient, in tiles on a GPU, and the gradients on their way through one layer
    runtime      CUDA context and libraries, or a Python process with torch on a CPU

The value heads of ilql_* count among weights and trained; a policy trained beside them is a second text per row:

    value_heads(config, shape)   -> (158_035_107, 156_852_386) for GPT-2 small: what moves, and its slow copies

The activation coefficients are bytes per token and layer, counted from the tensors that autograd keeps for the layers
of transformers 5.23 (`tests/recipes/planning/test_memory.py` counts them again). What an allocator wastes is `SLACK`.
Four runs on an H200 (2026-11-26) are met within 0.95 to 1.2 of what the card had in use (`test_calibration.py` there).
"""

from __future__ import annotations

from dataclasses import dataclass

from recipes.config.methods import METHODS
from recipes.config.recipe import RecipeConfig, rewards_of
from recipes.config.settings import TWINS
from recipes.config.solver import SOLVER_ROWS, model_here
from recipes.models.limits import KEPT_LOGITS
from recipes.planning.shapes import Shape, shape_beside

GIB = 2**30
SLACK = 1.08
CUDA_CONTEXT = 0.55 * GIB
CPU_PROCESS = 0.85 * GIB
NF4_BYTES = 0.5 + 0.127 / 8
"""Per weight: four bits, and 0.127 bits for the doubly quantised scales (arXiv 2305.14314, section 3)."""
ANSWER_TOKENS = 1000
"""Of the longest prompts of a solver with their replies."""
LOSS_TILE = (4096, 32768)
"""Trained tokens and words of the vocabulary that the chunked cross-entropy of a GPU projects at a time."""


@dataclass(frozen=True)
class Kept:
    """Bytes per token and layer that autograd keeps, per unit of each width."""

    hidden: float
    """Of the hidden states."""
    attention: float = 0.0
    """Of all query heads together."""
    cached: float = 0.0
    """Of all key heads together."""
    inner: float = 0.0
    """Of the feed-forward block."""
    head_norms: float = 0.0
    """Of queries and keys, where they are normed."""


KEPT = {
    "gpt2_float32": Kept(hidden=128),
    "gpt2_bfloat16": Kept(hidden=68),
    "gpt2_bfloat16_dropout": Kept(hidden=96),
    "full_float32": Kept(24, 8, 8, 16, 8),
    "full_bfloat16": Kept(26, 4, 4, 8, 6),
    "lora_float32": Kept(16, 8, 8, 16, 4),
    "lora_bfloat16": Kept(19, 6.4, 4.3, 8.4, 4),
    "lora_bfloat16_dropout": Kept(39, 10.4, 4.3, 12.4, 4),
}


@dataclass(frozen=True)
class Memory:
    """Bytes at the peak of a run, part by part."""

    weights: float
    """Of the backbone, a reference, teacher or solver beside it, and value heads."""
    trained: float
    """Gradients, optimiser state, LoRA matrices."""
    activations: float
    """Kept for the backward pass, or the cache of a solver in this process."""
    loss: float
    """Logits and their gradient."""
    runtime: float
    """CUDA context or process."""

    @property
    def total(self) -> float:
        return SLACK * (self.weights + self.trained + self.activations + self.loss) + self.runtime


def estimate_memory(config: RecipeConfig, shape: Shape, tokens: int, *, on_gpu: bool = True) -> Memory:
    """The peak of a run that puts a micro-batch of so many tokens, padding included, through the model at once.

    Args:
        config: the recipe.
        shape: of its backbone.
        tokens: of the micro-batch.
        on_gpu: bfloat16 and a CUDA context, or float32 and a process.
    """
    half = on_gpu and config.precision != "float32"
    beside, cache = beside_bytes(config, shape, on_gpu)
    return Memory(
        weights=_weights(config, shape, half) + 4 * sum(value_heads(config, shape)) + beside,
        trained=_trained(config, shape, half),
        activations=max(_activations(config, shape, tokens, half), cache),  # never both at a time
        loss=_loss(config, shape, tokens, half, on_gpu),
        runtime=CUDA_CONTEXT if on_gpu else CPU_PROCESS,
    )


def passes(config: RecipeConfig) -> int:
    """How often a micro-batch goes through the backbone: twice where a policy is trained beside the values."""
    return 1 + trains_policy(config)


def keeps_reference(config: RecipeConfig) -> bool:
    """Whether the weights of the start stay in memory: grpo without a KL needs them no more.

    Nor does ILQL while it trains, where its policy stays as it is and no checkpoint is decoded with it.
    """
    unused = config.grpo is not None and config.grpo.kl == 0
    later = config.ilql is not None and not trains_policy(config) and config.choose_by == "last"
    return METHODS[config.method].needs_reference and not (unused or later)


def teacher_parameters(config: RecipeConfig, shape: Shape) -> int:
    """Weights of the teacher beside the student."""
    if config.distillation is None:
        return 0
    return shape_beside(config.distillation.teacher, shape).parameters


def models_beside(config: RecipeConfig) -> list[str]:
    """Folders or Hub ids of what answers and votes in this process, each once."""
    rewards = rewards_of(config)
    asked = [config.solver] if rewards or config.choose_by == "solver" else []
    asked += [rewards.feedback_model] if rewards else []
    return list(dict.fromkeys(path for path in map(model_here, asked) if path))


def beside_bytes(config: RecipeConfig, shape: Shape, on_gpu: bool) -> tuple[float, float]:
    """(weights of what answers in this process, its cache of the prompts that it decodes at once)."""
    wide, shapes = 2 if on_gpu else 4, [shape_beside(path, shape) for path in models_beside(config)]
    per_token = max((2 * item.layers * item.kv_heads * item.head_size * wide for item in shapes), default=0)
    return wide * sum(item.parameters for item in shapes), per_token * SOLVER_ROWS * ANSWER_TOKENS


def trained_parameters(config: RecipeConfig, shape: Shape) -> int:
    """How many weights move."""
    model = shape.parameters if config.adapter == "full" else shape.lora_parameters(config.lora_rank)
    return model * (1 + trains_policy(config)) + value_heads(config, shape)[0]


def trains_policy(config: RecipeConfig) -> bool:
    """Whether an ILQL recipe trains the policy beside the values."""
    return config.ilql is not None and config.ilql.policy_weight > 0


def value_heads(config: RecipeConfig, shape: Shape) -> tuple[int, int]:
    """(weights of V and the Q heads, weights of the Q heads' target copies), all float32; none for other methods."""
    if config.ilql is None:
        return 0, 0
    hidden, words = shape.hidden, shape.vocabulary
    wide, rank = 2 * hidden, config.ilql.head_rank
    into = {"mlp": (hidden + 1) * wide, "low_rank": hidden * rank, "linear": 0}
    width = {"mlp": wide, "low_rank": rank, "linear": hidden}
    kind = config.ilql.head_kind
    q = TWINS * (into[kind] + (width[kind] + 1) * words)
    return (hidden + 1) * wide + wide + 1 + q, q


def _weights(config: RecipeConfig, shape: Shape, half: bool) -> float:
    wide, teacher = 2 if half else 4, teacher_parameters(config, shape)
    if config.adapter == "full":
        # A frozen copy, or ILQL's policy; under a LoRA both are the one backbone.
        reference = 4 if keeps_reference(config) else 0
        copy = 2 if half else 0  # autocast keeps a bfloat16 copy for the backward pass
        return shape.parameters * (4 + reference + copy) + 4 * teacher
    if config.adapter == "lora":
        return (shape.parameters + teacher) * wide
    packed = shape.linear_parameters
    unpacked_for_use = 2 * max(inputs * outputs for inputs, outputs in shape.linears) * wide
    student = packed * NF4_BYTES + (shape.parameters - packed) * wide + unpacked_for_use
    return student * (1 + teacher / shape.parameters)


def _trained(config: RecipeConfig, shape: Shape, half: bool) -> float:
    state = 2 if "8bit" in config.optimizer else 8
    # A LoRA's matrices: bfloat16 that computes beside float32 masters that learn, or float32 alone.
    matrices = 0 if config.adapter == "full" else 6 if half else 4
    moving, heads = trained_parameters(config, shape), value_heads(config, shape)[0]  # heads are among the weights
    return moving * (matrices + 4 + state) - heads * matrices


def _activations(config: RecipeConfig, shape: Shape, tokens: int, half: bool) -> float:
    layer = _kept_per_token(config, shape, half) * tokens
    if not config.gradient_checkpointing:
        return passes(config) * shape.layers * layer
    stream = (2 if half and config.adapter != "full" else 4) * shape.hidden * tokens
    return passes(config) * shape.layers * stream + layer  # one layer at a time is there whole


def _kept_per_token(config: RecipeConfig, shape: Shape, half: bool) -> float:
    width = "bfloat16" if half else "float32"
    dropout = "_dropout" if config.adapter != "full" and half and config.lora_dropout else ""
    adapter = "full" if config.adapter == "full" else "lora"
    kept = KEPT[f"{adapter if shape.gated else 'gpt2'}_{width}{dropout}"]
    attention, cached = shape.heads * shape.head_size, shape.kv_heads * shape.head_size
    normed = kept.head_norms * (attention + cached) if shape.head_norms else 0
    widths = kept.hidden * shape.hidden + kept.attention * attention + kept.cached * cached
    return widths + kept.inner * shape.inner + normed


def _loss(config: RecipeConfig, shape: Shape, tokens: int, half: bool, on_gpu: bool) -> float:
    rows, words = LOSS_TILE
    wide = 2 if half else 4
    streams = 4 * tokens * max(shape.hidden, shape.inner) * wide
    if config.ilql:
        kept = min(tokens * shape.vocabulary, KEPT_LOGITS) if trains_policy(config) else 0
        return 4 * (config.ilql.vocab_chunk * shape.vocabulary + 2 * kept) + streams
    logits = (
        min(tokens, rows) * min(shape.vocabulary, words) if on_gpu else min(tokens * shape.vocabulary, KEPT_LOGITS)
    )
    return 2 * logits * wide + streams
