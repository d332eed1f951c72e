"""Does a cut on the score prefer some values of a variable, and sculpt a mass, say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator

from skhep_dnn._arrays import without_mask
from skhep_dnn._signal_label import class_names, resolve_pos_label
from skhep_dnn._tables import column_position, table_column
from skhep_dnn._validation import check_numbers
from skhep_dnn.feature_selection._columns import named_table
from skhep_dnn.inspection._binning import score_edges
from skhep_dnn.inspection._column_labels import column_label
from skhep_dnn.inspection._display import signal_label, signal_scores
from skhep_dnn.inspection._fitting import (
    add_fitted_legend,
    fit_labels,
    height_of_legend,
    named_points,
)
from skhep_dnn.inspection._histogram import WeightedHistogram, weighted_histogram
from skhep_dnn.inspection._plotting import (
    BACKGROUND_COLOR,
    SIGNAL_COLOR,
    leave_headroom,
    make_axes,
    merge_style,
    split_off_panels,
)
from skhep_dnn.metrics import BinnedEfficiency, WorkingPoint, binned_efficiency
from skhep_dnn.metrics._bootstrap import format_with_error
from skhep_dnn.weights._class_sums import check_events

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import ErrorbarContainer
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.lines import Line2D
    from matplotlib.patches import StepPatch

__all__ = ["EfficiencyDisplay"]

FloatArray = NDArray[np.float64]

_STYLES: dict[str, dict[str, Any]] = {
    "signal": {"color": SIGNAL_COLOR, "marker": "o"},
    "background": {
        "color": BACKGROUND_COLOR,
        "marker": "s",
        "markerfacecolor": "white",
    },
}
_FAR_APART = 8.0  # ratio of efficiencies from which the axis is logarithmic
_DECADES = 4


class EfficiencyDisplay:
    """Efficiency of a cut against a variable, and the shape of what passes.

    Make one with `from_estimator` or `from_predictions`. Above, the efficiencies of
    signal and background in bins of the variable, with those of all events as lines.
    Below, the distribution of the background before and after the cut, each with the
    same area: where they differ the cut sculpts the variable. The legend says by how
    much the efficiency of each class spreads over its events, noise subtracted, and the
    p-value of a flat one.

    Parameters
    ----------
    efficiency : dict of str to BinnedEfficiency
        Of "signal" and "background".
    before, after : WeightedHistogram
        The background in the variable, of all events and of those that pass.
    threshold : float
        Events with a score at or above it pass.
    label : str
        Name of the variable, with its unit.
    class_names : dict of str, default=None
        What the legend calls "signal" and "background"; None leaves these words.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the efficiencies.
    ax_shape_ : matplotlib Axes
        Axes with the distributions of the background.
    figure_ : matplotlib Figure
        Figure that contains the axes.
    points_ : dict of str to matplotlib ErrorbarContainer
        Efficiencies of "signal" and "background".
    lines_ : dict of str to matplotlib Line2D
        Those of all events.
    before_ : matplotlib StepPatch
        The background before the cut.
    after_ : matplotlib ErrorbarContainer
        The background after the cut.

    See Also
    --------
    skhep_dnn.metrics.binned_efficiency : The numbers, and how flatness is tested.

    Notes
    -----
    Events in which the variable is undefined or outside of the bins count neither in a
    bin nor in the efficiency of all events. The points after the cut have the errors of
    what passes; those before it are correlated with them, so that the p-value is that
    of the efficiencies, not of the two distributions.

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn.inspection import EfficiencyDisplay
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["b", "s"], 2000)
    >>> mass = np.where(y == "s", 125.0, 90.0) + 20.0 * rng.normal(size=4000)
    >>> score = rng.normal(size=4000) + 0.02 * (mass - 90.0) + (y == "s")
    >>> display = EfficiencyDisplay.from_predictions(
    ...     y, score, mass, threshold=1.0, name="mass_GeV", bins=8
    ... )
    >>> bool(display.efficiency["background"].p_value < 1e-6)
    True
    """

    def __init__(
        self,
        *,
        efficiency: Mapping[str, BinnedEfficiency],
        before: WeightedHistogram,
        after: WeightedHistogram,
        threshold: float,
        label: str,
        class_names: Mapping[str, str] | None = None,
    ) -> None:
        self.efficiency = efficiency
        self.before = before
        self.after = after
        self.threshold = threshold
        self.label = label
        self.class_names = class_names

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: ArrayLike,
        y: ArrayLike,
        variable: str | int | ArrayLike,
        *,
        threshold: float | WorkingPoint,
        sample_weight: ArrayLike | None = None,
        response_method: str = "auto",
        pos_label: object = None,
        name: str | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the efficiency of a cut on the score of a fitted classifier.

        Parameters
        ----------
        estimator : estimator
            Fitted classifier, or a pipeline that ends with one.
        X : array-like or DataFrame of shape (n_samples, n_features)
            Events.
        y : array-like of shape (n_samples,)
            Their labels.
        variable : str, int or array-like of shape (n_samples,)
            The variable, or the name or position of its column in `X`.
        threshold : float or WorkingPoint
            Events with a score at or above it pass.
        sample_weight : array-like of shape (n_samples,), default=None
            Physics weights, negative ones too; None counts every event once.
        response_method : {"auto", "decision_function", "predict_proba"}, \
                default="auto"
            The score, in whose units the threshold is.
        pos_label : label or list of labels, default=None
            The label of the signal, or those of several signal classes, against all
            others; None takes ``classes_[1]`` of two.
        name : str, default=None
            Name of the variable; None takes that of the column.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        **kwargs : dict
            The other options of `from_predictions`.

        Returns
        -------
        display : EfficiencyDisplay

        Raises
        ------
        ValueError
            If the estimator is no classifier, there is no such column, or an argument
            is not as described.
        WeightsError
            If the weights of a class do not sum to more than 0.
        ImportError
            If matplotlib is not installed.
        """
        pos_label = signal_label(estimator, pos_label)
        if isinstance(variable, str | int):
            table, names = named_table(X)
            position = column_position(variable, names, len(names), "variable")
            name = names[position] if name is None else name
            variable = table_column(table, position)
        y_score = signal_scores(
            estimator, X, response_method=response_method, pos_label=pos_label
        )
        return cls.from_predictions(
            y,
            y_score,
            variable,
            threshold=threshold,
            sample_weight=sample_weight,
            pos_label=pos_label,
            name="variable" if name is None else name,
            ax=ax,
            **kwargs,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_score: ArrayLike,
        variable: ArrayLike,
        *,
        threshold: float | WorkingPoint,
        sample_weight: ArrayLike | None = None,
        bins: int | ArrayLike = 12,
        missing_values: float = float("nan"),
        pos_label: object = None,
        name: str = "variable",
        units: Mapping[str, str] | None = None,
        log: bool | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the efficiency of a cut on given scores.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Labels.
        y_score : array-like of shape (n_samples,)
            Scores.
        variable : array-like of shape (n_samples,)
            The variable of each event, such as a mass.
        threshold : float or WorkingPoint
            Events with a score at or above it pass.
        sample_weight : array-like of shape (n_samples,), default=None
            Physics weights, negative ones too; None counts every event once.
        bins : int or array-like of shape (n_bins + 1,), default=12
            Number of bins, narrower where there are more events, or their edges.
        missing_values : float, default=nan
            Value of the variable that marks an undefined one besides nan.
        pos_label : label or list of labels, default=None
            The label of the signal, or those of several signal classes, against all
            others; None takes the larger one of two in sorted order.
        name : str, default="variable"
            Name of the variable; an end such as "_GeV" is its unit.
        units : mapping of str to str, default=None
            Units of variables by their names.
        log : bool, default=None
            As in `plot`.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.errorbar`.

        Returns
        -------
        display : EfficiencyDisplay

        Raises
        ------
        ValueError
            If an argument is not as described.
        WeightsError
            If the weights of a class, or those in the bins, do not sum to more than 0.
        ImportError
            If matplotlib is not installed.

        Warns
        -----
        AssumedSignalWarning
            If `pos_label` is None and the labels are texts that do not say which of
            them is the signal.
        """
        pos_label = resolve_pos_label(y_true, pos_label)
        is_signal, scores, weights = check_events(
            y_true, y_score, sample_weight, pos_label
        )
        values = _check_variable(variable, len(scores), missing_values)
        cut = _check_threshold(threshold)
        classes = {"signal": is_signal, "background": ~is_signal}
        edges = score_edges(
            bins, [(values[own], weights[own]) for own in classes.values()]
        )
        passed = scores >= cut
        efficiency = {
            kind: binned_efficiency(values[own], passed[own], weights[own], edges=edges)
            for kind, own in classes.items()
        }
        shown = ~is_signal & np.isfinite(values)
        display = cls(
            efficiency=efficiency,
            before=weighted_histogram(values[shown], weights[shown], edges),
            after=weighted_histogram(
                values[shown & passed], weights[shown & passed], edges
            ),
            threshold=cut,
            label=column_label(name, units),
            class_names=class_names(y_true, pos_label),
        )
        return display.plot(ax, log=log, **kwargs)

    def plot(
        self, ax: Axes | None = None, *, log: bool | None = None, **kwargs: Any
    ) -> Self:
        """Draw efficiencies and distributions.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on, whose lower part gets the distributions; None makes a new
            figure.
        log : bool, default=None
            Draw the efficiencies on a logarithmic axis; None does if those of signal
            and background differ by a factor of 8 or more.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.errorbar` for the efficiencies.

        Returns
        -------
        self : EfficiencyDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        self.ax_ = make_axes(ax, f"{type(self).__name__}.plot")
        self.figure_: Figure | SubFigure = self.ax_.figure
        self.ax_shape_ = split_off_panels(self.ax_)[0]
        self.points_: dict[str, ErrorbarContainer] = {}
        self.lines_: dict[str, Line2D] = {}
        for kind, found in self.efficiency.items():
            self._draw_efficiency(kind, found, kwargs)
        self._draw_shapes()
        totals = [found.total for found in self.efficiency.values()]
        if log is None:
            log = min(totals) > 0.0 and max(totals) > _FAR_APART * min(totals)
        self._finish(log=log)
        return self

    def _draw_efficiency(
        self, kind: str, found: BinnedEfficiency, kwargs: dict[str, Any]
    ) -> None:
        from matplotlib.lines import Line2D  # noqa: PLC0415

        seen = np.isfinite(found.efficiency)
        value, edges = found.efficiency[seen], found.edges
        style = {
            **_STYLES[kind],
            "linestyle": "none",
            "markersize": 4,
            "label": self._describe(kind, found),
        }
        own = {"elinewidth": 1.0, **kwargs}
        errorbar = {
            k: own.pop(k) for k in ("elinewidth", "ecolor", "capsize") if k in own
        }
        self.points_[kind] = self.ax_.errorbar(
            ((edges[1:] + edges[:-1]) / 2)[seen],
            value,
            [value - found.low[seen], found.high[seen] - value],
            xerr=(np.diff(edges) / 2)[seen],
            **errorbar,
            **merge_style(style, own, Line2D),
        )
        self.lines_[kind] = self.ax_.axhline(
            found.total, color=_STYLES[kind]["color"], linestyle="--", linewidth=0.9
        )

    def _describe(self, kind: str, found: BinnedEfficiency) -> str:
        """Return the efficiency of a class, and how flat it is."""
        names = {kind: kind} | dict(self.class_names or {})
        total = format_with_error(100.0 * found.total, 100.0 * found.total_error)
        if not np.isfinite(found.spread):
            return f"{names[kind]}, {total}%"
        spread = format_with_error(100.0 * found.spread, 100.0 * found.spread_error)
        p = found.p_value
        flat = "p < 0.001" if p < 0.001 else f"p = {p:.2g}"
        return f"{names[kind]}, {total}%, spread {spread}%, {flat}"

    def _draw_shapes(self) -> None:
        ax, edges = self.ax_shape_, self.before.edges
        before, _ = _shape(self.before)
        self.before_: StepPatch = ax.stairs(
            before,
            edges,
            fill=True,
            facecolor="none",
            edgecolor=BACKGROUND_COLOR,
            hatch="////",
            label="before",
        )
        value, error = _shape(self.after)
        seen = error > 0.0
        value, error = value[seen], error[seen]
        self.after_: ErrorbarContainer = ax.errorbar(
            ((edges[1:] + edges[:-1]) / 2)[seen],
            value,
            error,
            fmt="s",
            color="black",
            markerfacecolor="white",
            markersize=3.5,
            elinewidth=1.0,
            label="after the cut",
        )
        top = max(float(before.max()), float((value + error).max(initial=0.0)))
        ax.set_ylim(min(0.0, float((value - error).min(initial=0.0))), 1.5 * top)
        ax.legend(
            loc="upper right",
            ncols=2,
            frameon=False,
            fontsize=named_points("x-small"),
            borderpad=0.1,
        )

    def _finish(self, *, log: bool) -> None:
        """Name the axes, set their ranges and add the legend."""
        found = self.efficiency.values()
        edges = self.before.edges
        self.ax_.set_xlim(edges[0], edges[-1])
        self.ax_.tick_params(axis="x", which="both", labelbottom=False)
        self.ax_.set_ylabel("efficiency")
        self.ax_shape_.set(xlabel=self.label, ylabel="norm. bkg.")
        self.ax_shape_.locator_params(axis="y", nbins=3)
        low = min(float(np.nanmin(f.low)) for f in found)
        high = max(float(np.nanmax(f.high)) for f in found)
        if log:
            values = np.concatenate([f.efficiency for f in found])
            smallest = float(values[values > 0.0].min())
            low = max(0.5 * smallest, high * 10.0**-_DECADES)
        add_fitted_legend(
            self.ax_,
            loc="upper center",
            title=f"score $\\geq$ {self.threshold:.4g}",
            borderpad=0.25,
            borderaxespad=0.3,
            handletextpad=0.4,
            labelspacing=0.3,
        )
        room = height_of_legend(self.ax_) + 0.02
        leave_headroom(self.ax_, low if log else min(0.0, low), high, room, log=log)
        fit_labels(self.ax_, self.ax_shape_)
        self.figure_.align_ylabels([self.ax_, self.ax_shape_])


def _shape(histogram: WeightedHistogram) -> tuple[FloatArray, FloatArray]:
    """Return heights and errors for an area of 1; 0 if there is no area."""
    area = float(histogram.content.sum())
    scale = 1.0 / area if area > 0.0 else 0.0
    return scale * histogram.per_unit, scale * histogram.per_unit_error


def _check_variable(
    variable: ArrayLike, n_samples: int, missing_values: float
) -> FloatArray:
    values = check_numbers(without_mask(variable), "variable").copy()
    if values.shape != (n_samples,):
        msg = (
            f"`variable` must have one value for each of the {n_samples} events, got "
            f"the shape {values.shape}. Pass a column of the events in `y_true`."
        )
        raise ValueError(msg)
    values[values == missing_values] = np.nan
    return values


def _check_threshold(threshold: float | WorkingPoint) -> float:
    cut = float(getattr(threshold, "threshold", threshold))  # type: ignore[arg-type]
    if np.isnan(cut):
        msg = (
            "`threshold` must be a number, got nan, which is what a choice of a cut "
            "returns where no cut is admissible. Choose another cut."
        )
        raise ValueError(msg)
    return cut
