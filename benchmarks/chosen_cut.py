"""The cut of the HiggsML study, chosen on other events than it is applied to.

Document 003, 2.1.2: each event is given the AMS of a cut at its own score; the cut is
the mean score of the tenth of the events with the largest AMS.
"""

import numpy as np

from skhep_dnn.metrics import significance_scan, threshold_top_fraction

__all__ = ["MIN_LOGIT", "chosen_cut", "relative_to_cut"]

MIN_LOGIT = float(np.log(9))  # a probability of 0.9, below which the study ranks none


def chosen_cut(y, scores, weights, *, yields, min_score=None):
    """Return the cut that a sample chooses, at the full yields of both classes.

    Where no event has the smallest score, all events are ranked.
    """
    scan = significance_scan(
        y,
        scores,
        weights,
        kind="ams",
        signal_yield=yields["s"],
        background_yield=yields["b"],
    )
    if min_score is not None and scan.threshold[0] < min_score:
        min_score = None
    return threshold_top_fraction(scan, min_score=min_score).threshold


def relative_to_cut(run, events, min_score=None):
    """Shift each fold's scores by the cut that the other folds choose."""
    y, w = events.target, events.sample_weight
    yields = {label: w[y == label].sum() for label in ("s", "b")}
    shifted = np.empty_like(run.scores)
    for k in np.unique(run.fold):
        others = run.fold != k
        cut = chosen_cut(
            y[others], run.scores[others], w[others], yields=yields, min_score=min_score
        )
        shifted[~others] = run.scores[~others] - cut
    return shifted
