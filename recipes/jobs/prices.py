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
    gpu: Gpu
    gpus: int
    usd_per_hour: float


def _flavor(name: str, memory: float, teraflops: float, gpu: str, gpus: int, price: float) -> Flavor:
    return Flavor(name, Gpu(name, memory, teraflops, f"{gpus} x {gpu}"), gpus, price)


# T4 has no bfloat16, so it is not here.
FLAVORS: dict[str, Flavor] = {
    one.name: one
    for one in (
        _flavor("l4x1", 24, 121, "L4", 1, 0.80),
        _flavor("a10g-small", 24, 70, "A10G", 1, 1.00),
        _flavor("a10g-large", 24, 70, "A10G", 1, 1.50),
        _flavor("a10g-largex2", 24, 70, "A10G", 2, 3.00),
        _flavor("l40sx1", 48, 362, "L40S", 1, 1.80),
        _flavor("a100-large", 80, 312, "A100", 1, 2.50),
        _flavor("h200", 141, 989, "H200", 1, 5.00),
    )
}


def flavor_named(name: str) -> Flavor:
    """The flavour of that name.

    Raises:
        UserError: an unknown one.
    """
    if name not in FLAVORS:
        raise UserError(f"unknown flavour {name!r}; known: {', '.join(FLAVORS)}")
    return FLAVORS[name]


def prices_now() -> tuple[dict[str, float], str]:
    """(USD per hour by flavour, where from): the Hub's list, or the table where the Hub cannot be asked."""
    from huggingface_hub import HfApi

    try:
        listed = HfApi().list_jobs_hardware(token=False)
        live = {one.name: one.unit_cost_usd * HOURS[one.unit_label] for one in listed if one.unit_label in HOURS}
    except Exception:  # offline, refused, changed: a price is shown all the same, with what is known of it
        live = {}
    if live:
        return {name: live[name] for name in FLAVORS if name in live}, "the Hub's list, now"
    origin = f"our table of {PRICES_DATE}, unconfirmed; the Hub gave no list"
    return {name: one.usd_per_hour for name, one in FLAVORS.items()}, origin
