"""The `evaluate` modules: their doctests from the folder and from the bundle, their cards, their apps."""

from __future__ import annotations

import doctest
import json
import runpy
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import yaml

from eval_harness.metrics.bundle import BESIDE, METRICS, bundle_metric, metric_names, needed_modules, relative_imports
from tests.support.imports import imported_from

NAMES = ("decomposition_quality", "subq_accuracy")
WITHOUT_US = """
import sys

class NotInstalled:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("dataset_builder", "eval_harness", "recipes", "model_cards"):
            raise ModuleNotFoundError(f"No module named {name!r}")

sys.meta_path.insert(0, NotInstalled())
sys.path = [place for place in sys.path if place]
"""


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """`evaluate` copies metric scripts into a cache of its own; here into one that is thrown away."""
    with pytest.MonkeyPatch.context() as patch:
        import evaluate.config
        import evaluate.loading

        cache = str(tmp_path_factory.mktemp("modules"))
        patch.setattr(evaluate.config, "HF_MODULES_CACHE", cache)
        patch.setattr(evaluate.loading, "init_dynamic_modules", lambda: _modules_folder(Path(cache)))
        patch.syspath_prepend(cache)
        yield


def _modules_folder(cache: Path) -> str:
    folder = cache / "evaluate_modules"
    folder.mkdir(exist_ok=True)
    (folder / "__init__.py").touch()
    return str(folder)


def load(name: str) -> Any:
    import evaluate

    return evaluate.load(str(METRICS / name))


def test_every_metric_is_listed() -> None:
    assert tuple(metric_names()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_examples_of_a_metric_hold(name: str) -> None:
    import evaluate

    text = load(name).inputs_description.replace(f'evaluate.load("{name}")', f"evaluate.load({str(METRICS / name)!r})")
    examples = doctest.DocTestParser().get_doctest(text, {"evaluate": evaluate}, name, name, 0)
    assert len(examples.examples) >= 6
    assert doctest.DocTestRunner(verbose=False).run(examples).failed == 0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"predictions": [], "references": []}, "no predictions to score; give at least one"),
        ({"predictions": (), "references": iter(())}, "no predictions to score; give at least one"),
        ({"predictions": ["5"], "references": []}, "1 predictions, 0 references; give one reference per prediction"),
        ({"predictions": [], "references": ["5"]}, "0 predictions, 1 references"),
        ({"predictions": ["5"]}, "references must be a list, found None"),
        ({"predictions": "Final answer: 5", "references": "5"}, "predictions must be a list, found 'Final answer: 5'"),
        ({}, "call `add` or `add_batch` at least once"),
    ],
)
def test_nothing_to_score_is_one_line(name: str, given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told) as caught:
        load(name).compute(**given)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("gold", ["", " ", "So.\n#### ", [], ["", ""], None, "..."])
def test_a_reference_that_holds_nothing_is_named(gold: Any) -> None:
    golds = [gold, "5"] if not isinstance(gold, list) else [gold, ["5"]]
    with pytest.raises(ValueError, match=r"example-0: the reference .* is nothing to compare with"):
        load("subq_accuracy").compute(predictions=["5", "5"], references=golds)


def test_a_first_text_that_never_came_is_counted() -> None:
    result = load("subq_accuracy").compute(predictions=[None, "Final answer: 5"], references=["5", "5"])
    assert (result["counts"]["request_failed"], result["counts"]["correct"]) == (1, 1)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_bundle_works_where_this_project_is_not_installed(name: str, tmp_path: Path) -> None:
    files = bundle_metric(name, tmp_path / name)
    assert {path.name for path in (tmp_path / name).iterdir()} == set(files)
    code = WITHOUT_US + (
        "import doctest, evaluate\n"
        f"text = evaluate.load({name!r}).inputs_description\n"
        f"found = doctest.DocTestParser().get_doctest(text, {{'evaluate': evaluate}}, {name!r}, 'm', 0)\n"
        "print(doctest.DocTestRunner().run(found))\n"
    )
    env = {"HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "1", "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "failed=0" in done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_a_bundle_is_small_and_names_nothing_of_ours_absolutely(name: str, tmp_path: Path) -> None:
    for path in bundle_metric(name, tmp_path / name).values():
        lines = path.read_text(encoding="utf-8").split("\n") if path.suffix == ".py" else []
        assert not [line for line in lines if line.strip().startswith(("from dataset_builder", "from eval_harness"))]
    modules = needed_modules(METRICS / name / f"{name}.py")
    assert not [module for module in modules if ".llm" in module or ".hub" in module or "recipes" in module]


@pytest.mark.parametrize("name", NAMES)
def test_a_metrics_requirements_are_what_its_modules_import(name: str) -> None:
    lines = (METRICS / name / "requirements.txt").read_text(encoding="utf-8").split()
    assert {line.partition(">")[0] for line in lines} == imported_from(f"eval_harness.metrics.{name}.{name}")


def test_an_import_that_cannot_be_made_relative_is_refused(tmp_path: Path) -> None:
    script = tmp_path / "m.py"
    script.write_text("import dataset_builder.answers.grading\n", encoding="utf-8")
    with pytest.raises(ValueError, match="write `from dataset_builder"):
        relative_imports(script)


def test_an_import_over_several_lines_becomes_one(tmp_path: Path) -> None:
    script = tmp_path / "m.py"
    script.write_text(
        "def f():\n    from eval_harness.scoring.score import (\n        a,\n        b as c,\n    )\n    return a\n"
    )
    assert (
        relative_imports(script) == "def f():\n    from .eval_harness_scoring_score import a, b as c\n    return a\n"
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_card_has_its_header_and_every_section(name: str) -> None:
    text = (METRICS / name / "README.md").read_text(encoding="utf-8")
    header = yaml.safe_load(text.split("---")[1])
    assert {"evaluate", "metric"} <= set(header["tags"])
    assert (header["sdk"], header["app_file"]) == ("gradio", "app.py")
    for section in ("Metric description", "How to use", "Inputs", "Output values", "Limitations and bias", "Citation"):
        assert f"# {section}\n" in text
    documented = set(load(name).compute(**_example(name)))
    assert not [key for key in documented if f"**{key}**" not in text]
    assert all((METRICS / name / file).is_file() for file in BESIDE)


def _example(name: str) -> dict[str, Any]:
    if name == "subq_accuracy":
        return {"predictions": ["Final answer: 5"], "references": ["5"], "per_example": True}
    return {"predictions": [["How many?"]], "references": [["How many?"]]}


def test_accuracy_agrees_with_the_harness_on_every_kind_of_answer() -> None:
    metric = load("subq_accuracy")
    cases = [
        (["Final answer: yes"], ["no"], "yes_no", 0.0),
        (["Final answer: the Barack Obama"], ["Barack Obama"], "text", 1.0),
        (["Final answer: 12 yards and 3"], [["12 yards", "12"]], "spans", 0.0),
        (["Final answer: 70,000"], ["70000"], "number", 1.0),
    ]
    for texts, golds, kind, accuracy in cases:
        assert metric.compute(predictions=texts, references=golds, answer_kind=kind)["accuracy"] == accuracy


def test_what_cannot_be_scored_is_an_error_and_no_number() -> None:
    metric = load("subq_accuracy")
    with pytest.raises(ValueError, match="no rule 'first'"):
        metric.compute(predictions=["5"], references=["5"], rule="first")
    with pytest.raises(ValueError, match="is no number"):
        metric.compute(predictions=["5"], references=["Ann"])
    with pytest.raises(ValueError, match="2 problems"):
        load("decomposition_quality").compute(predictions=[["Q?"]], references=[[]], problems=["a", "b"])


def test_both_metrics_combine() -> None:
    import evaluate

    accuracy = load("subq_accuracy")
    result = evaluate.combine([accuracy, load("subq_accuracy")]).compute(
        predictions=["Final answer: 5"], references=["5"]
    )
    assert {value for key, value in result.items() if key.endswith("accuracy")} == {1.0}


@pytest.mark.parametrize("name", NAMES)
def test_an_app_answers_each_of_its_examples(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    created: dict[str, Any] = {}
    stub = types.SimpleNamespace(
        Interface=lambda **options: created.update(options), **dict.fromkeys(("Textbox", "Dropdown", "JSON"), _widget)
    )
    monkeypatch.setitem(sys.modules, "gradio", stub)
    runpy.run_path(str(METRICS / name / "app.py"))
    for example in created["examples"]:
        assert json.dumps(created["fn"](*example))
    empty = created["fn"](*["" for _ in created["examples"][0]])
    assert empty in [("", "give the gold answer"), {"sets": 0}]


def _widget(*arguments: Any, **options: Any) -> None:
    return None
