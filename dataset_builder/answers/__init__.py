r"""Reads the final answer out of a model's text as an exact number, under a named rule, and compares numbers exactly.

Reads a text; gives a `fractions.Fraction`, or None when the text does not commit itself to one number. A refusal to
guess is a result: it is counted as `no_answer`, never as a lucky hit.

    "Final answer: 1,080"  ->  Fraction(1080)         "Final answer: 20 or 25"  ->  None

Where a rule looks:

    first_marker   what follows the first "Final answer:" (any case) on its line, or on the next line that holds text,
                   up to a following "Problem:"; without the marker nothing.
    flexible       first cuts the text where a model runs on into another "Problem:", "Question:" or "Q:"; then takes
                   the first kind that is there: 1. the last \boxed{}; 2. the first "####"; 3. the first "Final answer"
                   4. the last "the answer is", "Answer:" or "A:"; 5. the last statement that holds a number, unless a
                   refusal comes after it or it is a labelled sub-answer ("A3: ..."). A marker decides: when what
                   follows it cannot be read, there is no answer, and no other place is tried.
    paper_2402     the rule of arXiv 2402.01812 as published, for reproduction only: a piece of a number is a match,
                   and a text without the marker is read from its 13th character on.
    last_number    the last number anywhere, sign and thousands commas included; a lower bar to compare with.

How a statement is read (`tests/cases/number_cases.json` shows each line at work):

    "$5", "5 kg", "5 toys/hour", "5%"      5: currency, units and percent signs do not change the number
    "1,080", "1 080", "1,00,000"           thousands may be grouped; wrong grouping ("1,23", "1.234,5") is refused
    "1/2", "2 1/2", "2½", "1.5e3"          exact; a quotient of two whole numbers is a fraction, not a sum to do
    "1.5 million", "$2k"                   magnitude words count; "dozen" is refused (is 2 dozen 2 or 24?)
    "2+3=5", "x = 5", "5 = 2+3"            the last side of the equation that is a plain number
    "2+3", "20+x", "4x/3", "2^3"           unevaluated: refused
    "x = 5, y = 6", "4 red, 6 blue"        different quantities: refused; equal ones ("5 (five)") are one
    "3-5", "3:2", "10:30", "3 to 5"        ranges, ratios and clock times: refused
    "..., so 10", "10 because 2*5=10"      what a conclusion word brings, what stands before a reason
    "5 hours (300 minutes)"                a remark in parentheses is dropped
    "1st", "Step 3:", "No. 7", "the two"   ordinals, labels and number words count only where there are no digits else
    "cannot be determined", "N/A"          refused

All patterns are linear in the length of the text.

    rules.py        where each rule looks            statements.py    the grammar above: a statement -> one number
    equality.py     numbers_equal, format_number     tokens.py        a statement -> numbers, words, operators
    characters.py   digits of all scripts, LaTeX     number_words.py  "forty-two", "two and a half million"

Source: arXiv 2402.01812, section 4 (paper_2402); MATH and GSM8K answer conventions.
Differences: 1. exact numbers instead of floats, except in paper_2402, whose results are the published floats.
"""

from dataset_builder.answers.equality import Number, format_number, numbers_equal
from dataset_builder.answers.rules import (
    DEFAULT_RULE,
    RULES,
    Located,
    extract_answer_text,
    extract_final_answer,
    locate_answer,
    published_gold,
)
from dataset_builder.answers.statements import parse_number

__all__ = [
    "DEFAULT_RULE",
    "RULES",
    "Located",
    "Number",
    "extract_answer_text",
    "extract_final_answer",
    "format_number",
    "locate_answer",
    "numbers_equal",
    "parse_number",
    "published_gold",
]
