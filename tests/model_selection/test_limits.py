"""Limits, and the size of a network before it is trained."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.model_selection import Limit, last_width, network_size
from skhep_dnn.neural_network import FeatureSplit


@pytest.fixture(scope="module")
def events():
    """Events of three classes with two columns of categories."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(300, 3)), columns=["a", "b", "c"])
    X["n_jets"] = rng.integers(0, 4, size=300)
    X["channel"] = pd.Categorical(rng.choice(["ee", "em", "mm"], size=300))
    X.loc[5, "channel"] = None
    return X, rng.choice(["s", "b", "t"], size=300)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("connection", ["plain", "dense", "residual"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"embedding_size": "half", "activation": "swish_learnt"},
        {"embedding_size": 5, "batch_norm": True},
    ],
)
def test_size_equals_that_of_the_fitted_network(events, n_classes, connection, options):
    X, y = events
    y = np.where(y == "t", "b", y) if n_classes == 2 else y
    model = WeightedDNNClassifier(
        n_layers=3,
        width=12,
        connection=connection,
        categorical_features=["n_jets", "channel"],
        max_epochs=1,
        random_state=0,
        **options,
    )
    expected = network_size(model, X, y)
    assert not hasattr(model, "n_parameters_")
    assert expected == model.fit(X, y).n_parameters_


@pytest.mark.parametrize(
    "options",
    [
        {"width_growth": 0.5, "activation": ["prelu", "relu"]},
        {"hidden_layer_sizes": [9, 7]},
        {"categorical_features": "from_dtype", "n_members": 2},
    ],
)
def test_size_of_other_shapes(events, options):
    X, y = events
    X = X.assign(channel=X["channel"].cat.codes) if len(options) == 1 else X
    if "categorical_features" not in options:
        X = X.drop(columns="channel")
    model = WeightedDNNClassifier(
        **{"n_layers": 2, "width": 8, "max_epochs": 1, "random_state": 0, **options}
    )
    assert network_size(model, X, y) == model.fit(X, y).n_parameters_


def test_size_in_a_pipeline(events):
    X, y = events
    X = X[["a", "b", "c"]]
    network = WeightedDNNClassifier(n_layers=1, width=8, max_epochs=1, random_state=0)
    pipeline = make_pipeline(make_pipeline(PolynomialFeatures(), network))
    expected = network_size(pipeline, X, y)
    assert expected == pipeline.fit(X, y)[-1][-1].n_parameters_
    assert network_size(make_pipeline(network), X, y) < expected


def test_the_network_of_the_higgsml_solution():
    # 33 813 free parameters: Strong, arXiv:2002.01427, Sec. 3.9.
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=(40, 30)), np.arange(40) % 4])
    model = WeightedDNNClassifier(
        n_layers=4,
        width=100,
        connection="plain",
        numeric_scaling="standard",
        scale_learning_rate=None,
        numeric_embedding=None,
        categorical_features=[30],
    )
    assert network_size(model, X, np.arange(40) % 2) == 33_813


def test_estimators_without_a_known_size(events):
    X, y = events
    with pytest.raises(TypeError, match=r"or a pipeline .* got LogisticRegression\(\)"):
        network_size(LogisticRegression(), X, y)
    with pytest.raises(TypeError, match="Pass a function of your own to `Limit`"):
        last_width(make_pipeline(LogisticRegression()), X, y)
    model = WeightedDNNClassifier(feature_groups=FeatureSplit(wide=["a"]))
    with pytest.raises(ValueError, match="`feature_groups` must be None, got FeatureS"):
        network_size(model, X, y)


def test_last_width():
    model = WeightedDNNClassifier(n_layers=8, width=50, width_growth=-0.2)
    assert last_width(model, [], []) == -20.0
    model.set_params(n_layers=4)
    assert last_width(make_pipeline(model), [], []) == 20.0
    model.set_params(hidden_layer_sizes=[30, 7])
    assert last_width(model, [], []) == 7.0


def test_limits_of_both_sides():
    limit = Limit(lambda *given: given[0], low=2, high=5)
    assert limit.excess(1, [], []) == 1.0
    assert limit.excess(2, [], []) == 0.0
    assert limit.excess(3, [], []) == -1.0
    assert limit.excess(9, [], []) == 4.0
    assert limit.excess(np.inf, [], []) == np.inf


def test_what_is_no_limit():
    with pytest.raises(TypeError, match=r"`function` must be a function .* got 3"):
        Limit(3)
    with pytest.raises(ValueError, match="`low` must be at most `high`, got 2 and 1"):
        Limit(len, low=2, high=1)
    with pytest.raises(ValueError, match="`low` must be at most `high`, got nan"):
        Limit(len, low=np.nan)
    with pytest.raises(ValueError, match="must be defined, got nan of"):
        Limit(lambda *_: np.nan).excess(None, [], [])
