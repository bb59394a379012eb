"""Parameters under the names a model takes them by, and without those it refuses.

    o1: max_tokens -> max_completion_tokens, temperature left out

What the user says holds for every model of the run. A model that refuses a parameter by name (HTTP 400 or 422) is
mended once for the whole run: renamed where it has another name, else left out. The changes stand in the run's record.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from dataset_builder.core.errors import UserError

PARAMETERS_NOTE = "parameters"
"""The journal's note of what models asked for."""
LIMITS = ("max_tokens", "max_completion_tokens")
_NEW_LIMIT_NAME = ("o1", "o3", "o4", "gpt-5")  # these models refuse `max_tokens`
_WRONG_VALUE = re.compile(
    r"(?:above|below)_m(?:ax|in)|out_of_range|invalid_type|type_error|greater_than|less_than", re.IGNORECASE
)
_OUT_OF_RANGE = re.compile(
    r"too (?:large|high|small|low|big)|(?:above|below) (?:the )?m(?:ax|in)imum|must be|at (?:most|least)|between"
    r"|greater than|less than|out of range|should be",
    re.IGNORECASE,
)
_REFUSED = re.compile(
    r"un(?:supported|known|recogni[sz]ed|expected)|not (?:\w+ )?(?:support|permit|allow|recogni|accept|available)"
    r"|n[o']t support|extra (?:inputs|fields)|deprecated|extra_forbidden|only the default",
    re.IGNORECASE,
)
_ONLY_DEFAULT = re.compile(r"only the default|unsupported_value|does not support", re.IGNORECASE)
Changes = dict[str, str | None]


def named_parameter(message: str, code: str, param: str, sent: Collection[str]) -> str:
    """Which of the parameters that were sent a refusal names as unknown to the model; "" where it names none.

    A value out of range is no such refusal: that is for the user to mend.

    >>> named_parameter("Unsupported parameter: 'max_tokens'", "unsupported_parameter", "max_tokens", ["max_tokens"])
    'max_tokens'
    >>> named_parameter("max_tokens is too large: 99999", "invalid_value", "max_tokens", ["max_tokens"])
    ''
    """
    words = f"{code} {message}"
    refuses = bool(_REFUSED.search(words))
    if _WRONG_VALUE.search(code) or (_OUT_OF_RANGE.search(message) and not _ONLY_DEFAULT.search(words)):
        return ""
    if param:
        name = re.split(r"[.\[]", param.removeprefix("body."))[0]
        return name if name in sent else ""
    if not refuses:
        return ""
    return next((name for name in sent if _names(name, message)), "")


def _names(name: str, message: str) -> bool:
    """Whether a message means the parameter, and not the plain word "stop"."""
    if re.search(rf"['\"`‘“]{name}['\"`’”]", message):
        return True
    plain = (
        rf"\b{name}\b" if "_" in name or name in ("temperature", "seed") else rf"\b{name} (?:sequences?|strings?)\b"
    )
    return bool(re.search(rf"{plain}|\bparameters?:? {name}\b|\b{name} (?:is|parameter|param)\b", message))


class Parameters:
    """The changes of one run, by model.

    Args:
        rename: name -> name, of the user.
        leave_out: names, of the user.
        known: model -> changes that an earlier session found.
        keep_limit: the length of a reply must stay limited, because a cap on the cost counts on it.
        on_change: told of each new change in a line for people.
    """

    def __init__(
        self,
        rename: Mapping[str, str] | None = None,
        leave_out: Collection[str] = (),
        known: Mapping[str, Changes] | None = None,
        keep_limit: bool = False,
        on_change: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._given: Changes = dict(rename or {}) | dict.fromkeys(leave_out)
        self._found: dict[str, Changes] = {model: dict(changes) for model, changes in (known or {}).items()}
        self._keep_limit = keep_limit
        self._on_change = on_change

    @property
    def found(self) -> dict[str, Changes]:
        """The changes that models asked for, for the run's record."""
        return self._found

    def wire(self, model: str, decoding: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters as they are sent; those that are None are left to the server."""
        named: dict[str, Any] = {name: value for name, value in decoding.items() if value is not None}
        if "max_tokens" in named and "max_tokens" not in self._given and model.startswith(_NEW_LIMIT_NAME):
            named["max_completion_tokens"] = named.pop("max_tokens")
        for changes in (self._given, self._found.get(model, {})):
            for name, new in changes.items():
                if name in named:
                    value = named.pop(name)
                    if new is not None:
                        named[new] = value
        return named

    def limit(self, model: str, decoding: Mapping[str, Any]) -> bool:
        """Whether the length of a reply is limited."""
        return any(name in LIMITS or self._given.get("max_tokens") == name for name in self.wire(model, decoding))

    def mend(self, model: str, parameter: str, sent: Mapping[str, Any], decoding: Mapping[str, Any]) -> bool:
        """Takes a refused parameter away from a model; False where that changes nothing that was sent."""
        changes = self._found.setdefault(model, {})
        if parameter in self.wire(model, decoding):
            new = None
            if parameter in LIMITS:
                other = LIMITS[1 - LIMITS.index(parameter)]
                new = other if other not in changes and other not in sent else None
                if new is None and self._keep_limit:
                    return False
            changes[parameter] = new
            done = f"sent as {new}" if new else "left out"
            self._on_change(f"{model} refuses {parameter}: it is {done} from here on")
        return self.wire(model, decoding) != dict(sent)


def read_renames(pairs: Collection[str]) -> dict[str, str]:
    """The user's `old=new` pairs.

    Raises:
        UserError: one of them is none.
    """
    renames = {}
    for pair in pairs:
        old, equals, new = pair.partition("=")
        if not (equals and old.isidentifier() and new.isidentifier()):
            raise UserError(
                f"--rename_parameters takes OLD=NEW, as in max_tokens=max_completion_tokens, found {pair!r}"
            )
        renames[old] = new
    return renames
