"""A metric on replicas: found by its name, its function or itself, fast if it can be.

That all ways give the same replicas is tested in test_bootstrap.py.
"""

from functools import partial

import numpy as np
import pytest

from skhep_dnn.metrics import SignificanceAt, weighted_roc_auc
from skhep_dnn.metrics._replica_metric import resolve_metric

Y, SCORE = np.array([0, 1, 0, 1]), np.array([0.1, 0.4, 0.3, 0.2])


def test_a_name_and_its_function_are_prepared_and_other_callables_are_not():
    by_name = resolve_metric("roc_auc")
    assert resolve_metric(weighted_roc_auc) == by_name
    assert by_name.prepare is not None
    assert resolve_metric(partial(weighted_roc_auc)).prepare is None
    with pytest.raises(ValueError, match=r"`metric` must be .*'roc_auc', .* got 'auc'"):
        resolve_metric("auc")


@pytest.mark.parametrize(
    "metric", ["roc_auc", SignificanceAt(0.15), SignificanceAt(0.15, mc_stat=True)]
)
def test_replicas_equal_the_metric_of_repeated_events(metric):
    resolved = resolve_metric(metric)
    counts = np.array([[1, 1, 1, 1], [1, 2, 3, 1]])
    values = resolved.evaluator(Y, SCORE, None)(counts, counts * 1.0)
    for value, count in zip(values, counts, strict=True):
        y, score = np.repeat(Y, count), np.repeat(SCORE, count)
        expected = resolved.nominal_value(y, score, np.ones(len(y)), None)
        assert value == pytest.approx(expected, rel=1e-12)
