"""The paper's published responses by name: what a file's name says, and its sub-questions as a decomposer.

    published:llama7b/eval_finetune_dist    its label: published bc distilgpt2

The file, eval_responses/llama7b/eval_finetune_dist.jsonl, is looked for in SUBQ_DATA, in the cache, and at its home.

Source: DT6A/GSM8K-AI-SubQ at d21dba9, folder eval_responses. The files eval_iql{_dist,,_medium}.jsonl are written by
the authors' own commands for ILQL-full, yet printed in the row ILQL-sparse, and the other way round.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dataset_builder.core.errors import UserError
from dataset_builder.sources.published import PUBLISHED_RESPONSES, published_file
from eval_harness.systems.recorded import RecordedDecomposer

_METHODS = {"chat": "teacher", "finetune": "bc", "filtered_bc": "filtered_bc", "iql": "ilql"}
_BACKBONES = {"dist": "distilgpt2", "medium": "gpt2-medium"}
_CROSSED = {"ilql_full": "ilql_sparse", "ilql_sparse": "ilql_full"}


@dataclass(frozen=True)
class FileMetadata:
    """What a file's own name and folder say."""

    label: str
    """Method and backbone; the file's stem where it names no method."""
    method: str
    """As in the recipes, or teacher."""
    backbone: str
    """Empty for the teacher."""
    solver: str
    """The folder's name."""
    printed_as: str
    """The row it fills in the paper's table."""

    @property
    def crossed(self) -> bool:
        """Whether the paper prints the file under another method's name."""
        return self.printed_as != self.method


def read_metadata(path: Path) -> FileMetadata:
    """What the file's name and folder say.

    >>> metadata = read_metadata(Path("eval_responses/llama7b/eval_iql_dist.jsonl.gz"))
    >>> metadata.label, metadata.solver, metadata.printed_as, metadata.crossed
    ('ilql_full distilgpt2', 'llama7b', 'ilql_sparse', True)
    """
    stem = path.name.removesuffix(".gz").removesuffix(".jsonl")
    solver, name = path.absolute().parent.name, stem.removeprefix("eval_")
    sparse, name = name.endswith("_sparse"), name.removesuffix("_sparse")
    suffix = next((suffix for suffix in _BACKBONES if name.endswith(f"_{suffix}")), "")
    method = _METHODS.get(name.removesuffix(f"_{suffix}") if suffix else name, "")
    if not method or not stem.startswith("eval_"):
        return FileMetadata(stem, stem, "", solver, stem)
    if method == "teacher":
        return FileMetadata(method, method, "", solver, method)
    backbone = _BACKBONES.get(suffix, "gpt2")
    method = f"ilql_{'sparse' if sparse else 'full'}" if method == "ilql" else method
    return FileMetadata(f"{method} {backbone}", method, backbone, solver, _CROSSED.get(method, method))


def published_decomposer(name: str) -> RecordedDecomposer:
    """The sub-questions of a file of published responses: SOLVER/FILE, as its home has them.

    Raises:
        UserError: there is no such file, or it is out of reach.
    """
    if name not in PUBLISHED_RESPONSES:
        raise UserError(
            f"no published responses {name!r}; give SOLVER/FILE as below their eval_responses, for instance "
            f"published:{PUBLISHED_RESPONSES[1]}"
        )
    decomposer = RecordedDecomposer(published_file(f"eval_responses/{name}.jsonl"))
    decomposer.metadata["label"] = f"published {read_metadata(Path(name)).label}"
    return decomposer
