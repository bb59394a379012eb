"""What the base install leaves out: torch and what trains on it, pages, servers, trackers; each is an extra.

>>> extra_message("torch")
'this needs torch, which is not installed: pip install "gsm8k-ai-subq[train]"'
"""

from __future__ import annotations

DISTRIBUTION = "gsm8k-ai-subq"
EXTRAS = {
    "train": ("torch", "transformers", "trl", "peft", "accelerate", "bitsandbytes", "safetensors", "trackio"),
    "metrics": ("evaluate",),
    "gguf": ("gguf",),
    "space": ("gradio",),
    "vllm": ("vllm",),
    "liger": ("liger_kernel",),
    "wandb": ("wandb",),
    "tensorboard": ("tensorboard",),
}
"""Extra of pyproject.toml -> the packages that it brings, as they are imported."""


def extra_message(package: str) -> str | None:
    """What a user reads where a package is missing; None for one that no extra brings."""
    name = package.partition(".")[0]
    extra = next((extra for extra, packages in EXTRAS.items() if name in packages), None)
    return f'this needs {name}, which is not installed: pip install "{DISTRIBUTION}[{extra}]"' if extra else None
