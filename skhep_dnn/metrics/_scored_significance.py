"""The significance that a scorer computes: of ranks, of a maximum, of a selection.

The weights of the scored events are first rescaled, per class, to the yields of the
whole sample; the significance of a fold would be low by the root of the fold count.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skhep_dnn._validation import check_scores
from skhep_dnn._warnings import warn_caller
from skhep_dnn.exceptions import (
    FoldYieldWarning,
    LowStatisticsWarning,
    UndefinedSignificanceWarning,
)
from skhep_dnn.metrics._binned import binned_significance, merge_bins
from skhep_dnn.metrics._class_sums import scale_classes
from skhep_dnn.metrics._scorer_base import (
    BoolArray,
    FloatArray,
    check_scored_events,
)
from skhep_dnn.metrics._significance import asimov_significance

__all__ = ["ScoredSignificance"]


@dataclass(frozen=True, kw_only=True)
class ScoredSignificance:
    """Significance of scored events, rescaled to the yields of the whole sample.

    The parameters are those of `make_significance_scorer`, resolved: `b_reg` is a
    number, and yields are None only where nothing is known about them.
    """

    __name__: ClassVar[str] = "significance"

    at: str | float
    n_bins: int
    n_shifts: int
    min_n_eff: float
    signal_yield: float | None
    background_yield: float | None
    b_reg: float
    sigma_b: float
    rel_sigma_b: float
    mc_stat: bool
    unit_weights: bool

    def __call__(
        self,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        sample_weight: ArrayLike | None = None,
        pos_label: object = None,
    ) -> float:
        """Return the significance of class predictions, for a scan of thresholds.

        `TunedThresholdClassifierCV` calls it for each threshold, whatever `at`, and
        takes the largest value. A nan would win there, so that a selection with less
        than `min_n_eff` effective background events, or a negative signal as large as
        the background, counts as 0: nothing is claimed.
        """
        is_signal, weights = self._rescaled(y_true, sample_weight, pos_label)
        selected = _is_predicted(y_true, is_signal, y_pred)
        s, b, sum_w2_b = _selected_sums(is_signal, weights, selected)
        if b <= 0 or s <= -b or b * b < self.min_n_eff * sum_w2_b:
            return 0.0
        return float(np.max(self._significance(s, b, sum_w2_b)))

    def of_response(
        self,
        y_true: ArrayLike,
        response: ArrayLike,
        sample_weight: ArrayLike | None,
        pos_label: object,
    ) -> float:
        """Return the significance of an estimator's response, as `at` says."""
        is_signal, weights = self._rescaled(y_true, sample_weight, pos_label)
        if self.at == "predict":
            selected = _is_predicted(y_true, is_signal, response)
            return self._of_selection(is_signal, weights, selected)
        scores = check_scores(response, len(is_signal))
        if self.at == "binned":
            return self._of_bins(*_sums_by_score(is_signal, scores, weights))
        if self.at == "max":
            return self._of_maximum(*_sums_by_score(is_signal, scores, weights))
        return self._of_selection(is_signal, weights, scores >= float(self.at))

    def _of_bins(self, s: FloatArray, b: FloatArray, sum_w2_b: FloatArray) -> float:
        """Return the binned significance, averaged over shifted bin edges.

        A merged bin begins or ends at an edge that a small fluctuation moves by a
        whole bin; the average over shifts of the edges by fractions of a bin is
        smoother, and ranks models better.
        """
        n_cells = self.n_bins * self.n_shifts
        cells = _cells_of_equal_signal(s, n_cells)
        cell_sums = _sums_by_code(cells, n_cells, s, b, sum_w2_b)
        from_signal_end = np.arange(n_cells)[::-1]
        z = []
        for shift in range(self.n_shifts):
            bins = self.n_bins - (from_signal_end + shift) // self.n_shifts
            sums = _sums_by_code(bins, self.n_bins + 1, *cell_sums)
            z.append(self._of_merged_bins(*sums))
        return float(np.mean(z))

    def _of_merged_bins(
        self, s: FloatArray, b: FloatArray, sum_w2_b: FloatArray
    ) -> np.float64 | FloatArray:
        s, b, sum_w2_b = merge_bins(s, b, sum_w2_b, min_n_eff=self.min_n_eff)
        if len(b) == 1:
            self._warn_if_few(b[0], sum_w2_b[0])
        return binned_significance(
            s,
            b,
            sigma_b=self.sigma_b,
            rel_sigma_b=self.rel_sigma_b,
            b_reg=self.b_reg,
            sum_w2_b=sum_w2_b if self.mc_stat else 0.0,
        )

    def _of_maximum(self, s: FloatArray, b: FloatArray, sum_w2_b: FloatArray) -> float:
        s, b, sum_w2_b = (np.cumsum(x[::-1]) for x in (s, b, sum_w2_b))
        usable = (b > 0) & (b * b >= self.min_n_eff * sum_w2_b) & (s > -b)
        if not usable.any():
            msg = (
                "A threshold must leave `min_n_eff` effective background events, got "
                f"none that leaves {self.min_n_eff:g}: the maximum is nan. Score more "
                "events or lower `min_n_eff`."
            )
            warn_caller(msg, UndefinedSignificanceWarning)
            return float("nan")
        z = self._significance(s[usable], b[usable], sum_w2_b[usable])
        return float(np.max(z))

    def _of_selection(
        self, is_signal: BoolArray, weights: FloatArray, selected: BoolArray
    ) -> float:
        s, b, sum_w2_b = _selected_sums(is_signal, weights, selected)
        z = float(np.max(self._significance(s, b, sum_w2_b)))
        if not np.isnan(z):
            self._warn_if_few(b, sum_w2_b)
        return z

    def _significance(
        self, s: ArrayLike, b: ArrayLike, sum_w2_b: ArrayLike
    ) -> np.float64 | FloatArray:
        return asimov_significance(
            s,
            b,
            sigma_b=self.sigma_b,
            rel_sigma_b=self.rel_sigma_b,
            b_reg=self.b_reg,
            sum_w2_b=sum_w2_b if self.mc_stat else 0.0,
        )

    def _rescaled(
        self, y_true: ArrayLike, sample_weight: ArrayLike | None, pos_label: object
    ) -> tuple[BoolArray, FloatArray]:
        is_signal, weights = check_scored_events(y_true, sample_weight, pos_label, self)
        yields = {
            "signal_yield": self.signal_yield,
            "background_yield": self.background_yield,
        }
        unknown = [f"`{name}`" for name, value in yields.items() if value is None]
        if unknown:
            msg = (
                f"{' and '.join(unknown)} must be known to a scorer of significance, "
                "got the sums of the scored events themselves. If these are a fold, "
                "the figure is low by about the root of the fold count: pass the "
                "yields of the whole sample, or let the scorer carry `sample_weight` "
                "and `target`."
            )
            warn_caller(msg, FoldYieldWarning)
        return is_signal, scale_classes(
            is_signal, weights, self.signal_yield, self.background_yield
        )

    def _warn_if_few(self, b: float, sum_w2_b: float) -> None:
        if b > 0 and b * b >= self.min_n_eff * sum_w2_b:
            return
        n_eff = b * b / sum_w2_b if sum_w2_b > 0 else 0.0
        msg = (
            f"The selected background must have at least {self.min_n_eff:g} effective "
            f"events (`min_n_eff`), got {n_eff:.3g}: the significance is biased by "
            "the factor 1 + 3 / (8 n_eff) and noisy. Score more events at once."
        )
        warn_caller(msg, LowStatisticsWarning)


def _is_predicted(
    y_true: ArrayLike, is_signal: BoolArray, y_pred: ArrayLike
) -> BoolArray:
    """Return which events are predicted to have the label of the signal."""
    signal_label = np.asarray(y_true)[is_signal][0]
    selected: BoolArray = np.asarray(y_pred) == signal_label
    return selected


def _selected_sums(
    is_signal: BoolArray, weights: FloatArray, selected: BoolArray
) -> tuple[float, float, float]:
    background = weights[selected & ~is_signal]
    signal = weights[selected & is_signal]
    return float(signal.sum()), float(background.sum()), float((background**2).sum())


def _sums_by_score(
    is_signal: BoolArray, scores: FloatArray, weights: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return s, b and the squared background weights of each distinct score, sorted.

    Events with equal scores cannot be told apart by a cut: they are one entry.
    """
    levels, level = np.unique(scores, return_inverse=True)
    signal = np.where(is_signal, weights, 0.0)
    background = np.where(is_signal, 0.0, weights)
    return _sums_by_code(level, len(levels), signal, background, background**2)


def _sums_by_code(
    code: NDArray[np.intp],
    n_codes: int,
    s: FloatArray,
    b: FloatArray,
    sum_w2_b: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    sums = (np.bincount(code, weights=x, minlength=n_codes) for x in (s, b, sum_w2_b))
    s, b, sum_w2_b = (x.astype(np.float64, copy=False) for x in sums)
    return s, b, sum_w2_b


def _cells_of_equal_signal(s: FloatArray, n_cells: int) -> NDArray[np.intp]:
    """Return the cell of each distinct score; the last one is the most signal-like.

    Counted from the signal end, a cell is full when it holds its share of the signal.
    Negative weights can make the running sum fall: its highest value so far counts.
    """
    above = np.cumsum(s[::-1])[::-1]
    before = np.maximum.accumulate(np.append(above[1:], 0.0)[::-1])[::-1]
    edges = above[0] * np.arange(1, n_cells) / n_cells
    from_signal_end: NDArray[np.intp] = np.searchsorted(edges, before, side="right")
    return n_cells - 1 - from_signal_end
