"""AMS of class predictions and the biased maximum."""

import numpy as np
import pytest
from scipy.stats import norm

from skhep_dnn.exceptions import UndefinedSignificanceWarning, WeightsError
from skhep_dnn.metrics import (
    SignificanceAt,
    ams,
    ams_score,
    asimov_significance,
    max_significance_score,
    significance_scan,
    threshold_at_maximum,
)


def test_ams_score_is_the_ams_of_the_predicted_yields(toy_events):
    X, y, weight = toy_events
    y_pred = np.where(X["a"] > 0.5, "s", "b")
    selected = y_pred == "s"
    s = weight[selected & (y == "s")].sum()
    b = weight[selected & (y == "b")].sum()
    assert ams_score(y, y_pred, weight) == pytest.approx(float(ams(s, b)))
    assert ams_score(y, y_pred, weight, b_reg=2.0) == pytest.approx(
        float(ams(s, b, b_reg=2.0))
    )
    flipped = np.where(selected, 0, 1)
    value = ams_score(np.where(y == "s", 0, 1), flipped, weight, pos_label=0)
    assert value == pytest.approx(float(ams(s, b)))


def test_ams_score_is_rescaled_to_the_full_yields(toy_events):
    X, y, weight = toy_events
    y_pred = np.where(X["a"] > 0.5, "s", "b")
    full = {
        "signal_yield": 3 * weight[y == "s"].sum(),
        "background_yield": 7 * weight[y == "b"].sum(),
    }
    scaled = ams_score(y, y_pred, np.where(y == "s", 3.0, 7.0) * weight)
    assert ams_score(y, y_pred, weight, **full) == pytest.approx(scaled)


def test_nothing_predicted_as_signal_is_no_significance():
    assert ams_score([0, 1], [0, 0]) == 0.0
    with pytest.warns(UndefinedSignificanceWarning, match="got 1 of 1 points"):
        assert np.isnan(ams_score([0, 1], [0, 0], b_reg=0.0))


def test_wrong_predictions_and_yields_are_refused():
    with pytest.raises(ValueError, match=r"contain the labels \[0, 1\] .*got \[0\.3"):
        ams_score([0, 1], [0.3, 0.9])
    with pytest.raises(ValueError, match=r"one label for each of the 2 events"):
        ams_score([0, 1], [0, 1, 1])
    for value in (0, np.nan, np.inf):
        with pytest.raises(ValueError, match=r"above 0 and finite, got (0|nan|inf)\."):
            ams_score([0, 1], [0, 1], signal_yield=value)
    with pytest.raises(WeightsError, match=r"in each class, got -1\.0 for the back"):
        ams_score([0, 1], [1, 1], [-1.0, 1.0], background_yield=5.0)


@pytest.mark.parametrize(
    "options",
    [
        {"kind": "ams"},
        {"rel_sigma_b": 0.1, "mc_stat": True},
        {"min_n_eff": 5.0, "signal_yield": 10.0, "background_yield": 900.0},
    ],
)
def test_maximum_is_that_of_the_scan(toy_events, options):
    X, y, weight = toy_events
    scan_options = {k: v for k, v in options.items() if k != "min_n_eff"}
    scan = significance_scan(y, X["a"], weight, **scan_options)
    admissible = scan.n_eff_b >= options.get("min_n_eff", 25.0)
    value = max_significance_score(y, X["a"], weight, **options)
    assert value == pytest.approx(np.nanmax(scan.z[admissible]))


def test_maximum_without_an_admissible_cut_is_nan_with_one_warning():
    with pytest.warns(UndefinedSignificanceWarning, match="admissible") as record:
        assert np.isnan(max_significance_score([0, 1], [0.1, 0.2]))
    assert len(record) == 1


def test_maximum_is_biased_and_a_fixed_cut_is_not():
    """True significances follow from the Gaussian tails; see the docstring."""

    def true_significance(threshold):
        s, b = 50 * norm.sf(threshold - 2), 5000 * norm.sf(threshold)
        return float(asimov_significance(s, b))

    best = max(true_significance(t) for t in np.linspace(0, 4, 81))
    y = np.repeat(["b", "s"], 5000)
    maxima, true_at_chosen, fixed = [], [], []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        weight = rng.exponential(size=10000) * np.where(y == "s", 0.01, 1.0)
        score = rng.normal(2.0 * (y == "s"))
        scan = significance_scan(y, score, weight)
        point = threshold_at_maximum(scan, min_n_eff=0)
        maxima.append(max_significance_score(y, score, weight, min_n_eff=0))
        true_at_chosen.append(true_significance(point.threshold))
        fixed.append(SignificanceAt(2.0)(y, score, weight))
    assert best == pytest.approx(2.65, abs=0.01)
    assert np.mean(maxima) > best + 0.6
    assert np.mean(true_at_chosen) < best
    assert np.mean(fixed) == pytest.approx(true_significance(2.0), abs=0.1)
