"""Statistical errors of a significance at many thresholds.

With the events at hand, from the weighted Poisson bootstrap; from a scan alone, by
linear propagation of the errors of the yields. In both the yield of all events of a
class is known exactly, and what fluctuates is the share that a threshold selects.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skhep_dnn.metrics._figure_of_merit import FigureOfMerit
from skhep_dnn.metrics._fixed_cut import selected_yields
from skhep_dnn.metrics._replicas import replica_blocks
from skhep_dnn.metrics._scan import SignificanceScan, WorkingPoint

__all__ = [
    "KnownErrors",
    "bootstrap_errors",
    "check_n_replicas",
    "errors_on_grid",
    "propagated_errors",
]

FloatArray = NDArray[np.float64]

_UNDEFINED_SHARE = 0.05
_GRID_SIZE = 60  # thresholds at equal distances, and as many at equal efficiencies
_STEP = 1e-3  # of a derivative, in units of the error


@dataclass(frozen=True, eq=False)
class KnownErrors:
    """What is known of a significance where its error is: on a grid and at a cut.

    Attributes
    ----------
    grid : ndarray of shape (n_grid,)
        Rising thresholds.
    z_grid, z_error : ndarray of shape (n_grid,)
        Significance there and its error, nan where undefined.
    point : WorkingPoint or None
        What the cut selects of the scanned events.
    point_error : float
        Error of its significance; nan without a cut.
    chosen_here : bool
        Whether the cut was chosen on the scanned events themselves.
    """

    grid: FloatArray
    z_grid: FloatArray
    z_error: FloatArray
    point: WorkingPoint | None
    point_error: float
    chosen_here: bool


def errors_on_grid(
    scan: SignificanceScan,
    errors: Callable[[FloatArray], FloatArray],
    threshold: WorkingPoint | float | None,
) -> KnownErrors:
    """Return the errors on a grid of thresholds and at the chosen cut.

    Parameters
    ----------
    scan : SignificanceScan
        The scan.
    errors : callable
        Errors as a function of the thresholds.
    threshold : WorkingPoint, float or None
        The chosen cut.

    Returns
    -------
    known : KnownErrors

    Raises
    ------
    ValueError
        If no score is finite, or the threshold is nan.
    """
    grid = _make_grid(scan)
    point = None
    if isinstance(threshold, WorkingPoint):
        point = scan.at(threshold.threshold)
    elif threshold is not None:
        point = scan.at(float(threshold))
    cut = [] if point is None else [point.threshold]
    z_error = errors(np.append(grid, cut))
    return KnownErrors(
        grid=grid,
        z_grid=np.array([scan.at(value).z for value in grid.tolist()]),
        z_error=z_error[: len(grid)],
        point=point,
        point_error=float("nan") if point is None else float(z_error[-1]),
        chosen_here=point is not None and point == threshold,
    )


def check_n_replicas(n_replicas: int) -> None:
    """Raise a ValueError if the replicas are too few to have a spread."""
    if n_replicas < 2:
        msg = (
            f"`n_replicas` must be at least 2, got {n_replicas!r}. Take 200, or "
            "`from_scan`, which needs no replicas."
        )
        raise ValueError(msg)


def bootstrap_errors(
    thresholds: FloatArray,
    *,
    is_signal: NDArray[np.bool_],
    scores: FloatArray,
    weights: FloatArray,
    figure_of_merit: FigureOfMerit,
    n_replicas: int,
    random_state: int | np.random.RandomState | None,
) -> FloatArray:
    """Return the spread of the significance over bootstrap replicas.

    Parameters
    ----------
    thresholds : ndarray of shape (n_thresholds,)
        Thresholds on the score.
    is_signal : ndarray of shape (n_samples,), dtype bool
        Which events are signal.
    scores, weights : ndarray of shape (n_samples,)
        Scores and event weights; the sum of each class is above 0.
    figure_of_merit : FigureOfMerit
        The significance.
    n_replicas : int
        Number of replicas, at least 2.
    random_state : int, RandomState instance or None
        Seed of the replicas.

    Returns
    -------
    errors : ndarray of shape (n_thresholds,)
        Standard deviations; nan where more than 5 per cent of the replicas are
        undefined.
    """
    yields = selected_yields(is_signal, scores, thresholds)
    replicas = []
    for counts, weight in replica_blocks(is_signal, weights, n_replicas, random_state):
        s, b = yields(weight)
        sum_w2_b = np.zeros_like(b)
        if figure_of_merit.mc_stat:
            # An event counted k times is k events of a k-th of the weight.
            _, sum_w2_b = yields(weight**2 / np.maximum(counts, 1))
        z = figure_of_merit(s.ravel(), b.ravel(), sum_w2_b.ravel())
        replicas.append(z.reshape(s.shape))
    return _spread(np.concatenate(replicas))


def _spread(replicas: FloatArray) -> FloatArray:
    defined = np.isfinite(replicas)
    errors = np.full(replicas.shape[1], np.nan)
    enough = defined.mean(axis=0) >= 1.0 - _UNDEFINED_SHARE
    enough &= defined.sum(axis=0) >= 2
    columns = np.where(defined, replicas, np.nan)[:, enough]
    errors[enough] = np.nanstd(columns, axis=0, ddof=1)
    return errors


def propagated_errors(scan: SignificanceScan, thresholds: FloatArray) -> FloatArray:
    """Return the errors of the significance to first order in those of the yields.

    Parameters
    ----------
    scan : SignificanceScan
        The scan.
    thresholds : ndarray of shape (n_thresholds,)
        Thresholds on the score.

    Returns
    -------
    errors : ndarray of shape (n_thresholds,)
        nan where the significance is not defined.

    Notes
    -----
    With the efficiency e of a class, the variance of its selected yield at a fixed
    total is ``(1 - e)**2`` times the sum of the squared selected weights, plus
    ``e**2`` times that of the others.
    """
    points = [scan.at(float(threshold)) for threshold in thresholds]
    s = np.array([point.s for point in points])
    b = np.array([point.b for point in points])
    sum_w2_s = np.array([point.s_error**2 for point in points])
    sum_w2_b = np.array([point.b_error**2 for point in points])
    s_error = _fixed_total_error(s, sum_w2_s, scan.s[-1], scan.sum_w2_s[-1])
    b_error = _fixed_total_error(b, sum_w2_b, scan.b[-1], scan.sum_w2_b[-1])
    by_signal = _difference(scan.figure_of_merit, s, b, sum_w2_b, s_error, 0.0)
    by_background = _difference(scan.figure_of_merit, s, b, sum_w2_b, 0.0, b_error)
    return np.hypot(by_signal, by_background)


def _make_grid(scan: SignificanceScan) -> FloatArray:
    """Return rising thresholds, some at equal distances, some at equal efficiencies."""
    finite = scan.threshold[np.isfinite(scan.threshold)]
    if not len(finite):
        msg = (
            "`y_score` must have finite values, got only infinite ones. Pass scores "
            "that rank the events."
        )
        raise ValueError(msg)
    distant = np.linspace(finite.min(), finite.max(), _GRID_SIZE)
    targets = np.linspace(0.0, 1.0, _GRID_SIZE)
    rising = np.maximum.accumulate(scan.signal_efficiency)
    reached = np.searchsorted(rising, targets * rising[-1])
    efficient = scan.threshold[np.minimum(reached, len(rising) - 1)]
    grid = np.concatenate([distant, efficient[np.isfinite(efficient)]])
    return np.unique(grid)


def _fixed_total_error(
    sum_w: FloatArray, sum_w2: FloatArray, total: float, total_w2: float
) -> FloatArray:
    efficiency = sum_w / total
    rest = np.maximum(total_w2 - sum_w2, 0.0)
    return np.sqrt((1 - efficiency) ** 2 * sum_w2 + efficiency**2 * rest)


def _difference(
    figure_of_merit: FigureOfMerit,
    s: FloatArray,
    b: FloatArray,
    sum_w2_b: FloatArray,
    s_error: FloatArray | float,
    b_error: FloatArray | float,
) -> FloatArray:
    """Return the change of the significance with one error of the yields."""
    up = figure_of_merit(s + _STEP * s_error, b + _STEP * b_error, sum_w2_b)
    down = figure_of_merit(s - _STEP * s_error, b - _STEP * b_error, sum_w2_b)
    return (up - down) / (2 * _STEP)
