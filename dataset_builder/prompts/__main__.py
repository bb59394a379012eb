"""`python -m dataset_builder.prompts`: compares the prompt files with their lock and locks what was added.

added    decompose.v2 9f2c1a0b77de
15 prompts locked in dataset_builder/prompts/prompts.lock.json
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from dataset_builder import prompts
from dataset_builder.core.config import option, parse_config
from dataset_builder.core.errors import UserError, entry_point
from dataset_builder.core.files import write_json

EPILOG = """A prompt's name is in every record that it asked for, so its text is locked by sha256. For a new wording
write a new file (decompose.v2.txt) and run this command; or leave this folder alone and give the path of your own:
  python -m dataset_builder.generate --decompose_prompt my/physics.txt ..."""


@dataclass
class LockConfig:
    """What may be locked."""

    changed: bool = option(False, "lock changed texts, too: records that name them then mean another text")


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    config = parse_config(
        LockConfig,
        argv,
        prog="python -m dataset_builder.prompts",
        description="Compares the package's prompt files with prompts.lock.json and locks what was added or removed.",
        epilog=EPILOG,
    )
    locked, now = prompts.read_lock(), prompts.current_hashes()
    changed = [name for name in now if name in locked and locked[name] != now[name]]
    if changed and not config.changed:
        raise UserError(
            f"{', '.join(changed)}: locked with another text; give a new wording a file of the next version, put the "
            "old text back, or lock it as it is with --changed"
        )
    write_json(prompts.LOCK, now)
    for name in sorted({*locked, *now}):
        if locked.get(name) != now.get(name):
            what = "added" if name not in locked else "removed" if name not in now else "changed"
            print(f"{what:<9}{name} {now.get(name, locked.get(name, ''))[:12]}")
    print(f"{len(now)} prompts locked in {prompts.LOCK.name}{'' if locked != now else ', as they were'}")


if __name__ == "__main__":
    sys.exit(main())
