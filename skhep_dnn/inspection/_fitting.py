"""How do letters of any size fit into a figure of any size.

A figure has the size and the letters of matplotlib's `rcParams`, which a style such as
those of `mplhep` sets to several times the common ones. What has a name for each row or
column may need more room: its letters shrink, and where they would become too small to
read the figure grows. Legends and labels of the axes shrink to the axes, and never
push them together.

Some styles leave `font.size` small and give the letters of ticks and labels in points.
The letters of the ticks are then the ones that all others are measured by.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from skhep_dnn.inspection._plotting import make_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.legend import Legend

__all__ = [
    "add_fitted_legend",
    "base_points",
    "fit_labels",
    "fix_tick_labels",
    "height_of_legend",
    "make_large_axes",
    "named_points",
    "small_points",
]

_SIZES_IN_POINTS = (
    "axes.labelsize",
    "axes.titlesize",
    "legend.fontsize",
    "legend.title_fontsize",
    "xtick.labelsize",
    "ytick.labelsize",
)
_POINTS = 10.0  # letters for which the sizes of large figures are given
_FULL = 0.98  # of a side of the axes, that letters along it may take
_LEGEND_HEIGHT = 0.5  # of the height of the axes
_LEGEND_WIDTH = 0.9  # of their width, which longer numbers along the axis take from
_PAD = 0.02  # of the height, between a legend and what is below it
_TRIES = 4  # a legend does not shrink quite as its letters


@contextmanager
def make_large_axes(
    ax: Axes | None, caller: str, size: tuple[float, float]
) -> Iterator[Axes]:
    """Give axes for a figure with many names, whose letters fit while they are in use.

    Parameters
    ----------
    ax : matplotlib Axes or None
        Axes of the user, with the user's letters; None makes a new figure.
    caller : str
        Who needs matplotlib, for the error message.
    size : tuple of float
        Width and height, in inches, that are needed with letters of 10 points. A new
        figure is at least as large as ``rcParams["figure.figsize"]``.

    Yields
    ------
    ax : matplotlib Axes

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    if ax is not None:
        ax = make_axes(ax, caller)
        with _letters(base_points()):
            yield ax
        return
    with _letters_for(caller, size) as (width, height):
        ax = make_axes(None, caller, (width, height))
        fix_tick_labels(ax)
        ax.tick_params(axis="y", which="minor", length=0)  # nothing is between names
        yield ax


@contextmanager
def _letters_for(
    caller: str, size: tuple[float, float]
) -> Iterator[tuple[float, float]]:
    """Set letters for a figure that needs a size, and give the size it gets."""
    try:
        from matplotlib import rcParams  # noqa: PLC0415
    except ImportError:
        make_axes(None, caller)  # says what is missing
        raise
    own = rcParams["figure.figsize"]
    points = before = base_points()
    fitting = _POINTS * min(have / need for have, need in zip(own, size, strict=True))
    points = min(points, max(fitting, _POINTS))
    width, height = (
        max(have, need * points / _POINTS) for have, need in zip(own, size, strict=True)
    )
    with _letters(points, points / before):
        yield width, height


@contextmanager
def _letters(points: float, scale: float = 1.0) -> Iterator[None]:
    """Set the size of letters, and scale those sizes that are given in points."""
    from matplotlib import rc_context, rcParams  # noqa: PLC0415

    scaled: dict[Any, Any] = {
        key: scale * size
        for key, size in rcParams.items()
        if key in _SIZES_IN_POINTS and isinstance(size, (int, float))
    }
    with rc_context({"font.size": points, **scaled}):
        yield


def base_points() -> float:
    """Return the size of letters of which names such as "small" are fractions.

    It is `font.size` of matplotlib, or the letters of the ticks where a style gives
    those in points and larger.

    Returns
    -------
    points : float
    """
    from matplotlib import rcParams  # noqa: PLC0415

    ticks = rcParams["xtick.labelsize"]
    points = float(rcParams["font.size"])
    return max(points, float(ticks)) if isinstance(ticks, (int, float)) else points


def named_points(name: str) -> float:
    """Return the size of letters that have a name, in points.

    Parameters
    ----------
    name : str
        Such as "small".

    Returns
    -------
    points : float
    """
    from matplotlib.font_manager import font_scalings  # noqa: PLC0415

    return base_points() * float(font_scalings[name])


def fix_tick_labels(ax: Axes) -> None:
    """Give the tick labels of some axes the size that is set now.

    Labels are made when they are drawn, and a size such as "small" is then that of
    another time.

    Parameters
    ----------
    ax : matplotlib Axes
    """
    from matplotlib import rcParams  # noqa: PLC0415
    from matplotlib.font_manager import FontProperties  # noqa: PLC0415

    sizes = rcParams["xtick.labelsize"], rcParams["ytick.labelsize"]
    across, up = (FontProperties(size=size).get_size_in_points() for size in sizes)
    ax.tick_params(axis="x", labelsize=across)
    ax.tick_params(axis="y", labelsize=up)


def small_points() -> float:
    """Return the size of small letters, in points."""
    return named_points("small")


def add_fitted_legend(ax: Axes, *, ncols: int = 1, **options: Any) -> Legend:
    """Add a legend with small letters, smaller ones where it would leave the axes.

    Parameters
    ----------
    ax : matplotlib Axes
        Axes with all that is named.
    ncols : int, default=1
        Columns; a legend that is too wide gets one.
    **options : dict
        Passed to `matplotlib.axes.Axes.legend`.

    Returns
    -------
    legend : matplotlib Legend
    """
    points = small_points()
    for attempt in range(_TRIES):
        legend = ax.legend(
            fontsize=points, title_fontsize=points, ncols=ncols, **options
        )
        legend.set_in_layout(False)
        if attempt == 0:  # the layout does not depend on the legend
            ax.figure.canvas.figure.draw_without_rendering()
        box = legend.get_window_extent()
        excess = box.width / (_LEGEND_WIDTH * ax.bbox.width)
        if excess > 1.0 and ncols > 1:
            ncols = 1
            continue
        excess = max(excess, box.height / (_LEGEND_HEIGHT * ax.bbox.height))
        if excess <= 1.0:
            break
        points /= 1.02 * excess
    return legend


def height_of_legend(ax: Axes) -> float:
    """Return the share of the height that must be left to a legend above the rest.

    Parameters
    ----------
    ax : matplotlib Axes
        Axes with a fitted legend at the top.

    Returns
    -------
    share : float
    """
    legend = ax.get_legend()
    if legend is None:
        return 0.0
    box = legend.get_window_extent().transformed(ax.transAxes.inverted())
    return 1.0 - float(box.y0) + _PAD


def fit_labels(*axes: Axes) -> None:
    """Shrink the labels of axes that are longer than the axes.

    Parameters
    ----------
    *axes : matplotlib Axes
        Axes of one figure, with all that is drawn.
    """
    axes[0].figure.canvas.figure.draw_without_rendering()
    for ax in axes:
        for label, side in (
            (ax.xaxis.label, ax.bbox.width),
            (ax.yaxis.label, ax.bbox.height),
        ):
            box = label.get_window_extent()
            length = box.width if label is ax.xaxis.label else box.height
            # A label may begin beside the axes, above the ticks of the other one.
            if label.get_text() and length > side:
                label.set_fontsize(float(label.get_fontsize()) * side / length)
