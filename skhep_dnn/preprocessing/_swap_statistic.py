r"""Is a distribution symmetric? The test by swapping events and transformed copies.

A feature f changes by :math:`d_i = f(T x_i) - f(x_i)` in event i of weight
:math:`w_i`. If the distribution is symmetric, x and Tx of any event can be swapped,
which changes the sign of its :math:`d_i` and leaves its weight: the sums
:math:`\sum_i s_i w_i d_i` with random signs :math:`s_i` have the null distribution of
:math:`\sum_i w_i d_i`, exactly and for weights of both signs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["SwapTest", "swap_test"]

Floats = NDArray[np.floating[Any]]
_ROUNDING = 1e-5  # sums of float32 that are equal but for their order


class SwapTest(NamedTuple):
    """Result of one test.

    Attributes
    ----------
    p_value : float
        Probability of such a deviation of some part if all is symmetric.
    part : str
        The part that deviates most.
    effect : float
        Square of the mean change of its features over their mean squared change.
    error : float
        Standard error of `effect`.
    """

    p_value: float
    part: str
    effect: float
    error: float


class _Part(NamedTuple):
    name: str
    distances: Floats  # of the events, then of each swap
    effect: float
    error: float


def swap_test(
    parts: Iterable[tuple[str, Floats]],
    weights: NDArray[np.float64],
    n_permutations: int,
    rng: np.random.RandomState,
) -> SwapTest:
    """Compare changes of features with their null distribution.

    Parameters
    ----------
    parts : iterable of (str, ndarray of shape (n_samples, n_part))
        Changes of features of each event, in named parts.
    weights : ndarray of shape (n_samples,)
        Event weights.
    n_permutations : int
        Number of random swaps.
    rng : RandomState
        Source of the random signs.

    Returns
    -------
    result : SwapTest
        Of the largest of the deviations of all parts, each in units of its spread
        over the swaps.
    """
    coins = rng.randint(0, 2, size=(1 + n_permutations, len(weights)))
    signs = (2 * coins - 1).astype(np.float32)
    signs[0] = 1.0
    found = [_part(name, change, weights, signs) for name, change in parts]
    found = [part for part in found if part.distances.any()]
    if not found:
        return SwapTest(1.0, "none", 0.0, 0.0)
    # Cube roots of sums of squares are nearly normal, so that parts compare.
    roots = np.cbrt(np.stack([part.distances for part in found]))
    spread = roots.std(axis=1, keepdims=True) + 1e-12
    deviations = (roots - roots.mean(axis=1, keepdims=True)) / spread
    largest = deviations.max(axis=0)
    at_least = int(np.count_nonzero(largest[1:] >= largest[0] - _ROUNDING))
    part = found[int(deviations[:, 0].argmax())]
    p_value = (1 + at_least) / (1 + n_permutations)
    return SwapTest(p_value, part.name, part.effect, part.error)


def _part(
    name: str, change: Floats, weights: NDArray[np.float64], signs: Floats
) -> _Part:
    weighted = change * weights[:, None]
    norm = np.sqrt((weighted**2).sum(axis=0))
    weighted = weighted[:, norm > 1e-9 * norm.max(initial=0.0)]
    if not weighted.shape[1]:
        return _Part(name, np.zeros(len(signs)), 0.0, 0.0)
    terms = weighted / np.sqrt((weighted**2).sum(axis=0))
    sums = signs @ terms.astype(np.float32)
    distances = (sums.astype(np.float64) ** 2).mean(axis=1)
    # Each sum has variance 1 if there is symmetry; n_eff times the effect comes on top.
    n_eff = np.abs(weights).sum() ** 2 / (weights**2).sum()
    influence = (terms * terms.sum(axis=0)).mean(axis=1)
    # The variance by the influence of each event has twice that of the swaps in it.
    swaps, events = distances[1:].var(), 4.0 * len(weights) * influence.var()
    spread = np.sqrt(swaps + max(0.0, events - 2.0 * swaps))
    return _Part(name, distances, (distances[0] - 1.0) / n_eff, float(spread / n_eff))
