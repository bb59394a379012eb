"""What an endpoint's answer means for the row and for the run: one table for chat, batch rows and errors inside a 200.

A line matches when the status is one of its own (none named: any) and its words stand in the place it looks at: what
the server meant for programs (code, type, keys of the metadata) or, for lines that say so, its message, too. The first
line that matches holds.

    {"error": {"code": "insufficient_quota", ...}} with 429  ->  the account must be mended: the run stops
    {"error": {"message": "flagged", "metadata": {"reasons": ["violence"]}}} with 403  ->  this row is refused
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from dataset_builder.core.encodings import whole_characters
from dataset_builder.llm.openai_chat.parameters import named_parameter
from dataset_builder.llm.retry import Action, Fault, retry_after

LONGEST_DETAIL = 300
TOP_UP = "the account's quota is used up or it must be mended; add credit and run the same command again"
CHECK_URL = "check --model and --base_url (it usually ends in /v1)"
COUNTRY = "this provider does not serve the country that the request comes from; use another endpoint"


@dataclass(frozen=True)
class ServerError:
    """What a server says about a refusal."""

    status: int = 0
    """HTTP's, or the number that stands for it in the body; 0: none."""
    message: str = ""
    """For people."""
    signs: str = ""
    """For programs: code, type, and the names and reasons of its metadata, in one line."""
    code: str = ""
    """The code alone."""
    param: str = ""
    """The parameter it names."""


@dataclass(frozen=True)
class _Line:
    kind: str
    action: Action
    statuses: frozenset[int] = frozenset()
    signs: re.Pattern[str] | None = None
    message: re.Pattern[str] | None = None
    advice: str = ""

    def matches(self, error: ServerError) -> bool:
        if self.statuses and error.status not in self.statuses:
            return False
        if self.signs is None and self.message is None:
            return True
        said = self.message is not None and self.message.search(error.message)
        return bool(said or (self.signs is not None and self.signs.search(error.signs)))


def _line(
    kind: str, action: Action, statuses: Collection[int] = (), signs: str = "", message: str = "", advice: str = ""
) -> _Line:
    """A line of the table.

    Args:
        kind: what records and messages call it.
        action: what it means.
        statuses: those it may come with; none: any.
        signs: a pattern for what is meant for programs.
        message: a pattern for what is meant for people.
        advice: what the user can do.
    """
    patterns = [re.compile(pattern, re.IGNORECASE) if pattern else None for pattern in (signs, message)]
    return _Line(kind, action, frozenset(statuses), patterns[0], patterns[1], advice)


_ACCOUNT_SIGNS = (
    r"insufficient[_ ]?(?:quota|balance|funds|credits?)|billing|payment_required|arrearage|overdue|budget_exceeded"
    r"|spend(?:ing)?_limit|credits?_(?:exhausted|exceeded|depleted|balance)|balance_(?:exhausted|too_low)"
    r"|account_(?:deactivated|suspended|disabled|restricted)|organization_(?:restricted|deactivated|disabled)"
    r"|access_terminated|exceeded_current_quota|quota_exhausted|hard_limit"
)
_ACCOUNT_WORDS = (
    r"insufficient (?:balance|credits?|funds|quota)|credit balance is too low|(?:out of|no|not enough) credits\b"
    r"|requires more credits|billing (?:hard )?limit|billing (?:is )?not active|budget has been exceeded"
    r"|account (?:is |has been )?(?:not active|deactivated|suspended|disabled|overdue)|key limit exceeded"
    r"|(?:spend(?:ing)?|usage|credit) limit (?:\S+ ){0,3}(?:reached|exceeded)|payment (?:is )?required|recharge|top up"
    r"|exceeded your current quota(?!.*(?:retry in|per minute|per day))"
)
_MODERATION_SIGNS = (
    r"moderation|flagged|content_?(?:policy|filter)|responsibleai|safety|guardrail|policy_violation|data_inspection"
    r"|sensitive|\breasons\b"
)
_MODERATION_WORDS = (
    r"requires moderation|was flagged|content (?:management )?policy|safety system|guardrail|inappropriate content"
)
_MODEL_SIGNS = r"model_not_found|no_such_model|invalid_model|unknown_model|model_not_available|deployment_?not_?found"
_MODEL_WORDS = (
    r"model [`'\"]?[^\s`'\"]+[`'\"]? (?:does not exist|not found|is not (?:found|available|loaded|supported))"
    r"|(?:does not exist|is not a valid model|no such model|unknown model|model not (?:found|exist)|invalid model\b)"
)
_KEY_SIGNS = r"invalid_api_key|authentication_error|unauthenticated|api_key_invalid|key_revoked"
_KEY_WORDS = r"api key (?:not valid|is invalid)|(?:invalid|incorrect) api key"
_TOO_LONG_SIGNS = r"context_length_exceeded|string_above_max_length|request_too_large|prompt_too_long"
_TOO_LONG_WORDS = r"maximum context length|context (?:length|window)|too long|too many tokens"
_REFUSING = (400, 403, 404, 409, 422, 451)

_TABLE = (
    _line("quota", "stop", (402,), advice=TOP_UP),
    _line("quota", "stop", (0, 400, 401, 403, 404, 422, 429, 503), _ACCOUNT_SIGNS, _ACCOUNT_WORDS, TOP_UP),
    _line("auth", "stop", (0, 400, 403, 451), r"unsupported_country|region_not_supported",
          r"(?:country|region|territory|location)\b.{0,30}not supported|not available in your (?:country|region)",
          COUNTRY),
    _line("moderation", "record", (0, *_REFUSING), _MODERATION_SIGNS, _MODERATION_WORDS),
    _line("bad_request", "record", (413,)),
    _line("bad_request", "record", (0, 400, 422), _TOO_LONG_SIGNS, _TOO_LONG_WORDS),
    _line("auth", "stop", (401, 403)),
    _line("auth", "stop", (0, 400), _KEY_SIGNS, _KEY_WORDS),
    _line("not_found", "stop", (0, 400, 404, 410, 422), _MODEL_SIGNS, _MODEL_WORDS, CHECK_URL),
    _line("not_found", "stop", (404, 405, 410, 501), advice=CHECK_URL),
    _line("rate_limit", "wait", (429,)),
    _line("rate_limit", "wait", (0,), r"rate_?limit|too_many_requests|throttl"),
    _line("server", "retry", (408, 409, 425)),
)  # fmt: skip


def fault_of(error: ServerError, headers: Mapping[str, str] | None = None, sent: Collection[str] = ()) -> Fault:
    """What a refusal means.

    Args:
        error: what the server says.
        headers: of the answer, for the wait that it asks for.
        sent: the names of the parameters that were sent, one of which it may refuse.
    """
    detail = f"HTTP {error.status}: {error.message}" if error.status else error.message
    for line in _TABLE:
        if line.matches(error):
            wait = retry_after(headers or {}) if line.action == "wait" else None
            return Fault(line.kind, detail, line.action, wait, advice=line.advice)
    if error.status >= 500 or not error.status:
        wait = retry_after(headers or {}) if error.status in (503, 529) else None
        return Fault("server" if error.status else "bad_reply", detail, "retry", wait, maybe_billed=not error.status)
    parameter = named_parameter(error.message, error.code, error.param, sent)
    return Fault("bad_request", detail, "record", parameter=parameter)


def fault_of_status(status: int, message: str, code: str | None, headers: Mapping[str, str]) -> Fault:
    """What a refusal means of which only status, message and code are known."""
    return fault_of(ServerError(status, message, code or "", code or ""), headers)


def read_error(status: int, body: Any) -> ServerError:
    """What a body says about its refusal, whatever its form: OpenAI's, a text, a list, FastAPI's `detail`.

    >>> read_error(400, {"error": {"message": "too long", "code": "context_length_exceeded"}}).code
    'context_length_exceeded'
    >>> read_error(200, {"error": {"code": 402, "message": "no credit"}}).status
    402
    """
    if isinstance(body, list) and body:
        body = body[0]
    told = body.get("error", body) if isinstance(body, dict) else body
    if not isinstance(told, dict):
        whole = body if isinstance(body, dict) else {}
        message = told if isinstance(told, str) else "" if told is None else json.dumps(told)
        return ServerError(status, _shown(whole.get("message") or message or "no reason given"), _shown(message))
    code, param = told.get("code"), told.get("param")
    said: object = told.get("message") or told.get("detail") or told.get("msg") or told
    metadata = told.get("metadata")
    signs = [code, told.get("type"), told.get("status"), *_names(metadata), *_names(told.get("innererror"))]
    return ServerError(
        _status(status, code),
        _shown(said if isinstance(said, str) else json.dumps(said)),
        " ".join(str(sign) for sign in signs if isinstance(sign, (str, int))),
        str(code or ""),
        param if isinstance(param, str) else "",
    )


def error_inside(body: Any) -> ServerError | None:
    """The refusal that a 200 holds instead of a completion, if it does."""
    if not isinstance(body, dict):
        return None
    choices = body.get("choices")
    first = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    for holder in (body, first):
        if holder.get("error"):
            error = read_error(0, holder)
            return error if error.status or error.signs else None
    if body.get("object") == "error":
        return read_error(0, body)
    return None


def _status(status: int, code: object) -> int:
    """HTTP's own, unless it says success and the body knows better."""
    if status not in (0, 200):
        return status
    text = str(code)
    return int(text) if text.isdecimal() and 400 <= int(text) < 600 else 0


def _names(metadata: object) -> list[object]:
    """What the parts of a server's metadata are called, and the reasons they give."""
    if not isinstance(metadata, dict):
        return []
    return [name for name, value in metadata.items() if value and name != "provider_name"]


def _shown(text: str) -> str:
    return whole_characters(" ".join(text.split()))[:LONGEST_DETAIL]
