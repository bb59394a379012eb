"""TRL's command line takes the training views as they are: one update of a tiny random model, on a CPU."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dataset_builder.build import BuildConfig, build_dataset
from tests.dataset_builder.made_sets import made_world, write_journal

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with gsm8k-ai-subq/ and a tiny GPT-2 with its own tokenizer in tiny/."""
    transformers = pytest.importorskip("transformers")
    from tokenizers import Tokenizer, models, pre_tokenizers

    place = tmp_path_factory.mktemp("trl")
    journal = write_journal(place / "journal", made_world())
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


@pytest.mark.parametrize(
    ("method", "config"),
    [("sft", "prompt_completion"), ("dpo", "preference"), ("kto", "unpaired_preference"), ("sft", "solver")],
)
def test_view_feeds_the_trl_command_as_it_is(place, method, config):
    command = [str(Path(sys.executable).with_name("trl")), method]
    command += ["--dataset_name", "./gsm8k-ai-subq", "--dataset_config", config, "--model_name_or_path", "./tiny"]
    command += ["--output_dir", f"out-{method}-{config}", "--max_steps", "1", "--per_device_train_batch_size", "2"]
    command += ["--report_to", "none", "--bf16", "false", "--use_cpu", "true", "--gradient_checkpointing", "false"]
    env = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(place / "home"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=place, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "train_loss" in done.stdout + done.stderr
    assert (place / f"out-{method}-{config}" / "model.safetensors").is_file()
