"""Significance at a fixed cut: against the scan, as a function of the weights."""

import pickle

import numpy as np
import pytest

from skhep_dnn.exceptions import UndefinedSignificanceWarning
from skhep_dnn.metrics import (
    SignificanceAt,
    ams,
    poisson_replicas,
    s_over_sqrt_b,
    significance_scan,
    threshold_at_maximum,
)
from skhep_dnn.metrics._fixed_cut import selected_yields

OPTIONS = [
    {},
    {"kind": "ams"},
    {"kind": "s_over_sqrt_b"},
    {"b_reg": 2.0, "sigma_b": 3.0, "rel_sigma_b": 0.1, "mc_stat": True},
]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("threshold", [-9.0, 0.3, 1.0])
def test_it_is_the_point_of_the_scan(toy_events, options, threshold):
    X, y, weight = toy_events
    score = X["a"].round(1)
    expected = significance_scan(y, score, weight, **options).at(threshold).z
    value = SignificanceAt(threshold, **options)(y, score, weight)
    assert value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("options", OPTIONS[:3])
def test_kernel_equals_calls(toy_events, options):
    X, y, weight = toy_events
    metric = SignificanceAt(0.5, **options)
    kernel = metric.prepare(y, X["a"])
    (replicas,) = poisson_replicas(y == "s", weight, 10, random_state=0)
    expected = [metric(y, X["a"], row) for row in replicas]
    assert np.allclose(kernel(replicas), expected, rtol=1e-12)
    assert kernel(weight) == pytest.approx(metric(y, X["a"], weight))


def test_squared_weights_do_not_follow_from_weights():
    assert SignificanceAt(0.5, mc_stat=True).prepare([0, 1], [0.0, 1.0]) is None


def test_a_cut_that_was_not_found_is_refused(toy_events):
    X, y, weight = toy_events
    scan = significance_scan(y, X["a"], weight)
    with pytest.warns(UndefinedSignificanceWarning, match="the working point is nan"):
        cut = threshold_at_maximum(scan, min_n_eff=1e9)
    with pytest.raises(ValueError, match="`threshold` must be a number, got nan"):
        SignificanceAt(cut.threshold)


def test_label_of_the_signal(toy_events):
    X, y, weight = toy_events
    swapped = np.where(y == "s", "a", "b")
    metric = SignificanceAt(0.5)
    value = metric(swapped, X["a"], weight, pos_label="a")
    assert value == metric(y, X["a"], weight)


def test_selected_yields_at_many_thresholds(toy_events):
    X, y, weight = toy_events
    is_signal, score = y == "s", X["a"].round(1).to_numpy()
    thresholds = [-np.inf, 2.0, 0.5, 99.0]
    weights = np.stack([weight, weight**2, np.full(len(y), np.nan)])
    s, b = selected_yields(is_signal, score, thresholds)(weights)
    assert s.shape == b.shape == (3, 4)
    for k, threshold in enumerate(thresholds):
        selected = score >= threshold
        for i in range(2):
            assert s[i, k] == pytest.approx(weights[i, selected & is_signal].sum())
            assert b[i, k] == pytest.approx(weights[i, selected & ~is_signal].sum())
    assert np.isnan(s[2, :3]).all()


def test_undefined_value_warns_and_kernel_does_not():
    y, score, weight = [0, 0, 1], [0.1, 0.9, 0.8], [3.0, -1.0, 1.0]
    metric = SignificanceAt(0.5)
    with pytest.warns(UndefinedSignificanceWarning, match=r"s = 1\.0 and b = -1\.0"):
        assert np.isnan(metric(y, score, weight))
    assert np.isnan(metric.prepare(y, score)(np.array(weight)))


def test_metric_is_a_picklable_value():
    metric = SignificanceAt(0.5, kind="ams", b_reg=1.0)
    assert pickle.loads(pickle.dumps(metric)) == metric
    assert hash(metric) == hash(SignificanceAt(0.5, kind="ams", b_reg=1.0))


def test_closed_forms():
    y, score = [0, 0, 1, 1], [0.9, 0.1, 0.9, 0.9]
    assert SignificanceAt(0.5, kind="ams")(y, score) == pytest.approx(float(ams(2, 1)))
    value = SignificanceAt(0.5, kind="s_over_sqrt_b")(y, score)
    assert value == pytest.approx(float(s_over_sqrt_b(2, 1)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "z"}, r"`kind` must be one of .* got 'z'"),
        ({"sigma_b": -1.0}, r"`sigma_b` must not be negative, got -1\.0"),
    ],
)
def test_options_are_checked_where_they_are_written(options, message):
    with pytest.raises(ValueError, match=message):
        SignificanceAt(0.5, **options)
