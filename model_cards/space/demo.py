"""One problem through one or two decomposers and a solver, as `eval_harness` does it, for the demo page.

Takes a problem's text and, for a verdict, its right answer; gives per decomposer the sub-questions, the solver's
answers, the final answer, the verdict, tokens and dollars. Where nothing is configured the embedded MicroGSM world
answers, so no key is needed; it reads its own problems only.

    >>> demo.ask("Ana has 12 apples. ...", "29", ["reference", "none"])[0].verdict      # doctest: +SKIP
    'correct'
"""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dataset_builder.core.errors import UserError
from dataset_builder.llm.settings import ServiceSettings
from dataset_builder.micro_gsm.problems import generate_problems
from dataset_builder.schema.records import Problem
from dataset_builder.solving.endpoint import SolverOptions
from dataset_builder.solving.records import Solver
from dataset_builder.solving.texts import problem_from_text
from eval_harness.pipeline.one_problem import Answered, answer_one
from eval_harness.systems.decomposers import CheckpointDecomposer, Decomposer, DecomposerOptions, make_decomposer
from eval_harness.systems.solvers import make_solver
from model_cards.space.provenance import runs_here
from recipes.training.in_process import InProcessSolver

MOST_CHARACTERS = 2000
SAMPLES = 200


@dataclass
class PairDemo:
    """The decomposers on offer and the solver."""

    decomposers: list[str]
    """As in eval_harness.run."""
    solver: str
    """Likewise."""
    base_url: str = ""
    """Endpoint of both; empty: what OPENAI_BASE_URL says, or OpenAI's own."""
    max_cost_usd: float = 0.0
    """Most a problem may cost with one decomposer; 0: no cap."""

    def __post_init__(self) -> None:
        self.settings = ServiceSettings(
            base_urls=(self.base_url,) if self.base_url else (),
            max_cost_usd=self.max_cost_usd or None,
            max_attempts=3,
            give_up_after_s=20,
            progress=False,
        )
        self._checkpoints: dict[str, CheckpointDecomposer] = {}
        self._in_process: InProcessSolver | None = None

    def load(self) -> None:
        """Loads the weights of every model that runs here, so that no visitor waits for them."""
        with tempfile.TemporaryDirectory() as folder:
            for spec in self.decomposers:
                if spec.startswith("checkpoint:"):
                    self._decomposer(spec, Path(folder) / "x.sqlite")
                    self._checkpoints[spec].load()
            if runs_here(self.solver):
                self._solver(Path(folder) / "x.sqlite", [])
                assert self._in_process is not None
                self._in_process.load()

    def check(self, *, checkpoints: bool = True) -> None:
        """Refuses what nobody could be answered by, before a page is shown or pushed.

        Args:
            checkpoints: whether those must be here; a Space reads them from the Hub.

        Raises:
            UserError: a decomposer or solver of no known kind, or one that is not there.
        """
        make_solver(self.solver, SolverOptions(self.settings, Path("journal")), [])
        for spec in self.decomposers:
            if checkpoints or not spec.startswith("checkpoint:"):
                self._decomposer(spec, Path("journal"))

    def ask(self, text: str, gold: str, specs: Sequence[str]) -> list[Answered]:
        """Decomposes and solves one problem by each of the named decomposers.

        Raises:
            UserError: no or too long a text, a decomposer that is not on offer, an endpoint that refuses.
        """
        problem = self._problem(text, gold)
        if unknown := [spec for spec in specs if spec not in self.decomposers]:
            raise UserError(f"no decomposer {unknown[0]!r} here; there are {', '.join(self.decomposers)}")
        with tempfile.TemporaryDirectory() as folder:
            return [self._answer(problem, spec, Path(folder) / f"{index}.sqlite") for index, spec in enumerate(specs)]

    def _problem(self, text: str, gold: str) -> Problem:
        text = " ".join(text.split())
        if not text:
            raise UserError("type a problem first, or draw one")
        if len(text) > MOST_CHARACTERS:
            raise UserError(f"that problem has {len(text):,} characters; the limit is {MOST_CHARACTERS:,}")
        gold = gold.strip()
        if known := samples().get(text):
            return replace(known, gold_answer=gold)
        return problem_from_text(text, gold)

    def _answer(self, problem: Problem, spec: str, journal: Path) -> Answered:
        return answer_one(problem, spec, self._decomposer(spec, journal), self._solver(journal, [problem]))

    def _solver(self, journal: Path, problems: Sequence[Problem]) -> Solver:
        """A solver whose weights are here stays loaded, likewise."""
        if self._in_process:
            return self._in_process.with_journal(journal)
        solver = make_solver(self.solver, SolverOptions(self.settings, journal), problems)
        if isinstance(solver, InProcessSolver):
            self._in_process = solver
        return solver

    def _decomposer(self, spec: str, journal: Path) -> Decomposer:
        """A checkpoint stays loaded between problems; the others are made per problem, each with its own journal."""
        loaded = self._checkpoints.get(spec)
        decomposer = (
            loaded.with_journal(journal)
            if loaded
            else make_decomposer(spec, DecomposerOptions(self.settings, journal))
        )
        if isinstance(decomposer, CheckpointDecomposer):
            self._checkpoints[spec] = decomposer
        return decomposer


@functools.cache
def samples() -> dict[str, Problem]:
    """Problems of the embedded world, by their text."""
    return {problem.problem: problem for problem in generate_problems("test", SAMPLES, 0)}
