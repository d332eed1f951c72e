"""Events that the classifier refuses, and how it says so."""

# ruff: noqa: ARG005 - the functions of a table all take the same arguments

import numpy as np
import pandas as pd
import pytest

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
            r"`y_val` must .* \['b', 's'\], got no event .* of \['b'\]",
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
