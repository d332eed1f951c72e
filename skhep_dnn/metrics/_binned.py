"""Significance expected of a histogram, and the merging of its bins.

Bins are ordered from background-like to signal-like. Bins with negative signal, without
background or with few effective events are merged with their neighbours, because a
significance is undefined or fooled by them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skhep_dnn.metrics._significance import (
    FloatArray,
    as_float,
    broadcast_yields,
    check_defined,
    check_not_negative,
    regularise,
    significance_kernel,
)

__all__ = [
    "binned_significance",
    "combine_bins",
    "merge_bins",
    "merge_starts",
    "significance_per_bin",
]

_ROUNDING = 1e-12


def binned_significance(
    s: ArrayLike,
    b: ArrayLike,
    *,
    sigma_b: ArrayLike = 0.0,
    rel_sigma_b: ArrayLike = 0.0,
    b_reg: float = 0.0,
    sum_w2_b: ArrayLike = 0.0,
    min_n_eff: float = 0.0,
) -> np.float64 | FloatArray:
    r"""Discovery significance of a histogram: the root of the sum of squares over bins.

    Right for background uncertainties that are uncorrelated between bins only (as the
    `shapesys` of pyhf); with correlated ones the number is that of a fit. Bins that
    cannot stand alone are merged.

    Parameters
    ----------
    s : array-like of shape (..., n_bins)
        Expected signal yield of each bin, in events, bins ordered from background-like
        to signal-like.
    b : array-like of shape (..., n_bins)
        Expected background yield of each bin, in events.
    sigma_b : array-like, default=0.0
        Absolute uncertainty of `b` in each bin, in events; adds in quadrature when
        bins are merged.
    rel_sigma_b : array-like, default=0.0
        Relative uncertainty of `b` in each bin; `rel_sigma_b * b` adds in quadrature
        when bins are merged.
    b_reg : float, default=0.0
        Added to `b` of each bin after merging, in events.
    sum_w2_b : array-like, default=0.0
        Sum of the squared background weights in each bin, in events squared; adds when
        bins are merged.
    min_n_eff : float, default=0.0
        Smallest number of effective background events, `b**2 / sum_w2_b`, with which a
        bin stands alone.

    Returns
    -------
    z : float64 or ndarray of shape (...)
        Significance. If all bins merge into one whose signal is negative, it is
        negative; if the one left has `b < 0` or `b + b_reg <= 0`, it is nan.

    Raises
    ------
    ValueError
        If an uncertainty, `b_reg` or `min_n_eff` is negative, or there are no bins.

    Warns
    -----
    UndefinedSignificanceWarning
        Once per call, if any value returned is nan.

    See Also
    --------
    merge_bins : The rule by which bins are merged.

    Notes
    -----
    :math:`z = \sqrt{\sum_i z_i^2}` with :math:`z_i` of `asimov_significance`. Bins
    are merged as in `merge_bins`, except that `b = 0` is admissible if `b_reg > 0`.

    References
    ----------
    .. [1] G. Cowan, K. Cranmer, E. Gross, O. Vitells, "Asymptotic formulae for
       likelihood-based tests of new physics", arXiv:1007.1727.

    Examples
    --------
    >>> from skhep_dnn.metrics import binned_significance
    >>> round(float(binned_significance([5.0, 5.0], [90.0, 10.0])), 3)
    1.561
    """
    check_not_negative(min_n_eff=min_n_eff)
    s, b, v = broadcast_yields(
        s,
        b,
        sigma_b=sigma_b,
        rel_sigma_b=rel_sigma_b,
        b_reg=b_reg,
        sum_w2_b=sum_w2_b,
    )
    _check_bins(s)
    sum_w2 = np.broadcast_to(as_float(sum_w2_b), s.shape)
    z = np.empty(s.shape[:-1])
    for row in np.ndindex(z.shape):
        starts = _starts(s[row], b[row], sum_w2[row], min_n_eff, b_reg > 0)
        s_i, b_i, v_i = (np.add.reduceat(x[row], starts) for x in (s, b, v))
        z[row] = combine_bins(significance_kernel(s_i, regularise(b_i, b_reg), v_i))
    return check_defined(z)


def significance_per_bin(
    s: ArrayLike,
    b: ArrayLike,
    *,
    sigma_b: ArrayLike = 0.0,
    rel_sigma_b: ArrayLike = 0.0,
    b_reg: float = 0.0,
    sum_w2_b: ArrayLike = 0.0,
    min_n_eff: float = 0.0,
) -> tuple[FloatArray, NDArray[np.intp]]:
    """Discovery significance of each bin of a histogram: the parts of the binned one.

    Which bins carry the result, and how many of them are merged, is seen here; the
    root of the sum of the squares is what `binned_significance` returns.

    Parameters
    ----------
    s : array-like of shape (n_bins,)
        Expected signal yield of each bin, in events, bins ordered from background-like
        to signal-like.
    b : array-like of shape (n_bins,)
        Expected background yield of each bin, in events.
    sigma_b : array-like, default=0.0
        Absolute uncertainty of `b` in each bin, in events.
    rel_sigma_b : array-like, default=0.0
        Relative uncertainty of `b` in each bin.
    b_reg : float, default=0.0
        Added to `b` of each bin after merging, in events.
    sum_w2_b : array-like, default=0.0
        Sum of the squared background weights in each bin, in events squared.
    min_n_eff : float, default=0.0
        Smallest number of effective background events, `b**2 / sum_w2_b`, with which a
        bin stands alone.

    Returns
    -------
    z : ndarray of shape (n_merged,)
        Significance of each bin that is left after merging; nan where it is undefined.
    first_bin : ndarray of shape (n_merged,)
        Position of the first of the bins that were merged into it.

    Raises
    ------
    ValueError
        If an option is negative, or there are no bins, or more than one histogram.

    Warns
    -----
    UndefinedSignificanceWarning
        Once per call, if any value returned is nan.

    See Also
    --------
    binned_significance : The significance of all bins.

    Examples
    --------
    >>> from skhep_dnn.metrics import significance_per_bin
    >>> z, first_bin = significance_per_bin([5, 6, 2], [90, 10, 1], sum_w2_b=1.0)
    >>> z.round(2), first_bin
    (array([0.52, 1.65, 1.02]), array([0, 1, 2]))
    >>> z, first_bin = significance_per_bin(
    ...     [5, 6, 2], [90, 10, 1], sum_w2_b=1.0, min_n_eff=10
    ... )
    >>> z.round(2), first_bin
    (array([0.52, 1.98]), array([0, 1]))
    """
    check_not_negative(min_n_eff=min_n_eff)
    s, b, v = broadcast_yields(
        s,
        b,
        sigma_b=sigma_b,
        rel_sigma_b=rel_sigma_b,
        b_reg=b_reg,
        sum_w2_b=sum_w2_b,
    )
    _check_one_histogram(s)
    sum_w2 = np.broadcast_to(as_float(sum_w2_b), s.shape)
    starts = _starts(s, b, sum_w2, min_n_eff, b_reg > 0)
    s, b, v = (np.add.reduceat(x, starts) for x in (s, b, v))
    z = significance_kernel(s, regularise(b, b_reg), v)
    return np.asarray(check_defined(z)), np.asarray(starts, dtype=np.intp)


def combine_bins(z: FloatArray) -> np.float64:
    """Return the root of the sum of squares over bins; one bin keeps its sign."""
    combined: np.float64 = z[0] if len(z) == 1 else np.sqrt(np.sum(z**2))
    return combined


def merge_bins(
    s: ArrayLike, b: ArrayLike, sum_w2_b: ArrayLike, *, min_n_eff: float = 0.0
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Merge neighbouring bins until each can stand alone in a binned significance.

    Parameters
    ----------
    s : array-like of shape (n_bins,)
        Signal yield of each bin, in events, bins ordered from background-like to
        signal-like.
    b : array-like of shape (n_bins,)
        Background yield of each bin, in events.
    sum_w2_b : array-like of shape (n_bins,)
        Sum of the squared background weights in each bin, in events squared.
    min_n_eff : float, default=0.0
        Smallest number of effective background events, `b**2 / sum_w2_b`.

    Returns
    -------
    s : ndarray of shape (n_merged,)
        Signal yield of each merged bin, in the order of the bins.
    b : ndarray of shape (n_merged,)
        Background yield of each merged bin.
    sum_w2_b : ndarray of shape (n_merged,)
        Sum of the squared background weights in each merged bin.

    Raises
    ------
    ValueError
        If `min_n_eff` or `sum_w2_b` is negative, or there are no bins.

    Notes
    -----
    A bin is admissible if `s >= 0`, `b > 0` and `b**2 >= min_n_eff * sum_w2_b`. From
    the signal end, a bin is merged with the next one towards the background until it
    is admissible; then the next bin begins. What is left over at the background end
    joins the bin closed last, and if that is inadmissible then, the one before, and so
    on. A single bin that is not admissible can be the result.

    Examples
    --------
    >>> from skhep_dnn.metrics import merge_bins
    >>> s, b, sum_w2_b = merge_bins([1, 2, 3], [9, 4, -1], [9, 4, 1])
    >>> s, b, sum_w2_b
    (array([1., 5.]), array([9., 3.]), array([9., 5.]))
    """
    check_not_negative(min_n_eff=min_n_eff, sum_w2_b=sum_w2_b)
    s, b, sum_w2_b = np.broadcast_arrays(*map(as_float, (s, b, sum_w2_b)))
    _check_one_histogram(s)
    starts = _starts(s, b, sum_w2_b, min_n_eff, allow_no_background=False)
    s, b, sum_w2_b = (np.add.reduceat(x, starts) for x in (s, b, sum_w2_b))
    return s, b, sum_w2_b


def _starts(
    s: FloatArray,
    b: FloatArray,
    sum_w2_b: FloatArray,
    min_n_eff: float,
    allow_no_background: bool,
) -> list[int]:
    """Return the first bin of each merged bin, in increasing order."""

    def admissible(s: float, b: float, sum_w2: float) -> bool:
        enough = b > 0 or (allow_no_background and b == 0)
        return enough and s >= 0 and b * b >= at_least * sum_w2

    # As many events as asked for are enough, in whatever order they were summed.
    at_least = min_n_eff * (1.0 - _ROUNDING)
    return merge_starts(np.stack([s, b, sum_w2_b]), admissible)


def merge_starts(yields: FloatArray, admissible: Callable[..., bool]) -> list[int]:
    """Return the first bin of each merged bin, in increasing order.

    Parameters
    ----------
    yields : ndarray of shape (n_quantities, n_bins)
        What adds when bins are merged.
    admissible : callable
        Takes the quantities of a bin, and says whether it can stand alone.

    Returns
    -------
    starts : list of int
        By the rule of `merge_bins`. A single bin that cannot stand alone can be left.
    """
    bins: list[tuple[float, ...]] = [tuple(one) for one in yields.T.tolist()]
    nothing = (0.0,) * len(yields)
    closed: list[tuple[int, tuple[float, ...]]] = []
    open_bin = nothing
    for i in reversed(range(len(bins))):
        open_bin = _add(open_bin, bins[i])
        if admissible(*open_bin):
            closed.append((i, open_bin))
            open_bin = nothing
    if not closed or closed[-1][0] > 0:
        while closed:
            open_bin = _add(open_bin, closed.pop()[1])
            if admissible(*open_bin):
                break
        closed.append((0, open_bin))
    return [start for start, _ in reversed(closed)]


def _add(left: tuple[float, ...], right: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(one + other for one, other in zip(left, right, strict=True))


def _check_one_histogram(s: FloatArray) -> None:
    _check_bins(s)
    if s.ndim != 1:
        msg = (
            f"`s`, `b` and `sum_w2_b` must be one-dimensional, got the shape {s.shape}."
            " Take one histogram at a time."
        )
        raise ValueError(msg)


def _check_bins(s: FloatArray) -> None:
    if s.ndim == 0 or s.shape[-1] == 0:
        msg = (
            f"`s` and `b` must have one value for each bin, got the shape {s.shape}. "
            "Pass at least one bin along the last axis."
        )
        raise ValueError(msg)
