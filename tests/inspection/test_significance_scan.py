import numpy as np
import pytest
from matplotlib import pyplot as plt

from skhep_dnn.inspection import SignificanceScanDisplay
from skhep_dnn.metrics import (
    SignificanceAt,
    bootstrap,
    significance_scan,
    threshold_at_maximum,
)


def test_curve_is_the_scan(scored):
    y, score, weight = scored
    display = SignificanceScanDisplay.from_predictions(
        y, score, sample_weight=weight, kind="ams", b_reg=2.0, random_state=0
    )
    scan = significance_scan(y, score, weight, kind="ams", b_reg=2.0)
    np.testing.assert_array_equal(display.scan.z, scan.z)
    np.testing.assert_array_equal(display.line_.get_xdata(), scan.threshold)
    np.testing.assert_array_equal(display.line_.get_ydata(), scan.z)
    assert display.ax_.get_ylabel() == r"AMS ($\sigma$)"
    title = display.ax_.get_legend().get_title().get_text()
    assert title.endswith(r"$b_\mathrm{reg}$ = 2 events")
    assert display.cut_ is None
    assert display.point is None


@pytest.mark.parametrize("mc_stat", [False, True])
def test_error_is_that_of_the_bootstrap(scored, mc_stat):
    y, score, weight = scored
    options = {"rel_sigma_b": 0.1, "mc_stat": mc_stat}
    display = SignificanceScanDisplay.from_predictions(
        y,
        score,
        sample_weight=weight,
        threshold=1.2,
        n_replicas=50,
        random_state=0,
        **options,
    )
    metric = SignificanceAt(1.2, **options)
    result = bootstrap(metric, y, score, weight, n_replicas=50, random_state=0)
    assert display.point.z == pytest.approx(result.value)
    assert display.point_error == pytest.approx(result.error)
    assert display.cut_.get_label() == f"cut at 1.2: {result}"
    assert display.cut_.get_xdata()[0] == 1.2


def test_full_yields_scale_the_scan_and_its_error(scored):
    y, score, weight = scored
    s, b = weight[y == "s"].sum(), weight[y == "b"].sum()
    options = {"threshold": 1.0, "kind": "s_over_sqrt_b", "random_state": 0}
    plain = SignificanceScanDisplay.from_predictions(
        y, score, sample_weight=weight, **options
    )
    scaled = SignificanceScanDisplay.from_predictions(
        y,
        score,
        sample_weight=weight,
        signal_yield=4 * s,
        background_yield=4 * b,
        **options,
    )
    assert scaled.point.z == pytest.approx(2 * plain.point.z)
    assert scaled.point_error == pytest.approx(2 * plain.point_error)


def test_propagated_error_agrees_with_the_bootstrap(scored):
    y, score, weight = scored
    by_bootstrap = SignificanceScanDisplay.from_predictions(
        y, score, sample_weight=weight, n_replicas=400, random_state=0, threshold=0.5
    )
    by_scan = SignificanceScanDisplay.from_scan(
        significance_scan(y, score, weight), threshold=0.5
    )
    np.testing.assert_array_equal(by_scan.grid, by_bootstrap.grid)
    many = by_scan.scan.at(1.5).n_eff_b
    assert many > 25
    chosen = (by_scan.grid > -1.0) & (by_scan.grid < 1.5)
    ratio = by_scan.z_error[chosen] / by_bootstrap.z_error[chosen]
    assert ratio == pytest.approx(np.ones(chosen.sum()), abs=0.2)
    assert by_scan.point_error == pytest.approx(by_bootstrap.point_error, rel=0.15)


def test_error_is_undefined_where_replicas_are(scored):
    y, score, weight = scored
    display = SignificanceScanDisplay.from_predictions(
        y, score, sample_weight=weight, random_state=0
    )
    assert np.isnan(display.z_error[-1])  # the highest score selects one event
    assert np.isfinite(display.z_error[0])
    assert display.z_error[0] == pytest.approx(0.0, abs=1e-12)  # all: fixed yields


def test_low_statistics_are_marked(scored):
    y, score, weight = scored
    scan = significance_scan(y, score, np.abs(weight))
    display = SignificanceScanDisplay.from_scan(scan, min_n_eff=50)
    (region,) = display.low_statistics_
    first_good = scan.threshold[(scan.n_eff_b >= 50).argmax()]
    assert region.get_x() == pytest.approx(first_good)
    assert region.get_x() + region.get_width() == pytest.approx(score.max())
    labels = display.ax_.get_legend_handles_labels()[1]
    assert sum("n_\\mathrm{eff}" in label for label in labels) == 1
    assert SignificanceScanDisplay.from_scan(scan, min_n_eff=0).low_statistics_ == []
    everything = SignificanceScanDisplay.from_scan(scan, min_n_eff=1e9)
    assert everything.low_statistics_[0].get_width() == pytest.approx(np.ptp(score))


def test_a_cut_chosen_on_the_same_events_is_marked(scored):
    y, score, weight = scored
    scan = significance_scan(y[::2], score[::2], weight[::2])
    point = threshold_at_maximum(scan)
    same = SignificanceScanDisplay.from_scan(scan, threshold=point)
    assert same.chosen_here
    assert "biased upwards" in same.cut_.get_label()
    other = SignificanceScanDisplay.from_predictions(
        y[1::2], score[1::2], sample_weight=weight[1::2], threshold=point
    )
    assert not other.chosen_here
    assert "biased" not in other.cut_.get_label()
    assert other.point.threshold == point.threshold
    assert other.point.z != point.z


def test_against_the_signal_efficiency(scored):
    y, score, weight = scored
    scan = significance_scan(y, score, weight)
    display = SignificanceScanDisplay.from_scan(
        scan, threshold=1.0, x="signal_efficiency"
    )
    np.testing.assert_array_equal(display.line_.get_xdata(), scan.signal_efficiency)
    assert display.cut_.get_xdata()[0] == scan.at(1.0).signal_efficiency
    assert "signal efficiency" in display.ax_.get_xlabel()
    display.figure_.canvas.draw()


@pytest.mark.parametrize("pos_label", [None, "b"])
def test_from_estimator_equals_from_predictions(classifier, toy_events, pos_label):
    X, y, weight = toy_events
    options = {
        "sample_weight": weight,
        "kind": "ams",
        "threshold": 0.3,
        "pos_label": pos_label,
        "random_state": 0,
    }
    of_estimator = SignificanceScanDisplay.from_estimator(classifier, X, y, **options)
    score = (-1 if pos_label == "b" else 1) * classifier.decision_function(X)
    of_scores = SignificanceScanDisplay.from_predictions(y, score, **options)
    np.testing.assert_array_equal(of_estimator.scan.z, of_scores.scan.z)
    np.testing.assert_array_equal(of_estimator.z_error, of_scores.z_error)
    assert of_estimator.point == of_scores.point
    assert of_estimator.line_.get_label() == "LogisticRegression"


def test_infinite_scores_and_a_threshold_outside(scored):
    y, score, weight = scored
    score[:2] = np.inf, -np.inf
    display = SignificanceScanDisplay.from_predictions(
        y, score, sample_weight=np.abs(weight), threshold=9.0, kind="ams"
    )
    assert display.point.n_selected == 1
    assert np.isfinite(display.ax_.get_xlim()).all()
    assert display.ax_.get_xlim()[1] > 9.0
    display.figure_.canvas.draw()


def test_axes_and_style(scored):
    y, score, weight = scored
    _, axes = plt.subplots(1, 2)
    scan = significance_scan(y, score, weight)
    display = SignificanceScanDisplay.from_scan(scan, ax=axes[1], name="a", c="black")
    assert display.ax_ is axes[1]
    assert display.line_.get_color() == "black"
    assert display.plot(axes[0], name="b").line_.get_label() == "b"
    assert len(plt.get_fignums()) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_replicas": 1}, "`n_replicas` must be at least 2, got 1. Take 200"),
        ({"min_n_eff": -1}, "`min_n_eff` must be at least 0, got -1"),
        ({"x": "z"}, r"`x` must be one of .*'signal_efficiency'.*, got 'z'"),
        ({"threshold": float("nan")}, "`threshold` must be a number, got nan"),
        ({"kind": "best"}, "`kind` must be one of"),
    ],
)
def test_errors(scored, options, message):
    y, score, weight = scored
    with pytest.raises(ValueError, match=message):
        SignificanceScanDisplay.from_predictions(
            y, score, sample_weight=weight, **options
        )
    assert plt.get_fignums() == []


def test_only_infinite_scores():
    scan = significance_scan([0, 1], [-np.inf, np.inf])
    with pytest.raises(ValueError, match="`y_score` must have finite values"):
        SignificanceScanDisplay.from_scan(scan)
