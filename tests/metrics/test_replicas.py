"""Poisson replicas: yields, counts, independence of the block size."""

import numpy as np
import pytest

from skhep_dnn.metrics import poisson_replicas
from skhep_dnn.metrics._replicas import replica_blocks


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


# Classes by number.


def two_classes_by_hand(is_signal, weights, n_replicas, seed):
    """The replicas of signal and background, written out."""
    seed = np.random.RandomState(seed).randint(2**32, dtype=np.uint64)
    counts = np.random.default_rng(int(seed)).poisson(1.0, (n_replicas, len(weights)))
    replicas = counts * weights
    for mask in (is_signal, ~is_signal):
        sums = replicas @ mask.astype(float)
        factors = np.full(n_replicas, np.nan)
        np.divide(float(weights[mask].sum()), sums, out=factors, where=sums > 0)
        replicas *= np.where(mask, factors[:, None], 1.0)
        replicas[~(sums > 0)] = np.nan
    return counts, replicas


def test_two_classes_have_the_bits_of_signal_and_background(weighted_classes):
    is_signal, weights = weighted_classes
    for mask, w in ((is_signal, weights), (np.arange(5) < 1, np.ones(5))):
        counts, expected = two_classes_by_hand(mask, w, 40, 7)
        for codes in (mask, mask.astype(int), 3 * mask.astype(int) - 1):
            ((found, replicas),) = replica_blocks(codes, w, 40, 7)
            assert np.array_equal(found, counts)
            assert np.array_equal(replicas, expected, equal_nan=True)


@pytest.mark.parametrize("n_classes", [1, 2, 3, 5])
def test_each_of_any_number_of_classes_keeps_its_sum(weighted_classes, n_classes):
    _, weights = weighted_classes
    codes = np.random.default_rng(2).integers(n_classes, size=300)
    ((counts, replicas),) = replica_blocks(codes, weights, 30, 1)
    assert not np.isnan(replicas).any()
    for code in range(n_classes):
        own = codes == code
        assert np.allclose(replicas[:, own].sum(axis=1), weights[own].sum())
        counted = counts[:, own] * weights[own]
        factors = weights[own].sum() / counted.sum(axis=1, keepdims=True)
        assert np.allclose(replicas[:, own], counted * factors)


def test_counts_do_not_depend_on_the_classes(weighted_classes):
    is_signal, weights = weighted_classes
    (one,) = replica_blocks(np.zeros(300, dtype=int), weights, 4, 3)
    (two,) = replica_blocks(is_signal, weights, 4, 3)
    assert np.array_equal(one[0], two[0])
