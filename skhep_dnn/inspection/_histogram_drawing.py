"""How are weighted histograms of two classes drawn, to be told apart in grey as well.

The test sample as steps with a band of errors, the training sample as points over them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skhep_dnn.inspection._histogram import WeightedHistogram, yield_with_error
from skhep_dnn.inspection._plotting import (
    BACKGROUND_COLOR,
    SIGNAL_COLOR,
    merge_style,
    spaced,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import ErrorbarContainer
    from matplotlib.patches import StepPatch

__all__ = ["add_legend", "draw_histogram", "draw_points", "height_range"]

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


def draw_histogram(
    ax: Axes,
    histogram: WeightedHistogram,
    kind: str,
    density: bool,
    kwargs: dict[str, Any],
) -> tuple[StepPatch, StepPatch]:
    """Draw a histogram of the test sample with its Monte Carlo errors.

    Parameters
    ----------
    ax : matplotlib Axes
        Axes to draw on.
    histogram : WeightedHistogram
        What to draw.
    kind : {"signal", "background"}
        Which class, for colour and label.
    density : bool
        Draw the density, or else events.
    kwargs : dict
        The user's style.

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
        "label": f"{kind} test, {_size(histogram, density)}",
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
    ax: Axes, histogram: WeightedHistogram, kind: str, density: bool
) -> ErrorbarContainer:
    """Draw a histogram of the training sample as points, where it has events.

    Parameters
    ----------
    ax, histogram, kind, density
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
        label=f"{kind} train{size}",
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


def add_legend(ax: Axes, title: str | None, *, scaled: bool) -> None:
    """Add a legend of two columns, for which `leave_headroom` has left the place.

    Parameters
    ----------
    ax : matplotlib Axes
        Axes with histograms and points.
    title : str or None
        Name of the classifier.
    scaled : bool
        Whether to say that the training sample is scaled to the yields of the test.
    """
    titles = [title] if title else []
    if scaled:
        titles.append("train scaled to the yields of test")
    ax.legend(
        loc="upper center",
        title=", ".join(titles) or None,
        title_fontsize="small",
        fontsize="small",
        ncols=2,
        columnspacing=0.6,
        borderpad=0.25,
        borderaxespad=0.3,
        handlelength=1.1,
        handletextpad=0.4,
    )


def _heights(
    histogram: WeightedHistogram, density: bool
) -> tuple[FloatArray, FloatArray]:
    if density:
        return histogram.density, histogram.density_error
    return histogram.content, histogram.error


def _size(histogram: WeightedHistogram, density: bool) -> str:
    if density:
        return f"N = {spaced(histogram.n_events)}"
    return yield_with_error(histogram.sum_w, histogram.sum_w_error)
