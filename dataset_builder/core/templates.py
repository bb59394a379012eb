"""One way to fill a text template: jinja2, where a name that the template lacks is an error, never a placeholder."""

from __future__ import annotations

from pathlib import Path


def render_template(path: Path, **values: object) -> str:
    """The template at `path` with its names filled in; nothing is escaped, and a value is never read as a template.

    Raises:
        jinja2.UndefinedError: the template uses a name that is not given.
    """
    import jinja2

    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    return environment.from_string(path.read_text(encoding="utf-8")).render(**values)
