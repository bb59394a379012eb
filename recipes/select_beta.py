"""Chooses how far values guide a trained policy: a sweep of beta over validation problems.

Reads a folder that an ilql_* recipe wrote and the dataset's validation split; prints one line per beta; writes the
best into the folder's config.json, and the whole sweep into beta_sweep.json beside it.

    python -m recipes.select_beta --checkpoint outputs/tiny/ilql_full --dataset outputs/demo/gsm8k-ai-subq

With a solver at hand, name it (`--solver openai:MODEL`): a beta is judged by how many problems it answers. Without
one a beta is judged by what the dataset recorded about the questions its sets ask: the quality of a set is the product
of their usefulness, as the critic voted on the same question of the same problem after no more than what the set has
asked by then. A question nobody voted on counts one half; a set that asks twice, or does not end as a recorded
set of the problem ends, counts nothing. So it is an estimate of "every step is useful, and the last one is the goal".

Source: none; what was tried before stands in the log of recipes/README.md. The votes favour what the teacher has
shown, and so tend to a smaller beta than a solver would choose.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any, cast

from dataset_builder.core.config import option, parse_config
from dataset_builder.core.errors import UserError, entry_point
from dataset_builder.core.files import write_json
from dataset_builder.dataset_folder.load import DEFAULT_PATH, load_subq
from dataset_builder.text.parsing import readable_sub_questions
from dataset_builder.text.student_format import format_student_prompt
from recipes.config.solver import names_solver
from recipes.training.solver import solver_accuracy

SWEEP_FILE = "beta_sweep.json"
UNKNOWN = 0.5
"""Usefulness of a question that nobody voted on."""
EPILOG = """\
examples:
  python -m recipes.select_beta --checkpoint outputs/tiny/ilql_full --dataset outputs/demo/gsm8k-ai-subq
  python -m recipes.select_beta --checkpoint outputs/gpt2/ilql_full --betas 0 0.5 1 2 --problems 1000 --dry_run
  python -m recipes.select_beta --checkpoint outputs/mistral-7b/ilql_full_qlora --solver openai:gpt-4o-mini
"""


@dataclass(frozen=True)
class SweepConfig:
    """One sweep."""

    checkpoint: str = option("", "folder that an ilql_* recipe wrote")
    dataset: str = option(DEFAULT_PATH, "dataset folder or Hub id; its validation split is read")
    betas: list[float] = option([0.0, 0.5, 1.0, 2.0, 4.0, 8.0], "what to try; of equals the first is taken")
    problems: int = option(250, "validation problems to decode for each beta")
    batch_size: int = option(32, "problems decoded at once")
    max_new_tokens: int = option(200, "a reply that has not ended by then is cut")
    device: str = option("", "cpu, cuda, ...; empty: a GPU if there is one")
    four_bit: bool = option(False, "load the weights in 4 bit")
    dataset_revision: str = option("", "tag or commit of the dataset on the Hub; empty: the newest")
    solver: str = option("", "judge by how many problems a solver answers: openai:MODEL")
    solver_base_url: str = option("", "its endpoint, or micro_gsm; empty: OPENAI_BASE_URL")
    solver_max_cost_usd: float | None = option(None, "ask it no more when this much is spent")
    solver_command: str = option(
        "", "instead of a solver: a command that scores the JSONL file {questions}, its last line a number"
    )
    dry_run: bool = option(False, "print the sweep and write nothing")


@dataclass
class Recorded:
    """What the dataset says about the sets of one problem."""

    prompt: str
    votes: dict[str, list[tuple[frozenset[str], float]]] = field(default_factory=dict)
    """question -> (the questions asked before it, usefulness) of each time it was asked."""
    ends: set[str] = field(default_factory=set)
    """The last questions of the recorded sets."""

    def add(self, sub_questions: Sequence[str], usefulness: Sequence[float | None]) -> None:
        """Takes one recorded set in."""
        self.ends.add(sub_questions[-1])
        for index, (question, useful) in enumerate(zip(sub_questions, usefulness, strict=True)):
            if useful is not None:
                self.votes.setdefault(question, []).append((frozenset(sub_questions[:index]), useful))

    def quality(self, sub_questions: Sequence[str]) -> float:
        """How likely it is that all these questions are useful and the set is complete, in [0, 1].

        >>> recorded = Recorded("")
        >>> recorded.add(["a", "goal"], [1.0, 0.5])
        >>> recorded.quality(["a", "goal"]), recorded.quality(["goal"]), recorded.quality(["a", "a", "goal"])
        (0.5, 0.5, 0.0)
        """
        if not sub_questions or sub_questions[-1] not in self.ends:
            return 0.0
        product, asked = 1.0, set[str]()
        for question in sub_questions:
            if question in asked:
                return 0.0
            known = [useful for before, useful in self.votes.get(question, []) if before <= asked]
            product *= sum(known) / len(known) if known else UNKNOWN
            asked.add(question)
        return product


def recorded_feedback(
    dataset: str, problems: int, *, revision: str = "", votes_needed: bool = True
) -> dict[str, Recorded]:
    """problem_id -> what was recorded, for the first `problems` of the validation split.

    Raises:
        UserError: there is no validation split, or no set in it has feedback and `votes_needed`.
    """
    found: dict[str, Recorded] = {}
    for row in load_subq("default", "validation", dataset, revision or None):
        key = row["problem_id"]
        if key not in found and len(found) == problems:
            continue
        recorded = found.setdefault(key, Recorded(format_student_prompt(row["problem"], row["passage"] or "")))
        if row["sub_questions"]:
            recorded.add(row["sub_questions"], row["usefulness"] or [None] * len(row["sub_questions"]))
    if votes_needed and not any(recorded.votes for recorded in found.values()):
        raise UserError(f"no validation set of {dataset} has feedback; generate it with votes, and build again")
    return found


def mean_quality(recorded: Mapping[str, Recorded], texts: Sequence[str]) -> float:
    """Mean quality, by the recorded votes, of a completion of each problem."""
    pairs = zip(recorded.values(), texts, strict=True)
    return fmean(one.quality(readable_sub_questions(text)) for one, text in pairs)


def sweep_beta(
    policy: Any,
    prompts: Sequence[str],
    judge: Callable[[Sequence[str]], float],
    betas: Sequence[float],
    *,
    batch_size: int = 32,
    max_new_tokens: int = 200,
    progress: bool = False,
) -> dict[float, float]:
    """beta -> what `judge` says of the policy's greedy completions; leaves the policy at the best one."""
    model = policy.model
    qualities = {}
    for beta in betas:
        model.decoding = dataclasses.replace(model.decoding, beta=beta)
        label = f"beta {beta:g}" if progress else ""
        texts = policy.complete(prompts, max_new_tokens=max_new_tokens, batch_size=batch_size, label=label)
        qualities[beta] = round(judge(texts), 4)
    model.decoding = dataclasses.replace(model.decoding, beta=best_beta(qualities))
    return qualities


def best_beta(qualities: Mapping[float, float]) -> float:
    """The beta of the highest quality; of equals the first."""
    return max(qualities, key=lambda beta: qualities[beta])


def _main(argv: Sequence[str] | None = None) -> int:
    config = parse_config(
        SweepConfig,
        argv,
        prog="python -m recipes.select_beta",
        description="Chooses beta of a guided policy on the validation problems, by recorded votes or a solver.",
        epilog=EPILOG,
    )
    if not config.checkpoint:
        raise UserError("name the folder that an ilql_* recipe wrote: --checkpoint outputs/tiny/ilql_full")
    if not config.betas or min(config.betas) < 0:
        raise UserError("--betas needs numbers of 0 and above")
    folder, by_solver = Path(config.checkpoint), names_solver(config)
    from recipes.methods.ilql.guided_policy import GuidedModel, write_decoding
    from recipes.methods.ilql.settings import is_guided

    if not is_guided(folder):
        raise UserError(f"{folder} is no guided policy: no heads.safetensors there; train one with an ilql_* recipe")
    from recipes.modeling import load_policy

    recorded = recorded_feedback(
        config.dataset, config.problems, revision=config.dataset_revision, votes_needed=not by_solver
    )
    policy = load_policy(config.checkpoint, config.device or None, four_bit=config.four_bit)
    prompts = [one.prompt for one in recorded.values()]

    def judge(texts: Sequence[str]) -> float:
        if not by_solver:
            return mean_quality(recorded, texts)
        return solver_accuracy(config, list(recorded), prompts, texts, folder)

    qualities = sweep_beta(
        policy,
        prompts,
        judge,
        config.betas,
        batch_size=config.batch_size,
        max_new_tokens=config.max_new_tokens,
        progress=True,
    )
    best, by = best_beta(qualities), "accuracy" if by_solver else "quality"
    for beta, quality in qualities.items():
        print(f"beta {beta:<6g} {by} {quality:.4f}{'  <- best' if beta == best else ''}")
    if config.dry_run:
        return 0
    write_decoding(folder, cast("GuidedModel", policy.model).decoding)
    facts = {"best": best, "problems": len(recorded), "dataset": config.dataset, by: qualities}
    write_json(folder / SWEEP_FILE, facts)
    print(f"beta {best:g} written into {folder / 'config.json'}; the sweep into {folder / SWEEP_FILE}")
    return 0


main = entry_point(_main)

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
