"""Rows: the loss sees the completion and its end, nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from dataset_builder.core.errors import UserError
from recipes.data.checks import check_training_rows
from recipes.data.tokenize import (
    NO_LOSS,
    build_token_rows,
    encode_prompts,
    prompt_text,
)
from recipes.models.tiny import build_word_tokenizer

PROMPT = "Ana has 12 pens. Ben has 3 more pens than Ana.\n"
COMPLETION = " <QUE> How many pens does Ben have? </QUE> <QUE> How many in all? </QUE>"
CHAT_TEMPLATE = (
    "{% for message in messages %}[{{ message.role }}] {{ message.content }} {% endfor %}"
    "{% if add_generation_prompt %}[assistant] {% endif %}"
)


@pytest.fixture
def tokenizer() -> Any:
    return build_word_tokenizer([PROMPT, COMPLETION, "[user] [assistant]"], 4096)


def one_row(tokenizer: Any, **changes: Any) -> dict[str, Any]:
    return build_token_rows({"prompt": [PROMPT], "completion": [COMPLETION]}, tokenizer)[0] | changes


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


def test_training_continues_exactly_what_generation_is_given(tokenizer: Any) -> None:
    row = one_row(tokenizer)
    (prompt,) = encode_prompts(tokenizer, [PROMPT], "delimiters")
    assert row["input_ids"][: len(prompt)] == prompt


def test_chat_text_has_the_template_once_and_ends_with_end_of_text(tokenizer: Any) -> None:
    tokenizer.chat_template = CHAT_TEMPLATE
    row = build_token_rows({"prompt": [PROMPT], "completion": [COMPLETION]}, tokenizer, "chat")[0]
    text = tokenizer.decode(row["input_ids"])
    assert text.count("[assistant]") == 1
    assert text.endswith(tokenizer.eos_token)
    assert row["labels"].count(NO_LOSS) == len(encode_prompts(tokenizer, [PROMPT], "chat")[0])


DATED = "Today is {{ strftime_now('%d %B %Y') }}. " + CHAT_TEMPLATE
THINKING = CHAT_TEMPLATE + "{% if add_generation_prompt and enable_thinking is not false %}hmm{% endif %}"
TURNS = (
    "{{ bos_token }}{% for message in messages %}[{{ message.role }}] {{ message.content }}<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}[assistant] {% endif %}"
)


def test_template_that_writes_the_date_gives_the_same_tokens_on_any_day(tokenizer: Any) -> None:
    tokenizer.chat_template = DATED
    assert prompt_text(tokenizer, PROMPT, "chat").startswith("Today is 26 July 2024. ")


def test_thinking_model_is_asked_not_to_think(tokenizer: Any) -> None:
    tokenizer.chat_template = THINKING
    assert prompt_text(tokenizer, PROMPT, "chat").endswith("[assistant] ")


def test_chat_row_ends_as_the_template_ends_a_turn(tokenizer: Any) -> None:
    tokenizer.chat_template = TURNS
    tokenizer.add_special_tokens({"additional_special_tokens": ["<end_of_turn>"], "bos_token": "<s>"})
    row = build_token_rows({"prompt": [PROMPT], "completion": [COMPLETION]}, tokenizer, "chat")[0]
    assert tokenizer.decode([row["input_ids"][-1]]) == "<end_of_turn>"
    assert row["input_ids"].count(tokenizer.bos_token_id) == 1
    check_training_rows([row], tokenizer, 256, "chat")


def test_chat_text_without_a_template_is_refused(tokenizer: Any) -> None:
    with pytest.raises(UserError, match="no chat template"):
        prompt_text(tokenizer, PROMPT, "chat")
