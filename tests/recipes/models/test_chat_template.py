"""One rendering: what a model is sent begins exactly as what it was trained on, whatever its template does."""

from __future__ import annotations

import pytest

from dataset_builder.core.errors import UserError
from recipes.data.tokenize import NO_LOSS, build_token_rows
from recipes.models.chat_template import CHAT, DELIMITERS, OWN, encode_completions, encode_prompts, prompt_text
from recipes.models.tiny import build_word_tokenizer
from recipes.models.types import Tokenizer
from tests.support.chat_templates import DATED, ONLY_USERS, PARTS, PLAIN, THINKING, TRIMMED, TURNS

PROMPT = "Ana has 12 pens. Ben has 3 more pens than Ana.\n"
COMPLETION = " <QUE> How many pens does Ben have? </QUE> <QUE> How many in all? </QUE>"


@pytest.fixture
def tokenizer() -> Tokenizer:
    words = "[user] [assistant] <think> </think> Today is 26 July 2024."
    return build_word_tokenizer([PROMPT, COMPLETION, words], 4096)


@pytest.mark.parametrize("template", [PLAIN, THINKING, DATED, TRIMMED, TURNS])
@pytest.mark.parametrize("text_format", [CHAT, DELIMITERS])
def test_a_training_row_begins_with_the_ids_that_decoding_sends(
    tokenizer: Tokenizer, template: str, text_format: str
) -> None:
    tokenizer.chat_template = template
    tokenizer.add_special_tokens({"bos_token": "<s>"})
    (row,) = build_token_rows({"prompt": [PROMPT], "completion": [COMPLETION]}, tokenizer, text_format)
    (sent,) = encode_prompts(tokenizer, [PROMPT], text_format)
    assert row["input_ids"][: row["labels"].count(NO_LOSS)] == sent


def test_thinking_model_is_trained_and_asked_behind_an_empty_thinking_block(tokenizer: Tokenizer) -> None:
    tokenizer.chat_template = THINKING
    assert prompt_text(tokenizer, PROMPT, CHAT).endswith("[assistant] <think> </think> ")


def test_untrained_thinking_model_is_asked_as_its_maker_does(tokenizer: Tokenizer) -> None:
    tokenizer.chat_template = THINKING
    assert prompt_text(tokenizer, PROMPT, OWN) == f"[user] {PROMPT} [assistant] "


@pytest.mark.parametrize("text_format", [CHAT, OWN])
def test_template_that_writes_the_date_gives_the_same_tokens_on_any_day(
    tokenizer: Tokenizer, text_format: str
) -> None:
    tokenizer.chat_template = DATED
    assert prompt_text(tokenizer, PROMPT, text_format).startswith("Today is 26 July 2024. ")


def test_untrained_model_without_a_template_reads_the_bare_text(tokenizer: Tokenizer) -> None:
    assert prompt_text(tokenizer, PROMPT, OWN) == PROMPT
    assert encode_prompts(tokenizer, [PROMPT], OWN) == encode_prompts(tokenizer, [PROMPT], DELIMITERS)


def test_blanks_around_a_chat_text_are_trimmed_whether_the_template_does_it_or_not(tokenizer: Tokenizer) -> None:
    texts = []
    for template in (PLAIN, TRIMMED):
        tokenizer.chat_template = template
        texts.append(prompt_text(tokenizer, PROMPT, CHAT))
    assert texts[0] == texts[1] == f"[user] {PROMPT.strip()} [assistant] "


def test_base_format_ignores_a_chat_template(tokenizer: Tokenizer) -> None:
    tokenizer.chat_template = PLAIN
    assert prompt_text(tokenizer, PROMPT, DELIMITERS) == PROMPT


def test_completion_ends_as_the_template_ends_a_turn(tokenizer: Tokenizer) -> None:
    tokenizer.chat_template = TURNS
    tokenizer.add_special_tokens({"additional_special_tokens": ["<end_of_turn>"], "bos_token": "<s>"})
    (chat,), (plain,) = (encode_completions(tokenizer, [COMPLETION], form) for form in (CHAT, DELIMITERS))
    assert tokenizer.decode([chat[-1]]) == "<end_of_turn>"
    assert plain[-1] == tokenizer.eos_token_id


def test_chat_text_without_a_template_is_refused(tokenizer: Tokenizer) -> None:
    with pytest.raises(UserError, match="no chat template"):
        prompt_text(tokenizer, PROMPT, CHAT)


@pytest.mark.parametrize(
    ("template", "fault"),
    [
        (PARTS, "loses or changes what the user says"),
        (PLAIN.replace("message.content", "message.content | upper"), "loses or changes what the user says"),
        (PLAIN.replace("message.content", "message.content[:20]"), "loses or changes what the user says"),
        (TURNS.replace("<end_of_turn>", " Today is 2024. <end_of_turn>"), "writes 'Today is 2024.' between a reply"),
        (ONLY_USERS, "loses or changes what the assistant replies"),
    ],
)
def test_template_that_loses_or_changes_a_text_is_one_line_before_anything_is_trained(
    tokenizer: Tokenizer, template: str, fault: str
) -> None:
    tokenizer.add_special_tokens({"bos_token": "<s>", "additional_special_tokens": ["<end_of_turn>"]})
    tokenizer.chat_template = template
    with pytest.raises(UserError, match=fault):
        build_token_rows({"prompt": [PROMPT], "completion": [COMPLETION]}, tokenizer, CHAT)
