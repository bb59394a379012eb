"""When two numbers are the same, and a number's shortest exact text."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

from dataset_builder.answers.statements import parse_number

Number = Fraction | int | Decimal | float | str
"""What is compared as a number: a value, or its text."""


def numbers_equal(a: Number | None, b: Number | None) -> bool:
    """Whether two numbers are the same: exactly, or, when one of them is a float, as floats.

    Text is read by `parse_number`; None, NaN and text that holds no number equal nothing.

    >>> numbers_equal(Fraction(1, 3), 0.3333333333333333), numbers_equal("100001", 100002), numbers_equal(None, None)
    (True, False, False)
    """
    left, right = _value(a), _value(b)
    if left is None or right is None:
        return False
    if isinstance(left, float) or isinstance(right, float):
        return _to_float(left) == _to_float(right)
    return left == right


def format_number(value: Fraction) -> str:
    """The exact number as text: a decimal where there is a finite one, else a fraction.

    >>> format_number(Fraction(5, 2)), format_number(Fraction(1, 3)), format_number(Fraction(-7))
    ('2.5', '1/3', '-7')
    """
    denominator, twos, fives = value.denominator, 0, 0
    while denominator % 2 == 0:
        denominator, twos = denominator // 2, twos + 1
    while denominator % 5 == 0:
        denominator, fives = denominator // 5, fives + 1
    places = max(twos, fives)
    if denominator != 1 or places > 30:
        return f"{value.numerator}/{value.denominator}"
    digits = str(abs(value.numerator) * 10**places // value.denominator).rjust(places + 1, "0")
    decimal = f"{digits[:-places]}.{digits[-places:]}" if places else digits
    return f"-{decimal}" if value < 0 else decimal


def _value(number: Number | None) -> Fraction | float | None:
    if number is None or isinstance(number, Fraction):
        return number
    if isinstance(number, str):
        return parse_number(number)
    if isinstance(number, float):
        return None if math.isnan(number) else number
    if isinstance(number, Decimal) and not number.is_finite():
        return None if number.is_nan() else float(number)
    return Fraction(number)


def _to_float(number: Fraction | float) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf
