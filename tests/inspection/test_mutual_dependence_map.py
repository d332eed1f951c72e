import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from sklearn.linear_model import LinearRegression

from skhep_dnn.feature_selection import MutualDependence, mutual_dependence
from skhep_dnn.inspection import MutualDependenceDisplay


@pytest.fixture
def result():
    names = ["a", "b", "c"]
    contributions = pd.DataFrame(
        [[np.nan, 0.1, 0.2], [0.3, np.nan, 0.4], [1.5, 0.6, np.nan]], names, names
    )
    return MutualDependence(pd.Series([0.2, 0.1, 0.9], names), contributions)


def test_rows_are_sorted_and_the_dependence_stands_apart(result):
    display = MutualDependenceDisplay.from_dependence(result)
    assert display.order_ == ["c", "a", "b"]
    drawn = display.image_.get_array().filled(np.nan)
    np.testing.assert_array_equal(drawn[:, 0], [0.9, 0.2, 0.1])
    assert np.isnan(drawn[:, 1]).all()
    np.testing.assert_array_equal(drawn[0, 2:], [np.nan, 1.5, 0.6])
    np.testing.assert_array_equal(drawn[1, 2:], [0.2, np.nan, 0.1])
    names = [label.get_text() for label in display.ax_.get_xticklabels()]
    assert names == ["dependence $R^2$", "", "c", "a", "b"]
    assert display.ax_.get_ylabel() == "predicted feature"
    assert display.ax_.get_xlabel() == "permuted feature"
    assert display.image_.colorbar.extend == "max"


def test_from_data_equals_from_dependence():
    X = np.random.default_rng(0).normal(size=(100, 3))
    X[:, 2] += X[:, 0]
    weight = np.arange(1.0, 101.0)
    options = {"estimator": LinearRegression(), "cv": 2, "random_state": 0}
    _, ax = plt.subplots()
    display = MutualDependenceDisplay.from_data(
        X, sample_weight=weight, ax=ax, cmap="Greens", **options
    )
    assert display.ax_ is ax
    assert display.image_.get_cmap().name == "Greens"
    expected = mutual_dependence(X, weight, **options)
    pd.testing.assert_series_equal(display.result.dependence, expected.dependence)
    assert len(display.plot(show_values=False).ax_.texts) == 0
