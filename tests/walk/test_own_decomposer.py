"""The walk goes on: a decomposer of one's own problems is trained, scored on what it has and has not seen, and carded.

Each fixture is a command of the walk and gives what it printed. What the scores are is not asked; the tests are about
what is said of them.
"""

from __future__ import annotations

import json
import re

import pytest
import yaml

from tests.support.physics import MODEL
from tests.walk.conftest import Walk
from tests.walk.test_own_problems import DATASET, NEVER

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def dataset(walk: Walk) -> str:
    """With votes, a quarter of the problems held out, and what only their owner knows."""
    walk.run(*walk.generate("--votes", 3))
    said = ("--license", "cc-by-4.0", "--language", "en", "--domain", "physics word problems")
    return walk.run(
        "dataset_builder.build", "--generation", "run", "--output", DATASET, "--validation_fraction", 0.25, *said
    )


@pytest.fixture(scope="module")
def trained(walk: Walk, dataset: str) -> str:
    small = ("--max_steps", 20, "--effective_batch_size", 8, "--threads", 1)
    return walk.run("recipes.train", "--recipe", "tiny/bc_full", "--dataset", DATASET, *small, "--output_dir", "bc")


def _score(walk: Walk, output: str, *source: object) -> tuple[object, ...]:
    asked = ("--solvers", f"openai:{MODEL}", "--base_url", walk.teacher.url, "--output", output)
    return ("eval_harness.run", "--decomposers", "checkpoint:bc", f"api:{MODEL}", "none", *asked, "--source", *source)


@pytest.fixture(scope="module")
def seen(walk: Walk, trained: str) -> str:
    """All twelve problems, most of them trained on."""
    return walk.run(*_score(walk, "eval_seen", "physics.jsonl"))


@pytest.fixture(scope="module")
def held_out(walk: Walk, trained: str) -> str:
    return walk.run(*_score(walk, "eval", DATASET, "--split", "validation"))


@pytest.fixture(scope="module")
def card(walk: Walk, held_out: str) -> str:
    walk.run("model_cards.cards", "--checkpoint", "bc", "--results", "eval")
    return (walk.folder / "bc" / "README.md").read_text(encoding="utf-8")


def _row(table: str, name: str) -> str:
    return next(line for line in table.splitlines() if re.match(rf"\| {re.escape(name)} ", line))


def test_a_score_on_problems_that_were_trained_on_says_so(walk: Walk, seen: str) -> None:
    facts = json.loads((walk.folder / DATASET / "facts.json").read_text(encoding="utf-8"))
    count = facts["problems"]["train"]
    assert 0 < count < 12
    assert f"{count} trained on" in _row(seen, "bc")
    assert "trained on" not in _row(seen, "none")
    assert f"bc was trained on {count} of the 12 problems" in seen, seen


def test_a_score_on_what_was_held_out_does_not(held_out: str) -> None:
    assert "seen before" not in held_out
    assert "No checkpoint was trained on any of these problems" in held_out, held_out


def test_two_sets_of_problems_never_stand_in_one_folder(walk: Walk, seen: str) -> None:
    before = len(walk.teacher.asked)
    told = walk.refused(*_score(walk, "eval_seen", DATASET, "--split", "validation"))
    assert "physics.jsonl and physics-subq" in told
    assert len(walk.teacher.asked) == before


@pytest.mark.parametrize("words", NEVER)
def test_the_models_card_does_not_say(card: str, words: str) -> None:
    if words in ("pache", "English", "benchmark"):  # the backbone's licence, the stated language, "no benchmark"
        return
    assert words not in card.partition("## Citation")[0].replace("gsm8k-ai-subq-toolkit", "")


def test_the_models_card_says_what_is_known(card: str) -> None:
    front = yaml.safe_load(card.split("---\n", 2)[1])
    assert front["language"] == ["en"]
    assert "physics word problems" in card
    assert MODEL in card
    assert "trained on" in card


def test_nothing_that_was_written_names_a_folder_of_this_machine(walk: Walk, card: str, seen: str) -> None:
    for folder in ("bc", "eval", "eval_seen"):
        for path in (walk.folder / folder).rglob("*"):
            if path.suffix in (".md", ".json", ".jsonl", ".svg", ".html", ".yaml"):
                assert str(walk.folder.parent) not in path.read_text(encoding="utf-8"), path


def test_the_dry_run_of_the_models_push_needs_neither_network_nor_dataset_on_the_hub(walk: Walk, card: str) -> None:
    shown = walk.run("model_cards.push", "--checkpoint", "bc", "--repo", "you/physics-decomposer")
    assert "README.md" in shown
    assert shown.splitlines()[-1] == "dry run: nothing was sent; add --yes to push"
