"""Memory, step time and decoding of our ILQL against the usual form of it, on GPT-2 small's shape, in one run.

    python -m tests.benchmarks.bench_ilql [--rows 2 --length 512 --threads 2]

Random weights (speed does not depend on them), same heads, same batch, same optimiser; each way in its own process.
*Recomputed* is ours with `gradient_checkpointing`, as the recipes for GPUs have it where memory asks for it; *half*
is recomputed with `ilql.vocab_precision` bfloat16, for CPUs that multiply in it. *Working memory* is the process's
peak above weights, target copies, gradients and AdamW's state; *peak* is all of it. Half of each row are actions.
Prints a table, and writes its figures to outputs/bench/ilql.json.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from dataset_builder.core.markdown import draw_table

MIB = 2**20
WAYS = ("usual", "ours", "recomputed", "half")
EXPECTILE, GAMMA, CQL_WEIGHT, POLYAK = 0.9, 0.999, 0.01, 0.005


def build(options: argparse.Namespace) -> tuple[Any, Any]:
    """(trunk of GPT-2 small's shape, heads), random but the same in both ways."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    from recipes.methods.ilql.heads import ValueHeads

    torch.manual_seed(0)
    # The same function as GPT-2's own "gelu_new", whose eager form keeps six copies of the widest activation.
    still = {"resid_pdrop": 0, "embd_pdrop": 0, "attn_pdrop": 0}
    shape = GPT2Config(n_layer=options.layers, activation_function="gelu_pytorch_tanh", eos_token_id=None, **still)
    trunk = GPT2LMHeadModel(shape)
    heads = ValueHeads(shape.n_embd, shape.vocab_size)
    for head in (heads.v, *heads.q):  # as after some training: from zero, all tokens would tie
        torch.nn.init.normal_(head.out.weight, std=0.02)
    heads.target_q.load_state_dict(heads.q.state_dict())
    return trunk, heads


def make_batch(options: argparse.Namespace, vocabulary: int) -> dict[str, Any]:
    """Random rows whose second half are actions, with a reward on some."""
    import torch

    actions = options.length // 2
    tokens = torch.randint(vocabulary, (options.rows, options.length))
    indices = torch.arange(options.length - actions - 1, options.length - 1)
    return {
        "input_ids": tokens,
        "attention_mask": torch.ones_like(tokens),
        "labels": tokens[:, -actions:],
        "positions": indices.expand(options.rows, -1),
        "rewards": (torch.rand(options.rows, actions) < 0.05).float(),
    }


def our_loss(model: Any, batch: dict[str, Any]) -> Any:
    """The loss of `IlqlTrainer`, without the trainer around it."""
    from recipes.data.tokenize import NO_LOSS
    from recipes.methods.ilql import losses

    rewards, is_action = batch["rewards"], batch["labels"] != NO_LOSS
    values = model(**{key: batch[key] for key in ("input_ids", "attention_mask", "positions", "labels")})
    target = losses.bellman_target(
        rewards, losses.next_values(values.v), losses.not_done_mask(is_action).float(), GAMMA
    )
    return (
        losses.td_loss(values.q, target, is_action)
        + losses.expectile_loss(values.v, values.target_q, EXPECTILE, is_action)
        + CQL_WEIGHT * losses.cql_loss(values.log_sum_exp, values.q, is_action)
    )


def measure_training(way: str, options: argparse.Namespace) -> dict[str, Any]:
    """Seconds per update, loss, and memory of one way; run in a process of its own."""
    import torch

    from recipes.methods.ilql.value_model import recompute_activations
    from tests.benchmarks.usual_ilql import UsualModel

    trunk, heads = build(options)
    if way in ("recomputed", "half"):
        recompute_activations(trunk)
    batch = make_batch(options, trunk.config.vocab_size)
    model: Any = UsualModel(trunk, heads) if way == "usual" else ours(way, trunk, heads, options.chunk)
    moving = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(
        moving, lr=1e-5, fused=True
    )  # the plain one holds two more copies of the largest weight
    seconds, first_loss = [], 0.0
    for _ in range(options.updates + 1):
        started = time.perf_counter()
        loss = model.loss(batch, EXPECTILE, GAMMA, CQL_WEIGHT) if way == "usual" else our_loss(model, batch)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        model.update_targets(POLYAK)
        seconds.append(time.perf_counter() - started)
        first_loss = first_loss or loss.item()
        del loss
    weights = sum(weight.numel() for weight in model.parameters()) + 3 * sum(weight.numel() for weight in moving)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {
        "seconds": min(seconds[1:]),
        "loss": first_loss,
        "peak_mib": round((peak - options.base_bytes) / MIB),
        "working_mib": round((peak - options.base_bytes - 4 * weights) / MIB),
    }


def ours(way: str, trunk: Any, heads: Any, chunk: int) -> Any:
    """Our model; `half` scores the vocabulary in bfloat16."""
    from recipes.methods.ilql.value_model import ValueModel

    return ValueModel(trunk, heads, chunk=chunk, vocab_precision="bfloat16" if way == "half" else "float32")


def measure_decoding(way: str, options: argparse.Namespace) -> dict[str, Any]:
    """Seconds and tokens of one way."""
    import torch

    from recipes.methods.ilql.guided_policy import GuidedModel
    from recipes.methods.ilql.settings import Decoding
    from tests.benchmarks.usual_ilql import usual_decode

    trunk, heads = build(options)
    policy, _ = build(options)
    decoding, prompt = Decoding(beta=2.0, top_k=32), torch.randint(trunk.config.vocab_size, (1, options.prompt))
    for model in (trunk, policy):
        model.eval()
    started = time.perf_counter()
    if way == "usual":
        out = usual_decode(policy, trunk, heads, decoding, prompt, options.tokens)
    else:
        guided = GuidedModel(policy, trunk, heads, decoding).eval()
        out = guided.generate(input_ids=prompt, do_sample=False, max_new_tokens=options.tokens, pad_token_id=0)
    return {"seconds": time.perf_counter() - started, "tokens": out[0, options.prompt :].tolist()}


def run_way(task: str, way: str, arguments: list[str]) -> dict[str, Any]:
    """A measurement in a fresh process, so that one way's memory is not another's."""
    command = [sys.executable, "-m", "tests.benchmarks.bench_ilql", *arguments, "--task", task, "--way", way]
    print(f"{task}, {way} ...", file=sys.stderr, flush=True)
    # glibc otherwise keeps what is freed in pieces of up to 32 MiB, and the peak would count it again.
    environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": str(2**18)}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def report(results: dict[str, dict[str, dict[str, Any]]]) -> str:
    """A Markdown table, each way's share of the usual one beside it."""
    rows = []
    for task, label, unit in (
        ("training", "working_mib", "working memory, MiB"),
        ("training", "peak_mib", "peak memory, MiB"),
        ("training", "seconds", "update, s"),
        ("decoding", "seconds", "decoding, s"),
    ):
        usual = results[task]["usual"][label]
        others = [results[task][way][label] for way in WAYS[1:] if way in results[task]]
        cells = [f"{usual:,.1f}", *(cell for value in others for cell in (f"{value:,.1f}", f"{value / usual:.2f}"))]
        rows.append([unit, *cells, *[""] * (2 * len(WAYS) - 1 - len(cells))])
    losses = [results["training"][way]["loss"] for way in WAYS[:3]]
    half = results["training"]["half"]["loss"]
    gap = max(abs(loss - losses[0]) / losses[0] for loss in losses)
    same = results["decoding"]["usual"]["tokens"] == results["decoding"]["ours"]["tokens"]
    table = draw_table(["", "usual", "ours", "ratio", "recomputed", "ratio", "half", "ratio"], rows, right_from=1)
    rounded = abs(half - losses[0]) / losses[0]
    agree = f"Largest relative gap of the losses: {gap:.1e}; with half: {rounded:.1e}. Same tokens decoded: {same}."
    return "\n".join([table, "", agree])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=2)
    parser.add_argument("--length", type=int, default=512, help="tokens a row, half of them actions")
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--chunk", type=int, default=256)
    parser.add_argument("--updates", type=int, default=3)
    parser.add_argument("--prompt", type=int, default=100)
    parser.add_argument("--tokens", type=int, default=200, help="tokens decoded")
    parser.add_argument("--threads", type=int, default=0, help="0: as torch chooses")
    parser.add_argument("--task", choices=("training", "decoding"), help=argparse.SUPPRESS)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.task:
        import torch
        import transformers  # noqa: F401 (so that its memory is not counted)

        if options.threads:
            torch.set_num_threads(options.threads)
        options.base_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        measure = measure_training if options.task == "training" else measure_decoding
        print(json.dumps(measure(options.way, options)))
        return
    given = sys.argv[1:]
    ways = {"training": WAYS, "decoding": WAYS[:2]}  # decoding has nothing to recompute
    results = {task: {way: run_way(task, way, given) for way in ways[task]} for task in ways}
    target = Path("outputs/bench/ilql.json")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(results) + "\n", encoding="utf-8")
    print(report(results))


if __name__ == "__main__":
    main()
