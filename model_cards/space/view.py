"""How an answered problem looks: one column of HTML per decomposer. Every text is escaped; nothing is fetched."""

from __future__ import annotations

from html import escape

from dataset_builder.schema.verdicts import VERDICT_TABLE
from dataset_builder.solving.records import Usage
from eval_harness.pipeline.one_problem import Answered
from model_cards.space.provenance import plain_name

STYLE = """
.pair { border: 1px solid #8885; border-radius: 8px; padding: 0.8em 1em; }
.pair h3 { margin: 0 0 0.5em; }
.pair ol { margin: 0.3em 0; padding-left: 1.4em; }
.pair li { margin-bottom: 0.4em; }
.pair .answer { opacity: 0.75; font-style: italic; }
.pair .final { font-size: 1.15em; margin: 0.6em 0 0.4em; }
.pair .verdict { border-radius: 4px; padding: 0.1em 0.5em; color: #fff; font-size: 0.85em; white-space: nowrap; }
.pair .right { background: #1a7f37; } .pair .wrong { background: #b42318; } .pair .open { background: #57606a; }
.pair .spent { font-size: 0.85em; opacity: 0.8; }
.pair .why { font-size: 0.85em; opacity: 0.8; margin: 0.3em 0; }
"""


def column(answered: Answered) -> str:
    """One decomposer's column."""
    style, words = _verdict(answered)
    decomposition, reply = answered.prediction.decomposition, answered.prediction.reply
    final = escape(answered.final_answer) or "none"
    return (
        f'<div class="pair"><h3>{escape(plain_name(answered.decomposer))}</h3>{_steps(answered)}'
        f'<p class="final">Final answer: <b>{final}</b> <span class="verdict {style}">{words}</span></p>'
        f"{_why(answered)}"
        f'<p class="spent">To split: {_spent(decomposition.usage)}. To answer: {_spent(reply.usage)}.</p></div>'
    )


def _verdict(answered: Answered) -> tuple[str, str]:
    """The CSS class and the words of a verdict; without a right answer there is none."""
    if not answered.verdict:
        return "open", "not judged: no right answer was given"
    return "right" if answered.verdict == "correct" else "wrong", VERDICT_TABLE[answered.verdict].label


def _why(answered: Answered) -> str:
    """What went wrong, where there is no answer to look at."""
    if answered.verdict in ("", "correct", "incorrect"):
        return ""
    return f'<p class="why">{escape(answered.explanation)}</p>'


def failure(message: str) -> str:
    """A column that says what went wrong."""
    return f'<div class="pair"><p>{escape(message)}</p></div>'


def _steps(answered: Answered) -> str:
    questions, reply = answered.prediction.decomposition.sub_questions, escape(answered.prediction.reply.text or "")
    if not questions:
        return "" if reply.startswith("Final answer:") else f'<p class="answer">{reply}</p>'
    answers = answered.sub_answers or ("",) * len(questions)
    items = [
        f'<li>{escape(question)}<br><span class="answer">{escape(answer)}</span></li>'
        for question, answer in zip(questions, answers, strict=True)
    ]
    rest = "" if answered.sub_answers else f"<p>{reply}</p>"
    return f"<ol>{''.join(items)}</ol>{rest}"


def _spent(usage: Usage) -> str:
    tokens = usage.prompt_tokens + usage.completion_tokens
    if usage.cost_usd is None:
        return f"{tokens:,} tokens, price not known"
    return f"{tokens:,} tokens, {f'{usage.cost_usd:.6f} dollars' if usage.cost_usd else 'no cost'}"
