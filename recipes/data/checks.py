"""The proof, before the first step, that the loss sees the right tokens: of every row, and of one collated batch.

Reads rows of `data.tokenize`; writes `first_example.txt`, one row as a reader can check it:

    --- 26 tokens without loss ---
    Finn has 8 eggs. ...
    --- 13 tokens with loss, the last one ends the text ---
     <QUE>| How| many| ... |?| </QUE>|<|endoftext|>
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from dataset_builder.core.errors import UserError
from recipes.data.tokenize import NO_LOSS, TokenRow
from recipes.models.chat_template import end_token
from recipes.models.types import Tokenizer


def check_training_rows(
    rows: Sequence[TokenRow], tokenizer: Tokenizer, max_length: int, text_format: str = "delimiters"
) -> None:
    """Stops a run whose loss would not see what it should; looks at every row.

    Args:
        rows: of `tokenize.build_token_rows`.
        tokenizer: that made them.
        max_length: most tokens that a row may have.
        text_format: delimiters | chat.

    Raises:
        UserError: no rows; a row that trains no token or only its end; that is longer than `max_length`; whose end of
            text is missing or carries no loss; that begins twice; or a tokenizer without an end-of-text token.
    """
    if not rows:
        raise UserError("there is no example to train on; check --dataset, --method and --max_examples")
    end = end_token(tokenizer, text_format)
    if end is None:
        raise UserError("the tokenizer has no end-of-text token, so generation could never stop; set its eos_token")
    longest = max(len(row["input_ids"]) for row in rows)
    if longest > max_length:
        count = sum(len(row["input_ids"]) > max_length for row in rows)
        raise UserError(
            f"{count} of {len(rows)} examples are longer than max_length {max_length} and would lose their end; "
            f"set --max_length {longest}"
        )
    for number, row in enumerate(rows):
        if fault := _fault(row, tokenizer, end):
            raise UserError(f"example {number} {fault}")


def _fault(row: TokenRow, tokenizer: Tokenizer, end: int) -> str:
    """What is wrong with a row; empty: nothing."""
    begin = tokenizer.bos_token_id
    if sum(label != NO_LOSS for label in row["labels"]) < 2:
        return "trains no token of its completion; its completion is empty"
    if row["input_ids"][-1] != end or row["labels"][-1] != end:
        return f"does not learn to stop: {tokenizer.decode([end])!r} must come last and carry loss"
    if begin is not None and row["input_ids"][:2] == [begin, begin]:
        return f"begins twice: {tokenizer.bos_token!r} was written and added again"
    return ""


def check_token_ids(examples: Sequence[Mapping[str, Any]], tokenizer: Tokenizer, embeddings: int) -> None:
    """Stops a run whose tokens the model has no embedding for, padding and end of text included.

    Args:
        examples: what the trainer reads; every list whose name ends in `ids` holds tokens.
        tokenizer: that made them.
        embeddings: rows of the model's embedding.

    Raises:
        UserError: the largest such token.
    """
    lists = (value for row in examples for name, value in row.items() if name.endswith("ids"))
    known = [token for token in (tokenizer.pad_token_id, tokenizer.eos_token_id) if token is not None]
    largest = max(*(max(tokens, default=0) for tokens in lists), *known, 0)
    if largest >= embeddings:
        raise UserError(
            f"token {largest} ({tokenizer.decode([largest])!r}) is beyond the model's {embeddings} embeddings: take "
            "the tokenizer that came with the model, or name a token it knows as pad_token in tokenizer_config.json"
        )


def check_collated_batch(trained: Sequence[int], labels: Tensor) -> None:
    """Stops a run whose padding would hide the end of text (pad = eos) or carry loss.

    Args:
        trained: the tokens that must carry loss, of all rows of the batch, in its order.
        labels: of the collated batch, NO_LOSS where a token carries none.

    Raises:
        UserError: other tokens of the batch carry loss.
    """
    if labels[labels != NO_LOSS].tolist() != list(trained):
        raise UserError("padding changes which tokens carry loss; the pad token must not mask the end of text")


def describe_example(row: TokenRow, tokenizer: Tokenizer) -> str:
    """One row as a reader can check it: the text without loss, then the trained tokens one by one."""
    cut = next((index for index, label in enumerate(row["labels"]) if label != NO_LOSS), len(row["labels"]))
    context, trained = row["input_ids"][:cut], row["input_ids"][cut:]
    pieces = "|".join(str(tokenizer.decode([token])) for token in trained)
    return (
        f"--- {len(context)} tokens without loss ---\n{tokenizer.decode(context)}\n"
        f"--- {len(trained)} tokens with loss, the last one ends the text ---\n{pieces}\n"
    )


def save_first_example(row: TokenRow, tokenizer: Tokenizer, folder: Path) -> str:
    """Writes first_example.txt into `folder` and gives its text."""
    text = describe_example(row, tokenizer)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "first_example.txt").write_text(text, encoding="utf-8")
    return text
