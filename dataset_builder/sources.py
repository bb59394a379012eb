"""Loads word problems: a named public source at its pinned revision, or a user's own file.

Reads the folder named by SUBQ_DATA when it holds the file, else the cache, else downloads from the source's home into
the cache; every copy is checked against the pinned sha256. Gives `Problem` records:

    load_problems("gsm8k", split="test")[1]  ->  Problem(problem_id="gsm8k-test-00001", problem="A robe ...", ...)

Where a source publishes labelled problems once only (SVAMP, the dev sets of DROP and StrategyQA, ...), they are its
`test` split. "micro_gsm" draws problems instead of loading them. Revisions are commits, written as short as the place
they are known from; the sha256 is what pins the content. Files without a sha256 are pinned by their commit alone.
"""

from __future__ import annotations

import functools
import hashlib
import http.client
import itertools
import logging
import os
import shutil
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dataset_builder import source_readers as readers
from dataset_builder.errors import UserError
from dataset_builder.schema import SPLITS, Problem, Split

logger = logging.getLogger(__name__)

RAW_HOME = "https://raw.githubusercontent.com"
TIMEOUT_S = 60
MICRO_GSM_PROBLEMS = 1000


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
            "1ba1e97",
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

_PUBLISHED = SourceInfo(
    "gsm8k_ai_subq",
    "apache-2.0",
    "https://github.com/DT6A/GSM8K-AI-SubQ",
    "d21dba9",
    "DT6A/GSM8K-AI-SubQ",
    "Tarasov and Shridhar 2024, arXiv 2402.01812",
)
_PUBLISHED_SHA256 = {
    "qg_test_data_raw.jsonl": "d58506cc3342f3ddc09e780901b58410bc5f92c6146d14470f0816a6596f5c40",
    "qg_test_dataset.jsonl": "68373d59565dfe200910aca3ce5d97a805e4d3b70ef7c5bfbd23a3be578180da",
    "test_chat.jsonl": "7b0319257f38924776d429a904840c05109965aa00e51f9a8bada73f6c9e9f84",
}
PUBLISHED_SOLVERS = ("chatgpt", "llama7b", "llama13b", "mistral")


def load_problems(source: str, split: Split = "train", limit: int | None = None) -> list[Problem]:
    """The problems of a named source, or of a user's JSON lines with question and answer.

    Args:
        source: a key of `SOURCES`, or the path of a file (plain or gzipped), which belongs to `split` as a whole.
        limit: only the first so many.

    Raises:
        UserError: there is no such source, file or split, or the file is malformed, altered or out of reach.
    """
    if split not in SPLITS:
        raise UserError(f"no split {split!r}; valid: {', '.join(SPLITS)}")
    if source == "micro_gsm":
        from dataset_builder.micro_gsm.problems import generate_problems

        return generate_problems(split, MICRO_GSM_PROBLEMS if limit is None else limit, 0)
    if source in SOURCES:
        return list(itertools.islice(_read_named(SOURCES[source], split), limit))
    path = Path(source)
    if not path.is_file():
        what = "a folder" if path.is_dir() else "neither a file nor a known source"
        raise UserError(
            f"{source} is {what}; give a JSON lines file with question and answer, or one of {', '.join(SOURCES)}"
        )
    problems = list(itertools.islice(_distinct(readers.read_user_file(path, split), path), limit))
    if not problems and limit != 0:
        raise UserError(f"{path} holds no problems; expected one object with question and answer a line")
    return problems


def published_file(name: str) -> Path:
    """A file of the paper's own repository: "qg_test_data_raw.jsonl", "eval_responses/mistral/eval_chat.jsonl", ...

    Looked up in SUBQ_DATA/gsm8k_ai_subq (plain or with ".gz"), then in the cache, then at its home.

    Raises:
        UserError: it is in none of them, or its sha256 is not the pinned one.
    """
    folder = os.environ.get("SUBQ_DATA")
    zipped = Path(folder or ".") / "gsm8k_ai_subq" / f"{name}.gz"
    if folder and zipped.is_file():
        return zipped
    remote = name if name.startswith("eval_responses/") else f"dataset/{name}"
    return fetch_file(_PUBLISHED, SourceFile(f"gsm8k_ai_subq/{name}", remote, _PUBLISHED_SHA256.get(name)))


def fetch_file(source: SourceInfo, file: SourceFile) -> Path:
    """The local path of a source's file: in SUBQ_DATA, in the cache, or downloaded into the cache.

    Raises:
        UserError: the file is out of reach, or its sha256 is not the pinned one.
    """
    folder = os.environ.get("SUBQ_DATA")
    if folder and (path := Path(folder) / file.local).is_file():
        _check(path, file)
        return path
    cached = _cache_folder() / source.name / (source.revision or "unpinned") / file.local
    if not cached.is_file():
        _download(source, file, cached)
    _check(cached, file)
    return cached


def _read_named(source: SourceInfo, split: Split) -> Iterator[Problem]:
    if split not in source.files or source.reader is None:
        raise UserError(f"{source.name} has no {split} split at its source; valid: {', '.join(source.files)}")
    return source.reader(fetch_file(source, source.files[split]), source.name, split)


def _distinct(problems: Iterable[Problem], path: Path) -> Iterator[Problem]:
    seen: set[str] = set()
    repeated = 0
    for problem in problems:
        if problem.problem_id in seen:
            repeated += 1
            continue
        seen.add(problem.problem_id)
        yield problem
    if repeated:
        logger.warning("%s: %d repeated problems were dropped", path, repeated)


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "gsm8k-ai-subq"


@functools.cache
def _sha256(path: Path, size: int, modified_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check(path: Path, file: SourceFile) -> None:
    facts = path.stat()
    if file.sha256 and (found := _sha256(path, facts.st_size, facts.st_mtime_ns)) != file.sha256:
        raise UserError(
            f"{path} is not the published file: expected sha256 {file.sha256[:12]}..., found {found[:12]}...; "
            "delete it to download it again"
        )


def _download(source: SourceInfo, file: SourceFile, target: Path) -> None:
    """Fetches a file beside its place and moves it there when it is whole and right."""
    if not source.repository:
        raise UserError(
            f"{source.name} cannot be downloaded; put {file.local} (see {source.home}) into a folder and name that "
            "folder with SUBQ_DATA"
        )
    url = f"{RAW_HOME}/{source.repository}/{source.revision}/{file.remote}"
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as output, urllib.request.urlopen(url, timeout=TIMEOUT_S) as reply:
            shutil.copyfileobj(reply, output)
        _check(part, file)
        part.replace(target)
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        raise UserError(
            f"cannot download {url} ({getattr(error, 'reason', error)}); try again with a connection, or put the file "
            f"at {file.local} in a folder named by SUBQ_DATA"
        ) from error
    finally:
        part.unlink(missing_ok=True)
