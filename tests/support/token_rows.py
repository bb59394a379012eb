"""One prompt with its completion, as the token row that tests of rows and their checks start from."""

from __future__ import annotations

from typing import Any

from recipes.data.tokenize import TokenRow, build_token_rows
from recipes.models.types import Tokenizer

PROMPT = "Ana has 12 pens. Ben has 3 more pens than Ana.\n"
COMPLETION = " <QUE> How many pens does Ben have? </QUE> <QUE> How many in all? </QUE>"


def one_row(tokenizer: Tokenizer, **changes: Any) -> TokenRow:
    """The row, with some of its columns replaced."""
    return build_token_rows({"prompt": [PROMPT], "completion": [COMPLETION]}, tokenizer)[0] | changes
