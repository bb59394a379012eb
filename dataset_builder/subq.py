"""One command for everything: `subq COMMAND ...` is `python -m MODULE ...`, loaded only when it is called.

    $ subq                                    # the commands, in the order of the flow
    $ subq train --help                       # what one of them takes
    $ eval "$(_SUBQ_COMPLETE=zsh_source subq)"          # completion; bash_source, fish_source

The table is `door.commands`; here it is read, completed, and its module called.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import re
import sys
from collections.abc import Callable, Sequence

import click
from click.shell_completion import CompletionItem

from dataset_builder.core.errors import UserError, entry_point
from dataset_builder.core.values import nearest
from dataset_builder.door.commands import COMMANDS, GROUPS, called_as_subq
from dataset_builder.door.extras import DISTRIBUTION

ABOUT = (
    "Problems -> sub-questions -> answers -> feedback -> dataset -> recipe -> checkpoint -> scores -> cards -> Hub."
)
EPILOG = """\b
Each command has a --help worth reading; `subq train` is `python -m recipes.train`, and so on.
Completion:  eval "$(_SUBQ_COMPLETE=bash_source subq)"   in ~/.bashrc (zsh: zsh_source, in ~/.zshrc)
             _SUBQ_COMPLETE=fish_source subq > ~/.config/fish/completions/subq.fish"""
WIDTH = max(map(len, COMMANDS))
OPTION = re.compile(r"^  (--[\w.]+)(?: \S+)*?(?:\s{2,}(.*)|)$", re.MULTILINE)
"""An option's line of `--help`."""


class ModuleCommand(click.Command):
    """A command that is told its words as they were typed."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.params = {"name": self.name, "words": list(args)}
        return []

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Its options, as its `--help` has them; else files."""
        if not incomplete.startswith("-"):
            return [CompletionItem(incomplete, type="file")]
        with contextlib.redirect_stdout(io.StringIO()) as shown, contextlib.suppress(SystemExit):
            main_of(str(self.name))(["--help"])
        options = OPTION.findall(shown.getvalue())
        return [CompletionItem(name, help=told) for name, told in options if name.startswith(incomplete)]


class Commands(click.Group):
    """The commands of the table, in its order."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        command = COMMANDS.get(cmd_name)
        if command is None:
            return None
        return ModuleCommand(cmd_name, callback=lambda name, words: (name, words), help=command.help)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS and not ctx.resilient_parsing:
            raise UserError(f"subq has no command {args[0]!r}{nearest(args[0], list(COMMANDS))}; see `subq --help`")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, commands in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(f"{command.name:{WIDTH}}", command.help) for command in commands])


def main_of(name: str) -> Callable[[Sequence[str]], int | None]:
    """The `main(argv)` of a command's module, which is loaded here."""
    module = COMMANDS[name].module
    found = importlib.util.find_spec(module)
    is_package = found is not None and found.submodule_search_locations is not None
    main: Callable[[Sequence[str]], int | None] = importlib.import_module(
        f"{module}.__main__" if is_package else module
    ).main
    return main


GROUP = click.version_option(package_name=DISTRIBUTION, message="%(prog)s %(version)s")(
    Commands("subq", help=ABOUT, epilog=EPILOG, context_settings={"max_content_width": 110})
)


@entry_point
def main(argv: Sequence[str] | None = None) -> int:
    """`subq`, and `python -m dataset_builder.subq`."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        chosen = GROUP.main(words or ["--help"], prog_name="subq", standalone_mode=False)
    except click.ClickException as error:
        raise UserError(f"{error.format_message().rstrip('.')}; see `subq --help`") from error
    if not isinstance(chosen, tuple):
        return int(chosen or 0)
    name, rest = chosen
    with called_as_subq():
        return int(main_of(name)(rest) or 0)


if __name__ == "__main__":
    sys.exit(main())
