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

from recipes.models.chat_template import encode_completions, encode_prompts
from recipes.models.types import NO_LOSS, Tokenizer

TokenRow = dict[str, Any]


def build_token_rows(
    rows: Mapping[str, Sequence[str]], tokenizer: Tokenizer, text_format: str = "delimiters"
) -> list[TokenRow]:
    """Encodes prompts and completions so that training sees exactly what generation will continue.

    Args:
        rows: the columns `prompt` and `completion`.
        tokenizer: of the model; `end_token` closes each row.
        text_format: delimiters | chat.
    """
    heads = encode_prompts(tokenizer, rows["prompt"], text_format)
    tails = encode_completions(tokenizer, rows["completion"], text_format)
    return [
        {"input_ids": head + tail, "labels": [NO_LOSS] * len(head) + tail, "length": len(head) + len(tail)}
        for head, tail in zip(heads, tails, strict=True)
    ]
