"""The HTML representation shows the networks."""

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.neural_network import FeatureSplit, PeriodicEmbedding

RNG = np.random.default_rng(3)
X = np.column_stack([RNG.normal(size=(60, 2)), RNG.integers(0, 3, 60)])
Y = RNG.integers(0, 2, 60)


def html(model):
    return model._repr_html_()


def test_an_unfitted_estimator_shows_its_layers():
    model = WeightedDNNClassifier(
        hidden_layer_sizes=[8, 8, 4],
        activation=["relu", "relu", "tanh"],
        dropout=[0.1, 0.1, 0.0],
        connection="plain",
        n_members=3,
    )
    for text in ("2 x 8 relu", "4 tanh", "dropout 0.1", "mean of 3 members"):
        assert text in html(model)
    assert "batch norm" not in html(model)
    assert "batch norm" in html(model.set_params(batch_norm=True))


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_fitted_estimator_shows_columns_outputs_and_parameters(n_classes):
    model = WeightedDNNClassifier(
        n_layers=1, width=4, max_epochs=1, categorical_features=[2]
    )
    model.fit(X, np.arange(60) % n_classes)
    shown = html(model)
    assert "2 numbers, 1 category column" in shown
    assert ("1 logit" if n_classes == 2 else "3 logits") in shown
    assert f"1 member, {model.n_parameters_} parameters each" in shown


def test_it_is_said_how_numbers_enter():
    model = WeightedDNNClassifier(
        n_layers=1,
        width=4,
        max_epochs=1,
        categorical_features=[2],
        embedding_size=2,
        numeric_scaling="robust",
        scale_learning_rate=20.0,
        numeric_embedding=PeriodicEmbedding(size=3),
    )
    text = "undefined values learnt, robust scaling, learnt factors, periodic embedding"
    assert text in html(model)
    assert f"{text}; categories embedded; 8 inputs" in html(model.fit(X, Y))
    plain = WeightedDNNClassifier(
        n_layers=1,
        width=4,
        max_epochs=1,
        numeric_scaling="standard",
        scale_learning_rate=None,
        numeric_embedding=None,
    ).fit(X, Y)
    assert "filled, standard scaling" in html(plain)
    assert "learnt" not in html(plain).split("sk-serial")[1]
    assert "inputs" not in html(plain).split("sk-serial")[1]


def test_without_categories_none_are_shown():
    model = WeightedDNNClassifier(n_layers=1, width=4, max_epochs=1).fit(X, Y)
    assert "3 numbers" in html(model)
    assert "category" not in html(model).split("sk-serial")[1]


@pytest.mark.parametrize("fitted", [False, True])
def test_both_paths_of_a_split_network_are_shown(fitted):
    split = FeatureSplit([0, 1], kind="bottleneck", width=7)
    model = WeightedDNNClassifier(
        n_layers=2, width=4, feature_groups=split, max_epochs=1
    )
    shown = html(model.fit(X, Y) if fitted else model)
    for text in ("2 x 4 swish", "7 in the wide layer", "2 columns, bottleneck split"):
        assert text in shown
    assert "wide layer" not in html(model.set_params(feature_groups=None))


def test_a_pipeline_shows_the_layers_too():
    assert "4 x 64 swish" in html(make_pipeline(WeightedDNNClassifier()))


def test_options_that_contradict_each_other_do_not_break_the_representation():
    model = WeightedDNNClassifier(n_layers=2, activation=["relu"])
    assert "WeightedDNNClassifier" in html(model)
