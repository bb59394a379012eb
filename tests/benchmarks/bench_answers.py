r"""Reads the test suites of other answer readers: `make bench-answers ARGS="--suites FOLDER [--tools PYTHON]"`.

    git clone --depth 1 https://github.com/huggingface/Math-Verify FOLDER/Math-Verify
    git clone --depth 1 https://github.com/huggingface/lighteval FOLDER/lighteval
    git clone --depth 1 https://github.com/UKGovernmentBEIS/inspect_ai FOLDER/inspect_ai
    python -m venv TOOLS && TOOLS/bin/pip install math-verify         # PYTHON is TOOLS/bin/python

Nothing of theirs is kept here: the cases are taken from their files' syntax trees. A case counts where the answer is
one plain number (also "28 %", "15 cm^2", "x = 2", "1/3") and the text is English or has no words; a case that says two
texts differ is right when we read another number or none. The last suite is ours, `flexible` cases only.

    right     the expected number, or none or another one where the case expects a difference
    wrong     a wrong number
    refused   no number where there is one

    policy    not right, but by one of these conventions, which their suites see otherwise:

    decimal comma    "1000,99", "1,22": cannot be told from a list or a slip, refused
    percent          "33.5%" is 33.5, as in GSM8K's golds; inspect_ai's `math` reads 0.335
    sum to do        "(9+1)", "x^2 - x^2": what the model did not work out is not worked out for it
    two quantities   "first 7 then 25", "it's not 10 it's 1,000.99", "7 = 11", "1/3 \approx 11": refused
    exact            0.0833333333333333 is not 1/12: numbers are compared exactly
    other script     "三": numerals that are letters are refused
    whole text       "5 some text", "$ \n 9 \n $": a rule that looks for the answer sees through words and lines

Right of all, measured on 2026-11-27 (Math-Verify 5d148cf, lighteval 3fd1526, inspect_ai 499e615; math-verify 0.9.0);
each of ours that is not right is so by policy:

    suite             cases   ours   math-verify   lm-eval flexible
    math-verify          99     86            97                 52
    lighteval            87     74            85                 39
    inspect_ai match     31     25            20                 20
    inspect_ai math      41     31            34                 25
    our own             268    268           150                143
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from dataset_builder.answers import extract_final_answer, numbers_equal
from dataset_builder.core.files import write_json
from dataset_builder.core.markdown import draw_table

OWN_CASES = Path(__file__).parents[1] / "cases" / "number_cases.json"
_WRAPPED = re.compile(r"^[\s$]*(?:\\[\[(])?\s*|\s*(?:\\[\])])?[\s$.]*$")
_UNIT = r"(?:\s*\\?%|\^\\circ|\s*\\(?:mbox|text)\{[a-z ]+\}(?:\^\d)?|\$? ?[a-z]{1,8}(?:\^\d)?)?"
_PLAIN = re.compile(
    rf"(?:[a-z]\s*=\s*)?(?P<sign>-?)\$?(?:\\frac\{{(?P<above>\d+)\}}\{{(?P<below>\d+)\}}|(?P<a>\d+)/(?P<b>\d+)"
    rf"|(?P<comma>\d+,\d{{2}}|0,\d+)|(?P<decimal>\d+(?:(?:\{{,\}}|,)\d{{3}})*(?:\.\d+)?|\.\d+)){_UNIT}(?:\s*=\s*[a-z])?"
)
# The last match of lm-eval's filter "flexible-extract", as its task gsm8k has it.
_FLEXIBLE = re.compile(r"(-?[$0-9.,]{2,})|(-?[0-9]+)")
_VERIFY = """
import json, sys
from math_verify import parse, verify
for line in sys.stdin:
    gold, text = json.loads(line)
    read = parse(text)
    print(json.dumps([bool(read), bool(read) and bool(verify(parse(gold), read))]), flush=True)
"""


_POLICIES: dict[str, Callable[[Case, str], bool]] = {
    "decimal comma": lambda case, _: bool(re.search(r"\d,\d\d(?!\d)|\b0,\d", f"{case.text} {case.gold}")),
    "percent": lambda case, _: bool(re.search(r"%|percent|pct", f"{case.text} {case.gold}")),
    "sum to do": lambda case, outcome: outcome == "refused" and bool(re.search(r"[\d^)\w] ?[-+] ?\w", case.text)),
    "two quantities": lambda case, outcome: outcome == "refused" and len(set(re.findall(r"[\d.]+", case.text))) > 1,
    "exact": lambda case, _: abs((extract_final_answer(case.text) or 0) - case.number) < Fraction(1, 10**6),
    "other script": lambda case, outcome: outcome == "refused" and not case.text.isascii(),
    "whole text": lambda case, outcome: outcome == "wrong" and not case.same,
}


@dataclass(frozen=True)
class Case:
    """One text of a suite with what it should be read as."""

    suite: str
    text: str
    gold: str
    """As the suite writes it."""
    number: Fraction
    same: bool
    """Whether the suite says that the text gives this number."""


def plain_number(gold: str) -> Fraction | None:
    """The number of an expected answer, read without our reader; None where it is not one plain number.

    >>> plain_number(r"$\\frac{1}{3}$"), plain_number("1,22"), plain_number("(1, 2)")
    (Fraction(1, 3), Fraction(61, 50), None)
    """
    boxed = gold.rfind("\\boxed{") if gold.count("\\boxed{") < 2 else len(gold)
    inner = gold[boxed + 7 :].partition("}.")[0] if boxed >= 0 else gold
    inner = inner[: inner.rfind("}")] if boxed >= 0 and inner.count("}") > inner.count("{") else inner
    match = _PLAIN.fullmatch(_WRAPPED.sub("", inner))
    if match is None:
        return None
    if match["above"] or match["a"]:
        value = Fraction(int(match["above"] or match["a"]), int(match["below"] or match["b"]))
    else:
        value = Fraction((match["comma"] or "").replace(",", ".") or re.sub(r"[{},]", "", match["decimal"]))
    return -value if match["sign"] else value


def _functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _rows(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[dict[str, object]]:
    """The rows of a test's `parametrize` that are literals."""
    for mark in function.decorator_list:
        if isinstance(mark, ast.Call) and getattr(mark.func, "attr", "") == "parametrize" and len(mark.args) > 1:
            names = ast.literal_eval(mark.args[0])
            names = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
            for row in getattr(mark.args[1], "elts", []):
                # A language is an attribute: only English rows and those without words are asked for.
                values = [ast.unparse(cell) if isinstance(cell, ast.Attribute) else cell for cell in _cells(row)]
                try:
                    read = [value if isinstance(value, str) else ast.literal_eval(value) for value in values]
                except ValueError:
                    continue
                yield dict(zip(names, read, strict=False))


def _cells(row: ast.expr) -> list[ast.expr]:
    return row.elts if isinstance(row, ast.Tuple) else [row]


def _case(suite: str, text: object, gold: object, same: bool) -> Iterator[Case]:
    number = plain_number(str(gold))
    if number is not None:
        yield Case(suite, str(text), str(gold), number, same)


def _verify_cases(suite: str, path: Path) -> Iterator[Case]:
    """The table rows (gold, pred, expected) of math-verify, and of lighteval, from which they come."""
    for function in _functions(path):
        for row in _rows(function):
            foreign = "ENGLISH" not in str(row.get("language", "ENGLISH"))
            worded = re.search(r"[^\W\d_]{2,}", re.sub(r"\\[A-Za-z]+", "", str(row.get("pred"))))
            if {"gold", "pred", "expected"} <= set(row) and not (foreign and worded):
                yield from _case(suite, row["pred"], row["gold"], bool(row["expected"]))


def _match_cases(path: Path) -> Iterator[Case]:
    """inspect_ai's tests of `match(numeric=True)`: one text, one target, one verdict each."""
    for function in _functions(path):
        text, golds, same = None, [], None
        for node in ast.walk(function):
            if isinstance(node, ast.keyword) and node.arg == "model_output":
                text = ast.literal_eval(node.value)
            elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Target":
                golds = ast.literal_eval(node.args[0])
            elif isinstance(node, ast.Compare) and getattr(node.comparators[0], "id", "") in ("CORRECT", "INCORRECT"):
                same = getattr(node.comparators[0], "id", "") == "CORRECT"
        if text is not None and same is not None and golds:
            gold = golds[0].replace("1e3", "1000")
            yield from _case("inspect_ai match", text, gold, same)


def _math_cases(folder: Path) -> Iterator[Case]:
    """inspect_ai's cases of `math()`: its JSON table and the tables of its tests with one verdict for all rows."""
    for row in json.loads((folder / "math_cases.json").read_text(encoding="utf-8")):
        yield from _case("inspect_ai math", row["output"], row["target"], row["expected"] == "C")
    for function in _functions(folder / "test_math.py"):
        literals = [node.value for node in ast.walk(function) if isinstance(node, ast.Constant)]
        verdicts = {word for word in literals if word in ("correct", "incorrect")}
        for row in _rows(function):
            if {"answer", "target"} <= set(row) and len(verdicts) == 1:
                yield from _case("inspect_ai math", row["answer"], row["target"], verdicts == {"correct"})


def suite_cases(suites: Path) -> list[Case]:
    """All cases of the suites that lie in the folder, and ours."""
    cases: list[Case] = []
    for suite, repository, file in (
        ("math-verify", "Math-Verify", "tests/test_all.py"),
        ("lighteval", "lighteval", "tests/unit/metrics/test_extractive_match.py"),
    ):
        if (path := suites / repository / file).is_file():
            cases += _verify_cases(suite, path)
    if (scorer := suites / "inspect_ai" / "tests" / "scorer").is_dir():
        cases += [*_match_cases(scorer / "test_match.py"), *_math_cases(scorer)]
    for row in json.loads(OWN_CASES.read_text(encoding="utf-8")):
        if row["rule"] == "flexible" and row["expected"] is not None:
            cases.append(Case("our own", row["text"], row["expected"], Fraction(row["expected"]), True))
    return cases


def _flexible_extract(text: str) -> Fraction | None:
    matches = _FLEXIBLE.findall(text)
    digits = "".join(matches[-1]).replace("$", "").replace(",", "").rstrip(".") if matches else ""
    try:
        return Fraction(digits)
    except ValueError:
        return None


def _outcome(case: Case, number: Fraction | None) -> str:
    same = numbers_equal(number, case.number)
    if same == case.same:
        return "right"
    return "refused" if number is None else "wrong"


def _policy(case: Case, outcome: str) -> str | None:
    """The convention by which a case is not right; None where it is right, or there is none."""
    if outcome == "right":
        return None
    return next((name for name, holds in _POLICIES.items() if holds(case, outcome)), None)


def _math_verify(cases: list[Case], python: str) -> list[str]:
    asked = "\n".join(json.dumps([case.gold, case.text]) for case in cases)
    done = subprocess.run([python, "-c", _VERIFY], input=asked, capture_output=True, text=True, check=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    return [
        "right" if same == case.same else "refused" if not read else "wrong"
        for case, (read, same) in zip(cases, answers, strict=True)
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description="Reads the test suites of other answer readers.")
    parser.add_argument("--suites", type=Path, required=True, help="the folder that holds their repositories")
    parser.add_argument("--tools", help="a Python that has math-verify, to read the same cases with it")
    parser.add_argument("--show", action="store_true", help="print each case that we do not read right")
    options = parser.parse_args()
    cases = suite_cases(options.suites)
    readers: dict[str, Callable[[Case], str]] = {
        "ours": lambda case: _outcome(case, extract_final_answer(case.text, "flexible")),
        "lm-eval flexible": lambda case: _outcome(case, _flexible_extract(case.text)),
    }
    outcomes = {name: [read(case) for case in cases] for name, read in readers.items()}
    if options.tools:
        outcomes["math-verify"] = _math_verify(cases, options.tools)
    rows = []
    for suite in dict.fromkeys(case.suite for case in cases):
        for reader, read in outcomes.items():
            counts = [outcome for case, outcome in zip(cases, read, strict=True) if case.suite == suite]
            figures = [str(counts.count(outcome)) for outcome in ("right", "wrong", "refused")]
            pairs = [(case, each) for case, each in zip(cases, read, strict=True) if case.suite == suite]
            named = str(sum(_policy(*pair) is not None for pair in pairs)) if reader == "ours" else ""
            rows.append([suite, reader, str(len(counts)), *figures, named])
    print(draw_table(["suite", "reader", "cases", "right", "wrong", "refused", "of these by policy"], rows))
    for case, outcome in zip(cases, outcomes["ours"], strict=True):
        if options.show and outcome != "right":
            verdict = f"{outcome} ({_policy(case, outcome)}) {case.suite}:"
            sign = "=" if case.same else "not"
            print(verdict, repr(case.text[-160:]), sign, repr(case.gold[-60:]), extract_final_answer(case.text))
    write_json(Path("outputs/bench/answers.json"), [list(row) for row in rows])
    return 0


if __name__ == "__main__":
    sys.exit(main())
