"""A significance at a cut that was chosen before: the figure to quote.

As an object, so that it can be bootstrapped, pickled and used as a metric, and so that
all its replicas are evaluated at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skhep_dnn._validation import check_event_weights, check_signal_scores
from skhep_dnn._warnings import warn_caller
from skhep_dnn.exceptions import UndefinedSignificanceWarning
from skhep_dnn.metrics._closed_form import Influence
from skhep_dnn.metrics._figure_of_merit import FigureOfMerit, Kind
from skhep_dnn.metrics._scan import WorkingPoint
from skhep_dnn.weights._class_sums import check_events, to_unit_scale

__all__ = [
    "SignificanceAt",
    "as_threshold",
    "selected_n_eff",
    "selected_sums",
    "selected_yields",
]

FloatArray = NDArray[np.float64]

_STEP = 1e-3  # of a derivative, in units of the Monte Carlo error


@dataclass(frozen=True)
class SignificanceAt:
    """Significance of the events with a score at or above a fixed threshold.

    A metric for `metric_with_error`, `bootstrap` and `paired_bootstrap`: call it with
    labels, scores and weights. The threshold comes from another sample; one that was
    chosen on the events themselves gives a value that is too large.

    Parameters
    ----------
    threshold : float or WorkingPoint
        Events with a score at or above it are selected; of a working point, as a
        choice of a cut returns it, its threshold.
    kind : {"asimov", "ams", "s_over_sqrt_b", "s_over_sqrt_sb"}, default="asimov"
        The significance; "ams" is "asimov" with another default of `b_reg`.
    b_reg : float or None, default=None
        Added to the background, in events; None means 10 for "ams" and 0 otherwise.
    sigma_b : float, default=0.0
        Absolute uncertainty of the selected background, in events.
    rel_sigma_b : float, default=0.0
        Its relative uncertainty.
    mc_stat : bool, default=False
        Whether the Monte Carlo variance of the background, the sum of its squared
        weights, counts as an uncertainty too. A bootstrap is then slower.

    Raises
    ------
    ValueError
        If `threshold` is nan or an option is not as described.

    See Also
    --------
    metric_with_error : The error of this figure.

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn.metrics import SignificanceAt, bootstrap
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["b", "s"], 2000)
    >>> score = rng.normal(size=4000) + 2 * (y == "s")
    >>> weight = np.where(y == "s", 0.05, 1.0)
    >>> significance = SignificanceAt(threshold=2.0, kind="ams")
    >>> round(significance(y, score, weight), 3)
    6.158
    >>> print(bootstrap(significance, y, score, weight, random_state=0))
    6.16 ± 0.36
    """

    threshold: float | WorkingPoint
    _: KW_ONLY
    kind: Kind = "asimov"
    b_reg: float | None = None
    sigma_b: float = 0.0
    rel_sigma_b: float = 0.0
    mc_stat: bool = False

    def __post_init__(self) -> None:
        """Refuse options where they are written."""
        object.__setattr__(self, "threshold", as_threshold(self.threshold))
        _ = self.figure_of_merit

    @property
    def figure_of_merit(self) -> FigureOfMerit:
        """The significance as a function of the yields."""
        return FigureOfMerit(
            kind=self.kind,
            b_reg=self.b_reg,
            sigma_b=self.sigma_b,
            rel_sigma_b=self.rel_sigma_b,
            mc_stat=self.mc_stat,
        )

    def __call__(
        self,
        y_true: ArrayLike,
        y_score: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        pos_label: object = None,
    ) -> float:
        """Return the significance of a sample, whose yields are taken as they are.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Labels of two classes, or of more with `pos_label`.
        y_score : array-like of shape (n_samples,) or (n_samples, n_classes)
            Scores, or of more than two classes `predict_proba`, of which the sum over
            the signal classes is the score.
        sample_weight : array-like of shape (n_samples,), default=None
            Physics weights, scaled to the yields of the whole analysis.
        pos_label : label or list of labels, default=None
            Label of the signal, or of several signal classes; None takes the larger
            one of two.

        Returns
        -------
        z : float
            The significance; nan where it is undefined.

        Warns
        -----
        UndefinedSignificanceWarning
            If it is nan.
        """
        is_signal, scores = check_signal_scores(y_true, y_score, pos_label)
        weights = check_event_weights(sample_weight, len(is_signal))
        yields = selected_yields(is_signal, scores, [as_threshold(self.threshold)])
        s, b = yields(weights)
        _, sum_w2_b = yields(weights**2)
        z = float(self.figure_of_merit(s, b, sum_w2_b)[0])
        if math.isnan(z):
            msg = (
                "The selected yields must have a background of at least 0 and a total "
                f"above 0, got s = {float(s[0])!r} and b = {float(b[0])!r}: the "
                "significance is nan. Lower `threshold`, or set `b_reg`."
            )
            warn_caller(msg, UndefinedSignificanceWarning)
        return z

    def prepare(
        self, y_true: ArrayLike, y_score: ArrayLike, pos_label: object = None
    ) -> Callable[[FloatArray], FloatArray] | None:
        """Return the significance as a function of the weights alone.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Labels of two classes, or of more with `pos_label`.
        y_score : array-like of shape (n_samples,) or (n_samples, n_classes)
            Scores, or of more than two classes `predict_proba`, of which the sum over
            the signal classes is the score.
        pos_label : label or list of labels, default=None
            Label of the signal, or of several signal classes; None takes the larger
            one of two.

        Returns
        -------
        kernel : callable or None
            Takes weights of shape (..., n_samples), returns values of shape (...), nan
            without a warning where undefined. None with `mc_stat`: the squared weights
            of an event that is counted twice do not follow from the weights.
        """
        if self.mc_stat:
            return None
        is_signal, scores = check_signal_scores(y_true, y_score, pos_label)
        yields = selected_yields(is_signal, scores, as_threshold(self.threshold))

        def kernel(weights: FloatArray) -> FloatArray:
            s, b = yields(weights)
            z = self.figure_of_merit(s.ravel(), b.ravel(), np.zeros(b.size))
            return z.reshape(s.shape)

        return kernel

    def influence(
        self,
        y_true: ArrayLike,
        y_score: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        pos_label: object = None,
    ) -> Influence:
        """Return how the significance depends on each event.

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
        selected = scores >= as_threshold(self.threshold)
        by_signal, by_background, by_variance = self._derivatives(
            is_signal, weights, selected
        )
        first = np.where(is_signal, by_signal, by_background) * weights * selected
        second = by_variance * weights**2 * (selected & ~is_signal)
        return Influence(first + second, first + 2.0 * second)

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
        return selected_n_eff(
            is_signal, weights, scores >= as_threshold(self.threshold)
        )

    def _derivatives(
        self,
        is_signal: NDArray[np.bool_],
        weights: FloatArray,
        selected: NDArray[np.bool_],
    ) -> list[float]:
        """Return those by s, b and the sum of the squared background weights."""
        s, b, sum_w2_b = selected_sums(is_signal, weights, selected)
        s_error = math.sqrt(float(np.sum(weights[is_signal & selected] ** 2)))
        at = np.array([s, b, sum_w2_b])
        steps = _STEP * np.array([s_error, math.sqrt(sum_w2_b), sum_w2_b])
        if not self.mc_stat:
            steps[2] = 0.0
        derivatives = []
        for step in np.diag(steps):
            up, down = self.figure_of_merit(*np.stack([at + step, at - step], axis=1))
            size = step.sum()
            derivatives.append(float((up - down) / (2 * size)) if size > 0 else 0.0)
        return derivatives


def as_threshold(threshold: object) -> float:
    """Return a cut as a number, also that of a working point.

    Parameters
    ----------
    threshold : float or WorkingPoint
        The cut.

    Returns
    -------
    threshold : float

    Raises
    ------
    TypeError
        If it is neither.
    ValueError
        If it is nan.
    """
    if isinstance(threshold, WorkingPoint):
        threshold = threshold.threshold
    try:
        value = float(threshold)  # type: ignore[arg-type]
    except (TypeError, ValueError) as reason:
        msg = (
            "`threshold` must be a number or a WorkingPoint, got "
            f"{type(threshold).__name__}. Pass one cut on the score."
        )
        raise TypeError(msg) from reason
    if math.isnan(value):
        msg = (
            "`threshold` must be a number, got nan, which is what a choice of a "
            "cut returns where no cut is admissible. Choose another cut; -inf "
            "selects all events."
        )
        raise ValueError(msg)
    return value


def selected_n_eff(
    is_signal: NDArray[np.bool_], weights: FloatArray, selected: NDArray[np.bool_]
) -> dict[str, float]:
    """Return the number of effective events of each class that a cut selects.

    Parameters
    ----------
    is_signal, selected : ndarray of shape (n_samples,), dtype bool
        Which events are signal, and which are selected.
    weights : ndarray of shape (n_samples,)
        Event weights.

    Returns
    -------
    n_eff : dict of str to float
        Of the "selected signal" and the "selected background"; 0 without events.
    """
    n_eff = {}
    for name, mask in (("signal", is_signal), ("background", ~is_signal)):
        chosen = to_unit_scale(weights[mask & selected])
        squares = float(np.sum(chosen**2))
        n_eff[f"selected {name}"] = (
            float(chosen.sum() ** 2 / squares) if squares > 0 else 0.0
        )
    return n_eff


def selected_yields(
    is_signal: NDArray[np.bool_], scores: FloatArray, thresholds: ArrayLike
) -> Callable[[FloatArray], tuple[FloatArray, FloatArray]]:
    """Return the yields above thresholds as a function of the weights.

    Parameters
    ----------
    is_signal : ndarray of shape (n_samples,), dtype bool
        Which events are signal.
    scores : ndarray of shape (n_samples,)
        Scores without nan.
    thresholds : float or array-like of shape (n_thresholds,)
        Events with a score at or above a threshold are selected.

    Returns
    -------
    yields : callable
        Takes weights of shape (..., n_samples), returns the signal and the background
        yield, each of shape (...) for one threshold or (..., n_thresholds).
    """
    selections = []
    for members in (np.flatnonzero(is_signal), np.flatnonzero(~is_signal)):
        falling = members[np.argsort(-scores[members], kind="stable")]
        n_selected = np.searchsorted(
            -scores[falling], -np.asarray(thresholds, dtype=np.float64), side="right"
        )
        selections.append((falling[: np.max(n_selected, initial=0)], n_selected))

    def yields(weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        sums = []
        for events, n_selected in selections:
            total = np.zeros((*weights.shape[:-1], len(events) + 1))
            np.cumsum(weights[..., events], axis=-1, out=total[..., 1:])
            sums.append(total[..., n_selected])
        return sums[0], sums[1]

    return yields


def selected_sums(
    is_signal: NDArray[np.bool_], weights: FloatArray, selected: NDArray[np.bool_]
) -> tuple[float, float, float]:
    """Return the yields of a selection and the sum of its squared background weights.

    Parameters
    ----------
    is_signal, selected : ndarray of shape (n_samples,), dtype bool
        Which events are signal, and which are selected.
    weights : ndarray of shape (n_samples,)
        Event weights.

    Returns
    -------
    s, b, sum_w2_b : float
    """
    background = weights[selected & ~is_signal]
    signal = weights[selected & is_signal]
    return float(signal.sum()), float(background.sum()), float((background**2).sum())
