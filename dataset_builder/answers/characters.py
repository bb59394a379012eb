r"""Digits of all scripts, blanks, signs, LaTeX and markdown, folded into plain ASCII arithmetic.

"２½ m²"  ->  "2 1/2 m^2"        r"\frac{1}{3}"  ->  "1/3"        "**42**"  ->  "42"
"""

from __future__ import annotations

import functools
import re
import unicodedata

_CHARACTERS = {
    **dict.fromkeys("−﹣－‐‑‒–", "-"),
    **dict.fromkeys("×·⋅∙✕✖∗", "*"),
    **dict.fromkeys("⁄∕÷", "/"),
    **dict.fromkeys("≃≅≒∼", "≈"),
    **dict.fromkeys("→⇒⟹", "="),
    **dict.fromkeys("‘’´", "'"),
    **dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\u200e\u200f", ""),
    **{superscript: f"^{value}" for value, superscript in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
    "—": ";",
    "⁻": "^-",
    "٫": ".",
    "٬": ",",
    "٪": "%",
    "。": ".",
    "、": ",",
    "…": "...",
}


@functools.cache
def _fold_character(char: str) -> str:
    if char in _CHARACTERS:
        return _CHARACTERS[char]
    if char.isdecimal():
        return str(unicodedata.decimal(char))
    if unicodedata.category(char) == "Sc":
        return "$"
    compatible = unicodedata.normalize("NFKC", char)
    if "⁄" in compatible:
        return f" {compatible.replace('⁄', '/')}"  # 2½ becomes the mixed number 2 1/2
    if char.isspace() and char not in "\n\r\u2028\u2029\x85":
        return " "
    return compatible if "\uff01" <= char <= "\uff5e" else char


def fold(text: str) -> str:
    """Digits of all scripts, signs, blanks and vulgar fractions as ASCII."""
    return text if text.isascii() else "".join(map(_fold_character, text))


_CALCULATOR = re.compile(r"<<[^<>]*(?:>>|$)")
_FRACTION = re.compile(r"\\[dt]?frac\s*(?:\{([^{}]*)\}\s*\{([^{}]*)\}|(\d)\s*(\d))")
_LATEX = (
    (re.compile(r"\\(?:text|textbf|mathrm|mathbf|mbox|operatorname)\s*\{([^{}]*)\}"), r" \1 "),
    (re.compile(r"\{,\}|\\!"), ","),
    (re.compile(r"(?<=\d)\\[,;: ](?=\d)|~"), " "),
    (re.compile(r"\\(?:times|cdot|ast)(?![A-Za-z])"), "*"),
    (re.compile(r"\\div(?![A-Za-z])"), "/"),
    (re.compile(r"\\(?:approx|simeq|implies|Rightarrow|rightarrow|to)(?![A-Za-z])"), "="),
    (re.compile(r"\\(?:dots|ldots|cdots)(?![A-Za-z])"), "..."),
    (re.compile(r"\^\s*\{?\s*\\circ\s*\}?|\\(?:left|right|displaystyle|quad|qquad)(?![A-Za-z])|\\[()\[\],;:! ]"), " "),
    (re.compile(r"\\([$%#&{}])"), r"\1"),
)
_BOLD = re.compile(r"(?<![\d)])(?<![\d)] )\*\*|\*\*(?!\s*[\d(])|__")
_SCIENTIFIC = re.compile(r"(\d(?:\.\d+)?)\s*[*xX]\s*10\s*\^\s*[{(]?\s*(-?\d{1,3})\b[})]?")
_AND_PART = re.compile(r"(\d) and (?:a|one)[ -](half|third|quarter)\b", re.IGNORECASE)
_PARTS = {"half": 2, "third": 3, "quarter": 4}


def plain_statement(span: str) -> str:
    """The statement without calculator annotations, LaTeX and markdown."""
    span = fold(span)
    if "<<" in span:
        span = _CALCULATOR.sub("", span)
    if "\\" in span or "{,}" in span:
        span = _FRACTION.sub(lambda m: f" {m[1] or m[3]}/{m[2] or m[4]} ", span)
        for pattern, replacement in _LATEX:
            span = pattern.sub(replacement, span)
    if "**" in span or "__" in span:
        span = _BOLD.sub(" ", span)
    if "^" in span:
        span = _SCIENTIFIC.sub(r"\1e\2", span)
    return _AND_PART.sub(lambda m: f"{m[1]} 1/{_PARTS[m[2].lower()]}", span) if " and " in span else span
