"""Scorers of parts of a sample, and of its replicas: full yields, all at once."""

import functools
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone

from skhep_dnn.exceptions import (
    FoldYieldWarning,
    LowStatisticsWarning,
    MissingWeightsError,
    WeightsError,
)
from skhep_dnn.metrics import make_significance_scorer, weighted_scorer
from skhep_dnn.metrics._replica_metric import ReplicaMetric
from skhep_dnn.metrics._replicas import replica_blocks
from tests.metrics.known_scores import KnownScores

# Parts of a sample.


@pytest.mark.parametrize("at", ["binned", "max", "predict", 0.3])
def test_a_fold_is_scored_at_the_yields_of_the_sample(events, at):
    X, y, weights = events
    scorer = make_significance_scorer("asimov", at, min_n_eff=3)
    given = make_significance_scorer(
        "asimov",
        at,
        min_n_eff=3,
        signal_yield=weights[y == "s"].sum(),
        background_yield=weights[y == "b"].sum(),
    )
    known = scorer.for_sample(y, weights)
    fold = slice(0, 200)
    part = {"X": X[fold], "y_true": y[fold], "sample_weight": weights[fold]}
    expected = given(KnownScores(), **part)
    assert known(KnownScores(), **part) == pytest.approx(expected, rel=1e-12)
    assert known.for_sample(y, 2 * weights) is known
    with pytest.warns(FoldYieldWarning):
        scorer(KnownScores(), **part)


def test_yields_that_are_known_stay(events):
    _, y, weights = events
    half = make_significance_scorer(signal_yield=7.0).for_sample(y, weights)
    assert half._score_func.signal_yield == 7.0
    expected = pytest.approx(weights[y == "b"].sum(), rel=1e-12)
    assert half._score_func.background_yield == expected
    both = make_significance_scorer(signal_yield=7.0, background_yield=9.0)
    assert both.for_sample(y, weights) is both
    other = weighted_scorer("roc_auc")
    assert other.for_sample(y) is other


def test_without_weights_events_are_counted_or_none_is_an_error(events):
    _, y, _ = events
    counting = make_significance_scorer(unit_weights=True).for_sample(y)
    assert counting._score_func.signal_yield == np.count_nonzero(y == "s")
    assert counting._score_func.background_yield == np.count_nonzero(y == "b")
    with pytest.raises(MissingWeightsError, match="must get event weights"):
        make_significance_scorer().for_sample(y)


def test_the_signal_is_the_label_that_the_scorer_has(events):
    _, y, weights = events
    reversed_ = make_significance_scorer(pos_label="b").for_sample(y, weights)
    expected = pytest.approx(weights[y == "b"].sum(), rel=1e-12)
    assert reversed_._score_func.signal_yield == expected
    with pytest.raises(ValueError, match="must name the signal among the 3 classes"):
        make_significance_scorer().for_sample(np.arange(600) % 3, weights)
    with pytest.raises(WeightsError, match="for the signal"):
        make_significance_scorer().for_sample(y, np.where(y == "s", -1.0, 1.0))


def test_carried_weights_are_found_by_the_index_of_the_labels(events):
    _, y, weights = events
    scorer = make_significance_scorer(sample_weight=pd.Series(weights))
    order = np.random.default_rng(0).permutation(600)
    known = scorer.for_sample(pd.Series(y).iloc[order])
    expected = weights[y == "s"].sum()
    assert known._score_func.signal_yield == pytest.approx(expected, rel=1e-12)
    assert scorer.for_sample(y) is scorer
    passed = scorer.for_sample(y, 2.0 * weights)
    assert passed._score_func.signal_yield == pytest.approx(2.0 * expected)


def test_its_repr_is_the_call_and_copies_work(events):
    X, y, weights = events
    scorer = make_significance_scorer("asimov", unit_weights=True)
    before = repr(scorer)
    known = scorer.for_sample(np.array(["b", "s", "b"]), [1.0, 2.0, 3.0])
    assert repr(known) == (
        "make_significance_scorer('asimov', unit_weights=True, signal_yield=2.0, "
        "background_yield=4.0)"
    )
    assert repr(scorer) == before
    assert scorer._score_func.signal_yield is None
    value = known(KnownScores(), X, y, sample_weight=weights)
    for copied in (pickle.loads(pickle.dumps(known)), clone(known, safe=False)):
        assert copied(KnownScores(), X, y, sample_weight=weights) == value


# Replicas.


def scores_one_by_one(scorer, model, X, y, blocks):
    """Scores of replicas whose events are repeated, as the bootstrap loops."""

    def metric(y_true, features, *, sample_weight):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", LowStatisticsWarning)
            return scorer(model, features, y_true, sample_weight=sample_weight)

    evaluate = ReplicaMetric(metric).evaluator(y, np.asarray(X), None)
    return np.concatenate([evaluate(*block) for block in blocks])


def assert_same_scores(scorer, model, X, y, weights, codes=None):
    blocks = list(replica_blocks(y == "s" if codes is None else codes, weights, 12, 4))
    kernel = scorer.replica_kernel(model, X, y)
    found = np.concatenate([kernel(*block) for block in blocks])
    expected = scores_one_by_one(scorer, model, X, y, blocks)
    assert np.isfinite(expected).sum() > 0
    assert np.allclose(found, expected, rtol=1e-9, atol=0.0, equal_nan=True)
    ones = np.ones((1, len(y)), dtype=int)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LowStatisticsWarning)
        itself = scorer(model, X, y, sample_weight=weights)
    assert kernel(ones, weights[np.newaxis])[0] == pytest.approx(itself, rel=1e-12)


SCORERS = [
    weighted_scorer("roc_auc"),
    weighted_scorer("roc_auc", pos_label="b"),
    weighted_scorer("balanced_log_loss"),
    weighted_scorer("balanced_log_loss", pos_label="b"),
    *(
        make_significance_scorer(
            kind, at, signal_yield=50.0, background_yield=2000.0, **options
        )
        for kind, at, options in [
            ("ams", "binned", {}),
            ("asimov", "binned", {"min_n_eff": 5, "mc_stat": True}),
            ("asimov", "binned", {"n_bins": 3, "n_shifts": 2, "rel_sigma_b": 0.1}),
            ("asimov", "binned", {"pos_label": "b", "min_n_eff": 5}),
            ("asimov_llr", "binned", {"min_n_eff": 5}),
            ("asimov_llr", "predict", {}),
            ("asimov", "predict", {"mc_stat": True}),
            ("ams", 0.3, {}),
            ("asimov", 0.7, {}),
        ]
    ),
]


@pytest.mark.parametrize("scorer", SCORERS, ids=repr)
@pytest.mark.parametrize("kind_of_weights", ["spread", "equal", "ties"])
def test_replicas_at_once_equal_those_one_by_one(events, scorer, kind_of_weights):
    X, y, weights = events
    if kind_of_weights == "equal":  # bins are full, and have n_eff, to the last digit
        weights = np.where(y == "s", 0.07, 1.3)
    if kind_of_weights == "ties":
        X = X.round(1)
    assert_same_scores(scorer, KnownScores(), X, y, weights)


def test_replicas_of_several_classes():
    rng = np.random.default_rng(0)
    proba = rng.dirichlet(np.ones(3), size=200)

    class KnownProbabilities(ClassifierMixin, BaseEstimator):
        classes_ = np.array(["W", "Z", "top"])

        def predict_proba(self, X):
            return np.asarray(X)

    codes = rng.integers(3, size=200)
    y = KnownProbabilities.classes_[codes]
    weights = rng.exponential(size=200)
    scorer = weighted_scorer("balanced_log_loss")
    assert_same_scores(scorer, KnownProbabilities(), proba, y, weights, codes)


def test_unknown_yields_are_those_of_the_replica_with_one_warning(events):
    X, y, weights = events
    scorer = make_significance_scorer("asimov")
    with pytest.warns(FoldYieldWarning) as caught:
        kernel = scorer.replica_kernel(KnownScores(), X, y)
    assert len(caught) == 1
    known = scorer.for_sample(y, weights).replica_kernel(KnownScores(), X, y)
    for block in replica_blocks(y == "s", weights, 5, 0):
        assert np.allclose(kernel(*block), known(*block), rtol=1e-12)


def test_undefined_replicas_are_nan(events):
    X, y, weights = events
    for scorer in SCORERS[::2]:
        kernel = scorer.replica_kernel(KnownScores(), X, y)
        values = kernel(
            np.ones((2, 600), dtype=int), np.vstack([np.full(600, np.nan), weights])
        )
        assert np.isnan(values[0])
    empty = make_significance_scorer(
        "asimov", 0.99999, signal_yield=5.0, background_yield=50.0
    )
    kernel = empty.replica_kernel(KnownScores(), X, y)
    assert np.isnan(kernel(np.ones((1, 600), dtype=int), weights[np.newaxis])).all()


def test_what_has_no_fast_way_asks_for_no_response(events):
    X, y, _ = events
    for scorer in (weighted_scorer("accuracy"), make_significance_scorer(at="max")):
        assert scorer.replica_kernel(None, X, y) is None


def test_a_kernel_asks_for_the_response_once(events):
    X, y, weights = events
    calls = []

    class Counting(KnownScores):
        def decision_function(self, X):
            calls.append(len(X))
            return super().decision_function(X)

    kernel = weighted_scorer("roc_auc").replica_kernel(Counting(), X, y)
    for block in replica_blocks(y == "s", weights, 4, 0, block_size=1):
        kernel(*block)
    assert calls == [600]


def test_the_orientation_of_the_response_is_that_of_the_scorer(events):
    X, y, weights = events
    ones = np.ones((1, 600), dtype=int)
    auc = functools.partial(weighted_scorer, "roc_auc")
    signal = auc().replica_kernel(KnownScores(), X, y)(ones, weights[np.newaxis])
    other = auc(pos_label="b").replica_kernel(KnownScores(), X, y)
    assert other(ones, weights[np.newaxis]) == pytest.approx(signal)


def test_bins_of_equal_weights_do_not_depend_on_the_order_of_events(events):
    X, y, _ = events
    weights = np.where(y == "s", 0.07, 1.3)
    scorer = make_significance_scorer("asimov").for_sample(y, weights)
    value = scorer(KnownScores(), X, y, sample_weight=weights)
    for seed in range(20):
        order = np.random.default_rng(seed).permutation(600)
        events = {"X": X.iloc[order], "y_true": y[order]}
        shuffled = scorer(KnownScores(), **events, sample_weight=weights[order])
        assert shuffled == pytest.approx(value, rel=1e-12)
