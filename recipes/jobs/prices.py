"""What a Hugging Face Job costs: flavours with a GPU fit for these recipes, and their price an hour.

Reads the Hub's own list where it can be reached; else the table below, which carries its date. A flavour's GPU is
what `recipes.plan` plans for.

Source: https://huggingface.co/docs/hub/jobs-pricing; only the T4 rows were read there on the table's date, the others
are from earlier knowledge and unconfirmed, which the printed line says.
"""

from __future__ import annotations

from dataclasses import dataclass

from dataset_builder.core.errors import UserError
from recipes.planning.gpus import Gpu

PRICES_DATE = "2026-11-21"
HOURS = {"minute": 60.0, "hour": 1.0, "second": 3600.0}


@dataclass(frozen=True)
class Flavor:
    """One kind of machine a Job can run on."""

    name: str
    """As the Hub has it."""
    gpu: Gpu
    """Each of its GPUs, as plans see it."""
    gpus: int
    """How many of them."""
    usd_per_hour: float
    """Where the Hub cannot be asked."""


# T4 has no bfloat16, so it is not here.
FLAVORS: dict[str, Flavor] = {
    flavor.name: flavor
    for flavor in (
        Flavor("l4x1", Gpu("l4x1", 24, 121, "1 x L4"), 1, 0.80),
        Flavor("a10g-small", Gpu("a10g-small", 24, 70, "1 x A10G"), 1, 1.00),
        Flavor("a10g-large", Gpu("a10g-large", 24, 70, "1 x A10G"), 1, 1.50),
        Flavor("a10g-largex2", Gpu("a10g-largex2", 24, 70, "2 x A10G"), 2, 3.00),
        Flavor("l40sx1", Gpu("l40sx1", 48, 362, "1 x L40S"), 1, 1.80),
        Flavor("a100-large", Gpu("a100-large", 80, 312, "1 x A100"), 1, 2.50),
        Flavor("h200", Gpu("h200", 141, 989, "1 x H200"), 1, 5.00),
    )
}


def flavor_named(name: str) -> Flavor:
    """The flavour of that name.

    Raises:
        UserError: there is none.
    """
    if name not in FLAVORS:
        raise UserError(f"unknown flavour {name!r}; known: {', '.join(FLAVORS)}")
    return FLAVORS[name]


def prices_now() -> tuple[dict[str, float], str]:
    """(USD per hour by flavour, where from): the Hub's list, or the table where the Hub cannot be asked."""
    from huggingface_hub import HfApi

    try:
        listed = HfApi().list_jobs_hardware(token=False)
        priced = [hardware for hardware in listed if hardware.unit_label in HOURS]
        live = {hardware.name: hardware.unit_cost_usd * HOURS[hardware.unit_label] for hardware in priced}
    except Exception:  # offline, refused, changed: a price is shown all the same, with what is known of it
        live = {}
    if live:
        return {name: live[name] for name in FLAVORS if name in live}, "the Hub's list, now"
    origin = f"our table of {PRICES_DATE}, unconfirmed; the Hub gave no list"
    return {name: flavor.usd_per_hour for name, flavor in FLAVORS.items()}, origin
