"""The packed sort orders any float64 scores exactly."""

import numpy as np
import pytest

from skhep_dnn.metrics import _sorting as sorting_module
from skhep_dnn.metrics._sorting import sort_events

RNG = np.random.default_rng(0)
SCORES = {
    "normal": RNG.normal(size=5000),
    "one event": np.array([0.3]),
    "two events": np.array([0.3, 0.7]),
    "all equal": np.full(1000, 0.1),
    "integers": RNG.integers(-3, 4, 5000).astype(float),
    "equal in float32": 0.5 + 1e-12 * RNG.permutation(5000),
    "neighbouring float64": 1.0 - 2.0**-53 * RNG.permutation(5000),
    "sigmoids near 1": 1.0 / (1.0 + np.exp(-RNG.normal(25, 8, 5000))),
    "denormals": 5e-324 * RNG.permutation(5000),
    "denormals and ones": np.append(5e-324 * RNG.permutation(5000), [1.0, -1.0]),
    "huge exponents": RNG.choice([-1, 1], 5000) * 10.0 ** RNG.uniform(-308, 308, 5000),
    "extremes": np.array([np.finfo(float).max, 1.0, -np.finfo(float).max, 0.0, 1e-9]),
    "infinities": np.append(RNG.normal(size=500), [np.inf, -np.inf, np.inf, -np.inf]),
    "only infinities": np.array([np.inf, -np.inf, np.inf]),
    "signed zeros": RNG.choice([0.0, -0.0, 1e-300, -1e-300], 1000),
    "ascending": np.arange(5000.0),
    "descending": np.arange(5000.0)[::-1],
}


@pytest.mark.parametrize("block", [64, 2**14])
@pytest.mark.parametrize("name", SCORES)
def test_order_is_exact(name, block, monkeypatch):
    monkeypatch.setattr(sorting_module, "_BLOCK", block)
    scores = SCORES[name]
    is_signal = RNG.random(len(scores)) < 0.5
    events = sort_events(scores, is_signal)
    index = (events >> np.uint64(1)).astype(int)
    np.testing.assert_array_equal(np.sort(index), np.arange(len(scores)))
    np.testing.assert_array_equal(scores[index], np.sort(scores)[::-1])
    np.testing.assert_array_equal(
        (events & np.uint64(1)).astype(bool), is_signal[index]
    )


def test_scores_are_not_changed():
    scores = np.append(RNG.normal(size=50), np.inf)
    before = scores.copy()
    sort_events(scores, scores > 0)
    np.testing.assert_array_equal(scores, before)
