"""The folder of a guided policy: written by training, read by `modeling.load_policy`, ready to push.

    config.json             {"model_type": "ilql", "adapter": "lora", "beta": 1.0, "top_k": 32, "heads": {...}, ...}
    heads.safetensors       V and Q heads (the target copies are training's business)
    value/                  the value trunk: a LoRA adapter, or all its weights
    policy/                 the BC policy, the same way; absent where it is the adapters' bare base
    tokenizer.json ...      written by `recipes.train`

`value/` and `policy/` are ordinary PEFT or transformers folders; config.json holds all that decoding needs.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from dataset_builder.core.errors import UserError
from dataset_builder.core.files import write_json
from recipes.methods.ilql.guided_policy import Decoding, GuidedModel
from recipes.methods.ilql.heads import ValueHeads
from recipes.methods.ilql.value_model import POLICY_ADAPTER, VALUE_ADAPTER, load_policy_adapter
from recipes.modeling import is_adapter, load_adapter, load_backbone

if TYPE_CHECKING:
    import torch

CONFIG_FILE, HEADS_FILE = "config.json", "heads.safetensors"
MODEL_TYPE = "ilql"
POLICY, VALUE = "policy", "value"


def is_guided(path: str | Path) -> bool:
    """Whether `path` is a folder that `save_guided` wrote."""
    return (Path(path) / HEADS_FILE).is_file()


def save_guided(model: GuidedModel, folder: Path) -> None:
    """Writes policy, values and decoding into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    if model.trunk is None:
        _save_adapters(model.policy, folder)
    else:
        model.policy.save_pretrained(folder / POLICY)
        model.trunk.save_pretrained(folder / VALUE)
    heads = {name: tensor.contiguous() for name, tensor in model.heads.state_dict().items() if "target_" not in name}
    save_file(heads, folder / HEADS_FILE)
    facts = {
        "model_type": MODEL_TYPE,
        "architectures": [type(model).__name__],
        "adapter": "full" if model.trunk is not None else "lora",
        **dataclasses.asdict(model.decoding),
        "heads": model.heads.shape,
    }
    _write_config(folder, facts)


def write_decoding(folder: Path, decoding: Decoding) -> None:
    """Replaces how the policy of `folder` decodes; its weights stay."""
    _write_config(folder, _read_config(folder) | dataclasses.asdict(decoding))


def load_guided(
    path: str, dtype: torch.dtype, device: str, *, four_bit: bool = False, decoding: Decoding | None = None
) -> GuidedModel:
    """The guided policy of a folder, ready to decode.

    Args:
        path: the folder.
        dtype: precision of policy and trunk; values are computed in float32.
        device: where to.
        four_bit: load the shared base in NF4.
        decoding: another beta or restriction than the folder's own.

    Raises:
        UserError: the folder is damaged, or the adapters' base is missing.
    """
    folder = Path(path)
    facts = _read_config(folder)
    trunk, policy = _load_trunk_and_policy(folder, facts["adapter"], dtype, device, four_bit)
    heads = ValueHeads(**facts["heads"]).to(device)
    try:
        heads.load_state_dict(load_file(folder / HEADS_FILE, device=device), strict=False)
    except (SafetensorError, RuntimeError, OSError) as error:
        raise UserError(f"{folder / HEADS_FILE} is damaged ({error}); train or download again") from error
    own = {field.name: facts[field.name] for field in dataclasses.fields(Decoding)}
    return GuidedModel(policy, trunk, heads, decoding or Decoding(**own))


def _write_config(folder: Path, facts: dict[str, Any]) -> None:
    write_json(folder / CONFIG_FILE, facts)


def _read_config(folder: Path) -> dict[str, Any]:
    try:
        facts: dict[str, Any] = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
        if facts["model_type"] != MODEL_TYPE:
            raise UserError(f"{folder / CONFIG_FILE} is of a {facts['model_type']!r} model, not of {MODEL_TYPE!r}")
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{folder / CONFIG_FILE} is missing or damaged ({error}); train or download again") from error
    return facts


def _load_trunk_and_policy(
    folder: Path, adapter: str, dtype: torch.dtype, device: str, four_bit: bool
) -> tuple[Any, Any]:
    value, policy = str(folder / VALUE), str(folder / POLICY)
    if adapter == "full":
        return (
            load_backbone(value, dtype=dtype, device=device, four_bit=four_bit).eval(),
            load_backbone(policy, dtype=dtype, device=device, four_bit=four_bit).eval(),
        )
    trunk = load_adapter(value, dtype, device=device, four_bit=four_bit)
    if is_adapter(policy):
        load_policy_adapter(trunk, policy)
    return trunk.eval(), trunk


def _save_adapters(model: Any, folder: Path) -> None:
    """Both adapters as folders of their own (PEFT puts all but "default" one level deeper)."""
    model.save_pretrained(folder / VALUE, selected_adapters=[VALUE_ADAPTER])
    if POLICY_ADAPTER in model.peft_config:
        model.save_pretrained(folder, selected_adapters=[POLICY_ADAPTER])
    for card in folder.glob("*/README.md"):  # PEFT's unfilled card; `model_cards` writes ours
        card.unlink()
