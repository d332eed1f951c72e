"""Does the simulation of all processes describe the data, and where is the signal.

The yields of the processes on top of each other, with the Monte Carlo error of their
sum, the data as points over them and their ratio below. Data that must not be looked at
yet are never counted, so that no figure, attribute or file can give them away.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator

from skhep_dnn._signal_label import resolve_pos_label
from skhep_dnn._validation import check_numbers, check_scores
from skhep_dnn.inspection._binning import check_bins, score_edges
from skhep_dnn.inspection._display import ScoreDisplay, signal_label, signal_scores
from skhep_dnn.inspection._fitting import (
    add_fitted_legend,
    fit_labels,
    height_of_legend,
)
from skhep_dnn.inspection._histogram import WeightedHistogram, yield_with_error
from skhep_dnn.inspection._plotting import (
    SIGNAL_COLOR,
    leave_headroom,
    make_axes,
    merge_style,
    spaced,
    split_off_panels,
)
from skhep_dnn.inspection._poisson_interval import poisson_interval
from skhep_dnn.metrics._process_events import processes_of_classes
from skhep_dnn.weights._class_sums import check_events

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import ErrorbarContainer
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.patches import Rectangle, StepPatch

__all__ = ["StackedDiscriminantDisplay"]

FloatArray = NDArray[np.float64]
Blind = float | tuple[float, float]
Signal = Literal["stack", "overlay"]

# M. Petroff, "Accessible color sequences for data visualization", arXiv:2107.02270,
# without its blue, which is that of the signal here.
_COLORS = (
    *("#ffa90e", "#94a4a2", "#bd1f01", "#832db6", "#a96b59"),
    *("#e76300", "#b9ac70", "#717581", "#92dadd"),
)
_OVERLAYS = ("-", "--", "-.", ":")
_ROUNDING = 1e-9  # of the range, within which an edge is the end of a region
_DECADES = 6  # a logarithmic axis shows at most so many
_LARGEST_RATIO = 1.0  # distance from 1 up to which a ratio is shown
_SMALLEST_RATIO = 0.25


class StackedDiscriminantDisplay(ScoreDisplay):
    """Expected yields of all processes against the score, stacked, and the data.

    Make one with `from_estimator` or `from_predictions`. All parameters are stored as
    attributes, so that it can be drawn again with other options; scores are not.

    Parameters
    ----------
    signals, backgrounds : mapping of str to WeightedHistogram
        Of each process, the largest yield first. The outermost bins contain what lies
        beyond them.
    data : ndarray of shape (n_bins,), default=None
        Numbers of data events, nan in blinded bins; None draws no data.
    blind : float or tuple of float, default=None
        Threshold from which on, or interval in which, data were not counted; None
        counted all.
    name : str, default=None
        Title of the legend.
    pos_label : label, default=None
        The label of the signal.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the stack.
    ax_ratio_ : matplotlib Axes or None
        Axes with the ratio of data to simulation; None without data.
    figure_ : matplotlib Figure
        Figure that contains the axes.
    stack_ : dict of str to matplotlib StepPatch
        The processes that are stacked, from the bottom.
    overlay_ : dict of str to matplotlib StepPatch
        Signal processes that are drawn over the stack.
    band_ : matplotlib StepPatch
        Monte Carlo error of the stack.
    points_, ratio_points_ : matplotlib ErrorbarContainer or None
        The data, and their ratio to the stack; None without data.
    ratio_band_ : matplotlib StepPatch or None
        Relative Monte Carlo error of the stack; None without data.
    blinded_ : matplotlib Rectangle or None
        Area of the bins in which data were not counted.

    See Also
    --------
    DiscriminantDisplay : Shapes of signal and background, test and training sample.
    skhep_dnn.metrics.yields_table : The yields above thresholds.

    Notes
    -----
    The hatched band is the Monte Carlo error of the sum, the square root of the sum of
    squared weights in a bin. Data have the central intervals of Garwood, which are not
    symmetric for small counts and have an upper end where nothing is observed. In the
    ratio both are relative to the simulation and not combined.

    **Blinding.** A bin that overlaps with the blinded region is blinded as a whole: its
    data are not counted, not drawn and not in the number of the legend. Bins and ranges
    follow from the simulation alone. So two sets of data that differ in blinded bins
    only give the same display, to the last bit.

    Examples
    --------
    >>> from skhep_dnn.inspection import StackedDiscriminantDisplay
    >>> display = StackedDiscriminantDisplay.from_predictions(
    ...     ["b", "b", "b", "s"],
    ...     [0.1, 0.4, 0.8, 0.9],
    ...     sample_weight=[40.0, 20.0, 10.0, 2.0],
    ...     process=["Z", "top", "Z", "H"],
    ...     data=[0.1, 0.2, 0.3, 0.8, 0.9],
    ...     blind=0.5,
    ...     bins=2,
    ... )
    >>> list(display.stack_), display.data
    (['top', 'Z', 'H'], array([ 3., nan]))
    """

    def __init__(
        self,
        *,
        signals: Mapping[str, WeightedHistogram],
        backgrounds: Mapping[str, WeightedHistogram],
        data: FloatArray | None = None,
        blind: Blind | None = None,
        name: str | None = None,
        pos_label: object = None,
    ) -> None:
        self.signals = signals
        self.backgrounds = backgrounds
        self.data = data
        self.blind = blind
        self.name = name
        self.pos_label = pos_label

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: ArrayLike,
        y: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        process: ArrayLike | None = None,
        X_data: ArrayLike | None = None,
        response_method: str = "auto",
        pos_label: object = None,
        name: str | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the scores of a fitted classifier, of simulated events and of data.

        Parameters
        ----------
        estimator : estimator
            Fitted classifier, or a pipeline that ends with one.
        X : array-like of shape (n_samples, n_features)
            Simulated events.
        y : array-like of shape (n_samples,)
            Their labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Their physics weights, in events, negative ones too; None counts every
            event once.
        process : array-like of shape (n_samples,), default=None
            Name of the process of each; None takes signal and background.
        X_data : array-like of shape (n_data, n_features), default=None
            Events of the data; None draws none.
        response_method : {"auto", "decision_function", "predict_proba"}, \
                default="auto"
            The score: "auto" takes `decision_function` where there is one;
            "predict_proba" has an axis from 0 to 1. `blind` and `bins` are in its
            units.
        pos_label : label or list of labels, default=None
            The label of the signal, or those of several signal classes, against all
            others; None takes ``classes_[1]`` of two.
        name : str, default=None
            Title of the legend; None takes that of the class of the estimator.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        **kwargs : dict
            The other options of `from_predictions`.

        Returns
        -------
        display : StackedDiscriminantDisplay

        Raises
        ------
        ValueError
            If the estimator is no classifier, has more than two classes and there is
            no `pos_label`, or an argument is not as described.
        WeightsError
            If the weights of a class do not sum to more than 0.
        ImportError
            If matplotlib is not installed.
        """
        pos_label = signal_label(estimator, pos_label)
        if X_data is not None:
            kwargs["data"] = signal_scores(
                estimator, X_data, response_method=response_method, pos_label=pos_label
            )
        return super().from_estimator(
            estimator,
            X,
            y,
            sample_weight=sample_weight,
            process=process,
            response_method=response_method,
            pos_label=pos_label,
            name=name,
            ax=ax,
            **kwargs,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_score: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        process: ArrayLike | None = None,
        data: ArrayLike | None = None,
        blind: Blind | None = None,
        bins: int | ArrayLike = 20,
        max_processes: int = 9,
        signal: Signal = "stack",
        signal_scale: float = 1.0,
        log: bool = False,
        pos_label: object = None,
        name: str | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw given scores of simulated events and of data.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Labels of the simulated events.
        y_score : array-like of shape (n_samples,)
            Their scores.
        sample_weight : array-like of shape (n_samples,), default=None
            Their physics weights, in events, negative ones too; None counts every
            event once.
        process : array-like of shape (n_samples,), default=None
            Name of the process of each; None takes signal and background.
        data : array-like of shape (n_data,), default=None
            Scores of data events; None draws none.
        blind : float or tuple of float, default=None
            Threshold from which on, or interval ``(low, high)`` in which, data are not
            counted; bins that overlap with it are blinded as a whole.
        bins : int or array-like of shape (n_bins + 1,), default=20
            Number of bins of equal width where the simulation is, or their edges. The
            outermost bins contain what lies beyond them.
        max_processes : int, default=9
            Largest number of background processes; the smallest ones beyond are summed
            as "other".
        signal : {"stack", "overlay"}, default="stack"
            As in `plot`.
        signal_scale : float, default=1.0
            As in `plot`.
        log : bool, default=False
            As in `plot`.
        pos_label : label or list of labels, default=None
            The label of the signal, or those of several signal classes, against all
            others; None takes the larger one of two in sorted order.
        name : str, default=None
            Title of the legend.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.stairs` for the stacked processes.

        Returns
        -------
        display : StackedDiscriminantDisplay

        Raises
        ------
        ValueError
            If an argument is not as described, or a process has events of both classes.
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
        pos_label = resolve_pos_label(y_true, pos_label)
        is_signal, scores, weights = check_events(
            y_true, y_score, sample_weight, pos_label
        )
        names, of_class = processes_of_classes(is_signal, weights, process)
        blind = _check_blind(blind)
        edges = _snapped(_edges(bins, scores, weights, is_signal), blind)
        groups = _groups(of_class["background"], max_processes)
        signals = {p: [p] for p in of_class["signal"]}
        found = {
            title: _histogram(scores[own], weights[own], edges)
            for title, members in {**signals, **groups}.items()
            for own in [np.isin(names, members)]
        }
        display = cls(
            signals={title: found[title] for title in signals},
            backgrounds={title: found[title] for title in groups},
            data=None if data is None else _counts(data, edges, blind),
            blind=blind,
            name=name,
            pos_label=pos_label,
        )
        return display.plot(
            ax, signal=signal, signal_scale=signal_scale, log=log, **kwargs
        )

    def plot(
        self,
        ax: Axes | None = None,
        *,
        signal: Signal = "stack",
        signal_scale: float = 1.0,
        log: bool = False,
        **kwargs: Any,
    ) -> Self:
        """Draw the stack, the data and their ratio.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on, whose lower part becomes the ratio; None makes a new
            figure.
        signal : {"stack", "overlay"}, default="stack"
            Draw the signal on top of the backgrounds, or as a line from the bottom,
            which is then no part of the sum that data are compared with.
        signal_scale : float, default=1.0
            Factor on a signal that is overlaid; the legend says it, and its yield there
            is the one without it.
        log : bool, default=False
            Draw a logarithmic vertical axis.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.stairs` for the stacked processes.

        Returns
        -------
        self : StackedDiscriminantDisplay

        Raises
        ------
        ValueError
            If `signal` is unknown, or `signal_scale` is given for a stacked signal.
        ImportError
            If matplotlib is not installed.
        """
        _check_signal_style(signal, signal_scale)
        self.ax_ = make_axes(ax, f"{type(self).__name__}.plot")
        self.figure_: Figure | SubFigure = self.ax_.figure
        self.ax_ratio_: Axes | None = None
        if self.data is not None:
            self.ax_ratio_ = split_off_panels(self.ax_)[0]
        stacked = dict(reversed(list(self.backgrounds.items())))
        if signal == "stack":
            stacked |= dict(reversed(list(self.signals.items())))
        edges = next(iter(stacked.values())).edges
        total = np.sum([h.content for h in stacked.values()], axis=0)
        error = np.sqrt(np.sum([h.error**2 for h in stacked.values()], axis=0))
        self._draw_stack(stacked, kwargs)
        self.overlay_: dict[str, StepPatch] = {}
        if signal == "overlay":
            self._draw_overlay(signal_scale)
        self.band_ = _draw_band(self.ax_, total - error, total + error, edges)
        self.band_.set_label("stat. error of simulation")
        self.points_: ErrorbarContainer | None = None
        self.ratio_points_: ErrorbarContainer | None = None
        self.ratio_band_: StepPatch | None = None
        self.blinded_: Rectangle | None = None
        heights = [total + error]
        if self.data is not None:
            low, high = poisson_interval(self.data)
            heights.append(high)
            self.points_ = _draw_points(self.ax_, edges, self.data, low, high)
            self.points_.set_label(self._name_of_data())
            against = "data / sim." if signal == "stack" else "data / bkg."
            self._draw_ratio(edges, total, error, against)
        heights += [signal_scale * self.signals[name].content for name in self.overlay_]
        self.ax_.set_xlim(edges[0], edges[-1])
        self._finish(np.array(heights), stacked, log=log)
        return self

    def _draw_stack(
        self, stacked: Mapping[str, WeightedHistogram], kwargs: dict[str, Any]
    ) -> None:
        from matplotlib.patches import StepPatch  # noqa: PLC0415

        colors = dict(
            zip(self.backgrounds, _cycled(len(self.backgrounds)), strict=True)
        )
        self.stack_: dict[str, StepPatch] = {}
        below = np.zeros(len(next(iter(stacked.values())).content))
        for name, histogram in stacked.items():
            style = {
                "facecolor": colors.get(name, SIGNAL_COLOR),
                "edgecolor": "black",
                "linewidth": 0.5,
                "fill": True,
                "hatch": "" if name in colors else "\\\\\\\\",
                "label": f"{name}, {_yield(histogram)}",
            }
            self.stack_[name] = self.ax_.stairs(
                below + histogram.content,
                histogram.edges,
                baseline=below,
                **merge_style(style, kwargs, StepPatch),
            )
            below = below + histogram.content

    def _draw_overlay(self, scale: float) -> None:
        times = "" if scale == 1.0 else rf" $\times$ {scale:g}"
        for k, (name, histogram) in enumerate(self.signals.items()):
            self.overlay_[name] = self.ax_.stairs(
                scale * histogram.content,
                histogram.edges,
                color=SIGNAL_COLOR,
                linewidth=1.8,
                linestyle=_OVERLAYS[k % len(_OVERLAYS)],
                label=f"{name}{times}, {_yield(histogram)}",
            )

    def _name_of_data(self) -> str:
        """Return the number of data events that may be known, and what may not."""
        data = np.asarray(self.data)
        number = f"data, {spaced(float(np.nansum(data)))}"
        if self.blind is None:
            return number
        if isinstance(self.blind, tuple):
            low, high = self.blind
            return f"{number} (blinded: {low:.4g} to {high:.4g})"
        return f"{number} (blinded above {self.blind:.4g})"

    def _draw_ratio(
        self, edges: FloatArray, total: FloatArray, error: FloatArray, against: str
    ) -> None:
        ax, data = self.ax_ratio_, np.asarray(self.data)
        if ax is None:
            return
        defined = total > 0.0
        scale = np.where(defined, total, np.nan)
        low, high = (end / scale for end in poisson_interval(data))
        self.ratio_points_ = _draw_points(ax, edges, data / scale, low, high)
        relative = np.nan_to_num(error / scale)
        self.ratio_band_ = _draw_band(ax, 1.0 - relative, 1.0 + relative, edges)
        ax.axhline(1.0, color="black", linewidth=0.8)
        reach = np.nanmax(np.abs((data / scale)[data > 0] - 1.0), initial=0.0)
        reach = min(max(1.25 * float(reach), _SMALLEST_RATIO), _LARGEST_RATIO)
        ax.set_ylim(1.0 - reach, 1.0 + reach)
        _mark_beyond(ax, edges, data / scale)
        ax.locator_params(axis="y", nbins=3)
        ax.set_ylabel(against)
        self.ax_.tick_params(axis="x", which="both", labelbottom=False)
        hidden = np.flatnonzero(np.isnan(data))
        if len(hidden):
            ends = float(edges[hidden[0]]), float(edges[hidden[-1] + 1])
            for panel in (self.ax_, ax):
                self.blinded_ = panel.axvspan(*ends, color="0.5", alpha=0.15, zorder=0)

    def _finish(
        self,
        heights: FloatArray,
        stacked: Mapping[str, WeightedHistogram],
        *,
        log: bool,
    ) -> None:
        """Name the axes, add the legend and leave room for it."""
        lowest = self.ax_ if self.ax_ratio_ is None else self.ax_ratio_
        lowest.set_xlabel("classifier score")
        self.ax_.set_ylabel(_height_label(next(iter(stacked.values())).edges))
        finite = heights[np.isfinite(heights)]
        high = float(finite.max())
        low = min(0.0, float(finite.min()))
        if log:
            # What is on top of others is not seen down to its own height.
            seen = np.concatenate([next(iter(stacked.values())).content, *heights[1:]])
            seen = seen[seen > 0.0]
            low = max(0.5 * float(seen.min()), high * 10.0**-_DECADES)
        add_fitted_legend(
            self.ax_,
            ncols=2,
            handles=[*self._handles()],
            loc="upper center",
            title=self.name,
            columnspacing=0.8,
            borderpad=0.25,
            borderaxespad=0.3,
            handlelength=1.3,
            handletextpad=0.4,
            labelspacing=0.3,
        )
        leave_headroom(self.ax_, low, high, height_of_legend(self.ax_) + 0.02, log=log)
        panels = [ax for ax in (self.ax_, self.ax_ratio_) if ax is not None]
        fit_labels(*panels)
        self.figure_.align_ylabels(panels)

    def _handles(self) -> list[Any]:
        """Return what the legend names, in the order from top to bottom."""
        data = [] if self.points_ is None else [self.points_]
        stack = list(reversed(self.stack_.values()))
        return [*data, *self.overlay_.values(), *stack, self.band_]


def _edges(
    bins: int | ArrayLike,
    scores: FloatArray,
    weights: FloatArray,
    is_signal: NDArray[np.bool_],
) -> FloatArray:
    """Return the edges given, or those of bins of equal width where the events are."""
    checked = check_bins(bins)
    if not isinstance(checked, int):
        return checked
    classes = [(scores[own], weights[own]) for own in (is_signal, ~is_signal)]
    ends = score_edges(checked, classes)
    return np.linspace(float(ends[0]), float(ends[-1]), checked + 1)


def _snapped(edges: FloatArray, blind: Blind | None) -> FloatArray:
    """Return edges of which one that is an end of the blinded region is so exactly.

    0.6 as an edge of equal bins is not 0.6 to the last bit, and would blind a bin more.
    """
    snapped = edges.copy()
    for end in [] if blind is None else np.ravel(blind).tolist():
        near = int(np.argmin(np.abs(edges - end)))
        if abs(edges[near] - end) < _ROUNDING * (edges[-1] - edges[0]):
            snapped[near] = end
    return snapped


def _histogram(
    scores: FloatArray, weights: FloatArray, edges: FloatArray
) -> WeightedHistogram:
    """Return a histogram whose outermost bins contain what lies beyond them."""
    bins = _bin_numbers(scores, edges)
    content, sum_w2 = (
        np.bincount(bins, addend, len(edges) - 1).astype(np.float64)
        for addend in (weights, np.square(weights))
    )
    return WeightedHistogram(edges, content, np.sqrt(sum_w2), len(scores))


def _bin_numbers(scores: FloatArray, edges: FloatArray) -> NDArray[np.intp]:
    return np.searchsorted(edges[1:-1], scores, side="right")


def _counts(data: ArrayLike, edges: FloatArray, blind: Blind | None) -> FloatArray:
    """Return numbers of data events in bins; those of blinded bins are not counted."""
    scores = check_scores(data, len(np.asarray(data)), "data")
    low = np.concatenate([[-np.inf], edges[1:-1]])
    high = np.append(edges[1:-1], np.inf)
    hidden = np.zeros(len(low), dtype=np.bool_)
    if isinstance(blind, tuple):
        hidden = (high > blind[0]) & (low <= blind[1])
    elif blind is not None:
        hidden = high > blind
    bins = _bin_numbers(scores, edges)
    counts = np.bincount(bins[~hidden[bins]], minlength=len(low)).astype(np.float64)
    counts[hidden] = np.nan
    return counts


def _check_blind(blind: Blind | None) -> Blind | None:
    if blind is None:
        return None
    ends = check_numbers(np.ravel(np.asarray(blind)), "blind").tolist()
    expected = 1 if np.ndim(blind) == 0 else 2
    if len(ends) != expected or any(map(math.isnan, ends)) or ends != sorted(ends):
        msg = (
            "`blind` must be a score, from which on data are not counted, or an "
            f"interval (low, high) of scores, got {blind!r}. Pass the threshold of "
            "the working point, say."
        )
        raise ValueError(msg)
    return ends[0] if expected == 1 else (ends[0], ends[1])


def _check_signal_style(signal: str, signal_scale: float) -> None:
    if signal not in {"stack", "overlay"}:
        msg = (
            f"`signal` must be 'stack' or 'overlay', got {signal!r}. Overlay a signal "
            "that is not seen on top of the stack."
        )
        raise ValueError(msg)
    if not signal_scale > 0.0 or (signal == "stack" and signal_scale != 1.0):
        msg = (
            "`signal_scale` must be above 0, and 1 for a signal that is stacked, got "
            f"{signal_scale!r}. Pass signal='overlay' to draw a multiple of it."
        )
        raise ValueError(msg)


def _groups(names: Sequence[str], most: int) -> dict[str, list[str]]:
    """Return the processes to draw, of which the last may stand for several."""
    if most < 1:
        msg = f"`max_processes` must be at least 1, got {most!r}. Leave it out."
        raise ValueError(msg)
    if len(names) <= most:
        return {name: [name] for name in names}
    rest = names[most - 1 :]
    groups = {name: [name] for name in names[: most - 1]}
    return {**groups, f"other ({len(rest)} processes)": list(rest)}


def _cycled(n: int) -> list[str]:
    return [_COLORS[k % len(_COLORS)] for k in range(n)]


def _yield(histogram: WeightedHistogram) -> str:
    error = histogram.sum_w_error
    return yield_with_error(histogram.sum_w, error) if error > 0.0 else "0"


def _draw_band(
    ax: Axes, low: FloatArray, high: FloatArray, edges: FloatArray
) -> StepPatch:
    return ax.stairs(
        high,
        edges,
        baseline=low,
        fill=True,
        facecolor="none",
        edgecolor="0.25",
        hatch="////",
        linewidth=0.0,
    )


def _draw_points(
    ax: Axes, edges: FloatArray, value: FloatArray, low: FloatArray, high: FloatArray
) -> ErrorbarContainer:
    """Draw points with intervals where there is a value."""
    seen = np.isfinite(value)
    value, low, high = value[seen], low[seen], high[seen]
    return ax.errorbar(
        ((edges[1:] + edges[:-1]) / 2)[seen],
        value,
        [value - low, high - value],
        fmt="o",
        color="black",
        markersize=4,
        elinewidth=1.0,
        zorder=5,
    )


def _mark_beyond(ax: Axes, edges: FloatArray, ratio: FloatArray) -> None:
    """Point at ratios that are beyond the axis."""
    low, high = ax.get_ylim()
    centres = (edges[1:] + edges[:-1]) / 2
    for beyond, end, marker in ((ratio > high, high, "^"), (ratio < low, low, "v")):
        if beyond.any():
            ax.plot(
                centres[beyond],
                np.full(beyond.sum(), end),
                marker,
                color="black",
                markersize=4,
                clip_on=False,
            )


def _height_label(edges: FloatArray) -> str:
    widths = np.diff(edges)
    if np.allclose(widths, widths[0], rtol=1e-6):
        return f"events / {widths[0]:.2g}"
    return "events / bin"
