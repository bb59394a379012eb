"""What a name means: a repository on the Hub or a local path. And the Hub's address, for links.

| name | is it a Hub id? |
| --- | --- |
| `gpt2`, `org/name` | yes, unless a file or folder of that name exists here |
| `outputs/name` | no: that is where this toolkit writes |
| `./name`, `/data/name`, `~/name`, `a/b/c` | no: the Hub would refuse them |
"""

from __future__ import annotations

import os
from pathlib import Path

OUTPUTS = "outputs"


def is_hub_id(name: str, *, namespace: bool = False) -> bool:
    """Whether the spelling is that of a repository's id, whatever exists here.

    Args:
        name: what the user gave, or a record holds.
        namespace: only "org/name" will do, not "gpt2".
    """
    if not name or name.split("/")[0] == OUTPUTS or (namespace and "/" not in name):
        return False
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(name)
    except HFValidationError:
        return False
    return True


def is_on_hub(name: str, *, namespace: bool = False) -> bool:
    """Whether a loader has to ask the Hub for it: it is spelled as an id and nothing of that name exists here."""
    return not Path(name).exists() and is_hub_id(name, namespace=namespace)


def public_name(name: str) -> str:
    """What a record that may be published holds of a name: a Hub id as it is, of a path the last part.

    >>> public_name("/data/outputs/bc"), public_name("org/model")
    ('bc', 'org/model')
    """
    return name if is_on_hub(name) else Path(name).name


def hub_url(path: str = "") -> str:
    """A page on the Hub, which HF_ENDPOINT may move.

    >>> hub_url("datasets/org/name")
    'https://huggingface.co/datasets/org/name'
    """
    return f"{os.environ.get('HF_ENDPOINT', 'https://huggingface.co').rstrip('/')}/{path}"
