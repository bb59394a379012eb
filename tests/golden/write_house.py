"""Writes the picture and the table of docs/architecture.md: packages, their folders, and which way imports go.

    python -m tests.golden.write_house

The folders are those that `tests/test_architecture.py` holds the code to.
"""

from __future__ import annotations

from html import escape
from itertools import pairwise

from eval_harness.reporting.markers import put_between_markers
from tests.conftest import ROOT
from tests.test_architecture import ROOMS

PAGE = ROOT / "docs" / "architecture.md"
PICTURE = ROOT / "docs" / "assets" / "house.svg"
ABOUT = {
    "dataset_builder": "problems, sub-questions, answers, feedback, dataset",
    "recipes": "dataset, recipe, checkpoint",
    "eval_harness": "checkpoint, predictions, scores",
    "model_cards": "scores, cards, Hub",
}
WIDTH, GAP, ROW, TOP = 168, 40, 26, 64


def picture() -> str:
    """A house a package, its ground floor below; an arrow says who is imported."""
    rooms = {package: names.split() for package, names in ROOMS.items()}
    tallest = max(map(len, rooms.values()))
    floor = TOP + tallest * ROW
    width, height = len(rooms) * (WIDTH + GAP) - GAP + 4, floor + 12
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        'font-size="13" role="img" aria-label="Four packages and their folders; imports go to the left and down">',
        '<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#00897b"/></marker></defs>',
    ]
    places = {package: 2 + number * (WIDTH + GAP) for number, package in enumerate(rooms)}
    for package, names in rooms.items():
        parts += _house(package, names, places[package], floor)
    for left, right in pairwise(places.values()):
        y = floor - ROW
        parts.append(
            f'<path d="M{right - 3} {y}H{left + WIDTH + 4}" stroke="#00897b" stroke-width="2" marker-end="url(#a)"/>'
        )
    return "\n".join([*parts, "</svg>"]) + "\n"


def _house(package: str, names: list[str], x: int, floor: int) -> list[str]:
    top = floor - len(names) * ROW - 34
    parts = [
        f'<rect x="{x}" y="{top}" width="{WIDTH}" height="{floor - top}" rx="6" fill="#e0f2f1" stroke="#00897b"/>',
        f'<text x="{x + WIDTH / 2:g}" y="{top + 22}" text-anchor="middle" font-weight="bold" fill="#00352f">'
        f"{package}</text>",
    ]
    for number, name in enumerate(names):
        y = floor - (number + 1) * ROW
        parts += [
            f'<rect x="{x + 8}" y="{y - 4}" width="{WIDTH - 16}" height="{ROW - 4}" rx="3" fill="#ffffff"/>',
            f'<text x="{x + WIDTH / 2:g}" y="{y + 11}" text-anchor="middle" fill="#004d40">{escape(name)}</text>',
        ]
    return parts


def table() -> str:
    """Each package with its folders, ground floor first."""
    lines = ["| package | makes | folders, ground floor first |", "| --- | --- | --- |"]
    for package, names in ROOMS.items():
        folders = " ".join(f"`{name}`" for name in names.split())
        lines.append(f"| [`{package}`](../{package}/README.md) | {ABOUT[package]} | {folders} |")
    return "\n".join(lines)


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
    put_between_markers(PAGE, "house", table())
