"""A matrix as a heat map that is read without a ruler: names, numbers and a scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skhep_dnn.inspection._fitting import base_points, fix_tick_labels, small_points

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

__all__ = [
    "VALUE",
    "HeatMap",
    "draw_colorbar",
    "draw_heat_map",
    "fit_values",
    "heat_map_size",
]

FloatArray = NDArray[np.float64]

VALUE = "value"  # mark of the numbers in cells
_VALUE_IF_READABLE = "value, if readable"
_MAX_VALUES = 16  # columns up to which a number in each cell can be read
_READABLE = 0.65  # size of the smallest letters that are read, in units of all others
_FILLED = 0.9  # of a cell, that its number may fill
_MARKS = {VALUE, _VALUE_IF_READABLE}
_UNDEFINED_COLOR = "#BBBBBB"


@dataclass(frozen=True)
class HeatMap:
    """A matrix and how it is drawn.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_columns)
        The matrix; nan is grey.
    rows, columns : sequence of str
        Names, from the top and from the left.
    cmap : str
        Colours.
    low, high : float
        Values at the ends of the colours.
    """

    values: FloatArray
    rows: Sequence[str]
    columns: Sequence[str]
    cmap: str
    low: float
    high: float


def heat_map_size(n_rows: int, n_columns: int) -> tuple[float, float]:
    """Return width and height of a figure, in inches, in which names can be read.

    Parameters
    ----------
    n_rows, n_columns : int
        Shape of the matrix.

    Returns
    -------
    width, height : float
    """
    cell = 0.42 if n_columns <= _MAX_VALUES else 0.24
    return 2.6 + cell * n_columns, 1.7 + min(cell, 0.34) * n_rows


def draw_heat_map(
    ax: Axes, heat_map: HeatMap, *, show_values: bool | None, kwargs: dict[str, Any]
) -> AxesImage:
    """Draw the matrix with its names, and its numbers where they can be read.

    `draw_colorbar`, which comes last, fits the numbers to their cells.

    Parameters
    ----------
    ax : matplotlib Axes
        Where to draw.
    heat_map : HeatMap
        The matrix.
    show_values : bool or None
        Whether to print the numbers; None prints those of up to 16 columns, unless
        they turn out too small to be read.
    kwargs : dict
        Passed to `matplotlib.axes.Axes.imshow`.

    Returns
    -------
    image : matplotlib AxesImage
    """
    from matplotlib import colormaps  # noqa: PLC0415

    values = np.ma.masked_invalid(heat_map.values)
    cmap = colormaps[heat_map.cmap].with_extremes(bad=_UNDEFINED_COLOR)
    image = ax.imshow(
        values,
        **{
            "cmap": cmap,
            "vmin": heat_map.low,
            "vmax": heat_map.high,
            "aspect": "auto",
            "interpolation": "nearest",
            **kwargs,
        },
    )
    _name_axes(ax, heat_map.rows, heat_map.columns)
    few = values.shape[1] <= _MAX_VALUES
    if few if show_values is None else show_values:
        mark = _VALUE_IF_READABLE if show_values is None else VALUE
        _print_values(ax, image, heat_map.values, mark)
    return image


def draw_colorbar(ax: Axes, image: AxesImage, label: str) -> None:
    """Draw the scale of the colours beside some axes.

    Parameters
    ----------
    ax : matplotlib Axes
        Axes with the image.
    image : matplotlib AxesImage
        What has the colours.
    label : str
        What they mean, with the unit. Ends of the scale that values exceed are
        pointed, if by more than 0.05.
    """
    low, high = image.get_clim()
    values: FloatArray = np.ma.asarray(image.get_array()).compressed()
    below, above = values.min() < low - 0.05, values.max() > high + 0.05
    extend = {(0, 0): "neither", (1, 0): "min", (0, 1): "max", (1, 1): "both"}
    bar = ax.figure.colorbar(
        image, ax=ax, extend=extend[bool(below), bool(above)], fraction=0.05, pad=0.02
    )
    bar.set_label(label)
    fix_tick_labels(bar.ax)
    bar.outline.set_visible(False)
    fit_values(ax)


def fit_values(ax: Axes) -> None:
    """Fit the numbers in the cells of a heat map to the cells.

    Numbers that would be too small to be read are removed, unless they were asked for.

    Parameters
    ----------
    ax : matplotlib Axes
        Axes with the matrix, and everything beside it.
    """
    texts = [text for text in ax.texts if text.get_gid() in _MARKS]
    if not texts:
        return
    ax.figure.canvas.figure.draw_without_rendering()
    cell = ax.transData.transform((1.0, 1.0)) - ax.transData.transform((0.0, 0.0))
    boxes = [text.get_window_extent() for text in texts]
    sizes = np.array([[box.width, box.height] for box in boxes]).max(axis=0)
    room = float(np.min(_FILLED * np.abs(cell) / sizes))
    points = min(small_points(), room * float(texts[0].get_fontsize()))
    for text in texts:
        if points < _READABLE * base_points() and text.get_gid() != VALUE:
            text.remove()
        text.set_fontsize(points)


def _name_axes(ax: Axes, rows: Sequence[str], columns: Sequence[str]) -> None:
    size = "small" if max(len(rows), len(columns)) <= _MAX_VALUES else "x-small"
    ax.set_xticks(
        range(len(columns)),
        columns,
        rotation=45 if len(columns) <= _MAX_VALUES else 90,
        ha="right" if len(columns) <= _MAX_VALUES else "center",
        rotation_mode="anchor" if len(columns) <= _MAX_VALUES else "default",
        fontsize=size,
    )
    ax.set_yticks(range(len(rows)), rows, fontsize=size)
    ax.tick_params(which="both", length=0)
    ax.spines[:].set_visible(False)


def _print_values(ax: Axes, image: AxesImage, values: FloatArray, mark: str) -> None:
    luminance = image.to_rgba(values)[..., :3] @ [0.30, 0.59, 0.11]
    for (i, j), value in np.ndenumerate(values):
        if np.isnan(value):
            continue
        ax.text(
            j,
            i,
            f"{value:.2f}".replace("-0.00", "0.00"),
            ha="center",
            va="center",
            fontsize="small",
            color="white" if luminance[i, j] < 0.5 else "black",
            gid=mark,
        )
