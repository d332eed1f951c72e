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
from skhep_dnn.metrics._figure_of_merit import FigureOfMerit, Kind

__all__ = ["SignificanceAt", "selected_sums", "selected_yields"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class SignificanceAt:
    """Significance of the events with a score at or above a fixed threshold.

    A metric for `bootstrap` and `paired_bootstrap`: call it with labels, scores and
    weights. The threshold comes from another sample; one that was chosen on the events
    themselves gives a value that is too large.

    Parameters
    ----------
    threshold : float
        Events with a score at or above it are selected.
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
    bootstrap : The error of this figure.

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

    threshold: float
    _: KW_ONLY
    kind: Kind = "asimov"
    b_reg: float | None = None
    sigma_b: float = 0.0
    rel_sigma_b: float = 0.0
    mc_stat: bool = False

    def __post_init__(self) -> None:
        """Refuse options where they are written."""
        if math.isnan(self.threshold):
            msg = (
                "`threshold` must be a number, got nan, which is what a choice of a "
                "cut returns where no cut is admissible. Choose another cut; -inf "
                "selects all events."
            )
            raise ValueError(msg)
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
        yields = selected_yields(is_signal, scores, [self.threshold])
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
        yields = selected_yields(is_signal, scores, self.threshold)

        def kernel(weights: FloatArray) -> FloatArray:
            s, b = yields(weights)
            z = self.figure_of_merit(s.ravel(), b.ravel(), np.zeros(b.size))
            return z.reshape(s.shape)

        return kernel


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
