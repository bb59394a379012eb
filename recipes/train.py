"""Trains one recipe: dataset + YAML -> checkpoint or adapter with its record.

Reads a recipe (`--config`), the dataset config its method learns from and, where the recipe says so, a checkpoint to
start from. Writes into `output_dir`:

    model.safetensors + config.json   or   adapter_model.safetensors + adapter_config.json
    tokenizer.json ...                the tokenizer
    recipe.yaml                       the resolved recipe
    first_example.txt                 one training example with its loss mask
    trained_problems.json             hashes of the problems it was trained on, with those of what it started from
    train_record.json                 what was measured; its presence means the run has finished
    last/                             the last weights, where earlier ones were chosen
    checkpoints/                      while it runs; the same command resumes from the newest after a kill

Source: arXiv 2402.01812, section 4: filtered BC starts from the BC checkpoint.
"""

from __future__ import annotations

import dataclasses
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dataset_builder.core.errors import entry_point
from dataset_builder.core.values import check_writable
from dataset_builder.door.commands import as_typed
from recipes.config.compose import parse_recipe
from recipes.config.methods import METHODS, student_of
from recipes.config.recipe import PROJECT, RecipeConfig, check_recipe
from recipes.data.load import TrainingData, load_training_data
from recipes.models.load import hide_notices
from recipes.planning.estimate import check_shares
from recipes.planning.lengths import Lengths
from recipes.planning.preflight import check_gpu, check_support, plan_run
from recipes.training.checkpoints import note_process
from recipes.training.record import RECORD_FILE
from recipes.training.run_folder import claim_output, finish_output, run_inputs

if TYPE_CHECKING:
    from transformers import TrainerCallback

EPILOG = """\
examples:
  python -m recipes.train --backbone mistral-7b --method bc --adapter qlora
  python -m recipes.train --recipe tiny/filtered_bc_lora --init_from outputs/demo/bc        # the three names at once
  python -m recipes.train --recipe gpt2/grpo_full --solver openai:gpt-4o-mini --dry_run    # what would it cost?
  python -m recipes.train --recipe gpt2/bc_full --print_config                # the resolved recipe, and nothing else
  python -m recipes.train --config experiment.yaml --seed 1           # `recipe: gpt2/bc_full` and its own few keys
  python -m recipes.train --config outputs/gpt2/bc_full/recipe.yaml           # the whole recipe that a run has saved
"""


def run_recipe(config: RecipeConfig, callbacks: Sequence[TrainerCallback] = ()) -> Path:
    """Trains the recipe, or resumes it, or finds it finished; gives the output folder.

    Args:
        config: the recipe.
        callbacks: of transformers, for who wants to watch; called beside the run's own.

    Raises:
        UserError: a contradiction in the recipe, no suitable GPU, no dataset or backbone, rows the loss would not see
            rightly, or an output folder that belongs to another run.
    """
    from accelerate import PartialState

    check_recipe(config)
    if not config.dry_run:
        check_writable("--output_dir", config.output, "folder")
    check_support(config)
    _set_environment(config)
    _join_processes()
    check_shares(config, PartialState().num_processes)
    check_gpu(config)
    data = load_training_data(config)
    if not config.dry_run and claim_output(config, run_inputs(config, data.facts["examples_sha256"])):
        print(f"already trained: {config.output} (delete the folder to train it again)")
        return config.output
    _train(config, data, callbacks)
    return config.output


def _train(config: RecipeConfig, data: TrainingData, callbacks: Sequence[TrainerCallback]) -> None:
    import torch
    from accelerate import PartialState

    hide_notices()
    from recipes.models.trainable import trainable_tokenizer
    from recipes.training.fit import fit, prepare_examples
    from recipes.training.method import method_of

    if config.threads:
        torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    method = method_of(config, data)
    tokenizer = trainable_tokenizer(config, method.words)
    examples = prepare_examples(method, tokenizer, show=not config.dry_run)
    lengths = [example["length"] for example in examples.train]
    plan = plan_run(config, Lengths.counted(lengths, joined=method.joins_rows))
    if PartialState().is_main_process:
        print(plan.text() + _said_of_test(data))
    if config.dry_run:
        _tell_price(config, data)
        return
    rows = plan.rows if METHODS[config.method].samples else config.micro_batch_size
    if PartialState().is_main_process:
        note_process(config.output)
    method.follow(dataclasses.replace(config, gradient_checkpointing=plan.recompute, micro_batch_size=rows))
    model, measured = fit(method, tokenizer, examples, plan.budget, plan.room, callbacks)
    if PartialState().is_main_process:
        finish_output(config, data, model, measured, plan.facts())


def _said_of_test(data: TrainingData) -> str:
    """A line for a dataset whose train split was taken from a test set; else nothing."""
    taken = data.facts.get("taken_from_test", 0)
    return (
        f"test    the data holds {taken:,} problems of its source's test set: no score on that set is one\n"
        if taken
        else ""
    )


def _tell_price(config: RecipeConfig, data: TrainingData) -> None:
    from recipes.planning.price import price_text

    print(price_text(config, data), end="")


def _set_environment(config: RecipeConfig) -> None:
    """Sets variables that are not set yet: trackers' files go under outputs, and one process takes one GPU.

    SFTTrainer refuses to spread one process over several GPUs.
    """
    places = {"TRACKIO_DIR": "trackio", "WANDB_DIR": "wandb"}
    places["TENSORBOARD_LOGGING_DIR"] = f"tensorboard/{Path(config.backbone).name}/{config.name}"
    for variable, place in places.items():
        os.environ.setdefault(variable, str(Path("outputs", place).absolute()))
    os.environ.setdefault("WANDB_PROJECT", PROJECT)
    if config.report_to == "wandb":  # which goes elsewhere where its folder is not there
        Path(os.environ["WANDB_DIR"]).mkdir(parents=True, exist_ok=True)
    if "LOCAL_RANK" not in os.environ:
        os.environ.setdefault("CUDA_VISIBLE_DEVICES", "0")


def _join_processes() -> None:
    """Joins the other processes of a launcher, before anything asks `PartialState` about them."""
    import torch
    from accelerate import PartialState

    PartialState(cpu=not torch.cuda.is_available())


@entry_point
def main(argv: Sequence[str] | None = None) -> int:
    config = parse_recipe(
        RecipeConfig,
        argv,
        prog="python -m recipes.train",
        description="Fine-tunes a decomposer on a sub-question dataset, as a recipe says.",
        epilog=EPILOG,
    )
    output = run_recipe(config)
    from accelerate import PartialState

    if PartialState().is_main_process and not config.dry_run:
        print(f"record: {output / RECORD_FILE}")
        if student_of(config.method) != "solver":
            print(as_typed(f"next: python -m recipes.decompose --checkpoint {shlex.quote(str(output))}"))
    PartialState().destroy_process_group()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
