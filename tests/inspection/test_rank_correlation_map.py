import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from skhep_dnn.feature_selection import weighted_spearman
from skhep_dnn.inspection import RankCorrelationDisplay


@pytest.fixture(name="X")
def table():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 300))
    return pd.DataFrame({"x": x, "y": y, "-x": -x, "y3": y**3, "flat": 1.0})


def test_correlated_features_are_neighbours(X):
    weight = np.random.default_rng(1).exponential(size=300)
    display = RankCorrelationDisplay.from_data(X, sample_weight=weight)
    order = display.order_
    assert abs(order.index("x") - order.index("-x")) == 1
    assert abs(order.index("y") - order.index("y3")) == 1
    names = [label.get_text() for label in display.ax_.get_xticklabels()]
    assert names == order
    expected = weighted_spearman(X, weight).loc[order, order]
    drawn = display.image_.get_array()
    np.testing.assert_allclose(drawn.filled(np.nan), expected)
    assert drawn.mask[order.index("flat")].all()
    assert display.image_.get_clim() == (-1.0, 1.0)
    assert display.image_.colorbar.ax.get_ylabel() == "Spearman rank correlation"


def test_order_of_the_columns_and_given_axes(X):
    _, ax = plt.subplots()
    display = RankCorrelationDisplay.from_data(X, cluster=False, ax=ax, cmap="PuOr")
    assert display.ax_ is ax
    assert display.order_ == list(X.columns)
    assert display.image_.get_cmap().name == "PuOr"
    again = display.plot(show_values=False)
    assert again.order_ != list(X.columns)
    assert len(again.ax_.texts) == 0


def test_from_correlation_takes_frames_and_arrays(X):
    correlation = weighted_spearman(X)
    of_frame = RankCorrelationDisplay.from_correlation(correlation)
    of_array = RankCorrelationDisplay.from_correlation(
        correlation.to_numpy(), names=list("abcde")
    )
    pair = RankCorrelationDisplay.from_correlation([[1.0, 0.2], [0.2, 1.0]])
    assert sorted(of_frame.order_) == sorted(X.columns)
    assert sorted(of_array.order_) == list("abcde")
    assert pair.order_ == ["x0", "x1"]
    with pytest.raises(ValueError, match=r"of 2 features .* shape \(5, 5\)\. Pass"):
        RankCorrelationDisplay.from_correlation(correlation, names=["a", "b"])


def test_names_of_thirty_features_do_not_overlap():
    X = pd.DataFrame(
        np.random.default_rng(0).normal(size=(50, 30)),
        columns=[f"DER_mass_transverse_{i}" for i in range(30)],
    )
    display = RankCorrelationDisplay.from_data(X)
    display.figure_.canvas.draw()
    boxes = [label.get_window_extent() for label in display.ax_.get_xticklabels()]
    assert all(a.x1 <= b.x0 for a, b in itertools.pairwise(boxes))
    boxes = [label.get_window_extent() for label in display.ax_.get_yticklabels()]
    assert all(a.y0 >= b.y1 for a, b in itertools.pairwise(boxes))
