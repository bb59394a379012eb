"""Rows: the loss sees the completion and its end, nothing else."""

from __future__ import annotations

from typing import Any

from recipes.data.checks import check_training_rows
from recipes.data.tokenize import (
    NO_LOSS,
    build_token_rows,
)
from recipes.models.chat_template import encode_prompts
from tests.support.chat_templates import PLAIN, TURNS
from tests.support.token_rows import COMPLETION, PROMPT, one_row


def test_word_tokenizer_gives_back_the_text_it_was_given(tokenizer: Any) -> None:
    ids = tokenizer(PROMPT + COMPLETION)["input_ids"]
    assert tokenizer.unk_token_id not in ids
    assert tokenizer.decode(ids, skip_special_tokens=True) == PROMPT + COMPLETION


def test_number_and_delimiter_are_one_token_each(tokenizer: Any) -> None:
    assert [tokenizer.decode([token]) for token in tokenizer(" <QUE> 12 pens")["input_ids"]] == [
        " <QUE>",
        " 12",
        " pens",
    ]


def test_prompt_carries_no_loss_and_completion_with_its_end_does(tokenizer: Any) -> None:
    row = one_row(tokenizer)
    prompt = tokenizer(PROMPT)["input_ids"]
    assert row["labels"][: len(prompt)] == [NO_LOSS] * len(prompt)
    trained = row["labels"][len(prompt) :]
    assert tokenizer.decode(trained[:-1]) == COMPLETION
    assert trained[-1] == tokenizer.eos_token_id
    assert row["input_ids"][len(prompt) :] == trained
    assert row["length"] == len(row["input_ids"])


def test_chat_text_has_the_template_once_and_ends_with_end_of_text(tokenizer: Any) -> None:
    tokenizer.chat_template = PLAIN
    row = build_token_rows({"prompt": [PROMPT], "completion": [COMPLETION]}, tokenizer, "chat")[0]
    text = tokenizer.decode(row["input_ids"])
    assert text.count("[assistant]") == 1
    assert text.endswith(tokenizer.eos_token)
    assert row["labels"].count(NO_LOSS) == len(encode_prompts(tokenizer, [PROMPT], "chat")[0])


def test_chat_row_ends_as_the_template_ends_a_turn(tokenizer: Any) -> None:
    tokenizer.chat_template = TURNS
    tokenizer.add_special_tokens({"additional_special_tokens": ["<end_of_turn>"], "bos_token": "<s>"})
    row = build_token_rows({"prompt": [PROMPT], "completion": [COMPLETION]}, tokenizer, "chat")[0]
    assert tokenizer.decode([row["input_ids"][-1]]) == "<end_of_turn>"
    assert row["input_ids"].count(tokenizer.bos_token_id) == 1
    check_training_rows([row], tokenizer, 256, "chat")
