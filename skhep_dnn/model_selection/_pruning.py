"""When a trial is given up between its folds.

A trial is compared with the best one on the same events, event by event: most of what
fluctuates is common to both and drops out of the difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.base import is_classifier

from skhep_dnn.metrics._classification import probability_losses
from skhep_dnn.model_selection._folds import Events, FoldResult, name_among

__all__ = ["MedianRule", "PairedTest", "event_losses", "fold_losses", "medians_of"]

FloatArray = NDArray[np.float64]
LEVEL = 0.05  # chance of giving up, at any look, a trial that is as good as the best
N_FIRST = 5  # trials that are complete before a median means something


@dataclass(frozen=True)
class PairedTest:
    """One-sided test of a trial against the best one, event by event.

    The level is spread over all looks (Bonferroni), and the variance of a fold's loss
    from one training to another is added, for a difference twice.

    Attributes
    ----------
    losses : ndarray of shape (n_samples,)
        Weighted losses of the best trial, each class of a fold with the same sum of
        weights; nan where an event was not tested.
    seed_variance : float
        Variance of the loss of a fold with the seeds of the training.
    n_looks : int
        Number of times that a trial is looked at.
    """

    losses: FloatArray
    seed_variance: float
    n_looks: int

    def gives_up(self, results: Sequence[FoldResult], events: Events) -> bool:
        """Return whether a trial is worse than the best, after some of its folds."""
        difference, variance = 0.0, 0.0
        for result in results:
            codes, losses, weights = event_losses(result, events)
            excess = weights * losses - self.losses[result.test]
            if not np.isfinite(excess).all():
                return False
            difference += float(excess.sum())
            for code in np.unique(codes):
                of_class = excess[codes == code]
                variance += len(of_class) * float(of_class.var())
        n_folds = len(results)
        error = np.sqrt(variance / n_folds**2 + 2.0 * self.seed_variance / n_folds)
        return bool(difference / n_folds > norm.isf(LEVEL / self.n_looks) * error)


@dataclass(frozen=True)
class MedianRule:
    """Gives up a trial that is below the median of the others after as many folds.

    Attributes
    ----------
    name : str
        Name of the score; the first one stands for a name that is not there.
    medians : tuple of float
        Median over the complete trials of the mean score of the first fold, of the
        first two, and so on; empty while there are few.
    """

    name: str
    medians: tuple[float, ...]

    def gives_up(self, results: Sequence[FoldResult], events: Events) -> bool:  # noqa: ARG002
        """Return whether a trial is worse than the median, after some of its folds."""
        if len(results) > len(self.medians):
            return False
        name = name_among(results[0].scores, self.name)
        mean = np.mean([result.scores[name] for result in results])
        return bool(mean < self.medians[len(results) - 1])


def medians_of(scores: Sequence[Sequence[float]]) -> tuple[float, ...]:
    """Return the medians over trials of the means over their first folds."""
    if len(scores) < N_FIRST:
        return ()
    table = np.array(scores)
    means = np.cumsum(table, axis=1) / np.arange(1, table.shape[1] + 1)
    return tuple(np.nanmedian(means, axis=0).tolist())


def event_losses(
    result: FoldResult, events: Events
) -> tuple[NDArray[Any], FloatArray, FloatArray]:
    """Return class, loss and weight of each tested event of a fold.

    The weights of each class have the same sum, and all together the sum 1, so that
    the weighted sum of the losses is the balanced loss of the fold.
    """
    X, y, params = events.of_score(result.test)
    kept = result.predictions
    weights = params.get("sample_weight")
    weights = np.ones(len(result.test)) if weights is None else np.asarray(weights)
    if is_classifier(kept):
        codes, losses = probability_losses(y, kept.predict_proba(X))
    else:
        codes = np.zeros(len(result.test), dtype=np.intp)
        losses = (np.asarray(y, dtype=np.float64) - kept.predict(X)) ** 2
    names, position = np.unique(codes, return_inverse=True)
    sums = np.bincount(position, weights=weights)
    return codes, losses, weights / (len(names) * sums[position])


def fold_losses(
    results: Sequence[FoldResult], events: Events, n_samples: int
) -> FloatArray:
    """Return the weighted loss of each event, nan where it was not tested."""
    found = np.full(n_samples, np.nan)
    for result in results:
        _, losses, weights = event_losses(result, events)
        found[result.test] = weights * losses
    return found
