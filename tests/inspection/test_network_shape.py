import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.inspection._network_shape import Inputs, network_shape
from skhep_dnn.neural_network import FeatureSplit, PeriodicEmbedding


@pytest.mark.parametrize("kind", [None, "full", "bottleneck", "semi"])
def test_sizes_are_those_of_the_fitted_networks(split_model, kind):
    model = split_model(kind)
    shape = network_shape(model)
    assert shape.kind == kind
    n_deep = 3 if kind in {None, "semi"} else 2
    assert shape.deep == Inputs(n_deep, n_deep)
    assert shape.wide == (Inputs(0, 0) if kind is None else Inputs(1, 1))
    assert shape.layers == ("8 swish\ndropout 0.2", "6 swish")
    assert shape.wide_layer == ("" if kind is None else "4 swish")
    assert (shape.n_outputs, shape.n_members) == (1, 2)
    assert shape.n_parameters == model.n_parameters_
    assert set(shape.path_texts()) == ({"deep"} if kind is None else {"deep", "wide"})


def test_categories_come_in_as_their_embeddings(toy_events):
    X, _, _ = toy_events
    X = X.assign(jets=np.arange(400) % 4)
    model = WeightedDNNClassifier(
        n_layers=1,
        width=4,
        n_members=1,
        feature_groups=FeatureSplit(["jets", "a"], width=4),
        categorical_features=["jets"],
        batch_norm=True,
        connection="plain",
        numeric_scaling="standard",
        scale_learning_rate=None,
        numeric_embedding=None,
        max_epochs=1,
        random_state=0,
    ).fit(X, np.arange(400) % 3)
    shape = network_shape(model.set_params(feature_groups=None, width=99))
    assert shape.deep == Inputs(2, 2)
    assert shape.wide == Inputs(2, 4)
    assert shape.wide.text() == "2 features"
    assert shape.n_outputs == 3
    assert shape.batch_norm


@pytest.mark.parametrize("kind", [None, "full", "bottleneck", "semi"])
def test_numbers_come_in_as_their_embeddings(toy_events, kind):
    X, y, _ = toy_events
    X = X.assign(jets=np.arange(400) % 4)
    model = WeightedDNNClassifier(
        n_layers=1,
        width=4,
        feature_groups=None if kind is None else FeatureSplit(["a", "jets"], kind),
        categorical_features=["jets"],
        numeric_scaling="robust",
        scale_learning_rate=20.0,
        numeric_embedding=PeriodicEmbedding(size=5),
        max_epochs=1,
        random_state=0,
    ).fit(X, y)
    shape = network_shape(model)
    n = X.shape[1]
    everything = Inputs(n, 5 * (n - 1) + 3)
    if kind is None:
        assert (shape.deep, shape.wide) == (everything, Inputs(0, 0))
    else:
        others = Inputs(n - 2, 5 * (n - 2))
        assert shape.deep == (everything if kind == "semi" else others)
        assert shape.wide == Inputs(2, 8)


def test_errors(toy_events):
    X, y, _ = toy_events
    with pytest.raises(TypeError, match="must be a network with its layers, got Logi"):
        network_shape(LogisticRegression().fit(X, y))
    with pytest.raises(NotFittedError):
        network_shape(WeightedDNNClassifier())
