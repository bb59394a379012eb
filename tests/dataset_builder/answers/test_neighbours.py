"""What stands around a number: factors, units, operations, and the words that nobody knows."""

from __future__ import annotations

import unicodedata
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataset_builder.answers import extract_final_answer, parse_number
from dataset_builder.answers.vocabulary import factor_of

numbers = st.integers(min_value=2, max_value=10**9)
decimals = st.decimals(min_value=-(10**6), max_value=10**6, places=2).map(lambda value: f"{value:f}")
letters = st.characters(categories=["Lo", "Ll"], exclude_characters="ªº").filter(lambda char: not char.isascii())
OTHER_SCRIPT = st.text(letters, min_size=1, max_size=6)
UNITS = ["apples", "kg", "km/h", "cm^2", "square feet", "%", "per day", "a week", "an hour", "each", "°C", "USD", "€"]


@given(numbers, OTHER_SCRIPT, st.sampled_from(["", " ", "\u00a0"]))
def test_a_word_of_another_script_multiplies_or_is_a_known_unit_or_refuses(number: int, word: str, gap: str) -> None:
    result = extract_final_answer(f"Final answer: {number}{gap}{word}")
    if unicodedata.numeric(word[0], None) is not None or not all(char.isalpha() for char in word):
        return
    factor = factor_of(word.lower() if len(word) > 1 else word)
    assert result is None if factor is None else result in (None, number * factor)


@given(numbers, OTHER_SCRIPT)
def test_a_word_of_another_script_in_front_is_no_decoration(number: int, word: str) -> None:
    decomposed = "".join(char for char in unicodedata.normalize("NFKD", word) if not unicodedata.combining(char))
    if not decomposed.isascii() and all(char.isalpha() for char in word):
        assert parse_number(f"{word} {number}") is None


@pytest.mark.parametrize("unit", UNITS)
@given(number=decimals)
def test_a_plain_unit_changes_nothing(unit: str, number: str) -> None:
    assert parse_number(f"{number} {unit}") == Fraction(number)


@pytest.mark.parametrize(
    ("word", "factor"),
    [
        *(("thousand", 10**3), ("lakh", 10**5), ("million", 10**6), ("Mio", 10**6), ("crore", 10**7)),
        *(("万", 10**4), ("千", 10**3), ("百万", 10**6), ("億", 10**8), ("亿元", 10**8), ("만원", 10**4)),
        *(("тысяч", 10**3), ("млрд", 10**9), ("लाख", 10**5), ("करोड़", 10**7), ("مليون", 10**6), ("ล้าน", 10**6)),
    ],
)
@given(number=numbers)
def test_a_magnitude_multiplies(word: str, factor: int, number: int) -> None:
    assert parse_number(f"{number} {word}") == number * factor


@pytest.mark.parametrize(
    "pattern",
    [
        *(
            "{}!",
            "√{}",
            "\\sqrt{{{}}}",
            "log {}",
            "twice {}",
            "half of {}",
            "{} squared",
            "{}^2",
            "2^{}",
            "f({})",
            "|-{}|",
        ),
        *("{}\\pi", "{}π", "{}x", "{}i", "±{}", "\\pm {}", "{}+", "> {}", "more than {}", "{} plus tips", "({})({})"),
        *(
            "{} dozen",
            "{} gross",
            "{}h30",
            "{}m",
            "{} or seven",
            "{}~7",
            "{}–7",
            "{}:07",
            "{} out of 7",
            "{} below zero",
        ),
        *("(-) {}", "{} (thousand)", "{}-million", "{} (or 7)", "{},7", "0x{}F", "{}_2", "{} ≈ 1.5", "twenty {}"),
        *("{} times {}", "{} minus {}", "the sum of {} and {}", "{} hundred and six", "{} × 10^x", "\\foo{{{}}}"),
    ],
)
@given(number=st.integers(min_value=11, max_value=999))
def test_what_is_not_plain_is_refused(pattern: str, number: int) -> None:
    assert parse_number(pattern.format(number, number)) is None


DECORATIONS = [
    *("{}", "**{}**", "*{}*", "***{}***", "`{}`", "[{}]", "({})", "“{}”", "'{}'", "=={}==", "${}$", "\\({}\\)"),
    *(
        "\\[{}\\]",
        "\\boxed{{{}}}",
        "$\\boxed{{\\text{{{}}}}}$",
        "<b>{}</b>",
        "<p>{}</p>",
        "{}</s>",
        "{}<|im_end|>\nuser",
    ),
    *(
        "<span class='x'>{}</span>",
        "{}.",
        "= {}",
        "~{}",
        "≈ {}",
        "about {}",
        "{} ",
        "\u200b{}",
        "&nbsp;{}",
        "~~7~~ {}",
    ),
]


@pytest.mark.parametrize("decoration", DECORATIONS)
@given(number=decimals)
def test_decoration_changes_nothing(decoration: str, number: str) -> None:
    assert extract_final_answer(f"Final answer: {decoration.format(number)}") == Fraction(number)


MARKERS = [
    *(
        "Final answer: {}",
        "**Final answer:** {}",
        "**Final answer**: {}",
        "**Final answer: {}**",
        "### Final Answer\n{}",
    ),
    *("Final answer is {}", "Final Answer：{}", "FINAL ANSWER = {}", "__Final answer__: {}", "`Final answer:` {}"),
    *("<b>Final answer:</b> {}", "> **Final answer:**\n> {}", "\\textbf{{Final answer:}} {}", "2. Final answer: {}"),
    *("Final answer\n\n\\boxed{{{}}}", "Final\u00a0answer : {}", "<think>Final answer: 3</think>Final answer: {}"),
]


@pytest.mark.parametrize("rule", ["first_marker", "flexible"])
@pytest.mark.parametrize("marker", MARKERS)
@given(number=decimals)
def test_a_marker_is_seen_through_its_decoration(marker: str, rule: str, number: str) -> None:
    assert extract_final_answer(f"A1: 1 + 2 = 3\n\n{marker.format(number)}", rule) == Fraction(number)
    assert extract_final_answer(f"{marker.format(number)}\n\nProblem: 4 pens", rule) == Fraction(number)


@pytest.mark.parametrize(
    "notation",
    [
        "{0:,}",
        "{0}.0",
        "{0}.",
        "{0} ",
        "{0}/1",
        "{1}-{2}={0}",
        "x = {0}",
        "{0} = {1} - {2}",
        "\\frac{{{0}}}{{1}}",
        "{0}e0",
    ],
)
@given(st.integers(0, 10**9))
def test_notations_of_one_number_read_equal(notation: str, number: int) -> None:
    assert parse_number(notation.format(number, number + 7, 7)) == number


@given(st.text(max_size=30), numbers)
def test_reasoning_never_reaches_the_answer(thought: str, number: int) -> None:
    if "think" in thought.lower() or "<" in thought:
        return
    for text in (f"<think>{thought}</think>Final answer: {number}", f"{thought} 8</think>\nFinal answer: {number}"):
        assert extract_final_answer(text, "first_marker") == number
    assert extract_final_answer(f"<think>{thought} Final answer: {number}") is None
