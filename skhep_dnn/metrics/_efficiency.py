"""Efficiency and rejection of a cut, as metrics with errors.

As objects, so that they can be bootstrapped, compared and pickled, and so that all
replicas are evaluated at once. The weights count with their signs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skhep_dnn._validation import check_signal_scores
from skhep_dnn._warnings import warn_caller
from skhep_dnn.exceptions import UndefinedSignificanceWarning
from skhep_dnn.metrics._closed_form import Influence, mean_influence
from skhep_dnn.metrics._fixed_cut import as_threshold, selected_n_eff, selected_yields
from skhep_dnn.metrics._scan import WorkingPoint
from skhep_dnn.weights._class_sums import check_events

__all__ = ["EfficiencyAt", "RejectionAt"]

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]
Kernel = Callable[[FloatArray], FloatArray]

_ROUNDING = 1e-12  # efficiencies are ratios of sums


@dataclass(frozen=True)
class EfficiencyAt:
    """Share of the weight of a class that has a score at or above a threshold.

    A metric for `metric_with_error`, `bootstrap` and `paired_bootstrap`: call it with
    labels, scores and weights.

    Parameters
    ----------
    threshold : float or WorkingPoint
        Events with a score at or above it are selected.
    of : {"signal", "background"}, default="signal"
        The class.

    Raises
    ------
    ValueError
        If `threshold` is nan or `of` is neither.

    See Also
    --------
    RejectionAt : How many times fewer background events there are.
    metric_with_error : Its error.

    Notes
    -----
    With negative weights a sample may fluctuate outside the range from 0 to 1.

    Examples
    --------
    >>> from skhep_dnn.metrics import EfficiencyAt
    >>> y, score, weight = ["b", "b", "s", "s"], [0.1, 0.6, 0.4, 0.9], [3, 1, 1, 3]
    >>> EfficiencyAt(0.5)(y, score, weight)
    0.75
    >>> EfficiencyAt(0.5, of="background")(y, score, weight)
    0.25
    """

    threshold: float | WorkingPoint
    _: KW_ONLY
    of: Literal["signal", "background"] = "signal"

    def __post_init__(self) -> None:
        """Refuse options where they are written."""
        object.__setattr__(self, "threshold", as_threshold(self.threshold))
        if self.of not in ("signal", "background"):
            msg = (
                f"`of` must be 'signal' or 'background', got {self.of!r}. Name the "
                "class whose efficiency is meant."
            )
            raise ValueError(msg)

    def __call__(
        self,
        y_true: ArrayLike,
        y_score: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        pos_label: object = None,
    ) -> float:
        """Return the efficiency.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Labels of two classes, or of more with `pos_label`.
        y_score : array-like of shape (n_samples,) or (n_samples, n_classes)
            Scores, or of more than two classes `predict_proba`, of which the sum over
            the signal classes is the score.
        sample_weight : array-like of shape (n_samples,), default=None
            Physics weights, negative ones allowed; None counts every event once.
        pos_label : label or list of labels, default=None
            Label of the signal, or of several signal classes; None takes the larger
            one of two.

        Returns
        -------
        efficiency : float

        Raises
        ------
        WeightsError
            If the weights of a class do not sum to more than 0.
        """
        is_signal, scores, weights = check_events(
            y_true, y_score, sample_weight, pos_label
        )
        return float(self._kernel(is_signal, scores)(weights))

    def prepare(
        self, y_true: ArrayLike, y_score: ArrayLike, pos_label: object = None
    ) -> Kernel:
        """Return the efficiency as a function of the weights alone.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Labels of two classes, or of more with `pos_label`.
        y_score : array-like of shape (n_samples,) or (n_samples, n_classes)
            Scores, as in a call.
        pos_label : label or list of labels, default=None
            Label of the signal; None takes the larger one of two.

        Returns
        -------
        kernel : callable
            Takes weights of shape (..., n_samples), returns values of shape (...).
        """
        return self._kernel(*check_signal_scores(y_true, y_score, pos_label))

    def influence(
        self,
        y_true: ArrayLike,
        y_score: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        pos_label: object = None,
    ) -> Influence:
        """Return how the efficiency depends on each event.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Labels of two classes, or of more with `pos_label`.
        y_score : array-like of shape (n_samples,) or (n_samples, n_classes)
            Scores, as in a call.
        sample_weight : array-like of shape (n_samples,), default=None
            Physics weights, negative ones allowed; None counts every event once.
        pos_label : label or list of labels, default=None
            Label of the signal; None takes the larger one of two.

        Returns
        -------
        influence : Influence
            Derivatives of the figure by the counts and the weights of the events.
        """
        is_signal, scores, weights = check_events(
            y_true, y_score, sample_weight, pos_label
        )
        of_class = is_signal if self.of == "signal" else ~is_signal
        selected = scores >= as_threshold(self.threshold)
        return Influence.of_sums(_efficiency_influence(of_class, selected, weights))

    def effective_events(
        self,
        y_true: ArrayLike,
        y_score: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        pos_label: object = None,
    ) -> dict[str, float]:
        """Return the effective events of the selection.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Labels of two classes, or of more with `pos_label`.
        y_score : array-like of shape (n_samples,) or (n_samples, n_classes)
            Scores, as in a call.
        sample_weight : array-like of shape (n_samples,), default=None
            Physics weights, negative ones allowed; None counts every event once.
        pos_label : label or list of labels, default=None
            Label of the signal; None takes the larger one of two.

        Returns
        -------
        n_eff : dict of str to float
            Number of effective events by what is selected.
        """
        is_signal, scores, weights = check_events(
            y_true, y_score, sample_weight, pos_label
        )
        n_eff = selected_n_eff(
            is_signal, weights, scores >= as_threshold(self.threshold)
        )
        name = f"selected {self.of}"
        return {name: n_eff[name]}

    def _kernel(self, is_signal: BoolArray, scores: FloatArray) -> Kernel:
        of_class = is_signal if self.of == "signal" else ~is_signal
        return _efficiency_of_weights(
            of_class, of_class & (scores >= as_threshold(self.threshold))
        )


@dataclass(frozen=True)
class RejectionAt:
    """One over the background efficiency, at a threshold or at a signal efficiency.

    A metric for `metric_with_error`, `bootstrap` and `paired_bootstrap`. At a signal
    efficiency each sample, and each replica, has the threshold that it needs, as
    `threshold_at_efficiency` chooses it: the fluctuations of the signal count, too.

    Parameters
    ----------
    threshold : float or WorkingPoint, default=None
        Events with a score at or above it are selected.
    signal_efficiency : float, default=None
        Signal efficiency to reach, above 0 and at most 1, in place of a threshold.

    Raises
    ------
    ValueError
        If not exactly one of both is given, `threshold` is nan or
        `signal_efficiency` is not in (0, 1].

    See Also
    --------
    EfficiencyAt : The efficiencies themselves.
    metric_with_error : Its error.

    Notes
    -----
    The influence of a signal event at a fixed signal efficiency goes through the
    threshold, with the slope of the ROC curve. It is taken as the difference of the
    background efficiencies one Monte Carlo error of the signal efficiency above and
    below.

    Examples
    --------
    >>> from skhep_dnn.metrics import RejectionAt
    >>> y, score, weight = ["b", "b", "s", "s"], [0.1, 0.6, 0.4, 0.9], [3, 1, 1, 3]
    >>> RejectionAt(0.5)(y, score, weight)
    4.0
    >>> RejectionAt(signal_efficiency=1.0)(y, score, weight)
    4.0
    """

    threshold: float | WorkingPoint | None = None
    _: KW_ONLY
    signal_efficiency: float | None = None

    interval_scale: ClassVar[str] = "log"

    def __post_init__(self) -> None:
        """Refuse options where they are written."""
        if (self.threshold is None) == (self.signal_efficiency is None):
            msg = (
                "`threshold` or `signal_efficiency` must be given, and not both, got "
                f"{self.threshold!r} and {self.signal_efficiency!r}. Choose one."
            )
            raise ValueError(msg)
        if self.threshold is not None:
            object.__setattr__(self, "threshold", as_threshold(self.threshold))
        elif not 0 < (self.signal_efficiency or 0) <= 1:
            msg = (
                "`signal_efficiency` must be above 0 and at most 1, got "
                f"{self.signal_efficiency!r}. Pass a fraction of the signal."
            )
            raise ValueError(msg)

    def __call__(
        self,
        y_true: ArrayLike,
        y_score: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        pos_label: object = None,
    ) -> float:
        """Return the rejection.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Labels of two classes, or of more with `pos_label`.
        y_score : array-like of shape (n_samples,) or (n_samples, n_classes)
            Scores, or of more than two classes `predict_proba`, of which the sum over
            the signal classes is the score.
        sample_weight : array-like of shape (n_samples,), default=None
            Physics weights, negative ones allowed; None counts every event once.
        pos_label : label or list of labels, default=None
            Label of the signal, or of several signal classes; None takes the larger
            one of two.

        Returns
        -------
        rejection : float
            nan where the selected background does not sum to more than 0.

        Raises
        ------
        WeightsError
            If the weights of a class do not sum to more than 0.

        Warns
        -----
        UndefinedSignificanceWarning
            If it is nan.
        """
        is_signal, scores, weights = check_events(
            y_true, y_score, sample_weight, pos_label
        )
        rejection = float(self._kernel(is_signal, scores)(weights))
        if math.isnan(rejection):
            msg = (
                "The selected background must sum to more than 0, got no such sum: "
                "the rejection is nan. Lower the cut, or use more events."
            )
            warn_caller(msg, UndefinedSignificanceWarning)
        return rejection

    def prepare(
        self, y_true: ArrayLike, y_score: ArrayLike, pos_label: object = None
    ) -> Kernel:
        """Return the rejection as a function of the weights alone.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Labels of two classes, or of more with `pos_label`.
        y_score : array-like of shape (n_samples,) or (n_samples, n_classes)
            Scores, as in a call.
        pos_label : label or list of labels, default=None
            Label of the signal; None takes the larger one of two.

        Returns
        -------
        kernel : callable
            Takes weights of shape (..., n_samples), returns values of shape (...), nan
            without a warning where undefined.
        """
        return self._kernel(*check_signal_scores(y_true, y_score, pos_label))

    def influence(
        self,
        y_true: ArrayLike,
        y_score: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        pos_label: object = None,
    ) -> Influence:
        """Return how the rejection depends on each event.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Labels of two classes, or of more with `pos_label`.
        y_score : array-like of shape (n_samples,) or (n_samples, n_classes)
            Scores, as in a call.
        sample_weight : array-like of shape (n_samples,), default=None
            Physics weights, negative ones allowed; None counts every event once.
        pos_label : label or list of labels, default=None
            Label of the signal; None takes the larger one of two.

        Returns
        -------
        influence : Influence
            Derivatives of the figure by the counts and the weights of the events.
        """
        is_signal, scores, weights = check_events(
            y_true, y_score, sample_weight, pos_label
        )
        selected = scores >= self._cut(is_signal, scores, weights)
        efficiency = float(
            _efficiency_of_weights(~is_signal, ~is_signal & selected)(weights)
        )
        influence = _efficiency_influence(~is_signal, selected, weights)
        if self.signal_efficiency is not None:
            signal = _efficiency_influence(is_signal, selected, weights)
            slope = self._roc_slope(is_signal, scores, weights, signal)
            influence -= slope * signal
        if not efficiency > 0.0:
            return Influence.of_sums(np.full(len(scores), np.nan))
        return Influence.of_sums(-influence / efficiency**2)

    def effective_events(
        self,
        y_true: ArrayLike,
        y_score: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        pos_label: object = None,
    ) -> dict[str, float]:
        """Return the effective events of the selection.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Labels of two classes, or of more with `pos_label`.
        y_score : array-like of shape (n_samples,) or (n_samples, n_classes)
            Scores, as in a call.
        sample_weight : array-like of shape (n_samples,), default=None
            Physics weights, negative ones allowed; None counts every event once.
        pos_label : label or list of labels, default=None
            Label of the signal; None takes the larger one of two.

        Returns
        -------
        n_eff : dict of str to float
            Number of effective events by what is selected.
        """
        is_signal, scores, weights = check_events(
            y_true, y_score, sample_weight, pos_label
        )
        selected = scores >= self._cut(is_signal, scores, weights)
        n_eff = selected_n_eff(is_signal, weights, selected)
        if self.threshold is not None:
            del n_eff["selected signal"]
        return n_eff

    def _kernel(self, is_signal: BoolArray, scores: FloatArray) -> Kernel:
        if self.signal_efficiency is None:
            selected = ~is_signal & (scores >= as_threshold(self.threshold))
            efficiency = _efficiency_of_weights(~is_signal, selected)
        else:
            efficiency = _background_efficiency_of_weights(
                is_signal, scores, self.signal_efficiency
            )

        def kernel(weights: FloatArray) -> FloatArray:
            value = efficiency(weights)
            rejection = np.full(np.shape(value), np.nan)
            np.divide(1.0, value, out=rejection, where=value > 0.0)
            return rejection

        return kernel

    def _cut(
        self, is_signal: BoolArray, scores: FloatArray, weights: FloatArray
    ) -> float:
        if self.signal_efficiency is None:
            return as_threshold(self.threshold)
        cuts, reached = _crossings(is_signal, scores, self.signal_efficiency)
        return float(cuts[int(reached(weights))])

    def _roc_slope(
        self,
        is_signal: BoolArray,
        scores: FloatArray,
        weights: FloatArray,
        signal_influence: FloatArray,
    ) -> float:
        """Return by how much the background efficiency rises with that of signal."""
        target = float(self.signal_efficiency or 0.0)
        error = float(np.sqrt(np.sum(signal_influence**2)))
        low, high = max(target - error, _ROUNDING), min(target + error, 1.0)
        ends = [
            float(_background_efficiency_of_weights(is_signal, scores, end)(weights))
            for end in (low, high)
        ]
        return (ends[1] - ends[0]) / (high - low) if high > low else 0.0


def _efficiency_of_weights(of_class: BoolArray, selected: BoolArray) -> Kernel:
    columns = np.column_stack([selected, of_class]).astype(np.float64)

    def efficiency(weights: FloatArray) -> FloatArray:
        sums = weights @ columns
        return np.asarray(sums[..., 0] / sums[..., 1])

    return efficiency


def _efficiency_influence(
    of_class: BoolArray, selected: BoolArray, weights: FloatArray
) -> FloatArray:
    influence = np.zeros(len(weights))
    influence[of_class] = mean_influence(
        selected[of_class].astype(np.float64), weights[of_class]
    )
    return influence


def _crossings(
    is_signal: BoolArray, scores: FloatArray, target: float
) -> tuple[FloatArray, Callable[[FloatArray], NDArray[np.intp]]]:
    """Return falling cuts, and which of them reaches a signal efficiency first."""
    signal = np.flatnonzero(is_signal)
    falling = signal[np.argsort(-scores[signal], kind="stable")]
    ordered = scores[falling]
    last = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))

    def reached(weights: FloatArray) -> NDArray[np.intp]:
        sums = np.cumsum(weights[..., falling], axis=-1)
        enough = target * (1 - _ROUNDING) * sums[..., -1:]
        return np.asarray(np.argmax(sums[..., last] >= enough, axis=-1))

    return ordered[last], reached


def _background_efficiency_of_weights(
    is_signal: BoolArray, scores: FloatArray, signal_efficiency: float
) -> Kernel:
    cuts, reached = _crossings(is_signal, scores, signal_efficiency)
    yields = selected_yields(is_signal, scores, cuts)

    def efficiency(weights: FloatArray) -> FloatArray:
        _, background = yields(weights)
        chosen = np.take_along_axis(
            background, reached(weights)[..., np.newaxis], axis=-1
        )
        total: FloatArray = weights[..., ~is_signal].sum(axis=-1)
        return np.asarray(chosen[..., 0] / total)

    return efficiency
