r"""Reads the final answer out of a model's text as an exact number, under a named rule, and compares numbers exactly.

Reads a text; gives a `fractions.Fraction`, or None when the text does not commit itself to one number. A refusal to
guess is a result: it is counted as `no_answer`, never as a lucky hit.

    "Final answer: 1,080"  ->  Fraction(1080)         "Final answer: 20 or 25"  ->  None

Before a rule looks, a reply is cut to what it says: reasoning ("<think>...</think>", with or without its opening
mark), the marks of a chat template and what follows them, and HTML tags go. Only `paper_2402` reads the raw reply.

Where a rule looks:

    first_marker   what follows the first "Final answer:" (any case, marks and blanks between) on its line, or on the
                   next line that holds text, up to a following "Problem:"; at the beginning of a line "Final answer"
                   may also be a heading or end in "is", "=", "-"; without the marker nothing.
    flexible       first cuts the text where a model runs on into another "Problem:", "Question:" or "Q:"; then takes
                   the first kind that is there: 1. the last \boxed{}, unless a final answer is stated behind it;
                   2. the first "####"; 3. the first "Final answer"; 4. the last "the answer is", "Answer:" or "A:";
                   5. the last statement that holds a number, unless a refusal comes after it or it is a labelled
                   sub-answer ("A3: ..."). A marker decides: when what follows it cannot be read, there is no answer,
                   and no other place is tried.
    paper_2402     the rule of arXiv 2402.01812 as published, for reproduction only: a piece of a number is a match,
                   and a text without the marker is read from its 13th character on.
    last_number    the last number anywhere, sign and thousands commas included; a lower bar to compare with.

How a number is read, with what stands around it: each neighbour changes its value, or is a unit, or makes the
statement unreadable; what is not understood is never dropped. `tests/cases/number_cases.json` shows it at work.

    thousands     "1,080", "1 080", "1'080", r"15,\!000",          grouped; wrong grouping ("1,23", "1.234,5", so also
                  "1,00,000"                                       the decimal comma) is refused
    sign          "-5", "- $5", "minus 5", "−½"                    negative; "±5", "5 below zero", "(-)5" are refused
    fraction      "1/2", "2 1/2", "2½", "³⁄₄", r"\frac{1}2"        exact; "0.(3)" is 1/3; a quotient of two whole
                                                                   numbers is a fraction, no sum to do
    power of ten  "1.5e3", "2 × 10⁶", "10^6"                       exact; any other power is a sum to do
    factor        "1.5 million", "3万", "2 Mio", "5k", "5M",        multiplied; "2 dozen" (2 or 24?), "5m" (metres,
                  "$2m"                                            minutes or millions?) and magnitudes of other
                                                                   languages that are not in `vocabulary` are refused
    unit          "$5", "5 kg", "5kg", "18 cm^2", "5 toys/hour"    left out, if written in plain English letters or
                                                                   known; "1h30", "6 ft 2" are no single number:
                                                                   refused
    period        "12 per day", "3 a week", "$5 an hour"           left out; "20 per 100" is refused
    percent       "5%", "20 percent"                               5, 20: not divided
    operation     r"\sqrt{16}", "log 5", "5!", "f(5)", "|-5|",     a sum still to do: refused, but for what an equals
                  "2+3", r"2\pi", "4x/3", "twice 5", "5 squared"   sign brings ("√16 = 4")
    range, ratio  "3-5", "3~5", "3 to 5", "3:2", "10:30"           refused
    bound         "more than 5", "50+", "> 5"                      refused; "at least 5" and "about 5" are 5
    ordinal       "1st", "Step 3:", "No. 7"                        counts only where there are no other numbers
    words         "forty-two", "one in four"                       read where there are no digits; "one of them" is no
                                                                   number

How a statement with several numbers is read:

    "2+3=5", "x = 5", "5 = 2+3"            the last side of the equation that is a plain number
    "50/3 ≈ 16.67"                         50/3: in front of ≈ a quotient is exact; "16.67 ≈ 17", "7/2 ≈ 4" are refused
    "x = 5, y = 6", "4 red, 6 blue"        different quantities: refused; equal ones ("5 (five)") are one
    "4 red, 6 blue, 10 in total"           the total: the number in front of "in total", else the one behind "total"
    "..., so 10", "10 because 2*5=10"      what a conclusion word brings, what stands before a reason
    "18, which is 3 times 6"               refused: which of them answers cannot be told
    "5 hours (300 minutes)"                a remark in parentheses is dropped, unless it changes the number ("5 (万)")
    "cannot be determined", "N/A"          refused

All patterns are linear in the length of the text.

    rules.py        where each rule looks            replies.py       what a reply says, without reasoning and tags
    statements.py   a statement -> one number        clauses.py       clauses and equations
    neighbours.py   what stands around a number      tokens.py        a statement -> numbers, words, operators
    notation.py     LaTeX, markdown, HTML            characters.py    digits of all scripts
    vocabulary.py   the words with a meaning         number_words.py  "forty-two", "two and a half million"
    equality.py     numbers_equal, format_number

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
