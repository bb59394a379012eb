"""What a study's page says: claims, tables, figures, cost, data, and what was run; drawn by `render`.

Reads finished cells, the datasets' statistics and the trainings' records. Draws `accuracy-EVALUATION.png` per
evaluation and takes the datasets' figures along.
"""

from __future__ import annotations

import dataclasses
import math
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean

from dataset_builder.core.files import read_text
from dataset_builder.core.intervals import Interval
from eval_harness.records.results import ResultsRecord
from eval_harness.records.rows import PairRow
from eval_harness.reporting.forest_plot import forest_plot
from eval_harness.reporting.tables import machine_sentence, tokens_per_problem
from eval_harness.study.cells import Cell
from eval_harness.study.claims import NOT_RUN, Finding
from eval_harness.study.quality import quality_sections
from eval_harness.study.render import Figure, Section, Table
from eval_harness.study.study_file import EvaluationPart, Scale, Study
from recipes.training.record import TrainRecord, find_train_record

FIGURES = {
    "questions_per_set": "figure 1 of arXiv 2402.01812: sub-questions per set",
    "questions_by_correctness": "figure 1: the same by how many of a problem's sets are right",
    "usefulness_per_question": "figure 2: usefulness of a sub-question",
    "usefulness_per_set": "figure 2: mean usefulness of a set",
    "votes_against_answers": "figure 2: negative votes against wrong answers",
}


def report(
    study: Study,
    scale: str,
    cells: Sequence[Cell],
    findings: Sequence[Finding],
    folders: Mapping[str, Path],
    out: Path,
) -> list[Section]:
    """The page's sections; figures are written to `out`.

    Args:
        study: its file.
        scale: which scale was run.
        cells: what was scored.
        findings: what became of the claims.
        folders: step -> its folder, of all that the page reads.
        out: the page's folder.
    """
    part = study.scale(scale)
    evaluations = [
        _evaluation(name, item, [cell for cell in cells if cell.evaluation == name], out)
        for name, item in part.evaluations.items()
    ]
    datasets = [_dataset(name, folders[f"stats {name}"], out) for name in part.datasets if _there(folders, name)]
    return [
        Section("", [study.about, f"Scale: {scale}. {part.about}"]),
        *_claims(study, scale, findings),
        *[section for section in evaluations if section.tables],
        *quality_sections(part, folders),
        *_cost(cells),
        *datasets,
        *_training(folders),
        *_seen_before(cells),
        _what_was_run(study, part, cells, folders),
    ]


def _there(folders: Mapping[str, Path], name: str) -> bool:
    return (folders.get(f"stats {name}", Path("-")) / "stats.md").is_file()


def _claims(study: Study, scale: str, findings: Sequence[Finding]) -> list[Section]:
    head = ["claim", "outcome", "row", "than", "difference", "95 % interval", "n", "seeds", "p (Holm)", "the paper"]
    rows = [_finding_cells(finding) for finding in findings]
    note = (
        "Each claim compares two rows on the problems that both answered; p is two-sided and corrected over all "
        "claims of the page. Not distinguishable means: neither it nor its contrary can be told from chance. "
        "Accuracies are in percent, tokens per problem."
    )
    asked, lacking = study.claims_at(scale)
    others = len(study.claims | study.scale(scale).claims) - len(asked)
    texts = [note] if rows else []
    if others:
        texts.append(
            f"Not tested at this scale, which lacks the evaluations {', '.join(sorted(lacking))}: {others} further "
            f"claim{'s' if others > 1 else ''} of the study."
        )
    return [Section("Claims", texts, [Table(head, rows, marks=1)] if rows else [])] if texts else []


def _finding_cells(finding: Finding) -> list[str]:
    claim = finding.claim
    if finding.verdict == NOT_RUN:
        return [claim.says, NOT_RUN, *[""] * 7, claim.paper]
    numbers = [finding.row, finding.than]
    if finding.in_tokens:
        shown = [f"{number:.0f}" for number in numbers] + [f"{finding.difference:+.0f}"]
        interval = _span(finding.interval, 1, 0)
    else:
        shown = [f"{100 * number:.1f}" for number in numbers] + [f"{100 * finding.difference:+.1f}"]
        interval = _span(finding.interval, 100, 1)
    p_value = "< 0.001" if finding.p_holm < 0.001 else f"{finding.p_holm:.3f}"
    seeds = str(finding.seeds) if finding.seeds else "-"
    return [claim.says, finding.verdict, *shown, interval, str(finding.n), seeds, p_value, claim.paper]


def _span(interval: Interval | None, times: float, digits: int) -> str:
    return "" if interval is None else f"{times * interval.low:+.{digits}f} to {times * interval.high:+.{digits}f}"


def _evaluation(name: str, part: EvaluationPart, cells: Sequence[Cell], out: Path) -> Section:
    """One evaluation's table, a line per row and solver, with a column per backbone where there are several."""
    if not cells:
        return Section(part.title or name)
    backbones = list(dict.fromkeys(cell.backbone for cell in cells if cell.backbone))
    solvers, names = ([getattr(cell, side) for cell in cells] for side in ("solver", "row"))
    order = {name: index for index, name in enumerate(dict.fromkeys([*solvers, *part.rows, *names]))}
    pairs = sorted({(cell.solver, cell.row) for cell in cells}, key=lambda pair: [order[name] for name in pair])
    columns = backbones if len(backbones) > 1 else [""]
    head = ["solver", "decomposer", "the paper", *(columns if len(columns) > 1 else ["accuracy, %"]), "n", "tokens"]
    rows = [_row(part, solver, row, cells, columns) for solver, row in pairs]
    shown = [index for index, title in enumerate(head) if title != "the paper" or part.printed]
    table = Table(
        [head[i] for i in shown], [[row[i] for i in shown] for row in rows], right_from=2 + bool(part.printed)
    )
    record = cells[0].pair.record
    seeds = len({cell.seed for cell in cells if cell.trained})
    note = f"{record.asked}, {record.dataset['problems']} problems, rule {record.rule}"
    note += f", {seeds} training seed{'s' if seeds > 1 else ''}" if seeds else ""
    texts = [*([part.about] if part.about else []), f"{note}. Percent right, with 95 % intervals."]
    figures = []
    if len(cells) > 1:
        forest_plot([_named(cell) for cell in cells], out / f"accuracy-{name}", "none", kinds=("png",))
        figures.append(Figure(f"accuracy-{name}.png", f"Accuracy of every row: {part.title or name}"))
    return Section(part.title or name, texts, [table], figures)


def _row(part: EvaluationPart, solver: str, row: str, cells: Sequence[Cell], columns: Sequence[str]) -> list[str]:
    mine = [cell for cell in cells if (cell.solver, cell.row) == (solver, row)]
    shown = [
        _mean([cell for cell in mine if not column or not cell.trained or cell.backbone == column])
        for column in columns
    ]
    n = sum(cell.pair.record.n for cell in mine) // max(1, len({cell.backbone for cell in mine}))
    tokens = sum(tokens_per_problem(cell.pair.record) for cell in mine) / len(mine)
    printed = part.printed.get(f"{row} + {solver}", part.printed.get(row, ""))
    return [solver, row, printed, *shown, str(n), f"{tokens:.0f}"]


def _mean(cells: Sequence[Cell]) -> str:
    """Percent and interval of one cell; of several seeds the mean and each."""
    if not cells:
        return ""
    records = [cell.pair.record for cell in cells]
    if len(records) == 1:
        low, high = records[0].interval["low"], records[0].interval["high"]
        return f"{100 * records[0].accuracy:.1f} ({100 * low:.0f} to {100 * high:.0f})"
    mean = sum(record.accuracy for record in records) / len(records)
    return f"{100 * mean:.1f} ({', '.join(f'{100 * record.accuracy:.0f}' for record in records)})"


def _named(cell: Cell) -> ResultsRecord:
    """The cell's record under the study's names, for the figure."""
    record = cell.pair.record
    seed = f" {cell.seed}" if cell.seed else ""
    decomposer = record.decomposer | {"label": cell.label + seed}
    return dataclasses.replace(record, decomposer=decomposer, solver=record.solver | {"label": cell.solver_label})


def _cost(cells: Sequence[Cell]) -> list[Section]:
    """Cost per role, as table 1 of arXiv 2402.15000; one line per evaluation, row and solver."""
    head = ["evaluation", "decomposer", "solver", "decompose: tokens", "s", "$", "solve: tokens", "s", "$"]
    rows = []
    for cell in cells:
        record = cell.pair.record
        line = [cell.evaluation, cell.label, cell.solver_label]
        for role in ("decompose", "solve"):
            usage, per = record.usage[role], 1000 / record.n
            dollars = usage["cost_usd"]
            line += [f"{usage['prompt_tokens'] * per:,.0f} + {usage['completion_tokens'] * per:,.0f}"]
            line += [f"{usage['seconds'] * per:.1f}", "?" if dollars is None else f"{dollars * per:.2f}"]
        rows.append(line)
    note = "Per 1,000 problems: tokens in + out, seconds summed over requests, dollars."
    return [Section("Cost per role", [note], [Table(head, rows, right_from=3)], folded=True)] if rows else []


def _dataset(name: str, folder: Path, out: Path) -> Section:
    lines = [line for line in read_text(folder / "stats.md").splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    figures = []
    for figure, caption in FIGURES.items():
        path = folder / "figures" / f"{figure}.png"
        if path.is_file():
            shutil.copy(path, out / f"{name}-{figure}.png")
            figures.append(Figure(f"{name}-{figure}.png", caption))
    return Section(f"Dataset {name}", [], [Table(cells[0], cells[2:], right_from=1)], figures)


def _training(folders: Mapping[str, Path]) -> list[Section]:
    head = ["student", "method", "weights", "updates", "rows", "validation loss", "seconds"]
    rows = []
    for step, folder in folders.items():
        record = find_train_record(str(folder)) if step.startswith("train ") and folder.is_dir() else None
        if record is not None:
            rows.append([step.removeprefix("train "), *_training_cells(record)])
    return [Section("Training", [], [Table(head, rows, right_from=2)], folded=True)] if rows else []


def _training_cells(record: TrainRecord) -> list[str]:
    loss = record.validation_loss
    numbers = [f"{record.parameters:,}", f"{record.updates:,}", f"{record.examples:,}"]
    shown = "-" if loss is None or math.isnan(loss) else f"{loss:.3f}"
    return [record.method, *numbers, shown, f"{record.seconds:.0f}"]


def _seen_before(cells: Sequence[Cell]) -> list[Section]:
    """What students or prompts had seen of the problems; who saw the same of an evaluation shares a line."""
    lines: dict[tuple[str, str], dict[str, float]] = {}
    for cell in cells:
        overlap = cell.pair.record.overlap
        if overlap is None:
            continue
        roles = ((overlap.decomposer, cell.row, "trained on"), (overlap.solver, cell.solver, "trained on"),
                 (overlap.prompts, f"a prompt of {cell.row}", "in a prompt"))  # fmt: skip
        for seen, who, where in roles:
            if seen and seen.cell(where):
                moves = lines.setdefault((cell.evaluation, seen.cell(where)), {})
                moves[who] = max(moves.get(who, 0.0), _moved(cell.pair, overlap.accuracy_elsewhere))
    head = ["evaluation", "who", "seen before", "without them"]
    rows = [[evaluation, ", ".join(moves), what, _move(moves.values())] for (evaluation, what), moves in lines.items()]
    text = (
        "Problems that a student was trained on or chosen by, or that a prompt shows solved (alike: in nearly the "
        "same words), and how far leaving them out moves an accuracy at most."
    )
    return [Section("Problems seen before", [text], [Table(head, rows, right_from=3)])] if rows else []


def _moved(pair: PairRow, elsewhere: float | None) -> float:
    """Points between a pair's accuracy and that on what was not seen; infinite where all was seen."""
    return math.inf if elsewhere is None else 100 * abs(elsewhere - fmean(pair.correctness.values()))


def _move(moves: Iterable[float]) -> str:
    most = max(moves)
    return "nothing is left" if math.isinf(most) else f"{most:.1f} points"


def _what_was_run(study: Study, scale: Scale, cells: Sequence[Cell], folders: Mapping[str, Path]) -> Section:
    """What a reader needs to repeat it, and what is missing."""
    texts = []
    if cells:
        record = cells[0].pair.record
        packages = ", ".join(f"{name} {version}" for name, version in record.packages.items())
        states = dict.fromkeys(_state(cell.pair.record) for cell in cells)
        first, last = (choose(cell.pair.record.created_at for cell in cells) for choose in (min, max))
        texts.append(f"Scored {first} to {last}, commit {', '.join(states)}; {packages}.")
        texts += machine_sentence([cell.pair for cell in cells])
    missing = [step for step, folder in folders.items() if not folder.is_dir()]
    if missing:
        texts.append(f"Not run: {', '.join(missing)}.")
    options = ", ".join(f"{key} {value}" for key, value in study.options.items())
    texts.append(f"Options: {options or 'none'}. Seeds of training: {', '.join(map(str, scale.seeds))}.")
    return Section("What was run", texts)


def _state(record: ResultsRecord) -> str:
    return f"{record.commit[:12]}{' with changes' if record.dirty else ''}"
