"""Significance against the cut on a score, for all cuts at once.

A scan is a table of what each cut selects, and a working point is one row of it. One
sort of the scores and cumulative sums of the weights give the yields above every
distinct score. Events with equal scores are selected together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from skhep_dnn._signal_label import resolve_pos_label
from skhep_dnn._validation import check_event_weights, check_signal_scores
from skhep_dnn.metrics._bootstrap import format_with_error
from skhep_dnn.metrics._figure_of_merit import FigureOfMerit, Kind
from skhep_dnn.metrics._significance import FloatArray
from skhep_dnn.metrics._sorting import sort_events
from skhep_dnn.weights._class_sums import check_class_sums, check_sums, scale_classes

__all__ = ["SignificanceScan", "WorkingPoint", "scan_events", "significance_scan"]

# Events accumulated together: their temporaries stay in the processor's cache.
_BLOCK = 2**14

# Numbers of effective background events below this are rounding errors of weights that
# cancel; taken for a background, they would give the largest significance of all.
_NO_EVENTS = 1e-24

# A printed scan names the largest significance with as many effective background
# events as the choices of a cut ask for.
_FEW_EVENTS = 25.0


@dataclass(frozen=True)
class WorkingPoint:
    """A cut on the score and what it selects.

    Parameters
    ----------
    threshold : float
        Events with a score of at least this value are selected.
    s, b : float
        Selected signal and background yield, in events.
    s_error, b_error : float
        Their Monte Carlo errors, in events.
    n_eff_s, n_eff_b : float
        Numbers of effective events behind them; 0 without events.
    z : float
        Significance; nan where it is undefined.
    signal_efficiency, background_efficiency : float
        Selected over total weight of each class.
    n_selected : int
        Number of selected events, unweighted.

    See Also
    --------
    SignificanceScan.at : The working point of any threshold.

    Examples
    --------
    >>> from skhep_dnn.metrics import significance_scan
    >>> point = significance_scan([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.9]).at(0.5)
    >>> point.s, point.b, point.signal_efficiency, point.n_selected
    (1.0, 1.0, 0.5, 2)
    >>> print(point)
    score >= 0.5: 2 events, significance 0.879
    signal     1.0 ± 1.0, efficiency 0.5, effective events 1.0
    background 1.0 ± 1.0, efficiency 0.5, effective events 1.0
    """

    threshold: float
    s: float
    b: float
    s_error: float
    b_error: float
    n_eff_s: float
    n_eff_b: float
    z: float
    signal_efficiency: float
    background_efficiency: float
    n_selected: int

    def __str__(self) -> str:
        """Return a few lines with rounded numbers."""
        return "\n".join(
            [
                f"score >= {self.threshold:.6g}: {self.n_selected} events, "
                f"significance {self.z:.3f}",
                f"signal     {format_with_error(self.s, self.s_error)}, efficiency "
                f"{self.signal_efficiency:.3g}, effective events {self.n_eff_s:.1f}",
                f"background {format_with_error(self.b, self.b_error)}, efficiency "
                f"{self.background_efficiency:.3g}, effective events "
                f"{self.n_eff_b:.1f}",
            ]
        )


@dataclass(frozen=True, eq=False)
class SignificanceScan:
    """Yields and significance at every distinct score, from the highest downwards.

    Made by `significance_scan`. Errors, effective numbers and efficiencies are computed
    when they are first asked for. The last entry selects all events.

    Parameters
    ----------
    threshold : ndarray of shape (n_thresholds,)
        The distinct scores in descending order; an event is selected by a threshold if
        its score is at least as large.
    s, b : ndarray of shape (n_thresholds,)
        Selected signal and background yield, in events.
    z : ndarray of shape (n_thresholds,)
        Significance; nan where it is undefined.
    sum_w2_s, sum_w2_b : ndarray of shape (n_thresholds,)
        Sums of the squared weights, in events squared.
    n_selected : ndarray of shape (n_thresholds,)
        Number of selected events, unweighted.
    figure_of_merit : FigureOfMerit
        The significance with its options.

    Attributes
    ----------
    s_error, b_error : ndarray of shape (n_thresholds,)
        Monte Carlo errors of the yields, in events.
    n_eff_s, n_eff_b : ndarray of shape (n_thresholds,)
        Numbers of effective events; 0 where there are none.
    signal_efficiency, background_efficiency : ndarray of shape (n_thresholds,)
        Selected over total weight of each class. Not monotone if there are negative
        weights.

    See Also
    --------
    threshold_at_maximum : Choose the cut with the largest significance.

    Examples
    --------
    >>> from skhep_dnn.metrics import significance_scan
    >>> scan = significance_scan([0, 0, 1, 1], [0.1, 0.6, 0.6, 0.9])
    >>> scan.to_frame()[["threshold", "s", "b", "n_selected"]]
       threshold    s    b  n_selected
    0        0.9  1.0  0.0           1
    1        0.6  2.0  1.0           3
    2        0.1  2.0  2.0           4
    >>> print(scan)
    scan of 3 thresholds from 0.1 to 0.9, significance asimov
    all 4 events: signal 2.0 ± 1.4, background 2.0 ± 1.4
    """

    threshold: FloatArray
    s: FloatArray
    b: FloatArray
    z: FloatArray
    sum_w2_s: FloatArray
    sum_w2_b: FloatArray
    n_selected: NDArray[np.int64]
    figure_of_merit: FigureOfMerit

    @cached_property
    def s_error(self) -> FloatArray:
        """Monte Carlo error of the signal yield, in events."""
        return np.sqrt(self.sum_w2_s)

    @cached_property
    def b_error(self) -> FloatArray:
        """Monte Carlo error of the background yield, in events."""
        return np.sqrt(self.sum_w2_b)

    @cached_property
    def n_eff_s(self) -> FloatArray:
        """Number of effective signal events."""
        return _n_eff(self.s, self.sum_w2_s)

    @cached_property
    def n_eff_b(self) -> FloatArray:
        """Number of effective background events."""
        return _n_eff(self.b, self.sum_w2_b)

    @cached_property
    def signal_efficiency(self) -> FloatArray:
        """Selected over total signal weight."""
        return self.s / self.s[-1]

    @cached_property
    def background_efficiency(self) -> FloatArray:
        """Selected over total background weight."""
        return self.b / self.b[-1]

    def at(self, threshold: float | WorkingPoint) -> WorkingPoint:
        """Return what a threshold selects, exactly, also between two scores.

        Parameters
        ----------
        threshold : float or WorkingPoint
            Any value but nan, or a point, such as one of another scan. Above the
            highest score nothing is selected: yields, effective numbers and
            efficiencies are 0 and `z` is the significance of nothing, which is nan
            unless `b_reg > 0`; no warning is given.

        Returns
        -------
        point : WorkingPoint

        Raises
        ------
        ValueError
            If `threshold` is nan.
        """
        if isinstance(threshold, WorkingPoint):
            threshold = threshold.threshold
        if np.isnan(threshold):
            msg = (
                "`threshold` must be a number, got nan. Pass a score; -inf selects all "
                "events, inf only those with an infinite score."
            )
            raise ValueError(msg)
        ascending = self.threshold[::-1]
        i = len(ascending) - int(np.searchsorted(ascending, threshold)) - 1
        columns = (self.s, self.b, self.sum_w2_s, self.sum_w2_b)
        s, b, w2_s, w2_b = (x[i : i + 1] if i >= 0 else np.zeros(1) for x in columns)
        return WorkingPoint(
            threshold=float(threshold),
            s=s.item(),
            b=b.item(),
            s_error=np.sqrt(w2_s).item(),
            b_error=np.sqrt(w2_b).item(),
            n_eff_s=_n_eff(s, w2_s).item(),
            n_eff_b=_n_eff(b, w2_b).item(),
            z=self.figure_of_merit(s, b, w2_b).item(),
            signal_efficiency=(s / self.s[-1]).item(),
            background_efficiency=(b / self.b[-1]).item(),
            n_selected=int(self.n_selected[i]) if i >= 0 else 0,
        )

    def __str__(self) -> str:
        """Return a few lines with rounded numbers."""
        merit, n = self.figure_of_merit, len(self.threshold)
        options = [
            f"{name}={getattr(merit, name):g}"
            for name in ("b_reg", "sigma_b", "rel_sigma_b")
            if getattr(merit, name)
        ] + ["mc_stat=True"] * merit.mc_stat
        kind = ", ".join([merit.kind, *options])
        lines = [
            f"scan of {n} thresholds from {self.threshold[-1]:.6g} to "
            f"{self.threshold[0]:.6g}, significance {kind}",
            f"all {self.n_selected[-1]} events: signal "
            f"{format_with_error(self.s[-1], self.s_error[-1])}, background "
            f"{format_with_error(self.b[-1], self.b_error[-1])}",
        ]
        admissible = np.isfinite(self.z) & (self.n_eff_b >= _FEW_EVENTS)
        if admissible.any():
            i = int(np.argmax(np.where(admissible, self.z, -np.inf)))
            lines.append(
                f"largest significance {self.z[i]:.3f} at {self.threshold[i]:.6g} "
                f"({self.n_eff_b[i]:.1f} effective background events), to choose a "
                "cut by, not to quote"
            )
        return "\n".join(lines)

    def to_frame(self) -> pd.DataFrame:
        """Return the scan as a table with one row per threshold.

        Returns
        -------
        frame : pandas.DataFrame
            With the columns of `WorkingPoint`.
        """
        names = WorkingPoint.__dataclass_fields__
        return pd.DataFrame({name: getattr(self, name) for name in names})


def significance_scan(
    y_true: ArrayLike,
    y_score: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    kind: Kind = "asimov",
    b_reg: float | None = None,
    sigma_b: float = 0.0,
    rel_sigma_b: float = 0.0,
    mc_stat: bool = False,
    signal_yield: float | None = None,
    background_yield: float | None = None,
    pos_label: object = None,
) -> SignificanceScan:
    """Compute yields and significance above every distinct score.

    The way to choose a cut, with the functions `threshold_*`. The maximum of a scan is
    biased upwards: choose the cut on one sample, quote the significance at it on
    another. Weights are used as given, negative ones too. Where the selected weights
    leave no background the significance is nan without a warning; it is defined at
    least for the last threshold, which selects all events. Events of weight zero are
    as good as absent.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Two kinds of labels, or more with `pos_label`.
    y_score : array-like of shape (n_samples,) or (n_samples, n_classes)
        `decision_function(X)`, or the signal's column of `predict_proba(X)`. Prefer
        the former: probabilities tie at 1. Float64 scores are told apart exactly;
        infinite ones are legal. Of more than two classes also `predict_proba(X)` as it
        is: the score is then the sum of the probabilities of the signal classes.
    sample_weight : array-like of shape (n_samples,), default=None
        Physics weights, in events; None counts every event once.
    kind : {"asimov", "ams", "s_over_sqrt_b", "s_over_sqrt_sb"}, default="asimov"
        The significance; "ams" is "asimov" with another default of `b_reg`.
    b_reg : float or None, default=None
        Added to `b`, in events; None means 10 for "ams" and 0 otherwise.
    sigma_b : float, default=0.0
        Absolute uncertainty of `b`, in events, the same for every threshold.
    rel_sigma_b : float, default=0.0
        Relative uncertainty of `b`: it follows the threshold.
    mc_stat : bool, default=False
        Whether the Monte Carlo variance of `b` counts as an uncertainty too.
    signal_yield : float or None, default=None
        Full expected signal yield, in events, to which the signal weights are
        rescaled when the sample is a part of all events; None leaves them.
    background_yield : float or None, default=None
        The same for the background.
    pos_label : label or list of labels, default=None
        The label of the signal, or those of several signal classes, against all
        others; None takes the larger one of two in sorted order.

    Returns
    -------
    scan : SignificanceScan

    Raises
    ------
    WeightsError
        If weights are not finite, or the weights of a class sum to 0 or less.
    ValueError
        If labels, scores or an option are not as described.

    Warns
    -----
    AssumedSignalWarning
        If `pos_label` is None and the labels are texts that do not say which of them is
        the signal.

    See Also
    --------
    threshold_at_maximum : Choose the cut with the largest significance.
    threshold_at_efficiency : Choose the cut with a given efficiency.
    threshold_top_fraction : Choose the cut as the HiggsML study of Strong (2020).

    Notes
    -----
    The cost is about that of one argsort and two cumulative sums; the scan of 10
    million events with distinct scores keeps 560 MB. A background that cancels but for
    rounding errors (`n_eff_b` below 1e-24) is set to 0.

    Examples
    --------
    >>> from skhep_dnn.metrics import significance_scan, threshold_at_maximum
    >>> y, score = [0, 0, 0, 1, 1], [0.1, 0.3, 0.7, 0.6, 0.9]
    >>> scan = significance_scan(y, score, [2.0, 2.0, 1.0, 0.5, 0.5])
    >>> scan.z.round(3)
    array([  nan, 0.465, 0.879, 0.549, 0.433])
    >>> threshold_at_maximum(scan, min_n_eff=1.0).threshold
    0.6
    """
    figure_of_merit = FigureOfMerit(
        kind=kind,
        b_reg=b_reg,
        sigma_b=sigma_b,
        rel_sigma_b=rel_sigma_b,
        mc_stat=mc_stat,
    )
    pos_label = resolve_pos_label(y_true, pos_label)
    is_signal, scores = check_signal_scores(y_true, y_score, pos_label)
    weights = check_event_weights(sample_weight, len(is_signal))
    if signal_yield is not None or background_yield is not None:
        weights = scale_classes(is_signal, weights, signal_yield, background_yield)
    return scan_events(is_signal, scores, weights, figure_of_merit)


def scan_events(
    is_signal: NDArray[np.bool_],
    scores: FloatArray,
    weights: FloatArray,
    figure_of_merit: FigureOfMerit,
) -> SignificanceScan:
    """Return the scan of events that are checked, with weights at the full yields.

    Events of weight zero are as good as absent: their scores are no thresholds.

    Parameters
    ----------
    is_signal : ndarray of shape (n_samples,), dtype bool
        Which events are signal.
    scores : ndarray of shape (n_samples,)
        Scores without nan.
    weights : ndarray of shape (n_samples,)
        Event weights.
    figure_of_merit : FigureOfMerit
        The significance.

    Returns
    -------
    scan : SignificanceScan

    Raises
    ------
    WeightsError
        If the weights of a class sum to 0 or less.
    """
    counts = weights != 0.0
    if not counts.all():
        is_signal, scores, weights = is_signal[counts], scores[counts], weights[counts]
        check_class_sums(is_signal, weights)  # before nothing is left to sort
    events = sort_events(scores, is_signal)
    threshold, n_selected, sums = _accumulate(events, scores, weights)
    s, b, sum_w2_s, sum_w2_b = sums
    check_sums(float(s[-1]), float(b[-1]))
    z = figure_of_merit(s, b, sum_w2_b)
    return SignificanceScan(
        threshold, s, b, z, sum_w2_s, sum_w2_b, n_selected, figure_of_merit
    )


def _accumulate(
    events: NDArray[np.uint64], scores: FloatArray, weights: FloatArray
) -> tuple[FloatArray, NDArray[np.int64], tuple[FloatArray, ...]]:
    """Return distinct scores, counts and the sums of w and w**2 above each of them."""
    n_samples = len(events)
    threshold = np.empty(n_samples)
    n_selected = np.empty(n_samples, dtype=np.int64)
    sums = tuple(np.empty(n_samples) for _ in range(4))
    carried = np.zeros(4)
    n_done = 0
    for start, score, signal_weight, background_weight in _blocks(
        events, scores, weights
    ):
        addends = (
            signal_weight,
            background_weight,
            np.square(signal_weight),
            np.square(background_weight),
        )
        # The last event of each run of equal scores stands for all of them.
        last = np.flatnonzero(score[1:] != score[:-1])
        distinct: slice | NDArray[np.intp] = last
        if len(last) == len(signal_weight):
            distinct = slice(0, len(last))  # a view instead of a copy
        out = slice(n_done, n_done + len(last))
        threshold[out] = score[:-1][distinct]
        np.add(last, start + 1, out=n_selected[out])
        for k, addend in enumerate(addends):
            cumulative = np.cumsum(addend, out=addend)
            cumulative += carried[k]
            sums[k][out] = cumulative[distinct]
            carried[k] = cumulative[-1]
        b, sum_w2_b = sums[1][out], sums[3][out]
        b[np.square(b) < _NO_EVENTS * sum_w2_b] = 0.0
        n_done = out.stop
    return threshold[:n_done], n_selected[:n_done], tuple(x[:n_done] for x in sums)


def _blocks(
    events: NDArray[np.uint64], scores: FloatArray, weights: FloatArray
) -> Iterator[tuple[int, FloatArray, FloatArray, FloatArray]]:
    """Yield start, scores and weights of blocks; one more score shows the next run."""
    for start in range(0, len(events), _BLOCK):
        block = events[start : start + _BLOCK + 1]
        index = (block >> np.uint64(1)).view(np.int64)
        # Mode "clip" spares a copy; no index is out of range.
        score = scores.take(index, mode="clip")
        if len(block) <= _BLOCK:
            score = np.append(score, np.nan)
        weight = weights.take(index[:_BLOCK], mode="clip")
        signal_weight = weight * (block[:_BLOCK] & np.uint64(1))
        yield start, score, signal_weight, weight - signal_weight


def _n_eff(sum_w: FloatArray, sum_w2: FloatArray) -> FloatArray:
    n_eff = np.square(sum_w)  # 0 where there are no events, and stays so
    np.divide(n_eff, sum_w2, out=n_eff, where=sum_w2 > 0)
    return n_eff
