"""How firmly a cut is chosen: what other samples of the same kind would have chosen.

On each replica of the weighted bootstrap the choice is made anew. How far the cuts
spread says little, since a score has no unit; so each of them is applied to the events
themselves, which tells what the spread does to the selection.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from skhep_dnn.exceptions import LowStatisticsWarning, UndefinedSignificanceWarning
from skhep_dnn.metrics import BootstrapResult, SignificanceScan, WorkingPoint
from skhep_dnn.metrics._bootstrap import bootstrap_result
from skhep_dnn.metrics._figure_of_merit import FigureOfMerit
from skhep_dnn.metrics._replicas import replica_blocks
from skhep_dnn.metrics._scan import scan_events

__all__ = ["CutStability", "EfficiencyShift", "cut_stability", "efficiency_shift"]

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]
Choice = Callable[[SignificanceScan], WorkingPoint]


@dataclass(frozen=True, eq=False)
class CutStability:
    """What cuts that are chosen anew on bootstrap replicas select of the events.

    Attributes
    ----------
    threshold : BootstrapResult
        The cut, and those of the replicas.
    significance : BootstrapResult
        Significance of the events themselves at these cuts: how flat the scan is where
        the cut was chosen.
    signal_efficiency, background_efficiency : BootstrapResult
        Efficiencies of the events themselves at these cuts.

    See Also
    --------
    SignificanceThresholdClassifier : Makes it, as `stability_`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skhep_dnn.datasets import make_gaussian_events
    >>> from skhep_dnn.ensemble import CrossFitClassifier
    >>> from skhep_dnn.model_selection import SignificanceThresholdClassifier
    >>> events = make_gaussian_events(2000, random_state=0)
    >>> X = events.data.assign(EventId=np.arange(2000))
    >>> model = SignificanceThresholdClassifier(
    ...     CrossFitClassifier(LogisticRegression(), event_number="EventId"),
    ...     n_replicas=20,
    ...     random_state=0,
    ... )
    >>> model = model.fit(X, events.target, sample_weight=abs(events.sample_weight))
    >>> model.stability_.threshold.replicas.shape
    (20,)
    """

    threshold: BootstrapResult
    significance: BootstrapResult
    signal_efficiency: BootstrapResult
    background_efficiency: BootstrapResult

    def __str__(self) -> str:
        """Return one line for each quantity, with its error."""
        names = ("threshold", *_QUANTITIES)
        return "\n".join(f"{name}: {getattr(self, name)}" for name in names)


@dataclass(frozen=True)
class EfficiencyShift:
    """What more training events do to the efficiencies of one cut.

    Attributes
    ----------
    signal_before, background_before : float
        Efficiencies of models that were trained on fewer events.
    signal_after, background_after : float
        Those of the models on whose scores the cut was chosen, of the same events.
    signal_error, background_error : float
        Errors of the differences, which are paired.

    Examples
    --------
    >>> from skhep_dnn.model_selection import EfficiencyShift
    >>> print(EfficiencyShift(0.30, 0.012, 0.32, 0.010, 0.01, 0.001))
    signal 0.3 -> 0.32 ± 0.01, background 0.012 -> 0.01 ± 0.001
    """

    signal_before: float
    background_before: float
    signal_after: float
    background_after: float
    signal_error: float
    background_error: float

    def __str__(self) -> str:
        """Return both shifts in one line."""
        return (
            f"signal {self.signal_before:.3g} -> {self.signal_after:.3g} ± "
            f"{self.signal_error:.1g}, background {self.background_before:.3g} -> "
            f"{self.background_after:.3g} ± {self.background_error:.1g}"
        )


# Of each result, the column of a working point that it is about.
_QUANTITIES = {
    "significance": "z",
    "signal_efficiency": "signal_efficiency",
    "background_efficiency": "background_efficiency",
}


def cut_stability(
    scan: SignificanceScan,
    point: WorkingPoint,
    events: tuple[BoolArray, FloatArray, FloatArray],
    choose: Choice,
    *,
    n_replicas: int,
    random_state: int | np.random.RandomState | None,
    codes: NDArray[np.intp] | None = None,
    verbose: int = 0,
) -> CutStability:
    """Choose the cut anew on bootstrap replicas, and apply each to the events.

    Parameters
    ----------
    scan : SignificanceScan
        Of the events.
    point : WorkingPoint
        The cut that was chosen on it.
    events : tuple of (is_signal, scores, weights)
        The events of the scan, at the yields of the scan.
    choose : callable
        Chooses a working point of a scan.
    n_replicas : int
        Replicas, at least 2.
    random_state : int, RandomState instance or None
        Their seed.
    codes : ndarray of shape (n_samples,), default=None
        Class of each event, whose yield a replica keeps; None: signal and background.
    verbose : int, default=0
        Above 0 shows a progress bar over the replicas.

    Returns
    -------
    stability : CutStability

    Warns
    -----
    LowStatisticsWarning
        If no cut is admissible on more than 5 per cent of the replicas.
    """
    is_signal, _, weights = events
    of_yields = is_signal if codes is None else codes
    blocks = replica_blocks(of_yields, weights, n_replicas, random_state)
    replicas = (
        (c, w) for counts, rows in blocks for c, w in zip(counts, rows, strict=True)
    )
    cuts = []
    with tqdm(desc="Replicas", total=n_replicas, disable=not verbose) as bar:
        for count, weight in replicas:
            cuts.append(_cut_of(events, count, weight, scan.figure_of_merit, choose))
            bar.update()
    thresholds = np.array(cuts)
    result = bootstrap_result(point.threshold, thresholds)
    points = [None if np.isnan(cut) else scan.at(cut) for cut in cuts]
    with warnings.catch_warnings():  # the same replicas are undefined
        warnings.simplefilter("ignore", LowStatisticsWarning)
        others = {
            name: bootstrap_result(
                getattr(point, column),
                np.array([np.nan if p is None else getattr(p, column) for p in points]),
            )
            for name, column in _QUANTITIES.items()
        }
    return CutStability(threshold=result, **others)


def efficiency_shift(
    is_signal: BoolArray,
    weights: FloatArray,
    before: BoolArray,
    after: BoolArray,
) -> EfficiencyShift:
    """Return how the efficiencies of one cut move from one score to another.

    Parameters
    ----------
    is_signal : ndarray of shape (n_samples,), dtype bool
        Which events are signal.
    weights : ndarray of shape (n_samples,)
        Event weights.
    before, after : ndarray of shape (n_samples,), dtype bool
        Which events each of the scores selects.

    Returns
    -------
    shift : EfficiencyShift
    """
    values = {}
    for name, own in (("signal", is_signal), ("background", ~is_signal)):
        total = weights[own].sum()
        changed = (after[own] != before[own]) * weights[own]
        values[f"{name}_before"] = float((weights[own] * before[own]).sum() / total)
        values[f"{name}_after"] = float((weights[own] * after[own]).sum() / total)
        values[f"{name}_error"] = float(np.sqrt((changed**2).sum()) / abs(total))
    return EfficiencyShift(**values)


def _cut_of(
    events: tuple[BoolArray, FloatArray, FloatArray],
    count: NDArray[np.int64],
    weight: FloatArray,
    figure_of_merit: FigureOfMerit,
    choose: Choice,
) -> float:
    """Return the cut that a replica chooses; nan where it chooses none.

    An event that is counted k times is there k times, so that sums of squared weights,
    and with them the effective numbers, are those of such a sample.
    """
    if not np.isfinite(weight).all():
        return float("nan")
    is_signal, scores, _ = events
    index = np.repeat(np.arange(len(count)), count)
    with warnings.catch_warnings():  # is nan then
        warnings.simplefilter("ignore", UndefinedSignificanceWarning)
        scan = scan_events(
            is_signal[index],
            scores[index],
            weight[index] / count[index],
            figure_of_merit,
        )
        return choose(scan).threshold
