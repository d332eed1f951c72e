"""The classifier inside scikit-learn's meta-estimators, with weights."""

import numpy as np
import pytest
from sklearn import config_context
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate

from skhep_dnn.metrics import make_significance_scorer, weighted_scorer

# Samples are small here, of which the classifier rightly warns.
pytestmark = pytest.mark.filterwarnings(
    "ignore::skhep_dnn.exceptions.LowStatisticsWarning"
)


def logistic():
    return LogisticRegression().set_fit_request(sample_weight=True)


def calibrated(model):
    # The wrapper itself must ask for the weights that it passes on.
    return CalibratedClassifierCV(model, cv=2).set_fit_request(sample_weight=True)


WRAPPERS = {
    "stacking": lambda m: StackingClassifier([("dnn", m)], logistic(), cv=2),
    "voting": lambda m: VotingClassifier([("a", m), ("b", logistic())], voting="soft"),
    "calibrated": calibrated,
}


@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS)
def test_meta_estimators_train_with_the_weights(make_model, events, wrap):
    X, y, w = events
    heavier = w.copy()
    heavier[3] *= 50.0
    with config_context(enable_metadata_routing=True):
        fitted = [
            wrap(make_model(max_epochs=10)).fit(X, y, sample_weight=weights)
            for weights in (w, 3.0 * w, heavier)
        ]
        plain, _, changed = (model.predict_proba(X) for model in fitted)
    assert np.mean(fitted[0].predict(X) == y) > 0.6
    assert not np.allclose(plain, changed, rtol=1e-3)


def test_bagging_resamples_and_needs_no_weights(make_model, events):
    X, y, _ = events
    model = BaggingClassifier(make_model(max_epochs=10), 3, random_state=0)
    assert model.fit(X, y).score(X, y) > 0.7


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_searches_run_in_processes_and_give_the_same(make_model, events, n_jobs):
    X, y, w = events
    scoring = {
        "ams": make_significance_scorer(signal_yield=1.0, background_yield=100.0),
        "auc": weighted_scorer("roc_auc"),
    }
    search = GridSearchCV(
        make_model(n_members=2),
        {"width": [4, 8]},
        scoring=scoring,
        refit="auc",
        cv=2,
        n_jobs=n_jobs,
    ).fit(X, y, sample_weight=w)
    alone = GridSearchCV(
        make_model(n_members=2), {"width": [4, 8]}, scoring=scoring["auc"], cv=2
    ).fit(X, y, sample_weight=w)
    np.testing.assert_array_equal(
        search.cv_results_["mean_test_auc"], alone.cv_results_["mean_test_score"]
    )
    assert np.isfinite(search.cv_results_["mean_test_ams"]).all()


def test_cross_validation_with_routing_takes_an_explicit_validation_sample(
    make_model, events
):
    X, y, w = events
    with config_context(enable_metadata_routing=True):
        model = make_model().set_fit_request(
            sample_weight=True, X_val=True, y_val=True, sample_weight_val=True
        )
        result = cross_validate(
            model,
            X[:100],
            y[:100],
            params={
                "sample_weight": w[:100],
                "X_val": X[100:],
                "y_val": y[100:],
                "sample_weight_val": w[100:],
            },
            scoring=weighted_scorer("balanced_log_loss"),
            cv=2,
            return_estimator=True,
        )
    for fitted in result["estimator"]:
        assert np.isfinite(fitted.best_loss_).all()
