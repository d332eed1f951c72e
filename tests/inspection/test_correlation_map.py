"""The heat map of correlations: which triangle is of which class."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from skhep_dnn.exceptions import WeightsError
from skhep_dnn.feature_selection import weighted_correlation
from skhep_dnn.inspection import CorrelationDisplay


@pytest.fixture
def events():
    rng = np.random.default_rng(0)
    y = np.repeat(["b", "s"], 600)
    X = pd.DataFrame(rng.normal(size=(1200, 4)), columns=list("abcd"))
    X.loc[y == "s", "b"] += X["a"]
    X.loc[y == "b", "d"] -= 2.0 * X["a"]
    weight = rng.exponential(size=1200) * np.where(rng.random(1200) < 0.1, -1.0, 1.0)
    return X, y, weight


def test_signal_is_above_and_background_below_the_diagonal(events):
    X, y, weight = events
    display = CorrelationDisplay.from_data(X, y, sample_weight=weight)
    drawn = np.asarray(display.image_.get_array())
    names = display.order_
    for kind, own in (("signal", y == "s"), ("background", y == "b")):
        r, error = weighted_correlation(X[own], weight[own])
        pd.testing.assert_frame_equal(display.correlation[kind], r)
        pd.testing.assert_frame_equal(display.error[kind], error)
        triangle = np.triu if kind == "signal" else np.tril
        ordered = r.loc[names, names].to_numpy()
        np.testing.assert_allclose(triangle(drawn), triangle(ordered))
    texts = [text.get_text() for text in display.class_texts_]
    assert "background (b)" in texts[0]
    assert "signal (s)" in texts[1]
    assert abs(names.index("a") - names.index("d")) == 1
    kept = display.plot(cluster=False, show_values=False)
    assert kept.order_ == list("abcd")
    assert not kept.ax_.texts[2:]


def test_without_labels_the_matrix_is_symmetric(events):
    X, _, weight = events
    display = CorrelationDisplay.from_data(X, sample_weight=weight, cluster=False)
    drawn = np.asarray(display.image_.get_array())
    np.testing.assert_array_equal(drawn, drawn.T)
    np.testing.assert_allclose(drawn, weighted_correlation(X, weight)[0])
    assert display.class_texts_ == []
    _, ax = plt.subplots()
    assert display.plot(ax).ax_ is ax


def test_several_classes_and_errors(events):
    X, y, _ = events
    three = np.where(np.arange(1200) % 3 == 0, "t", y)
    display = CorrelationDisplay.from_data(X, three, pos_label=["s", "t"])
    r, _ = weighted_correlation(X[three != "b"])
    pd.testing.assert_frame_equal(display.correlation["signal"], r)
    with pytest.raises(ValueError, match="must name the signal among the 3 classes"):
        CorrelationDisplay.from_data(X, three)
    with pytest.raises(WeightsError, match="sum to more than 0"):
        CorrelationDisplay.from_data(X, y, sample_weight=np.where(y == "s", -1, 1))
    with pytest.raises(WeightsError, match="sum to more than 0"):
        CorrelationDisplay.from_data(X, sample_weight=-np.ones(1200))
