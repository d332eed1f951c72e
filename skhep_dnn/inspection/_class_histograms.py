"""How are the events of a test and of a training sample histogrammed alike."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skhep_dnn._validation import check_scores
from skhep_dnn.inspection._histogram import WeightedHistogram, weighted_histogram
from skhep_dnn.weights._class_sums import check_events

__all__ = [
    "Transform",
    "histogram_edges",
    "matched_histograms",
]

FloatArray = NDArray[np.float64]
Sample = tuple[NDArray[np.bool_], FloatArray, FloatArray]
Transform = Callable[[FloatArray], ArrayLike]

# A range reaches at most this far beyond all but a small share of the scores on either
# side, in units of the distance between them.
_OUTERMOST = 0.005
_MARGIN = 0.15


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
