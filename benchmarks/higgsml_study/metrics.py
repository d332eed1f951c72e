"""The figures of merit of Strong (2020), each with the replicas of its error.

Scores are logits of a whole ensemble, on events that its training has not seen. A cut
is chosen by the rule of the study, on other events than those it is applied to, for all
figures but MMVA and MVAC, which describe the events that choose:

AMS
    of the untouched events at the chosen cut; the figure to quote.
MMVA
    the largest AMS of any cut, an optimistic limit.
MVAC
    the AMS at the chosen cut, of the events that chose it.
MAPA
    the mean AMS at the chosen cut over sub-samples of the untouched events, each scaled
    to the full yields. There are ten, or as many as keep 25 effective background events
    above the cut on average: the AMS of fewer is too large by more than 1.5 per cent.
AUC, log-loss
    weighted, the log-loss with equal sums of both classes; the stable figures.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedKFold

from benchmarks.common.chosen_cut import MIN_PROBABILITY, chosen_cut, relative_to_cut
from benchmarks.common.samples import strata
from skhep_dnn.metrics import (
    SignificanceAt,
    bootstrap,
    challenge_summary,
    significance_scan,
)
from skhep_dnn.metrics._challenge import n_subsamples

__all__ = [
    "FIGURES",
    "Measured",
    "challenge_figures",
    "out_of_fold_figures",
    "subsamples",
]

FIGURES = ("AMS", "public AMS", "MMVA", "MVAC", "MAPA", "AUC", "log-loss")
N_REPLICAS = 200
AT_CUT = SignificanceAt(0.0, kind="ams")  # of scores relative to the cut


@dataclass(frozen=True)
class Measured:
    """All figures of one row and one repeat.

    Attributes
    ----------
    results : dict of str to BootstrapResult
        Values and replicas by figure; the replicas of all rows are of the same events.
    n_subsamples : int
        Number of sub-samples of MAPA.
    n_eff : float
        Effective background events above the cut, of the untouched events.
    """

    results: dict[str, Any]
    n_subsamples: int
    n_eff: float


def subsamples(events, n_parts):
    """Return the sub-sample of each event, the same for all that are scored."""
    part = np.zeros(len(events.target), dtype=int)
    if n_parts > 1:
        folds = StratifiedKFold(n_parts, shuffle=True, random_state=0)
        for k, (_, members) in enumerate(folds.split(part, strata(events))):
            part[members] = k
    return part


def out_of_fold_figures(run, events):
    """Return all figures of pooled out-of-fold scores.

    The cut of a fold is chosen on the other folds; that of MVAC on all of them.
    """
    y, w = events.target, events.sample_weight
    yields = {label: w[y == label].sum() for label in ("s", "b")}
    shifted = relative_to_cut(run, events, MIN_PROBABILITY)
    cut = chosen_cut(y, run.scores, w, yields=yields, min_probability=MIN_PROBABILITY)
    summary = _summary(run.scores, events, cut, shifted, events)
    results = {
        "AMS": _bootstrap(AT_CUT, shifted, events),
        **_named(summary),
        **_stable(run.scores, events),
    }
    return _measured(results, summary)


def challenge_figures(scores, validation, public, private, repeat):
    """Return all figures of one training on the challenge's own split.

    `scores` has those of the three samples, whose weights have the full yields. The cut
    is chosen on the validation events and applied to the public and private ones.
    """
    y, w = validation.target, validation.sample_weight
    yields = {label: w[y == label].sum() for label in ("s", "b")}
    chosen_on = scores["validation"]
    cut = chosen_cut(y, chosen_on, w, yields=yields, min_probability=MIN_PROBABILITY)
    shifted = scores["public"] - cut
    summary = _summary(chosen_on, validation, cut, shifted, public, repeat)
    results = {
        "AMS": _bootstrap(AT_CUT, scores["private"] - cut, private),
        "public AMS": _bootstrap(AT_CUT, shifted, public),
        **_named(summary),
        **_stable(scores["private"], private),
    }
    return _measured(results, summary)


def _summary(scores, validation, cut, shifted, test, seed=0):
    """Return MMVA, MVAC and MAPA; test scores are relative to the cut."""
    y, w = test.target, test.sample_weight
    n_eff = significance_scan(y, shifted, w, kind="ams").at(0.0).n_eff_b
    return challenge_summary(
        validation.target,
        scores,
        validation.sample_weight,
        y,
        shifted,
        w,
        threshold=cut,
        threshold_test=0.0,
        part=subsamples(test, n_subsamples(n_eff)),
        n_replicas=N_REPLICAS,
        random_state=0,
        random_state_val=seed,
    )


def _named(summary):
    return {"MMVA": summary.mmva, "MVAC": summary.mvac, "MAPA": summary.mapa}


def _measured(results, summary):
    (n_parts,), (n_eff,) = summary.n_subsamples.tolist(), summary.n_eff_b.tolist()
    return Measured(results, n_parts, n_eff)


def _stable(scores, events):
    return {
        "AUC": _bootstrap("roc_auc", scores, events),
        "log-loss": _bootstrap("balanced_log_loss_from_logits", scores, events),
    }


def _bootstrap(metric, scores, events, seed=0):
    """Return a figure with its replicas, which are those of the seed for all rows."""
    return bootstrap(
        metric,
        events.target,
        scores,
        events.sample_weight,
        n_replicas=N_REPLICAS,
        random_state=seed,
    )
