"""Builds the dataset folder from raw sets: labels them, splits them by problem, checks for leaks, writes every config.

Reads a generation's folder (`--journal`) or raw files in the paper's form (`--raw`, `--published`), twice: to know
all problems, once to write rows; memory stays flat. Writes a folder as `dataset_folder.layout` describes, in a
sibling that takes the folder's place at the end, so that an interrupted build leaves the old folder as it was.

    $ python -m dataset_builder.build --raw qg_test_data_raw.jsonl --output gsm8k-ai-subq
    gsm8k-ai-subq: 1319 problems, 1319 sets (test 1319)
"""

from __future__ import annotations

import collections
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from dataset_builder.answers import DEFAULT_RULE, RULES
from dataset_builder.build import views
from dataset_builder.build.inputs import JournalSource, PublishedSource, RawSource
from dataset_builder.build.label import label_set, sub_questions_of_set
from dataset_builder.build.published import published_raw_files
from dataset_builder.build.splits import Entry, Leak, assign_split, find_leaks, text_hash
from dataset_builder.core.config import option, parse_config
from dataset_builder.core.errors import UserError, entry_point
from dataset_builder.dataset_folder.atomic_folder import replaced_folder
from dataset_builder.dataset_folder.layout import KIND, is_dataset_folder, write_facts
from dataset_builder.dataset_folder.parquet_writer import SplitWriter
from dataset_builder.schema.records import CONFIGS, SCHEMA_VERSION, SPLITS, Failure, LabelledSet, RawSet, Split
from dataset_builder.stats.__main__ import dataset_stats
from dataset_builder.stats.card import write_card

EPILOG = """examples:
  the paper's own files, from SUBQ_DATA or their public home:
    python -m dataset_builder.build --published
  one of them, as it is:
    python -m dataset_builder.build --raw qg_test_data_raw.jsonl --output gsm8k-ai-subq
  train and test together:
    python -m dataset_builder.build --raw qg_train_data_raw.jsonl qg_test_data_raw.jsonl
  what `python -m dataset_builder.generate --output outputs/run` wrote:
    python -m dataset_builder.build --journal outputs/run --output gsm8k-ai-subq

Afterwards, beside the folder:  load_dataset("gsm8k-ai-subq")  or  load_dataset("gsm8k-ai-subq", "preference")"""

# Endpoints, paths, times and rates of a run say nothing about the data, and would make equal builds differ.
RUN_FACTS = ("finished", "models", "prompts", "decoding", "backend", "sets", "cost_usd")


@dataclass
class BuildConfig:
    """What decides a dataset folder's content."""

    journal: str | None = option(None, "the folder of a generation (holds sets.jsonl)")
    published: bool = option(False, "the paper's own raw files, from SUBQ_DATA or their public home")
    raw: list[str] = option([], "published raw files, one problem a line (qg_train_data_raw.jsonl, ...)")
    output: str = option("gsm8k-ai-subq", "the dataset folder to write; an older one of ours is replaced")
    split: str = option(
        "auto", "where the problems of --raw belong; auto asks the file", choices=["auto", "train", "test"]
    )
    gold: str | None = option(None, "GSM8K's own jsonl of the split of --raw, for its golds (default: looked up)")
    rule: str = option(DEFAULT_RULE, "how a final answer is read from a text", choices=RULES)
    validation_fraction: float = option(0.01, "share of the train problems that becomes validation")
    skip_bad_lines: bool = option(False, "leave malformed lines out instead of stopping at the first")
    drop_leaks: bool = option(
        False, "drop problems whose text stands in a stricter split or a prompt, instead of stopping"
    )
    seed: int = option(0, "draws another division of train and validation")
    usefulness_margin: float = option(
        views.USEFULNESS_MARGIN, "least lead in mean usefulness that makes a preference pair"
    )
    max_pairs: int = option(views.MAX_PAIRS_PER_PROBLEM, "most preference pairs per problem")


@dataclass
class Census:
    """What the first pass learns: each problem's split, and the problems that leak."""

    splits: dict[str, Split]
    leaks: list[Leak]


def build_dataset(config: BuildConfig) -> dict[str, Any]:
    """Writes the dataset folder and returns its facts.

    Raises:
        UserError: no input, unreadable input, a leak, or an output folder that is not ours.
    """
    source = open_source(config)
    output = Path(config.output)
    with replaced_folder(output, is_dataset_folder) as folder:
        census = take_census(source, config)
        if census.leaks and not config.drop_leaks:
            raise UserError(_leak_message(census.leaks))
        facts = {"kind": KIND, "name": output.name, "schema_version": SCHEMA_VERSION, **_choices(config)}
        facts |= write_rows(source, census, config, folder)
        if "default" not in facts["configs"]:
            raise UserError(
                f"the input holds no set with readable sub-questions: {facts['failures'] or 'it is empty'}"
            )
        facts["leak_check"] = _leak_facts(census, config)
        facts["run"] = _run_facts(config)
        facts["stats"] = dataset_stats(folder)
        write_facts(folder, facts)
        write_card(folder)
    return facts


def open_source(config: BuildConfig) -> RawSource:
    """The raw sets that the config names.

    Raises:
        UserError: not exactly one of `journal`, `raw` and `published` is given, or a file is missing.
    """
    if sum((bool(config.journal), bool(config.raw), config.published)) != 1:
        raise UserError(
            "give one of --journal (a generation's folder), --raw (raw files) and --published (the paper's own)"
        )
    if not 0 <= config.validation_fraction < 1:
        raise UserError(f"--validation_fraction must be in [0, 1), found {config.validation_fraction}")
    if config.journal:
        return JournalSource(Path(config.journal), skip_bad_lines=config.skip_bad_lines)
    split: Split | None = None if config.split == "auto" else "train" if config.split == "train" else "test"
    gold = Path(config.gold) if config.gold else None
    files = list(published_raw_files().values()) if config.published else [Path(path) for path in config.raw]
    return PublishedSource(
        files, split=split, gold=gold, references=config.published, skip_bad_lines=config.skip_bad_lines
    )


def take_census(source: RawSource, config: BuildConfig) -> Census:
    """The first pass over all problems.

    Raises:
        UserError: a problem_id comes twice, so its sets would fall apart.
    """
    entries: dict[str, Entry] = {}
    for group in tqdm(source.groups(), desc="reading", unit=" problems", disable=None):
        problem = group[0].problem
        if problem.problem_id in entries:
            raise UserError(
                f"problem {problem.problem_id} comes twice; is a raw file given twice, or a shard repeated?"
            )
        split = assign_split(problem, config.validation_fraction, config.seed)
        entries[problem.problem_id] = Entry(problem.problem_id, split, text_hash(problem.problem, problem.passage))
    return Census({entry.problem_id: entry.split for entry in entries.values()}, find_leaks(entries.values()))


def write_rows(source: RawSource, census: Census, config: BuildConfig, folder: Path) -> dict[str, Any]:
    """The second pass: writes every config and returns the counts of what was written and what was not."""
    writers = {(name, split): SplitWriter(folder, name, split) for name in CONFIGS for split in SPLITS}
    dropped = {leak.problem_id for leak in census.leaks}
    tally = Tally()
    progress = tqdm(source.groups(), total=len(census.splits), desc="building", unit=" problems", disable=None)
    for group in progress:
        problem = group[0].problem
        if problem.problem_id in dropped:
            continue
        split = census.splits[problem.problem_id]
        labelled_sets = tally.count(group, config.rule, split)
        for name, row in problem_rows(group, labelled_sets, config):
            writers[name, split].add(row)
    configs: dict[str, dict[str, Any]] = {}
    for (name, split), writer in writers.items():
        written = writer.close()
        if written["rows"]:
            configs.setdefault(name, {})[split] = written
    return {"configs": configs, **tally.facts()}


def problem_rows(
    raw_sets: Sequence[RawSet], labelled_sets: Sequence[LabelledSet], config: BuildConfig
) -> Iterator[tuple[str, views.Row]]:
    """(config name, row) for every row that one problem gives."""
    problem = raw_sets[0].problem
    yield "raw", views.raw_row(raw_sets)
    for labelled in labelled_sets:
        yield "default", views.default_row(labelled)
        yield "prompt_completion", views.prompt_completion_row(labelled)
        for name, view in (
            ("unpaired_preference", views.unpaired_preference_row),
            ("trajectories", views.trajectory_row),
            ("solver", views.solver_row),
        ):
            if (row := view(labelled)) is not None:
                yield name, row
    for pair in views.preference_rows(labelled_sets, margin=config.usefulness_margin, max_pairs=config.max_pairs):
        yield "preference", pair
    if (reference := views.reference_row(problem)) is not None:
        yield "reference", reference


class Tally:
    """Counts problems, sets, failures and where they come from."""

    def __init__(self) -> None:
        self.problems: collections.Counter[str] = collections.Counter()
        self.sets: collections.Counter[str] = collections.Counter()
        self.failures: collections.Counter[tuple[str, str]] = collections.Counter()
        self.origins: dict[str, collections.Counter[str]] = {
            key: collections.Counter() for key in ("sources", "teachers", "solvers", "prompts", "temperatures")
        }
        self.unreadable_sets = 0
        self.usage = {"prompt_tokens": 0, "completion_tokens": 0, "cost_usd": 0.0}

    def count(self, raw_sets: Sequence[RawSet], rule: str, split: str) -> list[LabelledSet]:
        """Labels a problem's sets, counting what is there and what is not."""
        self.problems[split] += 1
        labelled_sets = []
        for raw in raw_sets:
            self._count_origin(raw)
            labelled = label_set(raw, rule)
            if labelled is None:
                self.unreadable_sets += 1
                self._count_failures([*raw.failures, sub_questions_of_set(raw)])
                continue
            self._count_failures(labelled.failures)
            self.sets[split] += 1
            labelled_sets.append(labelled)
        return labelled_sets

    def facts(self) -> dict[str, Any]:
        return {
            "problems": dict(self.problems),
            "sets": dict(self.sets),
            "unreadable_sets": self.unreadable_sets,
            "failures": [
                {"stage": stage, "kind": kind, "count": count}
                for (stage, kind), count in sorted(self.failures.items(), key=lambda item: (-item[1], item[0]))
            ],
            **{key: dict(sorted(counter.items())) for key, counter in self.origins.items()},
            "usage": self.usage | {"cost_usd": round(self.usage["cost_usd"], 6)},
        }

    def _count_failures(self, failures: Sequence[Failure | tuple[str, ...]]) -> None:
        unique = {(item.stage, item.kind, item.detail): item for item in failures if isinstance(item, Failure)}
        self.failures.update((stage, kind) for stage, kind, _ in unique)

    def _count_origin(self, raw: RawSet) -> None:
        provenance = raw.provenance
        self.origins["sources"][raw.problem.source] += 1
        if provenance.teacher:
            self.origins["teachers"][provenance.teacher] += 1
        if provenance.solver:
            self.origins["solvers"][provenance.solver] += 1
        if provenance.temperature is not None:
            self.origins["temperatures"][str(provenance.temperature)] += 1
        self.origins["prompts"].update(provenance.prompts.values())
        self.usage["prompt_tokens"] += provenance.prompt_tokens
        self.usage["completion_tokens"] += provenance.completion_tokens
        self.usage["cost_usd"] += provenance.cost_usd


def _choices(config: BuildConfig) -> dict[str, Any]:
    return {
        "rule": config.rule,
        "validation_fraction": config.validation_fraction,
        "seed": config.seed,
        "preference": {"usefulness_margin": config.usefulness_margin, "max_pairs_per_problem": config.max_pairs},
    }


def _run_facts(config: BuildConfig) -> dict[str, Any] | None:
    """What the generation wrote down about itself, without what is only true of one machine; None for published files.

    Raises:
        UserError: run.json is no JSON object.
    """
    path = Path(config.journal) / "run.json" if config.journal else None
    if path is None or not path.is_file():
        return None
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path} is not valid JSON ({error}); run the generation again to rewrite it") from error
    date = {"date": str(run["updated"])[:10]} if "updated" in run else {}
    return {key: run[key] for key in RUN_FACTS if key in run} | date


def _leak_facts(census: Census, config: BuildConfig) -> dict[str, Any]:
    return {
        "problems_checked": len(census.splits),
        "leaks": len(census.leaks),
        "dropped": [leak.problem_id for leak in census.leaks] if config.drop_leaks else [],
    }


def _leak_message(leaks: Sequence[Leak]) -> str:
    shown = "; ".join(f"{leak.problem_id} ({leak.split}) reads like {leak.elsewhere}" for leak in leaks[:5])
    more = f" and {len(leaks) - 5} more" if len(leaks) > 5 else ""
    return f"{len(leaks)} problems stand in two places: {shown}{more}; drop them with --drop_leaks or mend the input"


def _main(argv: Sequence[str] | None = None) -> None:
    config = parse_config(
        BuildConfig,
        argv,
        prog="python -m dataset_builder.build",
        description="Builds the dataset folder (parquet, card, facts) from a generation or from published raw files.",
        epilog=EPILOG,
    )
    facts = build_dataset(config)
    sets = ", ".join(f"{split} {count}" for split, count in facts["sets"].items())
    print(f"{config.output}: {sum(facts['problems'].values())} problems, {sum(facts['sets'].values())} sets ({sets})")
    if facts["unreadable_sets"]:
        print(f"left out {facts['unreadable_sets']} sets without readable sub-questions; facts.json counts why")


main = entry_point(_main)

if __name__ == "__main__":
    sys.exit(main())
