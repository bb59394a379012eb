"""The lines of a batch's files: a request as it is uploaded, and what came of it.

    {"custom_id": "9f2c...", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "gpt-4o-mini", ...}}
    {"custom_id": "9f2c...", "response": {"status_code": 200, "body": {...}}, "error": null}

A line of any other form is a bad reply of its row, and one that names no row is skipped: its row stays open.
"""

from __future__ import annotations

import json
from typing import Any

from dataset_builder.llm.openai_chat.meanings import ServerError, fault_of, read_error
from dataset_builder.llm.openai_chat.parameters import Parameters
from dataset_builder.llm.openai_chat.wire import read_completion, wire_body, wire_bytes
from dataset_builder.llm.request import Request, Response
from dataset_builder.llm.retry import Fault


def row_text(request: Request, parameters: Parameters) -> str:
    """A request as a line of the file that is uploaded."""
    body = wire_body(request, parameters)
    row = {"custom_id": request.key, "method": "POST", "url": "/v1/chat/completions", "body": body}
    return wire_bytes(row).decode()


def read_line(line: str) -> dict[str, Any] | None:
    """A line of an output or error file; None where it names no row."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) and row.get("custom_id") else None


def read_row(request: Request, row: dict[str, Any]) -> Response | Fault:
    """What came of a row, by the same table as a reply's."""
    response = row.get("response")
    if not isinstance(response, dict):
        error = read_error(0, row.get("error") or response or "the batch ended without it")
        return Fault("timeout", f"{error.code}: {error.message}" if error.code else error.message, "retry")
    status, body = _status(response.get("status_code")), response.get("body")
    if status == 200:
        return read_completion(request, body, 0.0)
    error = read_error(status, body or row.get("error") or "no reason given")
    if not status and not error.signs and error.message == "no reason given":
        return fault_of(ServerError(500, "the row came back without a status and without a reply"))
    return fault_of(error, {}, list(request.decoding))


def _status(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return 0
