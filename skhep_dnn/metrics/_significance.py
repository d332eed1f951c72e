"""Significance expected of a signal over a background in a counting experiment.

Closed forms of yields: the profile-likelihood significance on the Asimov data set, with
and without an uncertainty of the background (Cowan, Cranmer, Gross, Vitells), its
regularised form AMS, and the simple ratios. Below them is what they share with the
significances of histograms and scans: the checks before and after the formulas, and
the formulas themselves, written so that nothing cancels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skhep_dnn._arrays import without_mask
from skhep_dnn._warnings import warn_caller
from skhep_dnn.exceptions import UndefinedSignificanceWarning

__all__ = [
    "FloatArray",
    "ams",
    "as_float",
    "asimov_significance",
    "broadcast_yields",
    "check_defined",
    "check_not_negative",
    "ratio_to_root",
    "regularise",
    "s_over_sqrt_b",
    "s_over_sqrt_sb",
    "significance_kernel",
]

FloatArray = NDArray[np.float64]

# Taylor coefficients of (atanh(t) - t) / t**3 in t**2; enough for |t| <= 0.1.
_ATANH_COEFFICIENTS = tuple(1.0 / k for k in range(3, 19, 2))

_TINY = float(np.finfo(np.float64).tiny)


def ams(s: ArrayLike, b: ArrayLike, *, b_reg: float = 10.0) -> np.float64 | FloatArray:
    r"""Approximate median significance of the HiggsML challenge.

    The Asimov significance without a background uncertainty, with a constant added to
    the background so that a selection with very little background does not win by a
    fluctuation. Use it to compare with results of the challenge; for an analysis
    prefer `asimov_significance` with the real uncertainty.

    Parameters
    ----------
    s : array-like
        Expected signal yield, in events. May be negative.
    b : array-like
        Expected background yield, in events; broadcast against `s`.
    b_reg : float, default=10.0
        Added to `b`, in events; 10 in the challenge.

    Returns
    -------
    z : float64 or ndarray
        Significance, of the broadcast shape of the yields. Negative where `s` is; nan
        where `b < 0`, `b + b_reg <= 0` or `s <= -(b + b_reg)`.

    Raises
    ------
    ValueError
        If `b_reg` is negative.

    Warns
    -----
    UndefinedSignificanceWarning
        Once per call, if any value returned is nan.

    See Also
    --------
    asimov_significance : The same with an uncertainty of the background.

    Notes
    -----
    With :math:`B = b + b_r`,

    .. math:: \mathrm{AMS} = \sqrt{2\,[(s + B) \ln(1 + s / B) - s]}

    with the sign of :math:`s`, evaluated without cancellation as described in
    `asimov_significance`.

    References
    ----------
    .. [1] C. Adam-Bourdarios, G. Cowan, C. Germain, I. Guyon, B. Kegl, D. Rousseau,
       "The Higgs boson machine learning challenge", PMLR 42:19-55 (2015).

    Examples
    --------
    >>> from skhep_dnn.metrics import ams
    >>> round(float(ams(s=100.0, b=500.0)), 4)
    4.294
    """
    s, b, v = broadcast_yields(
        s, b, sigma_b=0.0, rel_sigma_b=0.0, b_reg=b_reg, sum_w2_b=0.0
    )
    return check_defined(significance_kernel(s, regularise(b, b_reg), v))


def asimov_significance(
    s: ArrayLike,
    b: ArrayLike,
    *,
    sigma_b: ArrayLike = 0.0,
    rel_sigma_b: ArrayLike = 0.0,
    b_reg: float = 0.0,
    sum_w2_b: ArrayLike = 0.0,
) -> np.float64 | FloatArray:
    r"""Median discovery significance of a counting experiment.

    The significance with which `s + b` observed events would reject the hypothesis of
    background alone, where `b` is known with the variance
    `sigma_b**2 + (rel_sigma_b * b)**2 + sum_w2_b`. Yields are sums of event weights and
    are used as given.

    Parameters
    ----------
    s : array-like
        Expected signal yield, in events. May be negative.
    b : array-like
        Expected background yield, in events; broadcast against `s`.
    sigma_b : array-like, default=0.0
        Absolute uncertainty of `b`, in events.
    rel_sigma_b : array-like, default=0.0
        Relative uncertainty: a fraction of `b` (without `b_reg`).
    b_reg : float, default=0.0
        Added to `b` in the significance, in events; regularises small backgrounds.
    sum_w2_b : array-like, default=0.0
        Monte Carlo variance of the background: the sum of its squared weights, in
        events squared.

    Returns
    -------
    z : float64 or ndarray
        Significance, of the broadcast shape of the arguments. Negative where `s` is;
        nan where `b < 0`, `b + b_reg <= 0` or `s <= -(b + b_reg)`.

    Raises
    ------
    ValueError
        If an uncertainty or `b_reg` is negative.

    Warns
    -----
    UndefinedSignificanceWarning
        Once per call, if any value returned is nan.

    See Also
    --------
    binned_significance : The sum over the bins of a histogram.

    Notes
    -----
    The published form [2]_ is, with :math:`v` the variance of :math:`b`,

    .. math::

        z^2 / 2 = (s + b) \ln \frac{(s + b)(b + v)}{b^2 + (s + b) v}
        - \frac{b^2}{v} \ln\left(1 + \frac{v s}{b (b + v)}\right)

    and [1]_ for :math:`v = 0`. Its terms cancel for small :math:`s / b` and small
    :math:`v`. It is the sum of two Poisson deviances, those of the selected count
    :math:`n = s + b` and of an auxiliary count with mean :math:`(b / v) b`, from
    the background fitted without signal, :math:`\hat b = (b^2 + n v) / (b + v)`:

    .. math::

        z^2 / 2 = \hat b\,h(x_1) + \frac{b}{v} \hat b\,h(x_2), \quad
        h(x) = (1 + x) \ln(1 + x) - x, \\
        x_1 = \frac{g s}{\hat b}, \; x_2 = -\frac{f s}{\hat b}

    with :math:`g = b / (b + v)` and :math:`f = v / (b + v)`. Neither term is negative.
    With :math:`h(x) = x^2 q(x)` the squares can be taken out,

    .. math:: z = s \sqrt{2 (g / \hat b) [g\,q(x_1) + f\,q(x_2)]}

    which is what is computed: :math:`q(0) = 1/2`, so that :math:`z \to s / \sqrt{b +
    v}` for small :math:`s`, the limit :math:`v \to 0` is regular, and a negative
    signal takes minus the root. The result agrees with arithmetic of 50 digits to
    1e-14. With `b_reg`, every :math:`b` here is `b + b_reg`; :math:`v` is not changed.

    References
    ----------
    .. [1] G. Cowan, K. Cranmer, E. Gross, O. Vitells, "Asymptotic formulae for
       likelihood-based tests of new physics", arXiv:1007.1727, Eq. (97).
    .. [2] G. Cowan, "Discovery sensitivity for a counting experiment with background
       uncertainty", note of 30 May 2012, Eq. (20).

    Examples
    --------
    >>> from skhep_dnn.metrics import asimov_significance
    >>> round(float(asimov_significance(s=10.0, b=100.0)), 3)
    0.984
    >>> asimov_significance([10.0, 20.0], 100.0, rel_sigma_b=0.1).round(3)
    array([0.69 , 1.349])
    """
    s, b, v = broadcast_yields(
        s,
        b,
        sigma_b=sigma_b,
        rel_sigma_b=rel_sigma_b,
        b_reg=b_reg,
        sum_w2_b=sum_w2_b,
    )
    return check_defined(significance_kernel(s, regularise(b, b_reg), v))


def s_over_sqrt_b(s: ArrayLike, b: ArrayLike) -> np.float64 | FloatArray:
    """Signal over the root of the background.

    The limit of `asimov_significance` for a small signal and a known background; too
    large when `s` is not small against `b`.

    Parameters
    ----------
    s : array-like
        Expected signal yield, in events. May be negative.
    b : array-like
        Expected background yield, in events; broadcast against `s`.

    Returns
    -------
    z : float64 or ndarray
        The ratio; nan where `b <= 0`.

    Warns
    -----
    UndefinedSignificanceWarning
        Once per call, if any value returned is nan.

    Examples
    --------
    >>> from skhep_dnn.metrics import s_over_sqrt_b
    >>> float(s_over_sqrt_b(10.0, 100.0))
    1.0
    """
    s, b = as_float(s), as_float(b)
    return check_defined(ratio_to_root(s, b, b > 0))


def s_over_sqrt_sb(s: ArrayLike, b: ArrayLike) -> np.float64 | FloatArray:
    """Signal over the root of signal plus background.

    The inverse relative statistical error of a measured signal yield. Its maximum over
    a cut often lies where most of the signal is lost: ask for a minimal signal
    efficiency.

    Parameters
    ----------
    s : array-like
        Expected signal yield, in events. May be negative.
    b : array-like
        Expected background yield, in events; broadcast against `s`.

    Returns
    -------
    z : float64 or ndarray
        The ratio; nan where `b < 0` or `s + b <= 0`.

    Warns
    -----
    UndefinedSignificanceWarning
        Once per call, if any value returned is nan.

    Examples
    --------
    >>> from skhep_dnn.metrics import s_over_sqrt_sb
    >>> float(s_over_sqrt_sb(36.0, 64.0))
    3.6
    """
    s, b = as_float(s), as_float(b)
    return check_defined(ratio_to_root(s, s + b, (b >= 0) & (s + b > 0)))


def broadcast_yields(
    s: ArrayLike,
    b: ArrayLike,
    *,
    sigma_b: ArrayLike,
    rel_sigma_b: ArrayLike,
    b_reg: float,
    sum_w2_b: ArrayLike,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return signal, background and its variance, checked and of one shape."""
    check_not_negative(
        sigma_b=sigma_b, rel_sigma_b=rel_sigma_b, b_reg=b_reg, sum_w2_b=sum_w2_b
    )
    s, b = as_float(s), as_float(b)
    v = as_float(sigma_b) ** 2 + (as_float(rel_sigma_b) * b) ** 2
    s, b, v = np.broadcast_arrays(s, b, v + as_float(sum_w2_b))
    return s, b, v


def as_float(values: ArrayLike) -> FloatArray:
    """Return numbers as a float64 array, in which masked ones are nan."""
    return np.asarray(without_mask(values), dtype=np.float64)


def check_not_negative(**options: ArrayLike) -> None:
    """Raise a ValueError if an option, or one of its values, is negative."""
    for name, value in options.items():
        if np.any(as_float(value) < 0):
            smallest = float(np.nanmin(as_float(value)))
            msg = (
                f"`{name}` must not be negative, got {smallest!r}. Pass the size of "
                "the quantity, or 0 to leave it out."
            )
            raise ValueError(msg)


def regularise(b: FloatArray, b_reg: float) -> FloatArray:
    """Return `b + b_reg`, nan where `b < 0`."""
    return np.where(b >= 0, b + b_reg, np.nan)


def significance_kernel(s: FloatArray, b_plus: FloatArray, v: FloatArray) -> FloatArray:
    """Asimov significance; nan, without a warning, where it is undefined.

    `b_plus` is the regularised background (`regularise`), `v` its variance.
    """
    with np.errstate(all="ignore"):
        if v.any():
            total = b_plus + v
            g, f = b_plus / total, v / total
            n = s + b_plus
            b_hat = b_plus * g + n * f
            # 1 + x is n / b_hat and b / b_hat: as a sum it would round to 0.
            shape = g * _entropy_ratio(s * g / b_hat, n / b_hat)
            shape += f * _entropy_ratio(-s * f / b_hat, b_plus / b_hat)
            z = s * np.sqrt(2.0 * (g / b_hat) * shape)
        else:
            x = s / b_plus
            z = s * np.sqrt(2.0 * _entropy_ratio(x, 1.0 + x) / b_plus)
        # Written so that nan counts as undefined.
        defined = (b_plus > 0) & (s > -b_plus)
    return np.where(defined, z, np.nan)


def _entropy_ratio(x: FloatArray, one_plus_x: FloatArray) -> FloatArray:
    """Return ((1 + x) log(1 + x) - x) / x**2, 1/2 at x = 0, to a few 1e-15."""
    # log(1 + x) = 2 atanh(t): in t the square can be taken out before terms cancel.
    t = x / (2.0 + x)
    small = np.abs(t) < 0.1
    if small.all():
        return _entropy_series(t)
    y = np.maximum(one_plus_x, _TINY)  # y log(y) tends to 0 with y
    direct = (y * np.log(y) - x) / x / x
    return np.where(small, _entropy_series(t), direct) if small.any() else direct


def _entropy_series(t: FloatArray) -> FloatArray:
    t2 = t * t
    series = np.full_like(t, _ATANH_COEFFICIENTS[-1])
    for coefficient in _ATANH_COEFFICIENTS[-2::-1]:
        series *= t2
        series += coefficient
    return 0.5 * (1.0 - t) + 0.5 * t * (1.0 - t2) * series


def ratio_to_root(
    s: FloatArray, variance: FloatArray, defined: NDArray[np.bool_]
) -> FloatArray:
    """Return `s` over the root of its variance, nan where it is not defined."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(defined, s / np.sqrt(variance), np.nan)


def check_defined(z: FloatArray) -> np.float64 | FloatArray:
    """Warn if a value is nan; return a scalar for shape ()."""
    n_undefined = int(np.count_nonzero(np.isnan(z)))
    if n_undefined:
        msg = (
            "`s` and `b` must have a positive (regularised) background and a total "
            f"above 0 for a significance, got {n_undefined} of {z.size} points "
            "without: they are nan. Merge or drop these points, or set `b_reg`."
        )
        warn_caller(msg, UndefinedSignificanceWarning)
    result: np.float64 | FloatArray = z[()]
    return result
