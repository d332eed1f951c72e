"""Histograms of weighted events with their Monte Carlo errors.

Those of a test and of a training sample have the same bins and the same yields, so that
they can be compared.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skhep_dnn._validation import check_scores
from skhep_dnn.inspection._plotting import spaced
from skhep_dnn.weights._class_sums import check_events

__all__ = [
    "Transform",
    "WeightedHistogram",
    "histogram_edges",
    "matched_histograms",
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

    def scaled_to(self, sum_w: float) -> WeightedHistogram:
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


def matched_histograms(
    test: tuple[ArrayLike, ArrayLike, ArrayLike | None],
    train: tuple[ArrayLike | None, ArrayLike | None, ArrayLike | None],
    bins: int | ArrayLike,
    *,
    pos_label: object,
    transform: Transform | None,
) -> tuple[
    WeightedHistogram,
    WeightedHistogram,
    WeightedHistogram | None,
    WeightedHistogram | None,
]:
    """Return the histograms of both samples, the training one at the test's yields.

    Parameters
    ----------
    test : tuple of array-like
        Labels, scores and weights of the test sample.
    train : tuple of array-like or None
        The same of the training sample, all None without one.
    bins : int or array-like of shape (n_bins + 1,)
        As in `histogram_edges`, the same for all histograms.
    pos_label : label or None
        The label of the signal.
    transform : callable or None
        Function to apply to the scores.

    Returns
    -------
    signal, background : WeightedHistogram
        Of the test sample.
    signal_train, background_train : WeightedHistogram or None
        Of the training sample; None without one.

    Raises
    ------
    ValueError
        If labels, scores, weights or bins cannot be used, or one of two things that
        belong together is missing.
    """
    _check_training_sample(*train, weighted=test[2] is not None)
    events = _check_sample(*test, pos_label, transform)
    y_train, y_score_train, sample_weight_train = train
    if y_train is None or y_score_train is None:
        edges = histogram_edges(bins, events[1])
        return (*_class_histograms(events, edges), None, None)
    events_train = _check_sample(
        y_train, y_score_train, sample_weight_train, pos_label, transform
    )
    edges = histogram_edges(bins, np.concatenate([events[1], events_train[1]]))
    signal, background = _class_histograms(events, edges)
    signal_train, background_train = _class_histograms(events_train, edges)
    return (
        signal,
        background,
        signal_train.scaled_to(signal.sum_w),
        background_train.scaled_to(background.sum_w),
    )


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
    value, rounded = round(sum_w, digits), round(error, digits)
    return f"{spaced(value, places)} ± {spaced(rounded, places)}"


def _check_training_sample(
    y_train: ArrayLike | None,
    y_score_train: ArrayLike | None,
    sample_weight_train: ArrayLike | None,
    *,
    weighted: bool,
) -> None:
    """Refuse half a training sample, and weights of one sample only."""
    if (y_train is None) != (y_score_train is None):
        given, missing = ("labels", "events")
        if y_train is None:
            given, missing = missing, given
        msg = (
            "The training sample must have events and labels, got its "
            f"{given} without its {missing}. Pass both, or none."
        )
        raise ValueError(msg)
    if y_train is None and sample_weight_train is not None:
        msg = (
            "`sample_weight_train` must come with a training sample, got the weights "
            "alone. Pass its events and labels too."
        )
        raise ValueError(msg)
    if y_train is not None and weighted != (sample_weight_train is not None):
        name = "sample_weight_train" if weighted else "sample_weight"
        msg = (
            f"`{name}` must be given, as the other sample has weights, got None: "
            "weighted and unweighted events have different distributions. Pass the "
            "weights of both samples, or of none."
        )
        raise ValueError(msg)


def _check_sample(
    y_true: ArrayLike,
    y_score: ArrayLike,
    sample_weight: ArrayLike | None,
    pos_label: object,
    transform: Transform | None,
) -> Sample:
    """Return which events are signal, their transformed scores and their weights."""
    is_signal, scores, weights = check_events(y_true, y_score, sample_weight, pos_label)
    if transform is not None:
        scores = check_scores(transform(scores), len(is_signal), "transform(y_score)")
    return is_signal, scores, weights


def _class_histograms(
    sample: Sample, edges: FloatArray
) -> tuple[WeightedHistogram, WeightedHistogram]:
    """Return the histograms of the signal and of the background."""
    is_signal, scores, weights = sample
    return (
        weighted_histogram(scores[is_signal], weights[is_signal], edges),
        weighted_histogram(scores[~is_signal], weights[~is_signal], edges),
    )


def _score_range(scores: FloatArray) -> tuple[float, float]:
    finite = scores[np.isfinite(scores)]
    if not len(finite) or (finite.min() >= 0.0 and finite.max() <= 1.0):
        return 0.0, 1.0
    inner = np.quantile(finite, [_OUTERMOST, 1.0 - _OUTERMOST])
    margin = _MARGIN * (inner[1] - inner[0])
    low = float(max(finite.min(), inner[0] - margin))
    high = float(min(finite.max(), inner[1] + margin))
    return (low, high) if low < high else (low - 0.5, low + 0.5)
