"""on_policy_distillation: the student's own samples, token by token under a teacher's distribution.

The student samples; on every token of what it wrote it is drawn towards what the teacher would have said there. No
solver is asked. Teacher and student must read the same tokens: the whole distribution over the vocabulary is compared.

Source: Agarwal et al., arXiv 2306.13649, on TRL's DistillationTrainer.
Differences: 1. every sample is the student's (lambda = 1); 2. an adapter as teacher is merged into its base first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trl import DistillationConfig, DistillationTrainer

from dataset_builder.core.errors import UserError
from recipes.config.recipe import RecipeConfig
from recipes.config.settings import DistillationSettings
from recipes.data.load import TrainingData
from recipes.methods.ilql.settings import is_guided
from recipes.methods.online.sampling import SamplingMethod, SamplingTrainer
from recipes.models.checkpoint import check_finished, is_adapter
from recipes.models.load import load_adapter, load_backbone, load_tokenizer, local_copy
from recipes.models.types import CausalLM, Tokenizer


class DistilTrainer(SamplingTrainer, DistillationTrainer):
    """DistillationTrainer on this house's prompts."""

    def _generate_single_turn(self, *args: Any, **kwargs: Any) -> Any:
        with self.seeded():
            return super()._generate_single_turn(*args, **kwargs)


class OnPolicyDistillation(SamplingMethod):
    """on_policy_distillation."""

    arguments_class = DistillationConfig
    trainer_class = DistilTrainer
    settings: DistillationSettings

    def __init__(self, config: RecipeConfig, data: TrainingData) -> None:
        super().__init__(config, data)
        check_finished(self.settings.teacher)
        if is_guided(self.settings.teacher):
            raise UserError(f"{self.settings.teacher} decodes with values; name a teacher that is one model")

    def own_arguments(self) -> dict[str, Any]:
        return super().own_arguments() | {"beta": self.settings.divergence}

    def trainer_settings(self, model: CausalLM, tokenizer: Tokenizer, train: Any) -> dict[str, Any]:
        teacher = load_teacher(self.settings, model, tokenizer, four_bit=self.config.adapter == "qlora")
        self._teacher_parameters = sum(weights.numel() for weights in teacher.parameters())
        return super().trainer_settings(model, tokenizer, train) | {"teacher_model": teacher}

    def details(self, history: Sequence[dict[str, Any]]) -> dict[str, Any]:
        entropy = [[line["step"], round(line["entropy"], 4)] for line in history if line.get("entropy") is not None]
        return {
            "teacher": self.settings.teacher,
            "teacher_parameters": self._teacher_parameters,
            "problems": self.settings.problems,
            "student_entropy": entropy,
        }


def load_teacher(
    settings: DistillationSettings, student: CausalLM, tokenizer: Tokenizer, *, four_bit: bool = False
) -> CausalLM:
    """The teacher, where the student is.

    Args:
        settings: name it.
        student: whose type and device it takes.
        tokenizer: of the student.
        four_bit: load its weights in NF4.

    Raises:
        UserError: there is no such model, or it reads other tokens.
    """
    source = local_copy(settings.teacher, settings.teacher_revision)
    theirs = load_tokenizer(source, settings.teacher_revision)
    if theirs.get_vocab() != tokenizer.get_vocab():
        shared = len(theirs.get_vocab().items() & tokenizer.get_vocab().items())
        raise UserError(
            f"{settings.teacher} has another tokenizer than the student ({shared:,} of {len(tokenizer):,} tokens are "
            "the same); name a teacher of the same family, or clone its texts with bc"
        )
    device = str(student.device)
    if is_adapter(source):
        adapter = load_adapter(source, student.dtype, device=device, four_bit=four_bit)
        return adapter if four_bit else adapter.merge_and_unload()  # type: ignore[operator, no-any-return]
    revision = settings.teacher_revision
    return load_backbone(source, revision=revision, dtype=student.dtype, device=device, four_bit=four_bit)
