"""Efficiency and rejection at a cut: against sums by hand, scans and loops."""

import pickle

import numpy as np
import pandas as pd
import pytest

from skhep_dnn.exceptions import WeightsError
from skhep_dnn.metrics import (
    EfficiencyAt,
    RejectionAt,
    SignificanceAt,
    bootstrap,
    paired_bootstrap,
    poisson_replicas,
    significance_scan,
    threshold_at_efficiency,
)

METRICS = [
    EfficiencyAt(0.5),
    EfficiencyAt(0.5, of="background"),
    RejectionAt(0.5),
    RejectionAt(signal_efficiency=0.6),
    RejectionAt(signal_efficiency=1.0),
]


@pytest.fixture
def scored(toy_events):
    X, y, weight = toy_events
    return y, X["a"].to_numpy().round(1), weight


def test_they_are_ratios_of_sums(scored):
    y, score, weight = scored
    chosen = score >= 0.5
    for label, of in (("s", "signal"), ("b", "background")):
        share = weight[chosen & (y == label)].sum() / weight[y == label].sum()
        assert EfficiencyAt(0.5, of=of)(*scored) == pytest.approx(share)
    assert RejectionAt(0.5)(*scored) == pytest.approx(1 / share)
    swapped = np.where(y == "s", "a", "b")
    value = EfficiencyAt(0.5)(swapped, score, weight, pos_label="a")
    assert value == EfficiencyAt(0.5)(*scored)


@pytest.mark.parametrize("target", [0.1, 0.3, 0.6, 0.95, 1.0])
@pytest.mark.parametrize("ties", [True, False])
@pytest.mark.parametrize("negative", [True, False])
def test_a_rejection_at_an_efficiency_is_that_of_the_scan(target, ties, negative):
    rng = np.random.default_rng(0)
    y = np.arange(500) % 3 == 0
    score = rng.normal(y * 1.0)
    score = score.round(1) if ties else score
    weight = rng.exponential(size=500) * np.where(rng.random(500) < 0.1, -1, 1)
    weight = weight if negative else abs(weight)
    point = threshold_at_efficiency(significance_scan(y, score, weight), signal=target)
    metric = RejectionAt(signal_efficiency=target)
    assert metric(y, score, weight) == pytest.approx(1 / point.background_efficiency)


@pytest.mark.parametrize("metric", METRICS)
def test_kernel_equals_calls_and_the_loop(scored, metric):
    y, score, weight = scored
    (replicas,) = poisson_replicas(y == "s", weight, 10, random_state=0)
    kernel = metric.prepare(y, score)
    assert np.allclose(kernel(replicas), [metric(y, score, row) for row in replicas])
    assert kernel(weight) == pytest.approx(metric(y, score, weight))
    fast = bootstrap(metric, *scored, n_replicas=10, random_state=0)
    looped = bootstrap(
        lambda *args, sample_weight: metric(*args, sample_weight),
        *scored,
        n_replicas=10,
        random_state=0,
    )
    assert np.allclose(fast.replicas, looped.replicas, rtol=1e-11)
    other = np.roll(score, 1)
    pair = paired_bootstrap(metric, y, score, other, weight, random_state=0)
    assert pair.difference == pytest.approx(
        metric(y, score, weight) - metric(y, other, weight)
    )
    assert pickle.loads(pickle.dumps(metric)) == metric


@pytest.mark.parametrize("metric", METRICS)
def test_weights_two_are_two_events_and_their_scale_does_not_matter(scored, metric):
    y, score, weight = scored
    twice = np.random.default_rng(0).random(len(y)) < 0.5
    rows = np.append(np.arange(len(y)), np.flatnonzero(twice))
    copies = metric(y[rows], score[rows], weight[rows])
    assert copies == pytest.approx(metric(y, score, weight * (1 + twice)))
    scaled = metric(y, score, weight * np.where(y == "s", 1e-9, 1e9))
    assert scaled == pytest.approx(metric(y, score, weight))
    frames = pd.Series(y), pd.Series(score), pd.Series(weight)
    assert metric(*frames) == metric(y, score, weight)


def test_infinite_scores():
    y, score = [0, 0, 1, 1], [-np.inf, 0.2, np.inf, np.inf]
    assert RejectionAt(signal_efficiency=0.5)([*y, 0], [*score, np.inf]) == 3.0
    assert EfficiencyAt(np.inf)(y, score) == 1.0


def test_several_classes():
    y = np.array(["W", "Z", "top", "W"])
    proba = np.array([[0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.1, 0.2, 0.7], [0, 0, 1]])
    assert EfficiencyAt(0.85)(y, proba, pos_label=["W", "Z"]) == pytest.approx(2 / 3)


def test_a_working_point_is_a_threshold(scored):
    point = significance_scan(*scored).at(0.5)
    for kind in (EfficiencyAt, RejectionAt, SignificanceAt):
        assert kind(point) == kind(0.5)
        assert kind(np.float32(0.5)).threshold == 0.5
    assert SignificanceAt(point)(*scored) == pytest.approx(point.z)
    assert EfficiencyAt(point)(*scored) == pytest.approx(point.signal_efficiency)
    scan = significance_scan(*scored)
    assert scan.at(point) == point


def test_wrong_options_are_refused():
    with pytest.raises(ValueError, match=r"`of` must be 'signal' or 'background', got"):
        EfficiencyAt(0.5, of="s")
    for kind in (EfficiencyAt, RejectionAt, SignificanceAt):
        with pytest.raises(ValueError, match="`threshold` must be a number, got nan"):
            kind(np.nan)
        with pytest.raises(TypeError, match="a number or a WorkingPoint, got list"):
            kind([0.5, 0.6])
    for options in ({}, {"threshold": 0.5, "signal_efficiency": 0.5}):
        with pytest.raises(ValueError, match="must be given, and not both"):
            RejectionAt(**options)
    for target in (0.0, 1.5, np.nan):
        with pytest.raises(ValueError, match="above 0 and at most 1"):
            RejectionAt(signal_efficiency=target)
    with pytest.raises(WeightsError, match="for the background"):
        EfficiencyAt(0.5)([0, 1], [0.1, 0.2], [-1.0, 1.0])
