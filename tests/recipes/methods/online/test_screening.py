"""Screening: entropies are those of the written tokens, the least sure problems are sampled, nobody else is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from trl import GRPOTrainer

from dataset_builder.core.errors import UserError
from recipes.config.settings import ExpertIterationSettings, GrpoSettings
from recipes.methods.online import rollouts
from recipes.methods.online.rollouts import RolloutTrainer
from recipes.methods.online.screening import least_sure, set_entropies
from recipes.train import run_recipe
from recipes.training.record import read_train_record
from tests.recipes.methods.online.conftest import Online

FRESH = {"problems": "micro_gsm:small"}


def test_equal_entropies_keep_the_order_of_the_problems() -> None:
    assert least_sure([1.0, 2.0, 1.0, 1.0], 3) == [0, 1, 2]


@pytest.mark.parametrize("settings", [GrpoSettings, ExpertIterationSettings])
def test_a_screen_below_one_is_one_line(settings: Any) -> None:
    with pytest.raises(UserError, match=r"screen must be at least 1"):
        settings(screen=0)


def by_hand(model: Any, prompt: list[int], completion: list[int], temperature: float) -> float:
    """The summed entropy of one row, alone and without padding."""
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([prompt + completion])).logits[0, len(prompt) - 1 : -1] / temperature
    return float(torch.distributions.Categorical(logits=logits).entropy().sum())


@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_a_sets_entropy_is_that_of_what_it_wrote_whatever_stands_beside_it(
    online: Online, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, temperature: float
) -> None:
    pairs = list[tuple[float, float]]()

    def checked(trainer: Any, prompts: list[list[int]], completions: list[list[int]]) -> list[float]:
        found = set_entropies(trainer, prompts, completions)
        rows = zip(found, prompts, completions, strict=True)
        pairs.extend((own, by_hand(trainer.model, *row, temperature)) for own, *row in rows)
        return found

    monkeypatch.setattr(rollouts, "set_entropies", checked)
    settings = {"screen": 6, "temperature": temperature} | FRESH
    run_recipe(online(tmp_path / "out", "grpo", settings, max_steps=1, micro_batch_size=4))
    assert len({round(found, 4) for found, _ in pairs}) > 6
    assert [found for found, _ in pairs] == pytest.approx([expected for _, expected in pairs], abs=1e-3)


@pytest.mark.parametrize("method", ["grpo", "expert_iteration"])
def test_only_the_least_sure_problems_are_sampled_in_full_and_asked_about(
    online: Online, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    looked_at, asked, sizes = dict[int, float](), list[int](), list[int]()
    screened, hand_in, generate = RolloutTrainer._screened, RolloutTrainer._hand_in, GRPOTrainer._generate_single_turn

    def noted(self: Any, inputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        groups = [row["index"] for row in inputs[:: self.samples]]
        given = iter(groups)

        def entropies(_: Any, prompts: list[Any], __: list[Any]) -> list[float]:
            found = {next(given): float(hash(tuple(prompt)) % 1009) for prompt in prompts}
            looked_at.update(found)
            return list(found.values())

        monkeypatch.setattr(rollouts, "set_entropies", entropies)
        kept = screened(self, inputs)
        best = sorted(groups, key=looked_at.__getitem__)[-len(groups) // self.screen :]
        assert {row["index"] for row in kept} == set(best)
        return kept

    def written_down(self: Any, start: int, completions: list[list[int]]) -> None:
        asked.extend(row["index"] for row in self._rows[start : start + len(completions)])
        hand_in(self, start, completions)

    def counted(self: Any, prompts: list[list[int]], *args: Any, **kwargs: Any) -> Any:
        sizes.append(len(prompts))
        return generate(self, prompts, *args, **kwargs)

    monkeypatch.setattr(RolloutTrainer, "_screened", noted)
    monkeypatch.setattr(RolloutTrainer, "_hand_in", written_down)
    monkeypatch.setattr(GRPOTrainer, "_generate_single_turn", counted)
    monkeypatch.setattr(rollouts, "MOST_ROWS", 8)
    # An update has 8 rows, 4 of each problem: 2 problems are sampled in full, of 12 that are looked at in two parts.
    config = online(tmp_path / "out", method, {"screen": 6} | FRESH, max_steps=2)
    rewards = read_train_record(run_recipe(config)).details["rewards"]
    assert (rewards["screened"], rewards["samples"], len(looked_at)) == (24, 16, 24)
    assert sizes == ([8, 4, 8, 8, 4, 8] if method == "grpo" else [8, 8, 8, 8, 8])
    assert len(asked) == 16
    assert len(set(asked)) == 4
    assert rewards["calls"] <= 16
