"""How does a number enter a network: before and after scaling and embedding.

Of each column the distribution of the values as they come in stands beside that of the
scaled values, with what the network makes of them drawn over it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator

from skhep_dnn._sklearn import _check_feature_names_in
from skhep_dnn._tables import column_positions
from skhep_dnn.inspection._event_spread import event_shares, inner_edges, last_step
from skhep_dnn.inspection._fitting import (
    add_fitted_legend,
    fit_labels,
    height_of_legend,
    make_large_axes,
)
from skhep_dnn.inspection._histogram import WeightedHistogram, weighted_histogram
from skhep_dnn.inspection._plotting import (
    NEUTRAL_COLOR,
    curve_style,
    leave_headroom,
    merge_style,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.lines import Line2D
    from matplotlib.patches import StepPatch

__all__ = ["InputColumn", "InputsDisplay"]

FloatArray = NDArray[np.float64]

_MOST = 4  # columns that are drawn if none are named
_N_VALUES = 301  # of a curve
_WIDTH, _HEIGHT = 7.6, 2.1  # of a row, in inches, with letters of 10 points
_UNDEFINED = 0.06  # of the range, by which the place of undefined values is beyond it


@dataclass(frozen=True, eq=False)
class InputColumn:
    """One column before and after scaling, and the numbers that stand for it.

    Parameters
    ----------
    name : str
        Name of the column.
    raw, scaled : WeightedHistogram
        Of the values that are defined, as shares of all events.
    raw_limits, scaled_limits : tuple of float
        Ranges to show.
    values : ndarray of shape (n_values,)
        Scaled values at which the numbers are known.
    numbers : ndarray of shape (n_numbers, n_values)
        Those that enter the first layer.
    number_names : sequence of str
        What they are.
    undefined : ndarray of shape (n_numbers,)
        The numbers of an undefined value.
    undefined_share : float
        Share of the weights of all events that are undefined.

    See Also
    --------
    InputsDisplay : The figure.

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn.inspection import InputColumn, WeightedHistogram
    >>> histogram = WeightedHistogram(
    ...     np.array([0.0, 1.0, 2.0]), np.array([0.5, 0.4]), np.array([0.1, 0.1]), 9
    ... )
    >>> column = InputColumn(
    ...     name="mass",
    ...     raw=histogram,
    ...     scaled=histogram,
    ...     raw_limits=(0.0, 2.0),
    ...     scaled_limits=(0.0, 2.0),
    ...     values=np.array([0.0, 2.0]),
    ...     numbers=np.array([[0.0, 3.0]]),
    ...     number_names=["1.5 x value"],
    ...     undefined=np.zeros(1),
    ...     undefined_share=0.1,
    ... )
    >>> column.undefined_share
    0.1
    """

    name: str
    raw: WeightedHistogram
    scaled: WeightedHistogram
    raw_limits: tuple[float, float]
    scaled_limits: tuple[float, float]
    values: FloatArray
    numbers: FloatArray
    number_names: Sequence[str]
    undefined: FloatArray
    undefined_share: float


class InputsDisplay:
    """Columns before and after scaling, with the numbers that enter the first layer.

    Make one with `from_estimator`. Each column has a row: the values as they come in
    on the left; on the right the scaled values, with the numbers of the network as
    curves over them, whose axis is on the right, and as circles those of undefined
    values. They are those of one member.

    Parameters
    ----------
    columns : sequence of InputColumn
        What is drawn, from top to bottom.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes that are hidden, in whose place the others are.
    axes_ : ndarray of shape (n_columns, 3)
        Axes of the values, of the scaled values, and of the numbers.
    figure_ : matplotlib Figure
        Figure that contains the axes.
    histograms_ : list of (StepPatch, StepPatch)
        Of each column before and after scaling.
    curves_ : list of list of Line2D
        Of each column its numbers.
    circles_ : list of list of Line2D
        Of each column those of undefined values; none where there are none.

    See Also
    --------
    skhep_dnn.neural_network.PeriodicEmbedding : Numbers from waves.
    skhep_dnn.neural_network.PiecewiseLinearEmbedding : Numbers from bins.
    EmbeddingDisplay : The numbers of categories.

    Examples
    --------
    >>> from skhep_dnn import WeightedDNNClassifier
    >>> from skhep_dnn.datasets import make_higgs_events
    >>> from skhep_dnn.inspection import InputsDisplay
    >>> events = make_higgs_events(500, random_state=0)
    >>> model = WeightedDNNClassifier(
    ...     numeric_scaling="robust",
    ...     numeric_embedding="periodic",
    ...     max_epochs=1,
    ...     random_state=0,
    ... ).fit(events.data, events.target, events.sample_weight)
    >>> display = InputsDisplay.from_estimator(
    ...     model,
    ...     events.data,
    ...     sample_weight=events.sample_weight,
    ...     columns=["PRI_tau_pt", "PRI_jet_leading_pt"],
    ... )
    >>> display.axes_.shape, len(display.curves_[0])
    ((2, 3), 4)
    """

    def __init__(self, *, columns: Sequence[InputColumn]) -> None:
        self.columns = columns

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        columns: Sequence[str] | Sequence[int] | None = None,
        member: int = 0,
        bins: int = 40,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Compute and draw how numbers enter a fitted network.

        Parameters
        ----------
        estimator : estimator
            Fitted `WeightedDNNClassifier`, or a pipeline that ends with one.
        X : array-like of shape (n_samples, n_features)
            Events.
        sample_weight : array-like of shape (n_samples,), default=None
            Their physics weights, negative ones too; None counts every event once.
        columns : sequence of str or int, default=None
            Names or positions of columns of numbers; None takes the first four.
        member : int, default=0
            Which member's scaling and numbers are drawn.
        bins : int, default=40
            Number of bins of each histogram. Tails of at most 1.5% of the events lie
            in one more bin each beyond the axis.
        ax : matplotlib Axes, default=None
            Axes in whose place to draw; None makes a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.stairs`.

        Returns
        -------
        display : InputsDisplay

        Raises
        ------
        TypeError
            If the estimator is no `WeightedDNNClassifier`.
        ValueError
            If there is no such column of numbers or no such member.
        NotFittedError
            If the estimator is not fitted.
        WeightsError
            If the weights do not sum to more than 0.
        ImportError
            If matplotlib is not installed.
        """
        from skhep_dnn.neural_network._input_numbers import (  # noqa: PLC0415 - torch
            check_network,
            scaled_numbers,
        )

        model, events = last_step(estimator, X)
        model = check_network(model, member)
        names = _check_feature_names_in(model, None).tolist()
        chosen = _check_columns(columns, model.encoder_.numeric_, names)
        raw, scaled = scaled_numbers(model, events, member)
        shares = event_shares(len(raw), None, sample_weight)
        drawn = [
            _column(model, k, name, raw[:, k], scaled[:, k], shares, bins, member)
            for k, name in chosen
        ]
        return cls(columns=drawn).plot(ax, **kwargs)

    def plot(self, ax: Axes | None = None, **kwargs: Any) -> Self:
        """Draw the columns, one below the other.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes in whose place to draw; None makes a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.stairs`.

        Returns
        -------
        self : InputsDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        n_rows = len(self.columns)
        caller = f"{type(self).__name__}.plot"
        self.histograms_: list[tuple[StepPatch, StepPatch]] = []
        self.curves_: list[list[Line2D]] = []
        self.circles_: list[list[Line2D]] = []
        with make_large_axes(ax, caller, (_WIDTH, _HEIGHT * n_rows)) as self.ax_:
            self.figure_: Figure | SubFigure = self.ax_.figure
            self.axes_: NDArray[Any] = _panels(self.ax_, n_rows)
            for column, axes in zip(self.columns, self.axes_, strict=True):
                self._draw(column, axes, kwargs)
            for column, axes in zip(self.columns, self.axes_, strict=True):
                _add_legend(column, *axes[1:])
            fit_labels(*self.axes_.flat)
        return self

    def _draw(
        self, column: InputColumn, axes: Sequence[Axes], kwargs: dict[str, Any]
    ) -> None:
        of_raw, of_scaled, of_numbers = axes
        left = _draw_histogram(of_raw, column.raw, column.raw_limits, kwargs)
        right = _draw_histogram(of_scaled, column.scaled, column.scaled_limits, kwargs)
        self.histograms_.append((left, right))
        is_azimuth = column.number_names[-1].endswith("cosine")
        label = f"{column.name} [rad]" if is_azimuth else column.name
        of_raw.set(xlabel=label, ylabel="share / unit")
        scaled = label if is_azimuth else f"{label}, scaled"
        of_scaled.set(xlabel=scaled, ylabel="share / unit")
        if column.undefined_share != 0.0:
            of_raw.annotate(
                f"{100 * column.undefined_share:.2g}% undefined",
                (0.97, 0.95),
                xycoords="axes fraction",
                ha="right",
                va="top",
                fontsize="small",
            )
        of_numbers.set_ylabel("numbers")
        low, high = column.scaled_limits
        beyond = high + _UNDEFINED * (high - low)
        curves, circles = [], []
        for values, at_undefined, name in zip(
            column.numbers, column.undefined, column.number_names, strict=True
        ):
            style = curve_style(of_numbers)
            (line,) = of_numbers.plot(
                column.values, values, linewidth=1.3, label=name, **style
            )
            curves.append(line)
            if column.undefined_share != 0.0:
                (circle,) = of_numbers.plot(
                    beyond, at_undefined, "o", color=line.get_color(), markersize=4
                )
                circles.append(circle)
        self.curves_.append(curves)
        self.circles_.append(circles)
        if circles:
            of_scaled.set_xlim(low, beyond + _UNDEFINED * (high - low))


def _check_columns(
    columns: Sequence[str] | Sequence[int] | None,
    numeric: list[int],
    names: list[str],
) -> list[tuple[int, str]]:
    """Return positions among the columns of numbers, and the names of these."""
    if columns is None:
        positions = numeric[:_MOST]
    else:
        positions = column_positions(columns, names, len(names), "columns")
    wrong = [names[i] for i in positions if i not in numeric]
    if wrong or not positions:
        msg = (
            f"`columns` must be columns of numbers, one or more, got {wrong!r}. Name "
            "some of these; those of categories are in `EmbeddingDisplay`."
        )
        raise ValueError(msg)
    return [(numeric.index(i), str(names[i])) for i in positions]


def _column(
    model: Any,
    position: int,
    name: str,
    raw: FloatArray,
    scaled: FloatArray,
    shares: FloatArray,
    bins: int,
    member: int,
) -> InputColumn:
    from skhep_dnn.neural_network._input_numbers import (  # noqa: PLC0415 - torch
        numbers_of_column,
    )

    defined = ~np.isnan(raw)
    of_raw, raw_limits = _histogram(raw[defined], shares[defined], bins)
    of_scaled, scaled_limits = _histogram(scaled[defined], shares[defined], bins)
    values = np.linspace(*scaled_limits, _N_VALUES)
    found = numbers_of_column(model, position, values, member)
    return InputColumn(
        name=name,
        raw=of_raw,
        scaled=of_scaled,
        raw_limits=raw_limits,
        scaled_limits=scaled_limits,
        values=values,
        numbers=found.numbers,
        number_names=found.names,
        undefined=found.undefined,
        undefined_share=float(shares[~defined].sum()),
    )


def _histogram(
    values: FloatArray, shares: FloatArray, bins: int
) -> tuple[WeightedHistogram, tuple[float, float]]:
    """Return the histogram of defined values, and the range to show."""
    if len(values) == 0:
        edges, limits = np.linspace(-1.0, 1.0, bins + 1), (-1.0, 1.0)
    else:
        sizes = np.abs(shares) / np.abs(shares).sum()
        edges, limits = inner_edges(bins, [values], sizes)
    return weighted_histogram(values, shares, edges), limits


def _panels(ax: Axes, n_rows: int) -> NDArray[Any]:
    """Return axes of values, scaled values and numbers in the place of some axes."""
    ax.set_axis_off()
    figure, place = ax.figure, ax.get_subplotspec()
    if place is not None:
        grid = place.subgridspec(n_rows, 2)
        pairs = [
            [figure.add_subplot(grid[k, j]) for j in (0, 1)] for k in range(n_rows)
        ]
    else:
        box = ax.get_position()
        height, width = box.height / n_rows, box.width / 2.0
        pairs = [
            [
                figure.add_axes(
                    (
                        box.x0 + (j + 0.12) * width,
                        box.y1 - (k + 0.78) * height,
                        0.72 * width,
                        0.7 * height,
                    )
                )
                for j in (0, 1)
            ]
            for k in range(n_rows)
        ]
    return np.array([[left, right, right.twinx()] for left, right in pairs])


def _draw_histogram(
    ax: Axes,
    histogram: WeightedHistogram,
    limits: tuple[float, float],
    kwargs: dict[str, Any],
) -> StepPatch:
    """Draw shares of all events per unit with their errors, without the tails."""
    from matplotlib.patches import StepPatch  # noqa: PLC0415

    edges = histogram.edges
    inside = (edges >= limits[0]) & (edges <= limits[1])
    bins = inside[:-1] & inside[1:]
    value, error = histogram.per_unit[bins], histogram.per_unit_error[bins]

    style = {"facecolor": "#DDDDDD", "edgecolor": NEUTRAL_COLOR, "fill": True}
    steps = ax.stairs(value, edges[inside], **merge_style(style, kwargs, StepPatch))
    ax.stairs(
        value + error,
        edges[inside],
        baseline=value - error,
        fill=True,
        color=steps.get_edgecolor(),
        alpha=0.3,
        linewidth=0,
    )
    ax.set_xlim(limits)
    return steps


def _add_legend(column: InputColumn, of_scaled: Axes, of_numbers: Axes) -> None:
    """Name the numbers, above all that is drawn on both axes."""
    values = column.numbers
    if column.undefined_share != 0.0:
        values = np.column_stack([values, column.undefined])
        of_numbers.plot(
            [], [], "o", color=NEUTRAL_COLOR, markersize=4, label="undefined"
        )
    n_names = len(column.numbers) + (column.undefined_share != 0.0)
    add_fitted_legend(
        of_numbers,
        ncols=-(-n_names // 2),
        loc="upper center",
        frameon=False,
        columnspacing=0.7,
        handlelength=1.4,
        handletextpad=0.4,
        borderaxespad=0.2,
        borderpad=0.2,
        labelspacing=0.3,
    )
    share = height_of_legend(of_numbers)
    low, high = float(values.min()), float(values.max())
    margin = 0.06 * max(high - low, 1e-6)
    leave_headroom(of_numbers, low - margin, high + margin, share)
    low, high = of_scaled.get_ylim()
    leave_headroom(of_scaled, low, high, share)
    if column.undefined_share != 0.0:  # what is to the right of it has no value
        of_scaled.axvline(
            column.scaled_limits[1],
            ymax=1.0 - share,
            color=NEUTRAL_COLOR,
            linewidth=0.8,
            linestyle=":",
        )
