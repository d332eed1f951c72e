"""The solutions of the HiggsML challenge are exported whole: real events, 3 000."""

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, VotingClassifier

from benchmarks.common.higgsml_solution import higgsml_solution
from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.datasets import fetch_higgsml
from skhep_dnn.ensemble import CrossFitClassifier, SymmetryAveragedClassifier
from skhep_dnn.export._scoring_program import scoring_program
from skhep_dnn.pipeline import make_weighted_pipeline
from skhep_dnn.preprocessing import InvariantFeatures, SymmetryAugmenter
from skhep_dnn.weights import training_weights
from tests.export.onnx_models import check_export, run_program

# In two passes some of the settings have no time to stop early, and folds are small.
pytestmark = [
    pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.LowStatisticsWarning"),
    pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.IgnoredParameterWarning"),
]


@pytest.fixture(scope="module")
def events(higgsml_file):
    events = fetch_higgsml("train", path=higgsml_file)
    rows = slice(0, 3000)
    return events.data[rows], events.target[rows], events.sample_weight[rows]


def networks():
    """The networks of the best score, in two passes."""
    return WeightedDNNClassifier(
        n_members=10,
        dropout=0.2,
        numeric_scaling="standard",
        scale_learning_rate=None,
        numeric_embedding=None,
        max_epochs=2,
        augmenter=SymmetryAugmenter(),
        categorical_features=["PRI_jet_num"],
        random_state=0,
    )


def on_invariants(classifier):
    return make_weighted_pipeline(
        InvariantFeatures(collinear=("PRI_tau", "PRI_lep")), classifier
    )


def in_folds(model, events):
    """The model in folds of event numbers, fitted, and the events with these."""
    X, y, w = events
    X = X.assign(EventId=np.arange(100_000, 100_000 + len(X)))
    model = CrossFitClassifier(model, cv=2, event_number="EventId")
    weights = training_weights(y, w, negative_weights="zero").weights
    return model.fit(X, y, sample_weight=weights), X


def check_folds(model, X):
    scoring = check_export(model, X)
    found = run_program(scoring.program, scoring.arrays(X))
    np.testing.assert_array_equal(found["fold"][:, 0], model.fold_numbers(X))


@pytest.mark.parametrize("name", ["fixing", "final"])
def test_a_step_of_the_article_is_exported_whole(name, events):
    X, y, w = events
    model = higgsml_solution(name, max_epochs=2, random_state=0)
    model.fit(X, y, sample_weight=w)
    assert model[-1].n_members == 10
    check_export(model, X)


def test_networks_in_folds_are_exported_whole(events):
    check_folds(*in_folds(networks(), events))


def test_networks_on_invariants_and_symmetric_means_are_exported_whole(events):
    net = WeightedDNNClassifier(max_epochs=2, random_state=0)
    averaged = SymmetryAveragedClassifier(net, n_copies=2, random_state=0)
    model, X = in_folds(averaged, events)
    check_folds(model, X)
    model, X = in_folds(on_invariants(net), events)
    check_folds(model, X)


def test_the_blend_with_trees_is_exported_whole(events):
    trees = HistGradientBoostingClassifier(
        max_iter=50, learning_rate=0.1, max_leaf_nodes=7, early_stopping=False
    )
    parts = [("networks", networks()), ("trees", on_invariants(trees))]
    model, X = in_folds(VotingClassifier(parts, voting="soft"), events)
    scoring = scoring_program(model, X)
    found = run_program(scoring.program, scoring.arrays(X))
    np.testing.assert_allclose(found["probability"], model.predict_proba(X), atol=1e-5)
    np.testing.assert_array_equal(found["fold"][:, 0], model.fold_numbers(X))
