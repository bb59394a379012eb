"""ILQL end to end on tiny backbones: what moves, what is written, resuming, equality, and how a bad run stops."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import TrainerCallback

from dataset_builder.core.errors import UserError
from dataset_builder.micro_gsm.problems import generate_problems
from recipes.config.recipe import RecipeConfig
from recipes.config.settings import IlqlSettings
from recipes.data.load import load_training_data
from recipes.data.tokenize import NO_LOSS
from recipes.methods.ilql import method as ilql
from recipes.methods.ilql.guided_policy import load_guided
from recipes.methods.ilql.settings import Decoding
from recipes.methods.ilql.trajectories import TrajectoryCollator
from recipes.modeling import load_policy
from recipes.models.trainable import load_trainable, trainable_tokenizer
from recipes.train import main, run_recipe
from recipes.training.fit import build_trainer
from recipes.training.record import read_train_record

Recipe = Callable[..., RecipeConfig]
PROBLEMS = generate_problems("test", 3, 0)


@pytest.fixture(scope="module")
def trained(reward_recipe: Recipe, cloned: Path) -> Path:
    return run_recipe(reward_recipe(cloned.parent / "ilql_full", method="ilql_full", init_from=str(cloned)))


@pytest.fixture(scope="module")
def trained_adapter(reward_recipe: Recipe, cloned_adapter: Path) -> Path:
    config = reward_recipe(
        cloned_adapter.parent / "ilql_lora", method="ilql_shaped", adapter="lora", init_from=str(cloned_adapter)
    )
    return run_recipe(config)


def set_up(config: RecipeConfig) -> tuple[ilql.Ilql, Any, Any, list[dict[str, Any]]]:
    tokenizer = trainable_tokenizer(config, list)
    trunk = load_trainable(config, tokenizer)
    method = ilql.Ilql(config, load_training_data(config))
    rows = method.examples(method.texts(method.data.train, tokenizer))
    return method, ilql.value_model(trunk, method.settings, 0), tokenizer, rows


def test_folder_holds_policy_values_heads_and_how_to_decode(trained: Path) -> None:
    assert {path.name for path in trained.iterdir()} >= {"config.json", "heads.safetensors", "policy", "value"}
    config = json.loads((trained / "config.json").read_text())
    assert (config["model_type"], config["beta"], config["top_k"]) == ("ilql", 1.0, 32)
    assert not any("target" in name for name in load_file(trained / "heads.safetensors"))
    assert not (trained / "checkpoints").exists()


def test_record_tells_whether_the_run_learnt_soundly(trained: Path) -> None:
    record = read_train_record(trained)
    assert record.method == "ilql_full"
    assert set(record.details["diagnostics"]) >= {"q", "v", "advantage", "td_error", "v_above_q"}
    assert all(len(curve) == record.updates for curve in record.details["diagnostics"].values())


def test_policy_stays_the_bc_checkpoint_and_trunk_and_heads_move(trained: Path, cloned: Path) -> None:
    before = load_file(cloned / "model.safetensors")
    policy, value = (load_file(trained / name / "model.safetensors") for name in ("policy", "value"))
    assert all(policy[name].equal(before[name]) for name in before)
    assert any(not value[name].equal(before[name]) for name in before)
    assert all(tensor.abs().sum() > 0 for tensor in load_file(trained / "heads.safetensors").values())


@pytest.mark.parametrize(
    ("choose_by", "events"), [("last", ["update", "policy loaded"]), ("fluency", ["policy loaded", "update"])]
)
def test_a_frozen_policy_is_loaded_after_training_unless_checkpoints_are_decoded(
    choose_by: str, events: list[str], reward_recipe: Recipe, cloned: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    seen: list[str] = []
    load = ilql.load_backbone
    monkeypatch.setattr(
        ilql, "load_backbone", lambda *args, **more: seen.append("policy loaded") or load(*args, **more)
    )

    class Watch(TrainerCallback):
        def on_step_begin(self, *_: object, **__: object) -> None:
            seen.append("update")

    changes = {"method": "ilql_full", "init_from": str(cloned), "max_steps": 1, "choose_by": choose_by}
    run_recipe(reward_recipe(tmp_path / "out", **changes), [Watch()])
    assert seen == events


def test_load_policy_takes_the_folder_like_any_checkpoint(trained: Path) -> None:
    policy = load_policy(trained, device="cpu")
    assert len(policy.generate(PROBLEMS, max_new_tokens=8)) == len(PROBLEMS)
    assert policy.model.decoding == Decoding()


def test_the_same_weights_decode_under_another_beta(trained: Path, cloned: Path) -> None:
    calm = load_guided(str(trained), torch.float32, "cpu").with_beta(0.0)
    policy = load_policy(trained, device="cpu")
    policy.model = calm
    plain = load_policy(cloned, device="cpu")
    assert policy.generate(PROBLEMS, max_new_tokens=8) == plain.generate(PROBLEMS, max_new_tokens=8)


def test_two_adapters_share_one_base_and_beta_zero_is_the_bc_adapter(
    trained_adapter: Path, cloned_adapter: Path
) -> None:
    assert not list(trained_adapter.rglob("model.safetensors"))
    guided = load_policy(trained_adapter, device="cpu")
    assert guided.model.trunk is None
    guided.model.decoding = Decoding(beta=0.0)
    plain = load_policy(cloned_adapter, device="cpu")
    assert guided.generate(PROBLEMS, max_new_tokens=8) == plain.generate(PROBLEMS, max_new_tokens=8)


def test_policy_adapter_stays_and_value_adapter_moves(trained_adapter: Path, cloned_adapter: Path) -> None:
    before = load_file(cloned_adapter / "adapter_model.safetensors")
    policy, value = (load_file(trained_adapter / n / "adapter_model.safetensors") for n in ("policy", "value"))
    assert all(policy[name].equal(before[name]) for name in before)
    assert all(not value[name].equal(before[name]) for name in before)


def test_adapter_on_a_full_checkpoint_keeps_the_bare_base_as_its_policy(
    reward_recipe: Recipe, cloned: Path, tmp_path: Path
) -> None:
    out = run_recipe(reward_recipe(tmp_path / "out", method="ilql_sparse", adapter="lora", init_from=str(cloned)))
    assert not (out / "policy").exists()
    guided = load_policy(out, device="cpu")
    guided.model.decoding = Decoding(beta=0.0)
    plain = load_policy(cloned, device="cpu")
    assert guided.generate(PROBLEMS, max_new_tokens=8) == plain.generate(PROBLEMS, max_new_tokens=8)


@pytest.mark.parametrize("policy_weight", [0, 1])
def test_four_bit_base_trains_saves_and_decodes_on_a_cpu(
    policy_weight: int, reward_recipe: Recipe, cloned_adapter: Path, tmp_path: Path
) -> None:
    """As the QLoRA recipes do it: activations are computed again."""
    config = reward_recipe(
        tmp_path / "q",
        method="ilql_full",
        adapter="qlora",
        init_from=str(cloned_adapter),
        gradient_checkpointing=True,
        ilql=IlqlSettings(policy_weight=policy_weight),
        max_steps=2,
    )
    policy = load_policy(run_recipe(config), device="cpu", four_bit=True)
    assert policy.model.policy.get_base_model().is_loaded_in_4bit
    assert len(policy.generate(PROBLEMS, max_new_tokens=4)) == len(PROBLEMS)


def test_one_batch_of_eight_equals_eight_of_one(reward_recipe: Recipe, cloned: Path, tmp_path: Path) -> None:
    settings = IlqlSettings(td_lambda=0.5)
    runs = [
        run_recipe(
            reward_recipe(
                tmp_path / str(size),
                method="ilql_full",
                init_from=str(cloned),
                micro_batch_size=size,
                ilql=settings,
            )
        )
        for size in (8, 1)
    ]
    losses = [[loss for _, loss in read_train_record(out).loss_curve] for out in runs]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


@pytest.mark.parametrize("chunk", [1, 1000])
def test_chunk_size_changes_no_loss(
    chunk: int, reward_recipe: Recipe, cloned: Path, trained: Path, tmp_path: Path
) -> None:
    config = reward_recipe(
        tmp_path / "out",
        method="ilql_full",
        init_from=str(cloned),
        ilql=IlqlSettings(vocab_chunk=chunk),
        max_steps=2,
    )
    losses = [loss for _, loss in read_train_record(run_recipe(config)).loss_curve]
    assert losses == pytest.approx([loss for _, loss in read_train_record(trained).loss_curve[:2]], rel=1e-4)


@pytest.mark.parametrize("adapter", ["full", "lora"])
def test_recomputed_activations_change_no_loss(
    adapter: str, reward_recipe: Recipe, cloned: Path, tmp_path: Path
) -> None:
    start = {"method": "ilql_full", "init_from": str(cloned), "adapter": adapter, "max_steps": 2}
    outs = [
        run_recipe(reward_recipe(tmp_path / str(recompute), gradient_checkpointing=recompute, **start))
        for recompute in (False, True)
    ]
    losses = [[loss for _, loss in read_train_record(out).loss_curve] for out in outs]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_policy_trained_beside_the_values_moves_and_is_what_is_saved(
    reward_recipe: Recipe, cloned: Path, tmp_path: Path
) -> None:
    settings = IlqlSettings(policy_weight=1.0)
    out = run_recipe(reward_recipe(tmp_path / "out", method="ilql_full", init_from=str(cloned), ilql=settings))
    before, after = load_file(cloned / "model.safetensors"), load_file(out / "policy" / "model.safetensors")
    assert all(not after[name].equal(before[name]) for name in before)


@pytest.mark.parametrize("start", ["cloned", "cloned_adapter"])
def test_policy_adapter_trained_beside_the_values_moves_and_is_what_is_saved(
    start: str, reward_recipe: Recipe, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """From a full checkpoint it is a new adapter on it, from an adapter that one."""
    origin: Path = request.getfixturevalue(start)
    settings = IlqlSettings(policy_weight=1.0, beta=0.0)
    out = run_recipe(
        reward_recipe(tmp_path / "out", method="ilql_full", adapter="lora", init_from=str(origin), ilql=settings)
    )
    policy, value = (load_file(out / name / "adapter_model.safetensors") for name in ("policy", "value"))
    before = load_file(origin / "adapter_model.safetensors") if start == "cloned_adapter" else {}
    for name in (name for name in policy if "lora_B" in name):
        was = before.get(name, torch.zeros_like(policy[name]))  # a new adapter starts at zero
        assert not policy[name].equal(was)
        assert not value[name].equal(was)
        assert not policy[name].equal(value[name])
    assert len(load_policy(out, device="cpu").generate(PROBLEMS, max_new_tokens=4)) == len(PROBLEMS)


@pytest.mark.parametrize("recompute", [False, True])
def test_two_adapters_on_one_base_get_the_gradients_that_two_models_get(
    recompute: bool, reward_recipe: Recipe, cloned_adapter: Path, tmp_path: Path
) -> None:
    """Recomputed, a layer must speak with the adapter that it spoke with before."""
    config = reward_recipe(tmp_path / "out", method="ilql_full", adapter="lora", init_from=str(cloned_adapter))
    _, alone, tokenizer, rows = set_up(config)
    batch = TrajectoryCollator(tokenizer.pad_token_id)(rows[:4])
    batch.pop("rewards")
    _, both, _, _ = set_up(config)
    both.policy = ilql.load_policy_beside(config, both.trunk, IlqlSettings(policy_weight=1.0))
    both.train()
    if recompute:
        ilql.recompute_activations(both.trunk)
    for model in (alone, both):
        torch.nn.init.ones_(model.heads.v.out.weight)
        for name, parameter in model.trunk.named_parameters():
            if "lora_B.default" in name:  # so that the adapters are not the same
                torch.nn.init.constant_(parameter, 0.05)
        values = model(**batch)
        (values.v.sum() + (values.log_pi.sum() if model is both else 0.0)).backward()

    cloner = load_trainable(config, trainable_tokenizer(config, list))
    is_action = batch["labels"] != NO_LOSS
    taken = batch["labels"][is_action]
    logits = cloner(batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    indices = batch["positions"][is_action]
    chosen = logits[is_action.nonzero(as_tuple=True)[0], indices].log_softmax(-1)
    chosen.gather(-1, taken[:, None]).sum().backward()

    result = {name: parameter.grad for name, parameter in both.trunk.named_parameters()}
    compared = 0
    for expected, adapter in ((alone.trunk, "default"), (cloner, "policy")):
        for name, parameter in expected.named_parameters():
            if parameter.grad is not None:
                torch.testing.assert_close(
                    result[name.replace("default", adapter)], parameter.grad, rtol=1e-4, atol=1e-5
                )
                compared += bool(parameter.grad.any())
    assert compared == 2 * len([name for name in result if ".policy." in name])


def test_target_heads_move_by_polyak_alone(reward_recipe: Recipe, cloned: Path, tmp_path: Path) -> None:
    config = reward_recipe(
        tmp_path / "out", method="ilql_full", init_from=str(cloned), ilql=IlqlSettings(polyak=0.5), max_steps=1
    )
    method, model, tokenizer, rows = set_up(config)
    trainer = build_trainer(method, model.trunk, tokenizer, rows)
    model = trainer.model
    before = [parameter.clone() for parameter in model.heads.target_q.parameters()]
    trainer.train()
    moved = zip(before, model.heads.target_q.parameters(), model.heads.q.parameters(), strict=True)
    for old, target, fast in moved:
        assert torch.allclose(target, 0.5 * (old + fast), atol=1e-7)


def test_no_gradient_reaches_prompt_tokens_heads_never_saw(
    reward_recipe: Recipe, cloned: Path, tmp_path: Path
) -> None:
    """Padding and everything after a row's last action change no value."""
    config = reward_recipe(tmp_path / "out", method="ilql_full", init_from=str(cloned))
    _, model, tokenizer, rows = set_up(config)
    short, long = sorted(rows, key=lambda row: row["length"])[:: len(rows) - 1]
    keep = ("input_ids", "attention_mask", "positions", "labels")
    collate = TrajectoryCollator(tokenizer.pad_token_id)
    model.heads.load_state_dict({k: torch.randn_like(v) for k, v in model.heads.state_dict().items()})
    alone, beside = (
        model(**{key: batch[key] for key in keep}) for batch in (collate([short]), collate([short, long]))
    )
    count = len(short["rewards"])
    assert torch.allclose(alone.q[:, 0, :count], beside.q[:, 0, :count], rtol=1e-4, atol=1e-4)
    assert not beside.q[:, 0, count:].any()


class Killed(RuntimeError):
    """Stands for a power cut."""


def test_killed_run_goes_on_to_the_same_weights(
    reward_recipe: Recipe, cloned: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = reward_recipe(tmp_path / "out", method="ilql_full", init_from=str(cloned), save_steps=2)
    step = ilql.IlqlTrainer.training_step

    def dies(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self.state.global_step == 3:
            raise Killed
        return step(self, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(ilql.IlqlTrainer, "training_step", dies)
        with pytest.raises(Killed):
            run_recipe(config)
    saved = next((config.output / "checkpoints").glob("checkpoint-2"))
    assert not (saved / "model.safetensors").exists()
    out = run_recipe(config)
    for name in ("heads.safetensors", "value/model.safetensors"):
        whole, resumed = load_file(trained / name), load_file(out / name)
        assert all(torch.allclose(whole[key], resumed[key], atol=1e-6) for key in whole), name
    assert read_train_record(out).trained_tokens == read_train_record(trained).trained_tokens


def test_run_whose_loss_is_no_number_stops_and_keeps_its_last_checkpoint(
    reward_recipe: Recipe, cloned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from recipes.methods.ilql import losses

    config = reward_recipe(tmp_path / "out", method="ilql_full", init_from=str(cloned), save_steps=1)
    good, calls = losses.td_loss, iter(range(100))
    monkeypatch.setattr(losses, "td_loss", lambda *a: good(*a) * (1 if next(calls) < 2 else float("nan")))
    with pytest.raises(UserError, match=r"diverged.*checkpoint-2"):
        run_recipe(config)
    kept = load_file(config.output / "checkpoints" / "checkpoint-2" / "ilql.safetensors")
    assert all(torch.isfinite(tensor).all() for tensor in kept.values())


def test_run_whose_values_exceed_any_return_stops(reward_recipe: Recipe, cloned: Path, tmp_path: Path) -> None:
    config = reward_recipe(
        tmp_path / "out", method="ilql_full", init_from=str(cloned), learning_rate=30.0, max_steps=30
    )
    with pytest.raises(UserError, match="diverged"):
        run_recipe(config)


def test_damaged_heads_are_one_line(trained: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(trained, tmp_path / "copy")
    (copy / "heads.safetensors").write_bytes(b"half")
    with pytest.raises(UserError, match="damaged"):
        load_policy(copy, device="cpu")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--init_from", ""], "starts from a trained checkpoint"),
        (["--init_from", "outputs/nowhere/bc"], "no checkpoint outputs/nowhere/bc"),
        (["--ilql.expectle", "0.9"], "did you mean '--ilql.expectile'"),
        (["--ilql.expectile", "1.5"], "--ilql.expectile must be at most 1, found 1.5"),
        (["--ilql.head_kind", "cubic"], "--ilql.head_kind: no 'cubic'; valid: linear, low_rank, mlp"),
        (["--trainer_options", "trace=0.5"], "trace=0.5 is a setting of its own now, --ilql.td_lambda"),
        (["--trainer_options", "optm=sgd"], "TrainingArguments has no option 'optm', did you mean 'optim'"),
    ],
)
def test_what_the_user_can_mend_is_one_line(
    options: list[str],
    message: str,
    cloned: Path,
    reward_dataset: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ["--method", "ilql_full", "--dataset", str(reward_dataset), "--init_from", str(cloned)]
    assert main([*arguments, "--output_dir", str(tmp_path / "out"), *options]) == 2
    assert message in capsys.readouterr().err
