"""Checks before the first step: a run whose loss would see less than its rows say stops before it starts."""

from __future__ import annotations

from typing import Any

import pytest

from dataset_builder.core.errors import UserError
from recipes.data.checks import check_collated_batch, check_token_ids, check_training_rows, describe_example
from recipes.data.tokenize import NO_LOSS, build_token_rows
from tests.support.token_rows import COMPLETION, PROMPT, one_row


def trained_tokens(row: dict[str, Any]) -> list[int]:
    return [label for label in row["labels"] if label != NO_LOSS]


def test_row_that_begins_twice_stops_the_run(tokenizer: Any) -> None:
    tokenizer.add_special_tokens({"bos_token": "<s>"})
    row = one_row(tokenizer)
    row["input_ids"][:0] = [tokenizer.bos_token_id] * 2
    with pytest.raises(UserError, match="begins twice"):
        check_training_rows([row], tokenizer, 256)


def test_good_rows_pass(tokenizer: Any) -> None:
    check_training_rows([one_row(tokenizer)], tokenizer, max_length=256)


@pytest.mark.parametrize(
    ("completion", "max_length", "message"),
    [("", 256, "trains no token"), (COMPLETION, 20, "longer than max_length 20 .* set --max_length 3[0-9]")],
)
def test_row_that_trains_nothing_or_loses_its_end_stops_the_run(
    tokenizer: Any, completion: str, max_length: int, message: str
) -> None:
    rows = build_token_rows({"prompt": [PROMPT], "completion": [completion]}, tokenizer)
    with pytest.raises(UserError, match=message):
        check_training_rows(rows, tokenizer, max_length)


def test_row_whose_end_carries_no_loss_stops_the_run(tokenizer: Any) -> None:
    row = one_row(tokenizer)
    row["labels"][-1] = NO_LOSS
    with pytest.raises(UserError, match="does not learn to stop"):
        check_training_rows([row], tokenizer, 256)


def test_no_rows_stop_the_run(tokenizer: Any) -> None:
    with pytest.raises(UserError, match="no example to train on"):
        check_training_rows([], tokenizer, 256)


def test_collator_that_masks_the_end_because_pad_is_eos_stops_the_run(tokenizer: Any) -> None:
    from transformers import DataCollatorForLanguageModeling

    tokenizer.pad_token = tokenizer.eos_token
    row, collate = one_row(tokenizer), DataCollatorForLanguageModeling(tokenizer, mlm=False)
    with pytest.raises(UserError, match="pad token must not mask the end"):
        check_collated_batch(trained_tokens(row), collate([row])["labels"])


def test_described_example_shows_where_the_loss_begins(tokenizer: Any) -> None:
    context, trained = describe_example(one_row(tokenizer), tokenizer).split("tokens with loss")
    assert PROMPT.strip() in context
    assert "<QUE>" not in context
    assert " <QUE>| How| many" in trained


@pytest.mark.parametrize("padding_free", [False, True])
def test_batch_whose_trained_tokens_are_those_of_its_rows_passes(tokenizer: Any, padding_free: bool) -> None:
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    texts = {"prompt": [PROMPT] * 2, "completion": [COMPLETION, COMPLETION[:40]]}
    rows = build_token_rows(texts, tokenizer)
    collate = DataCollatorForLanguageModeling(pad_token_id=tokenizer.pad_token_id, padding_free=padding_free)
    labels = collate([{key: row[key] for key in ("input_ids", "labels")} for row in rows])["labels"]
    check_collated_batch([*trained_tokens(rows[0]), *trained_tokens(rows[1])], labels)
    with pytest.raises(UserError, match="padding changes"):
        check_collated_batch(trained_tokens(rows[0]), labels)


def test_token_beyond_the_embeddings_stops_the_run_with_the_remedy(tokenizer: Any) -> None:
    rows, size = [one_row(tokenizer)], len(tokenizer)
    check_token_ids(rows, tokenizer, size)
    tokenizer.add_special_tokens({"pad_token": "[PAD]"})
    with pytest.raises(UserError, match=rf"token {size} \('\[PAD\]'\) is beyond the model's {size} embeddings: "):
        check_token_ids(rows, tokenizer, size)
    with pytest.raises(UserError, match="beyond the model's 5 embeddings"):
        check_token_ids(rows, tokenizer, 5)
