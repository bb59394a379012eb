"""Which licence the weights of a fine-tuned model may carry: that of its base, with what the base's terms ask for.

A backbone of recipes/configs carries its licence in its file. Any other base that is not in the table needs
`--licence`, as on its own card. Each row is a reading of the base's card and licence text as of 2026-11-21, not
legal advice.
"""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass

from dataset_builder.core.errors import UserError
from dataset_builder.hub.card_rules import LICENCES
from recipes.config.backbones import find_backbone


@dataclass(frozen=True)
class Licence:
    """A licence as the Hub names it, and what its terms ask of a model made from the base."""

    identifier: str
    """Such as apache-2.0."""
    duty: str = ""
    """What the card has to say; empty: nothing."""
    name_prefix: str = ""
    """What the derived model's name must begin with; empty: nothing."""


_LLAMA = "Built with Llama. The base's community licence and acceptable-use policy also apply to this model."
_GEMMA = "The Gemma terms and their prohibited-use policy also apply to this model, and must be passed on with it."
_BASES: dict[Licence, tuple[str, ...]] = {
    Licence("apache-2.0"): (
        "mistralai/Mistral-7B-*",
        "distilbert/distilgpt2",
        "distilgpt2",
        "HuggingFaceTB/SmolLM*",
        "Qwen/Qwen2.5-0.5B*",
        "Qwen/Qwen2.5-1.5B*",
        "Qwen/Qwen2.5-7B*",
        "Qwen/Qwen3-*",
    ),
    Licence("mit"): ("openai-community/gpt2*", "gpt2*"),
    Licence("llama2", _LLAMA): ("meta-llama/Llama-2-*",),
    Licence("llama3", _LLAMA, "Llama-3"): ("meta-llama/Meta-Llama-3-*",),
    Licence("llama3.1", _LLAMA, "Llama"): ("meta-llama/*Llama-3.1-*",),
    Licence("llama3.2", _LLAMA, "Llama"): ("meta-llama/Llama-3.2-*",),
    Licence("llama3.3", _LLAMA, "Llama"): ("meta-llama/Llama-3.3-*",),
    Licence("gemma", _GEMMA): ("google/gemma-*",),
}
"""Licence -> patterns of the Hub ids of its bases."""


def licence_of_weights(base_model: str | None, given: str, name: str, of_data: str = "apache-2.0") -> Licence:
    """The licence of weights made from `base_model`.

    Args:
        base_model: the base's Hub id; None: the weights were drawn at random.
        given: what the user says; may fill a gap, not contradict the base.
        name: the model's own name; some licences ask for a prefix.
        of_data: that of the training data, which weights without a base take; empty: nobody states it.

    Raises:
        UserError: the licence is not known, not the Hub's, not the base's, or the name breaks its terms.
    """
    if given and given not in LICENCES:
        raise UserError(f"--licence {given!r} is no identifier of the Hub's, such as apache-2.0 or llama3.1")
    if base_model is None:
        if not (given or of_data):
            raise UserError(
                "the licence of the weights is missing, and that of their data is not stated: give --licence"
            )
        return Licence(given or of_data)
    known = _known(base_model)
    if known is None:
        if not given:
            raise UserError(f"the licence of the weights is missing: give --licence, as on the card of {base_model}")
        return Licence(given)
    if given and given != known.identifier:
        raise UserError(
            f"--licence {given} contradicts {base_model}, whose licence {known.identifier} also applies to derived "
            "models"
        )
    if not name.lower().startswith(known.name_prefix.lower()):
        raise UserError(
            f"the licence of {base_model} requires a model's name to begin with {known.name_prefix}, found {name}: "
            "choose another --repo_id"
        )
    return known


def _known(base_model: str) -> Licence | None:
    """The table's row of a base, else what its file in recipes/configs/backbones says."""
    for licence, patterns in _BASES.items():
        if any(fnmatch.fnmatchcase(base_model, pattern) for pattern in patterns):
            return licence
    backbone = find_backbone(base_model)
    if not backbone or not backbone.licence:
        return None
    by_identifier = {licence.identifier: licence for licence in _BASES}
    return by_identifier.get(backbone.licence, Licence(backbone.licence))
