import numpy as np
import pytest
from sklearn.base import is_classifier
from sklearn.linear_model import LogisticRegression

from skhep_dnn.feature_selection._jackknife import (
    RememberingEstimator,
    draw_blocks,
    jackknife_error,
    leave_one_out,
)
from skhep_dnn.metrics import weighted_scorer


def test_each_class_is_spread_over_all_blocks():
    labels = np.repeat(["s", "b"], [45, 103])
    blocks = draw_blocks(labels, 148, np.random.RandomState(0))
    for label in ("s", "b"):
        counts = np.bincount(blocks[labels == label], minlength=10)
        assert np.ptp(counts) <= 1
    assert np.ptp(np.bincount(draw_blocks(None, 60, np.random.RandomState(0)))) == 0


def test_a_block_is_left_out_and_the_yields_are_kept():
    rng = np.random.default_rng(0)
    labels = np.repeat(["s", "b"], 100)
    weights = rng.exponential(size=200) * np.where(labels == "s", 0.1, 5.0)
    blocks = draw_blocks(labels, 200, np.random.RandomState(0))
    left = leave_one_out(weights, labels, blocks)
    for k, row in enumerate(left):
        assert (row[blocks == k] == 0.0).all()
        for label in ("s", "b"):
            rows = labels == label
            assert row[rows].sum() == pytest.approx(weights[rows].sum())
            kept = rows & (blocks != k)
            assert np.ptp(row[kept] / weights[kept]) == pytest.approx(0.0, abs=1e-12)


def test_no_positive_sum_gives_none():
    weights = np.ones(40)
    weights[1:20] = 1e-9
    weights[2] = -0.5
    labels = np.repeat(["s", "b"], 20)
    blocks = draw_blocks(labels, 40, np.random.RandomState(0))
    assert leave_one_out(weights, labels, blocks) is None


def test_error_of_a_mean():
    values = np.random.default_rng(0).normal(size=2000)
    means = np.array(
        [np.delete(values.reshape(20, 100), k, 0).mean() for k in range(20)]
    )
    expected = values.reshape(20, 100).mean(axis=1).std(ddof=1) / np.sqrt(20)
    assert jackknife_error(means) == pytest.approx(expected)


def test_predictions_are_made_once():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 2)), np.repeat(["b", "s"], 30)

    class Counting(LogisticRegression):
        calls = 0

        def decision_function(self, X):
            type(self).calls += 1
            return super().decision_function(X)

    model = Counting().fit(X, y)
    remembering = RememberingEstimator(model)
    assert is_classifier(remembering)
    scorer = weighted_scorer("roc_auc")
    for weight in (np.ones(60), np.arange(1.0, 61.0)):
        assert scorer(remembering, X, y, sample_weight=weight) == scorer(
            model, X, y, sample_weight=weight
        )
    assert Counting.calls == 3
    remembering.forget()
    scorer(remembering, -X, y, sample_weight=np.ones(60))
    assert Counting.calls == 4
