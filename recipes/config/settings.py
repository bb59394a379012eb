"""What a method decides beyond the keys that all share: one section of a recipe per kind of method.

    ilql: {td_lambda: 0.95, policy_weight: 1}          # in YAML
    --ilql.td_lambda 0.95 --ilql.policy_weight 1       # on the command line

Trainers, plans and records read these same objects; importing this file loads no torch.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

from dataset_builder.core.config import option
from dataset_builder.core.errors import UserError
from dataset_builder.core.values import check_values
from recipes.config.solver import check_kind

_method = functools.partial(option, owner="method")

HEAD_KINDS = ("mlp", "low_rank", "linear")
"""Shapes of a Q head, see `recipes.methods.ilql.heads`."""
TWINS = 2
"""Q heads; the smaller of their values counts."""
HEAD_RANK = 64
"""Width of the inner layer of `low_rank` heads."""
STEP_COST = 0.3
"""What a step of ilql_shaped costs."""
VOCAB_CHUNK = 256
"""Actions whose scores over the vocabulary are held at once."""
DATASET = "dataset"
"""The dataset's own training problems, as `problems` names them."""


@dataclass(frozen=True)
class IlqlSettings:
    """ilql_sparse, ilql_full, ilql_shaped. Source: arXiv 2206.11871; the defaults are those of arXiv 2402.01812."""

    expectile: float = _method(0.9, "V is drawn to this expectile of Q; above 0.5: optimism", least=0, most=1)
    gamma: float = _method(0.999, "discount per token", least=0, most=1)
    polyak: float = _method(0.005, "share of the way that target copies move per update", least=0, most=1)
    td_lambda: float = _method(0.0, "lambda of the lambda return; 0: one-step targets", least=0, most=1)
    cql_weight: float = _method(0.01, "weight of the CQL term; 0 skips the vocabulary", least=0)
    v_weight: float = _method(1.0, "weight of the expectile loss", least=0)
    q_weight: float = _method(1.0, "weight of the twin TD loss", least=0)
    step_cost: float = _method(STEP_COST, "ilql_shaped: a step earns usefulness minus this", least=0)
    resample_temperature: float = _method(
        0.0, "draw sets in proportion to exp(return / resample_temperature); 0: all alike", least=0
    )
    policy_weight: float = _method(0.0, "also train the policy, on tokens weighted by advantage", least=0)
    awr_beta: float = _method(4.0, "a token weighs exp(awr_beta * advantage) in it", least=0)
    max_weight: float = _method(10.0, "most that a token may weigh in it", above=0)
    head_kind: str = _method("mlp", "shape of the Q heads", HEAD_KINDS)
    head_rank: int = _method(HEAD_RANK, "rank of low_rank heads", least=1)
    vocab_chunk: int = _method(VOCAB_CHUNK, "actions whose vocabulary scores are held at once", least=1)
    vocab_precision: str = _method(
        "auto", "of the products behind the CQL term; auto: the trunk's", ("auto", "float32", "bfloat16")
    )
    target_trunk: bool = _method(False, "a slow copy of the trunk, too (adapter full only)")
    published_target: bool = _method(False, "the wrong target of the published code; ablation")
    beta: float = _method(1.0, "decoding: weight of the advantage beside log pi", least=0)
    top_k: int = _method(32, "decoding: only the policy's k likeliest tokens; 0: all", least=0)
    min_ratio: float = _method(0.0, "decoding: only tokens at least this likely, over the best", least=0, most=1)

    def __post_init__(self) -> None:
        check_values(self, "ilql.")


@dataclass(frozen=True)
class RewardWeightingSettings:
    """reward_weighted_bc and resampled_bc."""

    temperature: float = _method(0.5, "a set counts as exp(return / temperature)", above=0)
    max_weight: float = _method(
        20.0, "most that a set may weigh, the average being 1; a draw has no such limit", above=0
    )

    def __post_init__(self) -> None:
        check_values(self, "reward_weighting.")


@dataclass(frozen=True)
class PreferenceSettings:
    """dpo and kto."""

    beta: float = _method(0.1, "how strongly the policy is held to its reference", above=0)

    def __post_init__(self) -> None:
        check_values(self, "preference.")


@dataclass(frozen=True)
class SamplingSettings:
    """What every method that learns from its own samples decides."""

    problems: str = _method(
        DATASET, "whose problems are sampled: dataset, or micro_gsm:SIZE for problems that never come twice"
    )
    temperature: float = _method(1.0, "of the samples", above=0)
    max_new_tokens: int = _method(200, "a sample that has not ended by then is cut", least=1)

    def check(self, section: str) -> None:
        """Refuses a value that cannot be, by its name in `section`.

        Raises:
            UserError: the first one.
        """
        check_values(self, f"{section}.")
        world, _, size = self.problems.partition(":")
        if self.problems != DATASET and not (world == "micro_gsm" and size):
            raise UserError(f"{section}.problems must be {DATASET} or micro_gsm:SIZE, found {self.problems!r}")


@dataclass(frozen=True)
class RewardSettings(SamplingSettings):
    """What a set earns: the solver's verdict, less a cost per sub-question, plus a feedback model's votes."""

    samples_per_problem: int = _method(8, "sets drawn for each problem", least=2)
    oversample: int = _method(
        1,
        "draw so many times what is trained on: grpo leaves out first what earns all alike, expert_iteration what is "
        "wrong",
        least=1,
    )
    screen: int = _method(
        1,
        "draw one set of so many times the problems first, and only of those whose set the policy was least sure of "
        "draw all samples; asks nobody",
        least=1,
    )
    clone_weight: float = _method(
        0.0,
        "weight of a cloning loss on as many of the dataset's sets, drawn by what they earned, beside the own samples",
        least=0,
    )
    question_cost: float = _method(0.0, "taken off for each sub-question, at most what the set has earned", least=0)
    vote_weight: float = _method(0.0, "weight of the mean usefulness that a feedback model's votes give", least=0)
    feedback_model: str = _method(
        "", "who votes: openai:MODEL at the solver's address, transformers:PATH, or micro_gsm"
    )
    votes: int = _method(3, "votes on each set", least=1)

    def check(self, section: str) -> None:
        super().check(section)
        if bool(self.vote_weight) != bool(self.feedback_model):
            raise UserError(f"{section}.vote_weight and {section}.feedback_model go together; give both or neither")
        check_kind(f"--{section}.feedback_model", self.feedback_model)


@dataclass(frozen=True)
class GrpoSettings(RewardSettings):
    """grpo. Source: arXiv 2402.03300; oversample: arXiv 2503.14476, section 3.2."""

    kl: float = _method(
        0.02, "how strongly the policy is held to the checkpoint it starts from; 0: not at all", least=0
    )
    updates_per_draw: int = _method(
        1, "updates on one draw of samples; clipped, so that the policy stays near what drew them", least=1
    )

    def __post_init__(self) -> None:
        self.check("grpo")


@dataclass(frozen=True)
class ExpertIterationSettings(RewardSettings):
    """expert_iteration. Source: Anthony et al., arXiv 1705.08439; Singh et al., arXiv 2312.06585."""

    updates_per_round: int = _method(20, "updates on the right ones of a round's samples", least=1)

    def __post_init__(self) -> None:
        self.check("expert_iteration")


@dataclass(frozen=True)
class DistillationSettings(SamplingSettings):
    """on_policy_distillation. Source: Agarwal et al., arXiv 2306.13649."""

    teacher: str = _method("", "whose token distribution is the target: a checkpoint folder or a Hub id")
    teacher_revision: str = _method("", "commit or tag of the teacher on the Hub; empty: its main branch")
    divergence: float = _method(
        1.0, "0: forward KL, 1: reverse KL, between: their generalised Jensen-Shannon", least=0, most=1
    )

    def __post_init__(self) -> None:
        self.check("distillation")
