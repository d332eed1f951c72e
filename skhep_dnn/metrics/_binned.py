"""Significance expected of a histogram, and the merging of its bins.

Bins are ordered from background-like to signal-like. Bins with negative signal, without
background or with few effective events are merged with their neighbours, because a
significance is undefined or fooled by them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from skhep_dnn.metrics._significance import (
    FloatArray,
    as_float,
    broadcast_yields,
    check_defined,
    check_not_negative,
    regularise,
    significance_kernel,
)

__all__ = ["binned_significance", "combine_bins", "merge_bins"]

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
        starts = _merge_starts(s[row], b[row], sum_w2[row], min_n_eff, b_reg > 0)
        s_i, b_i, v_i = (np.add.reduceat(x[row], starts) for x in (s, b, v))
        z[row] = combine_bins(significance_kernel(s_i, regularise(b_i, b_reg), v_i))
    return check_defined(z)


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
    _check_bins(s)
    if s.ndim != 1:
        msg = (
            f"`s`, `b` and `sum_w2_b` must be one-dimensional, got the shape {s.shape}."
            " Merge the bins of one histogram at a time."
        )
        raise ValueError(msg)
    starts = _merge_starts(s, b, sum_w2_b, min_n_eff, allow_no_background=False)
    s, b, sum_w2_b = (np.add.reduceat(x, starts) for x in (s, b, sum_w2_b))
    return s, b, sum_w2_b


def _merge_starts(
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

    bins = list(zip(s.tolist(), b.tolist(), sum_w2_b.tolist(), strict=True))
    closed: list[tuple[int, tuple[float, float, float]]] = []
    open_bin = (0.0, 0.0, 0.0)
    for i in reversed(range(len(bins))):
        open_bin = _add(open_bin, bins[i])
        if admissible(*open_bin):
            closed.append((i, open_bin))
            open_bin = (0.0, 0.0, 0.0)
    if not closed or closed[-1][0] > 0:
        while closed:
            open_bin = _add(open_bin, closed.pop()[1])
            if admissible(*open_bin):
                break
        closed.append((0, open_bin))
    return [start for start, _ in reversed(closed)]


def _add(
    left: tuple[float, float, float], right: tuple[float, float, float]
) -> tuple[float, float, float]:
    return left[0] + right[0], left[1] + right[1], left[2] + right[2]


def _check_bins(s: FloatArray) -> None:
    if s.ndim == 0 or s.shape[-1] == 0:
        msg = (
            f"`s` and `b` must have one value for each bin, got the shape {s.shape}. "
            "Pass at least one bin along the last axis."
        )
        raise ValueError(msg)
