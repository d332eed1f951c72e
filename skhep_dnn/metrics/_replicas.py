"""Samples of the same size that could have been: the replicas of a bootstrap.

Each replica counts every event a Poisson number of times with mean 1 and rescales the
weights of each class to its nominal yield, because a yield is known from the
cross-section and not from the number of simulated events.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state

__all__ = ["poisson_replicas", "replica_blocks"]

FloatArray = NDArray[np.float64]

_BLOCK_ELEMENTS = 2**20  # 8 MB of weights: fits a cache and keeps numpy busy
_MOST_KEPT = 2**23  # 8 MB of counts, 64 MB while they are drawn


def poisson_replicas(
    is_signal: NDArray[np.bool_],
    weights: FloatArray,
    n_replicas: int,
    random_state: int | np.random.RandomState | None = None,
    *,
    block_size: int | None = None,
) -> Iterator[FloatArray]:
    """Yield blocks of replica weights, each class rescaled to its nominal yield.

    The building block of every bootstrap: any function of sums of weights can be
    evaluated on a whole block at once.

    Parameters
    ----------
    is_signal : ndarray of shape (n_samples,), dtype bool
        Which events are signal.
    weights : ndarray of shape (n_samples,)
        Event weights; the sum of each class must be above 0.
    n_replicas : int
        Number of replicas over all blocks.
    random_state : int, RandomState instance or None, default=None
        Seed. The replicas do not depend on `block_size`.
    block_size : int, default=None
        Replicas in a block; None bounds a block to 8 MB.

    Yields
    ------
    replica_weights : ndarray of shape (n_block, n_samples)
        Weight of each event in each replica; a row of nan where a class of the
        replica does not sum to more than 0.

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn.metrics import poisson_replicas
    >>> is_signal = np.array([True, True, False, False, False])
    >>> weights = np.array([1.0, 1.0, 5.0, 4.0, 3.0])
    >>> for block in poisson_replicas(is_signal, weights, 100, random_state=0):
    ...     print(block.shape, np.nanmin(block[:, ~is_signal].sum(axis=1)).round(6))
    (100, 5) 12.0
    """
    blocks = replica_blocks(is_signal, weights, n_replicas, random_state, block_size)
    for _, replica_weights in blocks:
        yield replica_weights


def replica_blocks(
    codes: NDArray[np.bool_] | NDArray[np.intp],
    weights: FloatArray,
    n_replicas: int,
    random_state: int | np.random.RandomState | None,
    block_size: int | None = None,
) -> Iterator[tuple[NDArray[np.int64], FloatArray]]:
    """Yield the counts and the rescaled weights of each block of replicas.

    Parameters
    ----------
    codes : ndarray of shape (n_samples,), dtype bool or int
        Class of each event: which are signal, or a number for each of any classes. One
        number for all, as in a regression, keeps the sum of all weights.
    weights, n_replicas, random_state, block_size
        As in `poisson_replicas`.

    Yields
    ------
    counts : ndarray of shape (n_block, n_samples), dtype int64
        How often each replica contains each event. They depend on `random_state` and
        the number of events alone, not on classes or weights.
    replica_weights : ndarray of shape (n_block, n_samples)
        The weights, counted and rescaled: an event that is counted k times is k events,
        each with a k-th of this weight.
    """
    n_samples = len(weights)
    if block_size is None:
        block_size = max(1, _BLOCK_ELEMENTS // n_samples)
    masks = [codes == code for code in np.unique(codes)[::-1]]
    seed = int(check_random_state(random_state).randint(2**32, dtype=np.uint64))
    for counts in _blocks_of_counts(n_samples, n_replicas, seed, block_size):
        replica_weights = counts * weights
        for mask in masks:
            _rescale(replica_weights, mask, float(weights[mask].sum()))
        yield counts, replica_weights


def _blocks_of_counts(
    n_samples: int, n_replicas: int, seed: int, block_size: int
) -> Iterator[NDArray[np.int64]]:
    starts = range(0, n_replicas, block_size)
    if n_samples * n_replicas <= _MOST_KEPT:
        kept = _kept_counts(n_samples, n_replicas, seed)
        for start in starts:
            yield kept[start : start + block_size].astype(np.int64)
        return
    rng = np.random.default_rng(seed)
    for start in starts:
        n_block = min(block_size, n_replicas - start)
        yield rng.poisson(1.0, size=(n_block, n_samples))


@lru_cache(maxsize=2)
def _kept_counts(n_samples: int, n_replicas: int, seed: int) -> NDArray[np.uint8]:
    """Return counts that are kept: the trials of a search, for one, share them."""
    rng = np.random.default_rng(seed)
    counts = rng.poisson(1.0, size=(n_replicas, n_samples)).astype(np.uint8)
    counts.flags.writeable = False
    return counts


def _rescale(
    replica_weights: FloatArray, mask: NDArray[np.bool_], nominal: float
) -> None:
    """Bring the events in `mask` to their nominal sum, in place; nan if impossible."""
    sums = replica_weights @ mask.astype(np.float64)
    factors = np.full(len(sums), np.nan)
    np.divide(nominal, sums, out=factors, where=sums > 0)
    replica_weights *= np.where(mask, factors[:, np.newaxis], 1.0)
    replica_weights[~(sums > 0)] = np.nan
