"""Efficiency against a variable: what is drawn, and which cut sculpts."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from sklearn.linear_model import LogisticRegression

from skhep_dnn.inspection import EfficiencyDisplay
from skhep_dnn.metrics import binned_efficiency, significance_scan

draw = EfficiencyDisplay.from_predictions


@pytest.fixture
def events():
    rng = np.random.default_rng(0)
    y = np.where(rng.random(4000) < 0.4, "s", "b")
    mass = np.where(y == "s", 125.0, 90.0) + 20.0 * rng.normal(size=4000)
    score = rng.normal(size=4000) + (y == "s")
    weight = rng.exponential(size=4000) * np.where(rng.random(4000) < 0.1, -1.0, 1.0)
    return y, score, mass, weight


def test_points_are_efficiencies_with_their_intervals(events):
    y, score, mass, weight = events
    edges = np.linspace(30.0, 170.0, 8)
    display = draw(
        y,
        score,
        mass,
        threshold=1.0,
        sample_weight=weight,
        bins=edges,
        name="mass_GeV",
    )
    for kind in ("signal", "background"):
        own = y == kind[0]
        expected = binned_efficiency(
            mass[own], score[own] >= 1.0, weight[own], edges=edges
        )
        found = display.efficiency[kind]
        np.testing.assert_array_equal(found.efficiency, expected.efficiency)
        assert found.p_value == expected.p_value
        points, _, (_, bars) = display.points_[kind].lines
        seen = np.isfinite(found.efficiency)
        np.testing.assert_array_equal(points.get_ydata(), found.efficiency[seen])
        ends = np.array([segment[:, 1] for segment in bars.get_segments()])
        low_high = np.column_stack([found.low, found.high])
        np.testing.assert_allclose(ends, low_high[seen])
        assert display.lines_[kind].get_ydata()[0] == found.total
        assert f"p = {found.p_value:.2g}" in display.points_[kind].get_label()
    assert display.ax_shape_.get_xlabel() == "mass [GeV]"
    assert display.ax_.get_legend().get_title().get_text() == "score $\\geq$ 1"


def test_shapes_of_the_background_have_the_same_area(events):
    y, score, mass, weight = events
    display = draw(y, score, mass, threshold=0.5, sample_weight=weight, bins=9)
    edges, widths = display.before.edges, np.diff(display.before.edges)
    heights, *_ = display.before_.get_data()
    assert (heights * widths).sum() == pytest.approx(1.0)
    points, _, (bars,) = display.after_.lines
    passed = (y == "b") & (score >= 0.5)
    content = np.histogram(mass[passed], edges, weights=weight[passed])[0]
    seen = display.after.error > 0.0
    expected = content / widths / content.sum()
    np.testing.assert_allclose(points.get_ydata(), expected[seen])
    error = np.sqrt(np.histogram(mass[passed], edges, weights=weight[passed] ** 2)[0])
    ends = np.array([segment[:, 1] for segment in bars.get_segments()])
    np.testing.assert_allclose(
        np.ptp(ends, axis=1), (2.0 * error / widths / content.sum())[seen]
    )


def test_only_a_score_that_knows_the_mass_sculpts_it(events):
    y, score, mass, weight = events
    flat = draw(y, score, mass, threshold=1.0, sample_weight=weight)
    knowing = score + 0.05 * (mass - 90.0)
    sculpted = draw(y, knowing, mass, threshold=1.0, sample_weight=weight)
    assert flat.efficiency["background"].p_value > 0.05
    assert sculpted.efficiency["background"].p_value < 1e-6
    spread = [d.efficiency["background"].spread for d in (flat, sculpted)]
    assert spread[0] < 0.2
    assert spread[1] > 0.5
    assert "p < 0.001" in sculpted.points_["background"].get_label()


def test_the_variable_is_a_column_and_the_cut_a_working_point(events):
    y, _, mass, weight = events
    X = pd.DataFrame({"mass": mass, "other": np.arange(4000) / 4000})
    model = LogisticRegression(max_iter=500).fit(X, y)
    score = model.decision_function(X)
    point = significance_scan(y, score, weight).at(0.3)
    options = {"threshold": point, "sample_weight": weight, "units": {"mass": "GeV"}}
    by_name = EfficiencyDisplay.from_estimator(model, X, y, "mass", **options)
    by_position = EfficiencyDisplay.from_estimator(model, X, y, 0, **options)
    given = draw(y, score, mass, name="mass", **options)
    for display in (by_name, by_position):
        np.testing.assert_array_equal(
            display.efficiency["signal"].efficiency,
            given.efficiency["signal"].efficiency,
        )
        assert display.label == "mass [GeV]"
        assert display.threshold == 0.3
    other = EfficiencyDisplay.from_estimator(model, X, y, mass, **options)
    assert other.label == "variable"


def test_axes_undefined_values_and_logarithms(events):
    y, score, mass, _ = events
    mass[::5] = -999.0
    score = score + 2.0 * (y == "s")
    _, axes = plt.subplots(1, 2)
    display = draw(
        y, score, mass, threshold=3.0, missing_values=-999.0, ax=axes[0], c="k"
    )
    assert display.ax_ is axes[0]
    assert display.ax_.get_yscale() == "log"  # efficiencies far apart
    assert display.plot(log=False).ax_.get_yscale() == "linear"
    own = (y == "b") & (mass > -999.0)
    inside = own & (mass >= display.before.edges[0])
    inside &= mass <= display.before.edges[-1]
    total = np.mean(score[inside] >= 3.0)
    assert display.efficiency["background"].total == pytest.approx(total)
    nothing = draw(y, score, mass, threshold=99.0, missing_values=-999.0)
    assert nothing.efficiency["signal"].total == 0.0
    assert np.isnan(nothing.efficiency["signal"].spread)


def test_errors(events):
    y, score, mass, _ = events
    with pytest.raises(ValueError, match="`variable` must have one value for each of"):
        draw(y, score, mass[:5], threshold=1.0)
    with pytest.raises(ValueError, match="`threshold` must be a number, got nan"):
        draw(y, score, mass, threshold=np.nan)
