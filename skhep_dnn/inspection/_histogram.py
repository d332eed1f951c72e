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
from skhep_dnn.inspection._binning import score_edges
from skhep_dnn.inspection._plotting import spaced
from skhep_dnn.weights._class_sums import check_events

__all__ = [
    "Transform",
    "WeightedHistogram",
    "matched_histograms",
    "weighted_histogram",
    "yield_with_error",
]

FloatArray = NDArray[np.float64]
Sample = tuple[NDArray[np.bool_], FloatArray, FloatArray]
Transform = Callable[[FloatArray], ArrayLike]


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
    flow : tuple of float, default=(0.0, 0.0)
        Sums of the weights below the first edge and above the last one, in events.
    flow_error : tuple of float, default=(0.0, 0.0)
        Square roots of the sums of their squares, in events.

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn.inspection import WeightedHistogram
    >>> histogram = WeightedHistogram(
    ...     edges=np.array([0.0, 0.5, 1.0]),
    ...     content=np.array([30.0, 10.0]),
    ...     error=np.array([3.0, 4.0]),
    ...     n_events=8,
    ...     flow=(10.0, 0.0),
    ...     flow_error=(12.0, 0.0),
    ... )
    >>> histogram.sum_w, histogram.sum_w_error
    (50.0, 13.0)
    >>> histogram.density, histogram.flow_share
    (array([1.2, 0.4]), (0.2, 0.0))
    """

    edges: FloatArray
    content: FloatArray
    error: FloatArray
    n_events: int
    flow: tuple[float, float] = (0.0, 0.0)
    flow_error: tuple[float, float] = (0.0, 0.0)

    @property
    def sum_w(self) -> float:
        """Yield of all events, in events."""
        return float(self.content.sum()) + sum(self.flow)

    @property
    def sum_w_error(self) -> float:
        """Monte Carlo error of the yield, in events."""
        return float(np.hypot(np.linalg.norm(self.error), math.hypot(*self.flow_error)))

    @property
    def per_unit(self) -> FloatArray:
        """Contents over the width of the bin, in events per unit."""
        return self.content / np.diff(self.edges)

    @property
    def per_unit_error(self) -> FloatArray:
        """Errors of the contents over the width of the bin, in events per unit."""
        return self.error / np.diff(self.edges)

    @property
    def density(self) -> FloatArray:
        """Share of all events over the width of the bin, per unit."""
        return self.per_unit / self.sum_w

    @property
    def density_error(self) -> FloatArray:
        """Errors of the density; the error of the yield is left out."""
        return self.per_unit_error / self.sum_w

    @property
    def flow_share(self) -> tuple[float, float]:
        """Shares of all events below the first edge and above the last one."""
        below, above = self.flow
        return below / self.sum_w, above / self.sum_w

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
            self.edges,
            factor * self.content,
            factor * self.error,
            self.n_events,
            (factor * self.flow[0], factor * self.flow[1]),
            (factor * self.flow_error[0], factor * self.flow_error[1]),
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
        As in `score_edges`, by the test sample, the same for all histograms.
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
    edges = score_edges(bins, _by_class(events))
    signal, background = _class_histograms(events, edges)
    y_train, y_score_train, sample_weight_train = train
    if y_train is None or y_score_train is None:
        return signal, background, None, None
    events_train = _check_sample(
        y_train, y_score_train, sample_weight_train, pos_label, transform
    )
    signal_train, background_train = _class_histograms(events_train, edges)
    return (
        signal,
        background,
        signal_train.scaled_to(signal.sum_w),
        background_train.scaled_to(background.sum_w),
    )


def weighted_histogram(
    scores: FloatArray, weights: FloatArray, edges: FloatArray
) -> WeightedHistogram:
    """Fill a histogram, and count the events outside on either side.

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
    inside = (scores >= edges[0]) & (scores <= edges[-1])
    content, sum_w2 = (
        np.histogram(scores[inside], edges, weights=addend[inside])[0]
        for addend in (weights, np.square(weights))
    )
    outside = weights[scores < edges[0]], weights[scores > edges[-1]]
    below, above = (float(w.sum()) for w in outside)
    below_error, above_error = (float(np.linalg.norm(w)) for w in outside)
    return WeightedHistogram(
        edges,
        content,
        np.sqrt(sum_w2),
        len(scores),
        (below, above),
        (below_error, above_error),
    )


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
    signal, background = (weighted_histogram(*own, edges) for own in _by_class(sample))
    return signal, background


def _by_class(sample: Sample) -> list[tuple[FloatArray, FloatArray]]:
    """Return scores and weights of the signal, and those of the background."""
    is_signal, scores, weights = sample
    return [(scores[own], weights[own]) for own in (is_signal, ~is_signal)]
