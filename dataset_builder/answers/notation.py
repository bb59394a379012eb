r"""A statement as plain arithmetic: HTML, LaTeX, markdown and abbreviations become what they stand for.

r"\frac{1}{3}"  ->  "1/3"       "**42**"  ->  "42"       r"15,\!000\text{ cm}^{2}"  ->  "15,000 cm^2"
r"2\sqrt{2}"    ->  "2√{2}"     "0.(3)"   ->  "3/9"      "Rs.500"  ->  "Rs 500"         "+/- 5"  ->  "± 5"

A LaTeX command that is not known becomes the sign √, which stands for any operation still to be done.
"""

from __future__ import annotations

import html
import re

from dataset_builder.answers.characters import fold
from dataset_builder.answers.replies import without_tags

_CALCULATOR = re.compile(r"<<[^<>]*(?:>>|$)")
_TEXT = re.compile(
    r"\\(?:text(?:bf|it|rm|normal|tt)?|math(?:rm|bf|it|sf|tt)|mbox|hbox|operatorname|emph|underline)\s*\{([^{}]*)\}"
)
_FRACTION = re.compile(r"\\[dtc]?frac\s*(?:\{([^{}]*)\}|(\d))\s*(?:\{([^{}]*)\}|(\d))")
_REPEATING = re.compile(r"(?<![\d.,])(\d+)\.(?:(\d*)\\(?:overline|bar|dot)\s*\{?(\d+)\}?|\((\d+)\))")
_LATEX = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"\\\\", " ; "),
        (r" {0,2}\{\s*,\s*\}\s*|,\s*\\!\s*", ","),
        (r"(?<=\d)\\[,;: ]\s*(?=\d)|~", " "),
        (r"\\!", ""),
        (r"\\(?:times|cdot|ast)(?![A-Za-z])", "*"),
        (r"\\div(?![A-Za-z])", "/"),
        (r"\\(?:approx|simeq|doteq)(?![A-Za-z])", "≈"),
        (r"\\sim(?![A-Za-z])", "~"),
        (r"\\(?:implies|Rightarrow|Longrightarrow|rightarrow|longrightarrow|to)(?![A-Za-z])", "="),
        (r"\\(?:dots|ldots|cdots)(?![A-Za-z])", "..."),
        (r"\\(?:pm|mp)(?![A-Za-z])", "±"),
        (r"\\(?:l|g)(?:t|eq?)(?:slant)?(?![A-Za-z])|\\n(?:e|eq)(?![A-Za-z])|\\equiv(?![A-Za-z])", "<"),
        (r"\\(?:left\s*\||lvert(?![A-Za-z]))\s*| ?\\(?:right\s*\||r?vert(?![A-Za-z]))", "|"),
        (r"\\(?:text)?dollar(?![A-Za-z])|\\(?:pounds|euro)(?![A-Za-z])", "$"),
        (r"\\(?:begin|end)\s*\{(?:align|equation|gather|math|displaymath|center|aligned|split)\*?\}", " "),
        (r"\^\s*\{?\s*\\(?:circ|degree)\s*\}?|\\(?:circ|degree|cents?)(?![A-Za-z])|\\f?boxed(?![A-Za-z])", " "),
        (
            r"\\(?:left|right|[bB]igg?[lr]?|displaystyle|q?quad|therefore|because|checkmark|(?:black)?square|hfill"
            r"|newline|par|bf|rm|it|Large|large|huge|normalsize|textstyle)(?![A-Za-z])|\\[()\[\],;:! ]",
            " ",
        ),
        (r"\\([$%#&{}_])", r"\1"),
        (r"\\[A-Za-z]+", "√"),
        (r"([\^_])\s*\{\s*(-?\w+)\s*\}", r"\1\2"),
        (r"(?<=[A-Za-z])\s+\^(?=-?\d)", "^"),
    )
)
_BOLD = re.compile(r"(?<![\d)])(?<![\d)] )\*\*|\*\*(?!\s*[\d(])|__")
_STRUCK = re.compile(r"~~[^~]*~~")
_SCIENTIFIC = re.compile(
    r"(\d(?:\.\d+)?)\s*[*xX]\s*10\s*\^\s*[{(]?\s*([-+]?\d{1,3})\b[})]?|(?<![\w.,^*/)])10\^([-+]?\d{1,3})\b"
)
_AND_PART = re.compile(r"(\d) and (?:a|one)[ -](half|third|quarter)\b", re.IGNORECASE)
_PARTS = {"half": 2, "third": 3, "quarter": 4}
_EITHER_SIGN = re.compile(r"\+-|\+\s?/\s?-|\bplus(?: or |[ /-])minus\b", re.IGNORECASE)
_ABBREVIATION = re.compile(r"\b(rs|re|inr|pkr|npr|lkr|no|nos|usd|us|fig|kr|fr)\.(?=\d)", re.IGNORECASE)
_CODE = re.compile(r"\b(USD|US|EUR|GBP|JPY|CNY|RMB|INR|CAD|AUD|CHF|NZD|SGD|HKD|Rs|RM|Rp|kr)(?=[$\d])")
_PAYABLE = re.compile(r"(?<=\d)/[-=](?![\d\w])")
_BARS = re.compile(r"\|(?! )([^|\n]{1,60})(?<! )\|")


def plain_statement(span: str) -> str:
    """The statement without HTML, calculator annotations, LaTeX, markdown and abbreviations."""
    if "&" in span and ";" in span:
        span = html.unescape(span)
    span = fold(without_tags(span))
    if "<<" in span:
        span = _CALCULATOR.sub("", span)
    if "\\" in span or "{" in span:
        span = _without_latex(span)
    if "(" in span and "." in span:
        span = _REPEATING.sub(_repeating, span)
    if "**" in span or "__" in span:
        span = _BOLD.sub(" ", span)
    if "~~" in span:
        span = _STRUCK.sub(" ", span)
    if "^" in span:
        span = _SCIENTIFIC.sub(lambda m: f"{m[1]}e{m[2]}" if m[1] else f"1e{m[3]}", span)
    if "|" in span:
        span = _BARS.sub(_absolute, span)
    span = _EITHER_SIGN.sub("±", _CODE.sub(r"\1 ", _ABBREVIATION.sub(r"\1 ", span)))
    if "/" in span:
        span = _PAYABLE.sub(" ", span)
    return _AND_PART.sub(lambda m: f"{m[1]} 1/{_PARTS[m[2].lower()]}", span) if " and " in span else span


def _without_latex(span: str) -> str:
    for _ in range(3):  # text inside text
        if "\\" not in span or not _TEXT.search(span):
            break
        span = _TEXT.sub(r" \1 ", span)
    span = _REPEATING.sub(_repeating, span)
    span = _FRACTION.sub(lambda m: f" {m[1] or m[2] or ''}/{m[3] or m[4] or ''} ", span)
    for pattern, replacement in _LATEX:
        span = pattern.sub(replacement, span)
    return span


def _repeating(match: re.Match[str]) -> str:
    """0.(3) as 3/9, and 1.2\\overline{3} as 111/90."""
    whole, fixed, period = match[1], match[2] or "", match[3] or match[4]
    if len(whole + fixed + period) > 200:
        return "±"
    above = int(whole + fixed + period) - int(whole + fixed)
    return f"{above}/{'9' * len(period)}{'0' * len(fixed)}"


def _absolute(match: re.Match[str]) -> str:
    """|-5| and |x| are operations; |18| is 18, and a table's cell stays."""
    inside = match[1].strip()
    if inside.startswith("-") or (len(inside) == 1 and inside.isalpha()) or re.search(r"\w\s*[-+*/^]\s*\w", inside):
        return "√" if not inside[-1].isalpha() else "±"
    return match[0]
