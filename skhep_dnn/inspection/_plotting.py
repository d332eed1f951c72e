"""What all figures share: axes, colours and styles.

The colours are told apart with any colour vision, and whatever two colours tell apart
differs in line style, filling or marker as well, for prints in grey.
"""

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

__all__ = [
    "AVERAGE_COLOR",
    "BACKGROUND_COLOR",
    "NEUTRAL_COLOR",
    "SIGNAL_COLOR",
    "curve_style",
    "fit_range",
    "leave_headroom",
    "legend_handles",
    "make_axes",
    "merge_style",
    "n_curves",
    "once_in_legend",
    "plain_numbers",
    "spaced",
    "split_off_panels",
]

# M. Okabe and K. Ito, "Color Universal Design" (2008).
SIGNAL_COLOR = "#0072B2"
BACKGROUND_COLOR = "#D55E00"
AVERAGE_COLOR = "#009E73"
NEUTRAL_COLOR = "#555555"
_MOST_HEADROOM = 0.8  # of axes that are lower than a legend
_PLAIN = (-4, 5)  # powers of ten between which numbers are written in full
_PANEL_RATIOS = (2.6, 1.0)
_CURVES = (
    {"color": "#0072B2", "linestyle": "-"},
    {"color": "#D55E00", "linestyle": "--"},
    {"color": "#009E73", "linestyle": "-."},
    {"color": "#CC79A7", "linestyle": ":"},
    {"color": "#000000", "linestyle": (0, (5, 1, 1, 1, 1, 1))},
    {"color": "#56B4E9", "linestyle": (0, (8, 2))},
)


def make_axes(
    ax: "Axes | None", caller: str, size: tuple[float, float] | None = None
) -> "Axes":
    """Return axes to draw on: those given, or the only ones of a new figure.

    Parameters
    ----------
    ax : matplotlib Axes or None
        Axes of the user; None makes a new figure.
    caller : str
        Who needs matplotlib, for the error message.
    size : tuple of float, default=None
        Width and height of a new figure, in inches; None takes
        ``rcParams["figure.figsize"]``.

    Returns
    -------
    ax : matplotlib Axes

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    try:
        from matplotlib import pyplot as plt  # noqa: PLC0415
    except ImportError as error:
        msg = (
            f"`{caller}` must have matplotlib, got none installed. Run "
            '`pip install "skhep-dnn[plot]"`.'
        )
        raise ImportError(msg) from error
    if ax is None:
        _, ax = plt.subplots(figsize=size, layout="constrained")
    return ax


def merge_style(
    defaults: dict[str, Any], kwargs: dict[str, Any], artist: "type[Artist]"
) -> dict[str, Any]:
    """Return the default style of an artist, overridden by the user's.

    Parameters
    ----------
    defaults : dict
        Style by full names, such as "color".
    kwargs : dict
        The user's style, by full names or aliases such as "c".
    artist : type
        The class of the artist, which knows its aliases.

    Returns
    -------
    style : dict
    """
    from matplotlib.cbook import normalize_kwargs  # noqa: PLC0415

    return {**defaults, **normalize_kwargs(kwargs, artist)}


def spaced(number: float, places: int = 0) -> str:
    """Return a number with its thousands set apart by spaces.

    Parameters
    ----------
    number : float
        Any number.
    places : int, default=0
        Decimal places.

    Returns
    -------
    text : str

    Examples
    --------
    >>> spaced(12345)
    '12 345'
    """
    return f"{number:,.{places}f}".replace(",", " ")


def curve_style(ax: "Axes") -> dict[str, Any]:
    """Return colour and line style of the next curve on some axes.

    Parameters
    ----------
    ax : matplotlib Axes
        Axes that may have curves already.

    Returns
    -------
    style : dict
        "color" and "linestyle".
    """
    return {**_CURVES[n_curves(ax) % len(_CURVES)], "gid": "curve"}


def n_curves(ax: "Axes") -> int:
    """Return the number of curves on some axes.

    Parameters
    ----------
    ax : matplotlib Axes

    Returns
    -------
    n : int
    """
    return sum(line.get_gid() == "curve" for line in ax.lines)


def legend_handles(ax: "Axes") -> "list[Artist]":
    """Return what a legend names; of several curves these first, then what all share.

    A band that is named once, for all curves, has none of their colours.

    Parameters
    ----------
    ax : matplotlib Axes
        Axes with all that is named.

    Returns
    -------
    handles : list of matplotlib Artist
    """
    from matplotlib.collections import PolyCollection  # noqa: PLC0415
    from matplotlib.lines import Line2D  # noqa: PLC0415
    from matplotlib.patches import Patch  # noqa: PLC0415

    handles = list(ax.get_legend_handles_labels()[0])
    if n_curves(ax) < 2:
        return handles
    shared: list[Artist] = [
        Patch(color=NEUTRAL_COLOR, alpha=0.25, linewidth=0, label=handle.get_label())
        if isinstance(handle, PolyCollection)
        else handle
        for handle in handles
        if not isinstance(handle, Line2D)
    ]
    return [*(handle for handle in handles if isinstance(handle, Line2D)), *shared]


def leave_headroom(
    ax: "Axes", low: float, high: float, share: float, *, log: bool = False
) -> None:
    """Set the vertical range, leaving a share of the height to the legend.

    Parameters
    ----------
    ax : matplotlib Axes
        Axes with curves or histograms.
    low, high : float
        Lower end of the axis and the highest point drawn; above 0 if `log`.
    share : float
        Share of the height that is left above the highest point, at most 0.8.
    log : bool, default=False
        Whether the axis is made logarithmic.
    """
    share = min(share, _MOST_HEADROOM)
    if log:
        ax.set_yscale("log")
        ax.set_ylim(low, low * (high / low) ** (1 / (1 - share)))
    else:
        ax.set_ylim(low, low + (high - low) / (1 - share))


def fit_range(
    ax: "Axes",
    axis: Literal["x", "y"],
    *,
    margin: float = 0.05,
    low: float | None = None,
    high: float | None = None,
) -> None:
    """Set a range to what is drawn and a margin, whatever a style says of ranges.

    Some styles leave no margin, so that points at the ends are cut in half, or end
    every range at a round number, which may be far from the last point.

    Parameters
    ----------
    ax : matplotlib Axes
        Axes with all that is drawn.
    axis : {"x", "y"}
        Which range.
    margin : float, default=0.05
        Share of the range that is left free at either end.
    low, high : float, default=None
        Ends of the range; None takes those of what is drawn.
    """
    from matplotlib import rc_context  # noqa: PLC0415

    with rc_context({"axes.autolimit_mode": "data"}):
        (ax.set_xmargin if axis == "x" else ax.set_ymargin)(margin)
        ax.autoscale(enable=True, axis=axis)
        limits = ax.get_xlim() if axis == "x" else ax.get_ylim()
    ends = (limits[0] if low is None else low, limits[1] if high is None else high)
    (ax.set_xlim if axis == "x" else ax.set_ylim)(*ends)


def once_in_legend(ax: "Axes", label: str) -> str:
    """Return a label, or one that the legend leaves out if it has this one.

    Parameters
    ----------
    ax : matplotlib Axes
        Axes with what is named so far.
    label : str
        What is said once of all curves.

    Returns
    -------
    label : str
    """
    return f"_{label}" if label in ax.get_legend_handles_labels()[1] else label


def plain_numbers(ax: "Axes") -> None:
    """Write the numbers along a horizontal axis in full, six at most.

    Some styles give a factor such as 0.01 of all numbers below the end of the axis,
    where the label of the axis is.

    Parameters
    ----------
    ax : matplotlib Axes
        Axes with a linear horizontal axis.
    """
    ax.ticklabel_format(axis="x", style="sci", scilimits=_PLAIN)
    ax.locator_params(axis="x", nbins=6)


def split_off_panels(ax: "Axes", n_panels: int = 1) -> "list[Axes]":
    """Return new axes in the lower part of the place of some axes, which shrink.

    Parameters
    ----------
    ax : matplotlib Axes
        Axes of a grid, or at a place of their own.
    n_panels : int, default=1
        Number of new axes, one below the other.

    Returns
    -------
    panels : list of matplotlib Axes
        Axes with the same horizontal range, the highest one first.
    """
    heights = (_PANEL_RATIOS[0], *[_PANEL_RATIOS[1]] * n_panels)
    place = ax.get_subplotspec()
    if place is not None:
        rows = place.subgridspec(n_panels + 1, 1, height_ratios=heights, hspace=0.06)
        ax.set_subplotspec(rows[0])
        places = [rows[k] for k in range(1, n_panels + 1)]
        return [ax.figure.add_subplot(place, sharex=ax) for place in places]
    box = ax.get_position()
    unit = box.height / sum(heights)
    ends = [box.y0 + unit * k for k in reversed(range(n_panels))]
    ax.set_position((box.x0, ends[0] + unit, box.width, unit * heights[0]))
    return [
        ax.figure.add_axes((box.x0, y0, box.width, 0.9 * unit), sharex=ax)
        for y0 in ends
    ]
