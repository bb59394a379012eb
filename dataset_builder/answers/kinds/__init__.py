"""The kinds of answers there are; a new one is a module with its object and a line here.

    number   12, 1/3                text    James Madison (Bamboogle)
    spans    parts of a passage (DROP)    yes_no  StrategyQA

`tests/dataset_builder/answers/kinds/test_new_kind.py` shows one being added: multiple choice.
"""

from dataset_builder.answers import parse_number
from dataset_builder.answers.kinds.kind import AnswerKind
from dataset_builder.answers.kinds.number import NUMBER
from dataset_builder.answers.kinds.spans import SPANS
from dataset_builder.answers.kinds.text import TEXT
from dataset_builder.answers.kinds.yes_no import YES_NO
from dataset_builder.core.errors import UserError

KINDS = {kind.name: kind for kind in (NUMBER, TEXT, SPANS, YES_NO)}


def kind_named(name: str) -> AnswerKind:
    """The kind that a problem's `answer_kind` names.

    Raises:
        UserError: there is no such kind.
    """
    if name not in KINDS:
        raise UserError(f"no answer kind {name!r}; there are {', '.join(KINDS)}")
    return KINDS[name]


def guess_kind(gold_answer: str) -> str:
    """The kind of a gold answer that comes without one.

    >>> guess_kind("1,080"), guess_kind("Yes"), guess_kind("James Madison")
    ('number', 'yes_no', 'text')
    """
    if parse_number(gold_answer) is not None:
        return NUMBER.name
    return YES_NO.name if gold_answer.strip().lower() in ("yes", "no") else TEXT.name
