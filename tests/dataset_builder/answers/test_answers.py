"""The named rules, the statement grammar and the equality of numbers."""

from __future__ import annotations

import json
import random
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataset_builder.answers import (
    RULES,
    extract_answer_text,
    extract_final_answer,
    format_number,
    locate_answer,
    numbers_equal,
    parse_number,
    published_gold,
)

CASES = json.loads((Path(__file__).parents[2] / "cases" / "number_cases.json").read_text(encoding="utf-8"))


def agrees(result: Fraction | None, expected: str | float | None) -> bool:
    return result is None if expected is None else numbers_equal(result, expected)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['rule']}: {case['text'][:40]!r}")
def test_a_text_is_read_as_its_case_says(case: dict[str, str]) -> None:
    result = extract_final_answer(case["text"], case["rule"])
    assert agrees(result, case["expected"]), f"{case['why']}: found {result}"


def test_every_case_says_why_and_every_rule_has_cases() -> None:
    assert len(CASES) >= 150
    assert all(case["why"] for case in CASES)
    assert {case["rule"] for case in CASES} == set(RULES)


@pytest.mark.data
def test_flexible_reads_every_collected_case_as_a_careful_reader_does(subq_data: Path) -> None:
    lines = (subq_data / "answer_cases.jsonl").read_text(encoding="utf-8").splitlines()
    cases = [json.loads(line) for line in lines]
    wrong = [case["text"] for case in cases if not agrees(extract_final_answer(case["text"]), case["expected"])]
    assert len(cases) == 98
    assert wrong == []


@pytest.mark.data
def test_golds_of_gsm8k_are_read_whole_and_the_published_rule_misreads_them(subq_data: Path) -> None:
    misread = {}
    for split in ("test", "train"):
        lines = (subq_data / "gsm8k" / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()
        golds = [json.loads(line)["answer"] for line in lines]
        pairs = [(published_gold(gold), parse_number(gold.rpartition("####")[2])) for gold in golds]
        assert all(right is not None for _, right in pairs)
        misread[split] = sum(published != right for published, right in pairs)
    assert misread == {"test": 16, "train": 82}


integers = st.integers(min_value=-(10**15), max_value=10**15)


def grouped_by(mark: str, value: int) -> str:
    return f"{value:,}".replace(",", mark)


NOTATIONS = {
    "plain": str,
    "comma": lambda value: f"{value:,}",
    "blank": lambda value: grouped_by(" ", value),
    "narrow blank": lambda value: grouped_by("\u202f", value),
    "decimal": lambda value: f"{value}.00",
    "money": lambda value: f"-${-value:,}" if value < 0 else f"${value:,}",
    "unicode minus": lambda value: str(value).replace("-", "−"),
    "unit": lambda value: f"{value} apples",
    "percent": lambda value: f"{value}%",
    "bold": lambda value: f"**{value}**",
    "boxed": lambda value: f"$\\boxed{{{value}}}$",
    "marker": lambda value: f"A1: 2+2=4\n\nFinal answer: {value}",
    "hashes": lambda value: f"2+2=<<2+2=4>>4\n#### {value:,}",
    "equation": lambda value: f"x = {value}",
    "sentence": lambda value: f"So the total is {value}.",
    "full width": lambda value: str(value).translate({ord("0") + i: 0xFF10 + i for i in range(10)}),
    "parentheses": lambda value: f"({value})",
}


@pytest.mark.parametrize("notation", NOTATIONS)
@given(value=integers)
def test_an_integer_comes_back_from_every_notation(notation: str, value: int) -> None:
    assert extract_final_answer(NOTATIONS[notation](value)) == value


@given(st.integers(-(10**6), 10**6), st.integers(1, 10**6))
def test_a_fraction_comes_back_exactly(numerator: int, denominator: int) -> None:
    assert parse_number(f"{numerator}/{denominator}") == Fraction(numerator, denominator)
    assert parse_number(f"\\frac{{{numerator}}}{{{denominator}}}") == Fraction(numerator, denominator)


@given(st.integers(1, 10**6), st.integers(1, 99), st.integers(1, 99))
def test_a_mixed_number_is_the_sum_of_its_parts(whole: int, a: int, b: int) -> None:
    low, high = sorted((a, a + b))
    assert parse_number(f"{whole} {low}/{high} cups") == whole + Fraction(low, high)
    assert parse_number(f"-{whole} {low}/{high}") == -(whole + Fraction(low, high))


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**9), max_value=10**9))
def test_a_decimal_does_not_drift(value: Decimal) -> None:
    assert parse_number(f"{value:f}") == Fraction(value)


@given(st.fractions())
def test_a_formatted_number_is_read_back_as_itself(value: Fraction) -> None:
    assert parse_number(format_number(value)) == value


@given(integers, integers)
def test_two_different_quantities_are_refused(a: int, b: int) -> None:
    result = extract_final_answer(f"Final answer: {a} cats, {b} dogs")
    assert result == (a if a == b else None)


PIECES = st.lists(
    st.one_of(
        st.text(max_size=8),
        st.sampled_from(
            [
                "final answer: ",
                "Final answer",
                "#### ",
                "\\boxed{",
                "}",
                "\\frac{1}{",
                "=",
                "+",
                "-",
                "*",
                "/",
                "(",
                ")",
                "$",
                "1,000",
                "2 1/2",
                "½",
                "1e5",
                "x",
                "A1: ",
                "A: ",
                "Problem: ",
                " and ",
                " so ",
                " is ",
                "million",
                "dozen",
                "one",
                "half",
                "two",
                "because ",
                "no. ",
                ".",
                ":",
                "\n",
                "\r\n",
                "<<",
                ">>",
                "**",
                "%",
                "'",
                "9e99999",
                "…",
            ]
        ),
    ),
    max_size=12,
).map("".join)


@pytest.mark.parametrize("rule", RULES)
@given(text=PIECES)
def test_no_text_makes_a_rule_raise(rule: str, text: str) -> None:
    result = extract_final_answer(text, rule)
    assert result is None or isinstance(result, Fraction)
    assert (extract_answer_text(text, rule) is None) == (locate_answer(text, rule) is None)


@pytest.mark.parametrize("rule", RULES)
def test_a_missing_text_has_no_answer(rule: str) -> None:
    assert extract_final_answer(None, rule) is None


def test_an_unknown_rule_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="first_marker, flexible, paper_2402, last_number"):
        extract_final_answer("5", "first")


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    "unit",
    [
        *(
            "1",
            "1 ",
            "1,",
            "1 000 ",
            "(1) ",
            "\\boxed{",
            "1/",
            "½",
            "x ",
            "A1: 1\n",
            "final answer ",
            "and ",
            "and one ",
        ),
        *(
            "sum of ",
            "1 times ",
            "half the ",
            "in all ",
            "total ",
            "<think>",
            "</think>",
            "<b>",
            "<|a|>",
            "~~",
            "|-",
            "{ ,",
        ),
        *("\\text{", "\\frac{", "^{", "⁻", "万", "1万", "&lt;", "±", "- ", "−\n"),
    ],
)
def test_a_hostile_long_text_is_read_in_linear_steps(unit: str, rule: str) -> None:
    # A pattern that backtracks over its whole input would need 10^10 steps here and run into the suite's timeout.
    result = extract_final_answer(f"Final answer: {unit * (100_000 // len(unit))}", rule)
    assert result is None or isinstance(result, Fraction)


def test_the_published_rule_gives_the_published_floats() -> None:
    assert extract_final_answer("Final answer: 0.1", "paper_2402") == Fraction(0.1)
    assert extract_final_answer("Final answer: 0.1", "first_marker") == Fraction(1, 10)
    beyond = [extract_final_answer(f"Final answer: {digit * 400}", "paper_2402") for digit in "12"]
    assert beyond[0] == beyond[1], "as floats both are infinite, and so equal"


def test_a_longer_text_reads_the_same_as_the_line_that_answers() -> None:
    lines = [f"A{index}: {index}+{index}={2 * index}" for index in range(1, 30)]
    random.Random(0).shuffle(lines)
    assert extract_final_answer("\n".join([*lines, "", "Final answer: 7 1/2 cups"])) == Fraction(15, 2)


numbers = st.one_of(
    integers,
    st.fractions(),
    st.decimals(allow_nan=False, allow_infinity=False, places=3),
    st.floats(allow_nan=False),
    st.fractions().map(format_number),
)


@given(numbers)
def test_a_number_equals_itself(value: Fraction | float | str) -> None:
    assert numbers_equal(value, value)


@given(numbers, numbers)
def test_equality_does_not_depend_on_the_order(a: Fraction | float | str, b: Fraction | float | str) -> None:
    assert numbers_equal(a, b) == numbers_equal(b, a)


@pytest.mark.parametrize(
    ("a", "b", "equal"),
    [
        (100001, 100002, False),
        ("70,000", 70000, True),
        (Fraction(1, 3), 1 / 3, True),
        (Fraction(1, 3), Decimal("0.3333333333333333"), False),
        (Decimal("0.10"), "1/10", True),
        (Fraction(10**400), float("inf"), True),
        (Decimal("Infinity"), float("inf"), True),
        (float("nan"), float("nan"), False),
        (Decimal("NaN"), 1, False),
        ("no number", "no number", False),
        (None, None, False),
        (None, 0, False),
    ],
)
def test_exact_values_are_compared_exactly_and_floats_as_floats(a: object, b: object, equal: bool) -> None:
    assert numbers_equal(a, b) is equal  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [Fraction(5, 2), Fraction(1, 3), Fraction(-7), Fraction(1, 2**40), Fraction(-1, 8)])
def test_a_formatted_number_is_a_finite_decimal_or_a_fraction(value: Fraction) -> None:
    text = format_number(value)
    assert Fraction(text) == value
    assert ("/" in text) == (value in (Fraction(1, 3), Fraction(1, 2**40)))
