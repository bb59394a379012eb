"""What grpo, expert_iteration and on_policy_distillation share: TRL's online trainers on this house's prompts.

Prompts are rendered and samples end as everywhere here (`models.chat_template`), not as TRL would render them. A draw
is seeded by the run's seed and its update, so a resumed run draws the same samples again, and what was asked about
them is in the journal. Samples are drawn in the trained model's own process; `--trainer_options use_vllm=true` hands
that to vLLM (not tried here).

Differences from TRL: 1. the order of problems is `problems.ProblemSampler`'s, the same after a kill; 2. a draw that
more than one update learns from is saved with the checkpoint.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from accelerate import PartialState
from safetensors.torch import load_file, save_file
from torch import Tensor

from dataset_builder.core.errors import UserError
from dataset_builder.schema.records import Problem
from dataset_builder.text.student_format import format_student_completion
from recipes.config.methods import METHODS, student_of
from recipes.config.recipe import RecipeConfig
from recipes.config.settings import SamplingSettings
from recipes.data.load import Columns, TrainingData
from recipes.data.tokenize import NO_LOSS
from recipes.methods.ilql.settings import is_guided
from recipes.methods.online.problems import ProblemSampler, problems_of
from recipes.models.chat_template import encode_prompts
from recipes.models.decoding import end_ids
from recipes.models.types import Batch, CausalLM, Tokenizer
from recipes.training.method import Example, Texts, TrainingMethod
from recipes.training.packed import Fullest
from recipes.training.record import find_train_record
from recipes.training.trainer import MethodTrainer

if TYPE_CHECKING:
    from torch.utils.data import DataLoader

DRAWN_FILE = "drawn.safetensors"


class SamplingTrainer(MethodTrainer):
    """Stands before GRPOTrainer or DistillationTrainer among a class's bases."""

    samples = 1
    """Of each problem in a draw."""
    oversample = 1
    """Problems drawn for each that is trained on."""
    screen = 1
    """Problems looked at for each that is drawn."""
    fullest = Fullest()
    """The largest micro-batch so far."""
    halvings, probed = 0, None
    """No GPU is probed, and no micro-batch halved: what is sampled decides how long rows get."""
    _buffered_inputs: Any
    """TRL's: the micro-batches of a draw."""

    def __init__(self, model: CausalLM, *, config: RecipeConfig, problems: Sequence[Problem], **kwargs: Any) -> None:
        self.config, self.problems = config, problems
        super().__init__(model=model, **kwargs)  # type: ignore[call-arg]
        ends = end_ids(model, kwargs["processing_class"], config.text_format)
        self.eos_token_ids = ends
        if generation := getattr(self, "generation_config", None):  # vLLM has its own
            generation.eos_token_id = self.generation_kwargs["eos_token_id"] = ends  # type: ignore[attr-defined]

    @property
    def repeats(self) -> int:
        """Micro-batches that are trained on one draw."""
        return self._steps_per_draw * getattr(self.args, "num_iterations", 1)

    @property
    def drawn_rows(self) -> int:
        """Rows of a draw that this process is handed."""
        return self.args.train_batch_size * self._steps_per_draw * self.oversample * self.screen

    @property
    def _steps_per_draw(self) -> int:
        """Micro-batches that a draw is cut into."""
        steps: int = getattr(self.args, "steps_per_generation", None) or self.args.gradient_accumulation_steps
        return steps

    def get_train_dataloader(self) -> DataLoader[Any]:
        steps = self.args.gradient_accumulation_steps
        sampler = ProblemSampler(
            len(self.problems),
            per_draw=self.drawn_rows * self.args.world_size // self.samples,
            samples=self.samples,
            repeats=self.repeats,
            draws=math.ceil(self.args.max_steps * steps / self.repeats),
            seed=self.args.seed,
        )
        loader: DataLoader[Any] = self._get_dataloader(
            dataset=self.train_dataset,  # type: ignore[arg-type]
            description="Training",
            batch_size=self.drawn_rows,
            sampler_fn=lambda _: sampler,
            is_training=True,
        )
        return loader

    def _tokenize_prompts(self, prompts: list[str]) -> tuple[list[list[int]], None, dict[str, Any]]:
        return encode_prompts(self.processing_class, prompts, self.config.text_format), None, {}  # type: ignore[arg-type]

    @contextlib.contextmanager
    def seeded(self, part: int = 0) -> Iterator[None]:
        """What is drawn inside follows from the run's seed, its update, the part of the draw and the process."""
        devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
        with torch.random.fork_rng(devices):
            numbers = (self.args.seed, self.state.global_step, part, self.args.process_index)
            torch.manual_seed(hash(numbers) % 2**63)
            yield

    def count(self, inputs: Batch) -> None:
        """Nothing yet: what comes in are problems; samples are counted when there are any."""

    def loss_labels(self, inputs: Any) -> Tensor:
        """None: before it is sampled, nothing carries loss."""
        return torch.empty(0, dtype=torch.long)

    def _prepare_inputs(self, inputs: Any) -> Batch:
        batch: Batch = super()._prepare_inputs(inputs)
        if "completion_mask" in batch:
            ids = torch.cat([batch["prompt_ids"], batch["completion_ids"]], dim=1)
            mask = torch.cat([batch["prompt_mask"], batch["completion_mask"]], dim=1)
            labels = batch["completion_ids"].masked_fill(batch["completion_mask"] == 0, NO_LOSS)
            read: Batch = {"input_ids": ids, "attention_mask": mask}
            self.tally.count([read], [labels])
            self.fullest = self.fullest.beside([read], [len(read["input_ids"])])
        return batch

    def _save_checkpoint(self, *args: Any, **kwargs: Any) -> None:
        if self._step % self.repeats and self.args.should_save:
            folder = Path(str(self.args.output_dir)) / f"checkpoint-{self.state.global_step}"
            folder.mkdir(parents=True, exist_ok=True)
            parts = enumerate(self._buffered_inputs or ())
            save_file({f"{k}/{name}": value.clone() for k, part in parts for name, value in part.items()},
                      folder / DRAWN_FILE)  # fmt: skip
        super()._save_checkpoint(*args, **kwargs)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        super()._load_optimizer_and_scheduler(checkpoint)
        if checkpoint is None:
            return
        self._step = int(Path(checkpoint).name.rpartition("-")[2]) * self.args.gradient_accumulation_steps
        if (path := Path(checkpoint) / DRAWN_FILE).is_file():
            parts: dict[int, Batch] = {}
            for key, value in load_file(path, device=str(self.args.device)).items():
                number, _, name = key.partition("/")
                parts.setdefault(int(number), {})[name] = value
            self._buffered_inputs = [parts[number] for number in sorted(parts)]


class SamplingMethod(TrainingMethod):
    """A method that learns from its own samples; its examples are problems."""

    columns = ("prompt", "index")

    def __init__(self, config: RecipeConfig, data: TrainingData) -> None:
        check_start(config)
        self.settings: SamplingSettings = getattr(config, METHODS[config.method].section)
        super().__init__(config, data)
        self.problems = problems_of(data)

    def own_arguments(self) -> dict[str, Any]:
        share = self.config.effective_batch_size // PartialState().num_processes
        most = min(share, self.config.micro_batch_size or share)
        rows = next(rows for rows in range(most, 0, -1) if share % rows == 0)
        return {
            # TRL draws for an update at a time and cuts it into micro-batches of equally many rows.
            "per_device_train_batch_size": rows,
            "gradient_accumulation_steps": share // rows,
            "activation_checkpointing": bool(self.config.gradient_checkpointing),
            "max_completion_length": self.settings.max_new_tokens,
            "temperature": self.settings.temperature,
            "remove_unused_columns": False,
            "disable_dropout": True,
        }

    def texts(self, columns: Columns, tokenizer: Tokenizer) -> list[Texts]:
        """Each problem with a recorded set: what is checked and shown, and about as long as its samples will be."""
        completions = [format_student_completion(questions) for questions in columns["sub_questions"]]
        rows = self.token_rows(columns, completions, tokenizer)
        return [(row | {"prompt": columns["prompt"][index], "index": index},) for index, row in enumerate(rows)]

    def examples(self, texts: Sequence[Texts]) -> list[Example]:
        """Problems, each as long as its longest sample will be."""
        longest = self.settings.max_new_tokens
        return [
            {name: row[name] for name in self.columns} | {"length": row["labels"].count(NO_LOSS) + longest}
            for (row,) in texts
        ]

    def trained_tokens(self, examples: Sequence[Example]) -> list[int]:
        return []

    def trainer_settings(self, model: CausalLM, tokenizer: Tokenizer, train: Any) -> dict[str, Any]:
        return {"config": self.config, "problems": self.problems}


def check_start(config: RecipeConfig) -> None:
    """Refuses a start that cannot write sub-questions, before anything is loaded.

    Raises:
        UserError: it was trained as a solver, or decodes with values.
    """
    record = find_train_record(config.init_from)
    if record and student_of(record.method) == "solver":
        raise UserError(
            f"{config.init_from} is a solver ({record.method}), no decomposer; name a bc checkpoint with --init_from"
        )
    if is_guided(config.init_from):
        raise UserError(f"{config.init_from} decodes with values, which {config.method} cannot train; start from bc")


def require_one_process(config: RecipeConfig) -> None:
    """A journal has one writer.

    Raises:
        UserError: a launcher started several.
    """
    if PartialState().num_processes > 1:
        raise UserError(f"{config.method} asks its solver from one process; start it without a launcher")
