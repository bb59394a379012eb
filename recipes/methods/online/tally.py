"""What a run has drawn, asked and paid, over all of its sessions; and what its user should know of it.

One warning, after 20 updates, where nearly every group of samples earns one reward alone, and one where samples do not
end: both are runs that learn nothing and go on paying.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from transformers import TrainerCallback
from transformers.trainer_callback import ExportableState

from dataset_builder.core.errors import UserError
from recipes.methods.online.rewards import Earned

logger = logging.getLogger(__name__)

WATCHED_UPDATES = 20
CONSTANT = 0.98
"""The share of groups without spread that is warned of."""
UNENDED = 0.5
"""The share of samples cut at the limit that is warned of."""


class SampleTally(TrainerCallback, ExportableState):
    """Counts samples; saved with each checkpoint, so that a resumed run counts on."""

    def __init__(self, **counts: float) -> None:
        names = ("draws", "screened", "samples", "readable", "ended", "groups", "constant", "calls", "reward")
        self.counts = dict.fromkeys(names, 0.0) | counts
        self._known: set[tuple[str, ...]] = set()

    def state(self) -> dict[str, Any]:
        return {"args": dict(self.counts), "attributes": {}}

    def add(self, earned: Sequence[Earned], ended: Sequence[bool], group: int) -> None:
        """Counts one draw of whole groups.

        Raises:
            UserError: nothing of a run's first draw can be read, so its start is no decomposer.
        """
        readable = sum(item.readable for item in earned)
        if not self.counts["draws"] and not readable:
            raise UserError(
                f"none of the first {len(earned)} samples holds sub-questions, so the start is no decomposer, or "
                "never ends; train bc first and name its folder with --init_from"
            )
        totals = [item.total for item in earned]
        groups = [totals[start : start + group] for start in range(0, len(totals), group)]
        new = {item.request for item in earned if item.readable} - self._known
        self._known |= new
        more = {
            "draws": 1,
            "samples": len(earned),
            "readable": readable,
            "ended": sum(ended),
            "groups": len(groups),
            "constant": sum(min(values) == max(values) for values in groups),
            "calls": len(new),
            "reward": sum(totals),
        }
        self.counts |= {name: self.counts[name] + value for name, value in more.items()}

    def share(self, what: str, of: str) -> float:
        """One count over another."""
        return self.counts[what] / max(1.0, self.counts[of])

    def watch(self, updates: int) -> None:
        """Warns, once a run, of what makes it pointless."""
        if updates != WATCHED_UPDATES:
            return
        constant, ended = self.share("constant", "groups"), self.share("ended", "samples")
        if constant >= CONSTANT:
            logger.warning(
                "after %d updates %.0f %% of the groups of samples hold one reward alone (mean reward %.2f), so next "
                "to nothing is learnt; try other problems, another start, a higher temperature or more samples",
                updates, 100 * constant, self.share("reward", "samples"),
            )  # fmt: skip
        if ended < 1 - UNENDED:
            logger.warning(
                "after %d updates %.0f %% of the samples do not end within max_new_tokens and earn nothing; raise it, "
                "or start from a checkpoint that has learnt to stop",
                updates, 100 * (1 - ended),
            )  # fmt: skip
