"""Writes a dataset folder from raw sets, in two passes: one to know all problems, one to write the rows.

Memory stays flat, and the folder is written in a sibling that takes its place at the end, so that an interrupted build
leaves the old folder as it was.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from dataset_builder.build import views
from dataset_builder.build.config import BuildConfig
from dataset_builder.build.inputs import GenerationSets, PublishedSets, RawSource
from dataset_builder.build.published import PublishedFile, published_raw_files
from dataset_builder.build.splits import Entry, Leak, assign_split, divide_test, find_leaks
from dataset_builder.build.tally import BuildTally
from dataset_builder.core.errors import UserError
from dataset_builder.core.progress import counted
from dataset_builder.dataset_folder.atomic_folder import replaced_folder
from dataset_builder.dataset_folder.layout import FACTS_FILE, KIND, is_dataset_folder, write_facts
from dataset_builder.dataset_folder.parquet_writer import SplitWriter
from dataset_builder.schema.columns import CONFIGS
from dataset_builder.schema.records import SCHEMA_VERSION, SPLITS, LabelledSet, RawSet, Split
from dataset_builder.stats.about import about_dataset, said_about
from dataset_builder.stats.card import write_card
from dataset_builder.stats.dataset_stats import dataset_stats
from dataset_builder.text.likeness import text_hash

# Endpoints, paths, times and rates of a run say nothing about the data, and would make equal builds differ.
RUN_FACTS = ("finished", "problems", "models", "prompts", "decoding", "votes", "backend", "sets", "cost_usd")


@dataclass
class Census:
    """What the first pass learns."""

    splits: dict[str, Split]
    """By problem_id."""
    leaks: list[Leak]
    """The problems whose text is in a stricter split or a prompt."""
    taken_from_test: int = 0
    """Problems that their source calls test and that are trained on here."""


def build_dataset(config: BuildConfig) -> dict[str, Any]:
    """Writes the dataset folder and returns its facts.

    Raises:
        UserError: no input, unreadable input, a leak, or an output folder that is not ours.
    """
    source = open_source(config)
    output = Path(config.output)
    about = said_about(config, _about_before(output))
    run = _run_facts(config)
    with replaced_folder(output, is_dataset_folder) as folder:
        census = take_census(source, config, run)
        if census.leaks and not config.drop_leaks:
            raise UserError(_leak_message(census.leaks))
        facts = {
            "kind": KIND,
            "name": output.name,
            "schema_version": SCHEMA_VERSION,
            "about": about,
            **_choices(config),
        }
        facts |= write_rows(source, census, config, folder)
        if "default" not in facts["configs"]:
            raise UserError(
                f"the input holds no set with readable sub-questions: {facts['failures'] or 'it is empty'}"
            )
        facts["leak_check"] = _leak_facts(census, config)
        facts["taken_from_test"] = census.taken_from_test
        facts["run"] = run
        facts["stats"] = dataset_stats(folder, is_gsm8k=about_dataset(facts).is_gsm8k)
        write_facts(folder, facts)
        write_card(folder)
    return facts


def open_source(config: BuildConfig) -> RawSource:
    """The raw sets that the config names.

    Raises:
        UserError: not exactly one of `generation`, `raw` and `published` is given, or a file is missing.
    """
    if sum((bool(config.generation_folder), bool(config.raw), config.published)) != 1:
        raise UserError("give one of --generation (its folder), --raw (raw files) and --published (the paper's own)")
    if not 0 <= config.validation_fraction < 1:
        raise UserError(f"--validation_fraction must be in [0, 1), found {config.validation_fraction}")
    if config.generation_folder:
        return GenerationSets(config.generation_folder, skip_bad_lines=config.skip_bad_lines)
    if missing := [name for name in config.raw if not Path(name).is_file()]:
        raise UserError(f"no raw file {missing[0]}; give --raw the path of a published qg_*_data_raw.jsonl")
    paths = list(map(Path, config.raw))
    if config.published:
        paths = list(published_raw_files(only_test=bool(config.keep_test)).values())
    split = None if config.split == "auto" else cast(Split, config.split)
    gold = Path(config.gold) if config.gold else None
    options = {"references": config.published, "skip_bad_lines": config.skip_bad_lines}
    return PublishedSets([PublishedFile(path, split=split, gold=gold, **options) for path in paths])


def take_census(source: RawSource, config: BuildConfig, run: dict[str, Any] | None = None) -> Census:
    """The first pass over all problems.

    Args:
        source: the raw sets, problem by problem.
        config: how they are split.
        run: what their generation said of itself: prompts of the user's own are among what a problem must not be in.

    Raises:
        UserError: a problem_id comes twice, so its sets would fall apart.
    """
    entries: dict[str, Entry] = {}
    for group in counted(source.groups(), "reading", None, "problem"):
        problem = group[0].problem
        if problem.problem_id in entries:
            raise UserError(
                f"problem {problem.problem_id} comes twice; is a raw file given twice, or a shard repeated?"
            )
        split = assign_split(problem, config.validation_fraction, config.seed)
        entries[problem.problem_id] = Entry(problem.problem_id, split, text_hash(problem.problem, problem.passage))
    divided = divide_test(entries.values(), config.keep_test, config.validation_fraction, config.seed)
    own_prompts = [prompt for prompt in (run or {}).get("prompts", {}).values() if "text" in prompt]
    leaks = find_leaks(divided, own_prompts)
    taken = sum(entry.split != entries[entry.problem_id].split for entry in divided)
    return Census({entry.problem_id: entry.split for entry in divided}, leaks, taken)


def write_rows(source: RawSource, census: Census, config: BuildConfig, folder: Path) -> dict[str, Any]:
    """The second pass: writes every config and returns the counts of what was written and what was not.

    Args:
        source: the raw sets, problem by problem.
        census: where each problem belongs.
        config: rule, margins and limits.
        folder: the new dataset folder.
    """
    writers = {(name, split): SplitWriter(folder, name, split) for name in CONFIGS for split in SPLITS}
    dropped = {leak.problem_id for leak in census.leaks}
    tally = BuildTally()
    for group in counted(source.groups(), "building", len(census.splits), "problem"):
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
    yield "raw", views.raw_row(raw_sets)
    for labelled in labelled_sets:
        for name, view in views.SET_VIEWS.items():
            if (row := view(labelled)) is not None:
                yield name, row
    for pair in views.preference_rows(labelled_sets, margin=config.usefulness_margin, max_pairs=config.max_pairs):
        yield "preference", pair
    if (reference := views.reference_row(raw_sets[0].problem)) is not None:
        yield "reference", reference


def _about_before(output: Path) -> dict[str, Any]:
    """What was said of the problems when the folder was built before; it is not asked for again."""
    if not is_dataset_folder(output):
        return {}
    before: dict[str, Any] = json.loads((output / FACTS_FILE).read_text(encoding="utf-8"))
    return dict(before.get("about") or {})


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
    path = config.generation_folder / "run.json" if config.generation_folder else None
    if path is None or not path.is_file():
        return None
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path} is not valid JSON ({error}); run the generation again to rewrite it") from error
    date = {"date": str(run["updated"])[:10]} if "updated" in run else {}
    kept = {key: run[key] for key in RUN_FACTS if key in run}
    if not isinstance(kept.get("problems", {}), dict):
        del kept["problems"]  # an older record names a path
    return kept | date


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
