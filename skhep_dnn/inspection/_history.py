"""Did the training converge, did it learn by heart, and which epoch was kept.

Training and validation loss of each member of an ensemble, of their averaged
parameters and of the mean against the epoch, with learning rate and momentum below.
"""

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from skhep_dnn._weighted_steps import final_step
from skhep_dnn.inspection._fitting import add_fitted_legend, fit_labels, small_points
from skhep_dnn.inspection._plotting import (
    AVERAGE_COLOR,
    BACKGROUND_COLOR,
    NEUTRAL_COLOR,
    SIGNAL_COLOR,
    fit_range,
    make_axes,
    merge_style,
    split_off_panels,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.lines import Line2D

__all__ = [
    "LOSSES",
    "TrainingHistoryDisplay",
    "draw_course",
    "draw_kept",
    "draw_losses",
    "label_epochs",
]

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

_COLUMNS = ("member", "epoch", "train_loss", "valid_loss", "learning_rate", "kept")
# In inches, with each panel below.


class TrainingHistoryDisplay:
    """Losses of a training against the epoch, learning rate and momentum below.

    Make one with `from_estimator` or `from_history`. The two losses are not quite the
    same figure: the training loss is taken with dropout and training weights while the
    network changes, the validation loss without dropout and with physics weights. Their
    distance alone is no proof of overtraining; a rising validation loss is.

    Parameters
    ----------
    train_loss, valid_loss : DataFrame of shape (n_epochs, n_members)
        Losses by epoch and member; nan where a member has none.
    learning_rate : Series of shape (n_epochs,)
        Learning rate in each epoch.
    kept : DataFrame of shape (n_epochs, n_members)
        Whether a member is used as it was after an epoch.
    average_loss : DataFrame of shape (n_epochs, n_members), default=None
        Validation losses of the averaged parameters, if any; nan before the start.
    momentum : Series of shape (n_epochs,), default=None
        Momentum in each epoch, the first coefficient of adam.
    name : str, default=None
        Name of the classifier, for the title of the legend.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the losses.
    learning_rate_ax_, momentum_ax_ : matplotlib Axes or None
        Axes with the learning rate and the momentum.
    figure_ : matplotlib Figure
        Figure that contains the axes.
    mean_lines_ : dict of str to matplotlib Line2D
        Mean over the members of "train_loss" and, if known, "valid_loss" and
        "average_loss".
    member_lines_ : dict of str to list of matplotlib Line2D
        The members; empty lists for a single one, which is its own mean.
    kept_ : matplotlib Line2D
        The epochs that were kept.

    See Also
    --------
    skhep_dnn.neural_network.WeightedDNNClassifier : Has such a history.

    Examples
    --------
    >>> import pandas as pd
    >>> from skhep_dnn.inspection import TrainingHistoryDisplay
    >>> history = pd.DataFrame(
    ...     {
    ...         "member": [0, 0, 1, 1],
    ...         "epoch": [1, 2, 1, 2],
    ...         "train_loss": [0.6, 0.5, 0.7, 0.5],
    ...         "valid_loss": [0.6, 0.55, 0.65, 0.7],
    ...         "learning_rate": 0.01,
    ...         "kept": [False, True, True, False],
    ...     }
    ... )
    >>> display = TrainingHistoryDisplay.from_history(history)
    >>> display.valid_loss.mean(axis=1).round(3).tolist()
    [0.625, 0.625]
    """

    def __init__(
        self,
        *,
        train_loss: pd.DataFrame,
        valid_loss: pd.DataFrame,
        learning_rate: "pd.Series[float]",
        kept: pd.DataFrame,
        average_loss: pd.DataFrame | None = None,
        momentum: "pd.Series[float] | None" = None,
        name: str | None = None,
    ) -> None:
        self.train_loss = train_loss
        self.valid_loss = valid_loss
        self.learning_rate = learning_rate
        self.kept = kept
        self.average_loss = average_loss
        self.momentum = momentum
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        *,
        name: str | None = None,
        ax: "Axes | None" = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the history of a fitted classifier.

        Parameters
        ----------
        estimator : estimator
            Fitted estimator with `history_`, such as `WeightedDNNClassifier`, or a
            pipeline that ends with one.
        name : str, default=None
            Title of the legend; None takes that of the class of the estimator.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        **kwargs : dict
            The other options of `plot`, such as ``show_momentum=True``.

        Returns
        -------
        display : TrainingHistoryDisplay

        Raises
        ------
        TypeError
            If the estimator keeps no history.
        NotFittedError
            If the estimator is not fitted.
        ImportError
            If matplotlib is not installed.
        """
        check_is_fitted(estimator)
        estimator = final_step(estimator)
        if not hasattr(estimator, "history_"):
            msg = (
                "`estimator` must have a `history_` of its training, got "
                f"{type(estimator).__name__}. Pass a fitted `WeightedDNNClassifier`."
            )
            raise TypeError(msg)
        return cls.from_history(
            estimator.history_,
            name=type(estimator).__name__ if name is None else name,
            ax=ax,
            **kwargs,
        )

    @classmethod
    def from_history(
        cls,
        history: pd.DataFrame,
        *,
        name: str | None = None,
        ax: "Axes | None" = None,
        **kwargs: Any,
    ) -> Self:
        """Draw a history.

        Parameters
        ----------
        history : DataFrame
            One row per member and epoch with the columns "member", "epoch",
            "train_loss", "valid_loss" (nan without a validation sample),
            "learning_rate" and "kept"; "average_loss" and "momentum" if known.
        name : str, default=None
            Title of the legend.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        **kwargs : dict
            The other options of `plot`, such as ``show_momentum=True``.

        Returns
        -------
        display : TrainingHistoryDisplay

        Raises
        ------
        ValueError
            If the history is empty or a column is missing, or the momentum is asked
            for and there is none.
        ImportError
            If matplotlib is not installed.
        """
        missing = [column for column in _COLUMNS if column not in history]
        if missing or not len(history):
            got = f"no {missing!r}" if missing else "no rows"
            msg = (
                f"`history` must have rows and the columns {list(_COLUMNS)!r}, got "
                f"{got}. Pass `history_` of a fitted `WeightedDNNClassifier`."
            )
            raise ValueError(msg)
        by_epoch = history.groupby("epoch")

        def table(column: str) -> pd.DataFrame:
            return history.pivot(index="epoch", columns="member", values=column)  # noqa: PD010

        display = cls(
            train_loss=table("train_loss"),
            valid_loss=table("valid_loss"),
            learning_rate=by_epoch["learning_rate"].first(),
            kept=table("kept").eq(True),
            average_loss=table("average_loss") if "average_loss" in history else None,
            momentum=by_epoch["momentum"].first() if "momentum" in history else None,
            name=name,
        )
        return display.plot(ax, **kwargs)

    def plot(
        self,
        ax: "Axes | None" = None,
        *,
        name: str | None = None,
        show_learning_rate: bool = True,
        log_learning_rate: bool = False,
        show_momentum: bool = False,
        show_average: bool = True,
        **kwargs: Any,
    ) -> Self:
        """Draw the losses.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        name : str, default=None
            Title of the legend; None takes the attribute `name`.
        show_learning_rate : bool, default=True
            Draw the learning rate on a panel below, cut from the axes.
        log_learning_rate : bool, default=False
            Draw it on a logarithmic axis.
        show_momentum : bool, default=False
            Draw the momentum on a panel below.
        show_average : bool, default=True
            Draw the validation loss of the averaged parameters, if there are any.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.plot` for the means.

        Returns
        -------
        self : TrainingHistoryDisplay

        Raises
        ------
        ValueError
            If there is no momentum to draw.
        ImportError
            If matplotlib is not installed.

        Notes
        -----
        The mean is drawn as far as all members were trained: where members stop early
        it would step as they leave.
        """
        momentum = self._checked_momentum() if show_momentum else None
        self.ax_ = make_axes(ax, f"{type(self).__name__}.plot")
        self.figure_: Figure | SubFigure = self.ax_.figure
        self.mean_lines_: dict[str, Line2D] = {}
        self.member_lines_: dict[str, list[Line2D]] = {}
        self._draw_losses(kwargs, show_average=show_average)
        losses = self._loss_of_kept(show_average=show_average)
        self.kept_ = draw_kept(self.ax_, self.kept, losses)
        self.ax_.set_ylabel("weighted log-loss (nats)")
        self._draw_panels(
            learning_rate=show_learning_rate,
            log_learning_rate=log_learning_rate,
            momentum=momentum,
        )
        for axis in ("x", "y"):
            fit_range(self.ax_, axis)
        add_fitted_legend(self.ax_, loc="best", title=self._legend_title(name))
        fit_labels(self.ax_, *self._panels())
        return self

    def _draw_losses(self, kwargs: dict[str, Any], *, show_average: bool) -> None:
        for column, style in LOSSES.items():
            losses = getattr(self, column)
            is_shown = column != "average_loss" or show_average
            if losses is not None and is_shown and losses.notna().any(axis=None):
                self.member_lines_[column], self.mean_lines_[column] = draw_losses(
                    self.ax_, losses, style, kwargs
                )

    def _loss_of_kept(self, *, show_average: bool) -> pd.DataFrame:
        """Return the loss by which a state was kept, as far as it is shown."""
        losses = self.valid_loss
        if show_average and self.average_loss is not None:
            losses = losses.where(~(self.average_loss < losses), self.average_loss)
        return losses.fillna(self.train_loss)

    def _draw_panels(
        self,
        *,
        learning_rate: bool,
        log_learning_rate: bool,
        momentum: "pd.Series[float] | None",
    ) -> None:
        self.learning_rate_ax_ = self.momentum_ax_ = None
        n_panels = learning_rate + (momentum is not None)
        panels = split_off_panels(self.ax_, n_panels) if n_panels else []
        if learning_rate:
            self.learning_rate_ax_ = panels[0]
            rate = self.learning_rate
            draw_course(panels[0], rate, "learning rate", log=log_learning_rate)
        if momentum is not None:
            self.momentum_ax_ = panels[-1]
            draw_course(panels[-1], momentum, "momentum")
        column = [self.ax_, *panels]
        for ax in column[:-1]:
            ax.tick_params(labelbottom=False)
        self.figure_.align_ylabels(column)
        label_epochs(column[-1])

    def _panels(self) -> "list[Axes]":
        panels = (self.learning_rate_ax_, self.momentum_ax_)
        return [panel for panel in panels if panel is not None]

    def _legend_title(self, name: str | None) -> str | None:
        n_members = self.train_loss.shape[1]
        of_members = f"mean of {n_members} members" if n_members > 1 else None
        parts = [self.name if name is None else name, of_members]
        return ", ".join(part for part in parts if part is not None) or None

    def _checked_momentum(self) -> "pd.Series[float]":
        if self.momentum is None or self.momentum.isna().all():
            msg = (
                "show_momentum=True must come with a momentum in the history, got "
                "none: the optimiser has no momentum. Leave it out."
            )
            raise ValueError(msg)
        return self.momentum


def draw_losses(
    ax: "Axes", losses: pd.DataFrame, style: dict[str, Any], kwargs: dict[str, Any]
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


def draw_kept(ax: "Axes", kept: pd.DataFrame, losses: pd.DataFrame) -> "Line2D":
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
    panel.set_ylabel(label, fontsize=small_points())
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
