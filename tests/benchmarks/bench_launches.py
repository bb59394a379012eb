"""Kernels that a decoder layer launches per micro-batch, ours beside TRL's defaults: what a GPU waits for.

    make bench-launches [ARGS="--compiled"]          # a minute on a CPU; compiling takes three

Mistral's layer at width 128 with a LoRA of rank 8 on every linear map, forward and backward, counted as dispatched
operations apart from views: those of four layers less those of two, halved. A compiled layer has what inductor makes
of it: its kernels, and the products it leaves as they are. Numbers do not depend on the machine; written to
outputs/bench/launches.json.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from collections import Counter
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from dataset_builder.core.files import write_json
from dataset_builder.core.markdown import draw_table
from eval_harness.reporting.markers import put_between_markers

CASTS = ("aten._to_copy.default",)
LAUNCH = re.compile(r"^ +(?:cpp_fused\w+\(|extern_kernels\.\w+\(|\w+ = torch\.ops\.)", re.MULTILINE)
"""A call of a kernel in the code that inductor writes for a CPU."""
VIEWS = ("aten._unsafe_view.default", "aten.detach.default")


@dataclass(frozen=True)
class Way:
    """How a layer with a LoRA is trained."""

    lora: torch.dtype = torch.bfloat16
    autocast: bool = False
    recomputed: bool = False
    four_bit: bool = False


WAYS = {
    "trl's defaults, LoRA (float32 under autocast, recomputed)": Way(torch.float32, autocast=True, recomputed=True),
    "trl's defaults, QLoRA (bf16 under autocast, recomputed)": Way(autocast=True, recomputed=True, four_bit=True),
    "ours before 2026-11-27, LoRA": Way(torch.float32, autocast=True, recomputed=True),
    "ours before 2026-11-27, QLoRA": Way(torch.float32, autocast=True, recomputed=True, four_bit=True),
    "ours, LoRA, recomputed": Way(recomputed=True),
    "ours, LoRA": Way(),
    "ours, QLoRA, recomputed": Way(recomputed=True, four_bit=True),
    "ours, QLoRA": Way(four_bit=True),
}


class KernelCounter(TorchDispatchMode):
    """Counts dispatched operations, apart from those that only look at a tensor in another way."""

    def __init__(self) -> None:
        super().__init__()
        self.kernels: Counter[str] = Counter()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        looks = any(item.alias_info is not None and not item.alias_info.is_write for item in func._schema.returns)
        if not looks and str(func) not in VIEWS:
            self.kernels[str(func)] += 1
        return func(*args, **(kwargs or {}))


def mistral(way: Way, layers: int) -> Any:
    """A Mistral of `layers` layers with a LoRA, ready to train as `way` says."""
    from peft import LoraConfig, get_peft_model
    from transformers import MistralConfig, MistralForCausalLM

    from recipes.models.load import cast_adapters, load_backbone

    torch.manual_seed(0)
    size = {"hidden_size": 128, "intermediate_size": 256, "num_attention_heads": 4, "num_key_value_heads": 2}
    plain = MistralForCausalLM(MistralConfig(vocab_size=128, num_hidden_layers=layers, **size)).to(torch.bfloat16)
    if way.four_bit:
        with tempfile.TemporaryDirectory() as folder:
            plain.save_pretrained(folder)
            plain = load_backbone(folder, dtype=torch.bfloat16, device="cpu", four_bit=True)
    model = get_peft_model(plain, LoraConfig(r=8, target_modules="all-linear", task_type="CAUSAL_LM"))
    cast_adapters(model, way.lora)
    if way.recomputed:
        model.gradient_checkpointing_enable({"use_reentrant": False})
        model.enable_input_require_grads()
    return model.train()


def step(model: Any, way: Way) -> float:
    """Forward and backward of one micro-batch of two padded rows; gives the loss."""
    ids = torch.arange(32).reshape(2, 16)
    mask = torch.ones_like(ids)
    mask[0, -3:] = 0
    with torch.autocast("cpu", torch.bfloat16) if way.autocast else nullcontext():
        loss = model(input_ids=ids, labels=ids, attention_mask=mask, use_cache=False).loss
    loss.backward()
    return float(loss.detach())


def kernels_of_a_layer(way: Way) -> dict[str, int]:
    """{"kernels", "casts"} of one layer and micro-batch."""

    def counted(layers: int) -> Counter[str]:
        model = mistral(way, layers)
        with KernelCounter() as counter:
            step(model, way)
        return counter.kernels

    four, two = counted(4), counted(2)
    more = {name: (four[name] - two[name]) // 2 for name in four}
    return {"kernels": sum(more.values()), "casts": sum(more[name] for name in CASTS if name in more)}


def compiled_kernels(way: Way) -> dict[str, int]:
    """The same of a compiled layer: the calls in the code that inductor writes for two, halved."""
    from torch._inductor.utils import fresh_inductor_cache, run_and_get_code

    from recipes.models.compile_layers import compile_layers

    model = mistral(way, 2)
    compile_layers(model)
    with fresh_inductor_cache():
        _, codes = run_and_get_code(step, model, way)
    return {"kernels": sum(len(LAUNCH.findall(code)) for code in codes) // 2, "casts": 0}


def main() -> None:
    import transformers

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--compiled",
        action="store_true",
        help="also compile a layer, which takes minutes, and write tests/benchmarks/gpu/README.md",
    )
    options = parser.parse_args()
    transformers.utils.logging.disable_progress_bar()
    counts = {name: kernels_of_a_layer(way) for name, way in WAYS.items()}
    if options.compiled:
        counts |= {f"{name}, compiled": compiled_kernels(WAYS[name]) for name in ("ours, LoRA", "ours, QLoRA")}
    rows = [[name, str(count["kernels"]), str(count["casts"])] for name, count in counts.items()]
    table = draw_table(["a layer and micro-batch", "kernels", "of them casts"], rows, right_from=1)
    print(table)
    if options.compiled:
        put_between_markers(Path("tests/benchmarks/gpu/README.md"), "launches", table)
    path = Path("outputs/bench/launches.json")
    ways = {name: {key: str(value) for key, value in asdict(way).items()} for name, way in WAYS.items()}
    write_json(path, {"kernels": counts, "ways": ways, "torch": torch.__version__})


if __name__ == "__main__":
    main()
