"""Which share of the events passes a cut, in bins of a variable, and is it flat.

A cut whose efficiency for the background depends on a mass gives the background that
passes another shape in the mass: it is sculpted. How much is told by a spread with the
noise subtracted, and whether at all by a chi-square.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import chi2 as chi2_distribution

from skhep_dnn._arrays import without_mask
from skhep_dnn._validation import check_event_weights, check_numbers
from skhep_dnn.exceptions import WeightsError
from skhep_dnn.metrics._confusion import share_error

__all__ = ["BinnedEfficiency", "binned_efficiency"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class BinnedEfficiency:
    """Efficiency of a selection in bins of a variable, and how flat it is.

    Made by `binned_efficiency`. Everything but the edges is nan in a bin whose weights
    do not sum to more than 0; such a bin does not count in the test.

    Attributes
    ----------
    edges : ndarray of shape (n_bins + 1,)
        Edges of the bins, in the unit of the variable.
    efficiency, error : ndarray of shape (n_bins,)
        Selected over total weight in a bin, and its Monte Carlo error.
    low, high : ndarray of shape (n_bins,)
        Ends of an interval of one standard deviation: Wilson's with the effective
        number of events, which has a width also where nothing or all is selected; with
        an efficiency outside of 0 and 1, from negative weights, efficiency -+ error.
    n_eff : ndarray of shape (n_bins,)
        Number of effective events of a bin, selected or not.
    total, total_error : float
        Efficiency of all events in the bins, and its error.
    spread, spread_error : float
        Standard deviation of the efficiency over the events of the class, relative to
        the total efficiency, with the noise subtracted: 0 is flat, 0.5 varies by half.
    chi2 : float
        Of the hypothesis that the efficiency is the same in all bins.
    n_dof : int
        Its degrees of freedom.

    See Also
    --------
    skhep_dnn.inspection.EfficiencyDisplay : The figure.

    Examples
    --------
    >>> from skhep_dnn.metrics import binned_efficiency
    >>> mass, selected = [1.0, 1.0, 2.0, 2.0], [True, False, True, True]
    >>> found = binned_efficiency(mass, selected, edges=[0.5, 1.5, 2.5])
    >>> found.efficiency, found.total
    (array([0.5, 1. ]), 0.75)
    """

    edges: FloatArray
    efficiency: FloatArray
    error: FloatArray
    low: FloatArray
    high: FloatArray
    n_eff: FloatArray
    total: float
    total_error: float
    spread: float
    spread_error: float
    chi2: float
    n_dof: int

    @property
    def p_value(self) -> float:
        """Probability of a chi-square at least as large for a flat efficiency."""
        return float(chi2_distribution.sf(self.chi2, self.n_dof))

    def to_frame(self) -> pd.DataFrame:
        """Return the efficiencies as a table with one row per bin.

        Returns
        -------
        frame : pandas.DataFrame
        """
        names = ["efficiency", "error", "low", "high", "n_eff"]
        columns = {"lower_edge": self.edges[:-1], "upper_edge": self.edges[1:]}
        return pd.DataFrame(columns | {name: getattr(self, name) for name in names})


def binned_efficiency(
    x: ArrayLike,
    selected: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    edges: ArrayLike,
) -> BinnedEfficiency:
    r"""Efficiency of a selection in bins of a variable, for events of one class.

    Parameters
    ----------
    x : array-like of shape (n_samples,)
        The variable; events in which it is nan or outside of the edges do not count.
    selected : array-like of shape (n_samples,), dtype bool
        Which events pass the cut.
    sample_weight : array-like of shape (n_samples,), default=None
        Physics weights, negative ones too; None counts every event once.
    edges : array-like of shape (n_bins + 1,)
        Increasing edges of the bins; the last bin contains its upper edge.

    Returns
    -------
    efficiency : BinnedEfficiency

    Raises
    ------
    ValueError
        If the arrays do not belong to the same events or the edges do not increase.
    WeightsError
        If the weights in the bins do not sum to more than 0.

    Notes
    -----
    With the weights :math:`w` of a bin, their sum :math:`W` and the selected part
    :math:`P`, the efficiency is :math:`e = P / W` and its error, of a part over a whole
    that contains it,

    .. math:: \sigma^2 = \frac{(1 - e)^2 \sum_P w^2 + e^2 \sum_{\bar P} w^2}{W^2} ,

    for weights of one the binomial error of a bin with a fixed total.

    **Flatness.** The error of a bin in which nothing happens to pass is 0 and would
    dominate a chi-square, so that the test takes what errors are *if* the efficiency is
    the same, :math:`\bar e`, in all bins: :math:`v_k = \rho\,\bar e (1 - \bar e) /
    n_{\mathrm{eff},k}`. With :math:`\bar e` from all events, weighted by
    :math:`n_{\mathrm{eff},k}`,

    .. math:: \chi^2 = \sum_k \frac{(e_k - \bar e)^2}{v_k} ,

    with one degree of freedom less than there are bins: for weights of one it is
    Pearson's test of homogeneity. The factor :math:`\rho` is the ratio of the squared
    error above to the binomial one, summed over all bins, for weights that depend on
    the score. It needs :math:`\bar e\, n_{\mathrm{eff},k}` of five or more in each bin,
    as every chi-square does.

    The spread is :math:`\sqrt{\sum_k f_k ((e_k - \bar e)^2 - v_k)} / \bar e`, with the
    shares :math:`f_k` of :math:`n_\mathrm{eff}` in the bins, at least 0.

    References
    ----------
    .. [1] E. B. Wilson, "Probable inference, the law of succession, and statistical
       inference", J. Am. Stat. Assoc. 22 (1927) 209: `low` and `high`.

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn.metrics import binned_efficiency
    >>> rng = np.random.default_rng(0)
    >>> mass = rng.exponential(50.0, size=5000)
    >>> flat = rng.random(5000) < 0.2
    >>> found = binned_efficiency(mass, flat, edges=[0.0, 20.0, 50.0, 100.0, 300.0])
    >>> found.efficiency.round(2), round(found.p_value, 2)
    (array([0.2 , 0.19, 0.22, 0.18]), 0.09)
    """
    values = check_numbers(without_mask(x), "x")
    passed = _check_selected(selected, values.shape)
    weights = check_event_weights(sample_weight, len(values))
    edges = _check_edges(edges)
    inside = (values >= edges[0]) & (values <= edges[-1])
    bins = np.searchsorted(edges, values[inside], side="right") - 1
    bins = np.minimum(bins, len(edges) - 2)
    sums = _Sums.of(bins, passed[inside], weights[inside], len(edges) - 1)
    if not sums.whole.sum() > 0.0:
        msg = (
            "`sample_weight` must sum to more than 0 for the events in the bins, got "
            f"{float(sums.whole.sum())!r}. Use wider bins or more events."
        )
        raise WeightsError(msg)
    efficiency, error, n_eff = sums.efficiencies()
    low, high = _interval(efficiency, error, n_eff)
    total, total_error, _ = sums.merged().efficiencies()
    return BinnedEfficiency(
        edges,
        efficiency,
        error,
        low,
        high,
        n_eff,
        float(total[0]),
        float(total_error[0]),
        *_flatness(sums, efficiency, n_eff),
    )


@dataclass(frozen=True)
class _Sums:
    """Sums of weights and of squares in bins: of what is selected and of all."""

    part: FloatArray
    whole: FloatArray
    part2: FloatArray
    whole2: FloatArray

    @classmethod
    def of(
        cls, bins: NDArray[np.intp], passed: BoolArray, weights: FloatArray, n_bins: int
    ) -> _Sums:
        return cls(
            *(
                np.bincount(bins, values, n_bins).astype(np.float64)
                for values in (
                    weights * passed,
                    weights,
                    weights**2 * passed,
                    weights**2,
                )
            )
        )

    def merged(self) -> _Sums:
        columns = (self.part, self.whole, self.part2, self.whole2)
        return _Sums(*(x.sum(keepdims=True) for x in columns))

    def efficiencies(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return efficiencies, errors and numbers of effective events."""
        defined = self.whole > 0.0
        share, n_eff = (np.full(self.whole.shape, np.nan) for _ in range(2))
        np.divide(self.part, self.whole, out=share, where=defined)
        np.divide(self.whole**2, self.whole2, out=n_eff, where=defined)
        return share, share_error(share, self.part2, self.whole2, self.whole), n_eff


def _interval(
    efficiency: FloatArray, error: FloatArray, n_eff: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return Wilson's interval, with as many events as the error stands for."""
    with np.errstate(invalid="ignore", divide="ignore"):
        binomial = efficiency * (1.0 - efficiency)
        events = np.where(error > 0.0, binomial / error**2, n_eff)
        centre = (efficiency + 0.5 / events) / (1.0 + 1.0 / events)
        half = np.sqrt(binomial / events + 0.25 / events**2) / (1.0 + 1.0 / events)
        is_share = (efficiency >= 0.0) & (efficiency <= 1.0) & (events > 0.0)
    low = np.where(is_share, np.minimum(centre - half, efficiency), efficiency - error)
    high = np.where(is_share, np.maximum(centre + half, efficiency), efficiency + error)
    return low, high


def _flatness(
    sums: _Sums, efficiency: FloatArray, n_eff: FloatArray
) -> tuple[float, float, float, int]:
    """Return the relative spread, its error, chi-square and degrees of freedom."""
    used = np.isfinite(efficiency)
    e, n = efficiency[used], n_eff[used]
    n_dof = len(e) - 1
    mean = float(np.average(e, weights=n))
    binomial = mean * (1.0 - mean)
    if n_dof < 1 or not binomial > 0.0:
        return float("nan"), float("nan"), float("nan"), n_dof
    part2, rest2 = sums.part2[used], sums.whole2[used] - sums.part2[used]
    own = ((1.0 - mean) ** 2 * part2 + mean**2 * rest2).sum()
    variance = own / (binomial * sums.whole2[used].sum()) * binomial / n
    shares = n / n.sum()
    chi2 = float(((e - mean) ** 2 / variance).sum())
    squared = float((shares * ((e - mean) ** 2 - variance)).sum())
    spread = np.sqrt(max(squared, 0.0)) / mean
    # The square of a Gaussian deviation: 2 v^2 without and 4 d^2 v with a shift.
    shift = np.maximum((e - mean) ** 2 - variance, 0.0)
    of_squared = np.sqrt(
        (shares**2 * (2.0 * variance**2 + 4.0 * shift * variance)).sum()
    )
    of_root = of_squared / (2.0 * mean**2 * spread) if spread > 0.0 else np.inf
    # Near 0 the root has no derivative: the error of the square is then its own scale.
    error = float(min(of_root, np.sqrt(of_squared) / mean))
    return float(spread), error, chi2, n_dof


def _check_selected(selected: ArrayLike, shape: tuple[int, ...]) -> BoolArray:
    passed = np.asarray(selected)
    if passed.dtype != np.bool_ or passed.shape != shape or passed.ndim != 1:
        msg = (
            "`selected` must say of each event in `x` whether it passes, got the "
            f"shape {passed.shape} of {passed.dtype} for the shape {shape}. Pass "
            "y_score >= threshold."
        )
        raise ValueError(msg)
    return passed


def _check_edges(edges: ArrayLike) -> FloatArray:
    checked = check_numbers(edges, "edges")
    if checked.ndim != 1 or len(checked) < 2 or not (np.diff(checked) > 0.0).all():
        msg = (
            "`edges` must be two increasing numbers or more, got "
            f"{checked.tolist()!r}. Sort them and drop what occurs twice."
        )
        raise ValueError(msg)
    return checked
