"""How is a significance scan drawn: curve, band, cut, hatching, range and labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from skhep_dnn.inspection._fitting import (
    add_fitted_legend,
    fit_labels,
    height_of_legend,
)
from skhep_dnn.inspection._plotting import (
    NEUTRAL_COLOR,
    curve_style,
    leave_headroom,
    legend_handles,
    merge_style,
    n_curves,
    once_in_legend,
)
from skhep_dnn.metrics import FigureOfMerit, SignificanceScan, WorkingPoint
from skhep_dnn.metrics._bootstrap import format_with_error

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import FillBetweenPolyCollection
    from matplotlib.container import ErrorbarContainer
    from matplotlib.lines import Line2D
    from matplotlib.patches import Rectangle

__all__ = [
    "Abscissa",
    "checked_abscissa",
    "draw_curve",
    "draw_cut",
    "draw_low_statistics",
    "finish_axes",
]

FloatArray = NDArray[np.float64]
Abscissa = Literal["threshold", "signal_efficiency"]

_XLABELS: dict[Abscissa, str] = {
    "threshold": "threshold on the classifier score",
    "signal_efficiency": r"signal efficiency $\varepsilon_s$",
}
_CUT = "cut"
_FEW_EVENTS = "few events"
_MARGIN = 0.03
_ALL_SIGNAL = 0.995  # lower thresholds, which select more, have nothing to show
_UNTRUSTED = 0.35  # range with too few events that is shown, in units of the other one


def checked_abscissa(x: Abscissa | None, ax: Axes | None) -> Abscissa:
    """Return the horizontal axis, which is that of the scans that are there.

    Parameters
    ----------
    x : {"threshold", "signal_efficiency"} or None
        Of the user; None takes that of the axes, or else "threshold".
    ax : matplotlib Axes or None
        Axes that may have scans already.

    Returns
    -------
    x : {"threshold", "signal_efficiency"}

    Raises
    ------
    ValueError
        If there is no such horizontal axis, or the axes have the other one.
    """
    if x is not None and x not in _XLABELS:
        msg = f"`x` must be one of {tuple(_XLABELS)!r}, got {x!r}. Choose one."
        raise ValueError(msg)
    there = None
    if ax is not None and n_curves(ax):
        names = {label: name for name, label in _XLABELS.items()}
        there = names.get(ax.get_xlabel())
    if there is not None and x not in {None, there}:
        msg = (
            f"`x` must be {there!r} on axes with a scan against it, got {x!r}. Leave "
            "it out, or draw all scans of one figure with the same `x`."
        )
        raise ValueError(msg)
    return x or there or "threshold"


def draw_curve(
    ax: Axes,
    scan: SignificanceScan,
    points: Sequence[WorkingPoint],
    errors: FloatArray,
    x: Abscissa,
    label: str,
    kwargs: dict[str, Any],
) -> tuple[Line2D, FillBetweenPolyCollection]:
    """Draw the significance, and its error where it is known.

    Parameters
    ----------
    ax : matplotlib Axes
        Axes to draw on.
    scan : SignificanceScan
        The scan.
    points : sequence of WorkingPoint
        Points of the scan with known errors.
    errors : ndarray of shape (n_points,)
        The errors; nan where undefined.
    x : {"threshold", "signal_efficiency"}
        The horizontal axis.
    label : str
        Name of the curve in the legend.
    kwargs : dict
        The user's style.

    Returns
    -------
    line : matplotlib Line2D
    band : matplotlib FillBetweenPolyCollection
    """
    from matplotlib.lines import Line2D  # noqa: PLC0415

    style = merge_style({**curve_style(ax), "label": label}, kwargs, Line2D)
    (line,) = ax.plot(getattr(scan, x), scan.z, **style)
    z = np.array([point.z for point in points])
    band = ax.fill_between(
        [getattr(point, x) for point in points],
        z - errors,
        z + errors,
        color=line.get_color(),
        alpha=0.25,
        linewidth=0,
        label=once_in_legend(ax, r"statistical error (1$\,\sigma$)"),
    )
    return line, band


def draw_low_statistics(
    ax: Axes, scan: SignificanceScan, min_n_eff: float, x: Abscissa
) -> list[Rectangle]:
    """Hatch the regions with too few effective background events.

    Parameters
    ----------
    ax : matplotlib Axes
        Axes to draw on.
    scan : SignificanceScan
        The scan.
    min_n_eff : float
        Number of effective background events that is enough.
    x : {"threshold", "signal_efficiency"}
        The horizontal axis.

    Returns
    -------
    regions : list of matplotlib Rectangle
    """
    position = getattr(scan, x)
    finite = position[np.isfinite(position)]
    position = np.clip(position, finite.min(), finite.max())
    label = _few_events_label(ax, min_n_eff)
    regions: list[Rectangle] = []
    for start, stop in _runs(scan.n_eff_b < min_n_eff):
        ends = position[start], position[min(stop, len(position) - 1)]
        region = ax.axvspan(
            min(ends),
            max(ends),
            facecolor="0.95",
            edgecolor="0.8",
            hatch="\\\\\\\\",
            linewidth=0,
            zorder=0,
            label=label,
            gid=_FEW_EVENTS,
        )
        regions.append(region)
        label = "_low statistics"  # one entry in the legend is enough
    return regions


def draw_cut(
    ax: Axes,
    point: WorkingPoint,
    error: float,
    x: Abscissa,
    *,
    biased: bool,
    color: Any = NEUTRAL_COLOR,
) -> tuple[Line2D, ErrorbarContainer]:
    """Draw the chosen cut and the significance there, which is in the legend, too.

    Parameters
    ----------
    ax : matplotlib Axes
        Axes to draw on.
    point : WorkingPoint
        What the cut selects.
    error : float
        Error of its significance.
    x : {"threshold", "signal_efficiency"}
        The horizontal axis.
    biased : bool
        Whether to say that the cut was chosen on the scanned events.
    color : color, default="#555555"
        That of the curve.

    Returns
    -------
    cut : matplotlib Line2D
    value : matplotlib ErrorbarContainer
        The significance there and its error.
    """
    place = f"{point.threshold:.3g}"
    if x == "signal_efficiency":
        place = rf"$\varepsilon_s$ = {point.signal_efficiency:.2f}"
    label = f"cut at {place}: {format_with_error(point.z, error)}"
    if biased:
        label += "\n(chosen on these events: biased upwards)"
    cut = ax.axvline(
        getattr(point, x),
        color=color,
        linestyle=(0, (4, 2)),
        linewidth=1.4,
        label=label,
        gid=_CUT,
    )
    value = ax.errorbar(
        [getattr(point, x)],
        [point.z],
        [error],
        color=color,
        marker="o",
        markersize=5,
        markerfacecolor="white",
        capsize=3,
        zorder=4,
    )
    return cut, value


def finish_axes(
    ax: Axes,
    scan: SignificanceScan,
    points: Sequence[WorkingPoint],
    errors: FloatArray,
    cut: WorkingPoint | None,
    min_n_eff: float,
    x: Abscissa,
) -> None:
    """Show what has enough events, and the cut; name the axes; add the legend.

    What other scans on the same axes show stays inside, below the legend.

    Parameters
    ----------
    ax, scan, points, errors, x
        As in `draw_curve`.
    cut : WorkingPoint or None
        What the chosen cut selects.
    min_n_eff : float
        Number of effective background events that is enough.
    """
    several = n_curves(ax) > 1
    before = (*ax.get_xlim(), *_range_below_legend(ax))
    left, right = _horizontal_range(scan, cut, min_n_eff, x)
    if several:
        left, right = min(left, before[0]), max(right, before[1])
    ax.set_xlim(left, right)
    ax.set(xlabel=_XLABELS[x], ylabel=_significance_label(scan.figure_of_merit))
    add_fitted_legend(
        ax,
        handles=legend_handles(ax),
        loc="upper left" if x == "threshold" else "upper right",
        title=_uncertainty(scan.figure_of_merit),
        alignment="left",
        framealpha=1.0,
    )
    room = height_of_legend(ax)
    heights = _trusted_heights(scan, points, errors, min_n_eff)
    heights += before[2:] if several else ()
    heights += () if cut is None else (cut.z,)
    if np.isfinite(heights).any():
        low, high = min(0.0, float(np.nanmin(heights))), float(np.nanmax(heights))
        leave_headroom(ax, low, high, room)
    for line in ax.lines:
        if line.get_gid() == _CUT:
            line.set_ydata([0.0, 1.0 - room])
    fit_labels(ax)


def _trusted_heights(
    scan: SignificanceScan,
    points: Sequence[WorkingPoint],
    errors: FloatArray,
    min_n_eff: float,
) -> tuple[float, ...]:
    """Return the ends of the curve and its band where there are enough events."""
    trusted = scan.z[np.isfinite(scan.z) & (scan.n_eff_b >= min_n_eff)]
    heights = trusted.tolist()
    for point, error in zip(points, errors.tolist(), strict=True):
        if point.n_eff_b >= min_n_eff and np.isfinite(error):
            heights += [point.z - error, point.z + error]
    return tuple(heights)


def _range_below_legend(ax: Axes) -> tuple[float, float]:
    """Return the vertical range without what is left to the legend."""
    low, high = ax.get_ylim()
    return low, high - (high - low) * min(height_of_legend(ax), 0.8)


def _few_events_label(ax: Axes, min_n_eff: float) -> str:
    """Return what the legend says of few events: once, and of which of the curves."""
    label = rf"background $n_\mathrm{{eff}}$ < {min_n_eff:g}"
    for patch in ax.patches:
        if patch.get_gid() == _FEW_EVENTS and patch.get_label() == label:
            patch.set_label(f"{label} (any model)")
    return once_in_legend(ax, f"{label} (any model)").replace(" (any model)", "")


def _runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return begin and end of each run of True."""
    changes = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0))
    return [(int(a), int(b)) for a, b in changes.reshape(-1, 2)]


def _horizontal_range(
    scan: SignificanceScan, point: WorkingPoint | None, min_n_eff: float, x: Abscissa
) -> tuple[float, float]:
    """Return the range that has something to show, the chosen cut included.

    Of the thresholds with too few events only those next to the others are shown.
    """
    if x == "signal_efficiency":
        return 0.0, max(1.0, float(scan.signal_efficiency.max()))
    below = scan.signal_efficiency >= _ALL_SIGNAL
    finite = scan.threshold[np.isfinite(scan.threshold)]
    low = max(finite.min(), scan.threshold[below.argmax()])
    high = finite.max()
    trusted = finite[scan.n_eff_b[np.isfinite(scan.threshold)] >= min_n_eff]
    if len(trusted) and trusted.max() > low:
        high = min(high, trusted.max() + _UNTRUSTED * (trusted.max() - low))
    if point is not None:
        low, high = min(low, point.threshold), max(high, point.threshold)
    margin = _MARGIN * (high - low) or 0.5
    return max(low - margin, finite.min()), high + margin


def _significance_label(figure_of_merit: FigureOfMerit) -> str:
    """Return the label of the vertical axis."""
    name = {
        "asimov": "Asimov significance",
        "ams": "AMS",
        "s_over_sqrt_b": r"$s / \sqrt{b}$",
        "s_over_sqrt_sb": r"$s / \sqrt{s + b}$",
    }[figure_of_merit.kind]
    return rf"{name} ($\sigma$)"


def _uncertainty(figure_of_merit: FigureOfMerit) -> str:
    """Return what is assumed of the background, for the legend."""
    if figure_of_merit.kind.startswith("s_over"):
        return "no uncertainty of $b$"
    parts = []
    if figure_of_merit.sigma_b:
        parts.append(f"{figure_of_merit.sigma_b:g} events")
    if figure_of_merit.rel_sigma_b:
        parts.append(f"{100 * figure_of_merit.rel_sigma_b:g}% of $b$")
    if figure_of_merit.mc_stat:
        parts.append("MC statistics")
    sum_of_parts = r" $\oplus$ ".join(parts) or "0"
    b_reg = rf"$b_\mathrm{{reg}}$ = {figure_of_merit.b_reg:g} events"
    return rf"$\sigma_b$ = {sum_of_parts}, {b_reg}"
