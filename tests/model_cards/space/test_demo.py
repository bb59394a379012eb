"""The demo's pairs: one problem through the evaluation's own decomposers and solver, judged where it can be."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from unittest.mock import MagicMock

import pytest

from dataset_builder.core.errors import UserError
from dataset_builder.solving.records import Decomposition, Reply
from dataset_builder.sources.embedded import serve_embedded
from eval_harness.pipeline.one_problem import Answered
from eval_harness.records.predictions import Prediction
from eval_harness.systems.decomposers import CheckpointDecomposer
from model_cards.space.config import SpaceConfig, build_demo
from model_cards.space.demo import MOST_CHARACTERS, PairDemo, samples
from model_cards.space.page import Page
from model_cards.space.view import column, failure
from recipes.training.in_process import InProcessSolver

PROBLEM = next(problem for problem in samples().values() if len(problem.reference_sub_questions) > 1)


@pytest.fixture(scope="module")
def demo() -> Iterator[PairDemo]:
    with serve_embedded(["micro_gsm"]) as (url,):
        yield build_demo(SpaceConfig(), url)


def test_reference_and_no_decomposition_side_by_side_with_verdict_and_tokens(demo: PairDemo) -> None:
    reference, none = demo.ask(PROBLEM.problem, PROBLEM.gold_answer, ["reference", "none"])
    assert reference.prediction.decomposition.sub_questions == PROBLEM.reference_sub_questions
    assert len(reference.sub_answers) == len(PROBLEM.reference_sub_questions)
    assert (reference.verdict, reference.final_answer) == ("correct", PROBLEM.gold_answer)
    assert none.prediction.decomposition.sub_questions == ()
    tokens = [answered.prediction.reply.usage.completion_tokens for answered in (reference, none)]
    assert tokens[0] > tokens[1] > 0


def test_without_a_right_answer_nothing_is_judged(demo: PairDemo) -> None:
    (answered,) = demo.ask(PROBLEM.problem, "", ["reference"])
    assert answered.verdict == ""
    assert answered.final_answer == PROBLEM.gold_answer
    assert "not judged" in column(answered)


def test_right_answer_in_words_is_compared_as_words(demo: PairDemo) -> None:
    (answered,) = demo.ask(PROBLEM.problem.replace("?", "? "), "twelve pens", ["none"])
    assert answered.verdict in ("incorrect", "no_answer")


def test_it_works_beside_the_main_thread_as_a_web_server_calls_it(demo: PairDemo) -> None:
    result: list[Answered] = []
    thread = threading.Thread(target=lambda: result.extend(demo.ask(PROBLEM.problem, "1", ["api:micro-gsm-teacher"])))
    thread.start()
    thread.join()
    assert result[0].prediction.decomposition.usage.completion_tokens > 0


def test_text_of_no_known_world_is_told_not_guessed(demo: PairDemo) -> None:
    (answered,) = demo.ask("Who wrote Faust?", "Goethe", ["api:micro-gsm-teacher"])
    assert answered.verdict == "parse_failure"
    assert "could not be read" in column(answered)


@pytest.mark.parametrize(
    ("text", "specs", "message"),
    [
        ("  ", ["none"], "type a problem first"),
        ("x" * (MOST_CHARACTERS + 1), ["none"], "the limit is 2,000"),
        ("How many?", ["checkpoint:/etc"], "no decomposer 'checkpoint:/etc' here"),
        ("How many pens?", ["reference"], "has no reference sub-questions"),
    ],
)
def test_what_cannot_be_asked_is_explained(demo: PairDemo, text: str, specs: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        demo.ask(text, "", specs)


def test_the_first_problem_is_solved_once_before_anybody_asks(demo: PairDemo, monkeypatch: pytest.MonkeyPatch) -> None:
    page = Page(demo)
    page.warm_up()
    left, right = page.open()
    assert page.first.gold_answer in left
    assert "no sub-questions" in right
    monkeypatch.setattr(demo, "ask", None)
    assert page.open() == (left, right)


def test_weights_are_loaded_before_anybody_asks_and_on_zero_gpu_nothing_is_solved(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loaded: list[object] = []
    monkeypatch.setattr(CheckpointDecomposer, "load", lambda self: loaded.append(self.path))
    monkeypatch.setattr(InProcessSolver, "load", lambda self: loaded.append(self.path))
    monkeypatch.setitem(sys.modules, "spaces", MagicMock())
    monkeypatch.setenv("SPACES_ZERO_GPU", "1")
    page = Page(PairDemo(["checkpoint:me/subq", "none"], "transformers:me/solver"))
    page.warm_up()
    assert [str(path) for path in loaded] == ["me/subq", "me/solver"]
    assert page._opened is None


def test_what_was_typed_or_written_is_never_markup() -> None:
    prediction = Prediction("x", 0, Decomposition(("<script>1</script>",)), Reply("<u>"))
    bad = Answered("<b>x</b>", prediction, ("<i>",), "<s>", "incorrect", "<a>")
    assert "<script>" not in column(bad)
    assert "<i>" not in column(bad)
    assert "<b>x" not in column(bad)
    assert "&lt;img" in failure("<img src=x>")
