"""The studies that one may run, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dataset_builder.core.errors import UserError
from dataset_builder.core.values import nearest
from eval_harness.study.plan import Step

SCALES = ("embedded", "small", "paper")

STUDIES: dict[str, Callable[[str, Sequence[str]], list[Step]]] = {}
"""By name: what gives its steps for a scale and changes ("key=value")."""


def steps_of_study(name: str, scale: str, changes: Sequence[str]) -> list[Step]:
    """The steps of the study of that name.

    Args:
        name: of the study.
        scale: one of SCALES.
        changes: "key=value", each of which takes the place of what its file says.

    Raises:
        UserError: there is no such study, or a change cannot be made.
    """
    if name not in STUDIES:
        raise UserError(f"no study {name!r}{nearest(name, list(STUDIES))}")
    return STUDIES[name](scale, changes)
