"""What a record holds of an endpoint tells which one it was, and no secret and no path of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataset_builder.llm.journal import Journal
from dataset_builder.llm.journal.asked_how import asked_how, public_url
from dataset_builder.llm.journal.served_by import check_served_by
from dataset_builder.llm.settings import ServiceSettings
from dataset_builder.solving.endpoint import EndpointSolver, SolverOptions

URL = "http://127.0.0.1:8000/v1"


@pytest.mark.parametrize("url", [URL, "http://ann:word@127.0.0.1:8000/v1", f"{URL}?key=word", f"{URL}#word"])
def test_an_address_is_kept_without_its_secrets(url: str) -> None:
    assert public_url(url) == URL


def test_a_path_of_the_servers_machine_is_reduced_to_its_name(tmp_path: Path) -> None:
    listing = {"data": [{"id": "m", "root": "/models/qwen2.5-7b", "owned_by": "vllm"}]}
    path = tmp_path / "journal.sqlite"
    with Journal(path) as journal:
        check_served_by(journal, ["m"], [URL], {URL: listing}, other_endpoint=False)
    facts = asked_how(path, "m", {"temperature": 0.0}, ServiceSettings())
    says = {"id": "m", "root": "qwen2.5-7b", "owned_by": "vllm"}
    assert facts == {"served_by": [{"base_url": URL, "says": says}]}
    assert asked_how(tmp_path / "none.sqlite", "m", {}, ServiceSettings()) == {}


def test_a_model_that_is_served_under_its_path_has_its_name_in_the_record(tmp_path: Path) -> None:
    solver = EndpointSolver("/models/qwen2.5-7b", SolverOptions(ServiceSettings(), tmp_path / "j"))
    assert (solver.metadata["label"], solver.metadata["model"]) == ("qwen2.5-7b", "qwen2.5-7b")
