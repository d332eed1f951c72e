"""What arithmetic gives a significance from checked arrays of yields.

The formulas, written so that nothing cancels, and the checks before and after them.
`asimov_significance` documents the formula and its sources.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skhep_dnn._warnings import warn_caller
from skhep_dnn.exceptions import UndefinedSignificanceWarning

__all__ = [
    "FloatArray",
    "as_float",
    "broadcast_yields",
    "check_defined",
    "check_not_negative",
    "ratio_to_root",
    "regularise",
    "significance_kernel",
]

FloatArray = NDArray[np.float64]

# Taylor coefficients of (atanh(t) - t) / t**3 in t**2; enough for |t| <= 0.1.
_ATANH_COEFFICIENTS = tuple(1.0 / k for k in range(3, 19, 2))


def significance_kernel(s: FloatArray, b_plus: FloatArray, v: FloatArray) -> FloatArray:
    """Asimov significance; nan, without a warning, where it is undefined.

    `b_plus` is the regularised background (`regularise`), `v` its variance.
    """
    with np.errstate(all="ignore"):
        if v.any():
            total = b_plus + v
            g, f = b_plus / total, v / total
            b_hat = b_plus * g + (s + b_plus) * f
            shape = g * _entropy_ratio(s * g / b_hat)
            shape += f * _entropy_ratio(-s * f / b_hat)
            z = s * np.sqrt(2.0 * (g / b_hat) * shape)
        else:
            z = s * np.sqrt(2.0 * _entropy_ratio(s / b_plus) / b_plus)
        # Written so that nan counts as undefined.
        defined = (b_plus > 0) & (s > -b_plus)
    return np.where(defined, z, np.nan)


def _entropy_ratio(x: FloatArray) -> FloatArray:
    """Return ((1 + x) log(1 + x) - x) / x**2, 1/2 at x = 0, to a few 1e-15."""
    # log(1 + x) = 2 atanh(t): in t the square can be taken out before terms cancel.
    t = x / (2.0 + x)
    small = np.abs(t) < 0.1
    if small.all():
        return _entropy_series(t)
    direct = ((1.0 + x) * np.log1p(x) - x) / x / x
    return np.where(small, _entropy_series(t), direct) if small.any() else direct


def _entropy_series(t: FloatArray) -> FloatArray:
    t2 = t * t
    series = np.full_like(t, _ATANH_COEFFICIENTS[-1])
    for coefficient in _ATANH_COEFFICIENTS[-2::-1]:
        series *= t2
        series += coefficient
    return 0.5 * (1.0 - t) + 0.5 * t * (1.0 - t2) * series


def regularise(b: FloatArray, b_reg: float) -> FloatArray:
    """Return `b + b_reg`, nan where `b < 0`."""
    return np.where(b >= 0, b + b_reg, np.nan)


def ratio_to_root(
    s: FloatArray, variance: FloatArray, defined: NDArray[np.bool_]
) -> FloatArray:
    """Return `s` over the root of its variance, nan where it is not defined."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(defined, s / np.sqrt(variance), np.nan)


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
    """Return numbers as a float64 array."""
    return np.asarray(values, dtype=np.float64)


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
