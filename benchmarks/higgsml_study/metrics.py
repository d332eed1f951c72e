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
    FigureOfMerit,
    SignificanceAt,
    bootstrap,
    significance_scan,
)

__all__ = [
    "FIGURES",
    "MaximalAMS",
    "MeanAMS",
    "Measured",
    "challenge_figures",
    "n_subsamples",
    "out_of_fold_figures",
    "subsamples",
]

FIGURES = ("AMS", "public AMS", "MMVA", "MVAC", "MAPA", "AUC", "log-loss")
N_REPLICAS = 200
MAX_SUBSAMPLES = 10
MIN_N_EFF = 25.0
AT_CUT = SignificanceAt(0.0, kind="ams")  # of scores relative to the cut
AMS = FigureOfMerit(kind="ams")


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


class MaximalAMS:
    """The largest AMS over all cuts, as a metric of the bootstrap."""

    def __call__(self, y_true, y_score, sample_weight, *, pos_label=None):
        """Return the maximum for one set of weights."""
        kernel = self.prepare(y_true, y_score, pos_label)
        return float(kernel(sample_weight[np.newaxis])[0])

    def prepare(self, y_true, y_score, _pos_label=None):
        """Return the maximum as a function of blocks of weights."""
        falling = np.argsort(-y_score, kind="stable")
        last = np.flatnonzero(np.diff(y_score[falling], append=-np.inf))
        is_signal = (y_true == "s")[falling]

        def kernel(weights):
            ordered = weights[:, falling]
            s, b = (
                np.cumsum(ordered * chosen, axis=1)[:, last]
                for chosen in (is_signal, ~is_signal)
            )
            z = AMS(s.ravel(), b.ravel(), np.zeros(b.size)).reshape(s.shape)
            return np.nanmax(z, axis=1)

        return kernel


@dataclass(frozen=True, eq=False)
class MeanAMS:
    """Mean AMS of the events with a score of 0 or more, over sub-samples.

    Each sub-sample is scaled, per class, to the yields of all events.

    Attributes
    ----------
    part : ndarray of shape (n_samples,)
        The sub-sample of each event, from 0.
    """

    part: np.ndarray

    def __call__(self, y_true, y_score, sample_weight, *, pos_label=None):
        """Return the mean for one set of weights."""
        kernel = self.prepare(y_true, y_score, pos_label)
        return float(kernel(sample_weight[np.newaxis])[0])

    def prepare(self, y_true, y_score, _pos_label=None):
        """Return the mean as a function of blocks of weights."""
        in_part = self.part[:, np.newaxis] == np.arange(self.part.max() + 1)
        is_selected = (y_score >= 0.0)[:, np.newaxis]

        def selected_yield(weights, label):
            of_class = in_part & (y_true == label)[:, np.newaxis]
            total, selected = weights @ of_class, weights @ (of_class & is_selected)
            full = total.sum(axis=1, keepdims=True)
            with np.errstate(invalid="ignore"):  # a part without this class
                return full * selected / total

        def kernel(weights):
            s, b = (selected_yield(weights, label) for label in ("s", "b"))
            z = AMS(s.ravel(), b.ravel(), np.zeros(b.size)).reshape(s.shape)
            return z.mean(axis=1)

        return kernel


def n_subsamples(n_eff):
    """Return how many sub-samples keep enough effective background events."""
    return int(np.clip(n_eff // MIN_N_EFF, 1, MAX_SUBSAMPLES))


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
    test, n_parts, n_eff = _at_cut(shifted, events)
    results = {
        **test,
        "MMVA": _bootstrap(MaximalAMS(), run.scores, events),
        "MVAC": _bootstrap(AT_CUT, run.scores - cut, events),
        **_stable(run.scores, events),
    }
    return Measured(results, n_parts, n_eff)


def challenge_figures(scores, validation, public, private, repeat):
    """Return all figures of one training on the challenge's own split.

    `scores` has those of the three samples, whose weights have the full yields. The cut
    is chosen on the validation events and applied to the public and private ones.
    """
    y, w = validation.target, validation.sample_weight
    yields = {label: w[y == label].sum() for label in ("s", "b")}
    chosen_on = scores["validation"]
    cut = chosen_cut(y, chosen_on, w, yields=yields, min_probability=MIN_PROBABILITY)
    on_public, n_parts, n_eff = _at_cut(scores["public"] - cut, public)
    results = {
        "AMS": _bootstrap(AT_CUT, scores["private"] - cut, private),
        "public AMS": on_public["AMS"],
        "MAPA": on_public["MAPA"],
        "MMVA": _bootstrap(MaximalAMS(), chosen_on, validation, repeat),
        "MVAC": _bootstrap(AT_CUT, chosen_on - cut, validation, repeat),
        **_stable(scores["private"], private),
    }
    return Measured(results, n_parts, n_eff)


def _at_cut(shifted, events):
    """Return AMS and MAPA, the number of sub-samples and the effective background."""
    y, w = events.target, events.sample_weight
    n_eff = significance_scan(y, shifted, w, kind="ams").at(0.0).n_eff_b
    n_parts = n_subsamples(n_eff)
    mean_ams = MeanAMS(subsamples(events, n_parts))
    results = {
        "AMS": _bootstrap(AT_CUT, shifted, events),
        "MAPA": _bootstrap(mean_ams, shifted, events),
    }
    return results, n_parts, n_eff


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
