"""What a GPU waits for is counted, and is less than TRL's defaults launch."""

from __future__ import annotations

from tests.benchmarks.bench_launches import WAYS, kernels_of_a_layer


def test_a_layer_launches_fewer_kernels_than_trls_defaults_and_casts_no_weight() -> None:
    ours, trl = (
        kernels_of_a_layer(WAYS[name])
        for name in ("ours, LoRA", "trl's defaults, LoRA (float32 under autocast, recomputed)")
    )
    assert ours["kernels"] < 0.6 * trl["kernels"]
    assert ours["casts"] <= 8 < trl["casts"]
