"""Weights and tokenizers of a folder or of the Hub, in the right precision: the one loader of causal LMs.

Reads a Hub id or a folder, full or adapter; training, decoding and evaluation load through here:

    model = load_backbone("openai-community/gpt2", dtype=pick_dtype())
    model = load_adapter("outputs/mistral-7b/bc_qlora", pick_dtype(), four_bit=True)

What the user can mend (missing, gated, damaged) is one line.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from dataset_builder.core.errors import UserError
from dataset_builder.core.hub_ids import hub_url, is_on_hub
from dataset_builder.hub.connection import hub_or_cache
from recipes.models.checkpoint import PUBLISHED, RECIPE_FILE, adapter_base, check_named, is_adapter, lasting_name
from recipes.models.types import CausalLM, Tokenizer

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from transformers import PreTrainedModel

Loaded = TypeVar("Loaded")


def hide_notices() -> None:
    """Hides transformers' bars of loading and saving, and peft's notice of missing 4-bit kernels for CPUs.

    A download keeps its bar on a terminal: that one is the Hub's.
    """
    from transformers.utils import logging as transformers_logging

    logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)
    transformers_logging.set_tqdm_hook(lambda _, args, kwargs: transformers_logging.EmptyTqdm(*args, **kwargs))


def pick_dtype(precision: str = "auto", device: str | None = None) -> torch.dtype:
    """bfloat16 on a GPU that has it, else float32: most CPUs are 15 to 75 times slower in bfloat16."""
    import torch

    if precision != "auto":
        return torch.bfloat16 if precision == "bfloat16" else torch.float32
    on_gpu = torch.cuda.is_available() if device is None else device.startswith("cuda")
    return torch.bfloat16 if on_gpu and torch.cuda.is_bf16_supported() else torch.float32


def default_device() -> str:
    """The first GPU if there is one, else the CPU."""
    import torch

    return "cuda:0" if torch.cuda.is_available() else "cpu"


def has_flash_attention() -> bool:
    """Whether FlashAttention is installed, and a GPU is here that it runs on."""
    import torch
    from transformers.utils import is_flash_attn_2_available

    return bool(torch.cuda.is_available() and is_flash_attn_2_available())


def load_tokenizer(source: str, revision: str = "") -> Tokenizer:
    """The tokenizer of a folder or Hub id, with a pad token that is never trained on.

    Raises:
        UserError: there is none, or it may not be read.
    """
    from transformers import AutoTokenizer

    tokenizer: Tokenizer = from_hub(source, lambda: AutoTokenizer.from_pretrained(source, revision=revision or None))
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.unk_token or tokenizer.eos_token
    return tokenizer


def load_backbone(
    source: str, *, revision: str = "", dtype: torch.dtype, device: str | None = None, four_bit: bool = False
) -> PreTrainedModel:
    """A causal LM of a folder or Hub id, with FlashAttention where a GPU has it.

    Args:
        source: the folder or Hub id.
        revision: of the Hub id; empty: the newest.
        dtype: of the weights, or of what is computed with them in 4 bit.
        device: where to; None: left where transformers puts it (the CPU, or in 4 bit a GPU if there is one).
        four_bit: NF4 with double quantisation.

    Raises:
        UserError: there is no such model, it is gated, or its files are damaged.
    """
    import torch
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    hide_notices()
    options: dict[str, Any] = {"dtype": dtype, "revision": revision or None}
    if four_bit:
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=dtype,
        )
        options["device_map"] = {"": device or default_device()}
    on_gpu = dtype is torch.bfloat16 and (device or "cuda").startswith("cuda")
    if on_gpu and has_flash_attention():
        options["attn_implementation"] = "flash_attention_2"
    model: PreTrainedModel = from_hub(source, lambda: AutoModelForCausalLM.from_pretrained(source, **options))
    if device is not None and not four_bit:
        model.to(device)  # type: ignore[arg-type]
    return model


def load_model(source: str, device: str, *, revision: str = "", four_bit: bool = False) -> CausalLM:
    """A causal LM of a folder or Hub id, bare or an adapter on its base, ready to decode on a device.

    Args:
        source: see `local_copy`.
        device: where to.
        revision: see `load_backbone`.
        four_bit: see `load_backbone`.

    Raises:
        UserError: it, or an adapter's base, is missing, gated or damaged.
    """
    dtype = pick_dtype("auto", device)
    if is_adapter(source):
        return load_adapter(source, dtype, device=device, four_bit=four_bit).eval()
    return load_backbone(source, revision=revision, dtype=dtype, device=device, four_bit=four_bit).eval()


def load_adapter(
    path: str, dtype: torch.dtype, *, device: str | None = None, four_bit: bool = False, trainable: bool = False
) -> PeftModel:
    """An adapter folder on its base model.

    Args:
        path: the adapter's folder.
        dtype: of the base, see `load_backbone`.
        device: of the base, see `load_backbone`.
        four_bit: load the base in NF4.
        trainable: to resume training the same adapter.

    Raises:
        UserError: the adapter or its base is missing, gated or damaged.
    """
    from peft import PeftModel

    base = adapter_base(path)
    backbone = load_backbone(base, dtype=dtype, device=device, four_bit=four_bit)
    model: PeftModel = from_hub(path, lambda: PeftModel.from_pretrained(backbone, path, is_trainable=trainable))
    if not trainable:
        cast_adapters(model, dtype)
    model.peft_config["default"].base_model_name_or_path = lasting_name(base)  # trained on, it is saved elsewhere
    return model


def cast_adapters(model: CausalLM, dtype: torch.dtype) -> None:
    """LoRA matrices into the type that they compute in; PEFT leaves them in float32, to be cast at each use."""
    for name, weight in model.named_parameters():
        if ".lora_" in name:
            weight.data = weight.data.to(dtype)


def backbone_of(model: CausalLM) -> PreTrainedModel:
    """The causal LM itself, under its adapters where it has any."""
    from peft import PeftModel

    return cast("PreTrainedModel", model.get_base_model()) if isinstance(model, PeftModel) else model


def local_copy(path: str | Path, revision: str = "") -> str:
    """The folder of a checkpoint: itself, or the downloaded copy of one that was published from a recipe.

    What a checkpoint is (adapter, guided policy) and which text it reads stand in its files. A Hub id without a
    recipe.yaml is an ordinary model's and stays as it is: transformers downloads what it needs of it.

    Raises:
        UserError: there is no such folder or repository, or it may not be read.
    """
    from huggingface_hub import hf_hub_download, snapshot_download
    from huggingface_hub.errors import EntryNotFoundError

    source = str(path)

    def fetch() -> str:
        try:
            hf_hub_download(source, RECIPE_FILE, revision=revision or None)
        except EntryNotFoundError:
            return source
        return str(snapshot_download(source, revision=revision or None, allow_patterns=list(PUBLISHED)))

    return source if Path(source).exists() or "/" not in source else from_hub(source, fetch)


def from_hub(source: str, load: Callable[[], Loaded]) -> Loaded:
    """Runs a loader; what the user can mend (missing, gated, damaged) becomes one line.

    Raises:
        UserError: the loader fails.
    """
    from safetensors import SafetensorError

    check_named(source)
    out_of_reach = hub_or_cache() if is_on_hub(source) else None
    try:
        return load()
    except SafetensorError as error:
        raise UserError(
            f"the weights in {source} are damaged or half-written ({error}); train or download again"
        ) from error
    except (OSError, ValueError) as error:  # transformers refuses an unreadable configuration with a ValueError
        raise UserError(f"cannot load {source}: {_reason(source, error, out_of_reach)}") from error


def _reason(source: str, error: Exception, out_of_reach: str | None) -> str:
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    causes = (error, error.__cause__)  # transformers wraps the Hub's error in an OSError of its own
    if any(isinstance(cause, GatedRepoError) for cause in causes):
        return f"it is gated: accept its terms on {hub_url(source)} and run `hf auth login`"
    if any(isinstance(cause, RepositoryNotFoundError) for cause in causes):
        return "the Hub has no such model, or it is private; check the name, or run `hf auth login`"
    if out_of_reach and isinstance(error, OSError):
        return f"it is not here, nor among the downloads, and the Hub cannot be asked ({out_of_reach})"
    return str(error).splitlines()[0] if str(error) else type(error).__name__
