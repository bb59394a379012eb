"""A score on problems that were seen before is said on the card, and posted only where it is asked for by name."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from dataset_builder.core.errors import UserError
from eval_harness.records.overlap import Overlap, Seen
from eval_harness.records.results import ResultsRecord, write_record
from model_cards.card.config import CardConfig
from model_cards.card.content import CardContent, gather_content
from model_cards.card.eval_results import eval_results, posted_rows
from model_cards.card.metadata import card_metadata
from model_cards.card.model_card import card_body
from tests.support.records import result

ON_HUB = {"repo_id": "me/subq", "dataset_id": "me/gsm8k-ai-subq", "dataset_revision": "v1.0.0"}
NOTHING, SOME = Seen(0, 0, 0, "", []), Seen(12, 3, 0, "", ["p"])
PAIR = "filtered_bc--solver"
Gather = Callable[..., CardContent]


@pytest.fixture
def own(checkpoint: Path) -> ResultsRecord:
    return result("filtered_bc", 131, checkpoint)


@pytest.fixture
def gather(checkpoint: Path, results: Path, dataset: Path, own: ResultsRecord) -> Gather:
    def content(overlap: Overlap, post_seen: tuple[str, ...] = ()) -> CardContent:
        write_record(dataclasses.replace(own, overlap=overlap), results / "results" / f"{own.name}.json")
        folders = {"checkpoint": str(checkpoint), "results": str(results), "dataset": str(dataset)}
        return gather_content(CardConfig(**folders, **ON_HUB, post_seen=list(post_seen)))

    return content


@pytest.mark.parametrize("role", ["decomposer", "solver", "prompts"])
def test_a_score_on_seen_problems_is_said_and_not_posted(role: str, gather: Gather) -> None:
    seen = {"decomposer": NOTHING, "solver": None, "prompts": NOTHING} | {role: SOME}
    card = gather(Overlap(**seen, accuracy_elsewhere=0.5))
    assert (posted_rows(card), eval_results(card)) == ([], [])
    assert "model-index" not in card_metadata(card)
    body = card_body(card, [])
    assert "12 of the 200 problems, and 3 more in nearly the same words" in body
    assert "has 50.0 %" in body
    assert "seen before |" in body
    assert "it is posted to no leaderboard" in body


def test_it_is_posted_where_it_is_asked_for_by_name_and_says_what_it_is(gather: Gather) -> None:
    card = gather(Overlap(SOME, None, NOTHING, 0.5), (PAIR,))
    (entry,) = eval_results(card)
    assert "was trained on 12 of the 200 problems" in entry["notes"]
    assert len(card_metadata(card)["model-index"]) == 1
    with pytest.raises(UserError, match="--post_seen none--solver: this model has no such pair; it has filtered_bc"):
        gather(Overlap(SOME, None, NOTHING, 0.5), ("none--solver",))


def test_what_was_not_seen_is_posted_and_what_is_unknown_is_said(gather: Gather) -> None:
    card = gather(Overlap(NOTHING, None, NOTHING, None))
    assert len(posted_rows(card)) == 1
    assert "seen before" not in card_body(card, [])
    card = gather(Overlap(Seen(0, 0, 0, "start", []), None, NOTHING, None))
    assert "It is unknown whether filtered_bc was trained on these problems: start" in card_body(card, [])
    assert "It is unknown whether" in eval_results(card)[0]["notes"]


def test_a_score_on_the_datasets_own_test_split_is_posted(gather: Gather, own: ResultsRecord) -> None:
    own.dataset.update(source="gsm8k-ai-subq", kind="dataset")
    clean = Overlap(NOTHING, None, NOTHING, None)
    card = gather(clean)
    assert card.own_rows[0].dataset["kind"] == "dataset"
    assert len(posted_rows(card)) == 1
    own.dataset.update(source="another")
    assert posted_rows(gather(clean)) == []
    own.dataset.update(source="gsm8k-ai-subq", split="validation")
    assert posted_rows(gather(clean)) == []
