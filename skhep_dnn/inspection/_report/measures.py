"""The figures of merit of a report, each with its error."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skhep_dnn.inspection._report.cut import Cut
from skhep_dnn.inspection._report.events import SignalEvents
from skhep_dnn.inspection._report.numbers import Measured, number, with_error
from skhep_dnn.metrics import (
    EfficiencyAt,
    RejectionAt,
    SignificanceAt,
    metric_with_error,
)
from skhep_dnn.metrics._replica_metric import Metric
from skhep_dnn.weights import effective_sample_size

__all__ = ["MERITS", "Quoted", "Selected", "measured", "selected_yield", "share"]

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]

MERITS = {
    "asimov": "Asimov significance",
    "ams": "AMS",
    "s_over_sqrt_b": "s / √b",
    "s_over_sqrt_sb": "s / √(s + b)",
}


def measured(value: float, error: float) -> Measured:
    """Return a value and its error, as they are kept."""
    return {"value": float(value), "error": float(error)}


class Quoted:
    """A signal with its cut, and its figures of merit, each computed once.

    Parameters
    ----------
    signal : SignalEvents
        Events and scores.
    cut : Cut or None
        What selects the test events; None: nothing does.
    """

    def __init__(self, signal: SignalEvents, cut: Cut | None) -> None:
        self.signal = signal
        self.cut = cut

    @property
    def selected(self) -> BoolArray | None:
        """Which test events are selected; None without a cut."""
        return None if self.cut is None else self.cut.selects(self.signal.scores)

    @cached_property
    def area(self) -> Measured:
        """Area under the ROC curve of the test events."""
        return self._measured("roc_auc", self.signal.scores)

    @cached_property
    def train_area(self) -> Measured:
        """Area under the ROC curve of the training events."""
        return self._measured("roc_auc", self.signal.train_scores, train=True)

    @cached_property
    def log_loss(self) -> Measured | None:
        """Balanced log-loss of the test events; None without probabilities."""
        return self._log_loss(self.signal.proba)

    @cached_property
    def train_log_loss(self) -> Measured | None:
        """Balanced log-loss of the training events; None without probabilities."""
        return self._log_loss(self.signal.train_proba, train=True)

    @cached_property
    def separation(self) -> Measured:
        """Separation power of the score; its error is that of the bootstrap."""
        scores = np.nan_to_num(self.signal.scores)  # infinite ones rank as the largest
        return self._measured("separation", scores, closed_form=False)

    @cached_property
    def signal_efficiency(self) -> Measured | None:
        """Signal efficiency of the cut; None without one."""
        return self._at_cut(EfficiencyAt(0.0))

    @cached_property
    def background_efficiency(self) -> Measured | None:
        """Background efficiency of the cut; None without one."""
        return self._at_cut(EfficiencyAt(0.0, of="background"))

    @cached_property
    def rejection(self) -> Measured | None:
        """One over the background efficiency of the cut; None without one."""
        return self._at_cut(RejectionAt(0.0))

    @cached_property
    def significance(self) -> Measured:
        """Significance of the selected test events."""
        found = self._at_cut(self._significance_at_0)
        return measured(np.nan, np.nan) if found is None else found

    @cached_property
    def significance_of_all(self) -> Measured:
        """Significance of all test events."""
        return self._measured(
            self._significance_at_0, np.zeros(len(self.signal.scores))
        )

    @property
    def _significance_at_0(self) -> SignificanceAt:
        merit = self.signal.sample.options.figure_of_merit
        return SignificanceAt(
            0.0,
            kind=merit.kind,
            b_reg=merit.b_reg,
            sigma_b=merit.sigma_b,
            rel_sigma_b=merit.rel_sigma_b,
            mc_stat=merit.mc_stat,
        )

    def _at_cut(self, metric: Metric) -> Measured | None:
        """Return a figure of what the cut selects, of a metric with a cut at 0."""
        chosen = self.selected
        if chosen is None:
            return None
        # The cut may differ between the halves: on which side of its own is an event?
        return self._measured(metric, np.where(chosen, 1.0, -1.0))

    def _log_loss(
        self, proba: FloatArray | None, *, train: bool = False
    ) -> Measured | None:
        if proba is None:
            return None
        return self._measured("balanced_log_loss", proba, train=train)

    def _measured(
        self,
        metric: str | Metric,
        scores: FloatArray,
        *,
        train: bool = False,
        closed_form: bool = True,
    ) -> Measured:
        signal, options = self.signal, self.signal.sample.options
        result = metric_with_error(
            metric,
            signal.train_is_signal if train else signal.is_signal,
            scores,
            signal.sample.train.weights if train else signal.weights,
            method="closed_form" if closed_form else "bootstrap",
            n_replicas=options.n_replicas,
            pos_label=True,
            random_state=options.seed,
        )
        return measured(result.value, result.error)


class Selected:
    """What is selected of a group of events, with Monte Carlo errors.

    Parameters
    ----------
    weights : ndarray of shape (n_samples,)
        Weights of all events of the group.
    selected : ndarray of shape (n_samples,), dtype bool
        Which of them are selected.
    """

    def __init__(self, weights: FloatArray, selected: BoolArray) -> None:
        self.n_events = int(selected.sum())
        self.sum_w = selected_yield(weights[selected])
        self.efficiency = share(weights, selected)
        self.n_eff = effective_sample_size(weights[selected])

    def to_dict(self) -> dict[str, Any]:
        """Return it for the JSON."""
        return {
            "n_selected": self.n_events,
            "selected": self.sum_w,
            "efficiency": self.efficiency,
            "n_eff": self.n_eff,
        }

    def cells(self) -> list[str]:
        """Return it for a table."""
        return [
            number(self.n_events),
            with_error(**self.sum_w),
            with_error(**self.efficiency),
            number(round(self.n_eff, 1)),
        ]


def selected_yield(weights: FloatArray) -> Measured:
    """Return the sum of weights and its Monte Carlo error, in events."""
    return measured(weights.sum(), np.sqrt(np.square(weights).sum()))


def share(weights: FloatArray, selected: BoolArray) -> Measured:
    """Return the share of the weights that is selected; nan of a sum of 0 or less."""
    total = weights.sum()
    if not total > 0:
        return measured(np.nan, np.nan)
    value = weights[selected].sum() / total
    w2 = np.square(weights)
    variance = (1 - value) ** 2 * w2[selected].sum() + value**2 * w2[~selected].sum()
    return measured(value, np.sqrt(variance) / total)
