"""Scores of whole samples: by hand, by scikit-learn, by brute force and by toys."""

import logging
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from joblib import parallel_config
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.exceptions import DataConversionWarning, UndefinedMetricWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    Ridge,
    RidgeClassifier,
)
from sklearn.metrics import accuracy_score, make_scorer, r2_score, roc_auc_score
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    LeaveOneGroupOut,
    LeaveOneOut,
    PredefinedSplit,
    RepeatedStratifiedKFold,
    ShuffleSplit,
    StratifiedKFold,
    TimeSeriesSplit,
    cross_val_predict,
    cross_validate,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import get_tags

from skhep_dnn.exceptions import (
    FoldYieldWarning,
    LowStatisticsWarning,
    MissingWeightsError,
    UnweightedScoreWarning,
    WeightsError,
)
from skhep_dnn.metrics import bootstrap, make_significance_scorer, weighted_scorer
from skhep_dnn.model_selection import KeptPredictions, cross_validate_pooled
from skhep_dnn.pipeline import make_weighted_pipeline

FOLDS = StratifiedKFold(4, shuffle=True, random_state=0)


@pytest.fixture
def events():
    """Events of two classes, their weights of both signs, and positive ones."""
    rng = np.random.default_rng(2)
    y = np.where(rng.random(600) < 0.4, "s", "b")
    X = pd.DataFrame(
        rng.normal(size=(600, 3)) + 1.0 * (y == "s")[:, None], columns=[*"abc"]
    )
    weights = np.where(y == "s", 1.0, 1.5) * rng.exponential(size=600)
    signed = weights.copy()
    signed[np.flatnonzero(y == "b")[:20]] *= -1
    return X, y, signed, weights


class Unsigned(ClassifierMixin, BaseEstimator):
    """A classifier that takes negative weights by leaving them out."""

    def fit(self, X, y, sample_weight=None):
        positive = None if sample_weight is None else np.maximum(sample_weight, 0.0)
        self.model_ = LogisticRegression().fit(X, y, positive)
        self.classes_ = self.model_.classes_
        return self

    def decision_function(self, X):
        return self.model_.decision_function(X)

    def predict_proba(self, X):
        return self.model_.predict_proba(X)

    def predict(self, X):
        return self.model_.predict(X)


def significance(**options):
    return make_significance_scorer("asimov", min_n_eff=1.0, **options)


# The pooled score is that of out-of-fold predictions put together by hand.


def by_hand(model, X, y, weights, cv=FOLDS):
    """Return the out-of-fold predictions of scikit-learn, as an estimator."""
    params = None if weights is None else {"sample_weight": weights}
    kept = {
        method: cross_val_predict(model, X, y, cv=cv, method=method, params=params)
        for method in ("decision_function", "predict_proba", "predict")
        if hasattr(clone(model).fit(X, y), method)
    }
    classes = np.unique(y) if get_tags(model).classifier_tags else None
    return KeptPredictions(kept, classes, get_tags(model))


@pytest.mark.parametrize("kind", ["positive", "signed", "none"])
def test_the_pooled_score_is_that_of_all_out_of_fold_predictions(events, kind):
    X, y, signed, positive = events
    weights = {"positive": positive, "signed": signed, "none": None}[kind]
    scorers = {
        "auc": weighted_scorer("roc_auc", unit_weights=True),
        "loss": weighted_scorer("balanced_log_loss", unit_weights=True),
        "accuracy": weighted_scorer("accuracy", unit_weights=True),
        "binned": significance(unit_weights=True),
        "max": significance(at="max", unit_weights=True),
        "predict": significance(at="predict", unit_weights=True),
        "cut": significance(at=0.1, unit_weights=True),
    }
    result = cross_validate_pooled(
        Unsigned(), X, y, weights, scoring=scorers, cv=FOLDS, n_replicas=0
    )
    kept = by_hand(Unsigned(), X, y, weights)
    whole = {name: scorer.for_sample(y, weights) for name, scorer in scorers.items()}
    for name, scorer in whole.items():
        expected = scorer(kept, X, y, sample_weight=weights)
        assert result.scores[name].value == pytest.approx(expected, rel=1e-12), name
        assert np.isnan(result.scores[name].error)
    np.testing.assert_array_equal(
        result.oof_decision_function, kept.decision_function(X)
    )


def test_names_are_this_packages_scorers_and_the_default_is_the_log_loss(events):
    X, y, signed, _ = events
    names = ["roc_auc", "balanced_log_loss"]
    options = {"cv": FOLDS, "n_replicas": 20}
    named = cross_validate_pooled(Unsigned(), X, y, signed, scoring=names, **options)
    kept = by_hand(Unsigned(), X, y, signed)
    for name in names:
        expected = weighted_scorer(name)(kept, X, y, sample_weight=signed)
        assert named.scores[name].value == pytest.approx(expected, rel=1e-12)
    default = cross_validate_pooled(Unsigned(), X, y, signed, **options)
    assert default.score.value == named.scores["balanced_log_loss"].value
    np.testing.assert_array_equal(
        default.score.replicas, named.scores["balanced_log_loss"].replicas
    )


@pytest.mark.parametrize("weighted", [False, True])
def test_several_classes(events, weighted):
    X, _, _, weights = events
    y = np.array(["W", "Z", "top"])[np.digitize(X["a"] + X["b"], [0.0, 1.5])]
    weights = weights if weighted else None
    names = ["accuracy", "balanced_log_loss", "neg_log_loss", "balanced_accuracy"]
    result = cross_validate_pooled(
        LogisticRegression(), X, y, weights, scoring=names, cv=FOLDS, n_replicas=5
    )
    kept = by_hand(LogisticRegression(), X, y, weights)
    for name in names:
        scorer = weighted_scorer(name, unit_weights=True)
        expected = scorer(kept, X, y, sample_weight=weights)
        assert result.scores[name].value == pytest.approx(expected, rel=1e-12)
    assert result.oof_decision_function.shape == (600, 3)


@pytest.mark.parametrize("weighted", [False, True])
def test_a_regression(events, weighted):
    X, _, _, weights = events
    weights = weights if weighted else None
    y = 3.0 * X["a"] + np.random.default_rng(0).normal(size=600)
    result = cross_validate_pooled(
        LinearRegression(), X, y, weights, cv=KFold(3), n_replicas=50
    )
    params = None if weights is None else {"sample_weight": weights}
    predicted = cross_val_predict(LinearRegression(), X, y, cv=KFold(3), params=params)
    expected = r2_score(y, predicted, sample_weight=weights)
    assert result.score.value == pytest.approx(expected, rel=1e-12)
    assert 0 < result.score.error < 0.1
    np.testing.assert_array_equal(result.oof_decision_function, predicted)


def test_models_without_labels_and_without_predictions(events):
    X, *_ = events
    clusters = cross_validate_pooled(KMeans(2, n_init=1, random_state=0), X, cv=3)
    assert clusters.test_scores["score"].shape == (3,)
    assert clusters.scores == {}
    axes = cross_validate_pooled(PCA(2), X, cv=3)
    expected = cross_validate(PCA(2), X, cv=3)["test_score"]
    np.testing.assert_array_equal(axes.test_scores["score"], expected)
    with pytest.raises(AttributeError, match="must have predictions to be averaged"):
        _ = axes.oof_decision_function


@pytest.mark.parametrize(
    ("model", "columns"),
    [
        (RidgeClassifier(), None),
        (KNeighborsClassifier(), 2),
        (DecisionTreeClassifier(max_depth=2), 2),
    ],
)
def test_the_response_that_there_is(events, model, columns):
    X, y, *_ = events
    result = cross_validate_pooled(
        model, X, y, scoring="accuracy", cv=FOLDS, n_replicas=2
    )
    method = "decision_function" if columns is None else "predict_proba"
    expected = cross_val_predict(model, X, y, cv=FOLDS, method=method)
    np.testing.assert_array_equal(result.oof_decision_function, expected)


class Labels(ClassifierMixin, BaseEstimator):
    """A classifier that knows labels only."""

    def fit(self, _X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.where(np.asarray(X)[:, 0] > 0.5, *self.classes_[::-1])


def test_of_labels_it_is_the_share_of_each_class(events):
    X, y, *_ = events
    folds = RepeatedStratifiedKFold(n_splits=3, n_repeats=2, random_state=0)
    result = cross_validate_pooled(
        Labels(), X, y, scoring="accuracy", cv=folds, n_replicas=2
    )
    expected = np.column_stack([X["a"] <= 0.5, X["a"] > 0.5]).astype(float)
    np.testing.assert_array_equal(result.oof_decision_function, expected)


# The scores of the folds are scikit-learn's.


@pytest.mark.parametrize("return_train_score", [False, True])
def test_scores_of_the_folds_without_weights(events, return_train_score):
    X, y, *_ = events
    is_signal = (y == "s").astype(int)
    names = ["roc_auc", "accuracy", "neg_log_loss", "f1", "average_precision"]
    options = {"scoring": names, "cv": FOLDS, "return_train_score": return_train_score}
    ours = cross_validate_pooled(
        LogisticRegression(), X, is_signal, n_replicas=0, **options
    )
    theirs = cross_validate(LogisticRegression(), X, is_signal, **options)
    for name in names:
        np.testing.assert_allclose(
            ours.test_scores[name], theirs[f"test_{name}"], rtol=1e-10
        )
        if return_train_score:
            np.testing.assert_allclose(
                ours.train_scores[name], theirs[f"train_{name}"], rtol=1e-10
            )
    assert bool(ours.train_scores) == return_train_score
    assert ours.fit_time.shape == ours.score_time.shape == (4,)


def test_scores_of_the_folds_with_weights_and_a_significance(events):
    X, y, signed, _ = events
    known = significance().for_sample(y, signed)
    ours = cross_validate_pooled(
        Unsigned(),
        X,
        y,
        signed,
        scoring={"auc": "roc_auc", "z": significance()},
        cv=FOLDS,
        return_train_score=True,
        return_estimator=True,
        n_replicas=0,
    )
    with sklearn.config_context(enable_metadata_routing=True):
        theirs = cross_validate(
            Unsigned().set_fit_request(sample_weight=True),
            X,
            y,
            scoring={"auc": weighted_scorer("roc_auc"), "z": known},
            cv=FOLDS,
            params={"sample_weight": signed},
            return_train_score=True,
            return_estimator=True,
        )
    for name in ("auc", "z"):
        for of, scores in (("test", ours.test_scores), ("train", ours.train_scores)):
            np.testing.assert_allclose(scores[name], theirs[f"{of}_{name}"], rtol=1e-12)
    for one, other in zip(ours.estimators, theirs["estimator"], strict=True):
        np.testing.assert_array_equal(one.model_.coef_, other.model_.coef_)


# Replicas and errors.


def brute_force(scorer, result, X, y, weights, n_replicas, seed):
    """Replicas by the bootstrap of the package, one call of the scorer for each."""
    kept = result.passes[0].predictions

    def metric(_y, rows, *, sample_weight):
        events = X.iloc[rows], y[rows]
        return scorer(kept.take(rows), *events, sample_weight=sample_weight)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LowStatisticsWarning)
        return bootstrap(
            metric,
            y,
            np.arange(len(y)),
            weights,
            n_replicas=n_replicas,
            random_state=seed,
        )


@pytest.mark.parametrize(
    "scorer",
    [
        weighted_scorer("roc_auc", unit_weights=True),
        weighted_scorer("roc_auc", unit_weights=True, pos_label="b"),
        weighted_scorer("balanced_log_loss", unit_weights=True),
        weighted_scorer("accuracy", unit_weights=True),
        significance(unit_weights=True),
        significance(at=0.3, unit_weights=True),
        significance(at="max", unit_weights=True),
    ],
    ids=repr,
)
@pytest.mark.parametrize("weighted", [False, True])
def test_replicas_are_those_of_the_bootstrap(events, scorer, weighted):
    X, y, signed, _ = events
    weights = signed if weighted else None
    result = cross_validate_pooled(
        Unsigned(), X, y, weights, scoring=scorer, cv=2, n_replicas=12, random_state=5
    )
    known = scorer.for_sample(y, weights)
    expected = brute_force(known, result, X, y, weights, 12, 5)
    np.testing.assert_allclose(result.score.replicas, expected.replicas, rtol=1e-9)
    assert result.score.value == pytest.approx(expected.value, rel=1e-12)
    assert result.score.error == pytest.approx(expected.error, rel=1e-9)
    assert result.score.n_undefined == expected.n_undefined


def test_named_metrics_have_the_replicas_of_the_bootstrap_by_name(events):
    X, y, signed, _ = events
    result = cross_validate_pooled(
        Unsigned(), X, y, signed, scoring="roc_auc", random_state=3
    )
    score = result.oof_decision_function
    expected = bootstrap("roc_auc", y, score, signed, random_state=3)
    np.testing.assert_allclose(result.score.replicas, expected.replicas, rtol=1e-12)
    assert str(result.score) == str(expected)


def auc_of_scikit_learn(y_true, y_score, sample_weight=None):
    return roc_auc_score(y_true, y_score, sample_weight=sample_weight)


def auc_of_function(estimator, X, y, sample_weight=None):
    score = estimator.decision_function(X)
    return roc_auc_score(y, score, sample_weight=sample_weight)


@pytest.mark.parametrize(
    "scorer",
    [
        make_scorer(auc_of_scikit_learn, response_method="decision_function"),
        auc_of_function,
    ],
)
@pytest.mark.parametrize("table", [True, False])
def test_the_loop_over_replicas_gives_the_same_as_the_fast_way(events, scorer, table):
    X, y, _, weights = events
    X = X if table else X.to_numpy()
    scorers = {"fast": "roc_auc", "slow": scorer}
    result = cross_validate_pooled(
        LogisticRegression(), X, y, weights, scoring=scorers, cv=3, n_replicas=10
    )
    fast, slow = result.scores["fast"], result.scores["slow"]
    np.testing.assert_allclose(slow.replicas, fast.replicas, rtol=1e-9)
    assert slow.value == pytest.approx(fast.value, rel=1e-12)
    np.testing.assert_allclose(
        result.test_scores["slow"], result.test_scores["fast"], rtol=1e-12
    )


def test_the_same_seed_gives_the_same_replicas_and_another_one_others(events):
    X, y, _, weights = events
    options = {"scoring": ["roc_auc", "accuracy"], "cv": FOLDS, "n_replicas": 6}
    first, second, other = (
        cross_validate_pooled(
            LogisticRegression(), X, y, weights, random_state=seed, **options
        )
        for seed in (1, 1, 2)
    )
    for name in options["scoring"]:
        replicas = first.scores[name].replicas
        np.testing.assert_array_equal(second.scores[name].replicas, replicas)
        assert (other.scores[name].replicas != replicas).all()


def test_models_that_score_alike_have_a_small_paired_error(events):
    X, y, _, weights = events
    one, other = (
        cross_validate_pooled(
            LogisticRegression(C=C), X, y, weights, scoring="roc_auc", cv=FOLDS
        ).score
        for C in (1.0, 0.1)
    )
    assert np.std(one.replicas - other.replicas) < 0.2 * one.error


def test_undefined_replicas_are_counted(events):
    X, y, *_ = events
    # Five events of signal, of which one carries a large negative weight.
    rows = np.concatenate([np.flatnonzero(y == "b"), np.flatnonzero(y == "s")[:5]])
    weights = np.ones(len(rows))
    weights[-5:] = [1.0, 1.0, 1.0, 1.0, -2.5]
    with pytest.warns(LowStatisticsWarning, match="without a value") as caught:
        result = cross_validate_pooled(
            FrozenEstimator(LogisticRegression().fit(X, y)),
            X.iloc[rows],
            y[rows],
            weights,
            scoring={"auc": "roc_auc", "f1": "f1"},
            cv=PredefinedSplit(np.arange(len(rows)) * 0),
            n_replicas=100,
        )
    assert {warning.filename for warning in caught} == {__file__}
    for name in ("auc", "f1"):
        found = result.scores[name]
        assert 10 < found.n_undefined < 60
        assert found.n_undefined == np.isnan(found.replicas).sum()
        assert np.isfinite(found.error)


@pytest.mark.filterwarnings("ignore:Precision is ill-defined")
def test_a_selection_of_negative_weight_is_an_undefined_replica():
    # One event of each class is selected, and that of background is negative.
    X = np.zeros((40, 1))
    X[[0, 20]] = 1.0
    y, weights = np.repeat(["b", "s"], 20), np.ones(40)
    weights[0] = -0.5
    with pytest.warns(LowStatisticsWarning, match="without a value"):
        result = cross_validate_pooled(
            FrozenEstimator(Labels().fit(X, y)),
            X,
            y,
            weights,
            scoring="precision",
            cv=PredefinedSplit(np.zeros(40)),
            n_replicas=100,
        )
    # No event of signal, and one or more of background: 0.37 * 0.63; or more of them.
    assert 15 < result.score.n_undefined < 50


def toy(rng, n=200):
    """Events of fixed numbers in each class: the yields are known, as in a replica."""
    y = np.repeat([0, 1], [n, n // 2])
    X = rng.normal(size=(len(y), 2)) + 1.2 * y[:, np.newaxis]
    weights = rng.exponential(size=len(y))
    for label in (0, 1):
        weights[y == label] /= weights[y == label].sum()
    return X, y, weights


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cv", "refit"),
    [
        (StratifiedKFold(4), True),
        (RepeatedStratifiedKFold(n_splits=4, n_repeats=2, random_state=0), True),
        (ShuffleSplit(1, test_size=0.4, random_state=0), False),
        (ShuffleSplit(3, test_size=0.4, random_state=0), False),
    ],
    ids=["one pass", "repeated", "a part", "random parts"],
)
def test_the_error_is_the_spread_over_samples(cv, refit):
    rng = np.random.default_rng(0)
    names = ["roc_auc", "balanced_log_loss"]
    # The error takes models as they are; those of a small part differ by more than it.
    model = GaussianNB()
    if not refit:
        model = FrozenEstimator(model.fit(*toy(rng, 5000)))
    values, errors = [], []
    for _ in range(250):
        result = cross_validate_pooled(
            model, *toy(rng), scoring=names, cv=cv, n_replicas=30
        )
        values.append([result.scores[name].value for name in names])
        errors.append([result.scores[name].error for name in names])
    # 250 toys know the spread to 4.5 per cent.
    ratio = np.mean(errors, axis=0) / np.std(values, axis=0, ddof=1)
    np.testing.assert_allclose(ratio, 1.0, atol=0.1)


# Repeats and parts.


def test_repeats_are_averaged_and_have_one_error(events):
    X, y, _, weights = events
    folds = RepeatedStratifiedKFold(n_splits=3, n_repeats=4, random_state=0)
    options = {"scoring": ["roc_auc", "accuracy"], "n_replicas": 8}
    result = cross_validate_pooled(
        LogisticRegression(), X, y, weights, cv=folds, **options
    )
    assert len(result.passes) == 4
    assert result.test_scores["roc_auc"].shape == (12,)
    splits = list(folds.split(X, y))
    parts = [
        cross_validate_pooled(
            LogisticRegression(), X, y, weights, cv=splits[3 * k : 3 * k + 3], **options
        )
        for k in range(4)
    ]
    for name in options["scoring"]:
        found, each = result.scores[name], [part.scores[name] for part in parts]
        assert found.value == pytest.approx(np.mean([one.value for one in each]))
        expected = np.mean([one.replicas for one in each], axis=0)
        np.testing.assert_allclose(found.replicas, expected, rtol=1e-12)
        assert found.error == pytest.approx(np.std(expected, ddof=1))
    np.testing.assert_allclose(
        result.oof_decision_function,
        np.mean([part.oof_decision_function for part in parts], axis=0),
        rtol=1e-12,
    )
    for k, one in enumerate(result.passes):
        np.testing.assert_array_equal(one.rows, np.arange(600))
        for number, (_, test) in enumerate(splits):
            if number // 3 == k:
                assert (one.fold[test] == number).all()


@pytest.mark.parametrize(
    ("cv", "groups"),
    [
        (ShuffleSplit(3, test_size=0.2, random_state=1), None),
        (TimeSeriesSplit(4), None),
        (LeaveOneGroupOut(), np.arange(600) // 150),
        (GroupKFold(3), np.arange(600) // 10),
        (PredefinedSplit(np.where(np.arange(600) < 550, np.arange(600) % 2, -1)), None),
        ([(np.arange(300), np.arange(300, 590))], None),
        (((np.arange(300), np.arange(300, 400)) for _ in range(2)), None),
    ],
    ids=[
        "random",
        "time",
        "one group",
        "groups",
        "given",
        "one split",
        "twice the same",
    ],
)
def test_parts_of_the_sample(events, cv, groups):
    X, y, signed, _ = events
    if not hasattr(cv, "split"):
        cv = list(cv)
    scorer = significance(at=0.1)
    result = cross_validate_pooled(
        Unsigned(),
        X,
        y,
        signed,
        groups=groups,
        cv=cv,
        scoring={"z": scorer, "auc": "roc_auc", "accuracy": "accuracy"},
        n_replicas=5,
    )
    n_times = np.zeros(600, dtype=int)
    for train, test in result.splits:
        n_times[test] += 1
        if groups is not None:
            assert not set(groups[train]) & set(groups[test])
    np.testing.assert_array_equal(np.isnan(result.oof_decision_function), n_times == 0)
    known = scorer.for_sample(y, signed)
    values = []
    for one in result.passes:
        part = X.iloc[one.rows], y[one.rows]
        values.append(known(one.predictions, *part, sample_weight=signed[one.rows]))
    assert result.scores["z"].value == pytest.approx(np.mean(values), rel=1e-12)
    for found in result.scores.values():
        assert np.isfinite(found.replicas).all()
        assert found.error > 0


def test_replicas_of_a_part_are_at_the_yields_of_the_part(events):
    X, y, signed, _ = events
    rows = np.arange(200, 500)  # the last events are never tested

    def yields(_estimator, _X, y, sample_weight=None):
        return {label: sample_weight[y == label].sum() for label in ("s", "b")}

    result = cross_validate_pooled(
        Unsigned(),
        X,
        y,
        signed,
        cv=[(np.arange(200), rows)],
        scoring=yields,
        n_replicas=9,
    )
    for label, found in result.scores.items():
        expected = signed[rows][y[rows] == label].sum()
        assert found.value == pytest.approx(expected)
        np.testing.assert_allclose(found.replicas, expected, rtol=1e-9)


def test_replicas_do_not_depend_on_which_events_are_tested(events):
    X, y, *_ = events
    model = FrozenEstimator(LogisticRegression().fit(X, y))
    counted = [
        cross_validate_pooled(
            model,
            X,
            y,
            cv=[(np.arange(300, 600), test)],
            scoring=n_of_function,
            n_replicas=6,
        ).score.replicas
        for test in (np.arange(100), np.arange(100, 250), np.arange(250))
    ]
    np.testing.assert_array_equal(counted[0] + counted[1], counted[2])


def n_of_function(_estimator, X, _y):
    return len(X)


def test_a_class_may_be_missing_from_a_fold_that_is_scored(events):
    X, y, _, weights = events
    first = np.flatnonzero(y == "b")[:40]
    test_fold = np.where(np.isin(np.arange(600), first), 0, 1 + np.arange(600) % 2)
    with pytest.warns(UndefinedMetricWarning, match="1 of 3 folds without") as caught:
        result = cross_validate_pooled(
            LogisticRegression(),
            X,
            y,
            weights,
            scoring=["roc_auc", "balanced_log_loss"],
            cv=PredefinedSplit(test_fold),
        )
    assert [warning.filename for warning in caught] == [__file__]
    for name in ("roc_auc", "balanced_log_loss"):
        np.testing.assert_array_equal(
            np.isnan(result.test_scores[name]), [True, False, False]
        )
        assert np.isfinite(result.scores[name].value)
        assert result.scores[name].n_undefined == 0
        assert result.scores[name].error > 0


def test_each_event_alone_can_be_a_fold(events):
    X, y, *_ = events
    rows = np.arange(60)
    with pytest.warns(UndefinedMetricWarning, match="60 of 60 folds"):
        result = cross_validate_pooled(
            GaussianNB(), X.iloc[rows], y[rows], scoring="roc_auc", cv=LeaveOneOut()
        )
    proba = cross_val_predict(
        GaussianNB(), X.iloc[rows], y[rows], cv=LeaveOneOut(), method="predict_proba"
    )
    expected = roc_auc_score(y[rows], proba[:, 1])
    assert result.score.value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("scoring", ["accuracy", make_scorer(accuracy_score)])
def test_a_class_missing_from_a_training_fold_is_an_error(events, scoring, n_classes):
    X, *_ = events
    y = np.array(["W", "Z", "top", "QCD"])[np.arange(600) % (n_classes + 1)]
    folds = np.where(y == "W", 0, np.arange(600) % 2)
    with pytest.raises(ValueError, match=r"know the .*classes.* StratifiedKFold"):
        cross_validate_pooled(
            LogisticRegression(), X, y, scoring=scoring, cv=PredefinedSplit(folds)
        )


# Weights, groups and other metadata reach whom they must, event by event.


class Recorder(ClassifierMixin, BaseEstimator):
    """Keeps what it is fitted on; the first feature is the number of the event."""

    def fit(self, X, y, sample_weight=None, groups=None, extra=None, option=None):
        self.classes_ = np.unique(y)
        self.rows_ = np.asarray(X)[:, 0].astype(int)
        self.y_ = np.asarray(y)
        self.seen_ = {
            "sample_weight": sample_weight,
            "groups": groups,
            "extra": extra,
            "option": option,
        }
        return self

    def decision_function(self, X):
        return np.asarray(X)[:, 0] % 7.0

    def predict(self, X):
        return self.classes_[(self.decision_function(X) > 3).astype(int)]


class RecordingStep(TransformerMixin, BaseEstimator):
    """Passes events on; keeps the weights."""

    def fit(self, X, _y=None, sample_weight=None):
        self.rows_, self.seen_ = np.asarray(X)[:, 0].astype(int), sample_weight
        return self

    def transform(self, X):
        return X


class PlainStep(TransformerMixin, BaseEstimator):
    """Passes events on, and takes no weights."""

    def fit(self, _X, _y=None):
        return self

    def transform(self, X):
        return X


@pytest.fixture
def numbered():
    """Events whose first feature is their number; weights, groups, something else."""
    rng = np.random.default_rng(1)
    X = np.column_stack([np.arange(80), rng.normal(size=80)])
    y = np.where(rng.random(80) < 0.5, "s", "b")
    return X, y, rng.exponential(size=80), np.arange(80) // 4, rng.normal(size=80)


def assert_own_rows(model, expected):
    for name, values in expected.items():
        if values is None:
            assert model.seen_[name] is None
        else:
            np.testing.assert_array_equal(model.seen_[name], values[model.rows_])


@pytest.mark.parametrize("as_table", [False, True])
def test_an_estimator_gets_what_belongs_to_its_events(numbered, as_table):
    X, y, weights, groups, extra = numbered
    if as_table:
        X = pd.DataFrame(X, index=np.arange(80)[::-1])
    result = cross_validate_pooled(
        Recorder(),
        X,
        y,
        weights,
        groups=groups,
        params={"extra": extra, "option": "plain"},
        scoring="roc_auc",
        cv=GroupKFold(4),
        return_estimator=True,
        n_replicas=0,
    )
    expected = {"sample_weight": weights, "groups": groups, "extra": extra}
    for model, (train, test) in zip(result.estimators, result.splits, strict=True):
        np.testing.assert_array_equal(model.rows_, train)
        np.testing.assert_array_equal(model.y_, y[train])
        assert_own_rows(model, expected)
        assert model.seen_["option"] == "plain"
        assert not set(groups[train]) & set(groups[test])


@pytest.mark.parametrize("make", [make_pipeline, make_weighted_pipeline])
def test_the_last_step_of_a_pipeline_does_too(numbered, make):
    X, y, weights, groups, extra = numbered
    result = cross_validate_pooled(
        make(PlainStep(), make(PlainStep(), Recorder()))
        if make is make_weighted_pipeline
        else make(PlainStep(), Recorder()),
        X,
        y,
        weights,
        groups=groups,
        params={
            "weightedpipeline__recorder__extra"
            if make is make_weighted_pipeline
            else "recorder__extra": extra
        },
        scoring="roc_auc",
        cv=GroupKFold(3),
        return_estimator=True,
        n_replicas=0,
    )
    for model, (train, _) in zip(result.estimators, result.splits, strict=True):
        final = model[-1][-1] if make is make_weighted_pipeline else model[-1]
        np.testing.assert_array_equal(final.rows_, train)
        expected = {"sample_weight": weights, "groups": groups, "extra": extra}
        assert_own_rows(final, expected)


def test_a_step_that_would_go_without_weights_is_refused(numbered):
    X, y, weights, *_ = numbered
    with pytest.raises(TypeError, match=r"leaves out \['recordingstep'\]. Build it wi"):
        cross_validate_pooled(make_pipeline(RecordingStep(), Recorder()), X, y, weights)
    with pytest.raises(TypeError, match=r"Labels, which does not\. Choose another"):
        cross_validate_pooled(Labels(), X, y, weights, scoring="accuracy")


def test_a_weighted_pipeline_gives_weights_to_all_its_steps(numbered):
    X, y, weights, *_ = numbered
    result = cross_validate_pooled(
        make_weighted_pipeline(RecordingStep(), PlainStep(), Recorder()),
        X,
        y,
        weights,
        scoring="roc_auc",
        cv=3,
        return_estimator=True,
        n_replicas=0,
    )
    for model, (train, _) in zip(result.estimators, result.splits, strict=True):
        step = model[0]
        np.testing.assert_array_equal(step.rows_, train)
        np.testing.assert_array_equal(step.seen_, weights[train])
        assert_own_rows(model[-1], {"sample_weight": weights})


@pytest.mark.parametrize("n_jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_with_routing_the_requests_decide(numbered, n_jobs):
    X, y, weights, groups, extra = numbered
    with sklearn.config_context(enable_metadata_routing=True):
        final = Recorder().set_fit_request(
            sample_weight=True, groups=False, extra="other_name", option=False
        )
        step = RecordingStep().set_fit_request(sample_weight=True)
        result = cross_validate_pooled(
            make_pipeline(step, final),
            X,
            y,
            weights,
            groups=groups,
            params={"other_name": extra},
            scoring="roc_auc",
            cv=GroupKFold(3),
            return_estimator=True,
            n_replicas=0,
            n_jobs=n_jobs,
        )
    for model, (train, test) in zip(result.estimators, result.splits, strict=True):
        np.testing.assert_array_equal(model[0].seen_, weights[train])
        expected = {"sample_weight": weights, "groups": None, "extra": extra}
        assert_own_rows(model[-1], expected)
        assert not set(groups[train]) & set(groups[test])


def test_with_routing_an_undecided_request_raises(numbered):
    X, y, weights, *_ = numbered
    with (
        sklearn.config_context(enable_metadata_routing=True),
        pytest.raises(
            ValueError, match=r"sample_weight.* not explicitly set as request"
        ),
    ):
        cross_validate_pooled(Recorder(), X, y, weights, scoring="roc_auc")


@pytest.mark.parametrize("routing", [False, True])
def test_an_estimator_that_declines_weights_gets_none_and_is_scored_with_them(
    numbered, routing
):
    X, y, weights, *_ = numbered
    with sklearn.config_context(enable_metadata_routing=True):
        model = Recorder().set_fit_request(sample_weight=False)
    with sklearn.config_context(enable_metadata_routing=routing):
        result = cross_validate_pooled(
            model, X, y, weights, scoring="roc_auc", cv=FOLDS, return_estimator=True
        )
    for one in result.estimators:
        assert_own_rows(one, {"sample_weight": None})
    score = Recorder().decision_function(X)
    expected = roc_auc_score(y, score, sample_weight=weights)
    assert result.score.value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("routing", [False, True])
def test_functions_get_weights_and_what_scorers_do_not_want_is_left_out(
    numbered, routing
):
    X, y, weights, *_ = numbered

    def yields(_estimator, _X, _y, sample_weight=None):
        return np.sum(sample_weight)

    with sklearn.config_context(enable_metadata_routing=True):
        model = Recorder().set_fit_request(sample_weight=True)
        unweighted = make_scorer(accuracy_score).set_score_request(sample_weight=False)
    scoring = {"function": yields, "auc": "roc_auc"}
    if routing:
        scoring["unweighted"] = unweighted
    with sklearn.config_context(enable_metadata_routing=routing):
        result = cross_validate_pooled(model, X, y, weights, scoring=scoring, cv=FOLDS)
    assert result.scores["function"].value == pytest.approx(weights.sum())
    np.testing.assert_allclose(result.scores["function"].replicas, weights.sum())
    for (_, test), value in zip(
        result.splits, result.test_scores["function"], strict=True
    ):
        assert value == pytest.approx(weights[test].sum())
    if routing:
        expected = np.mean(Recorder().fit(X, y).predict(X) == y)
        assert result.scores["unweighted"].value == pytest.approx(expected)


def test_a_search_inside_gets_the_weights(events):
    X, y, _, weights = events
    search = GridSearchCV(LogisticRegression(), {"C": [0.1]}, scoring="accuracy", cv=2)
    found, expected = (
        cross_validate_pooled(
            model, X, y, weights, scoring="roc_auc", cv=FOLDS
        ).oof_decision_function
        for model in (search, LogisticRegression(C=0.1))
    )
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", ["sample_weight", "groups"])
def test_weights_and_groups_among_the_further_arguments_are_refused(numbered, name):
    X, y, weights, *_ = numbered
    with pytest.raises(ValueError, match=f"Pass the argument `{name}` of"):
        cross_validate_pooled(Recorder(), X, y, params={name: weights})


def test_weights_of_a_step_alone_are_refused(numbered):
    X, y, weights, *_ = numbered
    for make in (make_pipeline, make_weighted_pipeline):
        with pytest.raises(
            ValueError, match="must be given as `sample_weight`, for all fits"
        ):
            cross_validate_pooled(
                make(PlainStep(), Recorder()),
                X,
                y,
                weights,
                params={"recorder__sample_weight": weights},
            )


# Scorers that take no weights, carry them, or look at the model.


def test_a_scorer_that_takes_no_weights_is_refused(events):
    X, y, _, weights = events

    def share(y_true, y_pred):
        return np.mean(y_true == y_pred)

    for scoring in (make_scorer(share), {"a": "roc_auc", "b": make_scorer(share)}):
        with pytest.raises(TypeError, match="must take `sample_weight` to score"):
            cross_validate_pooled(LogisticRegression(), X, y, weights, scoring=scoring)
    assert cross_validate_pooled(
        LogisticRegression(), X, y, scoring=make_scorer(share), n_replicas=2
    ).score.value


def test_a_function_that_takes_none_warns_at_the_line_of_the_user(events):
    X, y, _, weights = events

    def share(estimator, X, y):
        return np.mean(estimator.predict(X) == y)

    with pytest.warns(UnweightedScoreWarning) as caught:
        result = cross_validate_pooled(
            LogisticRegression(), X, y, weights, scoring=share, n_replicas=2
        )
    assert [warning.filename for warning in caught] == [__file__]
    assert 0.5 < result.score.value < 1.0


def test_scorers_without_weights_are_refused_where_there_are_none(events):
    X, y, *_ = events
    for scorer in (weighted_scorer("roc_auc"), significance()):
        with pytest.raises(MissingWeightsError):
            cross_validate_pooled(LogisticRegression(), X, y, scoring=scorer)


@pytest.mark.parametrize("labels", [np.asarray, list, pd.Series])
@pytest.mark.parametrize("name", ["roc_auc", "accuracy", "z", "max"])
def test_scorers_that_carry_weights_are_as_if_they_were_passed(events, labels, name):
    X, y, signed, _ = events
    X = X.set_axis(np.arange(600)[::-1] + 7)
    carried = pd.Series(signed, index=X.index).sample(frac=1.0, random_state=0)

    def scorer(**options):
        if name in {"z", "max"}:
            at = "max" if name == "max" else "binned"
            return significance(at=at, **options)
        return weighted_scorer(name, **options)

    options = {"cv": FOLDS, "n_replicas": 6}
    model = FrozenEstimator(LogisticRegression().fit(X, y))
    found = cross_validate_pooled(
        model, X, labels(y), scoring=scorer(sample_weight=carried), **options
    )
    with sklearn.config_context(enable_metadata_routing=True):
        passed = cross_validate_pooled(model, X, y, signed, scoring=scorer(), **options)
    assert found.score.value == pytest.approx(passed.score.value, rel=1e-12)
    np.testing.assert_allclose(
        found.score.replicas, passed.score.replicas, rtol=1e-9, atol=0
    )
    np.testing.assert_allclose(
        found.test_scores["score"], passed.test_scores["score"], rtol=1e-12
    )


def test_carried_weights_need_a_table(events):
    X, y, signed, _ = events
    scorer = weighted_scorer("roc_auc", sample_weight=pd.Series(signed))
    with pytest.raises(TypeError, match="`X` must be a DataFrame for a scorer that"):
        cross_validate_pooled(LogisticRegression(), X.to_numpy(), y, scoring=scorer)


def coefficient(estimator, X, y):
    return estimator.coef_[0, 0]


def first_step(estimator, X, y):
    return estimator[0].coef_[0, 0]


def of_signal(estimator, X, y):
    return np.mean(estimator.predict(X[y == "s"]) == "s")


@pytest.mark.parametrize("scorer", [coefficient, first_step, of_signal])
def test_what_looks_at_the_model_is_scored_in_folds_only(events, scorer):
    X, y, *_ = events
    model = LogisticRegression()
    if scorer is first_step:
        model = make_pipeline(model)
    scoring = {"auc": "roc_auc", "own": scorer}
    options = {"scoring": scoring, "cv": FOLDS, "n_replicas": 2}
    result = cross_validate_pooled(model, X, y, return_estimator=True, **options)
    assert list(result.scores) == ["auc"]
    expected = [
        scorer(one, X.iloc[test], y[test])
        for one, (_, test) in zip(result.estimators, result.splits, strict=True)
    ]
    np.testing.assert_array_equal(result.test_scores["own"], expected)
    with pytest.raises(TypeError, match="'own' must work on predictions to be pooled"):
        cross_validate_pooled(model, X, y, pooled=True, **options)
    nothing = cross_validate_pooled(model, X, y, pooled=False, **options)
    assert nothing.scores == {}
    assert list(nothing.test_scores) == ["auc", "own"]


def test_the_own_score_of_an_estimator_looks_at_the_model(events):
    X, *_ = events
    options = {"cv": 3, "n_replicas": 2}
    assert cross_validate_pooled(KMeans(2, n_init=1), X, **options).scores == {}
    with pytest.raises(TypeError, match="must work on predictions"):
        cross_validate_pooled(KMeans(2, n_init=1), X, pooled=True, **options)


def test_an_error_of_a_function_in_a_fold_is_that_of_the_function(events):
    X, y, *_ = events

    def wrong(estimator, X, y):
        return estimator.no_such_thing

    with pytest.raises(AttributeError, match="no_such_thing"):
        cross_validate_pooled(LogisticRegression(), X, y, scoring=wrong)


def test_a_callable_may_return_several_scores(events):
    X, y, _, weights = events

    def several(estimator, X, y, sample_weight):
        correct = estimator.predict(X) == y
        return {
            "efficiency": np.average(correct, weights=sample_weight),
            "n": len(correct),
        }

    result = cross_validate_pooled(
        LogisticRegression(), X, y, weights, scoring=several, cv=FOLDS, n_replicas=7
    )
    accuracy = cross_validate_pooled(
        LogisticRegression(),
        X,
        y,
        weights,
        scoring="accuracy",
        cv=FOLDS,
        n_replicas=7,
    ).score
    assert list(result.scores) == list(result.test_scores) == ["efficiency", "n"]
    found = result.scores["efficiency"]
    assert found.value == pytest.approx(accuracy.value)
    np.testing.assert_allclose(found.replicas, accuracy.replicas, rtol=1e-12)
    assert result.scores["n"].value == 600
    assert result.test_scores["n"].sum() == 600
    with pytest.raises(AttributeError, match=r"got those of \['efficiency', 'n'\]"):
        _ = result.score


# Kinds of tables and labels.


def polars_frame(X):
    return pytest.importorskip("polars").from_pandas(X)


def arrow_table(X):
    return pytest.importorskip("pyarrow").Table.from_pandas(X)


TABLES = {
    "array": pd.DataFrame.to_numpy,
    "lists": lambda X: X.to_numpy().tolist(),
    "index": lambda X: X.set_axis([f"event {i}" for i in range(len(X))]),
    "sparse": lambda X: csr_matrix(X.to_numpy()),
    "polars": polars_frame,
    "pyarrow": arrow_table,
}


@pytest.mark.parametrize(
    ("table", "model"),
    [
        pytest.param(table, model, id=f"{model}-{name}")
        for name, table in TABLES.items()
        for model in (LinearSVC(random_state=0), SVC(), GaussianNB())
        # Bayes takes no sparse events.
        if not (name == "sparse" and isinstance(model, GaussianNB))
    ],
)
def test_tables_of_all_kinds(events, table, model):
    X, y, _, weights = events
    given = table(X)
    names = ["roc_auc", "accuracy"]
    options = {"scoring": names, "cv": FOLDS, "n_replicas": 4}
    expected = cross_validate_pooled(model, X.to_numpy(), y, weights, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = cross_validate_pooled(model, given, y, weights, **options)
    rtol = 1e-2 if isinstance(given, csr_matrix) else 1e-12  # another solver
    for name in names:
        np.testing.assert_allclose(
            found.scores[name].replicas, expected.scores[name].replicas, rtol=rtol
        )
        np.testing.assert_allclose(
            found.test_scores[name], expected.test_scores[name], rtol=rtol
        )


@pytest.mark.parametrize(
    "labels",
    [
        list,
        pd.Series,
        lambda y: pd.Series(y, index=np.arange(len(y))[::-1]),
        lambda y: pd.Series(y, dtype="category"),
        lambda y: y == "s",
        lambda y: (y == "s").astype(int),
        lambda y: np.where(y == "s", 1, -1),
        lambda y: y.astype(object),
        lambda y: np.where(y == "s", 1.0, 0.0),
    ],
    ids=[
        "list",
        "Series",
        "Series of another index",
        "category",
        "bool",
        "int",
        "signs",
        "object",
        "float",
    ],
)
def test_labels_of_all_kinds(events, labels):
    X, y, _, weights = events
    scoring = {"auc": "roc_auc", "loss": "balanced_log_loss", "z": significance()}
    options = {"scoring": scoring, "cv": FOLDS, "n_replicas": 4}
    expected = cross_validate_pooled(LogisticRegression(), X, y, weights, **options)
    given = labels(y)
    found = cross_validate_pooled(LogisticRegression(), X, given, weights, **options)
    for name in scoring:
        np.testing.assert_allclose(
            found.scores[name].replicas, expected.scores[name].replicas, rtol=1e-10
        )
    one = found.passes[0].predictions
    if "predict" in one.responses:
        assert set(np.unique(one.predict(X))) == set(np.unique(np.asarray(given)))


def test_a_precomputed_kernel_is_split_in_both_directions(events):
    X, y, _, weights = events
    X, y, weights = X.to_numpy()[:150], y[:150], weights[:150]
    options = {"scoring": "roc_auc", "cv": FOLDS, "return_train_score": True}
    expected = cross_validate_pooled(SVC(kernel="linear"), X, y, weights, **options)
    found = cross_validate_pooled(
        SVC(kernel="precomputed"), X @ X.T, y, weights, **options
    )
    np.testing.assert_allclose(
        found.oof_decision_function, expected.oof_decision_function, atol=1e-3
    )
    for one, other in (
        (found.test_scores, expected.test_scores),
        (found.train_scores, expected.train_scores),
    ):
        np.testing.assert_allclose(one["score"], other["score"], atol=1e-3)


def test_several_targets(events):
    X, y, *_ = events
    targets = np.column_stack([X["a"] + X["b"], X["b"] - X["c"]])
    result = cross_validate_pooled(LinearRegression(), X, targets, cv=3, n_replicas=3)
    assert result.score.value == pytest.approx(1.0)
    assert result.oof_decision_function.shape == (600, 2)
    labels = np.column_stack([y == "s", X["a"] > 0]).astype(int)
    with pytest.raises(ValueError, match="one row for each of the 200 events, got"):
        cross_validate_pooled(
            KNeighborsClassifier(), X, labels, scoring=make_scorer(accuracy_score), cv=3
        )


# What the call does not do, and what it refuses.


def test_nothing_that_is_passed_in_is_changed(events):
    X, y, signed, _ = events
    groups = np.arange(600) // 3
    extra = np.arange(600.0)
    params = {"extra": extra}
    model = Recorder()
    scoring = {"auc": "roc_auc", "z": significance()}
    given = (X, y, signed, groups, extra)
    before = [one.copy() for one in given]
    for one in given[1:]:
        one.flags.writeable = False
    cross_validate_pooled(
        model,
        X,
        y,
        signed,
        groups=groups,
        params=params,
        scoring=scoring,
        cv=GroupKFold(3),
    )
    for one, copied in zip(given, before, strict=True):
        np.testing.assert_array_equal(one, copied)
    assert list(params) == ["extra"]
    assert vars(model) == {}
    assert repr(scoring["z"]) == repr(significance())


def test_the_estimator_is_cloned_for_each_fold(events):
    X, y, *_ = events
    model = LogisticRegression().fit(X[:50], y[:50])
    coef = model.coef_.copy()
    result = cross_validate_pooled(
        model, X, y, cv=FOLDS, return_estimator=True, n_replicas=0
    )
    np.testing.assert_array_equal(model.coef_, coef)
    assert len({id(one) for one in [model, *result.estimators]}) == 5
    assert cross_validate_pooled(model, X, y, cv=2).estimators == []


@pytest.mark.parametrize(
    "backend", ["threading", pytest.param("loky", marks=pytest.mark.slow)]
)
def test_jobs_give_the_same_bits(events, backend):
    X, y, _, weights = events
    model = make_weighted_pipeline(StandardScaler(), LogisticRegression())
    options = {
        "scoring": ["roc_auc", "accuracy"],
        "cv": FOLDS,
        "n_replicas": 5,
        "return_estimator": True,
    }
    expected = cross_validate_pooled(model, X, y, weights, **options)
    with parallel_config(backend):
        found = cross_validate_pooled(model, X, y, weights, n_jobs=2, **options)
    np.testing.assert_array_equal(
        found.oof_decision_function, expected.oof_decision_function
    )
    for name in options["scoring"]:
        np.testing.assert_array_equal(
            found.scores[name].replicas, expected.scores[name].replicas
        )
        np.testing.assert_array_equal(
            found.test_scores[name], expected.test_scores[name]
        )
    for one, other in zip(found.estimators, expected.estimators, strict=True):
        np.testing.assert_array_equal(one[-1].coef_, other[-1].coef_)


def test_folds_of_a_splitter_without_a_seed_are_drawn_once(events):
    X, y, *_ = events
    result = cross_validate_pooled(
        LogisticRegression(), X, y, cv=KFold(5, shuffle=True), n_replicas=0
    )
    tested = np.concatenate([test for _, test in result.splits])
    np.testing.assert_array_equal(np.sort(tested), np.arange(600))


def test_the_result_survives_pickle_and_says_what_it_is(events):
    X, y, signed, _ = events
    result = cross_validate_pooled(
        Unsigned(),
        X,
        y,
        signed,
        scoring={"auc": "roc_auc", "z": significance()},
        cv=FOLDS,
        return_estimator=True,
        n_replicas=20,
    )
    copied = pickle.loads(pickle.dumps(result))
    assert str(copied) == str(result)
    assert [line.split(":")[0] for line in str(result).splitlines()] == ["auc", "z"]
    assert " ± " in str(result)
    np.testing.assert_array_equal(
        copied.oof_decision_function, result.oof_decision_function
    )
    again = weighted_scorer("roc_auc")(
        copied.passes[0].predictions, X, y, sample_weight=signed
    )
    assert again == result.scores["auc"].value
    assert repr(result).startswith("PooledScores(scores={'auc': BootstrapResult(")
    assert len(repr(result)) < 1500


def test_there_is_no_bar_unless_asked_for(events, capfd):
    X, y, *_ = events
    cross_validate_pooled(LogisticRegression(), X, y, cv=3, n_replicas=0)
    assert capfd.readouterr() == ("", "")
    cross_validate_pooled(LogisticRegression(), X, y, cv=3, n_replicas=0, verbose=1)
    assert "Folds: 100%" in capfd.readouterr().err


def test_warnings_of_a_fold_point_at_the_user(events):
    X, y, *_ = events

    def of_fold(estimator, X, y):
        return significance(unit_weights=True)(estimator, X, y)

    with pytest.warns(FoldYieldWarning) as caught:
        cross_validate_pooled(
            LogisticRegression(), X, y, scoring=of_fold, pooled=False, cv=3
        )
    assert {warning.filename for warning in caught} == {__file__}


def test_a_significance_of_a_fold_does_not_warn_of_its_yields(events, caplog):
    X, y, signed, _ = events
    with (
        warnings.catch_warnings(),
        caplog.at_level(logging.WARNING),
    ):
        warnings.simplefilter("error", FoldYieldWarning)
        result = cross_validate_pooled(
            Unsigned(), X, y, signed, scoring=significance(), cv=FOLDS, n_replicas=3
        )
    # At its own yields a fold of a quarter would have half the significance.
    assert result.test_scores["score"].mean() > 0.8 * result.score.value
    assert not caplog.records


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pooled": "yes"}, "`pooled` must be True, False or 'auto', got 'yes'"),
        ({"as_members": 1.5}, "`as_members` must be True, False or 'auto', got 1.5"),
        ({"n_replicas": 1}, "`n_replicas` must be 0, or at least 2, got 1"),
        ({"n_replicas": -3}, "`n_replicas` must be 0, or at least 2, got -3"),
        ({"n_replicas": 2.5}, "`n_replicas` must be 0, or at least 2, got 2.5"),
        ({"random_state": None}, "`random_state` must be a whole number"),
        ({"random_state": -1}, "`random_state` must be a whole number"),
        ({"scoring": []}, "`scoring` must be a name"),
        ({"cv": 1}, "n_splits=1"),
        ({"groups": [1, 2]}, "inconsistent numbers of samples"),
    ],
)
def test_wrong_arguments_are_refused(events, options, message):
    X, y, *_ = events
    with pytest.raises(ValueError, match=message):
        cross_validate_pooled(LogisticRegression(), X, y, **options)


@pytest.mark.parametrize("weights", [np.ones(5), np.full(600, np.nan), np.zeros(600)])
def test_wrong_weights_are_refused(events, weights):
    X, y, *_ = events
    with pytest.raises(WeightsError):
        cross_validate_pooled(LogisticRegression(), X, y, weights)


def test_as_members_is_for_networks(events):
    X, y, *_ = events
    with pytest.raises(TypeError, match="must not be True for an estimator that is no"):
        cross_validate_pooled(LogisticRegression(), X, y, as_members=True)


def test_any_estimator_will_do(events):
    X, y, _, weights = events
    for model in (
        MLPRegressor(hidden_layer_sizes=(4,), max_iter=2000, random_state=0),
        CalibratedClassifierCV(LogisticRegression(), cv=2),
    ):
        target = X["a"] if isinstance(model, MLPRegressor) else y
        given = None if isinstance(model, MLPRegressor) else weights
        result = cross_validate_pooled(model, X, target, given, cv=2, n_replicas=3)
        assert np.isfinite(result.score.error)


def test_a_column_of_labels_becomes_a_vector(events):
    X, y, _, weights = events
    with pytest.warns(DataConversionWarning, match="column-vector"):
        found = cross_validate_pooled(
            LogisticRegression(), X, np.asarray(y)[:, np.newaxis], weights, cv=FOLDS
        )
    plain = cross_validate_pooled(LogisticRegression(), X, y, weights, cv=FOLDS)
    np.testing.assert_array_equal(found.score.replicas, plain.score.replicas)


def test_values_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="Input y contains infinity"):
        cross_validate_pooled(Ridge(), np.eye(10), np.full(10, np.inf))
