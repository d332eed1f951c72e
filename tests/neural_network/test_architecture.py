"""From parameters to shapes: widths, dropout, embeddings, and numbers of parameters."""

import pytest

from skhep_dnn.neural_network import count_parameters
from skhep_dnn.neural_network._activations import ACTIVATIONS
from skhep_dnn.neural_network._networks.shapes import (
    embedding_width,
    hidden_widths,
    layer_dropout,
)

# Samples are small here, of which the classifier rightly warns.
pytestmark = pytest.mark.filterwarnings(
    "ignore::skhep_dnn.exceptions.LowStatisticsWarning"
)

# Numbers enter as they are but for a standardisation: nothing to count.
PLAIN = {"has_factors": False, "numeric_embedding": None}


@pytest.mark.parametrize(
    ("growth", "widths"),
    [
        (0.0, [50, 50, 50]),
        (0.5, [50, 75, 100]),
        (-0.2, [50, 40, 30]),
        (1.0, [50, 100, 150]),
    ],
)
def test_width_grows_linearly_with_the_depth(growth, widths):
    assert hidden_widths(None, 3, 50, growth) == widths
    assert hidden_widths((7, 8), 3, 50, growth) == [7, 8]


def test_dropout_is_the_same_for_all_layers_or_one_for_each():
    assert layer_dropout(0.2, 3) == [0.2, 0.2, 0.2]
    assert layer_dropout([0.1, 0.0, 0.5], 3) == [0.1, 0.0, 0.5]


@pytest.mark.parametrize(
    ("n", "size", "width"),
    [
        (4, "n-1", 3),
        (1, "n-1", 1),
        (4, "half", 2),
        (5, "half", 3),
        (900, "half", 50),
        (4, 7, 7),
    ],
)
def test_embedding_sizes_follow_the_rules_of_the_document(n, size, width):
    assert embedding_width(n, size) == width


@pytest.mark.parametrize(
    ("sizes", "options", "count"),
    [
        ([100] * 4, {"connection": "plain", "n_categories": [4]}, 33_813),
        ([33] * 6, {"connection": "dense", "n_categories": [4]}, 23_113),
    ],
)
def test_counts_of_strong_2020(sizes, options, count):
    assert count_parameters(30, sizes, **PLAIN, **options) == count


@pytest.mark.parametrize(
    ("sizes", "activation", "count"),
    [
        ([576, 1440, 48, 80], ["relu", "relu", "softmax", "relu"], 918_449),
        ([608, 832, 32, 32], ["relu", "softmax", "exponential", "softmax"], 549_633),
    ],
)
def test_counts_of_the_th_search_with_one_logit(sizes, activation, count):
    # the document counts two outputs: one more of the last width, and a bias
    assert count + sizes[-1] + 1 in {918_530, 549_666}
    options = {"connection": "plain", "activation": activation}
    assert count_parameters(24, sizes, **PLAIN, **options) == count


@pytest.mark.parametrize("connection", ["plain", "dense", "residual"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_counts_are_those_of_the_fitted_networks(
    make_model, mixed_events, connection, activation
):
    X, y, w = mixed_events
    # one layer of it: an exponential of exponentials would overflow
    options = {"activation": ["tanh", activation], "connection": connection}
    model = make_model(
        n_members=2,
        hidden_layer_sizes=[5, 5],
        categorical_features=["channel", "jets"],
        embedding_size=2,
        max_epochs=1,
        **options,
    ).fit(X, y, w)
    expected = count_parameters(
        3, [5, 5], n_categories=[3, 4], embedding_size=2, **PLAIN, **options
    )
    assert model.n_parameters_ == expected
    assert model.predict_proba(X).sum(axis=1) == pytest.approx(1.0)


def test_width_growth_and_lists_reach_the_network(make_model, events):
    X, y, w = events
    activation = ["relu", "softmax", "exponential"]
    model = make_model(
        n_layers=3,
        width=8,
        width_growth=0.5,
        activation=activation,
        dropout=[0.0, 0.5, 0.25],
    ).fit(X, y, w)
    module = model.net_.module_
    assert module.hidden_layer_sizes == (8, 12, 16)
    assert module.keep_thresholds == [0, 128, 64]
    assert model.n_parameters_ == count_parameters(
        3,
        [8, 12, 16],
        connection="plain",
        activation=["relu", "softmax", "exponential"],
        **PLAIN,
    )
