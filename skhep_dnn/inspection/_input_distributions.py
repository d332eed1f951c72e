"""How are columns distributed in signal and background, before and after scaling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator

from skhep_dnn._signal_label import class_names, resolve_pos_label
from skhep_dnn._sklearn import _check_feature_names_in
from skhep_dnn._tables import column_positions
from skhep_dnn._validation import check_signal
from skhep_dnn.inspection._binning import check_bins
from skhep_dnn.inspection._chosen_columns import chosen_columns
from skhep_dnn.inspection._column_labels import column_label
from skhep_dnn.inspection._display import signal_label
from skhep_dnn.inspection._event_spread import event_shares, inner_edges, last_step
from skhep_dnn.inspection._fitting import fit_labels, make_large_axes
from skhep_dnn.inspection._histogram import WeightedHistogram, weighted_histogram
from skhep_dnn.inspection._panels import divided
from skhep_dnn.inspection._plotting import (
    BACKGROUND_COLOR,
    SIGNAL_COLOR,
    merge_style,
)
from skhep_dnn.weights._class_sums import check_class_weights

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.patches import StepPatch

__all__ = ["InputDistribution", "InputDistributionsDisplay"]

FloatArray = NDArray[np.float64]

_MOST = 9  # columns that are drawn if none are named
_MOST_SCALED = 4
_PER_ROW = 3
_PANEL = (3.1, 2.3)  # inches
_HEADER = 0.16  # of a panel, for the legend
_MOST_VALUES = 20  # different whole numbers up to which each has a bin
_STYLES: dict[str, dict[str, Any]] = {
    "background": {
        "facecolor": "none",
        "edgecolor": BACKGROUND_COLOR,
        "hatch": "////",
        "linestyle": "-",
    },
    "signal": {"facecolor": f"{SIGNAL_COLOR}40", "edgecolor": SIGNAL_COLOR},
}


@dataclass(frozen=True, eq=False)
class InputDistribution:
    """Histograms of one column for signal and background, and the range to show.

    Parameters
    ----------
    label : str
        Name of the column, with its unit.
    signal, background : WeightedHistogram
        Of the values that are defined, in events. Tails are bins beyond the range.
    limits : tuple of float
        Range to show.
    undefined : tuple of float, default=(0.0, 0.0)
        Shares of the weights of signal and background for which there is no value.

    See Also
    --------
    InputDistributionsDisplay : The figure.

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn.inspection import InputDistribution, WeightedHistogram
    >>> histogram = WeightedHistogram(
    ...     np.array([0.0, 1.0, 2.0]), np.array([5.0, 4.0]), np.array([1.0, 1.0]), 9
    ... )
    >>> column = InputDistribution(
    ...     label="mass [GeV]",
    ...     signal=histogram,
    ...     background=histogram,
    ...     limits=(0.0, 2.0),
    ... )
    >>> column.label
    'mass [GeV]'
    """

    label: str
    signal: WeightedHistogram
    background: WeightedHistogram
    limits: tuple[float, float]
    undefined: tuple[float, float] = (0.0, 0.0)


class InputDistributionsDisplay:
    """Signal and background of each column in a panel of its own, with errors.

    Make one with `from_data`, or with `from_estimator` for the columns before and after
    the scaling of a network.

    Parameters
    ----------
    columns : sequence of InputDistribution
        What is drawn, row by row.
    scaled : sequence of InputDistribution, default=None
        The same columns after scaling, which are drawn on the right; None draws none.
    class_names : dict of str, default=None
        What the legend calls "signal" and "background"; None leaves these words.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes that are hidden, in whose place the panels are; they have the legend.
    axes_ : ndarray of matplotlib Axes of shape (n_columns,) or (n_columns, 2)
        Panels, with a second one after scaling.
    figure_ : matplotlib Figure
        Figure that contains the axes.
    histograms_ : list of dict of str to matplotlib StepPatch
        "signal" and "background" of each panel, in the order of ``axes_.ravel()``.

    See Also
    --------
    InputsDisplay : The numbers that a network makes of a column.
    SeparationDisplay : How well each column separates.

    Notes
    -----
    Each class is normalised to its own yield, undefined values included, which have no
    bin; what they share is written into the panel. Bands are Monte Carlo errors. Tails
    of at most 1.5 per cent of the events on either side are beyond the axis. A column
    of few whole numbers has a bin for each of them.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skhep_dnn.inspection import InputDistributionsDisplay
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["b", "s"], 500)
    >>> X = pd.DataFrame({"pt_GeV": rng.exponential(40.0, size=1000)})
    >>> display = InputDistributionsDisplay.from_data(X, y)
    >>> display.axes_[0].get_xlabel()
    'pt [GeV]'
    """

    def __init__(
        self,
        *,
        columns: Sequence[InputDistribution],
        scaled: Sequence[InputDistribution] | None = None,
        class_names: Mapping[str, str] | None = None,
    ) -> None:
        self.columns = columns
        self.scaled = scaled
        self.class_names = class_names

    @classmethod
    def from_data(
        cls,
        X: ArrayLike,
        y: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        columns: Sequence[str] | Sequence[int] | None = None,
        units: Mapping[str, str] | None = None,
        missing_values: float = float("nan"),
        bins: int = 30,
        pos_label: object = None,
        log: bool = False,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the columns of a table.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Events.
        y : array-like of shape (n_samples,)
            Their labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Physics weights, negative ones too; None counts every event once.
        columns : sequence of str or int, default=None
            Names or positions of columns of numbers; None takes the first nine.
        units : mapping of str to str, default=None
            Units of columns by their names. A name that ends in "_GeV" or another unit
            has that one.
        missing_values : float, default=nan
            Value that marks an undefined entry besides nan, such as -999.
        bins : int, default=30
            Number of bins in the range of each panel.
        pos_label : label or list of labels, default=None
            The label of the signal, or those of several signal classes, against all
            others; None takes the larger one of two in sorted order.
        log : bool, default=False
            Draw logarithmic vertical axes.
        ax : matplotlib Axes, default=None
            Axes in whose place to draw; None makes a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.stairs`.

        Returns
        -------
        display : InputDistributionsDisplay

        Raises
        ------
        ValueError
            If there is no such column, it is not of numbers, or an argument is not as
            described.
        WeightsError
            If the weights of a class do not sum to more than 0.
        ImportError
            If matplotlib is not installed.

        Warns
        -----
        AssumedSignalWarning
            If `pos_label` is None and the labels are texts that do not say which of
            them is the signal.
        """
        _, _, names, values = chosen_columns(X, columns, _MOST, missing_values)
        _check_number_of_bins(bins)
        pos_label = resolve_pos_label(y, pos_label)
        is_signal, weights = _check_classes(y, sample_weight, pos_label)
        found = [
            _distribution(column_label(name, units), x, is_signal, weights, bins)
            for name, x in zip(names, values.T, strict=True)
        ]
        display = cls(columns=found, class_names=class_names(y, pos_label))
        return display.plot(ax, log=log, **kwargs)

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: ArrayLike,
        y: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        columns: Sequence[str] | Sequence[int] | None = None,
        units: Mapping[str, str] | None = None,
        member: int = 0,
        bins: int = 30,
        pos_label: object = None,
        log: bool = False,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw columns before and after the scaling of a fitted network.

        Parameters
        ----------
        estimator : estimator
            Fitted `WeightedDNNClassifier`, or a pipeline that ends with one, whose
            other steps come before what is drawn on the left.
        X : array-like or DataFrame of shape (n_samples, n_features)
            Events.
        y : array-like of shape (n_samples,)
            Their labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Physics weights, negative ones too; None counts every event once.
        columns : sequence of str or int, default=None
            Names or positions of columns of numbers; None takes the first four.
        units : mapping of str to str, default=None
            As in `from_data`.
        member : int, default=0
            Which member's scaling is drawn.
        bins : int, default=30
            Number of bins in the range of each panel.
        pos_label : label or list of labels, default=None
            The label of the signal, or those of several signal classes, against all
            others; None takes ``classes_[1]`` of two.
        log : bool, default=False
            Draw logarithmic vertical axes.
        ax : matplotlib Axes, default=None
            Axes in whose place to draw; None makes a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.stairs`.

        Returns
        -------
        display : InputDistributionsDisplay

        Raises
        ------
        TypeError
            If the estimator is no `WeightedDNNClassifier`.
        ValueError
            If there is no such column of numbers or no such member.
        NotFittedError
            If the estimator is not fitted.
        WeightsError
            If the weights of a class do not sum to more than 0.
        ImportError
            If matplotlib is not installed.
        """
        from skhep_dnn.neural_network._input_numbers import (  # noqa: PLC0415 - torch
            check_network,
            scaled_numbers,
        )

        _check_number_of_bins(bins)
        model, events = last_step(estimator, X)
        model = check_network(model, member)
        pos_label = signal_label(model, pos_label)
        is_signal, weights = _check_classes(y, sample_weight, pos_label)
        names = _check_feature_names_in(model, None).tolist()
        numeric = model.encoder_.numeric_
        chosen = _numeric_positions(columns, numeric, names)
        raw, scaled = scaled_numbers(model, events, member)
        found: tuple[list[InputDistribution], list[InputDistribution]] = ([], [])
        for position in chosen:
            k, label = numeric.index(position), column_label(names[position], units)
            name = label.partition(" [")[0]
            for side, values, title in zip(
                found, (raw, scaled), (label, f"{name}, scaled"), strict=True
            ):
                side.append(
                    _distribution(title, values[:, k], is_signal, weights, bins)
                )
        display = cls(
            columns=found[0], scaled=found[1], class_names=class_names(y, pos_label)
        )
        return display.plot(ax, log=log, **kwargs)

    def plot(self, ax: Axes | None = None, *, log: bool = False, **kwargs: Any) -> Self:
        """Draw the panels.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes in whose place to draw; None makes a new figure.
        log : bool, default=False
            Draw logarithmic vertical axes.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.stairs`.

        Returns
        -------
        self : InputDistributionsDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        pairs = self.scaled is not None
        drawn = list(self.columns)
        if self.scaled is not None:
            drawn = [c for pair in zip(drawn, self.scaled, strict=True) for c in pair]
        per_row = 2 if pairs else min(len(drawn), _PER_ROW)
        n_rows = -(-len(drawn) // per_row)
        size = (max(6.0, _PANEL[0] * per_row), _PANEL[1] * (n_rows + _HEADER))
        with make_large_axes(ax, f"{type(self).__name__}.plot", size) as self.ax_:
            self.figure_: Figure | SubFigure = self.ax_.figure
            panels = divided(self.ax_, len(drawn), per_row, header=_HEADER)
            self.histograms_ = [
                self._draw(panel, column, log, kwargs)
                for panel, column in zip(panels, drawn, strict=True)
            ]
            for k, panel in enumerate(panels):
                if k % per_row == 0:
                    panel.set_ylabel("share / bin")
            self.ax_.legend(
                handles=list(self.histograms_[0].values()),
                loc="upper center",
                ncols=2,
                frameon=False,
                fontsize="small",
            )
            fit_labels(*panels)
        self.axes_: NDArray[Any] = panels.reshape(-1, 2) if pairs else panels
        return self

    def _draw(
        self, ax: Axes, column: InputDistribution, log: bool, kwargs: dict[str, Any]
    ) -> dict[str, StepPatch]:
        from matplotlib.patches import StepPatch  # noqa: PLC0415

        drawn: dict[str, StepPatch] = {}
        names = {kind: kind for kind in _STYLES} | dict(self.class_names or {})
        shares = dict(zip(("signal", "background"), column.undefined, strict=True))
        top, smallest = 0.0, np.inf
        for kind in ("background", "signal"):
            histogram: WeightedHistogram = getattr(column, kind)
            edges, value, error = _inside(histogram, column.limits)
            defined = 1.0 - shares[kind]
            scale = defined / histogram.sum_w if histogram.sum_w > 0.0 else 0.0
            value, error = scale * value, scale * error
            style = {**_STYLES[kind], "fill": True, "linewidth": 1.2}
            drawn[kind] = ax.stairs(
                value,
                edges,
                label=names[kind],
                **merge_style(style, kwargs, StepPatch),
            )
            ax.stairs(
                value + error,
                edges,
                baseline=value - error,
                fill=True,
                color=drawn[kind].get_edgecolor(),
                alpha=0.3,
                linewidth=0,
            )
            top = max(top, float((value + error).max(initial=0.0)))
            smallest = min(smallest, float(value[value > 0].min(initial=np.inf)))
        self._finish(ax, column, top, smallest if log else None)
        return drawn

    def _finish(
        self, ax: Axes, column: InputDistribution, top: float, smallest: float | None
    ) -> None:
        has_text = any(share > 0.0 for share in column.undefined)
        room = 1.3 if has_text else 1.08
        if smallest is not None and np.isfinite(smallest) and smallest < top:
            ax.set_yscale("log")
            ax.set_ylim(0.5 * smallest, top * (top / smallest) ** (room - 1.0))
        elif top > 0.0:
            ax.set_ylim(min(0.0, ax.get_ylim()[0]), room * top)
        ax.set_xlim(column.limits)
        ax.set_xlabel(column.label)
        ax.locator_params(axis="x", nbins=5)
        if has_text:
            signal, background = (_per_cent(share) for share in column.undefined)
            ax.annotate(
                f"undefined: {signal} sig., {background} bkg.",
                (0.97, 0.96),
                xycoords="axes fraction",
                ha="right",
                va="top",
                fontsize="x-small",
            )


def _check_number_of_bins(bins: int) -> None:
    if np.ndim(bins) != 0:
        msg = (
            "`bins` must be a number, the same for all columns, got edges. Pass 30, "
            "say, or draw columns one by one."
        )
        raise ValueError(msg)
    check_bins(bins)


def _check_classes(
    y: ArrayLike, sample_weight: ArrayLike | None, pos_label: object
) -> tuple[NDArray[np.bool_], FloatArray]:
    is_signal = check_signal(y, pos_label, "y")
    return is_signal, check_class_weights(is_signal, sample_weight)


def _numeric_positions(
    columns: Sequence[str] | Sequence[int] | None, numeric: list[int], names: list[str]
) -> list[int]:
    if columns is None:
        return numeric[:_MOST_SCALED]
    positions = column_positions(columns, names, len(names), "columns")
    wrong = [names[i] for i in positions if i not in numeric]
    if wrong or not positions:
        msg = (
            f"`columns` must be columns of numbers, one or more, got {wrong!r}. Name "
            "some of these; those of categories are not scaled."
        )
        raise ValueError(msg)
    return positions


def _distribution(
    label: str,
    x: FloatArray,
    is_signal: NDArray[np.bool_],
    weights: FloatArray,
    bins: int,
) -> InputDistribution:
    defined = np.isfinite(x)
    edges, limits = _edges(x, defined, is_signal, weights, bins)
    histograms, undefined = [], []
    for own in (is_signal, ~is_signal):
        seen = own & defined
        histograms.append(weighted_histogram(x[seen], weights[seen], edges))
        share = 1.0 - weights[seen].sum() / weights[own].sum()
        undefined.append(0.0 if defined[own].all() else float(share))
    signal, background = histograms
    return InputDistribution(
        label, signal, background, limits, (undefined[0], undefined[1])
    )


def _edges(
    x: FloatArray,
    defined: NDArray[np.bool_],
    is_signal: NDArray[np.bool_],
    weights: FloatArray,
    bins: int,
) -> tuple[FloatArray, tuple[float, float]]:
    """Return edges of bins and the range to show, in which both classes count alike."""
    values = x[defined]
    if len(values) == 0:
        return np.linspace(-1.0, 1.0, bins + 1), (-1.0, 1.0)
    different = np.unique(values)
    if len(different) <= _MOST_VALUES and (different == np.floor(different)).all():
        edges = np.arange(different[0] - 0.5, different[-1] + 1.0)
        if len(edges) <= 2 * _MOST_VALUES:
            return edges, (float(edges[0]), float(edges[-1]))
    sizes = np.abs(event_shares(len(x), is_signal, weights))[defined]
    return inner_edges(bins, [values], sizes / sizes.sum())


def _inside(
    histogram: WeightedHistogram, limits: tuple[float, float]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return edges, contents and errors without the tails."""
    edges = histogram.edges
    inside = (edges >= limits[0]) & (edges <= limits[1])
    bins = inside[:-1] & inside[1:]
    return edges[inside], histogram.content[bins], histogram.error[bins]


def _per_cent(share: float) -> str:
    return f"{100 * share:.0f}%" if share >= 0.01 or share == 0.0 else "<1%"
