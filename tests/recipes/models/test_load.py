"""Loading: what the user can mend is one line, and the precision fits the device."""

from __future__ import annotations

import pytest
import torch
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

from dataset_builder.core.errors import UserError
from recipes.models.load import hide_notices, load_backbone, pick_dtype


def test_model_that_is_neither_here_nor_reachable_is_one_line() -> None:
    with pytest.raises(UserError, match="cannot load nobody/nothing"):
        load_backbone("nobody/nothing", dtype=torch.float32)


@pytest.mark.parametrize(
    ("kind", "message"),
    [(GatedRepoError, "it is gated: accept its terms"), (RepositoryNotFoundError, "no such model")],
)
def test_gated_or_missing_model_is_one_line(
    kind: type[Exception], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError("long text\nin two lines") from kind.__new__(kind)

    monkeypatch.setattr("transformers.AutoModelForCausalLM.from_pretrained", refuse)
    with pytest.raises(UserError, match=f"cannot load org/model: .*{message}"):
        load_backbone("org/model", dtype=torch.float32)


def test_a_cpu_computes_in_float32() -> None:
    assert pick_dtype("auto", "cpu") is torch.float32
    assert pick_dtype("bfloat16", "cpu") is torch.bfloat16


def test_transformers_draws_no_bars_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    from transformers.utils import logging

    previous = logging.set_tqdm_hook(None)
    try:
        hide_notices()
        assert list(logging.tqdm(range(3), desc="Loading weights")) == [0, 1, 2]
    finally:
        logging.set_tqdm_hook(previous)
    assert capsys.readouterr().err == ""
