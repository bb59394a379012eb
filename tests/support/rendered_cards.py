"""A card as the Hub shows it, near enough: Markdown to HTML with GitHub's measures, to be looked at and measured."""

from __future__ import annotations

from pathlib import Path

STYLE = """body { font: 16px/1.5 Helvetica, Arial, sans-serif; max-width: 896px; margin: 24px auto; padding: 0 24px }
h1 { font-size: 2em } h2 { font-size: 1.5em; margin: 24px 0 16px } h1, h2 { border-bottom: 1px solid #ddd }
table { border-collapse: collapse; display: block; overflow: auto; max-width: 100% }
td, th { border: 1px solid #d0d7de; padding: 6px 13px } p, ul, pre, table { margin: 0 0 16px }
pre { background: #8882; padding: 16px; overflow: auto; font-size: 85% } img { max-width: 100% }
@media (prefers-color-scheme: dark) { body { background: #0d1117; color: #e6edf3 } td, th { border-color: #444 } }"""


def card_page(card: Path) -> Path:
    """Writes the card's body as a page beside it, so that its figures are found, and returns the page's path."""
    from markdown_it import MarkdownIt

    body = card.read_text(encoding="utf-8").split("---\n", 2)[2]
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(body)
    page = card.with_name(f"{card.stem}.page.html")
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    page.write_text(f"<!doctype html>{head}<style>{STYLE}</style>{html}", encoding="utf-8")
    return page
