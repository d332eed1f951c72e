"""Choices of a cut against brute force, their rules, and the biases they carry."""

import inspect

import numpy as np
import pytest

from skhep_dnn.exceptions import UndefinedSignificanceWarning
from skhep_dnn.inspection import SignificanceScanDisplay
from skhep_dnn.metrics import (
    asimov_significance,
    cross_fitted_significance,
    make_significance_scorer,
    max_significance_score,
    significance_scan,
    threshold_at_efficiency,
    threshold_at_maximum,
    threshold_top_fraction,
)
from skhep_dnn.model_selection import SignificanceThresholdClassifier


def make_scan(seed=0, n=2000, decimals=None, **options):
    rng = np.random.default_rng(seed)
    y = rng.random(n) < 0.4
    scores = rng.normal(1.5 * y)
    if decimals is not None:
        scores = np.round(scores, decimals)
    weights = rng.normal(1.0, 0.5, n) * np.where(y, 0.02, 1.0)
    return significance_scan(y, scores, weights, **options)


@pytest.mark.parametrize(
    "function",
    [
        make_significance_scorer,
        max_significance_score,
        threshold_at_maximum,
        threshold_top_fraction,
        cross_fitted_significance,
        SignificanceThresholdClassifier,
        SignificanceScanDisplay,
        SignificanceScanDisplay.from_predictions,
        SignificanceScanDisplay.from_scan,
    ],
)
def test_the_least_number_of_effective_events_has_one_default(function):
    assert inspect.signature(function).parameters["min_n_eff"].default == 25.0


@pytest.mark.parametrize("min_n_eff", [0.0, 25.0, 200.0])
@pytest.mark.parametrize("min_signal_efficiency", [0.0, 0.25, 0.9])
def test_maximum_equals_brute_force(min_n_eff, min_signal_efficiency):
    scan = make_scan()
    point = threshold_at_maximum(
        scan, min_n_eff=min_n_eff, min_signal_efficiency=min_signal_efficiency
    )
    best = max(
        (row for row in scan.to_frame().to_dict("records")
         if np.isfinite(row["z"])
         and row["n_eff_b"] >= min_n_eff
         and row["signal_efficiency"] >= min_signal_efficiency),
        key=lambda row: row["z"],
    )  # fmt: skip
    assert point.threshold == best["threshold"]
    assert point.z == pytest.approx(best["z"], rel=1e-14)


def test_maximum_is_masked_before_ranking():
    # Without a mask the single background event at the top would win.
    y, scores = [1] * 5 + [0] + [0] * 100 + [1] * 5, np.arange(111.0)[::-1]
    scan = significance_scan(y, scores)
    assert threshold_at_maximum(scan, min_n_eff=0.0).threshold == 105.0
    assert threshold_at_maximum(scan).n_eff_b >= 25.0


def test_maximum_takes_the_highest_of_equal_thresholds():
    scan = significance_scan(
        [0, 1, 0, 0], [0.9, 0.8, 0.7, 0.6], [1.0, 1.0, 0.0, 0.0], kind="ams"
    )
    assert threshold_at_maximum(scan, min_n_eff=0).threshold == 0.8


def test_signal_efficiency_rule_of_a_quarter():
    scan = make_scan(kind="s_over_sqrt_sb")
    point = threshold_at_maximum(scan, min_signal_efficiency=0.25)
    assert point.signal_efficiency >= 0.25
    assert point.z == np.nanmax(scan.z[scan.signal_efficiency >= 0.25])
    assert point.z > scan.z[-1]  # the gain over no cut


def test_efficiency_equal_to_the_target_up_to_rounding_is_reached():
    weights = np.where(np.arange(20) % 2, 0.1, 0.3)
    scan = significance_scan(np.arange(20) % 2, np.arange(20.0)[::-1], weights)
    for k in range(1, 11):
        assert threshold_at_efficiency(scan, signal=k / 10).s == pytest.approx(0.1 * k)
        point = threshold_at_efficiency(scan, background=k / 10)
        assert point.b == pytest.approx(0.3 * k)
        point = threshold_at_maximum(scan, min_n_eff=0, min_signal_efficiency=k / 10)
        assert point.signal_efficiency == pytest.approx(max(k / 10, 1.0))


@pytest.mark.parametrize("target", [0.01, 0.1, 0.5, 0.99, 1.0])
def test_efficiencies_equal_brute_force(target):
    scan = make_scan(decimals=1)
    frame = scan.to_frame()
    reached = frame[frame["signal_efficiency"] >= target - 1e-12]
    kept = frame[frame["background_efficiency"] <= target + 1e-12]
    point = threshold_at_efficiency(scan, signal=target)
    assert point.threshold == reached["threshold"].max()
    if len(kept):
        point = threshold_at_efficiency(scan, background=target)
        assert point.threshold == kept["threshold"].min()


def test_efficiencies_with_negative_weights_follow_the_documented_rule():
    y = [1, 0, 0, 0, 1]
    scores = [0.9, 0.8, 0.7, 0.6, 0.5]
    scan = significance_scan(y, scores, [1.0, 3.0, -2.0, 3.0, 1.0])
    np.testing.assert_allclose(scan.background_efficiency, [0, 0.75, 0.25, 1, 1])
    # At 0.8 the target is exceeded, at the lower 0.7 it is not.
    assert threshold_at_efficiency(scan, background=0.5).threshold == 0.7
    scan = significance_scan(np.logical_not(y), scores, [1.0, 3.0, -2.0, 3.0, 1.0])
    assert threshold_at_efficiency(scan, signal=0.5).threshold == 0.8


def test_top_fraction_equals_brute_force():
    rng = np.random.default_rng(1)
    y = rng.random(500) < 0.4
    scores = np.round(rng.normal(1.5 * y), 2)
    weights = np.where(y, 0.1, 1.0)
    scan = significance_scan(y, scores, weights, kind="ams")
    z = np.array([scan.at(score).z for score in scores])
    for fraction, min_score in [(0.1, None), (0.1, 0.9), (0.5, 1.5), (1.0, None)]:
        ranked = scores >= (-np.inf if min_score is None else min_score)
        n_top = max(1, round(fraction * ranked.sum()))
        # All events tied with the last one are taken.
        last = np.sort(z[ranked])[::-1][n_top - 1]
        expected = scores[ranked][z[ranked] >= last].mean()
        point = threshold_top_fraction(
            scan, fraction=fraction, min_score=min_score, min_n_eff=0
        )
        assert point.threshold == pytest.approx(expected, rel=1e-12)
        assert point == scan.at(point.threshold)


def test_top_fraction_counts_events_unweighted():
    y, scores = [0, 0, 1, 0, 0], [5.0, 4.0, 3.0, 3.0, 0.0]
    scan = significance_scan(y, scores, [1.0, 1.0, 5.0, 0.001, 100.0])
    # The two events at 3 have the largest z; the third largest is at 0.
    for fraction, threshold in ((0.4, 3.0), (0.01, 3.0), (0.6, 2.0)):
        point = threshold_top_fraction(scan, fraction=fraction, min_n_eff=0)
        assert point.threshold == threshold


@pytest.mark.parametrize("min_n_eff", [10.0, 25.0, 60.0])
def test_top_fraction_ranks_only_where_there_are_enough_effective_events(min_n_eff):
    rng = np.random.default_rng(1)
    y = rng.random(600) < 0.4
    scores = rng.normal(1.5 * y)
    weights = np.where(y, 0.1, 1.0) * rng.exponential(size=600)
    scan = significance_scan(y, scores, weights)
    ranked = []
    for score in scores:
        b = weights[~y & (scores >= score)]
        if b.sum() ** 2 >= min_n_eff * (b**2).sum() > 0.0:
            ranked.append((scan.at(score).z, score))
    best = sorted(ranked, reverse=True)[: round(0.1 * len(ranked))]
    point = threshold_top_fraction(scan, min_n_eff=min_n_eff)
    assert point.threshold == pytest.approx(np.mean([score for _, score in best]))
    assert point.n_eff_b >= min_n_eff
    assert threshold_top_fraction(scan, min_n_eff=0).n_eff_b < 6.0


def test_a_mean_that_falls_between_admissible_scores_goes_down_to_the_next():
    """A heavy background event spoils the middle of the scores that are ranked."""
    counts = [40, 4, 1, 4000, 4]
    y = np.repeat([0, 1, 0, 0, 1], counts)
    scores = np.repeat([4.0, 4.0, 3.0, 2.0, 2.0], counts)
    weights = np.repeat([1.0, 5.0, 60.0, 0.1, 12.0], counts)
    scan = significance_scan(y, scores, weights)
    assert scan.n_eff_b.round(0).tolist() == [40.0, 3.0, 68.0]
    point = threshold_top_fraction(scan, fraction=1.0)
    assert point.threshold == 2.0
    assert threshold_top_fraction(scan, fraction=1.0, min_n_eff=0).threshold > 2.0


def test_the_defaults_ask_for_25_effective_events_and_0_is_the_rule_of_the_study():
    rng = np.random.default_rng(2)
    y = np.repeat([0, 1], 4000)
    scan = significance_scan(y, rng.normal(2.0 * y), np.where(y, 0.05, 1.0))
    for choose in (threshold_at_maximum, threshold_top_fraction):
        assert choose(scan) == choose(scan, min_n_eff=25.0)
        assert choose(scan).n_eff_b >= 25.0 > choose(scan, min_n_eff=0).n_eff_b


@pytest.mark.parametrize(
    "choose",
    [
        lambda scan: threshold_at_maximum(scan, min_n_eff=1e6),
        lambda scan: threshold_at_efficiency(scan, background=1e-9),
        lambda scan: threshold_top_fraction(scan, min_score=100.0, min_n_eff=0),
        threshold_top_fraction,
    ],
    ids=["maximum", "efficiency", "top fraction", "too few events"],
)
def test_no_admissible_threshold_is_nan_with_one_warning(choose):
    scan = significance_scan([0, 1, 0], [3.0, 2.0, 1.0])
    with pytest.warns(UndefinedSignificanceWarning, match="Loosen") as record:
        point = choose(scan)
    assert len(record) == 1
    assert record[0].filename == __file__
    assert np.isnan([point.threshold, point.s, point.z, point.n_eff_b]).all()
    assert point.n_selected == 0


def test_impossible_arguments_raise():
    scan = significance_scan([0, 1, 0], [3.0, 2.0, 1.0])
    with pytest.raises(ValueError, match=r"`min_n_eff` must be at least 0, got -1"):
        threshold_at_maximum(scan, min_n_eff=-1)
    with pytest.raises(ValueError, match=r"between 0 and 1, got 25. Pass a fraction"):
        threshold_at_maximum(scan, min_signal_efficiency=25)
    with pytest.raises(ValueError, match="not both, got signal=None and background=No"):
        threshold_at_efficiency(scan)
    with pytest.raises(ValueError, match=r"not both, got signal=0.5 and .*=0.1"):
        threshold_at_efficiency(scan, signal=0.5, background=0.1)
    with pytest.raises(ValueError, match=r"`signal` must be above 0 .* got 0.0"):
        threshold_at_efficiency(scan, signal=0.0)
    with pytest.raises(ValueError, match=r"`background` must be above 0 .* got 1.5"):
        threshold_at_efficiency(scan, background=1.5)
    with pytest.raises(ValueError, match=r"`fraction` must be above 0 .* got 10"):
        threshold_top_fraction(scan, fraction=10)
    with pytest.raises(ValueError, match=r"`min_n_eff` must be at least 0, got nan"):
        threshold_top_fraction(scan, min_n_eff=np.nan)
    with pytest.raises(ValueError, match=r"`min_score` must be a number, got nan"):
        threshold_top_fraction(scan, min_score=np.nan)
    infinite = significance_scan([0, 1, 0], [np.inf, np.inf, 1.0])
    with pytest.raises(ValueError, match=r"must have finite scores .* Clip the scores"):
        threshold_top_fraction(infinite, min_n_eff=0)


def toy_scan(rng, n_background):
    """A sample whose true significance is the same at every cut.

    A cut that keeps a fraction f of the background keeps the root of f of the signal.
    """
    n = rng.poisson(n_background)
    y = np.repeat([0, 1], [n, 500])
    signal = 1.0 - ((np.arange(500) + 0.5) / 500) ** 2
    return significance_scan(
        y, np.append(rng.random(n), signal), np.where(y, 1e-6, 1.0)
    )


def test_a_fixed_cut_is_biased_by_three_eighths_over_n_eff():
    rng = np.random.default_rng(5)
    n_eff = 25.0
    z = [toy_scan(rng, 4 * n_eff).at(0.75).z for _ in range(3000)]
    truth = asimov_significance(250e-6, n_eff)
    bias, error = np.mean(z) / truth, np.std(z) / truth / np.sqrt(len(z))
    # The next order of the law is about 1 / n_eff**2.
    assert bias == pytest.approx(1 + 3 / (8 * n_eff), abs=3 * error + 1.0 / n_eff**2)
    assert bias > 1 + 3 * error


def test_the_maximum_is_biased_by_far_more_and_min_n_eff_helps():
    rng = np.random.default_rng(6)
    scans = [toy_scan(rng, 100) for _ in range(300)]
    truth = asimov_significance(500e-6, 100.0)
    bias = [
        np.mean([threshold_at_maximum(scan, min_n_eff=n).z for scan in scans]) / truth
        for n in (0, 10, 25)
    ]
    assert bias[0] > 1.3
    assert bias[0] > bias[1] > bias[2] > 1 + 5 * 3 / (8 * 25)
