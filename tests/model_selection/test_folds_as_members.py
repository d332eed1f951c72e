"""Folds of a network as members of one training: like one by one, and as careful."""

import logging
import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest
from sklearn.model_selection import (
    GroupKFold,
    StratifiedKFold,
    TimeSeriesSplit,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn._weighted_steps import final_step
from skhep_dnn.ensemble import SymmetryAveragedClassifier
from skhep_dnn.exceptions import FitTogetherError
from skhep_dnn.model_selection import _fit_folds, cross_validate_pooled
from skhep_dnn.pipeline import make_weighted_pipeline
from skhep_dnn.preprocessing import SymmetryAugmenter

# Few events are enough to compare two ways of training; the classifier warns of them.
pytestmark = pytest.mark.filterwarnings(
    "ignore::skhep_dnn.exceptions.LowStatisticsWarning"
)

FOLDS = StratifiedKFold(3, shuffle=True, random_state=0)


class Subclass(WeightedDNNClassifier):
    """One that only has another name."""


class OwnFit(WeightedDNNClassifier):
    """One whose fit does something of its own."""

    def fit(self, X, y, sample_weight=None, **further):
        return super().fit(X, y, sample_weight, **further)


def network(cls=WeightedDNNClassifier, **options):
    small = {
        "n_members": 1,
        "n_layers": 1,
        "width": 8,
        "max_epochs": 4,
        "batch_size": 32,
        "learning_rate": 1e-2,
        "early_stopping": False,
        "validation_fraction": None,
        "cv": None,
        "random_state": 0,
    }
    return cls(**{**small, **options})


@pytest.fixture
def events():
    """Events of two classes in equal numbers, so that folds have the same size."""
    rng = np.random.default_rng(4)
    y = np.array(["b", "s"])[rng.permutation(np.arange(240) % 2)]
    X = pd.DataFrame(
        rng.normal(size=(240, 3)) + 0.8 * (y == "s")[:, None], columns=[*"abc"]
    )
    return X, y, np.where(y == "s", 0.2, 1.0) * rng.exponential(size=240)


@pytest.fixture
def trainings(monkeypatch):
    """Numbers of classifiers of the trainings in common."""
    numbers = []
    fit_models_together = _fit_folds.fit_models_together

    def counting(estimator, events, splits, n_jobs):
        result = fit_models_together(estimator, events, splits, n_jobs)
        numbers.append(len(splits))
        return result

    monkeypatch.setattr(_fit_folds, "fit_models_together", counting)
    return numbers


def both_ways(model, X, y, weights=None, **options):
    options = {
        "scoring": ["roc_auc", "balanced_log_loss"],
        "cv": FOLDS,
        "n_replicas": 30,
        "return_estimator": True,
        "return_train_score": True,
    } | options
    return [
        cross_validate_pooled(model, X, y, weights, as_members=way, **options)
        for way in (True, False)
    ]


def assert_alike(together, alone):
    """Compare two results whose networks differ by roundings."""
    np.testing.assert_allclose(
        together.oof_decision_function, alone.oof_decision_function, atol=1e-3
    )
    for name, score in alone.scores.items():
        found = together.scores[name]
        assert abs(found.value - score.value) < 0.1 * score.error
        assert np.std(found.replicas - score.replicas) < 0.1 * score.error
        for of in ("test_scores", "train_scores"):
            one, other = getattr(together, of)[name], getattr(alone, of)[name]
            np.testing.assert_allclose(one, other, atol=0.1 * score.error)
    for pair, other in zip(together.splits, alone.splits, strict=True):
        for rows, same in zip(pair, other, strict=True):
            np.testing.assert_array_equal(rows, same)


@pytest.mark.parametrize(
    ("options", "weighted"),
    [
        ({}, True),
        ({}, False),
        ({"n_members": 2, "cv": 2}, True),
        (
            {
                "schedule": "constant",
                "early_stopping": True,
                "n_iter_no_change": 1,
                "validation_fraction": 0.25,
            },
            True,
        ),
        ({"class_weight": None, "dropout": 0.2}, True),
    ],
    ids=str,
)
def test_they_are_as_if_fitted_one_by_one(events, trainings, options, weighted):
    X, y, weights = events
    together, alone = both_ways(network(**options), X, y, weights if weighted else None)
    assert trainings == [3]
    assert_alike(together, alone)
    for one, other in zip(together.estimators, alone.estimators, strict=True):
        assert one.n_iter_.tolist() == other.n_iter_.tolist()
        assert one.weight_report_.equals(other.weight_report_)
        np.testing.assert_allclose(
            one.history_["train_loss"], other.history_["train_loss"], rtol=1e-3
        )


def test_several_classes(events, trainings):
    X, _, weights = events
    order = np.argsort(X["a"].to_numpy())
    y = np.empty(240, dtype="<U3")
    y[order] = np.repeat(["W", "Z", "top"], 80)
    names = ["balanced_log_loss", "accuracy"]
    results = both_ways(network(), X, y, weights, scoring=names)
    assert trainings == [3]
    np.testing.assert_allclose(
        *[result.oof_decision_function for result in results], atol=1e-3
    )


def test_in_groups(events, trainings):
    X, y, weights = events
    groups = np.arange(240) // 4
    together, alone = both_ways(
        network(validation_fraction=0.25),
        X,
        y,
        weights,
        groups=groups,
        cv=GroupKFold(3),
    )
    assert trainings == [3]
    assert_alike(together, alone)


@pytest.mark.parametrize("as_members", ["auto", True, False])
def test_who_trains_together(events, trainings, as_members):
    X, y, weights = events
    cross_validate_pooled(
        network(), X, y, weights, cv=FOLDS, as_members=as_members, n_replicas=0
    )
    assert trainings == ([3] if as_members else [])


@pytest.mark.parametrize(
    "make",
    [
        lambda: make_weighted_pipeline(StandardScaler(), network()),
        lambda: make_pipeline(PCA(2), network()),
        lambda: make_weighted_pipeline(
            StandardScaler(), make_weighted_pipeline(PCA(2), network())
        ),
        lambda: network(Subclass),
    ],
    ids=["weighted", "plain", "nested", "subclass"],
)
def test_behind_other_steps(events, trainings, make):
    X, y, weights = events
    model = make()
    together, alone = both_ways(model, X, y, weights)
    assert trainings == [3]
    assert_alike(together, alone)
    for one, other in zip(together.estimators, alone.estimators, strict=True):
        assert type(one) is type(other)
        assert repr(one) == repr(other)
        assert type(final_step(one)) is type(final_step(other))
        assert final_step(one).weight_report_.equals(final_step(other).weight_report_)


def test_the_steps_before_are_fitted_on_the_training_events_with_their_weights(
    events, trainings
):
    X, y, weights = events
    result = cross_validate_pooled(
        make_weighted_pipeline(StandardScaler(), network()),
        X,
        y,
        weights,
        cv=FOLDS,
        return_estimator=True,
        n_replicas=0,
    )
    assert trainings == [3]
    for model, (train, _) in zip(result.estimators, result.splits, strict=True):
        expected = StandardScaler().fit(X.iloc[train], sample_weight=weights[train])
        np.testing.assert_array_equal(model[0].mean_, expected.mean_)
        report = model[-1].weight_report_
        assert report["yield"].sum() == pytest.approx(weights[train].sum())


def test_a_step_that_saw_all_events_would_leak(trainings):
    # The best of many columns of noise knows the labels of the events it was chosen by.
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(120, 600)), np.arange(120) % 2
    options = {"scoring": "roc_auc", "cv": FOLDS, "n_replicas": 0, "as_members": True}
    model = make_pipeline(SelectKBest(k=8), network(max_epochs=20))
    honest = cross_validate_pooled(model, X, y, **options).score.value
    chosen = SelectKBest(k=8).fit_transform(X, y)
    leaking = cross_validate_pooled(model[-1], chosen, y, **options).score.value
    assert trainings == [3, 3]
    assert leaking > 0.75
    assert honest < 0.62


def test_with_routing_the_requests_decide(events, trainings):
    X, y, weights = events
    with sklearn.config_context(enable_metadata_routing=True):
        model = make_pipeline(
            StandardScaler().set_fit_request(sample_weight=True),
            network().set_fit_request(sample_weight="w"),
        )
        results = both_ways(
            model, X, y, weights, params={"w": np.ones(240)}, scoring="roc_auc"
        )
    assert trainings == [3]
    for result in results:
        for one, (train, _) in zip(result.estimators, result.splits, strict=True):
            expected = StandardScaler().fit(X.iloc[train], sample_weight=weights[train])
            np.testing.assert_array_equal(one[0].mean_, expected.mean_)
            # The weights of the network are ones here.
            assert one[-1].weight_report_["yield"].sum() == pytest.approx(160)


def test_an_explicit_validation_sample_is_given_to_each(events, trainings):
    X, y, weights = events
    X = X.to_numpy()
    params = {"X_val": X[:30], "y_val": y[:30], "sample_weight_val": weights[:30]}
    together, alone = both_ways(network(), X, y, weights, params=params)
    assert trainings == [3]
    assert_alike(together, alone)
    for one in together.estimators:
        assert "valid_loss" in one.history_


# Where they cannot.


@pytest.mark.parametrize(
    ("model", "cv", "reason"),
    [
        (network(OwnFit), FOLDS, "have the `fit` of WeightedDNNClassifier"),
        (network(random_state=np.random.RandomState(0)), FOLDS, "have seeds that are"),
        (network(), TimeSeriesSplit(3), "must fill nine of ten batches"),
        (
            make_pipeline(PCA(0.7, svd_solver="full"), network()),
            [
                (np.arange(120), np.arange(120, 240)),
                (np.arange(120, 240), np.arange(120)),
            ],
            "number of columns",
        ),
    ],
    ids=["own fit", "RandomState", "sizes", "columns"],
)
def test_the_reason_is_logged_or_raised(events, trainings, caplog, model, cv, reason):
    X, y, weights = events
    X = X.copy()
    X.iloc[:120, 2] *= 20.0  # so that fewer axes hold 0.7 of the variance there
    options = {"cv": cv, "n_replicas": 2, "scoring": "accuracy"}
    with caplog.at_level(logging.INFO, "skhep_dnn"):
        result = cross_validate_pooled(model, X, y, weights, **options)
    assert trainings == []
    told = [r for r in caplog.records if r.name.startswith("skhep_dnn.model_selection")]
    assert len(told) == 1
    assert "one by one" in told[0].getMessage()
    assert reason in told[0].getMessage()
    assert np.isfinite(result.score.value)
    with pytest.raises(FitTogetherError, match=reason):
        cross_validate_pooled(model, X, y, weights, as_members=True, **options)


def test_what_is_no_network_is_refused(events):
    X, y, weights = events
    augmenter = SymmetryAugmenter(rotation=False, reflections="z", odd_under={"c": "z"})
    model = SymmetryAveragedClassifier(network(), augmenter=augmenter)
    with pytest.raises(TypeError, match=r"`as_members` must not be True for an"):
        cross_validate_pooled(model, X, y, weights, as_members=True)


def test_one_that_cannot_be_fitted_says_so(events):
    X, y, weights = events
    for as_members in (True, False):
        with pytest.raises(ValueError, match="n_layers"):
            cross_validate_pooled(
                network(n_layers=-1), X, y, weights, cv=FOLDS, as_members=as_members
            )
        with pytest.raises(TypeError, match=r"leaves out \['standardscaler'\]"):
            cross_validate_pooled(
                make_pipeline(StandardScaler(), network()),
                X,
                y,
                weights,
                as_members=as_members,
            )


# What is left of it.


def test_the_estimator_stays_as_it_is_and_the_models_are_complete(events):
    X, y, weights = events
    model = make_weighted_pipeline(StandardScaler(), network())
    before = repr(model)
    result = cross_validate_pooled(
        model, X, y, weights, cv=FOLDS, as_members=True, return_estimator=True
    )
    assert repr(model) == before
    assert not hasattr(model[-1], "net_")
    assert not hasattr(model[0], "mean_")
    for k, (one, (_, test)) in enumerate(
        zip(result.estimators, result.splits, strict=True)
    ):
        copied = pickle.loads(pickle.dumps(one))
        found = copied.decision_function(X.iloc[test])
        np.testing.assert_array_equal(found, result.oof_decision_function[test])
        assert (result.passes[0].fold[test] == k).all()
        # A model goes on as any other.
        assert copied.fit(X, y, sample_weight=weights)[-1].n_iter_[0] == 4


def test_the_time_of_a_fit_is_shared(events):
    X, y, weights = events
    result = cross_validate_pooled(network(), X, y, weights, cv=FOLDS, n_replicas=0)
    assert len(set(result.fit_time.tolist())) == 1
    assert result.fit_time[0] > 0


@pytest.mark.slow
def test_processes_give_the_same_bits(events):
    X, y, weights = events
    for as_members in (True, False):
        one, other = (
            cross_validate_pooled(
                network(n_members=2),
                X,
                y,
                weights,
                cv=FOLDS,
                as_members=as_members,
                n_jobs=n_jobs,
                n_replicas=4,
            )
            for n_jobs in (1, 2)
        )
        np.testing.assert_array_equal(
            one.oof_decision_function, other.oof_decision_function
        )
        np.testing.assert_array_equal(one.score.replicas, other.score.replicas)
