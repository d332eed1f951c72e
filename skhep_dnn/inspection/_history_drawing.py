"""How losses, kept epochs and the course of a parameter are drawn against the epoch."""

from typing import TYPE_CHECKING, Any

import numpy as np

from skhep_dnn.inspection._plotting import (
    AVERAGE_COLOR,
    BACKGROUND_COLOR,
    NEUTRAL_COLOR,
    SIGNAL_COLOR,
    merge_style,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

__all__ = ["LOSSES", "draw_course", "draw_kept", "draw_losses", "label_epochs"]

LOSSES: dict[str, dict[str, Any]] = {
    "train_loss": {"color": SIGNAL_COLOR, "linestyle": "-", "label": "training"},
    "valid_loss": {
        "color": BACKGROUND_COLOR,
        "linestyle": "--",
        "label": "validation",
    },
    "average_loss": {
        "color": AVERAGE_COLOR,
        "linestyle": "-.",
        "label": "validation, averaged parameters",
    },
}


def draw_losses(
    ax: "Axes", losses: "pd.DataFrame", style: dict[str, Any], kwargs: dict[str, Any]
) -> "tuple[list[Line2D], Line2D]":
    """Draw one thin line for each of several members, and their mean.

    Parameters
    ----------
    ax : matplotlib Axes
        Where to draw.
    losses : DataFrame of shape (n_epochs, n_members)
        Losses; nan where a member has none.
    style : dict
        Colour, line style and label.
    kwargs : dict
        The user's style of the mean.

    Returns
    -------
    members : list of matplotlib Line2D
        Empty for a single member, which is its own mean.
    mean : matplotlib Line2D
        As far as all members were trained.
    """
    from matplotlib.lines import Line2D  # noqa: PLC0415

    members = []
    if losses.shape[1] > 1:
        thin = {**style, "label": None, "linewidth": 0.7, "alpha": 0.4}
        members = ax.plot(losses.index, losses, **thin)
    mean = losses.mean(axis=1, skipna=False)
    style = merge_style({**style, "linewidth": 2.2}, kwargs, Line2D)
    (line,) = ax.plot(mean.index, mean, **style)
    return members, line


def draw_kept(ax: "Axes", kept: "pd.DataFrame", losses: "pd.DataFrame") -> "Line2D":
    """Mark the kept epochs on the loss of the state that was kept.

    Parameters
    ----------
    ax : matplotlib Axes
        Where to draw.
    kept : DataFrame of shape (n_epochs, n_members)
        Whether an epoch was kept.
    losses : DataFrame of shape (n_epochs, n_members)
        The losses.

    Returns
    -------
    line : matplotlib Line2D
        The marks.
    """
    row, column = np.nonzero(kept.to_numpy())
    (line,) = ax.plot(
        losses.index[row],
        losses.to_numpy()[row, column],
        linestyle="none",
        marker="o",
        markersize=5,
        markerfacecolor="white",
        markeredgecolor="black",
        label="epoch kept",
        zorder=3,
    )
    return line


def draw_course(
    panel: "Axes", values: "pd.Series[float]", label: str, *, log: bool = False
) -> None:
    """Draw the course of a parameter of the optimiser on a panel.

    Parameters
    ----------
    panel : matplotlib Axes
        Where to draw.
    values : Series of shape (n_epochs,)
        The parameter after each epoch.
    label : str
        Its name.
    log : bool, default=False
        Whether the axis is logarithmic, else it begins at 0 unless the parameter
        varies by little.
    """
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

    panel.plot(values.index, values, color=NEUTRAL_COLOR)
    panel.set_ylabel(label, fontsize="small")
    if log:
        panel.set_yscale("log")
        return
    panel.yaxis.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 5, 10]))
    panel.margins(y=0.12)
    if values.min() < 0.5 * values.max():
        panel.set_ylim(bottom=0.0)


def label_epochs(ax: "Axes") -> None:
    """Name the horizontal axis, with ticks at whole epochs.

    Parameters
    ----------
    ax : matplotlib Axes
        The lowest axes.
    """
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

    ax.set_xlabel("epoch")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
