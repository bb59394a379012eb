"""Who decomposes and solves on the demo page (PairConfig), and where the page is served (SpaceConfig)."""

from __future__ import annotations

from dataclasses import dataclass

from dataset_builder.core.config import option
from model_cards.space.demo import PairDemo
from model_cards.space.provenance import origins

WORLD = ["reference", "api:micro-gsm-teacher", "none"]
WORLD_SOLVER = "openai:micro-gsm-solver"


@dataclass
class PairConfig:
    """The decomposers on offer and the solver."""

    decomposers: list[str] = option([], "as in eval_harness.run: checkpoint:PATH api:MODEL reference none ...")
    solver: str = option("", "as in eval_harness.run; empty: that of the embedded world, which needs no key")
    base_url: str = option("", "endpoint of both; empty: OPENAI_BASE_URL, or micro_gsm where nothing is configured")
    max_cost_usd: float = option(
        0.05, "most a problem may cost with one decomposer; 0: no cap (unknown prices need it)", least=0
    )

    @property
    def runs_in_world(self) -> bool:
        """Whether the embedded MicroGSM world answers."""
        return not self.solver or self.base_url == "micro_gsm"

    @property
    def offered(self) -> list[str]:
        """The decomposers on offer; those of the embedded world where none is named."""
        return self.decomposers or (["none"] if self.solver else WORLD)

    @property
    def answering(self) -> str:
        """The solver; that of the embedded world where none is named."""
        return self.solver or WORLD_SOLVER

    @property
    def origins(self) -> list[str]:
        """Where everything on the page comes from, a sentence each."""
        return origins(self.offered, self.answering, self.base_url, self.runs_in_world)


@dataclass
class SpaceConfig(PairConfig):
    """The demo page on this machine."""

    host: str = option("127.0.0.1", "address to listen on")
    port: int = option(7860, "port to listen on", least=0, most=65535)


def build_demo(config: PairConfig, world_url: str) -> PairDemo:
    """The pairs of a config; the embedded world where it names none."""
    base_url = world_url if config.runs_in_world else config.base_url
    return PairDemo(config.offered, config.answering, base_url, config.max_cost_usd)
