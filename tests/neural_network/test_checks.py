"""What the classifier refuses, and how it says so."""

# ruff: noqa: ARG005 - the functions of a table all take the same arguments

import numpy as np
import pandas as pd
import pytest

# Samples are small here, of which the classifier rightly warns.
pytestmark = pytest.mark.filterwarnings(
    "ignore::skhep_dnn.exceptions.LowStatisticsWarning"
)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"early_stopping": True}, "early_stopping=True must have a validation sample"),
        (
            {"early_stopping": True, "schedule": "one_cycle"},
            "early_stopping=True must have a validation sample",
        ),
        (
            {"member_weighting": "inverse_loss"},
            'member_weighting="inverse_loss" must have a validation sample',
        ),
        ({"hidden_layer_sizes": []}, "must be a sequence of whole numbers"),
        ({"hidden_layer_sizes": [3.5]}, "must be a sequence of whole numbers"),
        ({"hidden_layer_sizes": [4, 0]}, "`hidden_layer_sizes` must be positive"),
        ({"validation_fraction": 0.999}, "leave events of every class on both sides"),
        ({"categorical_features": ["k"]}, "must be positions where `X` has no"),
        ({"width": 0}, "'width' parameter"),
        ({"dropout": 1.0}, "'dropout' parameter"),
        ({"activation": ["relu", "tanh"]}, r"one name for each of the 1 hidden layers"),
        ({"activation": ["relo"]}, r"`activation` must be among .* got \['relo'\]"),
        ({"dropout": [0.1, 0.2]}, r"one for each of the 1 hidden layers, got \[0.1"),
        ({"dropout": [1.0]}, r"a probability in \[0, 1\)"),
        (
            {"n_layers": 3, "width_growth": -0.5},
            r"a width of 1 or more, got -0.5 .* 0\]",
        ),
        (
            {"hidden_layer_sizes": [4, 5], "connection": "residual"},
            r"hidden layers of equal width, got \[4, 5\]",
        ),
        ({"embedding_size": "all"}, "'embedding_size' parameter"),
        ({"optimizer": "lbfgs"}, "'optimizer' parameter"),
        ({"clip_norm": 0.0}, "'clip_norm' parameter"),
        ({"activation": "gelo"}, "'activation' parameter"),
        ({"connection": "skip"}, "'connection' parameter"),
        ({"schedule": "cosine"}, "'schedule' parameter"),
        ({"learning_rate": 0.0}, "'learning_rate' parameter"),
        ({"l1": -1.0}, "'l1' parameter"),
        ({"n_members": 0}, "'n_members' parameter"),
        ({"max_epochs": 0}, "'max_epochs' parameter"),
        ({"cv": 1}, "'cv' parameter"),
        ({"negative_weights": "drop"}, "'negative_weights' parameter"),
        ({"member_weighting": "loss"}, "'member_weighting' parameter"),
    ],
)
def test_options_that_do_not_fit_are_an_error(make_model, events, options, message):
    with pytest.raises(ValueError, match=message):
        make_model(**options).fit(*events)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (lambda X, y, w: (X, y, w), {"cv": 3}, "`cv` must be None when a validation"),
        (lambda X, y, w: (None, None, w), {}, "`sample_weight_val` must come with"),
        (lambda X, y, w: (X, None, None), {}, "`y_val` must not be None"),
        (lambda X, y, w: (None, y, None), {}, "`X_val` must not be None"),
        (lambda X, y, w: (X[:, :2], y, w), {}, "X has 2 features"),
        (lambda X, y, w: (X, y, w[1:]), {}, "`sample_weight_val` must be one-dim"),
        (lambda X, y, w: (X, ["s"] * 150, w), {}, "`y_val` must contain two classes"),
        (lambda X, y, w: (X, y == "s", w), {}, r"`y_val` must hold the labels \['b'"),
        (lambda X, y, w: (X, y[1:], w), {}, "inconsistent numbers of samples"),
        (lambda X, y, w: (X, y, -w), {}, "sum to more than zero in every class"),
    ],
)
def test_a_validation_sample_that_does_not_fit_is_an_error(
    make_model, events, arguments, options, message
):
    with pytest.raises(ValueError, match=message):
        make_model(**options).fit(*events, *arguments(*events))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X, y: (X, None), "requires y to be passed"),
        (lambda X, y: (X, np.full(150, "s")), "`y` must contain two classes"),
        (lambda X, y: (X, np.arange(150) % 3), "Only binary classification"),
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


def test_an_unknown_device_is_an_error(make_model, events):
    with pytest.raises(RuntimeError, match="device"):
        make_model(device="abacus").fit(*events)


def test_device_auto_works_everywhere(make_model, events):
    X, y, w = events
    model = make_model(device="auto").fit(X, y, w)
    assert np.isfinite(model.decision_function(X)).all()
