"""Card metadata is checked offline by the Hub's rules; scores are posted where they belong and nowhere else."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import yaml
from huggingface_hub import ModelCard, ModelCardData

from eval_harness.records.results import write_record
from model_cards.card.config import CardConfig
from model_cards.card.content import CardContent, gather_content
from model_cards.card.eval_results import FOLDER, eval_results, posted_rows, write_eval_results
from model_cards.card.metadata import card_metadata, metadata_problems, model_card_problems
from tests.support.records import result

ON_HUB = {"repo_id": "me/subq", "dataset_id": "me/gsm8k-ai-subq", "dataset_revision": "v1.0.0"}


@pytest.fixture
def facts(checkpoint: Path, results: Path, dataset: Path) -> CardContent:
    return gather_content(CardConfig(checkpoint=str(checkpoint), results=str(results), dataset=str(dataset), **ON_HUB))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("license", "my-own", "license: 'my-own'"),
        ("license", "other", "license_name: missing"),
        ("library_name", None, "library_name: missing"),
        ("library_name", "keras", "library_name: 'keras'"),
        ("base_model", "outputs/demo/bc", "base_model: 'outputs/demo/bc' is no Hub id"),
        ("base_model", ["/models/mistral"], "base_model: '/models/mistral'"),
        ("base_model_relation", "child", "base_model_relation: 'child'"),
        ("datasets", ["../data"], "datasets: '../data'"),
        ("tags", "one", "tags: must be a list"),
        ("language", [], "language: missing"),
        ("model-index", [{"name": "x", "results": [{"metrics": []}]}], "model-index: every result needs task.type"),
        (
            "model-index",
            [{"results": [{"task": {"type": "t"}, "dataset": {"type": "openai/gsm8k", "name": "GSM8K"}}]}],
            "no score on openai/gsm8k",
        ),
    ],
)
def test_check_names_what_the_hub_would_refuse(facts: CardContent, key: str, value: object, message: str) -> None:
    metadata = card_metadata(facts)
    assert metadata_problems(metadata) == []
    actual = metadata_problems({**metadata, key: value})
    assert any(message in problem for problem in actual), actual


def test_the_librarys_own_card_data_reads_the_yaml_and_the_scores_back(facts: CardContent) -> None:
    data = ModelCardData(**card_metadata(facts), ignore_metadata_errors=False)
    assert data.model_name == "subq"
    (score,) = data.eval_results
    assert (score.dataset_type, score.dataset_revision, score.metric_value) == ("me/gsm8k-ai-subq", "v1.0.0", 65.5)
    assert score.metric_name == "accuracy of the pair with solver micro-gsm-solver"


def test_results_file_is_in_the_librarys_own_types_and_names_pair_solver_and_revision(
    facts: CardContent, tmp_path: Path
) -> None:
    from huggingface_hub import parse_eval_result_entries

    path = write_eval_results(facts, tmp_path)
    assert path == tmp_path / FOLDER / "gsm8k-ai-subq.yaml"
    (entry,) = parse_eval_result_entries(yaml.safe_load(path.read_text()))
    assert (entry.dataset_id, entry.task_id, entry.value) == ("me/gsm8k-ai-subq", "decomposer_solver_pair", 65.5)
    assert (entry.dataset_revision, entry.date) == ("v1.0.0", "2026-11-20")
    assert "pair: this decomposer with the solver micro-gsm-solver" in entry.notes


def test_of_several_solvers_the_one_named_first_is_posted_and_the_card_has_all(
    checkpoint: Path, results: Path, dataset: Path
) -> None:
    for solver, correct in (("big", 120), ("another", 190)):
        for label in ("filtered_bc", "teacher", "none"):
            record = result(label, correct, checkpoint if label == "filtered_bc" else None)
            record.solver.update(label=solver)
            record.config.update(solvers=["openai:big", "openai:another", "openai:micro-gsm-solver"])
            record = dataclasses.replace(record, name=f"{label}--{solver}")
            write_record(record, results / "results" / f"{record.name}.json")
    facts = gather_content(
        CardConfig(checkpoint=str(checkpoint), results=str(results), dataset=str(dataset), **ON_HUB)
    )
    (entry,) = eval_results(facts)
    assert entry["value"] == 60.0
    assert "with the solver big" in entry["notes"]
    assert len(card_metadata(facts)["model-index"][0]["results"]) == 3


def test_scores_are_posted_only_under_a_dataset_that_holds_the_problems(
    facts: CardContent, checkpoint: Path, results: Path, dataset: Path
) -> None:
    assert len(posted_rows(facts)) == 1
    local = gather_content(CardConfig(checkpoint=str(checkpoint), results=str(results), dataset=str(dataset)))
    assert eval_results(local) == []
    assert "model-index" not in card_metadata(local)
    facts.own_rows[0].dataset["source"] = "svamp"
    assert posted_rows(facts) == []
    facts.own_rows[0].dataset["source"] = "micro_gsm"
    assert write_eval_results(facts, checkpoint) is not None
    untested = dataclasses.replace(facts, dataset=dataclasses.replace(facts.dataset, test_problems=0))
    assert write_eval_results(untested, checkpoint) is None
    assert list((checkpoint / FOLDER).iterdir()) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no YAML at all", "license: None"),
        ("---\nlicense: [\n---\n", "cannot be read"),
        ("---\nlicense: mit\n---\nTODO", "placeholder 'todo'"),
        ("---\nlicense: mit\n---\n![gone](gone.png)", "is not in the folder"),
    ],
)
def test_unfinished_card_is_told_by_name(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "README.md").write_text(text)
    assert any(message in problem for problem in model_card_problems(tmp_path))


def test_trls_own_card_is_told_what_it_lacks_and_its_citation_is_no_placeholder(tmp_path: Path) -> None:
    front = "datasets: org/data\nlibrary_name: transformers\nlicence: license\ntags:\n- trl\n"
    body = "fine-tuned version of [None](https://huggingface.co/None)\n  title = {{TRL: Transformers Reinforcement}}\n"
    (tmp_path / "README.md").write_text(f"---\n{front}---\n{body}")
    problems = model_card_problems(tmp_path)
    assert [problem.split(":")[0] for problem in problems] == [
        "license",
        "language",
        "pipeline_tag",
        "datasets",
        "body",
        "body",
    ]


def test_pefts_own_card_is_not_fit_to_publish(tmp_path: Path) -> None:
    ModelCard.from_template(ModelCardData(library_name="peft"), model_id="x").save(tmp_path / "README.md")
    problems = model_card_problems(tmp_path)
    assert any("more information needed" in problem for problem in problems)
    assert any("license" in problem for problem in problems)
