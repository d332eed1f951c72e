"""Where does the cut of a report come from: never from the events it is quoted on.

The cut of the user, or the one that the estimator chose on its training events. Without
either, each half of the test events gets the cut that the other half chose, so that all
test events are quoted and none helped to choose a cut for itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skhep_dnn.inspection._report.events import SignalEvents
from skhep_dnn.inspection._report.numbers import number
from skhep_dnn.metrics import cross_fitted_significance

__all__ = ["Cut", "choose_cut"]

FloatArray = NDArray[np.float64]

_OF_HALVES = (
    "of each half of the test events, drawn by the seed, chosen on the other half at "
    "the largest significance: no event chose a cut for itself. For new events "
    "choose one cut with SignificanceThresholdClassifier, and pass it"
)


@dataclass(frozen=True)
class Cut:
    """The cut of each test event.

    Parameters
    ----------
    values : tuple of float
        The cut, or those of both halves.
    of_event : ndarray of shape (n_test,)
        The one that selects each event.
    origin : str
        Where it comes from, as the end of a sentence.
    """

    values: tuple[float, ...]
    of_event: FloatArray
    origin: str

    def __str__(self) -> str:
        """Return the cut, rounded."""
        return " and ".join(number(value) for value in self.values)

    def selects(self, scores: FloatArray) -> NDArray[np.bool_]:
        """Return which of the test events are selected."""
        return np.asarray(scores >= self.of_event)

    def to_dict(self) -> dict[str, Any]:
        """Return it for the JSON."""
        return {"values": list(self.values), "origin": self.origin}


def choose_cut(signal: SignalEvents) -> Cut | None:
    """Return the cut of a report.

    Parameters
    ----------
    signal : SignalEvents
        The events and their scores.

    Returns
    -------
    cut : Cut or None
        None if no cut leaves enough background events.

    Warns
    -----
    UndefinedSignificanceWarning
        If no cut leaves enough background events in a half.
    """
    n_samples, options = len(signal.scores), signal.sample.options
    if options.threshold is not None:
        value = float(options.threshold)
        return Cut((value,), np.full(n_samples, value), "given to the report")
    if signal.decided is not None:
        value = signal.decided.threshold
        return Cut((value,), np.full(n_samples, value), signal.decided.origin)
    return _cut_of_halves(signal)


def _cut_of_halves(signal: SignalEvents) -> Cut | None:
    options = signal.sample.options
    half = _halves(signal.is_signal, options.seed)
    merit = options.figure_of_merit
    result = cross_fitted_significance(
        signal.is_signal,
        signal.scores,
        signal.weights,
        fold=half,
        min_n_eff=options.min_n_eff,
        kind=merit.kind,
        b_reg=merit.b_reg,
        sigma_b=merit.sigma_b,
        rel_sigma_b=merit.rel_sigma_b,
        mc_stat=merit.mc_stat,
        pos_label=True,
    )
    values = tuple(float(result.thresholds[k]) for k in (0, 1))
    if any(math.isnan(value) for value in values):
        return None
    return Cut(values, np.asarray(values)[half], _OF_HALVES)


def _halves(is_signal: NDArray[np.bool_], seed: int) -> NDArray[np.intp]:
    """Return the half of each event; both have half of each class."""
    rng = np.random.RandomState(seed)
    half = np.empty(len(is_signal), dtype=np.intp)
    for kind in (False, True):
        rows = np.flatnonzero(is_signal == kind)
        half[rng.permutation(rows)] = np.arange(len(rows)) % 2
    return half
