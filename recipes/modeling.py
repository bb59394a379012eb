"""Models, tokenizers and trained policies: loads them in the right precision, and decodes greedily.

Reads a Hub id or a folder; `load_policy` reads what `recipes.train` wrote, a full checkpoint or an adapter folder:

    policy = load_policy("outputs/tiny/filtered_bc_lora")
    policy.generate([problem])        # [" <QUE> How many pens ...? </QUE> <QUE> ...? </QUE>"]

Source: arXiv 2402.01812, section 4 (greedy decoding, at most 200 new tokens).
Differences: 1. batches with left padding and a KV cache (the published loop recomputes the whole prefix per token);
2. a reply stops at the learnt end of text.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataset_builder.core.errors import UserError
from dataset_builder.core.hub_ids import hub_url, is_hub_id
from dataset_builder.schema.records import Problem
from dataset_builder.text.student_format import format_student_prompt
from recipes.data.tokenize import encode_prompts, end_token
from recipes.models.attention import FLASH, pick_attention
from recipes.training.record import INPUTS_FILE, RECIPE_FILE, RECORD_FILE

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

logger = logging.getLogger(__name__)

ADAPTER_FILE = "adapter_config.json"
PUBLISHED = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja", RECIPE_FILE)
"""The files of a published checkpoint that loading reads."""


def pick_dtype(precision: str = "auto", device: str | None = None) -> torch.dtype:
    """bfloat16 on a GPU that has it, else float32: most CPUs are 15 to 75 times slower in bfloat16."""
    import torch

    if precision != "auto":
        return torch.bfloat16 if precision == "bfloat16" else torch.float32
    on_gpu = torch.cuda.is_available() if device is None else device.startswith("cuda")
    return torch.bfloat16 if on_gpu and torch.cuda.is_bf16_supported() else torch.float32


def is_adapter(path: str | Path) -> bool:
    """Whether `path` is a folder with a PEFT adapter."""
    return (Path(path) / ADAPTER_FILE).is_file()


def load_tokenizer(source: str, revision: str = "") -> PreTrainedTokenizerBase:
    """The tokenizer of a folder or Hub id, with a pad token that is never trained on.

    Raises:
        UserError: there is none, or it may not be read.
    """
    from transformers import AutoTokenizer

    tokenizer = from_hub(source, lambda: AutoTokenizer.from_pretrained(source, revision=revision or None))
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.unk_token or tokenizer.eos_token
    return tokenizer


def load_backbone(
    source: str, *, revision: str = "", dtype: torch.dtype, device: str | None = None, four_bit: bool = False
) -> PreTrainedModel:
    """A causal LM of a folder or Hub id, in 4 bit (NF4, double quantisation) where asked.

    Raises:
        UserError: there is no such model, it is gated, or its files are damaged.
    """
    import torch
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    options: dict[str, Any] = {"dtype": dtype, "revision": revision or None}
    if four_bit:
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=dtype,
        )
        options["device_map"] = {"": device or ("cuda:0" if torch.cuda.is_available() else "cpu")}
    on_gpu = dtype is torch.bfloat16 and (device or "cuda").startswith("cuda") and torch.cuda.is_available()
    if on_gpu and pick_attention(on_gpu) == FLASH:
        options["attn_implementation"] = FLASH
    model = from_hub(source, lambda: AutoModelForCausalLM.from_pretrained(source, **options))
    return model if four_bit or device is None else model.to(device)


@dataclass
class Policy:
    """A trained decomposer with greedy decoding."""

    model: Any
    tokenizer: Any
    text_format: str = "delimiters"
    path: str = ""

    def generate(
        self,
        problems: Sequence[Problem],
        *,
        max_new_tokens: int = 200,
        batch_size: int = 64,
        label: str = "",
    ) -> list[str]:
        """Completion texts, one per problem, in the order given; read them with `parsing.parse_delimited`.

        Args:
            problems: what to decompose.
            max_new_tokens: a reply that has not ended by then is cut.
            batch_size: problems decoded together; longest first, so that a batch holds like lengths.
            label: name of the progress bar; empty: no bar.
        """
        prompts = [format_student_prompt(problem.problem, problem.passage) for problem in problems]
        return self.complete(prompts, max_new_tokens=max_new_tokens, batch_size=batch_size, label=label)

    def complete(
        self, prompts: Sequence[str], *, max_new_tokens: int = 200, batch_size: int = 64, label: str = ""
    ) -> list[str]:
        """The same for prompts as the dataset's `prompt` columns have them, a solver's included."""
        from tqdm import tqdm

        encoded = [self._cut(ids, max_new_tokens) for ids in self._encode(prompts)]
        order = sorted(range(len(encoded)), key=lambda place: -len(encoded[place]))
        texts = [""] * len(encoded)
        with tqdm(total=len(encoded), desc=label, unit="problem", disable=not label) as bar:
            for start in range(0, len(order), batch_size):
                places = order[start : start + batch_size]
                for place, ids in zip(
                    places, self._decode_batch([encoded[p] for p in places], max_new_tokens), strict=True
                ):
                    texts[place] = self.tokenizer.decode(ids, skip_special_tokens=True)
                bar.update(len(places))
        return texts

    def _encode(self, prompts: Sequence[str]) -> list[list[int]]:
        return encode_prompts(self.tokenizer, prompts, self.text_format) if prompts else []

    def _cut(self, ids: list[int], max_new_tokens: int) -> list[int]:
        """Keeps the prompt's end where prompt and reply would not fit the model's positions."""
        room = getattr(self.model.config, "max_position_embeddings", None)
        if room is None or len(ids) + max_new_tokens <= room:
            return ids
        keep = max(1, room - max_new_tokens)
        logger.warning(
            "a prompt of %d tokens was cut to its last %d: the model has %d positions", len(ids), keep, room
        )
        return ids[-keep:]

    def _decode_batch(self, prompts: Sequence[Sequence[int]], max_new_tokens: int) -> list[list[int]]:
        """Greedy continuations of left-padded prompts, each cut before its end of text.

        Shapes: input_ids and attention_mask (B, T) -> tokens (B, T + at most max_new_tokens).
        """
        import torch
        from transformers import GenerationConfig

        width, pad = max(map(len, prompts)), self.tokenizer.pad_token_id
        input_ids = torch.tensor([[pad] * (width - len(ids)) + list(ids) for ids in prompts])
        mask = torch.tensor([[0] * (width - len(ids)) + [1] * len(ids) for ids in prompts])
        ends = self._end_ids()
        with torch.inference_mode():
            tokens = self.model.generate(
                input_ids=input_ids.to(self.model.device),
                attention_mask=mask.to(self.model.device),
                generation_config=GenerationConfig(
                    do_sample=False, max_new_tokens=max_new_tokens, eos_token_id=ends, pad_token_id=pad
                ),
            )
        return [_before_end(row, ends) for row in tokens[:, width:].tolist()]

    def _end_ids(self) -> list[int]:
        configured = getattr(self.model.generation_config, "eos_token_id", None)
        extra = configured if isinstance(configured, list) else [configured]
        ends = (self.tokenizer.eos_token_id, end_token(self.tokenizer, self.text_format), *extra)
        return sorted({token for token in ends if token is not None})


def load_policy(
    path: str | Path, device: str | None = None, *, text_format: str = "", four_bit: bool = False
) -> Policy:
    """Loads what a recipe wrote, or any causal LM folder, for decoding.

    Args:
        path: a full checkpoint, an adapter folder, a policy guided by values (ILQL), or the Hub id of any of them.
        device: "cpu", "cuda", "cuda:1"; None: a GPU if there is one.
        text_format: delimiters | chat; empty: what the folder's recipe.yaml says, else delimiters.
        four_bit: load the (base) weights in NF4.

    Raises:
        UserError: there is no such checkpoint, it is half-written, or an adapter's base is missing.
    """
    import torch

    from recipes.methods.ilql.saving import is_guided, load_guided

    check_finished(path)
    device = device or ("cuda:0" if torch.cuda.is_available() else "cpu")
    source, dtype = local_copy(path), pick_dtype("auto", device)
    model: Any
    if is_guided(source):
        model = load_guided(source, dtype, device, four_bit=four_bit)
    elif is_adapter(source):
        model = load_adapter(source, dtype, device=device, four_bit=four_bit)
    else:
        model = load_backbone(source, dtype=dtype, device=device, four_bit=four_bit)
    return Policy(model.eval(), load_tokenizer(source), text_format or _recorded_format(Path(source)), str(path))


def local_copy(path: str | Path) -> str:
    """The folder of a checkpoint: itself, or the downloaded copy of one that was published from a recipe.

    What a checkpoint is (adapter, guided policy) and which text it reads stand in its files. A Hub id without a
    recipe.yaml is an ordinary model's and stays as it is: transformers downloads what it needs of it.

    Raises:
        UserError: there is no such folder or repository, or it may not be read.
    """
    from huggingface_hub import hf_hub_download, snapshot_download
    from huggingface_hub.errors import EntryNotFoundError

    source = str(path)

    def fetch() -> str:
        try:
            hf_hub_download(source, RECIPE_FILE)
        except EntryNotFoundError:
            return source
        return snapshot_download(source, allow_patterns=list(PUBLISHED))

    return source if Path(source).exists() or "/" not in source else from_hub(source, fetch)


def check_finished(path: str | Path) -> None:
    """Refuses the folder of a run that is still under way, or was killed.

    Raises:
        UserError: a run of ours began there and left no record.
    """
    folder = Path(path)
    if (folder / INPUTS_FILE).is_file() and not (folder / RECORD_FILE).is_file():
        raise UserError(f"the run in {folder} has not finished (no {RECORD_FILE}); start the same command to go on")


def adapter_base(path: str | Path) -> str:
    """The base of an adapter folder: as recorded, or, where that is a relative path, seen from the adapter.

    Raises:
        UserError: the adapter's configuration cannot be read.
    """
    folder = Path(path)
    try:
        base = str(json.loads((folder / ADAPTER_FILE).read_text(encoding="utf-8"))["base_model_name_or_path"])
    except (ValueError, KeyError) as error:
        raise UserError(f"{folder / ADAPTER_FILE} is damaged; train the adapter again") from error
    # A folder that was moved or copied with its base still stands beside it.
    candidates = [Path(base), folder / base, *(parent / Path(base).name for parent in folder.resolve().parents[:2])]
    return next((str(candidate) for candidate in candidates if (candidate / "config.json").is_file()), base)


def load_adapter(
    path: str, dtype: torch.dtype, *, device: str | None = None, four_bit: bool = False, trainable: bool = False
) -> Any:
    """An adapter folder on its base model; `trainable`: to go on training the same adapter.

    Raises:
        UserError: the adapter or its base is missing, gated or damaged.
    """
    from peft import PeftModel

    found = adapter_base(path)
    base: Any = load_backbone(found, dtype=dtype, device=device, four_bit=four_bit)
    model = from_hub(path, lambda: PeftModel.from_pretrained(base, path, is_trainable=trainable))
    model.peft_config["default"].base_model_name_or_path = found  # what is trained from here may be saved elsewhere
    return model


def from_hub(source: str, load: Callable[[], Any]) -> Any:
    """Runs a loader; what the user can mend (missing, gated, damaged) becomes one line."""
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError
    from safetensors import SafetensorError

    if "/" in source and not Path(source).exists() and not is_hub_id(source):
        raise UserError(f"no checkpoint {source}; train it first, or give an existing folder or a Hub id")
    try:
        return load()
    except SafetensorError as error:
        raise UserError(
            f"the weights in {source} are damaged or half-written ({error}); train or download again"
        ) from error
    except OSError as error:
        causes = (error, error.__cause__)  # transformers wraps the Hub's error in an OSError of its own
        if any(isinstance(cause, GatedRepoError) for cause in causes):
            reason = f"it is gated: accept its terms on {hub_url(source)} and run `hf auth login`"
        elif any(isinstance(cause, RepositoryNotFoundError) for cause in causes):
            reason = "the Hub has no such model, or it is private; check the name, or run `hf auth login`"
        else:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"cannot load {source}: {reason}") from error


def _recorded_format(folder: Path) -> str:
    import yaml

    recipe = folder / RECIPE_FILE
    values = yaml.safe_load(recipe.read_text(encoding="utf-8")) if recipe.is_file() else None
    return str((values or {}).get("text_format", "delimiters"))


def _before_end(tokens: list[int], ends: Sequence[int]) -> list[int]:
    return next((tokens[:place] for place, token in enumerate(tokens) if token in ends), tokens)
