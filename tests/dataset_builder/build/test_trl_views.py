"""TRL's scripts (`trl sft`, `dpo`, `kto`) take the training views as they are: an update of a tiny model on a CPU."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dataset_builder.build.config import BuildConfig
from dataset_builder.build.dataset import build_dataset
from tests.support.raw_sets import make_sets, write_journal

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with gsm8k-ai-subq/ and a tiny GPT-2 with its own tokenizer in tiny/."""
    transformers = pytest.importorskip("transformers")
    from tokenizers import Tokenizer, models, pre_tokenizers

    place = tmp_path_factory.mktemp("trl")
    journal = write_journal(place / "journal", make_sets())
    build_dataset(BuildConfig(journal=str(journal), output=str(place / "gsm8k-ai-subq"), validation_fraction=0.2))
    letters = [chr(code) for code in range(32, 127)] + ["\n"]
    vocabulary = {token: index for index, token in enumerate(["<eos>", "<pad>", "<unk>", *letters])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<eos>", pad_token="<pad>", unk_token="<unk>"
    )
    fast.save_pretrained(place / "tiny")
    config = transformers.GPT2Config(
        vocab_size=len(vocabulary), n_positions=1024, n_embd=16, n_layer=1, n_head=2, bos_token_id=0, eos_token_id=0
    )
    transformers.GPT2LMHeadModel(config).save_pretrained(place / "tiny")
    return place


# One process for all: importing trl takes longer than the updates, and its launcher imports it twice.
TRAIN = """
import importlib
for method, config in METHODS:
    script = importlib.import_module(f"trl.scripts.{method}")
    arguments = ["--dataset_name", "./gsm8k-ai-subq", "--dataset_config", config, "--model_name_or_path", "./tiny"]
    arguments += ["--output_dir", f"out-{config}", "--max_steps", "1", "--per_device_train_batch_size", "2"]
    arguments += ["--report_to", "none", "--bf16", "false", "--use_cpu", "true", "--gradient_checkpointing", "false"]
    script.main(*script.make_parser().parse_args_and_config(arguments))
"""
METHODS = (("sft", "prompt_completion"), ("dpo", "preference"), ("kto", "unpaired_preference"), ("sft", "solver"))


def test_views_feed_the_scripts_of_trl_sft_dpo_and_kto_as_they_are(place: Path) -> None:
    env = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(place / "home"), "OMP_NUM_THREADS": "1"}
    code = f"METHODS = {METHODS!r}\n{TRAIN}"
    done = subprocess.run([sys.executable, "-c", code], cwd=place, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert (done.stdout + done.stderr).count("train_loss") >= len(METHODS)
    for _, config in METHODS:
        assert (place / f"out-{config}" / "model.safetensors").is_file(), config
