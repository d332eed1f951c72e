"""Which trial is chosen: the best score of many is the luckiest one, too.

Every trial has its score on the same replicas of the events, so that two trials can be
compared with an error that is many times smaller than that of each score.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Choice", "choose_trial"]

FloatArray = NDArray[np.float64]
Choice = Literal["best", "score_minus_error", "one_standard_error"]


def choose_trial(
    choice: Choice,
    scores: FloatArray,
    replicas: FloatArray,
    seed_variance: float,
    complexity: FloatArray | None = None,
) -> int:
    """Return the position of the trial that is chosen.

    Parameters
    ----------
    choice : {"best", "score_minus_error", "one_standard_error"}
        "best" takes the largest score. "score_minus_error" takes the largest score
        minus the error of its difference to the mean of all trials, in which what they
        have in common drops out. "one_standard_error" takes the simplest of those
        whose score is below the best by no more than the error of the difference.
    scores : ndarray of shape (n_trials,)
        Pooled scores; nan for trials that are not admissible.
    replicas : ndarray of shape (n_trials, n_replicas)
        Scores on the replicas.
    seed_variance : float
        Variance of a score from one training to another with other seeds.
    complexity : ndarray of shape (n_trials,) or None, default=None
        What makes a trial less simple, for "one_standard_error"; ties go to the better
        score.

    Returns
    -------
    position : int
    """
    admissible = np.flatnonzero(np.isfinite(scores))
    scores, replicas = scores[admissible], replicas[admissible]
    best = int(scores.argmax())
    if choice == "best":
        return int(admissible[best])
    if choice == "score_minus_error":
        # The difference to the best itself would have no error, and the best win.
        difference = replicas - np.nanmean(replicas, axis=0)
        error = np.sqrt(np.nanvar(difference, axis=1, ddof=1) + seed_variance)
        return int(admissible[(scores - error).argmax()])
    error = paired_errors(replicas, best, seed_variance)
    equal = np.flatnonzero(scores[best] - scores <= error)
    simplest = np.asarray(complexity)[admissible]
    order = np.lexsort((-scores[equal], simplest[equal]))
    return int(admissible[equal[order[0]]])


def paired_errors(
    replicas: FloatArray, reference: int, seed_variance: float
) -> FloatArray:
    """Return the error of the difference of each trial to one of them.

    Parameters
    ----------
    replicas : ndarray of shape (n_trials, n_replicas)
        Scores on the same replicas of the events.
    reference : int
        Position of the one.
    seed_variance : float
        Variance of a score with the seeds; that of a difference is twice as large.

    Returns
    -------
    error : ndarray of shape (n_trials,)
        0 for the reference itself.
    """
    difference = replicas - replicas[reference]
    error = np.sqrt(np.nanvar(difference, axis=1, ddof=1) + 2.0 * seed_variance)
    error[reference] = 0.0
    return error
