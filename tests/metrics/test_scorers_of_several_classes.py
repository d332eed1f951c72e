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
    weighted_roc_auc,
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


class KnownTwo(ClassifierMixin, BaseEstimator):
    """A classifier of "others" and "signal" by the sum of some probabilities."""

    classes_ = np.array(["others", "signal"])

    def __init__(self, labels):
        self.labels = labels

    def predict_proba(self, X):
        p = np.asarray(X)[:, np.isin(CLASSES, self.labels)].sum(axis=1)
        return np.column_stack([1.0 - p, p])

    def predict(self, X):
        best = CLASSES[np.asarray(X).argmax(axis=1)]
        return self.classes_[np.isin(best, self.labels).astype(int)]


POSITIVE_ONLY = {"average_precision", "matthews_corrcoef"}


@pytest.mark.parametrize("labels", [["Z"], ["W", "top"]])
@pytest.mark.parametrize("name", [n for n in METRIC_NAMES if n != "balanced_log_loss"])
def test_every_name_takes_the_signal_against_all_others(events, name, labels):
    X, y, weights = events
    w = abs(weights) if name in POSITIVE_ONLY else weights
    two = np.where(np.isin(y, labels), "signal", "others")
    pos_label = labels[0] if len(labels) == 1 else labels
    scorer = weighted_scorer(name, pos_label=pos_label)
    value = scorer(KnownProbabilities(), X, y, sample_weight=w)
    expected = weighted_scorer(name)(KnownTwo(labels), X, two, sample_weight=w)
    assert value == pytest.approx(expected, rel=1e-9)
    kernel = scorer.replica_kernel(KnownProbabilities(), X, y)
    if kernel is not None:
        of_kernel = kernel(np.ones((1, len(y)), dtype=int), w[None])
        assert of_kernel[0] == pytest.approx(value, rel=1e-9)


def test_the_balanced_log_loss_of_some_classes_is_that_of_the_metric(events):
    X, y, weights = events
    scorer = weighted_scorer("balanced_log_loss", pos_label=["W", "top"])
    value = scorer(KnownProbabilities(), X, y, sample_weight=weights)
    expected = -balanced_log_loss(y, X.to_numpy(), weights, pos_label=["W", "top"])
    assert value == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("at", ["binned", "max", "predict", 0.4])
@pytest.mark.parametrize("labels", [["Z"], ["W", "top"]])
def test_a_significance_takes_the_signal_against_all_others(events, at, labels):
    X, y, weights = events
    two = np.where(np.isin(y, labels), "signal", "others")
    options = {"min_n_eff": 5.0, "n_bins": 4}
    scorer = make_significance_scorer("asimov", at, pos_label=labels, **options)
    of_two = make_significance_scorer("asimov", at, **options)
    value = scorer.for_sample(y, weights)(
        KnownProbabilities(), X, y, sample_weight=weights
    )
    expected = of_two.for_sample(two, weights)(
        KnownTwo(labels), X, two, sample_weight=weights
    )
    assert value == pytest.approx(expected, rel=1e-9)
    carrying = make_significance_scorer(
        "asimov",
        at,
        pos_label=labels,
        sample_weight=pd.Series(weights),
        target=pd.Series(y),
        **options,
    )
    assert carrying(KnownProbabilities(), X, y) == pytest.approx(value, rel=1e-12)


class OnlyDecisions(ClassifierMixin, BaseEstimator):
    """A classifier of three classes with a decision function alone."""

    classes_ = CLASSES

    def decision_function(self, X):
        return np.asarray(X)


def test_a_decision_function_alone_serves_for_one_class(events):
    X, y, weights = events
    scorer = weighted_scorer("roc_auc", pos_label="Z")
    value = scorer(OnlyDecisions(), X, y, sample_weight=weights)
    assert value == weighted_roc_auc(y, X[1], weights, pos_label="Z")
    scorer = weighted_scorer("roc_auc", pos_label=["W", "Z"])
    with pytest.raises(
        ValueError, match=r"one label .* without `predict_proba`, got 2"
    ):
        scorer(OnlyDecisions(), X, y, sample_weight=weights)


def test_a_signal_score_does_not_saturate(events):
    _, y, weights = events
    rng = np.random.default_rng(0)
    logit = 60.0 + rng.normal(size=len(y)) + (y != "Z")
    tiny = np.exp(-logit)
    X = np.column_stack([0.5 * (1 - tiny), tiny, 0.5 * (1 - tiny)])
    scorer = weighted_scorer("roc_auc", pos_label=["W", "top"])
    value = scorer(KnownProbabilities(), X, y, sample_weight=weights)
    two = weighted_roc_auc(y, logit, weights, pos_label=["W", "top"])
    assert value == pytest.approx(two, rel=1e-12)


def test_averages_over_classes_are_those_of_scikit_learn(events):
    X, y, weights = events
    w = abs(weights)
    y_pred = KnownProbabilities().predict(X)
    for name in ("f1", "jaccard", "precision", "recall"):
        function = getattr(sklearn_metrics, f"{name}_score")
        for average in ("macro", "weighted"):
            scorer = weighted_scorer(f"{name}_{average}")
            value = scorer(KnownProbabilities(), X, y, sample_weight=w)
            assert value == function(y, y_pred, average=average, sample_weight=w)
    value = weighted_scorer("matthews_corrcoef")(
        KnownProbabilities(), X, y, sample_weight=w
    )
    assert value == sklearn_metrics.matthews_corrcoef(y, y_pred, sample_weight=w)
    negative = np.where((y_pred == "top") & (y != "top"), -4.0, 1.0)
    scorer = weighted_scorer("precision_macro")
    with pytest.raises(WeightsError, match="must not have a negative sum of weights"):
        scorer(KnownProbabilities(), X, y, sample_weight=negative)
