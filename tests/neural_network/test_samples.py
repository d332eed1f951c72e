"""Events that the classifier refuses, and how it says so."""

# ruff: noqa: ARG005 - the functions of a table all take the same arguments

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV

from skhep_dnn.exceptions import MissingWeightsError
from skhep_dnn.neural_network import fit_together

# Samples are small here, of which the classifier rightly warns.
pytestmark = pytest.mark.filterwarnings(
    "ignore::skhep_dnn.exceptions.LowStatisticsWarning"
)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (lambda X, y, w: (None, None, w), "`sample_weight_val` must come with"),
        (lambda X, y, w: (X, None, None), "`y_val` must not be None"),
        (lambda X, y, w: (None, y, None), "`X_val` must not be None"),
        (lambda X, y, w: (X[:, :2], y, w), "X has 2 features"),
        (lambda X, y, w: (X, y, w[1:]), "`sample_weight_val` must be one-dim"),
        (
            lambda X, y, w: (X, ["s"] * 150, w),
            r"`y_val` must .* \['b', 's'\], got \['s'\]",
        ),
        (lambda X, y, w: (X, y == "s", w), r"`y_val` must hold the labels \['b'"),
        (lambda X, y, w: (X, y[1:], w), "inconsistent numbers of samples"),
        (lambda X, y, w: (X, y, -w), "sum to more than zero in every class"),
    ],
)
def test_a_validation_sample_that_does_not_fit_is_an_error(
    make_model, events, arguments, message
):
    with pytest.raises(ValueError, match=message):
        make_model().fit(*events, *arguments(*events))


def test_a_validation_sample_without_weights_is_an_error(make_model, events):
    X, y, w = events
    held_out = {"X_val": X, "y_val": y}
    message = r"`sample_weight_val` must come .* or numpy.ones\(len\(y_val\)\)"
    with pytest.raises(MissingWeightsError, match=message):
        make_model().fit(X, y, w, **held_out)
    sample = {"X": X, "y": y, "sample_weight": w, **held_out}
    with pytest.raises(MissingWeightsError, match=message):
        fit_together([make_model()], [sample])
    search = GridSearchCV(make_model(), {"width": [2]}, cv=2, error_score="raise")
    with pytest.raises(MissingWeightsError, match=message):
        search.fit(X, y, sample_weight=w, **held_out)


def test_weights_of_a_validation_sample_alone_judge_an_unweighted_training(
    make_model, events
):
    X, y, w = events
    plain = make_model().fit(X, y, X_val=X, y_val=y)
    judged = make_model().fit(X, y, X_val=X, y_val=y, sample_weight_val=w)
    ones = make_model().fit(
        X, y, np.ones(len(y)), X_val=X, y_val=y, sample_weight_val=np.ones(len(y))
    )
    losses = (model.history_["train_loss"] for model in (plain, judged, ones))
    first, second, third = losses
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first, third)
    assert (plain.history_["valid_loss"] == ones.history_["valid_loss"]).all()
    assert (plain.history_["valid_loss"] != judged.history_["valid_loss"]).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X, y: (X, None), "requires y to be passed"),
        (lambda X, y: (X, np.full(150, "s")), "`y` must contain two classes or more"),
        (lambda X, y: (X, X[:, 0]), "Unknown label type"),
        (lambda X, y: (X, np.where(y == "s", 1.0, np.nan)), "NaN"),
        (lambda X, y: (X[:-1], y), "inconsistent numbers of samples"),
        (lambda X, y: (X[:, 0], y), "Expected 2D array"),
        (lambda X, y: (pd.Series(X[:, 0]), y), "Expected a 2-dimensional container"),
        (lambda X, y: (np.where(X > 1.0, np.inf, X), y), "infinity"),
        (lambda X, y: (X.astype(str).astype(object) + "x", y), "could not convert"),
    ],
)
def test_events_that_do_not_fit_are_an_error(make_model, events, change, message):
    X, y, _ = events
    with pytest.raises(ValueError, match=message):
        make_model().fit(*change(X, y))
