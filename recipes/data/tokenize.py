"""Records -> the token rows a trainer sees; `data.checks` proves that the loss will see the right tokens of them.

Reads rows of the dataset's `prompt_completion` config; gives {"input_ids", "labels", "length"} rows, where a label of
-100 carries no loss:

    {"prompt": "Ana has 3 pens. ...\\n", "completion": " <QUE> How many ...? </QUE>", "answer_correctness": 1}
    ->  input_ids  Ana  has  3 ...  \\n   <QUE>  How ...  </QUE>  <|endoftext|>
        labels     -100 -100 -100  -100  <QUE>  How ...  </QUE>  <|endoftext|>

Source: arXiv 2402.01812, section 4.
Differences: 1. loss on the completion only (the published code also trains on prompt and padding); 2. a real
end-of-text token is learnt (there: padding id 0).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dataset_builder.core.errors import UserError

NO_LOSS = -100
_REPLY = "the reply itself"
# Some templates write today's date into the prompt; a run that goes on tomorrow must see the same tokens.
_FIXED_DAY = (
    "{%- macro strftime_now(format) -%}{{ format|replace('%d', '26')|replace('%m', '07')|replace('%Y', '2024')"
    "|replace('%B', 'July')|replace('%b', 'Jul') }}"
    "{%- endmacro -%}"
)
TokenRow = dict[str, Any]


def prompt_text(tokenizer: Any, prompt: str, text_format: str) -> str:
    """The text a model of this format reads: the prompt itself, or the chat template's user turn around it.

    Raises:
        UserError: a chat text for a tokenizer without a chat template.
    """
    if text_format == "delimiters":
        return prompt
    return _render(tokenizer, [{"role": "user", "content": prompt.strip()}], add_generation_prompt=True)


def end_token(tokenizer: Any, text_format: str) -> int | None:
    """The token that ends a completion: the end of text, or what the chat template closes the assistant's turn with.

    The two differ, for instance, in Gemma 3, whose tokenizer ends texts with <eos> and whose turns end with
    <end_of_turn>; a chat model that is taught the former forgets how its turns end.
    """
    end: int | None = tokenizer.eos_token_id
    if text_format == "delimiters":
        return end
    turns = [{"role": "user", "content": "question"}, {"role": "assistant", "content": _REPLY}]
    tail = _render(tokenizer, turns, add_generation_prompt=False).rpartition(_REPLY)[2]
    special = {token for token, added in tokenizer.added_tokens_decoder.items() if added.special}
    return next((token for token in tokenizer(tail, add_special_tokens=False)["input_ids"] if token in special), end)


def _render(tokenizer: Any, turns: list[dict[str, str]], *, add_generation_prompt: bool) -> str:
    if not tokenizer.chat_template:
        raise UserError("this tokenizer has no chat template; use --text_format delimiters")
    return str(
        tokenizer.apply_chat_template(
            turns,
            chat_template=_FIXED_DAY + tokenizer.get_chat_template(),
            tokenize=False,
            add_generation_prompt=add_generation_prompt,
            enable_thinking=False,  # Qwen3 and SmolLM3 would open a chain of thought; other templates ignore the word
        )
    )


def encode_prompts(tokenizer: Any, prompts: Sequence[str], text_format: str) -> list[list[int]]:
    """Token ids of the prompts. A chat template writes its own begin-of-text, so none is added a second time."""
    texts = [prompt_text(tokenizer, prompt, text_format) for prompt in prompts]
    encoded = tokenizer(texts, add_special_tokens=text_format == "delimiters")["input_ids"]
    end = tokenizer.eos_token_id
    return [ids[:-1] if len(ids) > 1 and ids[-1] == end and text_format == "delimiters" else ids for ids in encoded]


def build_token_rows(
    rows: Mapping[str, Sequence[str]], tokenizer: Any, text_format: str = "delimiters"
) -> list[TokenRow]:
    """Encodes prompts and completions so that training sees exactly what generation will continue.

    The completion is encoded on its own after the prompt's tokens: at generation the prompt is encoded alone, too, so
    a token that spans the border could never be produced.

    Args:
        rows: the columns `prompt` and `completion`.
        tokenizer: of the model; `end_token` closes each row.
        text_format: delimiters | chat.
    """
    heads = encode_prompts(tokenizer, rows["prompt"], text_format)
    strip = text_format == "chat"
    tails = tokenizer([text.strip() if strip else text for text in rows["completion"]], add_special_tokens=False)[
        "input_ids"
    ]
    end = end_token(tokenizer, text_format)
    return [
        {
            "input_ids": [*head, *tail, end],
            "labels": [NO_LOSS] * len(head) + [*tail, end],
            "length": len(head) + len(tail) + 1,
        }
        for head, tail in zip(heads, tails, strict=True)
    ]
