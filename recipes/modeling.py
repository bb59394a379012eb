"""The door to trained models: `load_policy` reads whatever `recipes.train` wrote, and any causal LM.

policy = load_policy("outputs/tiny/filtered_bc_lora")
policy.generate([problem])        # [" <QUE> How many pens ...? </QUE> <QUE> ...? </QUE>"]
"""

from __future__ import annotations

from pathlib import Path

from recipes.methods.ilql.settings import is_guided
from recipes.models.chat_template import DELIMITERS
from recipes.models.checkpoint import check_finished, recorded_format
from recipes.models.load import default_device, hide_notices, load_model, load_tokenizer, local_copy, pick_dtype
from recipes.models.policy import Policy
from recipes.models.types import CausalLM

__all__ = ["Policy", "load_policy"]


def load_policy(
    path: str | Path,
    device: str | None = None,
    *,
    text_format: str = "",
    untrained_format: str = DELIMITERS,
    four_bit: bool = False,
    revision: str = "",
) -> Policy:
    """Loads what a recipe wrote, or any causal LM folder, for decoding.

    Args:
        path: a full checkpoint, an adapter folder, a policy guided by values (ILQL), or the Hub id of any of them.
        device: "cpu", "cuda", "cuda:1"; None: a GPU if there is one.
        text_format: see `models.chat_template`; empty: what the folder's recipe.yaml says.
        untrained_format: where no recipe.yaml says it.
        four_bit: load the (base) weights in NF4.
        revision: of a Hub id.

    Raises:
        UserError: there is no such checkpoint, it is half-written, or an adapter's base is missing.
    """
    check_finished(path)
    hide_notices()
    device = device or default_device()
    source = local_copy(path, revision)
    model: CausalLM
    if is_guided(source):
        from recipes.methods.ilql.guided_policy import load_guided

        model = load_guided(source, pick_dtype("auto", device), device, four_bit=four_bit)
    else:
        model = load_model(source, device, revision=revision, four_bit=four_bit)
    tokenizer = load_tokenizer(source, revision)
    return Policy(model.eval(), tokenizer, text_format or recorded_format(source) or untrained_format, str(path))
