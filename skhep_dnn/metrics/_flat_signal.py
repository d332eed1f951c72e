"""A score in which the signal is flat: that of every event is a signal efficiency."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.isotonic import isotonic_regression

from skhep_dnn._validation import check_scores
from skhep_dnn.weights._class_sums import check_events

__all__ = ["FlatSignalTransform", "flat_signal_transform"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FlatSignalTransform:
    """Map from a score to the share of the signal below it.

    Made by `flat_signal_transform`.

    Attributes
    ----------
    scores : ndarray of shape (n_knots,)
        Scores of the signal, increasing, infinite ones as 1e300.
    share : ndarray of shape (n_knots,)
        Share of the signal below each, from 0 to 1, never falling. Half of the weight
        at a score is below it.

    Examples
    --------
    >>> from skhep_dnn.metrics import flat_signal_transform
    >>> flat = flat_signal_transform([0, 1, 1, 1, 1], [0.1, 0.5, 0.6, 0.8, 0.9])
    >>> flat.transform([0.0, 0.5, 0.7, 1.0])
    array([0.   , 0.125, 0.5  , 1.   ])
    """

    scores: FloatArray
    share: FloatArray

    def transform(self, y_score: ArrayLike) -> FloatArray:
        """Return the share of the signal below scores.

        Parameters
        ----------
        y_score : array-like of shape (n_samples,)
            Scores of any events.

        Returns
        -------
        flat : ndarray of shape (n_samples,)
            From 0 to 1, linear between the scores of signal events, 0 below all of
            them and 1 above. The order of events is kept.

        Raises
        ------
        ValueError
            If a score is nan or there is not one for each event.
        """
        scores = _finite(check_scores(y_score, np.size(y_score)))
        return np.interp(scores, self.scores, self.share, left=0.0, right=1.0)


def flat_signal_transform(
    y_true: ArrayLike,
    y_score: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    pos_label: object = None,
) -> FlatSignalTransform:
    r"""Transformation after which the signal has equal yields in equal intervals.

    Bins of equal width in the new score have equal signal yields, and a cut at
    `1 - 0.8` has a signal efficiency of 80 %. The order of events, and so every ranking
    metric, stays.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels of two classes, or of more with `pos_label`.
    y_score : array-like of shape (n_samples,) or (n_samples, n_classes)
        Scores, or of more than two classes `predict_proba`, of which the sum over the
        signal classes is the score.
    sample_weight : array-like of shape (n_samples,), default=None
        Physics weights, negative ones allowed; None counts every event once.
    pos_label : label or list of labels, default=None
        Label of the signal, or of several signal classes; None takes the larger one of
        two.

    Returns
    -------
    flat : FlatSignalTransform

    Raises
    ------
    ValueError
        If labels or scores cannot be used.
    WeightsError
        If the weights are unusable, or a class does not sum to more than 0.

    See Also
    --------
    optimal_binning : Bins chosen for their significance.

    Notes
    -----
    With signed weights the cumulative sum can fall. It is replaced by the
    non-decreasing curve that is nearest in the sum of squares over events (isotonic
    regression), clipped to 0 and 1. On the events it is made of the signal is flat to
    one event; on others to the statistics of both.

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn.metrics import flat_signal_transform
    >>> rng = np.random.default_rng(0)
    >>> y, x = np.repeat([0, 1], 5000), rng.normal(size=10_000)
    >>> flat = flat_signal_transform(y, x + 2.0 * y)
    >>> new_signal = flat.transform(rng.normal(size=5000) + 2.0)
    >>> (np.histogram(new_signal, bins=4, range=(0, 1))[0] / 5000).round(2)
    array([0.26, 0.25, 0.24, 0.25])
    """
    is_signal, scores, weights = check_events(y_true, y_score, sample_weight, pos_label)
    scores, weights = _finite(scores[is_signal]), weights[is_signal]
    knots, position = np.unique(scores, return_inverse=True)
    sums = np.bincount(position, weights, len(knots))
    share = (np.cumsum(sums) - 0.5 * sums) / sums.sum()
    share = np.clip(
        isotonic_regression(share, sample_weight=np.bincount(position)), 0.0, 1.0
    )
    return FlatSignalTransform(knots, share)


def _finite(scores: FloatArray) -> FloatArray:
    # Between infinite scores nothing could be interpolated.
    return np.clip(scores, -1e300, 1e300)
