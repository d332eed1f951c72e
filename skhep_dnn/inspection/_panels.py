"""Small panels in the place of some axes, as many as there are things to show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skhep_dnn.inspection._fitting import fix_tick_labels

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["divided"]


def divided(whole: Axes, n: int, columns: int, *, header: float = 0.0) -> NDArray[Any]:
    """Return panels at the place of some axes, which are not seen any more.

    Parameters
    ----------
    whole : matplotlib Axes
        Axes of a grid, or at a place of their own.
    n : int
        Number of panels.
    columns : int
        Panels in a row.
    header : float, default=0.0
        Height, in those of a row, that is left above the panels for a legend of the
        axes in the upper center.

    Returns
    -------
    panels : ndarray of matplotlib Axes of shape (n,)
        Row by row.
    """
    rows = -(-n // columns)
    whole.set_axis_off()
    place = whole.get_subplotspec()
    cells = [(k // columns, k % columns) for k in range(n)]
    if place is not None:
        if header > 0.0:
            parts = place.subgridspec(2, 1, height_ratios=(header, rows), hspace=0.0)
            place = parts[1]
        grid = place.subgridspec(rows, columns)
        found = [whole.figure.add_subplot(grid[row, column]) for row, column in cells]
    else:
        # Axes at a place of their own: panels inside, with room for the labels.
        width, height = 1.0 / columns, 1.0 / (rows + header)
        top = 1.0 - header * height
        found = [
            whole.inset_axes(
                (column * width, top - (row + 1) * height, 0.8 * width, 0.8 * height)
            )
            for row, column in cells
        ]
    for panel in found:
        fix_tick_labels(panel)
    return np.array(found, dtype=object)
