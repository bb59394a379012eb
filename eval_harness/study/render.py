"""Sections of a study's page as one HTML file that asks for nothing else, and as Markdown.

The HTML holds its figures and its style; texts are escaped. A wide table scrolls by itself.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dataset_builder.core.markdown import draw_table
from dataset_builder.core.templates import render_template

_TEMPLATE = Path(__file__).with_name("page.html")
_STYLE = Path(__file__).parents[1] / "reporting" / "page" / "page.css"
_MARKS = {"holds": "better", "does not hold": "worse"}


@dataclass(frozen=True)
class Table:
    """Cells of text."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    right_from: int | None = None
    """The first column of numbers."""
    marks: int | None = None
    """The column whose words are marked: holds, does not hold."""


@dataclass(frozen=True)
class Figure:
    """One picture."""

    file: str
    """In the page's folder."""
    caption: str


@dataclass(frozen=True)
class Section:
    """One part of the page."""

    title: str
    """Empty: the head of the page."""
    texts: Sequence[str] = ()
    tables: Sequence[Table] = field(default_factory=list)
    figures: Sequence[Figure] = field(default_factory=list)
    folded: bool = False
    """Whether the HTML shows it only on demand."""


def markdown(title: str, sections: Sequence[Section]) -> str:
    """The page as Markdown, figures linked."""
    parts = [f"# {title}"]
    for section in sections:
        parts += [f"## {section.title}"] if section.title else []
        parts += section.texts
        parts += [draw_table(table.head, table.rows, right_from=table.right_from) for table in section.tables]
        parts += [f"![{figure.caption}]({figure.file})" for figure in section.figures]
    return "\n\n".join(parts) + "\n"


def page(title: str, sections: Sequence[Section], folder: Path) -> str:
    """The page as HTML.

    Args:
        title: its heading.
        sections: in their order.
        folder: where the figures lie.
    """
    body = "\n".join(_section(section, folder) for section in sections)
    style = _STYLE.read_text(encoding="utf-8")
    return render_template(_TEMPLATE, title=html.escape(title), style=style, body=body)


def _section(section: Section, folder: Path) -> str:
    parts = [f"<p>{html.escape(text)}</p>" for text in section.texts]
    parts += [_table(table) for table in section.tables]
    if section.figures:
        parts.append(f'<div class="figures">{"".join(_figure(figure, folder) for figure in section.figures)}</div>')
    body = "\n".join(parts)
    if not section.title:
        return f'<section class="head">{body}</section>'
    name = re.sub(r"[^a-z0-9]+", "-", section.title.lower()).strip("-")
    heading = f'<h2 id="{name}">{html.escape(section.title)}</h2>'
    if section.folded:
        return f"<section><details><summary>{heading}</summary>\n{body}</details></section>"
    return f"<section>{heading}\n{body}</section>"


def _table(table: Table) -> str:
    first = len(table.head) if table.right_from is None else table.right_from

    def cell(tag: str, column: int, text: str) -> str:
        kind = ' class="number"' if column >= first else ""
        shown = html.escape(text)
        if column == table.marks and tag == "td":
            shown = f'<span class="chip {_MARKS.get(text, "")}">{shown}</span>'
        return f'<{tag}{kind} data-name="{html.escape(table.head[column])}">{shown}</{tag}>'

    head = "".join(cell("th", index, text) for index, text in enumerate(table.head))
    lines = ["".join(cell("td", index, text) for index, text in enumerate(row)) for row in table.rows]
    body = "\n".join(f"<tr>{line}</tr>" for line in lines)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>'


def _figure(figure: Figure, folder: Path) -> str:
    data = base64.b64encode((folder / figure.file).read_bytes()).decode()
    caption = html.escape(figure.caption)
    image = f'<img src="data:image/png;base64,{data}" alt="{caption}" loading="lazy">'
    return f"<figure>{image}<figcaption>{caption}</figcaption></figure>"
