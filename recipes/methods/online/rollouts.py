"""What grpo and expert_iteration share: groups of samples for each problem, each with what it earned.

A draw is made in parts, and a part's rewards are asked for while the next one is drawn, so a slow solver and the
sampling overlap and everything stays on policy. Where a request fails the run saves a checkpoint and stops with the
endpoint's own words; the same command goes on there, and what was answered is paid for once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor
from trl import GRPOConfig, GRPOTrainer

from dataset_builder.core.errors import UserError
from dataset_builder.llm.journal import Journal, cost_of
from recipes.config.recipe import RecipeConfig
from recipes.config.settings import RewardSettings
from recipes.config.solver import answers_here, model_here, told_solver
from recipes.data.load import TrainingData
from recipes.methods.online.desk import RewardDesk
from recipes.methods.online.recorded import RecordedSets, load_recorded
from recipes.methods.online.rewards import Earned, Reward, Sample, part_names
from recipes.methods.online.sampling import SamplingMethod, SamplingTrainer, require_one_process
from recipes.methods.online.screening import least_sure, set_entropies
from recipes.methods.online.tally import SampleTally
from recipes.methods.preference import REFERENCE_ADAPTER
from recipes.models.types import Batch, CausalLM, Tokenizer
from recipes.training.solver import JOURNAL, open_solvers

if TYPE_CHECKING:
    from torch.nn import Module

PARTS = 4
"""Of a draw; a solver in this process answers at once, or needs the same processor: there a small draw is one part."""
MOST_ROWS = 512
"""Decoded at once: more need memory for their keys and values, and are no faster."""
VOTE_TEMPERATURE = 0.7


class Part:
    """One part of the reward, as TRL calls it and logs it by name."""

    def __init__(self, name: str, trainer: RolloutTrainer) -> None:
        self.__name__, self._trainer = name, trainer

    def __call__(self, **columns: object) -> list[float]:
        return [item.parts[self.__name__] for item in self._trainer.earned()]


class RolloutTrainer(SamplingTrainer, GRPOTrainer):
    """GRPOTrainer whose rewards come from a solver."""

    desk: RewardDesk

    def __init__(
        self, model: CausalLM, *, settings: RewardSettings, recorded: RecordedSets | None = None, **kwargs: Any
    ) -> None:
        self.recorded = recorded
        self.settings, self.samples = settings, settings.samples_per_problem
        self.oversample, self.screen = settings.oversample, settings.screen
        self._earned: list[Earned] = []
        self._drawn: list[Sample] = []
        super().__init__(model, reward_funcs=[Part(name, self) for name in part_names(settings)], **kwargs)
        self.add_callback(SampleTally())

    @property
    def sampled(self) -> SampleTally:
        """Looked up each time, as `tally` is."""
        return next(callback for callback in self.callback_handler.callbacks if isinstance(callback, SampleTally))

    def train(self, *args: Any, **kwargs: Any) -> Any:
        """As of transformers, with the solver open."""
        settings = self.settings
        with open_solvers(self.config, self.config.output) as named:
            critic = named(settings.feedback_model, VOTE_TEMPERATURE) if settings.feedback_model else None
            with RewardDesk(Reward(settings, named(self.config.solver), critic)) as self.desk:
                return super().train(*args, **kwargs)

    def earned(self) -> list[Earned]:
        """The rewards of the newest draw, in its order; waits for them."""
        if not self._earned:
            self._earned = self.desk.collect()
        return self._earned

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> Batch:
        looked_at = len(inputs) // self.samples if self.screen > 1 else 0
        if looked_at:
            inputs = self._screened(inputs)
        self._rows, self._drawn, self._earned = inputs, [], []
        try:
            output: Batch = super()._generate_and_score_completions(inputs)
        except UserError as error:
            raise type(error)(f"{error}; {self.save_progress()}") from error
        self.sampled.add(self.earned(), [sample.ended for sample in self._drawn], self.samples)
        self.sampled.counts["screened"] += looked_at
        self.sampled.watch(self.state.global_step)
        return self.chosen(output, self.earned())

    def _screened(self, inputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """All rows of the problems, one in `screen`, whose first set was least sure."""
        groups = [inputs[start : start + self.samples] for start in range(0, len(inputs), self.samples)]
        prompts, *_ = self._tokenize_prompts([group[0]["prompt"] for group in groups])
        entropies = list[float]()
        for number, start in enumerate(range(0, len(prompts), MOST_ROWS)):
            part = prompts[start : start + MOST_ROWS]
            with self.seeded(-2 - number):  # not -1, which hashes as -2 does
                completions, _ = super()._generate_single_turn(part, None, {}, 1)
            entropies += set_entropies(self, part, completions)
        return [row for kept in least_sure(entropies, len(groups) // self.screen) for row in groups[kept]]

    def chosen(self, output: Batch, earned: Sequence[Earned]) -> Batch:
        """The rows of a draw that are learnt from; by default all."""
        return output

    def _generate_single_turn(self, prompt_ids: list[list[int]], *args: Any, **kwargs: Any) -> Any:
        """In parts of whole groups, each handed in as soon as it is drawn."""
        here = answers_here(self.config.solver) or model_here(self.settings.feedback_model)
        rows = min(len(prompt_ids) / (1 if here else PARTS), MOST_ROWS)
        size = math.ceil(rows / self.samples) * self.samples
        completions, log_probs = list[list[int]](), list[Any]()
        for number, start in enumerate(range(0, len(prompt_ids), size)):
            with self.seeded(number):
                ids, probabilities = super()._generate_single_turn(prompt_ids[start : start + size], *args, **kwargs)
            self._hand_in(start, ids)
            completions += ids
            log_probs += probabilities or []
        return completions, log_probs or None

    def _hand_in(self, start: int, completions: list[list[int]]) -> None:
        tokenizer: Any = self.processing_class
        texts = tokenizer.batch_decode(completions, skip_special_tokens=True)
        ends = set(self.eos_token_ids)
        samples = [
            Sample(self.problems[row["index"]], text, bool(ids) and ids[-1] in ends)
            for row, text, ids in zip(self._rows[start:], texts, completions, strict=False)
        ]
        self._drawn += samples
        self.desk.hand_in(samples)

    def save_progress(self) -> str:
        """Saves a checkpoint of the update before, unless there is one; says where a run goes on."""
        step = self.state.global_step
        if step and not (Path(str(self.args.output_dir)) / f"checkpoint-{step}").exists():
            self._save_checkpoint(self.model, None)
        return f"the same command goes on after update {step}, and pays for nothing twice"

    def micro_step(self, model: Module, inputs: Batch, items: Tensor | int | None) -> Tensor:
        """With the recorded sets' own backward, so that one graph at a time is in memory."""
        loss = super().micro_step(model, inputs, items)
        if self.recorded is None:
            return loss
        batch = self.recorded.batch(self._step, self.args.per_device_train_batch_size, self.args.device)
        self.tally.count([batch], [batch["labels"]])
        with self.compute_loss_context_manager():
            cloning: Tensor = model(**batch).loss
        self._metrics["train"]["clone_loss"].append(float(cloning.detach()))
        cloning = cloning * self.settings.clone_weight / self.current_gradient_accumulation_steps
        self.accelerator.backward(cloning)
        self._losses_finite &= torch.isfinite(cloning.detach())
        return loss + cloning.detach()

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        logs["calls"] = self.sampled.counts["calls"]
        super().log(logs, start_time)


def rows_of(output: Batch, rows: Sequence[int], count: int) -> Batch:
    """These rows of a draw of `count`, with the number of tokens that they train.

    Args:
        output: of TRL's `_generate_and_score_completions`.
        rows: may hold a row more than once.
        count: rows of the draw.
    """
    kept = {
        name: value[list(rows)] if value.dim() and len(value) == count else value for name, value in output.items()
    }
    return kept | {"num_items_in_batch": kept["completion_mask"].sum()}


class RolloutMethod(SamplingMethod):
    """A method that learns from what a solver makes of its samples."""

    arguments_class = GRPOConfig
    trainer_class: ClassVar[Any] = RolloutTrainer
    settings: RewardSettings

    def __init__(self, config: RecipeConfig, data: TrainingData) -> None:
        require_one_process(config)
        super().__init__(config, data)
        self._recorded = load_recorded(config) if self.settings.clone_weight else None

    def own_arguments(self) -> dict[str, Any]:
        return super().own_arguments() | {"num_generations": self.settings.samples_per_problem}

    def trainer_settings(self, model: CausalLM, tokenizer: Tokenizer, train: Any) -> dict[str, Any]:
        recorded = RecordedSets(self._recorded, self.config, tokenizer) if self._recorded else None
        return super().trainer_settings(model, tokenizer, train) | {"settings": self.settings, "recorded": recorded}

    def trainer(self, *args: Any, **kwargs: Any) -> Any:
        self._trainer: Any = super().trainer(*args, **kwargs)
        return self._trainer

    def details(self, history: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Who was asked, how often, at what cost; and how the reward went."""
        tally: SampleTally = self._trainer.sampled
        facts = {
            "solver": told_solver(self.config.solver),
            "feedback_model": told_solver(self.settings.feedback_model),
            "problems": self.settings.problems,
            "samples": int(tally.counts["samples"]),
            "screened": int(tally.counts["screened"]),
            "clone_weight": self.settings.clone_weight,
            "readable": round(tally.share("readable", "samples"), 4),
            "ended": round(tally.share("ended", "samples"), 4),
            "groups_of_one_reward": round(tally.share("constant", "groups"), 4),
        }
        curve = [[line["step"], round(line["reward"], 4), int(line["calls"])] for line in history if "reward" in line]
        return {"rewards": facts | paid_calls(self.config, int(tally.counts["calls"])) | {"curve": curve}}

    def finish(self, published: CausalLM) -> None:
        if REFERENCE_ADAPTER in getattr(published, "peft_config", {}):
            published.delete_adapter(REFERENCE_ADAPTER)


def paid_calls(config: RecipeConfig, in_process: int) -> dict[str, Any]:
    """Requests and cost of a run over all of its sessions, as its journal has them; those of a kill included.

    Args:
        config: whose output folder holds the journal.
        in_process: different sets asked, where the solver runs in this process and there is no journal.
    """
    if not (config.output / JOURNAL).is_file():
        return {"calls": in_process, "cost_usd": 0.0}
    with Journal(config.output / JOURNAL, read_only=True) as journal:
        rows = journal.totals()
    cost = cost_of(rows)
    calls = sum(row.requests for row in rows if row.outcome == "answered")
    return {"calls": calls, "cost_usd": cost if cost is None else round(cost, 6)}
