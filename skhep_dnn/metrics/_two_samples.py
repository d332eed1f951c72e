"""Do two samples of weighted values come from one distribution: a permutation test.

The distance of two samples is that of their cumulative distributions, each of the
signed weights over their sum. What it would be by chance is found by dealing the same
events, each with its weight, to two samples of the same sizes at random: if train and
test events are of one kind, every deal is as likely as the one that was made. So the
test needs no formula for weights, ties or negative weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import kolmogorov
from scipy.stats import ks_2samp

from skhep_dnn.weights import effective_sample_size

__all__ = ["OTHER_WEIGHTS", "TwoSampleTest", "two_sample_test", "weight_scale"]

FloatArray = NDArray[np.float64]
Values = tuple[FloatArray, FloatArray]

_BLOCK_ELEMENTS = 2**18  # 2 MB of weights in each of a few arrays
OTHER_WEIGHTS = 1e-3  # p-value of weights that are taken for different ones
_DIGITS = 9  # so that weights which are equal but for rounding stay equal
_ROUNDING = 1e-12  # of distances that are equal but for the order of their sums


@dataclass(frozen=True)
class TwoSampleTest:
    """How far apart two samples of weighted values are, and how often they are by luck.

    Attributes
    ----------
    distance : float
        Root of the mean square of the difference of the two cumulative distributions
        (Cramér-von Mises), over the values of both samples, which count by `|w|`;
        between 0 and about 1.
    p_value : float
        Share of deals of the same events to two samples whose distance is at least as
        large, this one included.
    ks_distance : float
        Largest difference of the two cumulative distributions (Kolmogorov-Smirnov).
    ks_p_value : float
        The same share for `ks_distance`.
    ks_p_value_naive : float
        What the formula of Kolmogorov gives with the effective numbers of events in
        the place of numbers of equal ones. It is no p-value of weighted events: it is
        approximate for positive weights and has no meaning with negative ones.
    n_train, n_test : int
        Numbers of events.
    n_eff_train, n_eff_test : float
        Effective numbers of events.

    Examples
    --------
    >>> from skhep_dnn.metrics import TwoSampleTest
    >>> print(TwoSampleTest(0.021, 0.35, 0.047, 0.31, 0.22, 900, 800, 612.0, 507.0))
    p = 0.35 of the permutations; KS distance 0.047, p = 0.31 (naive formula: 0.22)
    """

    distance: float
    p_value: float
    ks_distance: float
    ks_p_value: float
    ks_p_value_naive: float
    n_train: int
    n_test: int
    n_eff_train: float
    n_eff_test: float

    def __str__(self) -> str:
        """Return the p-value of the test and the Kolmogorov-Smirnov numbers."""
        return (
            f"p = {self.p_value:.2g} of the permutations; KS distance "
            f"{self.ks_distance:.2g}, p = {self.ks_p_value:.2g} (naive formula: "
            f"{self.ks_p_value_naive:.2g})"
        )


def two_sample_test(
    train: Values, test: Values, n_permutations: int, rng: np.random.Generator
) -> TwoSampleTest:
    """Return the distances of two samples of one class and their permutation p-values.

    Parameters
    ----------
    train, test : tuple of ndarray
        Values and signed weights of the events of each sample; both sums of weights
        are above 0.
    n_permutations : int
        Random deals of the events to two samples of the same sizes.
    rng : numpy.random.Generator
        Deals.

    Returns
    -------
    result : TwoSampleTest

    Notes
    -----
    The weights of the training sample are brought to the scale of the test sample, see
    `weight_scale`: a sample that was scaled to the yields of the whole has other
    weights for the same events. A deal with a sample that does not sum to more than
    0 has no distance and counts as one that is larger.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> one, other = rng.normal(size=300), rng.normal(size=200)
    >>> weights = np.ones(300), np.full(200, 3.0)
    >>> result = two_sample_test((one, weights[0]), (other, weights[1]), 99, rng)
    >>> result.p_value > 0.05
    True
    """
    values = np.concatenate([train[0], test[0]])
    scale, _ = weight_scale(train[1], test[1])
    order = np.argsort(values, kind="stable")
    weights = np.concatenate([scale * train[1], test[1]])[order]
    is_train = (np.arange(len(values)) < len(train[0]))[order]
    ends = np.flatnonzero(np.append(np.diff(values[order]) > 0.0, True))
    distances = _Distances(weights, ends)
    observed = distances(is_train[np.newaxis])[0]
    beyond = np.zeros(2)
    block = max(1, _BLOCK_ELEMENTS // len(values))
    for start in range(0, n_permutations, block):
        n_deals = min(block, n_permutations - start)
        deals = rng.permuted(np.tile(is_train, (n_deals, 1)), axis=1)
        beyond += (distances(deals) >= observed * (1.0 - _ROUNDING)).sum(axis=0)
    p_value, ks_p_value = (beyond + 1.0) / (n_permutations + 1.0)
    n_eff = effective_sample_size(train[1]), effective_sample_size(test[1])
    size = n_eff[0] * n_eff[1] / (n_eff[0] + n_eff[1])
    return TwoSampleTest(
        distance=float(observed[0]),
        p_value=float(p_value),
        ks_distance=float(observed[1]),
        ks_p_value=float(ks_p_value),
        ks_p_value_naive=float(kolmogorov(np.sqrt(size) * observed[1])),
        n_train=len(train[0]),
        n_test=len(test[0]),
        n_eff_train=n_eff[0],
        n_eff_test=n_eff[1],
    )


def weight_scale(train: FloatArray, test: FloatArray) -> tuple[float, float]:
    """Return the factor that makes the weights of one sample those of another.

    Parameters
    ----------
    train, test : ndarray of shape (n_samples,)
        Signed weights, none of which is zero.

    Returns
    -------
    scale : float
        Factor on the weights of `train`: the ratio of the medians of `|w|`, which do
        not follow the heaviest event as means would. If that does not make the weights
        alike, as with weights of two values of which the median is now the one, now the
        other, the ratio of another quantile after which they are.
    p_value : float
        That of the Kolmogorov-Smirnov test of the scaled weights.
    """
    unit = float(np.median(np.abs(test)))
    reference = np.round(test / unit, _DIGITS)
    levels = (0.5, 0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9)
    of_train, of_test = (
        np.quantile(np.abs(w), levels, method="inverted_cdf") for w in (train, test)
    )
    scale, p_value = 1.0, 0.0
    for candidate in (of_test / of_train).tolist():
        scaled = np.round(candidate * train / unit, _DIGITS)
        found = float(ks_2samp(scaled, reference).pvalue)
        if found > p_value:
            scale, p_value = candidate, found
        if p_value >= OTHER_WEIGHTS:
            break
    return scale, p_value


class _Distances:
    """Distances of the two samples of each deal, from the sorted events of both.

    Parameters
    ----------
    weights : ndarray of shape (n_samples,)
        Signed weights, in the order of the values.
    ends : ndarray of shape (n_values,)
        Position of the last event of each value: events with equal values come
        together.
    """

    def __init__(self, weights: FloatArray, ends: NDArray[np.intp]) -> None:
        self.weights = weights
        self.ends = ends
        self.sums = np.cumsum(weights)[ends]
        size = np.cumsum(np.abs(weights))[ends]
        self.steps = np.diff(size, prepend=0.0) / size[-1]

    def __call__(self, is_train: NDArray[np.bool_]) -> FloatArray:
        """Return the two distances of each deal, of shape (n_deals, 2)."""
        of_train = np.cumsum(self.weights * is_train, axis=1)[:, self.ends]
        of_test = self.sums - of_train
        totals = of_train[:, -1], of_test[:, -1]
        with np.errstate(divide="ignore", invalid="ignore"):
            difference = (
                of_train / totals[0][:, np.newaxis] - of_test / totals[1][:, np.newaxis]
            )
            mean_square = np.square(difference) @ self.steps
        found = np.stack([np.sqrt(mean_square), np.abs(difference).max(axis=1)], axis=1)
        found[(totals[0] <= 0.0) | (totals[1] <= 0.0)] = np.inf
        return found
