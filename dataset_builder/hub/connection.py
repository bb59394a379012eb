"""Asks the Hub: again after a failure that can heal, and in one line that says what to do where it cannot.

The token comes from `hf auth login` or HF_TOKEN; it is handed to the client library and to nothing else.
"""

from __future__ import annotations

import functools
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from dataset_builder.core.errors import UserError
from dataset_builder.core.hub_ids import hub_url

ATTEMPTS = 5
PAUSE_S = 1.0
REACH_S = 1.5
LOAD_REACH_S = 3.0
"""Twice this, then a load goes without the Hub; its client would try for 25 s, file by file, and tell each try."""

ResultT = TypeVar("ResultT")

_FINAL = {
    401: "the token is not valid; run `hf auth login` again",
    403: "the token may not write there; take one with write access to this namespace, or open a pull request (--pr)",
    409: "that name or tag exists already; take the next version",
    412: "somebody else pushed in the meantime; look at the diff again and push again",
}


def hub_api(needs_token: bool) -> Any:
    """The Hub's client, with the user's token if there is one.

    Raises:
        UserError: a token is needed and there is none.
    """
    from huggingface_hub import HfApi, get_token

    token = get_token()
    if needs_token and not token:
        raise UserError(
            "no Hugging Face token; run `hf auth login`, or set HF_TOKEN to a token with write access "
            f"({hub_url('settings/tokens')})"
        )
    return HfApi(token=token)


def out_of_reach(api: Any, within_s: float = REACH_S) -> str | None:
    """Why the Hub cannot be asked now, in a few words; None where it answers.

    The client itself would wait for ever and a resolver for half a minute, so a thread asks, and is left behind.
    """
    from huggingface_hub.errors import OfflineModeIsEnabled
    from huggingface_hub.utils import get_session

    found = [f"no answer within {within_s:g} s"]

    def ask() -> None:
        try:
            get_session().head(api.endpoint, timeout=within_s)
            found.clear()
        except OfflineModeIsEnabled:
            found[:] = ["HF_HUB_OFFLINE is set"]
        except Exception as error:
            found[:] = [f"{type(error).__name__}: {error}".partition("\n")[0]]

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(within_s)
    return next(iter(found), None)


@functools.cache
def hub_or_cache() -> str | None:
    """Before something is loaded by its Hub id: why the Hub cannot be asked, or None where it answers.

    Asked once a process. Where it does not answer, Hugging Face's libraries work offline from here on, as with
    HF_HUB_OFFLINE=1: what was downloaded before is loaded, and what was not is missed at once.
    """
    from huggingface_hub import constants

    api = hub_api(needs_token=False)
    reason = out_of_reach(api, LOAD_REACH_S) and out_of_reach(api, LOAD_REACH_S)
    if reason:
        os.environ["HF_HUB_OFFLINE"] = "1"
        constants.HF_HUB_OFFLINE = True
        if "datasets" in sys.modules:
            sys.modules["datasets"].config.HF_HUB_OFFLINE = True
    return reason


def require_on_hub(kind: str, repo: str, revision: str | None = None) -> None:
    """Refuses a repository, or a revision of it, that the Hub does not have.

    Raises:
        UserError: it is not there, or hidden from this token.
    """
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    api = hub_api(needs_token=False)
    try:
        ask_hub(lambda: api.repo_info(repo, repo_type=kind, revision=revision), repo)
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        name, first = (f"{repo} at {revision}", "push and tag") if revision else (repo, "push")
        raise UserError(f"the Hub has no {kind} {name}, or hides it from this token: {first} it first") from error


def ask_hub(request: Callable[[], ResultT], repo: str, *, repeatable: bool = True) -> ResultT:
    """The request's result, asked again after a failure that can heal.

    Args:
        repeatable: False where asking twice would do the thing twice; a lost reply is then not asked for again.

    Raises:
        UserError: the Hub refuses, or cannot be reached after `ATTEMPTS` tries.
    """
    import httpx2  # the client library's own transport, whose errors it lets through
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    for attempt in range(1, ATTEMPTS + 1):
        try:
            return request()
        except OfflineModeIsEnabled as error:
            raise UserError("HF_HUB_OFFLINE is set, so the Hub cannot be asked; unset it and push again") from error
        except HfHubHTTPError as error:
            status = error.response.status_code if error.response is not None else 0
            if status in _FINAL:
                raise UserError(f"{repo}: {_FINAL[status]} (the Hub answered {status})") from error
            if status and status < 500 and status != 429:
                raise
            failure = f"the Hub answered {status}"
        except (OSError, httpx2.TransportError) as error:
            failure = f"{type(error).__name__}: {error}"
            if not repeatable:
                raise UserError(f"{repo}: no reply came ({failure}); look on the Hub whether it was done") from error
        except ValueError as error:
            if "Invalid metadata in README.md" not in str(error):
                raise
            raise UserError(f"{repo}: the Hub refuses the card: {error}; mend the card and push again") from error
        if attempt < ATTEMPTS:
            time.sleep(PAUSE_S * 2 ** (attempt - 1))
    raise UserError(f"{repo} could not be reached ({failure}); what arrived is kept, so push again to resume")
