"""A fact that is missing, or that contradicts another, is an error that names it and says what to do."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dataset_builder.core.errors import UserError
from dataset_builder.dataset_folder.layout import write_facts
from eval_harness.records.results import write_record
from model_cards.card.config import CardConfig
from model_cards.card.content import CardContent, gather_content
from model_cards.card.licences import licence_of_weights
from recipes.training.record import write_train_record
from tests.support.records import DATASET_FACTS, TRAINING, result

Gather = Callable[..., CardContent]


@pytest.fixture
def gather(checkpoint: Path, results: Path, dataset: Path) -> Gather:
    def with_given(**given: Any) -> CardContent:
        folders: dict[str, Any] = {"checkpoint": str(checkpoint), "results": str(results), "dataset": str(dataset)}
        return gather_content(CardConfig(**folders | given))

    return with_given


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"dataset": "nowhere"}, "dataset's facts are missing.*--dataset"),
        (
            {"dataset": "nowhere", "dataset_id": "me/data", "dataset_revision": "v1"},
            r"facts of me/data are not among the downloads, and the Hub cannot be asked \(.*--dataset",
        ),
        ({"dataset_id": "me/data"}, "revision of me/data is missing: give --dataset_revision"),
        ({"dataset_id": "data"}, "--dataset_id must be the Hub's org/name"),
        ({"repo_id": "/x/y"}, "--repo_id must be the Hub's org/name"),
        ({"base_model": "../base"}, "--base_model must be the base's Hub id"),
        ({"licence": "my-own"}, "no identifier of the Hub's"),
    ],
)
def test_missing_or_malformed_fact_is_named(gather: Gather, given: dict[str, str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        gather(**given)


def test_a_local_base_without_its_hub_id_is_an_error_that_names_it(checkpoint: Path, gather: Gather) -> None:
    write_train_record(dataclasses.replace(TRAINING, backbone="/models/mistral"), checkpoint)
    with pytest.raises(UserError, match="give --base_model"):
        gather()


def test_an_adapter_on_a_folder_never_claims_the_pretrained_model_that_folder_came_from(
    checkpoint: Path, results: Path, gather: Gather
) -> None:
    write_train_record(dataclasses.replace(TRAINING, backbone="gpt2"), checkpoint)
    base = checkpoint.parent / "bc"
    base.mkdir()
    (base / "config.json").write_text("{}")
    (checkpoint / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": str(base)}))
    write_record(result("filtered_bc", 131, checkpoint), results / "results" / "filtered_bc--solver.json")
    card = gather()
    assert (card.base_model, card.base.folder, card.base.origin) == (None, "bc", "gpt2")
    assert card.licence.identifier == "mit"
    assert not card.loads_alone
    assert dataclasses.replace(card, form="merged").base_model == "gpt2"


def test_the_base_of_an_adapter_is_read_from_its_own_config(checkpoint: Path, gather: Gather) -> None:
    write_train_record(dataclasses.replace(TRAINING, backbone="/models/mistral"), checkpoint)
    (checkpoint / "adapter_config.json").write_text('{"base_model_name_or_path": "mistralai/Mistral-7B-v0.1"}')
    with pytest.raises(UserError, match="the evaluation saw other weights"):  # the config is part of what was scored
        gather()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("filtered_bc", "no row of"),
        ("none", "the row without decomposition is missing for solver micro-gsm-solver.*`none`"),
        ("teacher", "the teacher's row is missing for solver micro-gsm-solver"),
    ],
)
def test_a_row_that_a_score_needs_beside_it_is_missed_by_name(
    results: Path, gather: Gather, row: str, message: str
) -> None:
    (results / "results" / f"{row}--solver.json").unlink()
    with pytest.raises(UserError, match=message):
        gather()


def test_scores_with_failed_requests_are_not_put_on_a_card(results: Path, gather: Gather) -> None:
    record = result("teacher", 100, failed=2)
    write_record(record, results / "results" / f"{record.name}.json")
    with pytest.raises(UserError, match="not publishable"):
        gather()


def test_an_evaluation_of_other_weights_is_refused(checkpoint: Path, gather: Gather) -> None:
    (checkpoint / "adapter_model.safetensors").write_bytes(b"trained again")
    with pytest.raises(UserError, match="saw other weights"):
        gather()


OWN = DATASET_FACTS | {"sources": {"physics": 60}, "teachers": {"local-teacher": 60}}


@pytest.mark.parametrize(
    ("facts", "given", "message"),
    [
        ({}, {"licence": "mit"}, "the language of physics is not known: give --language"),
        ({}, {"language": ["en"]}, "licence of the weights is missing, and that of their data is not stated"),
        ({"license": "unknown"}, {"language": ["en"]}, "that of their data is not stated: give --licence"),
    ],
)
def test_of_own_problems_nothing_is_assumed(
    dataset: Path, gather: Gather, facts: dict[str, str], given: dict[str, Any], message: str
) -> None:
    write_facts(dataset, OWN | {"about": facts})
    with pytest.raises(UserError, match=message):
        gather(**given)


def test_of_own_problems_the_card_says_what_their_dataset_or_the_user_states(dataset: Path, gather: Gather) -> None:
    write_facts(dataset, OWN | {"about": {"license": "cc-by-4.0", "language": ["de"], "domain": "school physics"}})
    card = gather()
    assert (card.licence.identifier, card.dataset.languages, card.dataset.domain) == (
        "cc-by-4.0",
        ("de",),
        "school physics",
    )
    given = gather(language=["en"], licence="mit", domain="mechanics")
    assert (given.licence.identifier, given.dataset.languages) == ("mit", ("en",))
    assert given.dataset.domain == "mechanics"


def test_licence_follows_the_base_and_nothing_contradicts_it() -> None:
    assert licence_of_weights(None, "", "x").identifier == "apache-2.0"
    assert licence_of_weights("mistralai/Mistral-7B-v0.1", "", "x").identifier == "apache-2.0"
    assert licence_of_weights("openai-community/gpt2-medium", "", "x").identifier == "mit"
    assert licence_of_weights("somebody/new-model", "cc-by-4.0", "x").identifier == "cc-by-4.0"
    assert "Built with Llama" in licence_of_weights("meta-llama/Llama-3.2-1B", "", "Llama-3.2-1B-subq").duty
    for base, given, name, message in (
        ("somebody/new-model", "", "x", "licence of the weights is missing"),
        ("meta-llama/Llama-3.2-1B", "apache-2.0", "Llama-x", "contradicts"),
        ("meta-llama/Llama-3.2-1B", "", "my-subq", "begin with Llama"),
    ):
        with pytest.raises(UserError, match=message):
            licence_of_weights(base, given, name)
