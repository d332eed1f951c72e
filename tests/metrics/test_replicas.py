"""Poisson replicas: yields, counts, independence of the block size."""

import numpy as np
import pytest

from skhep_dnn.metrics import poisson_replicas


def collect(*args, **options):
    return np.concatenate(list(poisson_replicas(*args, **options)))


@pytest.fixture
def weighted_classes():
    rng = np.random.default_rng(0)
    is_signal = rng.random(300) < 0.3
    weights = rng.exponential(size=300) * np.where(rng.random(300) < 0.1, -1, 1)
    return is_signal, weights


def test_each_class_keeps_its_yield(weighted_classes):
    is_signal, weights = weighted_classes
    replicas = collect(is_signal, weights, 50, random_state=1)
    assert replicas.shape == (50, 300)
    for mask in (is_signal, ~is_signal):
        assert np.allclose(replicas[:, mask].sum(axis=1), weights[mask].sum())


def test_weights_are_whole_multiples_up_to_one_factor_per_class(weighted_classes):
    is_signal, weights = weighted_classes
    replicas = collect(is_signal, weights, 400, random_state=1)
    for mask in (is_signal, ~is_signal):
        ratios = replicas[:, mask] / weights[mask]
        unit = np.where(ratios > 1e-9, ratios, np.inf).min(axis=1, keepdims=True)
        counts = ratios / unit
        assert np.allclose(counts, counts.round())
        assert counts.mean() == pytest.approx(1, abs=0.02)
        assert counts.var() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("block_size", [1, 7, 20, 100])
def test_the_block_size_does_not_matter(weighted_classes, block_size):
    expected = collect(*weighted_classes, 20, random_state=5)
    blocks = list(
        poisson_replicas(*weighted_classes, 20, random_state=5, block_size=block_size)
    )
    assert max(map(len, blocks)) == min(block_size, 20)
    assert np.allclose(np.concatenate(blocks), expected, rtol=1e-12)


def test_blocks_have_bounded_memory():
    is_signal = np.arange(300_000) % 2 == 0
    for block in poisson_replicas(is_signal, np.ones(300_000), 6, random_state=0):
        assert block.nbytes <= 2**23


def test_seeds_and_random_states(weighted_classes):
    first = collect(*weighted_classes, 3, random_state=5)
    assert np.array_equal(first, collect(*weighted_classes, 3, random_state=5))
    assert not np.array_equal(first, collect(*weighted_classes, 3, random_state=6))
    state = np.random.RandomState(5)
    assert np.array_equal(first, collect(*weighted_classes, 3, random_state=state))
    assert not np.array_equal(first, collect(*weighted_classes, 3, random_state=state))


def test_a_replica_without_one_class_is_nan():
    is_signal = np.array([True, False, False, False])
    replicas = collect(is_signal, np.array([1.0, 1.0, 1.0, 1.0]), 200, random_state=0)
    undefined = np.isnan(replicas)
    assert np.array_equal(undefined.any(axis=1), undefined.all(axis=1))
    assert undefined.all(axis=1).mean() == pytest.approx(np.exp(-1), abs=0.12)
