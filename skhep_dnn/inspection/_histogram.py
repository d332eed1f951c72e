"""Histograms of weighted events with their Monte Carlo errors."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skhep_dnn._validation import check_scores, check_signal
from skhep_dnn.metrics._class_sums import check_class_weights

__all__ = [
    "Transform",
    "WeightedHistogram",
    "check_sample",
    "class_histograms",
    "histogram_edges",
    "weighted_histogram",
    "yield_with_error",
]

FloatArray = NDArray[np.float64]
Sample = tuple[NDArray[np.bool_], FloatArray, FloatArray]
Transform = Callable[[FloatArray], ArrayLike]

# A range reaches at most this far beyond all but a small share of the scores on either
# side, in units of the distance between them.
_OUTERMOST = 0.005
_MARGIN = 0.15


@dataclass(frozen=True, eq=False)
class WeightedHistogram:
    """Contents and Monte Carlo errors of the bins of a histogram.

    Parameters
    ----------
    edges : ndarray of shape (n_bins + 1,)
        Edges of the bins, increasing.
    content : ndarray of shape (n_bins,)
        Sums of the weights, in events; they may be negative.
    error : ndarray of shape (n_bins,)
        Square roots of the sums of the squared weights, in events.
    n_events : int
        Number of events, unweighted.

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn.inspection import WeightedHistogram
    >>> histogram = WeightedHistogram(
    ...     edges=np.array([0.0, 0.5, 1.0]),
    ...     content=np.array([30.0, 10.0]),
    ...     error=np.array([3.0, 4.0]),
    ...     n_events=7,
    ... )
    >>> histogram.sum_w, histogram.sum_w_error
    (40.0, 5.0)
    >>> histogram.density
    array([1.5, 0.5])
    """

    edges: FloatArray
    content: FloatArray
    error: FloatArray
    n_events: int

    @property
    def sum_w(self) -> float:
        """Yield of all bins, in events."""
        return float(self.content.sum())

    @property
    def sum_w_error(self) -> float:
        """Monte Carlo error of the yield, in events."""
        return float(np.sqrt(np.square(self.error).sum()))

    @property
    def density(self) -> FloatArray:
        """Contents per width of the bin, with an integral of one."""
        return self.content / (self.sum_w * np.diff(self.edges))

    @property
    def density_error(self) -> FloatArray:
        """Errors of the density; the error of the yield is left out."""
        return self.error / (self.sum_w * np.diff(self.edges))

    def scaled_to(self, sum_w: float) -> "WeightedHistogram":
        """Return the histogram with another yield.

        Parameters
        ----------
        sum_w : float
            The yield to have, in events.

        Returns
        -------
        histogram : WeightedHistogram
        """
        factor = sum_w / self.sum_w
        return WeightedHistogram(
            self.edges, factor * self.content, factor * self.error, self.n_events
        )


def check_sample(
    y_true: ArrayLike,
    y_score: ArrayLike,
    sample_weight: ArrayLike | None,
    pos_label: object,
    transform: Transform | None,
) -> Sample:
    """Return which events are signal, their transformed scores and their weights.

    Parameters
    ----------
    y_true, y_score, sample_weight : array-like of shape (n_samples,)
        Labels, scores and weights of the user.
    pos_label : label or None
        The label of the signal.
    transform : callable or None
        Function to apply to the scores.

    Returns
    -------
    is_signal, scores, weights : ndarray of shape (n_samples,)

    Raises
    ------
    ValueError
        If labels, scores or weights cannot be used.
    """
    is_signal = check_signal(y_true, pos_label)
    scores = check_scores(y_score, len(is_signal))
    if transform is not None:
        scores = check_scores(transform(scores), len(is_signal), "transform(y_score)")
    return is_signal, scores, check_class_weights(is_signal, sample_weight)


def class_histograms(
    sample: Sample, edges: FloatArray
) -> tuple[WeightedHistogram, WeightedHistogram]:
    """Return the histograms of the signal and of the background.

    Parameters
    ----------
    sample : tuple of ndarray
        What `check_sample` returns.
    edges : ndarray of shape (n_bins + 1,)
        Edges of the bins, increasing.

    Returns
    -------
    signal, background : WeightedHistogram
    """
    is_signal, scores, weights = sample
    return (
        weighted_histogram(scores[is_signal], weights[is_signal], edges),
        weighted_histogram(scores[~is_signal], weights[~is_signal], edges),
    )


def weighted_histogram(
    scores: FloatArray, weights: FloatArray, edges: FloatArray
) -> WeightedHistogram:
    """Fill a histogram; events outside are counted in the first or the last bin.

    Parameters
    ----------
    scores : ndarray of shape (n_samples,)
        Scores without nan; they may be infinite.
    weights : ndarray of shape (n_samples,)
        Event weights, negative ones too.
    edges : ndarray of shape (n_bins + 1,)
        Edges of the bins, increasing.

    Returns
    -------
    histogram : WeightedHistogram
    """
    inside = np.clip(scores, edges[0], edges[-1])
    content, _ = np.histogram(inside, edges, weights=weights)
    sum_w2, _ = np.histogram(inside, edges, weights=np.square(weights))
    return WeightedHistogram(edges, content, np.sqrt(sum_w2), len(scores))


def histogram_edges(bins: int | ArrayLike, scores: FloatArray) -> FloatArray:
    """Return the edges of the bins.

    Parameters
    ----------
    bins : int or array-like of shape (n_bins + 1,)
        The edges, or the number of bins of equal width: from 0 to 1 if all scores lie
        there, else over the range of the finite scores, without far outliers.
    scores : ndarray of shape (n_samples,)
        All scores that will be filled.

    Returns
    -------
    edges : ndarray of shape (n_bins + 1,)

    Raises
    ------
    ValueError
        If `bins` is not as described.
    """
    if np.ndim(bins) == 0:
        if not (isinstance(bins, int | np.integer) and bins >= 1):
            msg = (
                f"`bins` must be a number of at least 1 or edges, got {bins!r}. Pass "
                "25, or the edges of the bins."
            )
            raise ValueError(msg)
        return np.linspace(*_score_range(scores), int(bins) + 1)
    edges = np.asarray(bins, dtype=np.float64)
    if len(edges) < 2 or not (np.isfinite(edges).all() and (np.diff(edges) > 0).all()):
        msg = (
            "`bins` must be at least two finite edges in increasing order, got "
            f"{edges.tolist()!r}. Sort them and drop what occurs twice."
        )
        raise ValueError(msg)
    return edges


def yield_with_error(sum_w: float, error: float) -> str:
    """Return a yield and its error with two digits of the error.

    Parameters
    ----------
    sum_w, error : float
        Yield and error, in events.

    Returns
    -------
    text : str
        Thousands are set apart by spaces.
    """
    digits = 1 - math.floor(math.log10(error))
    places = max(0, digits)
    text = f"{round(sum_w, digits):,.{places}f} ± {round(error, digits):,.{places}f}"
    return text.replace(",", " ")


def _score_range(scores: FloatArray) -> tuple[float, float]:
    finite = scores[np.isfinite(scores)]
    if not len(finite) or (finite.min() >= 0.0 and finite.max() <= 1.0):
        return 0.0, 1.0
    inner = np.quantile(finite, [_OUTERMOST, 1.0 - _OUTERMOST])
    margin = _MARGIN * (inner[1] - inner[0])
    low = float(max(finite.min(), inner[0] - margin))
    high = float(min(finite.max(), inner[1] + margin))
    return (low, high) if low < high else (low - 0.5, low + 0.5)
