"""A card says of own problems what their owner said, of named sources what is known of them, and guesses nothing."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yaml

from dataset_builder.build.config import BuildConfig
from dataset_builder.build.dataset import build_dataset
from dataset_builder.core.errors import UserError
from dataset_builder.dataset_folder.layout import read_facts
from dataset_builder.schema.records import RawSet
from dataset_builder.stats.__main__ import main
from dataset_builder.stats.about import AboutOptions, about_dataset, said_about
from dataset_builder.stats.card_check import card_problems
from tests.support.raw_sets import make_problem, make_set, write_journal


def sets_from(*sources: str) -> list[RawSet]:
    problems = [dataclasses.replace(make_problem(n), source=source) for n, source in enumerate(sources, 1)]
    return [make_set(problem, votes=()) for problem in problems]


def built(folder: Path, sources: tuple[str, ...], **options: Any) -> tuple[dict[str, Any], str]:
    """(the YAML, the text) of the card of a small dataset."""
    journal = write_journal(folder / "run", sets_from(*sources), options.pop("run", None))
    build_dataset(BuildConfig(generation=str(journal), output=str(folder / "physics-subq"), **options))
    assert card_problems(folder / "physics-subq") == []
    front, text = (folder / "physics-subq" / "README.md").read_text(encoding="utf-8").split("---\n")[1:3]
    return yaml.safe_load(front), text


def test_of_own_problems_nothing_is_guessed(tmp_path: Path) -> None:
    front, text = built(tmp_path, ("physics",))
    assert (front["pretty_name"], front["license"]) == ("physics-subq", "unknown")
    assert not {"language", "multilinguality"} & front.keys()
    assert "math-word-problems" not in front["tags"]
    assert "found" not in front["language_creators"]
    for claim in ("GSM8K", "grade-school", "English", "pache-2.0", "have been so for years", "invented", "benchmark"):
        assert claim not in text.partition("## Citation")[0], claim
    assert "Nobody has stated a licence" in text
    assert "is not known to this card" in text
    assert "they are not about these problems" in text


def test_what_the_owner_says_is_what_the_card_says(tmp_path: Path) -> None:
    said = {"title": "Physics sub-questions", "license": "CC-BY-4.0", "language": ["de"], "domain": "physics problems"}
    front, text = built(tmp_path, ("physics",), **said, description="A first-year course.")
    assert (front["pretty_name"], front["license"]) == ("Physics sub-questions", "cc-by-4.0")
    assert (front["language"], front["multilinguality"]) == (["de"], ["monolingual"])
    assert text.startswith("\n# Physics sub-questions\n\nA first-year course. Physics problems with sub-questions")
    assert "small decomposers on physics problems" in text
    assert "released under cc-by-4.0, as its owner states" in text


def test_what_was_said_outlives_a_new_build_and_can_be_changed_by_stats(tmp_path: Path) -> None:
    built(tmp_path, ("physics",), license="cc-by-4.0", domain="physics")
    front, _ = built(tmp_path, ("physics", "physics"), title="New")
    assert (front["license"], front["pretty_name"]) == ("cc-by-4.0", "New")
    folder = tmp_path / "physics-subq"
    assert main(["--dataset", str(folder), "--license", "mit", "--language", "en"]) == 0
    about = about_dataset(read_facts(folder))
    assert (about.licence, about.languages, about.domain) == ("mit", ("en",), "physics")


def test_terms_that_the_hub_has_no_word_for_are_other_with_a_name(tmp_path: Path) -> None:
    front, text = built(tmp_path, ("physics",), license="House terms, 2026")
    assert (front["license"], front["license_name"]) == ("other", "house-terms-2026")
    assert "released under House terms, 2026" in text


def test_a_slip_in_a_licence_is_named() -> None:
    with pytest.raises(UserError, match=r"did you mean 'cc-by-4\.0'"):
        said_about(AboutOptions(license="cc-by-4"), {})


@pytest.mark.parametrize(
    ("sources", "said", "licence", "title", "tag"),
    [
        (("gsm8k",), {}, "apache-2.0", "GSM8K-AI-SubQ", True),
        (("svamp",), {}, "apache-2.0", "physics-subq", True),
        (("gsm8k", "physics"), {}, "unknown", "physics-subq", False),
        (("drop",), {"license": "mit"}, "cc-by-sa-4.0", "physics-subq", False),
        (("strategyqa",), {}, "apache-2.0", "physics-subq", False),
    ],
)
def test_a_named_source_brings_what_is_known_of_it(
    tmp_path: Path, sources: tuple[str, ...], said: dict[str, Any], licence: str, title: str, tag: bool
) -> None:
    front, text = built(tmp_path, sources, **said)
    assert (front["license"], front["pretty_name"]) == (licence, title)
    assert ("math-word-problems" in front["tags"]) is tag
    assert ("the paper's rule" in text) is (sources == ("gsm8k",))
    assert front.get("language", []) == ([] if "physics" in sources else ["en"])


def test_prompts_of_the_users_own_stand_in_the_card_with_hash_and_text(tmp_path: Path) -> None:
    own = {"name": "mine", "sha256": "ab" * 32, "text": "Split it.\n\nProblem: {problem}"}
    _, text = built(tmp_path, ("physics",), run={"prompts": {"decompose": own}})
    assert "The prompt mine@abababababab" in text
    assert own["text"] in text


def test_a_cost_that_nobody_knows_is_not_zero(tmp_path: Path) -> None:
    raw = sets_from("physics")[0]
    unpriced = dataclasses.replace(raw, provenance=dataclasses.replace(raw.provenance, cost_usd=None))
    journal = write_journal(tmp_path / "run", [unpriced])
    facts = build_dataset(BuildConfig(generation=str(journal), output=str(tmp_path / "made")))
    assert facts["usage"]["cost_usd"] is None
    assert "cost: not known" in (tmp_path / "made" / "README.md").read_text()
