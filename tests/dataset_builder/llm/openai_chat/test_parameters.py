"""Parameters that a model refuses: renamed or left out, by the user or once for the run."""

from __future__ import annotations

from typing import Any

import pytest

from dataset_builder.core.errors import UserError
from dataset_builder.llm.openai_chat.parameters import Parameters, named_parameter, read_renames

DECODING = {"temperature": 0.7, "max_tokens": 9, "stop": ["\nQ:"], "seed": 1}


@pytest.mark.parametrize(
    ("message", "code", "param", "named"),
    [
        ("Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
         "unsupported_parameter", "max_tokens", "max_tokens"),
        ("'temperature' does not support 0 with this model. Only the default (1) value is supported.",
         "unsupported_value", "temperature", "temperature"),
        ("Unknown parameter", "", "seed", "seed"),
        ("property 'seed' is unsupported", "", "", "seed"),
        ('[{"loc": ["body", "stop"], "msg": "Extra inputs are not permitted"}]', "", "", "stop"),
        ("`temperature` is deprecated for this model", "", "", "temperature"),
        ("stop sequences are not supported by this model", "", "", "stop"),
        ("max_tokens is too large: 99999", "invalid_value", "max_tokens", ""),
        ("Invalid 'temperature': expected at most 2", "decimal_above_max_value", "temperature", ""),
        ("this model does not support images; stop", "", "", ""),
        ("messages must not be empty", "", "messages", ""),
    ],
)  # fmt: skip
def test_a_refusal_names_a_parameter_or_none(message: str, code: str, param: str, named: str) -> None:
    assert named_parameter(message, code, param, list(DECODING)) == named


def test_what_the_user_says_holds_for_every_model() -> None:
    parameters = Parameters({"max_tokens": "max_new"}, ("stop", "temperature"))
    assert parameters.wire("any", DECODING) == {"seed": 1, "max_new": 9}
    assert parameters.limit("any", DECODING)


def test_a_refused_parameter_is_mended_once_for_its_model() -> None:
    said: list[str] = []
    parameters = Parameters(on_change=said.append)
    sent = parameters.wire("m", DECODING)
    assert parameters.mend("m", "max_tokens", sent, DECODING)
    assert parameters.mend("m", "max_tokens", sent, DECODING), "another request in flight met the same refusal"
    assert parameters.mend("m", "stop", sent, DECODING)
    now = parameters.wire("m", DECODING)
    assert now == {"temperature": 0.7, "seed": 1, "max_completion_tokens": 9}
    assert not parameters.mend("m", "stop", now, DECODING), "there is nothing left to take away"
    assert parameters.wire("other", DECODING) == sent
    assert parameters.found == {"m": {"max_tokens": "max_completion_tokens", "stop": None}}
    assert len(said) == 2
    assert Parameters(known=parameters.found).wire("m", DECODING) == now


@pytest.mark.parametrize("model", ["m", "o3-mini"])
def test_a_model_that_takes_neither_name_of_the_limit_gets_none_unless_a_cap_counts_on_it(model: str) -> None:
    for keep in (False, True):
        parameters = Parameters(keep_limit=keep)
        mended = []
        for _ in range(3):
            sent: dict[str, Any] = parameters.wire(model, {"max_tokens": 9})
            mended.append(bool(sent) and parameters.mend(model, next(iter(sent)), sent, {"max_tokens": 9}))
        assert mended == [True, not keep, False]
        assert parameters.limit(model, {"max_tokens": 9}) is keep


def test_renames_are_pairs() -> None:
    assert read_renames(["a=b"]) == {"a": "b"}
    with pytest.raises(UserError, match="OLD=NEW"):
        read_renames(["a"])
