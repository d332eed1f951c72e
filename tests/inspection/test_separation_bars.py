"""Bars of separation powers: order, errors, what is left out and what is grey."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from skhep_dnn.inspection import SeparationDisplay
from skhep_dnn.metrics import SeparationPower, separation_power


@pytest.fixture
def events():
    rng = np.random.default_rng(0)
    y = np.repeat(["b", "s"], 800)
    X = pd.DataFrame(rng.normal(size=(1600, 3)), columns=["noise", "strong", "weak"])
    X["strong"] += 1.5 * (y == "s")
    X["weak"] += 0.7 * (y == "s")
    X.loc[::7, "weak"] = -999.0
    weight = rng.exponential(size=1600) * np.where(rng.random(1600) < 0.1, -1.0, 1.0)
    return X, y, weight


def test_bars_are_separations_with_errors_the_largest_on_top(events):
    X, y, weight = events
    display = SeparationDisplay.from_data(
        X, y, sample_weight=weight, missing_values=-999.0, n_replicas=20
    )
    assert display.order_ == ["strong", "weak", "noise"]
    defined = X.replace(-999.0, np.nan)
    for k, name in enumerate(display.order_):
        power = separation_power(y, defined[name], weight, n_replicas=20)
        assert display.bars_[k].get_width() == pytest.approx(power.value)
        (bars,) = display.bars_.errorbar.lines[2]
        ends = bars.get_segments()[k][:, 0]
        assert np.ptp(ends) == pytest.approx(2.0 * power.error)
        text = display.values_[k].get_text().replace("\N{MINUS SIGN}", "-")
        assert text == str(power)
    greys = [bool(patch.get_hatch()) for patch in display.bars_]
    assert greys == [False, False, True]
    assert "within 2 errors" in display.ax_.texts[-1].get_text()
    figure = display.figure_
    figure.draw_without_rendering()
    for text in display.values_:
        assert text.get_window_extent().x1 < display.ax_.bbox.x1


def test_scores_have_a_bar_and_only_the_largest_are_drawn(events):
    X, y, weight = events
    X = X.replace(-999.0, np.nan)
    display = SeparationDisplay.from_data(
        X, y, sample_weight=weight, y_score=X["strong"] + y.size, max_features=2
    )
    assert "classifier score" in display.separations
    assert len(display.bars_) == 2
    assert "2 smaller ones are not shown" in display.ax_.texts[-1].get_text()
    many = {
        f"x{k}": SeparationPower(value=k / 99, error=0.001, bias=0.0, n_bins=9)
        for k in range(1, 31)
    }
    display = SeparationDisplay.from_separations(many)
    assert display.order_ == [f"x{k}" for k in range(30, 10, -1)]
    _, ax = plt.subplots()
    assert display.plot(ax, show_values=False, color="red").ax_ is ax
    assert display.values_ == []


def test_errors(events):
    X, y, _ = events
    X = X.replace(-999.0, np.nan)
    with pytest.raises(ValueError, match="`separations` must not be empty and `max"):
        SeparationDisplay.from_separations({})
    with pytest.raises(ValueError, match="`max_features` at least 1, got 3 and 0"):
        SeparationDisplay.from_data(X, y, n_replicas=2, max_features=0)
    with pytest.raises(ValueError, match="`y_score` must have one score for each"):
        SeparationDisplay.from_data(X, y, y_score=[0.5])
