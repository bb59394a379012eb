"""From a dataset to its models on the Hub and back: real clients, real training, a Hub on loopback."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from dataset_builder.hub.card_rules import placeholders
from model_cards.card.metadata import metadata_problems
from tests.support.fake_hub import FakeHub, Fault
from tests.support.fake_repo import Repo
from tests.support.small_pipeline import SmallPipeline, run_small_pipeline

ROOT = Path(__file__).parents[2]
DATASET, BC, LORA, METRIC = "org/gsm8k-ai-subq", "org/subq-bc", "org/subq-lora", "org/subq_accuracy"
ON_HUB = ("--dataset_id", DATASET, "--dataset_revision", "v1.0.0")
BASE = ("--base_model", BC, "--licence", "apache-2.0")

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Clients:
    """Runs commands as a user with an empty Hugging Face home would, against one loopback Hub."""

    hub: FakeHub
    folder: Path

    def run(self, *argv: object, token: bool = True, home: str = "home", cwd: Path = ROOT) -> tuple[int, str, str]:
        env = self.hub.client_env(self.folder / home, **({} if token else {"token": None}))
        env |= {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}", "PYTHONPATH": str(ROOT)}
        done = subprocess.run([*map(str, argv)], cwd=cwd, env=env, capture_output=True, text=True)
        return done.returncode, done.stdout, done.stderr

    def module(self, name: str, *argv: object, **options: object) -> str:
        code, output, error = self.run(sys.executable, "-m", name, *argv, **options)
        assert code == 0, error
        return output


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> SmallPipeline:
    return run_small_pipeline(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def clients(world: SmallPipeline, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clients]:
    """A Hub that holds the dataset, both models and the metric, each pushed by its own command."""
    with FakeHub() as hub:
        clients = Clients(hub, tmp_path_factory.mktemp("clients"))
        clients.module(
            "dataset_builder.push", "--folder", world.dataset, "--repo", DATASET, "--tag", "v1.0.0", "--yes"
        )
        for checkpoint in (world.bc, world.lora):
            clients.module("model_cards.cards", "--checkpoint", checkpoint, "--results", world.results)
        clients.module("model_cards.push", "--checkpoint", world.bc, "--repo", BC, *ON_HUB, "--yes")
        lora = ("--checkpoint", world.lora, "--repo", LORA, *ON_HUB, *BASE)
        clients.module("model_cards.push", *lora, "--yes", "--tag", "v1.0.0")
        clients.module("eval_harness.push_metric", "--repo", METRIC, "--public", "--yes")
        yield clients


def python(clients: Clients, code: str, **options: object) -> str:
    status, output, error = clients.run(sys.executable, "-c", code, **options)
    assert status == 0, error
    return output


@pytest.fixture(scope="module")
def lora_reply(clients: Clients) -> str:
    """What the adapter writes, loaded from the Hub into an empty home by its card's first snippet."""
    return python(clients, snippets(card_of(clients, LORA), "python")[0], home="clean2")


def snippets(card: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", card, re.DOTALL)


def card_of(clients: Clients, repo: str, kind: str = "model") -> str:
    return clients.hub.repos[kind, repo].files()["README.md"].decode()


def test_dataset_models_and_metric_come_back_from_the_hub_and_work(clients: Clients, lora_reply: str) -> None:
    rows = python(
        clients, f"from datasets import load_dataset as l; print(len(l({DATASET!r})['test']))", home="clean1"
    )
    assert rows.split() == ["12"]
    assert lora_reply.strip().startswith("<QUE>")
    score = python(
        clients,
        f"import evaluate\nm = evaluate.load({METRIC!r})\n"
        "print(m.compute(predictions=['Final answer: 3', '4'], references=['3', '5'])['accuracy'])",
        home="clean3",
        token=False,
    )
    assert float(score.split()[-1]) == 0.5


@pytest.mark.parametrize("repo", [BC, LORA])
def test_every_python_snippet_of_a_card_runs_as_it_stands(clients: Clients, repo: str, tmp_path: Path) -> None:
    codes = snippets(card_of(clients, repo), "python")
    assert len(codes) == 2
    first, second = (python(clients, code, home="snippets", cwd=tmp_path).strip() for code in codes)
    assert first == second


@pytest.mark.parametrize("name", ["bc", "filtered_bc"])
def test_a_local_cards_snippets_run_in_its_folder_after_a_move_and_after_a_move_with_its_base(
    clients: Clients, world: SmallPipeline, name: str, tmp_path: Path
) -> None:
    trained, moved = tmp_path / "trained", tmp_path / "moved"
    for folder in (world.bc, world.lora):
        shutil.copytree(folder, trained / folder.name)
    adapter = trained / "filtered_bc" / "adapter_config.json"
    assert str(world.bc) in adapter.read_text()  # found from anywhere, for it is named by its whole path
    adapter.write_text(adapter.read_text().replace(str(world.bc), str(trained / "bc")))
    card = (trained / name / "README.md").read_text()
    codes = snippets(card, "python")
    assert str(tmp_path.parent.parent) not in card
    shown = re.findall(r"```text\n(.*?)\n```", card, re.DOTALL)[0]

    def run_in(folder: Path) -> list[str]:
        return [python(clients, code, cwd=folder).strip() for code in codes]

    assert run_in(trained / name) == [shown] * len(codes)
    moved.mkdir()
    (trained / name).rename(moved / name)
    assert run_in(moved / name) == [shown] * len(codes)
    if name == "filtered_bc":
        (trained / "bc").rename(moved / "bc")
        assert run_in(moved / name) == [shown]
        assert "vllm serve" not in card
    (pair,) = [code for code in snippets(card, "bash") if "eval_harness" in code]
    status, output, error = clients.run("bash", "-e", "-c", pair, cwd=moved / name)
    assert status == 0, error
    assert f"| {name}" in output


@pytest.mark.parametrize(("student", "shown"), [("guided", "load_policy"), ("solver", "A **solver**")])
def test_guided_policy_and_solver_go_up_and_their_first_snippets_run(
    clients: Clients, world: SmallPipeline, student: str, shown: str, tmp_path: Path
) -> None:
    checkpoint, repo = getattr(world, student), f"org/subq-{student}"
    clients.module("model_cards.cards", "--checkpoint", checkpoint, "--results", world.results)
    clients.module("model_cards.push", "--checkpoint", checkpoint, "--repo", repo, *ON_HUB, "--yes")
    card = card_of(clients, repo)
    assert shown in card
    if student == "guided":
        assert clients.run("bash", "-e", "-c", snippets(card, "bash")[0], home=student, cwd=tmp_path)[0] == 0
    assert python(clients, snippets(card, "python")[0], home=student, cwd=tmp_path).strip()


def test_a_published_adapter_is_loaded_by_its_id_with_the_text_it_was_trained_on(clients: Clients) -> None:
    """A Hub id says nothing of adapters and chat templates; the recipe published with the checkpoint does."""
    files = clients.hub.repos["model", LORA].files()
    chat = files["recipe.yaml"].replace(b"text_format: delimiters", b"text_format: chat")
    assert chat != files["recipe.yaml"]
    clients.hub.repos["model", "org/subq-chat"] = Repo()
    clients.hub.repos["model", "org/subq-chat"].commit("main", files | {"recipe.yaml": chat})
    code = (
        "from recipes.modeling import load_policy\n"
        "for name in ('org/subq-lora', 'org/subq-chat'):\n"
        "    policy = load_policy(name)\n"
        "    print(policy.path, policy.text_format, sorted(policy.model.peft_config))"
    )
    assert python(clients, code, home="by_id").splitlines() == [
        "org/subq-lora delimiters ['default']",
        "org/subq-chat chat ['default']",
    ]
    status, _, error = clients.run(sys.executable, "-c", code.replace("subq-chat", "nothing"), home="by_id")
    assert status == 1
    assert "cannot load org/nothing: the Hub has no such model" in error


def test_the_pair_snippet_downloads_the_model_and_scores_it(clients: Clients, tmp_path: Path) -> None:
    (code,) = [code for code in snippets(card_of(clients, LORA), "bash") if "eval_harness" in code]
    status, output, error = clients.run("bash", "-e", "-c", code, home="pair", cwd=tmp_path)
    assert status == 0, error
    assert "| filtered_bc" in output
    assert "| none" in output


def test_vllm_snippet_is_well_formed_and_run_where_vllm_is_installed(clients: Clients) -> None:
    (code,) = [code for code in snippets(card_of(clients, LORA), "bash") if code.startswith("vllm")]
    words = shlex.split(code)
    assert words[:3] == ["vllm", "serve", BC]
    assert words[3:] == ["--enable-lora", "--max-lora-rank", "8", "--lora-modules", f"subq-lora={LORA}"]
    if shutil.which("vllm") is None:
        pytest.skip("vLLM is not installed: the form alone was checked")
    assert subprocess.run(["vllm", "serve", "--help=--lora-modules"], capture_output=True).returncode == 0


@pytest.mark.parametrize(("kind", "repo"), [("dataset", DATASET), ("model", BC), ("model", LORA)])
def test_no_card_on_the_hub_holds_a_placeholder_or_a_local_path(
    clients: Clients, world: SmallPipeline, kind: str, repo: str
) -> None:
    for name, data in clients.hub.repos[kind, repo].files().items():
        assert str(world.bc.parent).encode() not in data, name
    card = card_of(clients, repo, kind)
    assert placeholders(card) == []
    if kind == "model":
        assert metadata_problems(yaml.safe_load(card.split("---\n")[1])) == []


def test_pushed_adapter_names_its_base_and_the_records_hold_no_path(clients: Clients) -> None:
    files = clients.hub.repos["model", LORA].files()
    assert yaml.safe_load(files["adapter_config.json"])["base_model_name_or_path"] == BC
    record = yaml.safe_load(files["train_record.json"])
    assert (record["init_from"], record["dataset"]["path"]) == ("bc", DATASET)
    (result,) = yaml.safe_load(files[".eval_results/gsm8k-ai-subq.yaml"])
    assert (result["dataset"]["id"], result["dataset"]["task_id"]) == (DATASET, "decomposer_solver_pair")
    assert "eval.yaml" in clients.hub.repos["dataset", DATASET].files()
    assert "training_args.bin" not in files


def test_merged_weights_speak_as_the_adapter_does_and_their_card_says_what_they_are(
    clients: Clients, world: SmallPipeline, lora_reply: str
) -> None:
    repo = "org/subq-merged"
    clients.module(
        "model_cards.push", "--checkpoint", world.lora, "--repo", repo, *ON_HUB, "--form", "merged", "--yes"
    )
    card = card_of(clients, repo)
    assert "library_name: transformers" in card
    assert "a log-probability of the merged weights differs" in card
    assert python(clients, snippets(card, "python")[0], home="merged") == lora_reply


def test_gguf_is_made_by_the_converter_or_its_absence_is_explained(
    clients: Clients, world: SmallPipeline, tmp_path: Path
) -> None:
    push = (sys.executable, "-m", "model_cards.push", "--checkpoint", world.bc, "--repo", "org/subq-gguf", *ON_HUB)
    status, _, error = clients.run(*push, "--form", "gguf")
    assert status == 2
    assert "convert_hf_to_gguf.py: put it on the PATH" in error
    converter = tmp_path / "convert_hf_to_gguf.py"  # stands for llama.cpp's: same arguments, same file
    converter.write_text(
        "import sys\nopen(sys.argv[sys.argv.index('--outfile') + 1], 'wb').write(b'GGUF' + bytes(8))\n"
    )
    status, _, error = clients.run(*push, "--form", "gguf", "--converter", converter, "--yes")
    assert status == 0, error
    files = clients.hub.repos["model", "org/subq-gguf"].files()
    assert files["subq-gguf-f16.gguf"].startswith(b"GGUF")
    assert not [name for name in files if name.endswith(".safetensors")]
    assert "library_name: gguf" in files["README.md"].decode()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--dataset_id", ""), "the training data has no Hub id"),
        (("--dataset_id", DATASET, "--dataset_revision", "v9"), f"no dataset {DATASET} at v9"),
        (ON_HUB, "the adapter's base has no Hub id"),
        ((*ON_HUB, *BASE, "--tag", "v1.0.0"), "has a tag v1.0.0 already"),
    ],
)
def test_model_push_that_lacks_something_says_what_to_do(
    clients: Clients, world: SmallPipeline, arguments: tuple[str, ...], message: str
) -> None:
    push = (sys.executable, "-m", "model_cards.push", "--checkpoint", world.lora, "--repo", LORA)
    status, _, error = clients.run(*push, *arguments, "--yes")
    assert status == 2, error
    assert message in error
    assert "Traceback" not in error


DRY_RUNS = {
    "model": ("model_cards.push", "--checkpoint", "{lora}", "--repo", "org/new"),
    "merged model": ("model_cards.push", "--checkpoint", "{lora}", "--repo", "org/new", "--form", "merged"),
    "space": ("model_cards.space.push", "--repo", "org/new"),
    "metric": ("eval_harness.push_metric", "--repo", "org/subq_accuracy"),
    "collection": ("model_cards.collection", "--namespace", "org", "--items", f"dataset:{DATASET}"),
}


@pytest.mark.parametrize("what", DRY_RUNS)
def test_a_dry_run_needs_no_network_and_shows_what_would_be_sent(
    clients: Clients, world: SmallPipeline, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients.hub, "url", "http://127.0.0.1:9")
    module, *arguments = (word.format(lora=world.lora) for word in DRY_RUNS[what])
    output = clients.module(module, *arguments, token=False, home="offline")
    assert "the Hub cannot be asked" in output
    assert "\n+ " in output
    assert "dry run: nothing was sent" in output
    if "model" in what:
        assert "before --yes: the training data has no Hub id: push it first" in output
        assert ("before --yes: the adapter's base has no Hub id" in output) == (what == "model")


def test_a_dry_run_says_what_the_hub_lacks(clients: Clients, world: SmallPipeline) -> None:
    push = ("model_cards.push", "--checkpoint", world.bc, "--repo", "org/new", "--dataset_id", DATASET)
    output = clients.module(*push, "--dataset_revision", "v9")
    assert "model org/new: new, private" in output
    assert f"before --yes: the Hub has no dataset {DATASET} at v9" in output


def test_second_push_of_the_same_model_changes_nothing(clients: Clients, world: SmallPipeline) -> None:
    before = clients.hub.repos["model", BC].branches["main"]
    output = clients.module("model_cards.push", "--checkpoint", world.bc, "--repo", BC, *ON_HUB, "--yes")
    assert "no file differs" in output
    assert clients.hub.repos["model", BC].branches["main"] == before


@pytest.mark.parametrize(("path", "status"), [("/repos/create", 403), ("/commit/", 412), ("/commit/", 409)])
def test_refusal_of_the_hub_is_one_line(clients: Clients, world: SmallPipeline, path: str, status: int) -> None:
    clients.hub.faults.append(Fault("POST", path, status))
    push = (
        sys.executable,
        "-m",
        "model_cards.push",
        "--checkpoint",
        world.bc,
        "--repo",
        f"org/fault{status}",
        *ON_HUB,
    )
    code, _, error = clients.run(*push, "--yes")
    assert code == 2, error
    assert f"(the Hub answered {status})" in error
    assert "Traceback" not in error


def test_space_is_pushed_private_as_gradio_with_the_pushed_model(clients: Clients) -> None:
    push = ("model_cards.space.push", "--repo", "org/demo", "--decomposers", f"checkpoint:{LORA}", "none")
    world = ("--solver", "openai:micro-gsm-solver", "--base_url", "micro_gsm", "--datasets", DATASET)
    output = clients.module(*push, *world, "--yes")
    assert "space org/demo: new, private" in output
    repo = clients.hub.repos["space", "org/demo"]
    assert (repo.private, repo.sdk, repo.hardware) == (True, "gradio", "zero-a10g")
    card = yaml.safe_load(repo.files()["README.md"].decode().split("---\n")[1])
    assert (card["models"], card["datasets"]) == ([LORA], [DATASET])
    assert "torch==" in repo.files()["requirements.txt"].decode()
    status, _, error = clients.run(sys.executable, "-m", *push[:-2], "checkpoint:outputs/x/bc", "--yes")
    assert status == 2
    assert "a Space cannot reach the folder outputs/x/bc" in error


def test_the_same_space_becomes_a_static_page_of_recorded_pairs(clients: Clients, world: SmallPipeline) -> None:
    push = ("model_cards.space.push", "--repo", "org/shown", "--yes")
    clients.module(*push)
    assert "app.py" in clients.hub.repos["space", "org/shown"].files()
    output = clients.module(*push, "--runtime", "static", "--results", world.results)
    assert "- app.py" in output
    assert sorted(clients.hub.repos["space", "org/shown"].files()) == ["README.md", "index.html"]


@pytest.mark.parametrize(
    "target",
    [
        ("push-dataset", "DATASET={dataset}", f"REPO={DATASET}"),
        ("push-model", "CHECKPOINT={bc}", f"REPO={BC}"),
        ("push-space", "REPO=org/demo"),
        ("push-metric", f"REPO={METRIC}", "METRIC=subq_accuracy"),
    ],
)
def test_push_without_a_token_explains_itself(clients: Clients, world: SmallPipeline, target: tuple[str, ...]) -> None:
    if not (ROOT / ".venv" / ".ready").exists():
        pytest.skip("this checkout was not set up by make")
    words = [word.format(dataset=world.dataset, bc=world.bc) for word in target]
    status, _, error = clients.run("make", *words, "ARGS=--yes", token=False, home="nobody")
    assert status != 0
    assert "no Hugging Face token; run `hf auth login`" in error
