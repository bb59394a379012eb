"""A card says what the records say, all of it, and nothing that no record backs."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from dataset_builder.dataset_folder.layout import write_facts
from dataset_builder.micro_gsm.problems import generate_problems
from dataset_builder.solving.records import Decomposition, Reply
from eval_harness.records.predictions import Prediction, write_predictions
from eval_harness.records.problems import write_problems
from eval_harness.records.results import write_record
from eval_harness.records.verdicts import ProblemScore, write_verdicts
from model_cards.cards import main
from recipes.models.checkpoint import checkpoint_fingerprint
from recipes.training.record import write_train_record
from tests.support.records import DATASET_FACTS, TRAINING, result

ON_HUB = ["--repo_id", "me/subq", "--dataset_id", "me/gsm8k-ai-subq", "--dataset_revision", "v1.0.0"]
WriteCard = Callable[..., tuple[dict[str, Any], str]]


@pytest.fixture
def card_of(checkpoint: Path, results: Path, dataset: Path) -> WriteCard:
    def write(*extra: str) -> tuple[dict[str, object], str]:
        folders = ["--checkpoint", str(checkpoint), "--results", str(results), "--dataset", str(dataset)]
        assert main([*folders, *extra]) == 0
        _, front, body = (checkpoint / "README.md").read_text(encoding="utf-8").split("---\n", 2)
        return yaml.safe_load(front), body

    return write


def test_the_card_replaces_pefts_and_holds_every_row_with_its_interval(checkpoint: Path, card_of: WriteCard) -> None:
    front, body = card_of()
    assert front["library_name"] == "peft"
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in body.splitlines() if line.startswith("| ")]
    assert ["**filtered_bc** (this model)", "65.5 %", "58.5 to 72.5 %", "240"] in rows
    assert ["teacher", "68.5 %"] in [row[:2] for row in rows]
    assert ["none", "10.5 %"] in [row[:2] for row in rows]
    assert "1,234 (566 left out by the method)" in body
    assert "sub-questions by micro-gsm-teacher" in body
    for figure in ("accuracy.png", "loss.png"):
        assert f"]({figure})" in body
        assert (checkpoint / figure).is_file()


def test_what_is_the_same_in_every_row_is_said_once_under_the_table(results: Path, card_of: WriteCard) -> None:
    _, body = card_of()
    said = "Solver: micro-gsm-solver; 200 micro_gsm test problems; replies without an answer: 3 in every row; "
    assert f"{said}dollars per 1,000 problems: 0.50." in body
    other = result("bc", 90)
    other.solver.update(label="big")
    write_record(dataclasses.replace(other, name="bc--big"), results / "results" / "bc--big.json")
    _, body = card_of()
    assert re.search(r"\| bc +\| big +\|", body)
    assert "Solver:" not in body


def test_no_placeholder_no_missing_name_and_no_local_path_is_left(checkpoint: Path, card_of: WriteCard) -> None:
    front, body = card_of(*ON_HUB)
    text = yaml.safe_dump(front) + body
    actual = re.search(r"more information needed|todo|undefined|\bNone\b|\{\{|\bnan\b", text)
    assert actual is None, actual
    assert str(checkpoint.parent) not in text
    assert "outputs/" not in text


def test_two_rows_of_one_method_are_told_apart_without_their_paths(
    checkpoint: Path, results: Path, card_of: WriteCard
) -> None:
    other = dataclasses.replace(result("bc", 90), name="bc-other--solver")
    target = str(checkpoint.parent / "runs" / "bc_3")
    other.decomposer.update(label=f"bc ({target})", checkpoint=target, kind="checkpoint", recipe_sha256="e" * 64)
    write_record(other, results / "results" / f"{other.name}.json")
    _, body = card_of()
    assert "| bc (bc_3) " in body
    assert target not in body


def test_energy_and_co2_are_not_measured_where_no_record_has_them(card_of: WriteCard) -> None:
    front, body = card_of("--carbon_g_per_kwh", "50")
    assert "| energy | not measured |" in body
    assert "| CO2 | not measured |" in body
    assert "co2_eq_emissions" not in front


def test_measured_energy_is_stated_and_co2_only_with_the_grids_intensity(checkpoint: Path, card_of: WriteCard) -> None:
    write_train_record(dataclasses.replace(TRAINING, energy_joules=7200.0), checkpoint)
    front, body = card_of()
    assert "| energy | 2.00 Wh (the GPU's own energy counter (NVML), the GPU alone) |" in body
    assert "| CO2 | not measured |" in body
    front, body = card_of("--carbon_g_per_kwh", "50", "--region", "France")
    assert "| CO2 | 0.10 g, from the energy above |" in body
    assert front["co2_eq_emissions"]["emissions"] == 0.1
    assert "50 g CO2 per kWh of France" in front["co2_eq_emissions"]["source"]


@pytest.mark.parametrize(
    ("method", "details", "line"),
    [
        (
            "grpo",
            {
                "rewards": {
                    "solver": "gpt-4o-mini",
                    "feedback_model": "",
                    "samples": 38400,
                    "calls": 6528,
                    "cost_usd": 1.2,
                }
            },
            "| learnt from | 38,400 sets of its own, answered by the solver `gpt-4o-mini`: 6,528 calls, $1.20 |",
        ),
        (
            "expert_iteration",
            {"rewards": {"solver": "m", "feedback_model": "judge", "samples": 9, "calls": 4, "cost_usd": None}},
            "by the solver `m` and judged by `judge`: 4 calls, at a cost that is not known |",
        ),
        (
            "grpo",
            {
                "rewards": {
                    "solver": "m",
                    "feedback_model": "",
                    "samples": 15360,
                    "screened": 15360,
                    "clone_weight": 1.0,
                    "calls": 5200,
                    "cost_usd": 0.0,
                }
            },
            "| learnt from | 15,360 sets of its own, of the problems that it was least sure of among 15,360, answered "
            "by the solver `m`, beside recorded sets cloned with weight 1.0: 5,200 calls, $0.00 |",
        ),
        (
            "on_policy_distillation",
            {"teacher": "/home/me/outputs/large", "teacher_parameters": 2000000},
            "| learnt from | its own sets, token by token under the distribution of `large` (2,000,000 weights) |",
        ),
    ],
)
def test_what_learnt_from_its_own_sets_states_solver_calls_and_cost_or_its_teacher(
    method: str, details: dict[str, object], line: str, checkpoint: Path, card_of: WriteCard
) -> None:
    write_train_record(dataclasses.replace(TRAINING, method=method, details=details), checkpoint)
    assert line in card_of()[1]


def test_a_model_made_from_random_weights_has_no_base_and_a_real_one_has_its_hub_id(
    checkpoint: Path, card_of: WriteCard
) -> None:
    front, body = card_of()
    assert "base_model" not in front
    assert "random weights" in body
    write_train_record(dataclasses.replace(TRAINING, backbone="mistralai/Mistral-7B-v0.1"), checkpoint)
    front, body = card_of(*ON_HUB)
    assert front["base_model"] == "mistralai/Mistral-7B-v0.1"
    assert front["base_model_relation"] == "adapter"
    assert front["datasets"] == ["me/gsm8k-ai-subq"]
    assert "revision `v1.0.0`" in body
    assert "vllm serve mistralai/Mistral-7B-v0.1 --enable-lora --max-lora-rank 16 --lora-modules subq=me/subq" in body


def test_chat_models_get_chat_snippets_that_open_no_chain_of_thought(checkpoint: Path, card_of: WriteCard) -> None:
    recipe = TRAINING.resolved_recipe | {"text_format": "chat"}
    write_train_record(dataclasses.replace(TRAINING, resolved_recipe=recipe), checkpoint)
    _, body = card_of("--base_model", "gpt2")
    assert "apply_chat_template" in body
    assert "add_generation_prompt=True, enable_thinking=False" in body
    assert "tokenizer_encode_kwargs=as_trained" in body
    assert "in the tokenizer's own chat template" in body


def test_a_policy_guided_by_values_is_loaded_by_the_toolkit_and_claims_no_other_library(
    checkpoint: Path, results: Path, card_of: WriteCard
) -> None:
    (checkpoint / "heads.safetensors").write_bytes(b"heads")
    write_record(result("filtered_bc", 131, checkpoint), results / "results" / "filtered_bc--solver.json")
    front, body = card_of(*ON_HUB)
    assert front["library_name"] == "gsm8k-ai-subq"
    assert 'policy = load_policy("subq")' in body
    assert "vllm" not in body
    assert "AutoPeft" not in body


def test_a_solvers_card_says_solver_shows_its_prompt_and_marks_its_own_column(
    checkpoint: Path, results: Path, card_of: WriteCard
) -> None:
    write_train_record(dataclasses.replace(TRAINING, method="solver_oracle"), checkpoint)
    own = dataclasses.replace(result("reference", 100), name="reference--solver_oracle")
    own.solver.clear()
    own.solver.update(kind="transformers", label="solver_oracle", model=str(checkpoint), recipe_sha256="a" * 64)
    own.solver.update(weights_sha256=checkpoint_fingerprint(checkpoint))
    write_record(own, results / "results" / f"{own.name}.json")
    write_record(result("reference", 180), results / "results" / "reference--solver.json")
    _, body = card_of(*ON_HUB)
    assert "A **solver**" in body
    assert re.search(r"\| reference +\| \*\*solver_oracle\*\* \(this model\) +\| +50.0 % ", body)
    assert r"\nQ2: How many do they have together?\n\nAnswers:" in body
    assert "--decomposers reference none --solvers transformers:subq" in body
    (posted,) = yaml.safe_load((checkpoint / ".eval_results" / "gsm8k-ai-subq.yaml").read_text())
    assert "the decomposer reference with this solver" in posted["notes"]


def test_a_card_says_that_the_model_was_trained_on_test_problems(dataset: Path, card_of: WriteCard) -> None:
    assert "trained on test problems" not in card_of(*ON_HUB)[1]
    write_facts(dataset, DATASET_FACTS | {"taken_from_test": 1100})
    assert "**It was trained on test problems:** 1,100 of its source's test set" in card_of(*ON_HUB)[1]


def test_a_card_of_own_problems_says_nothing_of_word_problems_english_or_the_papers_teacher(
    dataset: Path, results: Path, card_of: WriteCard
) -> None:
    write_facts(dataset, DATASET_FACTS | {"sources": {"physics": 60}, "teachers": {}})
    for path in (results / "results").glob("*.json"):
        record = json.loads(path.read_text())
        record["dataset"]["source"] = "/data/of/mine/physics.jsonl"
        path.write_text(json.dumps(record))
    front, body = card_of("--language", "de", "--licence", "cc-by-4.0", "--domain", "school physics", *ON_HUB)
    assert (front["language"], front["license"]) == (["de"], "cc-by-4.0")
    assert "it splits a problem into" in body
    assert "(school physics)" in body
    assert "200 physics.jsonl test problems" in body
    for words in ("GSM8K-AI-SubQ", "English", "dataset paper", "word problem", "/data/of/mine", "eval_harness.run"):
        assert words not in body, words


def test_the_pair_of_own_problems_is_scored_from_their_dataset_on_the_hub(results: Path, card_of: WriteCard) -> None:
    path = results / "results" / "filtered_bc--solver.json"
    record = json.loads(path.read_text())
    record["dataset"] |= {"source": "gsm8k-ai-subq", "kind": "dataset"}
    for other in (results / "results").glob("*.json"):
        other.write_text(json.dumps(json.loads(other.read_text()) | {"dataset": record["dataset"]}))
    assert "eval_harness.run" not in card_of()[1]
    assert "python -m eval_harness.run --source me/gsm8k-ai-subq --split test " in card_of(*ON_HUB)[1]


def test_a_card_shows_what_the_model_wrote_for_the_first_short_problem(
    checkpoint: Path, results: Path, card_of: WriteCard
) -> None:
    problems = generate_problems("test", 3, 0)
    problems[0] = dataclasses.replace(problems[0], passage="x" * 500)
    write_problems(problems, results)
    told = Reply("A1: 5\nFinal answer: 5")
    predictions = [
        Prediction(item.problem_id, 0, Decomposition(item.reference_sub_questions, "<QUE> Why? </QUE>"), told)
        for item in problems
    ]
    sha256 = write_predictions(results / "predictions" / "x.jsonl", predictions)
    path = results / "results" / "filtered_bc--solver.json"
    stored = {"path": "predictions/x.jsonl", "sha256": sha256}
    write_record(dataclasses.replace(result("filtered_bc", 131, checkpoint), predictions=stored), path)
    _, body = card_of("--base_model", "gpt2")
    assert f"prompt = {json.dumps(problems[1].problem + chr(10))}" in body
    assert "```text\n<QUE> Why? </QUE>\n```" in body
    assert f"(the right answer is {problems[1].gold_answer}: " in body
    assert "```text\nA1: 5\nFinal answer: 5\n```" in body


def test_the_paired_test_stands_in_the_table_where_the_verdicts_are_at_hand(
    checkpoint: Path, results: Path, card_of: WriteCard
) -> None:
    assert "no paired test is at hand" in card_of()[1]
    for label, correct in (("filtered_bc", 131), ("teacher", 137), ("none", 21)):
        verdicts = ["correct"] * correct + ["incorrect"] * (200 - correct)
        scores = [
            ProblemScore(str(index), 0, verdict, "1", "", float(verdict == "correct"))
            for index, verdict in enumerate(verdicts)
        ]
        write_verdicts(results / "verdicts" / f"{label}--solver.jsonl", scores)
    _, body = card_of()
    assert re.search(r"\| \*\*filtered_bc\*\* \(this model\) \|.*\| \+55.0, p < 0.001 \|", body)
    assert "the table has those against `none`" in body


def test_a_solver_without_decomposition_is_no_pair_and_is_not_posted(
    checkpoint: Path, results: Path, card_of: WriteCard
) -> None:
    write_train_record(dataclasses.replace(TRAINING, method="solver_oracle"), checkpoint)
    own = dataclasses.replace(result("none", 100), name="none--solver_oracle")
    own.solver.update(kind="transformers", label="solver_oracle", model=str(checkpoint), recipe_sha256="a" * 64)
    own.solver.update(weights_sha256=checkpoint_fingerprint(checkpoint))
    write_record(own, results / "results" / f"{own.name}.json")
    front, _ = card_of(*ON_HUB)
    assert "model-index" not in front
    assert not (checkpoint / ".eval_results").exists()


def test_the_same_records_make_the_same_card(card_of: WriteCard) -> None:
    assert card_of(*ON_HUB) == card_of(*ON_HUB)


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "--checkpoint is missing"),
        (["--checkpoint", "nowhere", "--results", "nowhere"], "no folder nowhere"),
        (["--checkpont", "x"], "did you mean '--checkpoint'"),
    ],
)
def test_bad_arguments_are_one_line_and_exit_code_2(
    argv: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(argv) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1
