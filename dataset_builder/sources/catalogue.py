"""The named sources: where each one's files live, at which pin, under which licence.

Revisions are commits. The sha256 is what pins a file's content; files without one are pinned by their commit alone.
Where a source publishes labelled problems once only (SVAMP, the dev sets of DROP and StrategyQA, ...), they are its
`test` split.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dataset_builder.schema.records import Problem, Split
from dataset_builder.sources import readers


@dataclass(frozen=True)
class SourceFile:
    """One file: its place below SUBQ_DATA and below its repository; `sha256` None where only the commit pins it."""

    local: str
    remote: str
    sha256: str | None = None


@dataclass(frozen=True)
class SourceInfo:
    """What a card says of a source, and where its files are. `hub_id` is the set's own place on the Hub, if any."""

    name: str
    licence: str
    home: str
    revision: str
    repository: str
    citation: str
    files: Mapping[Split, SourceFile] = field(default_factory=dict)
    hub_id: str | None = None
    reader: Callable[[Path, str, Split], Iterator[Problem]] | None = None


_OPENAI = "openai/grade-school-math"
_OPENAI_COMMIT = "3101c7d5072418e28b9008a6636bde82a006892c"
_COBBE = "Cobbe et al. 2021, arXiv 2110.14168"

SOURCES: dict[str, SourceInfo] = {
    source.name: source
    for source in (
        SourceInfo(
            "gsm8k",
            "mit",
            f"https://github.com/{_OPENAI}",
            _OPENAI_COMMIT,
            _OPENAI,
            _COBBE,
            {
                "train": SourceFile(
                    "gsm8k/train.jsonl",
                    "grade_school_math/data/train.jsonl",
                    "17f347dc51477c50d4efb83959dbb7c56297aba886e5544ee2aaed3024813465",
                ),
                "test": SourceFile(
                    "gsm8k/test.jsonl",
                    "grade_school_math/data/test.jsonl",
                    "3730d312f6e3440559ace48831e51066acaca737f6eabec99bccb9e4b3c39d14",
                ),
            },
            "openai/gsm8k",
            readers.read_gsm8k,
        ),
        SourceInfo(
            "gsm8k_socratic",
            "mit",
            f"https://github.com/{_OPENAI}",
            _OPENAI_COMMIT,
            _OPENAI,
            _COBBE,
            {
                "train": SourceFile("gsm8k/train_socratic.jsonl", "grade_school_math/data/train_socratic.jsonl"),
                "test": SourceFile(
                    "gsm8k/test_socratic.jsonl",
                    "grade_school_math/data/test_socratic.jsonl",
                    "c96673362fa7a699f4836a9b6474a067448f95fe58064727501ee63ba4c3fdb6",
                ),
            },
            "openai/gsm8k",
            readers.read_gsm8k_socratic,
        ),
        SourceInfo(
            "svamp",
            "mit",
            "https://github.com/arkilpatel/SVAMP",
            "689d7cc",
            "arkilpatel/SVAMP",
            "Patel et al. 2021, arXiv 2103.07191",
            {
                "test": SourceFile(
                    "svamp/SVAMP.json",
                    "SVAMP.json",
                    "5be77703a6d891ae476d7c082787ad361392aa02453b132516cdd5f4e7934e3e",
                )
            },
            None,
            readers.read_svamp,
        ),
        SourceInfo(
            "multiarith",
            "odc-by",
            "https://github.com/AGI-Edgerunners/LLM-Adapters",
            "8166572",
            "AGI-Edgerunners/LLM-Adapters",
            "Roy and Roth 2015, arXiv 1608.01413",
            {
                "test": SourceFile(
                    "math_word_sets/MultiArith.json",
                    "dataset/MultiArith/MultiArith.json",
                    "dc9db1b6cc68b1ecc2dec830d15aaf8c9a0932aa31d5ffce88ef3628179d36f4",
                )
            },
            None,
            readers.read_multiarith,
        ),
        SourceInfo(
            "gsm_hard",
            "mit",
            "https://github.com/ShengranHu/ADAS",
            "2702bee",
            "ShengranHu/ADAS",
            "Gao et al. 2023, arXiv 2211.10435",
            {
                "test": SourceFile(
                    "gsm_hard/gsmhardv2.jsonl",
                    "dataset/gsmhardv2.jsonl",
                    "2032b0188a49ac0ec38cbe1e695e7d62d6dddc44bbb64f920728aca710e9ddef",
                )
            },
            "reasoning-machines/gsm-hard",
            readers.read_gsm_hard,
        ),
        SourceInfo(
            "drop",
            "cc-by-sa-4.0",
            "https://github.com/ShengranHu/ADAS",
            "2702bee",
            "ShengranHu/ADAS",
            "Dua et al. 2019, arXiv 1903.00161",
            {
                "test": SourceFile(
                    "drop/drop_v0_dev.jsonl.gz",
                    "dataset/drop_v0_dev.jsonl.gz",
                    "7a58d35552dc476699d87ee8af0254f63e9f00f5a7f6b8b033e11c933157e186",
                )
            },
            None,
            readers.read_drop,
        ),
        SourceInfo(
            "bamboogle",
            "mit",
            "https://github.com/ofirpress/self-ask",
            "",
            "",  # the form with sub-questions is a mirror's; it has no pinned public home
            "Press et al. 2023, arXiv 2210.03350",
            {
                "test": SourceFile(
                    "bamboogle/bamboogle.json",
                    "",
                    "a09d863a9f61a1d6b080b1abdacdd0c652e48e648d68a536b6ced6b196234fea",
                )
            },
            None,
            readers.read_bamboogle,
        ),
        SourceInfo(
            "strategyqa",
            "mit",
            "https://github.com/eladsegal/strategyqa",
            "1ba1e97452e189569357876f2854b01357ffbe37",
            "eladsegal/strategyqa",
            "Geva et al. 2021, arXiv 2101.02235",
            {
                "test": SourceFile(
                    "strategyqa/dev.json",
                    "data/strategyqa/dev.json",
                    "0d94842ffb022db8fd5ecd2168b785d5cf67f6faf64f665476bad544a3eb9dde",
                )
            },
            None,
            readers.read_strategyqa,
        ),
        SourceInfo("micro_gsm", "apache-2.0", "dataset_builder/micro_gsm", "", "", "drawn by this project"),
    )
}

PUBLISHED = SourceInfo(
    "gsm8k_ai_subq",
    "apache-2.0",
    "https://github.com/DT6A/GSM8K-AI-SubQ",
    "d21dba9",
    "DT6A/GSM8K-AI-SubQ",
    "Tarasov and Shridhar 2024, arXiv 2402.01812",
)
PUBLISHED_SHA256 = {
    "qg_test_data_raw.jsonl": "d58506cc3342f3ddc09e780901b58410bc5f92c6146d14470f0816a6596f5c40",
    "qg_test_dataset.jsonl": "68373d59565dfe200910aca3ce5d97a805e4d3b70ef7c5bfbd23a3be578180da",
    "test_chat.jsonl": "7b0319257f38924776d429a904840c05109965aa00e51f9a8bada73f6c9e9f84",
}
PUBLISHED_SOLVERS = ("chatgpt", "llama7b", "llama13b", "mistral")
