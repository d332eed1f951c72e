"""The classifier in scikit-learn's machinery: storage, clones, searches."""

import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_html_repr

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.metrics import weighted_scorer
from skhep_dnn.pipeline import make_weighted_pipeline

# Samples are small here, of which the classifier rightly warns.
pytestmark = pytest.mark.filterwarnings(
    "ignore::skhep_dnn.exceptions.LowStatisticsWarning"
)


def test_a_second_fit_starts_fresh(make_model, events):
    X, y, w = events
    model = make_model(validation_fraction=0.3, random_state=3).fit(X, y, w)
    first = model.decision_function(X)
    model.fit(X[:, :2], y == "s")
    assert model.n_features_in_ == 2
    model.fit(X, y, w)
    np.testing.assert_array_equal(model.decision_function(X), first)
    assert len(model.history_) == 3


def test_a_failed_second_fit_leaves_no_half_new_model(make_model, events):
    X, y, w = events
    model = make_model().fit(X, y, w)
    model.set_params(learning_rate=1e35)
    with pytest.raises(FloatingPointError):
        model.fit(X, y, w)
    with pytest.raises(NotFittedError):
        model.predict(X)


def test_an_unfitted_model_says_so(make_model, events):
    with pytest.raises(NotFittedError):
        make_model().predict(events[0])


@pytest.mark.parametrize("random_state", [5, np.random.RandomState(5)])
def test_a_random_state_is_drawn_from_once(make_model, events, random_state):
    X, y, w = events
    expected = make_model(random_state=5).fit(X, y, w).decision_function(X)
    model = make_model(random_state=random_state).fit(X, y, w)
    np.testing.assert_array_equal(model.decision_function(X), expected)


def test_without_a_random_state_two_fits_differ(make_model, events):
    X, y, w = events
    first, second = (
        make_model(random_state=None).fit(X, y, w).decision_function(X) for _ in "ab"
    )
    assert (first != second).any()


@pytest.mark.parametrize("protocol", ["pickle", "joblib"])
def test_a_fitted_model_survives_storage(make_model, mixed_events, tmp_path, protocol):
    X, y, w = mixed_events
    options = {"categorical_features": ["channel"], "callbacks": [], "cv": 2}
    options["validate_on_fold"] = True
    model = make_model(n_members=2, **options).fit(X, y, w)
    if protocol == "pickle":
        copy = pickle.loads(pickle.dumps(model))
    else:
        joblib.dump(model, tmp_path / "model.joblib")
        copy = joblib.load(tmp_path / "model.joblib")
    np.testing.assert_array_equal(copy.decision_function(X), model.decision_function(X))
    pd.testing.assert_frame_equal(copy.history_, model.history_)
    np.testing.assert_array_equal(
        copy.fit(X, y, w).decision_function(X), model.decision_function(X)
    )


def test_clone_copies_parameters_and_nothing_learnt(make_model, events):
    X, y, w = events
    model = make_model(n_members=2, validation_fraction=0.3).fit(X, y, w)
    copy = clone(model)
    assert not hasattr(copy, "net_")
    assert copy.get_params() == pytest.approx(model.get_params(), nan_ok=True)
    np.testing.assert_array_equal(
        copy.fit(X, y, w).decision_function(X), model.decision_function(X)
    )


def test_parameters_are_set_and_got_by_name():
    model = WeightedDNNClassifier(width=5)
    assert model.get_params()["width"] == 5
    model.set_params(width=7, activation="tanh")
    assert (model.width, model.activation) == (7, "tanh")
    with pytest.raises(ValueError, match="Invalid parameter 'depth'"):
        model.set_params(depth=3)


def test_the_html_representation_works(make_model, events):
    model = make_model(n_members=2)
    assert "WeightedDNNClassifier" in estimator_html_repr(model)
    assert "n_members" in estimator_html_repr(model.fit(*events))
    assert "WeightedDNNClassifier(" in repr(model)


GRID = {"weighteddnnclassifier__width": [2, 8]}


def search_outcome(search, events):
    X, y, w = events
    search.fit(X, y, sample_weight=w)
    scores = [search.cv_results_[f"split{k}_test_score"] for k in range(3)]
    return np.array(scores), search.decision_function(X)


def expected_outcome(make_model, events):
    """The same search by hand."""
    X, y, w = events
    scorer = weighted_scorer("balanced_log_loss")
    scores = []
    for train, test in KFold(3).split(X):
        scores.append([])
        for width in (2, 8):
            pipeline = make_weighted_pipeline(StandardScaler(), make_model(width=width))
            pipeline.fit(X[train], y[train], sample_weight=w[train])
            scores[-1].append(scorer(pipeline, X[test], y[test], sample_weight=w[test]))
    width = (2, 8)[np.argmax(np.mean(scores, axis=0))]
    best = make_weighted_pipeline(StandardScaler(), make_model(width=width))
    best.fit(X, y, sample_weight=w)
    return np.array(scores), best.decision_function(X)


@pytest.mark.parametrize("routing", [False, True])
def test_a_grid_search_over_a_weighted_pipeline_uses_the_weights_everywhere(
    make_model, events, routing
):
    expected = expected_outcome(make_model, events)
    with sklearn.config_context(enable_metadata_routing=routing):
        search = GridSearchCV(
            make_weighted_pipeline(StandardScaler(), make_model()),
            GRID,
            scoring=weighted_scorer("balanced_log_loss"),
            cv=KFold(3),
        )
        got = search_outcome(search, events)
    np.testing.assert_allclose(got[0], expected[0], rtol=1e-12)
    np.testing.assert_array_equal(got[1], expected[1])


def test_a_grid_search_over_a_plain_pipeline_works_with_routing(make_model, events):
    expected = expected_outcome(make_model, events)
    with sklearn.config_context(enable_metadata_routing=True):
        search = GridSearchCV(
            make_pipeline(
                StandardScaler().set_fit_request(sample_weight=True), make_model()
            ),
            GRID,
            scoring=weighted_scorer("balanced_log_loss"),
            cv=KFold(3),
        )
        got = search_outcome(search, events)
    np.testing.assert_allclose(got[0], expected[0], rtol=1e-12)
    np.testing.assert_array_equal(got[1], expected[1])


@pytest.mark.parametrize("routing", [False, True])
def test_a_grid_search_scores_with_the_weighted_accuracy_by_default(
    make_model, events, routing
):
    X, y, w = events
    with sklearn.config_context(enable_metadata_routing=routing):
        search = GridSearchCV(make_model(), {"width": [3]}, cv=KFold(3))
        search.fit(X, y, sample_weight=w)
    for k, (train, test) in enumerate(KFold(3).split(X)):
        model = make_model(width=3).fit(X[train], y[train], w[train])
        score = search.cv_results_[f"split{k}_test_score"][0]
        assert score == pytest.approx(model.score(X[test], y[test], w[test]))


def test_weights_are_requested_by_default():
    requests = WeightedDNNClassifier().get_metadata_routing()
    assert requests.fit.requests["sample_weight"] is True
    assert requests.score.requests["sample_weight"] is True
