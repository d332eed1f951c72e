"""Scorers of classifiers of more than two classes: values, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sklearn_metrics
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold

from skhep_dnn.exceptions import MissingWeightsError, WeightsError
from skhep_dnn.metrics import (
    balanced_log_loss,
    make_significance_scorer,
    weighted_scorer,
)
from skhep_dnn.metrics._metric_scorer import METRIC_NAMES

SEVERAL = ["accuracy", "balanced_accuracy", "balanced_log_loss", "neg_log_loss"]
CLASSES = np.array(["W", "Z", "top"])
OF_TWO = [
    "average_precision",
    "f1",
    "jaccard",
    "precision",
    "recall",
    "roc_auc",
]


class KnownProbabilities(ClassifierMixin, BaseEstimator):
    """A classifier of three classes whose probabilities are the features."""

    classes_ = CLASSES

    def predict_proba(self, X):
        return np.asarray(X)

    def predict(self, X):
        return self.classes_[np.asarray(X).argmax(axis=1)]


@pytest.fixture
def events():
    rng = np.random.default_rng(3)
    y = rng.choice(CLASSES, size=400, p=[0.6, 0.3, 0.1])
    logits = rng.normal(size=(400, 3)) + 2.0 * (y[:, None] == CLASSES)
    proba = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    weights = rng.exponential(size=400)
    weights[np.flatnonzero(y == "W")[:20]] *= -1
    return pd.DataFrame(proba), y, weights


def expected_scores(proba, y, w):
    right = CLASSES[proba.argmax(axis=1)] == y
    own = proba[np.arange(len(y)), np.searchsorted(CLASSES, y)]
    by_class = [y == label for label in CLASSES]
    return {
        "accuracy": np.average(right, weights=w),
        "balanced_accuracy": np.mean(
            [np.average(right[c], weights=w[c]) for c in by_class]
        ),
        "balanced_log_loss": np.mean(
            [np.average(np.log(own[c]), weights=w[c]) for c in by_class]
        ),
        "neg_log_loss": np.average(np.log(own), weights=w),
    }


@pytest.mark.parametrize("name", SEVERAL)
def test_scores_are_those_of_brute_force_with_signed_weights(events, name):
    X, y, weights = events
    value = weighted_scorer(name)(KnownProbabilities(), X, y, sample_weight=weights)
    expected = expected_scores(X.to_numpy(), y, weights)[name]
    assert value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", SEVERAL)
def test_labels_may_be_numbers_and_weights_be_carried_or_ones(events, name):
    X, y, weights = events
    value = weighted_scorer(name)(KnownProbabilities(), X, y, sample_weight=weights)

    class Coded(KnownProbabilities):
        classes_ = np.array([-1, 4, 7])

    codes = Coded.classes_[np.searchsorted(CLASSES, y)]
    scorer = weighted_scorer(name)
    assert scorer(Coded(), X, codes, sample_weight=weights) == value
    carrying = weighted_scorer(name, sample_weight=pd.Series(weights))
    assert carrying(KnownProbabilities(), X, y) == value
    counting = weighted_scorer(name, unit_weights=True)
    ones = scorer(KnownProbabilities(), X, y, sample_weight=np.ones(len(y)))
    assert counting(KnownProbabilities(), X, y) == ones
    with pytest.raises(MissingWeightsError, match=name):
        scorer(KnownProbabilities(), X, y)


def test_positive_weights_give_what_scikit_learn_gives(events):
    X, y, weights = events
    w = abs(weights)
    scorer = weighted_scorer("neg_log_loss")
    expected = -sklearn_metrics.log_loss(y, X.to_numpy(), sample_weight=w)
    assert scorer(KnownProbabilities(), X, y, sample_weight=w) == expected


def test_a_search_over_several_classes(events):
    X, y, weights = events
    search = GridSearchCV(
        LogisticRegression(),
        {"C": [0.01, 1.0]},
        scoring={name: weighted_scorer(name) for name in SEVERAL},
        refit="balanced_log_loss",
        cv=StratifiedKFold(3),
    )
    search.fit(X, y, sample_weight=abs(weights))
    train, test = next(iter(StratifiedKFold(3).split(X, y)))
    model = LogisticRegression(C=1.0)
    model.fit(X.iloc[train], y[train], sample_weight=abs(weights[train]))
    proba = model.predict_proba(X.iloc[test])
    expected = -balanced_log_loss(y[test], proba, abs(weights[test]))
    found = search.cv_results_["split0_test_balanced_log_loss"][1]
    assert found == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", OF_TWO)
def test_other_metrics_ask_for_the_signal_and_name_those_that_do_not(events, name):
    X, y, weights = events
    message = (
        "two classes, got KnownProbabilities with 3 classes. Name the signal.* by "
        "`pos_label`, or .*'balanced_log_loss', 'roc_auc_ovr', 'roc_auc_ovo'"
    )
    for scorer in (weighted_scorer(name), make_significance_scorer()):
        with pytest.raises(ValueError, match=message):
            scorer(KnownProbabilities(), X, y, sample_weight=weights)
        with pytest.raises(ValueError, match="with no `classes_`"):
            scorer(LogisticRegression(), X, y, sample_weight=weights)


def test_what_several_classes_cannot_have_is_refused(events):
    X, y, weights = events
    model = KnownProbabilities()
    with pytest.raises(ValueError, match=r"`pos_label` must be one of .* got 'H'\."):
        weighted_scorer("accuracy", pos_label="H")(model, X, y, sample_weight=weights)
    scorer = weighted_scorer("accuracy")
    some = y != "top"
    with pytest.raises(ValueError, match=r"3 classes .* got no \['top'\]\. Score"):
        scorer(model, X[some], y[some], sample_weight=weights[some])
    other = np.where(np.arange(len(y)) == 0, "H", y)
    with pytest.raises(ValueError, match=r"got also \['H'\]\. Score"):
        scorer(model, X, other, sample_weight=weights)
    negative = np.where(y == "top", -1.0, 1.0)
    with pytest.raises(WeightsError, match=r"got -\d+\.0 for the class 'top'"):
        scorer(model, X, y, sample_weight=negative)

    class Single(KnownProbabilities):
        classes_ = CLASSES[:1]

    with pytest.raises(ValueError, match=r"two or more classes, got Single with 1 cl"):
        scorer(Single(), X, y, sample_weight=weights)
