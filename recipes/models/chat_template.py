"""Prompt and completion texts -> token ids: the one rendering that training, decoding and evaluation share.

A `text_format` says how a model reads a prompt:

    delimiters   the text as it is, as a base model was trained on it
    chat         one user turn of the tokenizer's chat template, without a chain of thought, text trimmed
    own          for a model that was not trained here: its chat template with the maker's defaults (a thinking model
                 thinks), as a server renders it, or the bare text where it has none

A checkpoint trained here is always rendered as its recipe says, never as `own`: a template may open its reply
differently by default (Qwen3 leaves out the empty thinking block that training saw).

Whatever the format, a template that writes today's date gets one fixed day, so that no score depends on the day.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dataset_builder.core.errors import UserError
from recipes.models.types import Tokenizer

DELIMITERS, CHAT, OWN = "delimiters", "chat", "own"
_REPLY = "the reply itself"
_FIXED_DAY = (
    "{%- macro strftime_now(format) -%}{{ format|replace('%d', '26')|replace('%m', '07')|replace('%Y', '2024')"
    "|replace('%B', 'July')|replace('%b', 'Jul') }}"
    "{%- endmacro -%}"
)


def prompt_text(tokenizer: Tokenizer, prompt: str, text_format: str) -> str:
    """The text a model of this format reads: the prompt itself, or the chat template's user turn around it.

    Raises:
        UserError: a chat text for a tokenizer without a chat template, or one that loses or changes the prompt.
    """
    if not _in_turns(tokenizer, text_format):
        return prompt
    content = prompt.strip() if text_format == CHAT else prompt
    text = _render(tokenizer, [{"role": "user", "content": content}], text_format, add_generation_prompt=True)
    if content.strip() not in text:
        raise UserError(_lossy("what the user says", content))
    return text


def encode_prompts(tokenizer: Tokenizer, prompts: Sequence[str], text_format: str) -> list[list[int]]:
    """Token ids of the prompts. A chat template writes its own begin-of-text, so none is added a second time."""
    if not prompts:
        return []
    bare = not _in_turns(tokenizer, text_format)
    texts = [prompt_text(tokenizer, prompt, text_format) for prompt in prompts]
    encoded: Any = tokenizer(texts, add_special_tokens=bare)["input_ids"]
    end = tokenizer.eos_token_id
    return [list(ids[:-1] if bare and len(ids) > 1 and ids[-1] == end else ids) for ids in encoded]


def encode_completions(tokenizer: Tokenizer, completions: Sequence[str], text_format: str) -> list[list[int]]:
    """Token ids that follow the prompts' in training, the end included; encoded apart from the prompts.

    At generation the prompt is encoded alone, too, so a token that spans the border could never be produced.
    """
    texts = [text.strip() if text_format == CHAT else text for text in completions]
    encoded: Any = tokenizer(texts, add_special_tokens=False)["input_ids"] if texts else []
    end = end_token(tokenizer, text_format)
    closing = [] if end is None else [end]
    return [[*ids, *closing] for ids in encoded]


def end_token(tokenizer: Tokenizer, text_format: str) -> int | None:
    """The token that ends a completion: the end of text, or what the chat template closes the assistant's turn with.

    The two differ, for instance, in Gemma 3, whose tokenizer ends texts with <eos> and whose turns end with
    <end_of_turn>; a chat model that is taught the former forgets how its turns end.

    Raises:
        UserError: the template loses or changes a reply, or writes text between it and the token that ends it.
    """
    end: int | None = tokenizer.eos_token_id
    if text_format != CHAT:
        return end
    turns = [{"role": "user", "content": "question"}, {"role": "assistant", "content": _REPLY}]
    rendered = _render(tokenizer, turns, text_format, add_generation_prompt=False)
    _, reply, tail = rendered.rpartition(_REPLY)
    if not reply:
        raise UserError(_lossy("what the assistant replies", _REPLY))
    special = {token for token, added in tokenizer.added_tokens_decoder.items() if added.special}
    ids: Any = tokenizer(tail, add_special_tokens=False)["input_ids"]
    ending = next((token for token in ids if token in special and token != tokenizer.unk_token_id), None)
    between = str(tokenizer.decode(ids[: ids.index(ending)])).strip() if ending is not None else ""
    if between:
        raise UserError(f"the tokenizer's chat template writes {between!r} between a reply and the token that ends it")
    return end if ending is None else ending


def _lossy(what: str, text: str) -> str:
    return (
        f"the tokenizer's chat template loses or changes {what} ({text[:40]!r} does not stand in the rendered text); "
        "use --text_format delimiters, or a tokenizer whose template writes a turn's content as it is"
    )


def _in_turns(tokenizer: Tokenizer, text_format: str) -> bool:
    return text_format == CHAT or (text_format == OWN and bool(tokenizer.chat_template))


def _render(
    tokenizer: Tokenizer, turns: list[dict[str, str]], text_format: str, *, add_generation_prompt: bool
) -> str:
    if not tokenizer.chat_template:
        raise UserError("this tokenizer has no chat template; use --text_format delimiters")
    # Qwen3 and SmolLM3 would open a chain of thought; other templates ignore the word.
    options: dict[str, Any] = {"enable_thinking": False} if text_format == CHAT else {}
    return str(
        tokenizer.apply_chat_template(
            turns,
            chat_template=_FIXED_DAY + tokenizer.get_chat_template(),
            tokenize=False,
            add_generation_prompt=add_generation_prompt,
            **options,
        )
    )
