"""A study at one scale -> its steps, each a command that exists, and the cells that its page reads them for.

    generate DATASET -> build DATASET -> stats DATASET, train STUDENT BACKBONE SEED -> evaluate EVALUATION ...,
                                                                                       quality QUALITY ... -> page

A student's cells are a step of their own, so that one that fails leaves the others, and so that changing a row runs
that row. Rows that nobody trains share one step, and where several steps need a teacher's sub-questions the first asks
for them, so that nobody is paid twice. A student that starts from another, or solves for one, does so on its own
backbone and seed.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dataset_builder.core.errors import UserError
from dataset_builder.core.values import nearest
from eval_harness.pipeline.quality import QUALITY_FILE
from eval_harness.study.needs import needs_of_dataset, needs_of_evaluation, needs_of_quality, needs_of_student
from eval_harness.study.plan import Plain, Step, parents_in
from eval_harness.study.study_file import DatasetPart, EvaluationPart, Options, QualityPart, Scale, StudentPart, Study

PAGE, PAGE_FILE = "page", "page.html"
CELL_RECORD = "page.html"
"""What a finished `eval_harness.run` has written last."""


@dataclass(frozen=True)
class Trained:
    """One student on one backbone with one seed."""

    student: str
    backbone: str
    seed: int

    @property
    def step(self) -> str:
        return f"train {self}"

    def __str__(self) -> str:
        return f"{self.student} {self.backbone} seed {self.seed}"


@dataclass(frozen=True)
class CellStep:
    """What one evaluating step holds: some rows of an evaluation with some solvers, of a quality without."""

    step: str
    """The step's name."""
    evaluation: str
    """The evaluation's or quality's name."""
    row: Trained | None
    """The student whose row it is; None: the rows that nobody trains here."""
    solver: Trained | None
    """Likewise."""


def steps_of(study: Study, scale_name: str, changes: Sequence[str] = (), source: str = "") -> list[Step]:
    """The steps of a study at a scale, the page last.

    Args:
        study: read by `load_study`, changes included.
        scale_name: embedded, small or paper.
        changes: what `--set` said, for the page to read the same study.
        source: the study's name or file; empty: its name.

    Raises:
        UserError: a name that the scale does not have, or no such scale.
    """
    scale = study.scale(scale_name)
    _check_names(scale)
    steps = [step for name in scale.datasets for step in _dataset_steps(name, scale.datasets[name], scale)]
    steps += [_train_step(trained, scale) for trained in trained_students(scale)]
    cells = cell_steps(scale)
    steps += [_evaluate_step(cell, scale) for cell in cells]
    steps += [_quality_step(cell, scale) for cell in quality_steps(scale)]
    steps += [_card_step(cell, scale, cells) for cell in cells if _has_card(cell, scale)]
    return [*steps, _page_step(study, scale_name, changes, source)]


def trained_students(scale: Scale) -> list[Trained]:
    """Every student on each of its backbones with each of its seeds."""
    return [
        Trained(name, backbone, seed)
        for name, part in scale.students.items()
        for backbone in part.backbones or scale.backbones
        for seed in part.seeds or scale.seeds
    ]


def cell_steps(scale: Scale) -> list[CellStep]:
    """The steps that evaluate."""
    return [cell for name, part in scale.evaluations.items() for cell in _cells_of(name, part, scale)]


def quality_steps(scale: Scale) -> list[CellStep]:
    """The steps that measure sub-questions."""
    return [
        CellStep(_cell_name("quality", name, row, None), name, row, None)
        for name, part in scale.qualities.items()
        for row in _instances(part.rows, part.backbones, scale)
    ]


def _cells_of(name: str, part: EvaluationPart, scale: Scale) -> list[CellStep]:
    sides = (_instances(specs, part.backbones, scale) for specs in (part.rows, part.solvers))
    pairs = itertools.product(*sides)
    return [
        CellStep(_cell_name("evaluate", name, row, solver), name, row, solver)
        for row, solver in pairs
        if row is None or solver is None or (row.backbone, row.seed) == (solver.backbone, solver.seed)
    ]


def _instances(specs: Sequence[str], backbones: Sequence[str], scale: Scale) -> list[Trained | None]:
    """The students that are meant, each trained once; None before them: those that nobody trains here."""
    fixed: list[Trained | None] = [None] if any(spec not in scale.students for spec in specs) else []
    trained = [item for item in trained_students(scale) if not backbones or item.backbone in backbones]
    return fixed + [item for item in trained if item.student in specs]


def _cell_name(verb: str, name: str, row: Trained | None, solver: Trained | None) -> str:
    return " ".join([verb, name, *([str(row)] if row else []), *(["by", str(solver)] if solver else [])])


def _dataset_steps(name: str, part: DatasetPart, scale: Scale) -> list[Step]:
    generate, build, folder = f"generate {name}", f"build {name}", f"{{out}}/{name}"
    needs = needs_of_dataset(part, scale)
    steps = []
    if part.problems:
        models = {"model": part.teacher, "solver_model": part.solver, "feedback_model": part.critic}
        options = {"problems": part.problems, "limit": part.limit, **models, "base_url": part.base_url}
        words = _words({key: value for key, value in options.items() if value} | scale.generate | part.generate)
        command = ("dataset_builder.generate", "--output", "{out}", *words)
        steps.append(Step(generate, command, record="sets.jsonl", api=True, **needs.generate.fields()))
    given = ("--generation", f"{{parent:{generate}}}") if steps else ()
    parents = (generate,) if steps else ()
    command = ("dataset_builder.build", *given, "--output", folder, *_words(part.build))
    steps.append(Step(build, command, parents, f"{name}/facts.json", **needs.build.fields()))
    command = ("dataset_builder.stats", "--dataset", _dataset_folder(name), "--output", "{out}")
    return [*steps, Step(f"stats {name}", command, (build,), "stats.json", minutes=0.2)]


def _dataset_folder(name: str) -> str:
    return f"{{parent:build {name}}}/{name}"


def _train_step(trained: Trained, scale: Scale) -> Step:
    part, backbone = scale.students[trained.student], scale.backbones[trained.backbone]
    start = Trained(part.start, trained.backbone, trained.seed) if part.start else None
    words = _words(recipe_options(part, scale, trained.backbone) | {"seed": trained.seed})
    if start:
        words += ["--init_from", f"{{parent:{start.step}}}"]
    command = ("recipes.train", "--dataset", _dataset_folder(part.dataset), "--output_dir", "{out}", *words)
    parents = (f"build {part.dataset}", *([start.step] if start else []))
    needs = needs_of_student(part, backbone, scale, recipe_options(part, scale, trained.backbone))
    return Step(trained.step, command, parents, "train_record.json", **needs.fields())


def recipe_options(part: StudentPart, scale: Scale, backbone_name: str) -> Options:
    """What `recipes.train` is told of a student on a backbone, but for folders and seed."""
    backbone = scale.backbones[backbone_name]
    adapter = {"adapter": backbone.adapter} if backbone.adapter else {}
    if backbone.recipe:
        names: Options = {"recipe": f"{backbone.recipe}/{part.method}_{backbone.adapter}"}
        names |= {"backbone": backbone.backbone}
    else:
        names = {"backbone": backbone.backbone, "method": part.method, **adapter}
    return names | scale.train | backbone.options | part.options


def _evaluate_step(cell: CellStep, scale: Scale) -> Step:
    part = scale.evaluations[cell.evaluation]
    rows = _specs(part.rows, cell.row, "checkpoint", scale)
    solvers = _specs(part.solvers, cell.solver, "transformers", scale)
    command = ["eval_harness.run", "--source", _folder_of(part.source, scale), "--output", "{out}"]
    command += ["--decomposers", *rows, "--solvers", *solvers, *_words(scale.evaluate | part.options)]
    asked_before = _asked_before(cell, scale)
    command += ["--asked_before", f"{{parent:{asked_before}}}"] if asked_before else []
    trained = [item for item in (cell.row, cell.solver) if item]
    needs = needs_of_evaluation(part, scale, rows, solvers, trained, asks_for_questions=not asked_before)
    api = any(spec.startswith(("openai:", "api:")) for spec in (*([] if asked_before else rows), *solvers))
    return Step(cell.step, tuple(command), parents_in(command), CELL_RECORD, api=api, **needs.fields())


def _asked_before(cell: CellStep, scale: Scale) -> str:
    """The first step that asks the cell's endpoints for the same sub-questions, where that is another one.

    Its solver is nobody's student, so that no student's failure keeps another's cells from running.
    """
    part = scale.evaluations[cell.evaluation]
    asked = {row for row in part.rows if row.startswith("api:")}
    for name, other in scale.evaluations.items():
        of_nobody = any(solver not in scale.students for solver in other.solvers)
        alike = (other.source, other.options) == (part.source, part.options) and asked <= set(other.rows)
        if asked and cell.row is None and of_nobody and alike:
            first = _cell_name("evaluate", name, None, None)
            return "" if first == cell.step else first
    return ""


def _quality_step(cell: CellStep, scale: Scale) -> Step:
    part = scale.qualities[cell.evaluation]
    rows = _specs(part.rows, cell.row, "checkpoint", scale)
    command = ["eval_harness.question_quality", "--source", _folder_of(part.source, scale), "--output", "{out}"]
    command += ["--references", _folder_of(part.references, scale)] if part.references else []
    command += ["--decomposers", *rows, *_words(part.options)]
    needs = needs_of_quality(part, scale, rows, scale.backbones[cell.row.backbone] if cell.row else None)
    api = any(spec.startswith("api:") for spec in rows)
    return Step(cell.step, tuple(command), parents_in(command), QUALITY_FILE, api=api, **needs.fields())


def _specs(names: Sequence[str], trained: Trained | None, kind: str, scale: Scale) -> list[str]:
    """What a command is told of a student, or of those that nobody trains here."""
    if trained is None:
        return [name for name in names if name not in scale.students]
    return [f"{kind}:{{parent:{trained.step}}}"]


def _folder_of(source: str, scale: Scale) -> str:
    return _dataset_folder(source) if source in scale.datasets else source


def _has_card(cell: CellStep, scale: Scale) -> bool:
    return (
        cell.row is not None and cell.solver is None and cell.row.student in scale.evaluations[cell.evaluation].cards
    )


def _card_step(cell: CellStep, scale: Scale, cells: Sequence[CellStep]) -> Step:
    """A student's card: its own row, and beside it those that nobody trains."""
    assert cell.row is not None
    fixed = [item.step for item in cells if (item.evaluation, item.row, item.solver) == (cell.evaluation, None, None)]
    parents, dataset = (cell.row.step, cell.step, *fixed), scale.students[cell.row.student].dataset
    folders = [f"{{parent:{parent}}}" for parent in parents]
    options = zip(("--checkpoint", "--results", "--beside"), folders, strict=False)
    given = [word for option in options for word in option]
    command = ("model_cards.cards", *given, "--dataset", _dataset_folder(dataset), "--output", "{out}")
    name = cell.step.replace("evaluate", "card", 1)
    return Step(name, command, (*parents, f"build {dataset}"), "README.md", minutes=0.2)


def _page_step(study: Study, scale: str, changes: Sequence[str], source: str) -> Step:
    read = page_reads(study, scale)
    words = ["--study", source or study.study, "--scale", scale, "--output", "{out}"]
    words += ["--set", *changes] if changes else []
    command = ("eval_harness.study_page", *words, "--folders", *(f"{{parent:{name}}}" for name in read))
    said: dict[str, Plain] = {"study": dataclasses.asdict(dataclasses.replace(study, scales={}))}
    said["scale"] = dataclasses.asdict(study.scale(scale))
    return Step(PAGE, tuple(command), tuple(read), PAGE_FILE, minutes=0.5, settings=said)


def page_reads(study: Study, scale_name: str) -> list[str]:
    """The steps whose folders the page is given, in the order of `--folders`."""
    scale = study.scale(scale_name)
    trained = [item.step for item in trained_students(scale)]
    return [
        *(f"stats {name}" for name in scale.datasets),
        *trained,
        *(cell.step for cell in (*cell_steps(scale), *quality_steps(scale))),
    ]


def _words(options: Mapping[str, Any], section: str = "") -> list[str]:
    """Options as words of a command line."""
    words: list[str] = []
    for key, value in options.items():
        if isinstance(value, Mapping):
            words += _words(value, f"{section}{key}.")
        elif isinstance(value, list):
            words += [f"--{section}{key}", *map(_word, value)]
        elif value is not None:
            words += [f"--{section}{key}", _word(value)]
    return words


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _check_names(scale: Scale) -> None:
    """Every name that a part of the scale mentions is one of its parts."""

    def check(name: str, known: Mapping[str, object], where: str) -> None:
        if name not in known:
            raise UserError(f"{where}: {name!r} is not there{nearest(name, list(known))}")

    for name, student in scale.students.items():
        check(student.dataset, scale.datasets, f"student {name}: dataset")
        for backbone in student.backbones:
            check(backbone, scale.backbones, f"student {name}: backbone")
        if student.start:
            check(student.start, scale.students, f"student {name}: start")
            _check_start(name, scale)
    parts: list[tuple[str, EvaluationPart | QualityPart]] = [*scale.evaluations.items(), *scale.qualities.items()]
    for name, part in parts:
        for backbone in part.backbones:
            check(backbone, scale.backbones, f"{name}: backbone")
    for name, claim in scale.claims.items():
        for side in (claim.row, claim.than):
            check(side.evaluation, scale.evaluations, f"claim {name}: evaluation")


def _check_start(name: str, scale: Scale) -> None:
    """What a student starts from is trained on its backbones, with its seeds."""
    there = set(trained_students(scale))
    for item in trained_students(scale):
        start = Trained(scale.students[name].start, item.backbone, item.seed)
        if item.student == name and start not in there:
            raise UserError(f"student {name} starts from {start}, which is not trained; name its backbone and seed")
