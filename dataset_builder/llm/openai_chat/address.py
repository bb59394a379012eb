"""Where an OpenAI-compatible endpoint is and which key it gets."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from dataset_builder.core.errors import UserError

KEY_NAME = "OPENAI_API_KEY"
OPENAI_URL = "https://api.openai.com/v1"
NO_KEY = "no-key-needed"
URL_FLAG = "--base_url"
_QUOTES = "\"'`"


def resolve_base_urls(
    base_urls: Sequence[str], environment: Mapping[str, str] | None = None, *, flag: str = URL_FLAG
) -> list[str]:
    """The endpoints to use: those given, else OPENAI_BASE_URL (commas separate several), else OpenAI's own.

    A message names them by the `flag` that gives them.

    Raises:
        UserError: something given is not an http(s) URL.
    """
    environment = os.environ if environment is None else environment
    given = list(base_urls) or [url for url in environment.get("OPENAI_BASE_URL", "").split(",") if url.strip()]
    urls = [url.strip().rstrip("/") for url in given] or [OPENAI_URL]
    for url in urls:
        if not url.startswith(("http://", "https://")):
            raise UserError(f"{flag} must be a URL such as http://127.0.0.1:8000/v1, found {url!r}")
    return list(dict.fromkeys(urls))


def api_key(base_urls: Sequence[str], environment: Mapping[str, str] | None = None, *, flag: str = URL_FLAG) -> str:
    """The key of the environment; servers of one's own need none, and a message says what `flag` names one.

    Raises:
        UserError: OpenAI is asked and there is no key, or what is there cannot be a key.
    """
    environment = os.environ if environment is None else environment
    key = environment.get(KEY_NAME, "").strip()
    if not key and any(url.startswith(OPENAI_URL) for url in base_urls):
        raise UserError(f"{KEY_NAME} is not set; export it, or name your own server with {flag} or OPENAI_BASE_URL")
    if stray := _stray_character(key):
        raise UserError(f"{KEY_NAME} holds {stray}, which no key has; copy the key again, without quotes and blanks")
    return key or NO_KEY


def _stray_character(key: str) -> str:
    """What a pasted key holds besides itself, for people; "" where it holds nothing else."""
    for position, character in enumerate(key, start=1):
        if character.isspace() or not character.isprintable():
            return f"a blank or an invisible character (U+{ord(character):04X}) at position {position}"
        if not character.isascii() or (character in _QUOTES and position in (1, len(key))):
            return f"the character {character} (U+{ord(character):04X}) at position {position}"
    return ""
