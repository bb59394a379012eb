"""Which of the scored problems a pair has seen: in training, when a checkpoint was chosen, or solved in a prompt.

    {"decomposer": {"same": 12, "near": 3, "chosen_by": 0, "unknown_start": "", "problems": ["gsm8k-test-00001", ...]},
     "solver": null, "prompts": {"same": 0, "near": 0, ...}, "accuracy_elsewhere": 0.51}

A role is null where nothing trained here is asked: what another's model has read is never known. A score with overlap
is no evaluation: tables and cards say it, and it is posted nowhere unless it is asked for by name.
"""

from __future__ import annotations

from dataclasses import dataclass

MOST_NAMED = 20
"""Problems that a record names."""


@dataclass(frozen=True)
class Seen:
    """What one role has seen of the scored problems."""

    same: int
    """Problems that it was trained on, or that a prompt shows solved."""
    near: int
    """Problems that read nearly like such a one (`dataset_builder.text.likeness`)."""
    chosen_by: int
    """Problems that its checkpoint was chosen by, in validation, and not trained on."""
    unknown_start: str
    """The run of its chain that kept no list, so that more may have been seen; empty: none."""
    problems: list[str]
    """The ids of the first so many of them."""

    @property
    def found(self) -> bool:
        return bool(self.same or self.near or self.chosen_by)

    def cell(self, where: str) -> str:
        """For a table: what was seen, and where; empty where nothing was."""
        parts = [f"{self.same} {where}" if self.same else "", f"{self.near} alike" if self.near else ""]
        parts += [f"{self.chosen_by} chosen by" if self.chosen_by else "", "unknown" if self.unknown_start else ""]
        return ", ".join(filter(None, parts))


@dataclass(frozen=True)
class Overlap:
    """What a pair has seen before."""

    decomposer: Seen | None
    """None where no checkpoint of ours decomposes."""
    solver: Seen | None
    """None where no checkpoint of ours solves."""
    prompts: Seen
    """What the worked examples of the pair's prompts show."""
    accuracy_elsewhere: float | None
    """On the problems that were not seen; None where none was, or all were."""

    @property
    def found(self) -> bool:
        """Whether some problem was seen before, so that the score is no evaluation."""
        return any(seen.found for seen in (self.decomposer, self.solver, self.prompts) if seen)

    @property
    def unknown(self) -> bool:
        """Whether a role may have seen problems that no list tells."""
        return any(seen.unknown_start for seen in (self.decomposer, self.solver) if seen)

    @property
    def cell(self) -> str:
        """For a table; empty where nothing was seen."""
        roles = ((self.decomposer, "trained on"), (self.solver, "trained on (solver)"), (self.prompts, "in a prompt"))
        return "; ".join(filter(None, (seen.cell(where) for seen, where in roles if seen)))

    def sentences(self, decomposer: str, solver: str, problems: int) -> list[str]:
        """What a reader has to know, a sentence each.

        Args:
            decomposer: the row's label.
            solver: the solver's.
            problems: how many were scored.
        """
        roles = ((decomposer, self.decomposer), (solver, self.solver))
        told = [_trained(name, seen, problems) for name, seen in roles if seen and seen.found]
        if self.prompts.found:
            told.append(f"A prompt of {decomposer} with {solver} shows {_counted(self.prompts, problems)} solved.")
        if told and self.accuracy_elsewhere is not None:
            told.append(f"On the others {decomposer} with {solver} has {100 * self.accuracy_elsewhere:.1f} %.")
        unknown = [(name, seen) for name, seen in roles if seen and seen.unknown_start]
        return told + [_unknown(name, seen) for name, seen in unknown]


def _trained(name: str, seen: Seen, problems: int) -> str:
    done = []
    if seen.same or seen.near:
        done.append(f"was trained on {_counted(seen, problems)}")
    if seen.chosen_by:
        done.append(f"was chosen by its score on {seen.chosen_by} of the {problems} problems")
    end = ", so this is no test of it" if seen.same == problems else ""
    return f"{name} {' and '.join(done)}{end}."


def _counted(seen: Seen, problems: int) -> str:
    """How many of the problems, those in nearly the same words apart."""
    if not seen.same:
        return f"{seen.near} of the {problems} problems in nearly the same words"
    alike = f", and {seen.near} more in nearly the same words" if seen.near else ""
    return f"{seen.same} of the {problems} problems{alike}"


def _unknown(name: str, seen: Seen) -> str:
    own = "it has" if seen.unknown_start == name else f"{seen.unknown_start}, which it starts from, has"
    return f"It is unknown whether {name} was trained on these problems: {own} no list of its problems."
