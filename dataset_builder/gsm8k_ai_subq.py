"""A `datasets` builder over published raw files, for use in process, without a dataset folder.

    from dataset_builder.gsm8k_ai_subq import GSM8KAISubQ

    builder = GSM8KAISubQ(config_name="prompt_completion", data_files={"test": "qg_test_data_raw.jsonl"})
    builder.download_and_prepare()
    rows = builder.as_dataset(split="test")             # or builder.as_streaming_dataset(split="test")

`data_files` names raw files by split; `data_dir` a folder that holds them under their published names; without either
the published files are downloaded. Rows are those of `build` with its defaults, except that train keeps its validation
part. This file is never put inside a data folder: `datasets` refuses loading scripts there.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets

from dataset_builder.build.config import BuildConfig
from dataset_builder.build.dataset import problem_rows
from dataset_builder.build.inputs import PublishedSets
from dataset_builder.build.label import label_set
from dataset_builder.build.published import RAW_FILES, PublishedFile, published_raw_files
from dataset_builder.core.errors import UserError
from dataset_builder.schema.columns import CONFIGS, features
from dataset_builder.schema.records import SCHEMA_VERSION, Split

# `reference` needs human sub-questions, which the published files do not hold.
CONFIG_NAMES = tuple(config for config in CONFIGS if config != "reference")
VERSION = datasets.Version(SCHEMA_VERSION)


class GSM8KAISubQ(datasets.GeneratorBasedBuilder):
    """The configs of the published dataset, generated from its raw files."""

    VERSION = VERSION
    BUILDER_CONFIGS = [datasets.BuilderConfig(name=name, version=VERSION) for name in CONFIG_NAMES]  # noqa: RUF012
    DEFAULT_CONFIG_NAME = "default"

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(
            description="Sub-questions of word problems with answers, votes and rewards",
            features=features(self.config.name),
            homepage="https://github.com/DT6A/GSM8K-AI-SubQ",
            license="apache-2.0",
        )

    def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:
        # `datasets` cannot read a split without rows back, and test sets have no pairs and no votes.
        splits = [
            datasets.SplitGenerator(name=split, gen_kwargs={"paths": paths, "split": split})
            for split, paths in self._raw_files().items()
            if next(self._generate_examples(paths, split), None) is not None
        ]
        if not splits:
            raise UserError(f"the raw files give no rows for config {self.config.name!r}; take another config")
        return splits

    def _generate_examples(self, paths: list[str], split: Split) -> Iterator[tuple[str, dict[str, Any]]]:
        choices = BuildConfig()
        for sets in PublishedSets([PublishedFile(Path(path), split=split) for path in paths]).groups():
            labelled = [item for raw in sets if (item := label_set(raw, choices.rule)) is not None]
            rows = (row for name, row in problem_rows(sets, labelled, choices) if name == self.config.name)
            for number, row in enumerate(rows):
                yield f"{sets[0].problem.problem_id}-{number}", row

    def _raw_files(self) -> dict[Split, list[str]]:
        """The raw files by split, as given or downloaded.

        Raises:
            UserError: a file is missing, or `data_files` names no split.
        """
        if self.config.data_files:
            files = {split: [str(path) for path in paths] for split, paths in dict(self.config.data_files).items()}
        elif self.config.data_dir:
            folder = Path(self.config.data_dir)
            files = {split: [str(folder / name)] for split, name in RAW_FILES.items() if (folder / name).is_file()}
            if not files:
                raise UserError(f"{folder} holds none of {', '.join(RAW_FILES.values())}")
        else:
            files = {split: [str(path)] for split, path in published_raw_files().items()}
        if unknown := set(files) - set(RAW_FILES):
            raise UserError(f"data_files must name raw files by train or test, found {', '.join(sorted(unknown))}")
        return files
