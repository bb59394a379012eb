"""A new user's way with twelve physics problems and a teacher of their own: generate, build, describe, publish (dry).

First without votes, then with them. Each fixture is a command of the walk and gives what it printed; what comes later
takes the ones before it. Nothing that is printed or written may be untrue of these problems.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.physics import MODEL
from tests.walk.conftest import Walk

pytestmark = pytest.mark.slow

DATASET = "physics-subq"
NEVER = (
    "GSM8K", "gsm8k", "grade-school", "English", "pache", "have been so for years", "invented", "benchmark",
    "the paper's rule", "Tarasov", "large language model",
)  # fmt: skip
"""What no one can know of a user's problems, or what is true of others."""


@pytest.fixture(scope="module")
def generated(walk: Walk) -> str:
    return walk.run(*walk.generate("--votes", 0))


@pytest.fixture(scope="module")
def built(walk: Walk, generated: str) -> str:
    return walk.run("dataset_builder.build", "--generation", "run", "--output", DATASET)


@pytest.fixture(scope="module")
def described(walk: Walk, built: str) -> str:
    return walk.run("dataset_builder.stats", "--dataset", DATASET)


@pytest.fixture(scope="module")
def card(walk: Walk, described: str) -> tuple[dict[str, Any], str]:
    """(the YAML, the body without its citations) as they are before anything was said or voted."""
    front, body = (walk.folder / DATASET / "README.md").read_text(encoding="utf-8").split("---\n", 2)[1:]
    return yaml.safe_load(front), body.partition("## Citation")[0]


def test_generate_ends_with_what_came_out_and_the_next_command(walk: Walk, generated: str) -> None:
    assert Counter(walk.teacher.asked[:72]) == {"decompose": 36, "answer": 36}
    assert generated.splitlines() == [
        "sets: 36 complete, 0 with failures, 0 missing -> run/sets.jsonl",
        "readable: 100.0 % of 36 sets; right: 66.7 % of 36 answers; cost: $0.0000",
        "no feedback was asked for; the same command with --votes 3 adds it and pays for nothing else again",
        f"next: python -m dataset_builder.build --generation run --output {DATASET}",
    ]


def test_another_model_in_the_same_folder_is_refused_before_it_is_asked(walk: Walk, generated: str) -> None:
    before = len(walk.teacher.asked)
    told = walk.refused(*walk.generate("--votes", 0, "--temperature", 0.1))
    assert "decompose: temperature 0.7, now 0.1" in told
    assert len(walk.teacher.asked) == before


def test_build_says_what_is_missing_and_how_it_comes_in(built: str) -> None:
    assert built.splitlines() == [
        f"{DATASET}: 12 problems, 36 sets (train 36)",
        "readable: 100.0 % of 36 sets; right: 66.7 % of 36 answers; cost: $0.0000",
        "no feedback, so no config trajectories: generate with --votes 3 (in the same folder only the votes are paid) "
        "and build again",
        "nothing is held out to score on: --validation_fraction 0.2 keeps a fifth of the problems back",
        "the card does not say what only you know of your problems: --license, --language, --domain, --description",
        f"next, its numbers and figures: python -m dataset_builder.stats --dataset {DATASET}",
        f"then: python -m recipes.train --recipe gpt2/bc_full --dataset {DATASET}",
    ]


def test_training_that_needs_feedback_says_how_to_get_it(walk: Walk, built: str) -> None:
    given = ("--recipe", "tiny/bc_full", "--method", "ilql_full", "--dataset", DATASET, "--output_dir", "nothing")
    assert "has no feedback, which config 'trajectories' is made of: generate with --votes 3" in walk.refused(
        "recipes.train", *given
    )


@pytest.mark.parametrize("words", NEVER)
def test_the_card_does_not_say(card: tuple[dict[str, Any], str], words: str) -> None:
    front, body = card
    assert words not in body
    assert words not in yaml.safe_dump({key: value for key, value in front.items() if key != "dataset_info"})


def test_the_card_says_only_what_is_known(card: tuple[dict[str, Any], str]) -> None:
    front, body = card
    assert (front["pretty_name"], front["license"], "language" in front) == (DATASET, "unknown", False)
    for words in (
        "12 problems, 36 sets of sub-questions",
        "Nobody has stated a licence",
        "Whether the problems of physics stand in public",
        "All are train: nothing is held out to score a model on",
        "for no feedback was asked for",
        f"Teacher: {MODEL}; solver: {MODEL}; temperature: 0.7.",
        "physics.jsonl, train, sha256 ",
    ):
        assert words in body, words
    assert "feedback.v1" not in body


def test_what_was_written_holds_no_path_of_this_machine(walk: Walk, described: str) -> None:
    texts = [path for path in (walk.folder / DATASET).rglob("*") if path.suffix in (".md", ".json", ".svg", ".yaml")]
    for path in [walk.folder / "run" / "run.json", *texts]:
        assert str(walk.folder.parent) not in path.read_text(encoding="utf-8"), path


def test_the_owner_says_the_rest_once(walk: Walk, card: tuple[dict[str, Any], str]) -> None:
    said = ("--license", "cc-by-4.0", "--language", "en", "--domain", "physics word problems")
    told = walk.run("dataset_builder.stats", "--dataset", DATASET, *said)
    assert "the card does not say what only you know of your problems: --description" in told
    front, body = (walk.folder / DATASET / "README.md").read_text(encoding="utf-8").split("---\n", 2)[1:]
    assert (yaml.safe_load(front)["license"], yaml.safe_load(front)["language"]) == ("cc-by-4.0", ["en"])
    assert "Physics word problems with sub-questions written by a language model" in body


def test_the_dry_run_of_the_push_needs_no_network(walk: Walk, described: str) -> None:
    shown = walk.run("dataset_builder.push", "--folder", DATASET, "--repo", f"you/{DATASET}")
    assert "the Hub cannot be asked" in shown
    for line in ("+ README.md (", "+ data/default/train-00000-of-00001.parquet (", "rows: default/train 36"):
        assert line in shown
    assert shown.splitlines()[-1] == "dry run: nothing was sent; add --yes to push"


def test_with_votes_only_the_votes_are_asked_and_the_dataset_has_feedback(
    walk: Walk, card: tuple[dict[str, Any], str]
) -> None:
    before = len(walk.teacher.asked)
    assert "no feedback" not in walk.run(*walk.generate("--votes", 3))
    assert Counter(walk.teacher.asked[before:]) == {"feedback": 36 * 3}
    built = walk.run("dataset_builder.build", "--generation", "run", "--output", DATASET)
    assert "no feedback" not in built
    assert "then: python -m recipes.train" in built
    facts = json.loads(Path(walk.folder, DATASET, "facts.json").read_text(encoding="utf-8"))
    assert facts["configs"]["trajectories"]["train"]["rows"] == 36
    assert facts["run"]["models"]["feedback"] == MODEL
    body = Path(walk.folder, DATASET, "README.md").read_text(encoding="utf-8")
    assert "a critic votes on each sub-question" in body
