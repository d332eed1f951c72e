"""The cut of the HiggsML study, chosen on other events than it is applied to.

Each event is given the AMS of a cut at its own score; the cut is the mean score of the
tenth of the events with the largest AMS [1]_, of cuts with any number of background
events, as the published figures have it.

References
----------
.. [1] G. C. Strong, arXiv:2002.01427, Sec. 2.1.2.
"""

import numpy as np
from scipy.special import expit, logit

from skhep_dnn.metrics import significance_scan, threshold_top_fraction

__all__ = ["MIN_PROBABILITY", "chosen_cut", "relative_to_cut"]

MIN_PROBABILITY = 0.9  # of the events that the study ranks


def chosen_cut(y, logits, weights, *, yields, min_probability=None):
    """Return the cut on logits that a sample chooses, at the full yields.

    The mean is that of logits; with `min_probability` it is that of probabilities, as
    in the article, of events with that much or more. Where there are none, all events
    are ranked.
    """
    scores = logits if min_probability is None else expit(logits)
    scan = significance_scan(
        y,
        scores,
        weights,
        kind="ams",
        signal_yield=yields["s"],
        background_yield=yields["b"],
    )
    if min_probability is None:
        return threshold_top_fraction(scan, min_n_eff=0).threshold
    min_score = min_probability if scan.threshold[0] >= min_probability else None
    point = threshold_top_fraction(scan, min_score=min_score, min_n_eff=0)
    return float(logit(point.threshold))


def relative_to_cut(run, events, min_probability=None):
    """Shift each fold's scores by the cut that the other folds choose."""
    y, w = events.target, events.sample_weight
    yields = {label: w[y == label].sum() for label in ("s", "b")}
    shifted = np.empty_like(run.scores)
    for k in np.unique(run.fold):
        others = run.fold != k
        cut = chosen_cut(
            y[others],
            run.scores[others],
            w[others],
            yields=yields,
            min_probability=min_probability,
        )
        shifted[~others] = run.scores[~others] - cut
    return shifted
