r"""Digits, signs, blanks, fractions and exponents of all scripts, folded into plain ASCII arithmetic.

"２½ m²"  ->  "2 1/2 m^2"        "³⁄₄ × 10⁻³"  ->  "3/4 * 10^-3"        "−５"  ->  "-5"
"""

from __future__ import annotations

import functools
import re
import unicodedata

_CHARACTERS = {
    **dict.fromkeys("−﹣－‐‑‒–➖", "-"),
    **dict.fromkeys("×·⋅∙✕✖∗", "*"),
    **dict.fromkeys("⁄∕÷", "/"),
    **dict.fromkeys("≃≅≒", "≈"),
    **dict.fromkeys("∼〜", "~"),
    **dict.fromkeys("→⇒⟹⟶", "="),
    **dict.fromkeys("‘’´", "'"),
    **dict.fromkeys("—―", ";"),
    **dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\u200e\u200f\ufe0f", ""),
    "∓": "±",
    "∶": ":",
    "∴": " so ",
    "∵": " because ",
    "٫": ".",
    "٬": ",",
    "٪": "%",
    "。": ".",
    "、": ",",
    "…": "...",
}
_SUPERSCRIPT = str.maketrans("⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "+-0123456789")
_SUBSCRIPT = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_BUILT_FRACTION = re.compile(r"(\d?)([⁰¹²³⁴-⁹]+)[⁄∕/]([₀-₉]+)")
_VULGAR_FRACTION = re.compile(r"(\d?)([¼-¾⅐-⅞])")
_EXPONENT = re.compile("[⁺⁻⁰¹²³⁴-⁹]+")
_LEADING_MINUS = re.compile(r"^([ \t]*)−\s+(?=[\d.])", re.MULTILINE)
_DASH_OR_SIGN = re.compile(r"(?<![^\s:=(])[—―](?=[\d.$])")


@functools.cache
def _fold_character(char: str) -> str:
    if char in _CHARACTERS:
        return _CHARACTERS[char]
    if char.isdecimal():
        return str(unicodedata.decimal(char))
    if unicodedata.category(char) == "Sc":
        return "$"
    if char.isspace() and char not in "\n\r\u2028\u2029\x85":
        return " "
    return unicodedata.normalize("NFKC", char) if "\uff01" <= char <= "\uff5e" else char


def _fraction(match: re.Match[str]) -> str:
    above = match[2].translate(_SUPERSCRIPT)
    below = match[3].translate(_SUBSCRIPT) if match.re is _BUILT_FRACTION else ""
    fraction = f"{above}/{below}" if below else unicodedata.normalize("NFKC", above).replace("⁄", "/")
    return f"{match[1]} {fraction}" if match[1] else fraction  # 2½ becomes the mixed number 2 1/2


def fold(text: str) -> str:
    """The text with digits, signs, blanks, fractions and exponents of all scripts as ASCII."""
    if text.isascii():
        return text
    text = _VULGAR_FRACTION.sub(_fraction, _BUILT_FRACTION.sub(_fraction, text))
    text = _EXPONENT.sub(lambda match: f"^{match[0].translate(_SUPERSCRIPT)}", text)
    text = _DASH_OR_SIGN.sub("±", _LEADING_MINUS.sub(r"\1-", text))
    return "".join(map(_fold_character, text))
