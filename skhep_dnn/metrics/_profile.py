"""Significance of a binned fit whose uncertainties are correlated between the bins.

The profile likelihood on the Asimov data set, with templates that are interpolated as
in HistFactory: what is left to minimise is a smooth function of as many numbers as
there are variations, and a few steps of Fisher scoring do it, for many histograms at
once. So a choice of bins can ask for the significance of the fit itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skhep_dnn.metrics._significance import (
    FloatArray,
    as_float,
    broadcast_yields,
    check_defined,
)

__all__ = [
    "bin_deviance",
    "half_and_mean",
    "profile_kernel",
    "profile_significance",
    "shifted",
]

_MOST_STEPS = 60
_MOST_HALVINGS = 30
_PRECISION = 1e-10  # of the deviance; rounding of large counts is not far below
# An auxiliary measurement that is so much larger than the yields is as good as exact.
_EXACT = 1e12


def profile_significance(
    s: ArrayLike,
    b: ArrayLike,
    *,
    variations: Sequence[tuple[ArrayLike, ArrayLike | None]] = (),
    sigma_b: ArrayLike = 0.0,
    rel_sigma_b: ArrayLike = 0.0,
    sum_w2_b: ArrayLike = 0.0,
) -> np.float64:
    r"""Discovery significance of a binned fit with variations common to all bins.

    What `binned_significance` is for uncertainties of single bins, this is for those
    that move all bins together: a normalisation, an energy scale. It is the median
    significance of a fit with one constrained nuisance parameter for each variation,
    without the fit.

    Parameters
    ----------
    s : array-like of shape (n_bins,)
        Expected signal yield of each bin, in events.
    b : array-like of shape (n_bins,)
        Expected background yield of each bin, in events.
    variations : sequence of pairs of array-like of shape (n_bins,), default=()
        Background yields with one variation up and down by its standard deviation, for
        each variation. None in place of the second mirrors the first.
    sigma_b : array-like, default=0.0
        Absolute uncertainty of `b` in each bin, in events, independent between bins.
    rel_sigma_b : array-like, default=0.0
        Relative uncertainty of `b` in each bin, independent between bins.
    sum_w2_b : array-like, default=0.0
        Sum of the squared background weights in each bin, in events squared.

    Returns
    -------
    z : float64
        Significance, with the sign of the sum of `s`; nan where the yield of the
        background or of all in a bin is not above 0.

    Raises
    ------
    ValueError
        If an uncertainty is negative, there is more than one histogram, or a variation
        has other bins.

    Warns
    -----
    UndefinedSignificanceWarning
        If the value returned is nan.

    See Also
    --------
    skhep_dnn.export.discovery_significance : The same by a fit with pyhf.

    Notes
    -----
    The background of bin :math:`i` is :math:`\gamma_i B_i(\theta)`, with :math:`B_i =
    b_i + \sum_k [\theta_k \delta_{ki} + w(\theta_k) \epsilon_{ki}]`,
    :math:`\delta` half the difference of up and down, and :math:`\epsilon` what their
    mean differs from :math:`b`. The weight :math:`w` is :math:`|\theta|` beyond 1, and
    within :math:`\theta^2 (3 \theta^4 - 10 \theta^2 + 15) / 8`, the interpolation
    "code 4p" of HistFactory [2]_. The :math:`\theta_k` have unit Gaussian
    constraints, and :math:`\gamma_i` that of an auxiliary count with the mean
    :math:`\gamma_i m_i`, :math:`m_i = b_i^2 / v_i`. On the Asimov data :math:`n = s +
    b` the best fit with signal is the nominal one, and the :math:`\gamma_i` of the
    fit without it are known, :math:`(n + m) / (B + m)`, so that

    .. math::

        q_0 = \min_\theta \sum_i 2 \left[(n_i + m_i) \ln \frac{B_i + m_i}{n_i + m_i}
        - n_i \ln \frac{B_i}{n_i}\right] + \sum_k \theta_k^2, \quad z = \sqrt{q_0} .

    Without variations this is `binned_significance` [1]_; for a small signal it tends
    to :math:`s^T (V + \delta^T \delta)^{-1} s`, :math:`V` with :math:`b_i + v_i`. A
    fit without signal does not see the variations of the signal. What differs in
    pyhf: a `normsys` is exponential beyond one standard deviation, and a `staterror`
    has a Gaussian for each bin.

    References
    ----------
    .. [1] G. Cowan, K. Cranmer, E. Gross, O. Vitells, "Asymptotic formulae for
       likelihood-based tests of new physics", arXiv:1007.1727.
    .. [2] L. Heinrich, M. Feickert, G. Stark, K. Cranmer, "pyhf: pure-Python
       implementation of HistFactory statistical models", JOSS 6(58), 2823 (2021).

    Examples
    --------
    A normalisation that is known to 10 % hurts where no bin is free of signal:

    >>> import numpy as np
    >>> from skhep_dnn.metrics import profile_significance
    >>> s, b = np.array([5.0, 12.0]), np.array([900.0, 30.0])
    >>> round(float(profile_significance(s, b)), 3)
    2.072
    >>> round(float(profile_significance(s, b, variations=[(1.1 * b, 0.9 * b)])), 3)
    2.003
    """
    s, b, v = broadcast_yields(
        s, b, sigma_b=sigma_b, rel_sigma_b=rel_sigma_b, b_reg=0.0, sum_w2_b=sum_w2_b
    )
    if s.ndim != 1:
        msg = (
            f"`s` and `b` must be one-dimensional, got the shape {s.shape}. Take one "
            "histogram at a time."
        )
        raise ValueError(msg)
    slopes = _slopes(variations, b)
    z, _ = profile_kernel(s[np.newaxis], b[np.newaxis], v[np.newaxis], slopes)
    return np.float64(check_defined(z[0]))


def _slopes(
    variations: Sequence[tuple[ArrayLike, ArrayLike | None]], b: FloatArray
) -> FloatArray:
    """Return half the difference of up and down, and the change of their mean."""
    slopes = np.zeros((2, len(variations), 1, len(b)))
    for k, pair in enumerate(variations):
        if len(pair) != 2:
            msg = (
                "A variation must be a pair of yields, up and down, got "
                f"{len(pair)} entries. Pass (up, None) to mirror one."
            )
            raise ValueError(msg)
        up = as_float(pair[0])
        down = 2.0 * b - up if pair[1] is None else as_float(pair[1])
        if not up.shape == down.shape == b.shape:
            msg = (
                f"A variation must have a yield for each of the {len(b)} bins, got "
                f"the shapes {up.shape} and {down.shape}. Fill the same bins."
            )
            raise ValueError(msg)
        slopes[0, k], slopes[1, k] = half_and_mean(b, up, down)
    return slopes


def half_and_mean(
    b: FloatArray, up: FloatArray, down: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return half the difference of two variations, and what their mean adds to `b`."""
    return 0.5 * (up - down), 0.5 * (up + down) - b


def profile_kernel(
    s: FloatArray, b: FloatArray, v: FloatArray, slopes: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return significances and nuisance parameters of many histograms.

    Parameters
    ----------
    s, b, v : ndarray of shape (n_histograms, n_bins)
        Yields, and the variance of `b` that is independent between bins.
    slopes : ndarray of shape (2, n_variations, n_histograms, n_bins)
        Half the difference of the variations up and down, and the change of their
        mean.

    Returns
    -------
    z : ndarray of shape (n_histograms,)
        Significances; nan, without a warning, where undefined.
    theta : ndarray of shape (n_histograms, n_variations)
        Nuisance parameters of the fit without signal.
    """
    defined = ((b > 0) & (s + b > 0)).all(axis=1) & np.isfinite(v).all(axis=1)
    theta = np.zeros((len(s), slopes.shape[1]))
    z = np.full(len(s), np.nan)
    rows = np.flatnonzero(defined)
    q, theta[rows] = _smallest(s[rows], b[rows], v[rows], slopes[:, :, rows])
    sign = np.where(s[rows].sum(axis=1) < 0, -1.0, 1.0)
    z[rows] = sign * np.sqrt(np.maximum(q, 0.0))
    return z, theta


def bin_deviance(
    n: FloatArray, b: FloatArray, v: FloatArray, background: FloatArray
) -> FloatArray:
    """Return the deviance of each bin, its own uncertainty profiled.

    Parameters
    ----------
    n, b, v : ndarray
        Asimov count of a bin, its nominal background and the variance of that.
    background : ndarray
        Background for given nuisance parameters, of the same shape; above 0.

    Returns
    -------
    deviance : ndarray
        The term of a bin in the formula of `profile_significance`.
    """
    m = _auxiliary(n, b, v)
    total = n + m
    return 2.0 * (
        total * np.log1p((background - n) / total) - n * np.log(background / n)
    )


def shifted(b: FloatArray, slopes: FloatArray, theta: FloatArray) -> FloatArray:
    """Return the background for given nuisance parameters.

    Parameters
    ----------
    b : ndarray of shape (...)
        Nominal background.
    slopes : ndarray of shape (2, n_variations, ...)
        Half the difference of the variations up and down, and the change of their
        mean.
    theta : ndarray of shape (n_variations,)
        Nuisance parameters.

    Returns
    -------
    background : ndarray of shape (...)
    """
    weight, _ = _interpolated(theta)
    change = np.tensordot(theta, slopes[0], 1) + np.tensordot(weight, slopes[1], 1)
    return np.asarray(b + change)


def _interpolated(theta: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the weight of the change of the mean, and its derivative."""
    t2 = theta**2
    inside = t2 < 1.0
    weight = np.where(inside, t2 * (t2 * (3.0 * t2 - 10.0) + 15.0) / 8.0, abs(theta))
    slope = np.where(
        inside, theta * (t2 * (18.0 * t2 - 40.0) + 30.0) / 8.0, np.sign(theta)
    )
    return weight, slope


def _auxiliary(n: FloatArray, b: FloatArray, v: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", over="ignore"):
        return np.minimum(b**2 / v, _EXACT * (n + b))


def _smallest(
    s: FloatArray, b: FloatArray, v: FloatArray, slopes: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the smallest deviance and where it is.

    A variation whose mean is not nominal bends the deviance, which can then have a
    second minimum on the other side.
    """
    q, theta = _minimise(s, b, v, slopes, np.zeros((len(s), slopes.shape[1])))
    for k in np.flatnonzero(slopes[1].any(axis=(1, 2))):
        start = theta.copy()
        start[:, k] *= -1.0
        q_other, theta_other = _minimise(s, b, v, slopes, start)
        theta = np.where((q_other < q)[:, np.newaxis], theta_other, theta)
        q = np.minimum(q, q_other)
    return q, theta


def _minimise(
    s: FloatArray,
    b: FloatArray,
    v: FloatArray,
    slopes: FloatArray,
    theta: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Return a minimum of the deviance and where it is, by Fisher scoring.

    A start without background in a bin stays where it is, with an infinite deviance.
    """
    n, m = s + b, _auxiliary(s + b, b, v)
    half, mean = np.moveaxis(slopes, 2, 1)  # (n_histograms, n_variations, n_bins)

    def evaluate(theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        weight, _ = _interpolated(theta)
        background = b + np.einsum("hk,hkb->hb", theta, half)
        background += np.einsum("hk,hkb->hb", weight, mean)
        positive = (background > 0).all(axis=1)
        safe = np.where(positive[:, np.newaxis], background, b)
        q = bin_deviance(n, b, v, safe).sum(axis=1) + (theta**2).sum(axis=1)
        # The background where there is none has no use but must not be 0.
        return np.where(positive, q, np.inf), safe

    q, background = evaluate(theta)
    if theta.shape[1] == 0:
        return q, theta
    for _ in range(_MOST_STEPS):
        slope = half + _interpolated(theta)[1][:, :, np.newaxis] * mean
        gradient = 2.0 * ((n + m) / (background + m) - n / background)
        curvature = 2.0 * m / (background * (background + m))
        force = np.einsum("hb,hkb->hk", gradient, slope) + 2.0 * theta
        hessian = np.einsum("hb,hkb,hlb->hkl", curvature, slope, slope)
        hessian += 2.0 * np.eye(theta.shape[1])
        step = -np.linalg.solve(hessian, force[:, :, np.newaxis])[:, :, 0]
        # What a step can still gain; a histogram that is done stands still.
        gain = -0.5 * np.einsum("hk,hk->h", force, step)
        open_ones = (gain > _PRECISION * (1.0 + q)) & np.isfinite(q)
        if not open_ones.any():
            break
        step[~open_ones] = 0.0
        theta, q, background = _descend(evaluate, theta, q, background, step)
    return q, theta


def _descend(
    evaluate: Callable[[FloatArray], tuple[FloatArray, FloatArray]],
    theta: FloatArray,
    q: FloatArray,
    background: FloatArray,
    step: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Step as far as the deviance falls, halving the steps that do not make it fall."""
    size = np.ones(len(theta))
    for _ in range(_MOST_HALVINGS):
        trial = theta + size[:, np.newaxis] * step
        q_trial, background_trial = evaluate(trial)
        worse: NDArray[np.bool_] = q_trial > q
        if not worse.any():
            break
        size[worse] *= 0.5
    better = q_trial <= q
    theta = np.where(better[:, np.newaxis], trial, theta)
    background = np.where(better[:, np.newaxis], background_trial, background)
    return theta, np.where(better, q_trial, q), background
