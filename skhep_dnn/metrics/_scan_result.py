"""What does each cut on a score select: the table of a scan, and one row of it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skhep_dnn.metrics._figure_of_merit import FigureOfMerit
from skhep_dnn.metrics._significance_kernel import FloatArray

__all__ = ["SignificanceScan", "WorkingPoint"]


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

    def at(self, threshold: float) -> WorkingPoint:
        """Return what a threshold selects, exactly, also between two scores.

        Parameters
        ----------
        threshold : float
            Any value but nan. Above the highest score nothing is selected: yields,
            effective numbers and efficiencies are 0 and `z` is the significance of
            nothing, which is nan unless `b_reg > 0`; no warning is given.

        Returns
        -------
        point : WorkingPoint

        Raises
        ------
        ValueError
            If `threshold` is nan.
        """
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

    def to_frame(self) -> pd.DataFrame:
        """Return the scan as a table with one row per threshold.

        Returns
        -------
        frame : pandas.DataFrame
            With the columns of `WorkingPoint`.
        """
        names = WorkingPoint.__dataclass_fields__
        return pd.DataFrame({name: getattr(self, name) for name in names})


def _n_eff(sum_w: FloatArray, sum_w2: FloatArray) -> FloatArray:
    n_eff = np.square(sum_w)  # 0 where there are no events, and stays so
    np.divide(n_eff, sum_w2, out=n_eff, where=sum_w2 > 0)
    return n_eff
