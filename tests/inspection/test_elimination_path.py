import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge

from skhep_dnn import BackwardEliminationSelector
from skhep_dnn.inspection import EliminationDisplay


@pytest.fixture
def iterations():
    return pd.DataFrame(
        {
            "iteration": [0, 1, 2, 3],
            "dropped": [None, "phi", "eta", "mass"],
            "n_features": [4, 3, 2, 1],
            "score": [-0.5, -0.499, -0.498, -0.7],
            "difference": [0.0, 0.001, 0.002, -0.2],
            "error": [0.0, 0.0005, 0.001, 0.01],
            "accepted": [True, True, True, False],
            "selected": [False, False, True, False],
        }
    )


@pytest.fixture
def candidates():
    return pd.DataFrame(
        {
            "iteration": [0, 1, 1, 1],
            "candidate": [None, "phi", "eta", "mass"],
            "score": [-0.5, -0.499, -0.4995, -0.8],
            "dropped": [False, True, False, False],
        }
    )


def test_changes_are_drawn_from_the_top_with_errors(iterations, candidates):
    display = EliminationDisplay.from_path(
        iterations, candidates, scoring="balanced_log_loss"
    )
    ax = display.ax_
    names = [label.get_text() for label in ax.get_yticklabels()]
    minus = "\N{MINUS SIGN}"
    expected = ["all 4 columns", f"{minus} phi", f"{minus} eta", f"{minus} mass"]
    assert names == expected
    points = display.points_.lines[0]
    assert list(points.get_xdata()) == iterations["difference"].tolist()
    (errors,) = display.points_.lines[2]
    lengths = [np.ptp(segment[:, 0]) / 2 for segment in errors.get_segments()]
    np.testing.assert_allclose(lengths, iterations["error"])
    assert ax.get_ylim() == (3.6, -0.6)
    assert display.selected_.get_xdata() == [0.002]
    assert display.selected_.get_ydata() == [2]
    assert ax.get_xlabel() == "decrease of the balanced log-loss (nats)"
    texts = {text.get_text() for text in ax.get_legend().get_texts()}
    assert "selected: 2 columns" in texts


def test_what_is_far_off_does_not_hide_the_rest(iterations, candidates):
    display = EliminationDisplay.from_path(iterations, candidates)
    low, high = display.ax_.get_xlim()
    assert low == pytest.approx(-2.0 * 0.003)
    assert high > 0.003
    inside, outside = (c.get_offsets() for c in display.candidates_)
    np.testing.assert_allclose(inside, [[0.0005, 1]])
    np.testing.assert_allclose(outside, [[low, 1]])
    assert display.ax_.get_xlabel() == "increase of the score"


def test_a_range_that_holds_all_is_left_alone(iterations):
    near = iterations.assign(difference=[0.0, 0.001, 0.002, -0.001], error=0.001)
    display = EliminationDisplay.from_path(near)
    assert display.ax_.get_xlim()[0] < -0.002
    assert display.candidates_ == []
    alone = iterations[:1].assign(selected=True)
    assert EliminationDisplay.from_path(alone).selected_.get_ydata() == [0]


def test_given_axes_style_and_a_second_plot(iterations):
    _, ax = plt.subplots()
    display = EliminationDisplay.from_path(iterations, ax=ax, c="k", marker="s")
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    assert display.points_.lines[0].get_marker() == "s"
    assert display.points_.lines[0].get_color() == "k"
    again = display.plot()
    assert again is display
    assert display.ax_ is not ax


def test_of_a_selector():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 100)
    X = rng.normal(size=(200, 3)) + np.outer(y, [2.0, 0.0, 0.0])
    selector = BackwardEliminationSelector(LogisticRegression(), cv=2)
    with pytest.raises(NotFittedError):
        EliminationDisplay.from_estimator(selector)
    display = EliminationDisplay.from_estimator(selector.fit(X, y))
    assert display.iterations.equals(selector.iterations_)
    assert display.candidates.equals(selector.elimination_path_)
    assert "log-loss" in display.ax_.get_xlabel()
    alone = EliminationDisplay.from_estimator(selector, show_candidates=False)
    assert alone.candidates is None
    selector.set_params(scoring="roc_auc", n_replicas=2).fit(X, y)
    auc = EliminationDisplay.from_estimator(selector)
    assert auc.ax_.get_xlabel() == "increase of the AUC"
    ridge = BackwardEliminationSelector(Ridge(), cv=2, n_replicas=2).fit(X, y)
    display = EliminationDisplay.from_estimator(ridge)
    assert display.ax_.get_xlabel() == "increase of the score"
