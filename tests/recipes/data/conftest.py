"""A word tokenizer that knows the texts of `tests.support.token_rows`."""

from __future__ import annotations

from typing import Any

import pytest

from recipes.models.tiny import build_word_tokenizer
from tests.support.token_rows import COMPLETION, PROMPT


@pytest.fixture
def tokenizer() -> Any:
    return build_word_tokenizer([PROMPT, COMPLETION, "[user] [assistant]"], 4096)
