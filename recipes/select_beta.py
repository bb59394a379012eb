"""Chooses how far values guide a trained policy: a sweep of beta over validation problems.

Reads a folder that an ilql_* recipe wrote and the dataset's validation split; prints one line per beta; writes the
best into the folder's config.json, and the whole sweep into beta_sweep.json beside it.

    python -m recipes.select_beta --checkpoint outputs/tiny/ilql_full --dataset outputs/demo/gsm8k-ai-subq

With a solver (`--solver openai:MODEL`) a beta is scored by how many problems that answers; without one by the recorded
votes, see `methods.ilql.beta`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dataset_builder.core.config import option, parse_config
from dataset_builder.core.errors import UserError, entry_point
from dataset_builder.core.files import write_json
from recipes.config.solver import SolverKeys, model_here, names_solver
from recipes.data.trained_problems import add_chosen_by
from recipes.methods.ilql.settings import is_guided
from recipes.training.in_process import check_solver_model
from recipes.training.solver import solver_accuracy

SWEEP_FILE = "beta_sweep.json"
EPILOG = """\
examples:
  python -m recipes.select_beta --checkpoint outputs/tiny/ilql_full --dataset outputs/demo/gsm8k-ai-subq
  python -m recipes.select_beta --checkpoint outputs/gpt2/ilql_full --betas 0 0.5 1 2 --problems 1000 --dry_run
  python -m recipes.select_beta --checkpoint outputs/mistral-7b/ilql_full_qlora --solver openai:gpt-4o-mini
"""


@dataclass(frozen=True)
class SweepConfig(SolverKeys):
    """One sweep."""

    checkpoint: str = option("", "folder that an ilql_* recipe wrote")
    betas: list[float] = option([0.0, 0.5, 1.0, 2.0, 4.0, 8.0], "what to try; of equals the first is chosen", least=0)
    problems: int = option(250, "validation problems to decode for each beta", least=1)
    batch_size: int = option(32, "problems decoded at once", least=1)
    max_new_tokens: int = option(200, "a reply that has not ended by then is cut", least=1)
    device: str = option("", "cpu, cuda, ...; empty: a GPU if there is one")
    four_bit: bool = option(False, "load the weights in 4 bit")
    dry_run: bool = option(False, "print the sweep and write nothing")


def check_sweep(config: SweepConfig) -> None:
    """Refuses a sweep that has nothing to sweep, before a model is loaded.

    Raises:
        UserError: no guided policy, no beta, or one below 0.
    """
    if not config.checkpoint:
        raise UserError("name the folder that an ilql_* recipe wrote: --checkpoint outputs/tiny/ilql_full")
    if not config.betas or min(config.betas) < 0:
        raise UserError("--betas needs numbers of 0 and above")
    if path := model_here(config.solver):
        check_solver_model(path)
    if not is_guided(config.checkpoint):
        raise UserError(
            f"{config.checkpoint} is no guided policy: no heads.safetensors there; train one with an ilql_* recipe"
        )


def select_beta(config: SweepConfig) -> None:
    """Sweeps, prints, and writes what was best unless it is a dry run.

    Raises:
        UserError: no validation split, no votes and no solver, or a solver that fails.
    """
    from recipes.methods.ilql.beta import best_beta, mean_quality, recorded_feedback
    from recipes.methods.ilql.guided_policy import write_beta

    folder, by_solver = Path(config.checkpoint), names_solver(config)
    recorded = recorded_feedback(
        config.dataset, config.problems, revision=config.dataset_revision, votes_needed=not by_solver
    )
    prompts = [problem.prompt for problem in recorded.values()]

    def score(texts: Sequence[str]) -> float:
        if not by_solver:
            return mean_quality(recorded, texts)
        return solver_accuracy(config, list(recorded), prompts, texts, folder)

    qualities = _sweep(config, prompts, score)
    best, by = best_beta(qualities), "accuracy" if by_solver else "quality"
    for beta, quality in qualities.items():
        print(f"beta {beta:<6g} {by} {quality:.4f}{'  <- best' if beta == best else ''}")
    if config.dry_run:
        return
    write_beta(folder, best)
    add_chosen_by(folder, prompts)
    sweep = {"best": best, "problems": len(recorded), "dataset": config.dataset, by: qualities}
    write_json(folder / SWEEP_FILE, sweep)
    print(f"beta {best:g} written into {folder / 'config.json'}; the sweep into {folder / SWEEP_FILE}")


def _sweep(config: SweepConfig, prompts: Sequence[str], score: Callable[[Sequence[str]], float]) -> dict[float, float]:
    """beta -> the score of what the policy of that beta writes."""
    from recipes.methods.ilql.beta import sweep_beta
    from recipes.modeling import load_policy

    policy = load_policy(config.checkpoint, config.device or None, four_bit=config.four_bit)
    limits = {"max_new_tokens": config.max_new_tokens, "batch_size": config.batch_size}
    return sweep_beta(policy, prompts, score, config.betas, **limits)


@entry_point
def main(argv: Sequence[str] | None = None) -> int:
    config = parse_config(
        SweepConfig,
        argv,
        prog="python -m recipes.select_beta",
        description="Chooses beta of a guided policy on the validation problems, by recorded votes or a solver.",
        epilog=EPILOG,
    )
    check_sweep(config)
    select_beta(config)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
