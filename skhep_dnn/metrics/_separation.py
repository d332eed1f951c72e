"""How far apart two weighted distributions of one variable are, without its bias."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skhep_dnn._arrays import without_mask
from skhep_dnn._validation import check_numbers, check_signal
from skhep_dnn.metrics._bootstrap import format_with_error
from skhep_dnn.metrics._replicas import poisson_replicas
from skhep_dnn.weights._class_sums import check_class_weights, to_unit_scale

__all__ = ["SeparationPower", "separation_power"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

_MIN_SIGNIFICANCE = 3.0
_ROUNDING = 1e-12  # of shares that are compared with a multiple of 1 / n_bins


@dataclass(frozen=True)
class SeparationPower:
    """Separation power of a variable, as fractions: 100 times as much is per cent.

    Attributes
    ----------
    value : float
        Separation with the bias subtracted; below 0 only by fluctuation.
    error : float
        Its statistical error.
    bias : float
        What the fluctuations of the bin contents add on average; the histograms as
        they are have the separation ``value + bias``.
    n_bins : int
        Number of bins after merging, that of nan included.

    Examples
    --------
    >>> from skhep_dnn.metrics import SeparationPower
    >>> print(SeparationPower(value=0.0731, error=0.0042, bias=0.0009, n_bins=40))
    0.0731 ± 0.0042
    """

    value: float
    error: float
    bias: float
    n_bins: int

    def __str__(self) -> str:
        """Return value and error with two digits of the error."""
        return format_with_error(self.value, self.error)


def separation_power(
    y_true: ArrayLike,
    x: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    n_bins: int | None = None,
    pos_label: object = None,
    n_replicas: int = 200,
    random_state: int | np.random.RandomState | None = 0,
) -> SeparationPower:
    r"""Separation power of a variable or of a classifier's response.

    0 if signal and background have the same distribution, 1 if they do not overlap. It
    sees every difference of shape, where the AUC sees a shift only. The upward bias of
    the histograms' fluctuations is subtracted, so that variables can be compared
    whatever their number of bins and however few the events.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels of two classes.
    x : array-like of shape (n_samples,)
        The variable; its unit does not matter. nan means undefined and is a bin of its
        own.
    sample_weight : array-like of shape (n_samples,), default=None
        Physics weights, negative ones allowed; None counts every event once.
    n_bins : int, default=None
        Number of bins before merging, besides that of nan; None takes the root of
        half the effective number of events, from 6 to 100 and even (Notes).
    pos_label : label or list of labels, default=None
        Label of the signal; None takes the larger one.
    n_replicas : int, default=200
        Bootstrap replicas for the error.
    random_state : int, RandomState instance or None, default=0
        Seed of the replicas.

    Returns
    -------
    separation : SeparationPower
        Value, error, bias and the number of bins.

    Raises
    ------
    ValueError
        If `x` has the wrong shape, or `n_bins` or `n_replicas` is below 2.
    WeightsError
        If the weights of a class do not sum to more than 0.

    Notes
    -----
    With the shares :math:`s_i, b_i` of the two classes in bin i, each summing to 1,
    the raw value is

    .. math:: S = \frac{1}{2} \sum_i \frac{(s_i - b_i)^2}{s_i + b_i} .

    **Bins** hold equal shares of the sum of the two classes' normalised :math:`|w|`;
    equal values stay together, so that a discrete variable has at most one bin for
    each value. A bin is merged with its neighbour of smaller content if the signed
    content of a class in it is negative, or if :math:`s_i + b_i` is less than three
    times its Monte Carlo error, which is nine effective events. With
    :math:`n_\mathrm{eff} = 2 / (1/n_S + 1/n_B)`, the harmonic mean of the classes'
    :math:`n_c = (\sum w)^2 / \sum w^2`, there are :math:`\sqrt{n_\mathrm{eff} / 2}`
    bins by default, rounded to an even number. For smooth densities such as Gaussians
    the separation lost by binning is then a small part of the error; a structure
    narrower than a bin needs a larger `n_bins`.

    **Bias.** To second order in the fluctuations,

    .. math:: \mathrm{bias} = \sum_i
              \frac{2 (b_i^2 \sigma_{s,i}^2 + s_i^2 \sigma_{b,i}^2)}{(s_i + b_i)^3}

    with the variances of the shares. For equal distributions in K bins, and weights
    independent of x, :math:`\sigma_{s,i}^2 = s_i (1 - s_i) / n_S` and this is
    :math:`\frac{K - 1}{4} (1/n_S + 1/n_B)`: one degree of freedom goes into the
    normalisation. For separated distributions it is smaller.

    **Error.** The standard deviation of the raw value over bootstrap replicas, in
    the same bins. A replica repeats the noise of the sample around the noise that is
    already there, which would overestimate the variance at equal distributions by a
    factor of 3; four times the sum of the squared bias terms is therefore subtracted
    from the variance, down to half of that sum, which is the variance of the noise
    itself. In toys with one and two standard deviations between Gaussians, with equal,
    exponential and partly negative weights, the interval of one error covered the truth
    in 55 to 77 per cent of samples from 100 effective events a class on; with few
    events and heavy tails the error is too small by up to a third.

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn.metrics import separation_power
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["b", "s"], 5000)
    >>> print(separation_power(y, rng.normal(size=10000) + (y == "s")))
    0.2116 ± 0.0074
    >>> print(separation_power(y, rng.normal(size=10000)))
    0.00028 ± 0.00098
    """
    is_signal = check_signal(y_true, pos_label)
    values = _check_variable(x, len(is_signal))
    weights = check_class_weights(is_signal, sample_weight)
    signal, background = weights * is_signal, weights * ~is_signal
    weights = to_unit_scale(signal) + to_unit_scale(background)
    _check_at_least_two(n_bins=n_bins, n_replicas=n_replicas)
    if n_bins is None:
        n_bins = _default_n_bins(is_signal, weights)
    bins = _equal_content_bins(values, is_signal, weights, n_bins)
    bins = _merge_poor_bins(bins, is_signal, weights)

    shares = _class_shares(bins, is_signal)
    s, b = shares(weights)
    biases = _bias_terms(bins, is_signal, weights, s, b)
    replicas = np.concatenate(
        [
            _raw_separation(*shares(block))
            for block in poisson_replicas(is_signal, weights, n_replicas, random_state)
        ]
    )
    return SeparationPower(
        value=float(_raw_separation(s, b) - biases.sum()),
        error=_error(replicas, biases),
        bias=float(biases.sum()),
        n_bins=len(s),
    )


def _check_variable(x: ArrayLike, n_samples: int) -> FloatArray:
    values = check_numbers(without_mask(x), "x")
    if values.shape != (n_samples,):
        msg = (
            f"`x` must have one value for each of the {n_samples} events, got the "
            f"shape {values.shape}. Pass one column of `X`."
        )
        raise ValueError(msg)
    return values


def _check_at_least_two(**options: int | None) -> None:
    for name, value in options.items():
        if value is not None and value < 2:
            msg = (
                f"`{name}` must be at least 2, got {value!r}. Leave it out for the "
                "default."
            )
            raise ValueError(msg)


def _default_n_bins(is_signal: NDArray[np.bool_], weights: FloatArray) -> int:
    inverse = 0.0
    for mask in (is_signal, ~is_signal):
        inverse += np.sum(weights[mask] ** 2) / np.sum(weights[mask]) ** 2
    # An even number: the middle edge then parts classes that do not overlap.
    return 2 * int(np.clip(round(inverse**-0.5 / 2), 3, 50))


def _equal_content_bins(
    values: FloatArray, is_signal: NDArray[np.bool_], weights: FloatArray, n_bins: int
) -> IntArray:
    """Return the bin of each event; every bin has events, that of nan is the last."""
    content = np.abs(weights)
    content[is_signal] /= content[is_signal].sum()
    content[~is_signal] /= content[~is_signal].sum()
    defined = np.flatnonzero(~np.isnan(values))
    order = defined[np.argsort(values[defined], kind="stable")]
    upper_edges = values[order[:0]]
    if len(order):
        cumulative = np.cumsum(content[order])
        targets = cumulative[-1] * (np.arange(1, n_bins) / n_bins - _ROUNDING)
        upper_edges = np.unique(values[order[np.searchsorted(cumulative, targets)]])
    bins = np.searchsorted(upper_edges, values, side="left")
    bins[np.isnan(values)] = len(upper_edges) + 1
    return np.unique(bins, return_inverse=True)[1]


def _merge_poor_bins(
    bins: IntArray, is_signal: NDArray[np.bool_], weights: FloatArray
) -> IntArray:
    """Merge each poor bin with its neighbour of smaller content, the poorest first."""
    class_sum = np.where(is_signal, weights[is_signal].sum(), weights[~is_signal].sum())
    while bins.max() > 0:
        s, b = _class_shares(bins, is_signal)(weights)
        variance = np.bincount(bins, (weights / class_sum) ** 2)
        quality = (s + b) / np.sqrt(np.where(variance > 0, variance, np.inf))
        quality[np.minimum(s, b) < 0] = -np.inf
        poorest = int(np.argmin(quality))
        if quality[poorest] >= _MIN_SIGNIFICANCE:
            break
        content = np.append(s + b, np.inf)
        boundary = poorest + int(content[poorest + 1] < content[poorest - 1])
        bins = np.where(bins >= boundary, bins - 1, bins)
    return bins


def _class_shares(
    bins: IntArray, is_signal: NDArray[np.bool_]
) -> Callable[[FloatArray], tuple[FloatArray, FloatArray]]:
    """Return each class's shares of the bins as a function of the weights."""
    order = np.argsort(bins, kind="stable")
    starts = np.searchsorted(bins[order], np.arange(bins.max() + 1))
    signal = is_signal[order]

    def shares(weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        ordered = weights[..., order]
        s = np.add.reduceat(np.where(signal, ordered, 0.0), starts, axis=-1)
        b = np.add.reduceat(np.where(signal, 0.0, ordered), starts, axis=-1)
        return s / s.sum(axis=-1, keepdims=True), b / b.sum(axis=-1, keepdims=True)

    return shares


def _raw_separation(s: FloatArray, b: FloatArray) -> FloatArray:
    """Separation of histograms; a content that is negative in a replica counts as 0."""
    s, b = np.maximum(s, 0.0), np.maximum(b, 0.0)
    total = s + b
    terms = np.where(np.isnan(total), np.nan, 0.0)
    np.divide((s - b) ** 2, 2 * total, out=terms, where=total > 0)
    return np.asarray(terms.sum(axis=-1))


def _bias_terms(
    bins: IntArray,
    is_signal: NDArray[np.bool_],
    weights: FloatArray,
    s: FloatArray,
    b: FloatArray,
) -> FloatArray:
    """Return what the fluctuations of each bin add to the raw value on average."""
    variances = []
    for mask, share in ((is_signal, s), (~is_signal, b)):
        squares = np.bincount(bins[mask], weights[mask] ** 2, minlength=len(share))
        variance = squares * (1 - 2 * share) + share**2 * squares.sum()
        variances.append(variance / weights[mask].sum() ** 2)
    numerator = 2 * (b**2 * variances[0] + s**2 * variances[1])
    return np.asarray(numerator / (s + b) ** 3)


def _error(replicas: FloatArray, biases: FloatArray) -> float:
    """Return the error from the replicas less the noise that they contain twice."""
    defined = replicas[np.isfinite(replicas)]
    if len(defined) < 2:
        return float("nan")
    noise = 4 * np.sum(biases**2)
    return float(np.sqrt(max(defined.var(ddof=1) - noise, noise / 2)))
