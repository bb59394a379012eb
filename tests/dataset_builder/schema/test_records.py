"""Records survive JSON, and ids are stable."""

from __future__ import annotations

import json

from dataset_builder.schema.records import Failure, Problem, Provenance, RawSet, content_id, normalise_text

PROBLEM = Problem("gsm8k-test-00001", "A robe ...", "3", "gsm8k", "test", reference_sub_questions=("How many?",))
RAW = RawSet(PROBLEM, 1, "Q1: How many?", None, ("Q1: Yes", None), (Failure("answer", "timeout"),), Provenance("x"))


def test_a_raw_set_survives_json() -> None:
    assert RawSet.from_dict(json.loads(json.dumps(RAW.to_dict()))) == RAW


def test_an_id_depends_on_the_words_and_on_nothing_else() -> None:
    assert content_id("mine", "Ann has  3 pens!") == content_id("mine", "ann has 3 pens")
    assert content_id("mine", "Ann has 3 pens") != content_id("mine", "Ann has 4 pens")
    assert content_id("mine", "x").startswith("mine-")


def test_normalised_text_keeps_letters_and_digits_only() -> None:
    assert normalise_text("Janet’s  ducks lay １６ eggs!") == "janet s ducks lay 16 eggs"
