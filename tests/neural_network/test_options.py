"""Options that contradict each other, and how the classifier says so."""

import inspect
import re

import numpy as np
import pytest

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.neural_network import TrainingSettings
from skhep_dnn.neural_network._activations import ACTIVATIONS
from skhep_dnn.neural_network._averaging import AVERAGES
from skhep_dnn.neural_network._losses import LOSSES
from skhep_dnn.neural_network._networks.network import CONNECTIONS
from skhep_dnn.neural_network._optimizers import OPTIMIZERS
from skhep_dnn.neural_network._schedules import SCHEDULES
from skhep_dnn.neural_network._snapshots import SNAPSHOTS

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
        ({"categorical_features": ["k"]}, "got 'k'. The columns have no names"),
        ({"width": 0}, "'width' parameter"),
        ({"dropout": 1.0}, "'dropout' parameter"),
        ({"activation": ["relu", "tanh"]}, r"one name for each of the 1 hidden layers"),
        ({"activation": ["relo"]}, r"`activation` must be among .* got \['relo'\]"),
        ({"dropout": [0.1, 0.2]}, r"one for each of the 1 hidden layers, got \(0.1"),
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
    "option",
    [{"cv": 3}, {"validation_fraction": 0.3}],
    ids=["cv", "validation_fraction"],
)
def test_an_explicit_sample_admits_no_other(make_model, events, option):
    X, y, w = events
    (name,) = option
    with pytest.raises(ValueError, match=rf"`{name}` must be None when a validation"):
        make_model(**option).fit(X, y, w, X[:50], y[:50], w[:50])


@pytest.mark.parametrize("n_folds", [3, np.int64(3)])
@pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.UnscoredEventsWarning")
def test_stratified_folds_may_be_counted_by_an_integer_of_numpy(
    make_model, events, n_folds
):
    X, y, w = events
    X[:, 0] = np.arange(150) % 2
    model = make_model(cv=n_folds, stratify=[0]).fit(X, y, w)
    assert np.isnan(model.oof_decision_function_).mean() == pytest.approx(2 / 3)


def test_an_unknown_device_is_an_error(make_model, events):
    with pytest.raises(RuntimeError, match="device"):
        make_model(device="abacus").fit(*events)


def test_device_auto_works_everywhere(make_model, events):
    X, y, w = events
    model = make_model(device="auto").fit(X, y, w)
    assert np.isfinite(model.decision_function(X)).all()


def test_an_unknown_keyword_is_refused_in_the_name_of_the_class():
    with pytest.raises(TypeError, match=r"^WeightedDNNClassifier\.__init__\(\) got"):
        WeightedDNNClassifier(n_member=2)


@pytest.mark.parametrize("cls", [WeightedDNNClassifier, TrainingSettings])
@pytest.mark.parametrize(
    ("parameter", "known"),
    [
        ("activation", ACTIVATIONS),
        ("averaging", AVERAGES),
        ("connection", CONNECTIONS),
        ("loss", LOSSES),
        ("optimizer", OPTIMIZERS),
        ("schedule", SCHEDULES),
        ("snapshots", SNAPSHOTS),
    ],
)
def test_names_are_documented_and_annotated(cls, parameter, known):
    doc = re.sub(r"\\\n *", "", cls.__doc__)
    (kind,) = re.findall(rf"^ *{parameter} : (.*)$", doc, flags=re.MULTILINE)
    documented = set(re.findall(r'"(\w+)"', kind.split("default=")[0]))
    if cls is WeightedDNNClassifier or parameter != "activation":
        assert documented == set(known)
    annotation = str(inspect.signature(cls).parameters[parameter].annotation)
    if "Literal" in annotation:
        assert set(re.findall(r"[\"'](\w+)[\"']", annotation)) == set(known)
