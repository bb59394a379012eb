"""On a decision problem whose Q* is known, our losses find it and the published target does not."""

from __future__ import annotations

import pytest

from tests.experiments.offline_rl.known_mdp import ON, OUT, OUT_REWARD, best_q, learn


def test_learnt_q_is_the_best_q_as_the_expectile_nears_one() -> None:
    errors = [learn(expectile).errors[-1] for expectile in (0.5, 0.9, 0.995)]
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > 0.2  # a plain mean judges the coin flip that made the data
    assert errors[-1] < 0.02


def test_learnt_q_prefers_the_long_way_that_no_single_trajectory_need_show() -> None:
    q = learn(0.9).q
    assert (q[:, ON] > q[:, OUT]).all()


def test_published_target_prefers_leaving_at_once() -> None:
    q = learn(0.995, published=True).q
    assert (q - best_q()).abs().max() > 0.5
    assert (q[:-1, ON] < q[:-1, OUT]).any()
    assert q[-1, OUT].item() == pytest.approx(OUT_REWARD, abs=0.05)
