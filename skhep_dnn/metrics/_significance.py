"""Significance expected of a signal over a background in a counting experiment.

Closed forms of yields: the profile-likelihood significance on the Asimov data set, with
and without an uncertainty of the background (Cowan, Cranmer, Gross, Vitells), its
regularised form AMS, and the simple ratios.
"""

import numpy as np
from numpy.typing import ArrayLike

from skhep_dnn.metrics._significance_kernel import (
    FloatArray,
    as_float,
    broadcast_yields,
    check_defined,
    ratio_to_root,
    regularise,
    significance_kernel,
)

__all__ = [
    "ams",
    "asimov_significance",
    "s_over_sqrt_b",
    "s_over_sqrt_sb",
]


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
