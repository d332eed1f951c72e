"""How are weighted histograms of two classes drawn, to be told apart in grey as well.

The test sample as steps with a band of errors, the training sample as points over them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skhep_dnn.inspection._fitting import (
    add_fitted_legend,
    fit_labels,
    height_of_legend,
    small_points,
)
from skhep_dnn.inspection._histogram import WeightedHistogram, yield_with_error
from skhep_dnn.inspection._plotting import (
    BACKGROUND_COLOR,
    SIGNAL_COLOR,
    leave_headroom,
    merge_style,
    spaced,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import ErrorbarContainer
    from matplotlib.patches import StepPatch
    from matplotlib.text import Text

__all__ = [
    "add_legend",
    "draw_histogram",
    "draw_points",
    "flow_marks",
    "height_label",
    "height_range",
    "mark_flow",
]

FloatArray = NDArray[np.float64]

# Filling against hatching, full against open markers: readable without colours.
_HISTOGRAM_STYLES: dict[str, dict[str, Any]] = {
    "background": {
        "facecolor": "none",
        "edgecolor": BACKGROUND_COLOR,
        "hatch": "////",
    },
    "signal": {"facecolor": f"{SIGNAL_COLOR}40", "edgecolor": SIGNAL_COLOR},
}
_POINT_STYLES: dict[str, dict[str, Any]] = {
    "background": {
        "color": BACKGROUND_COLOR,
        "marker": "s",
        "markerfacecolor": "white",
    },
    "signal": {"color": SIGNAL_COLOR, "marker": "o"},
}
_DECADES = 6  # a logarithmic axis shows at most so many
_COLORS = {"background": BACKGROUND_COLOR, "signal": SIGNAL_COLOR}
_NO_FLOW = 5e-4  # share of a class outside of the range that is not worth a mark
_LINE_SPACING = 1.25


def draw_histogram(
    ax: Axes,
    histogram: WeightedHistogram,
    kind: str,
    density: bool,
    kwargs: dict[str, Any],
    *,
    name: str,
) -> tuple[StepPatch, StepPatch]:
    """Draw a histogram of the test sample with its Monte Carlo errors.

    Parameters
    ----------
    ax : matplotlib Axes
        Axes to draw on.
    histogram : WeightedHistogram
        What to draw.
    kind : {"signal", "background"}
        Which class, for the colour.
    density : bool
        Draw the density, or else events per unit.
    kwargs : dict
        The user's style.
    name : str
        What the legend calls it.

    Returns
    -------
    steps, band : matplotlib StepPatch
    """
    from matplotlib.patches import StepPatch  # noqa: PLC0415

    value, error = _heights(histogram, density)
    style = {
        **_HISTOGRAM_STYLES[kind],
        "linewidth": 1.4,
        "fill": True,
        "label": f"{name}, {_size(histogram, density)}",
    }
    steps = ax.stairs(value, histogram.edges, **merge_style(style, kwargs, StepPatch))
    band = ax.stairs(
        value + error,
        histogram.edges,
        baseline=value - error,
        fill=True,
        color=steps.get_edgecolor(),
        alpha=0.3,
        linewidth=0,
    )
    return steps, band


def draw_points(
    ax: Axes, histogram: WeightedHistogram, kind: str, density: bool, *, name: str
) -> ErrorbarContainer:
    """Draw a histogram of the training sample as points, where it has events.

    Parameters
    ----------
    ax, histogram, kind, density, name
        As in `draw_histogram`.

    Returns
    -------
    points : matplotlib ErrorbarContainer
    """
    value, error = _heights(histogram, density)
    filled = error > 0.0
    size = f", {_size(histogram, density)}" if density else ""
    return ax.errorbar(
        (histogram.edges[1:] + histogram.edges[:-1])[filled] / 2,
        value[filled],
        error[filled],
        **_POINT_STYLES[kind],
        linestyle="none",
        markersize=4,
        elinewidth=1.0,
        label=f"{name}{size}",
    )


def height_range(
    histograms: Sequence[WeightedHistogram], density: bool, log: bool
) -> tuple[float, float]:
    """Return the lowest height to show and the highest one, errors included.

    Parameters
    ----------
    histograms : sequence of WeightedHistogram
        All that are drawn.
    density, log : bool
        Whether the density is drawn, and on a logarithmic axis, which begins below the
        lowest bin.

    Returns
    -------
    low, high : float
    """
    values, errors = np.array([_heights(h, density) for h in histograms]).swapaxes(0, 1)
    high = float((values + errors).max())
    if log:
        return max(0.5 * float(values[values > 0].min()), high * 10.0**-_DECADES), high
    return min(0.0, float((values - errors).min())), high


def height_label(unit: str, *, density: bool) -> str:
    """Return the label of the vertical axis.

    Parameters
    ----------
    unit : str
        Of what the bins have a width.
    density : bool
        Whether each class is normalised to its number of events.

    Returns
    -------
    label : str
    """
    return (
        f"normalised events / unit of {unit}" if density else f"events / unit of {unit}"
    )


def add_legend(
    ax: Axes,
    title: str | None,
    heights: tuple[float, float],
    *,
    scaled: bool,
    log: bool,
    n_lines: int = 0,
) -> float:
    """Add a legend of two columns, and set the vertical range below it.

    Parameters
    ----------
    ax : matplotlib Axes
        Axes with histograms and points.
    title : str or None
        Name of the classifier.
    heights : tuple of float
        Lower end of the axis and the highest point drawn.
    scaled : bool
        Whether to say that the training sample is scaled to the yields of the test.
    log : bool
        Whether the axis is logarithmic.
    n_lines : int, default=0
        Lines of small text to leave room for between legend and histograms.

    Returns
    -------
    place : float
        Where these lines begin, as a share of the height.
    """
    titles = [title] if title else []
    if scaled:
        titles.append("train scaled to the yields of test")
    add_fitted_legend(
        ax,
        ncols=2,
        loc="upper center",
        title=", ".join(titles) or None,
        columnspacing=0.6,
        borderpad=0.25,
        borderaxespad=0.3,
        handlelength=1.1,
        handletextpad=0.4,
    )
    legend = height_of_legend(ax)
    line = _LINE_SPACING * small_points() / 72 * ax.figure.dpi / ax.bbox.height
    leave_headroom(ax, *heights, legend + n_lines * line, log=log)
    fit_labels(ax)
    return 1.0 - legend


def flow_marks(
    histograms: Mapping[str, WeightedHistogram], names: Mapping[str, str]
) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return what is said of the events beyond each end of the range.

    Parameters
    ----------
    histograms : dict of str to WeightedHistogram
        Of "background" and "signal".
    names : dict of str to str
        What they are called.

    Returns
    -------
    below, above : list of (kind, text)
        Of each class of which enough events are there.
    """
    marks: tuple[list[tuple[str, str]], list[tuple[str, str]]] = ([], [])
    for kind, histogram in histograms.items():
        for side, share in zip(marks, histogram.flow_share, strict=True):
            if abs(share) >= _NO_FLOW:
                side.append((kind, f"{100 * share:.2g}% of {names[kind]}"))
    return marks


def mark_flow(
    ax: Axes, marks: tuple[list[tuple[str, str]], list[tuple[str, str]]], place: float
) -> list[Text]:
    """Write at the ends of the range how many events are beyond them.

    Parameters
    ----------
    ax : matplotlib Axes
        Where to write.
    marks : tuple of list of (kind, text)
        What `flow_marks` returned.
    place : float
        Where the texts begin, as a share of the height.

    Returns
    -------
    texts : list of matplotlib Text
    """
    texts: list[Text] = []
    for side, align, entries in zip(
        (0.01, 0.99), ("left", "right"), marks, strict=True
    ):
        for row, (kind, text) in enumerate(entries):
            arrowed = (
                rf"$\leftarrow$ {text}" if align == "left" else rf"{text} $\rightarrow$"
            )
            texts.append(
                ax.annotate(
                    arrowed,
                    (side, place),
                    xycoords="axes fraction",
                    xytext=(0.0, -row * _LINE_SPACING * small_points()),
                    textcoords="offset points",
                    ha=align,
                    va="top",
                    fontsize=small_points(),
                    color=_COLORS[kind],
                )
            )
    return texts


def _heights(
    histogram: WeightedHistogram, density: bool
) -> tuple[FloatArray, FloatArray]:
    if density:
        return histogram.density, histogram.density_error
    return histogram.per_unit, histogram.per_unit_error


def _size(histogram: WeightedHistogram, density: bool) -> str:
    if density:
        return f"N = {spaced(histogram.n_events)}"
    return yield_with_error(histogram.sum_w, histogram.sum_w_error)
