"""Did the training converge, did it learn by heart, and which epoch was kept.

Training and validation loss of each member of an ensemble and of their mean against the
epoch, with the learning rate below.
"""

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from skhep_dnn.inspection._plotting import (
    BACKGROUND_COLOR,
    NEUTRAL_COLOR,
    SIGNAL_COLOR,
    make_axes,
    merge_style,
    split_off_panel,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.lines import Line2D

__all__ = ["TrainingHistoryDisplay"]

_COLUMNS = ("member", "epoch", "train_loss", "valid_loss", "learning_rate", "kept")
_STYLES: dict[str, dict[str, Any]] = {
    "train_loss": {"color": SIGNAL_COLOR, "linestyle": "-"},
    "valid_loss": {"color": BACKGROUND_COLOR, "linestyle": "--"},
}
_NAMES = {"train_loss": "training", "valid_loss": "validation"}


class TrainingHistoryDisplay:
    """Training and validation loss against the epoch.

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
    name : str, default=None
        Name of the classifier, the title of the legend.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the losses.
    learning_rate_ax_ : matplotlib Axes or None
        Axes with the learning rate.
    figure_ : matplotlib Figure
        Figure that contains the axes.
    mean_lines_ : dict of str to matplotlib Line2D
        Mean over the members of "train_loss" and "valid_loss", the latter if known.
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
        name: str | None = None,
    ) -> None:
        self.train_loss = train_loss
        self.valid_loss = valid_loss
        self.learning_rate = learning_rate
        self.kept = kept
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        *,
        show_learning_rate: bool = True,
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
        show_learning_rate : bool, default=True
            Draw the learning rate on a panel below.
        name : str, default=None
            Title of the legend; None takes that of the class of the estimator.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.plot` for the means.

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
        if isinstance(estimator, Pipeline):
            estimator = estimator[-1]
        if not hasattr(estimator, "history_"):
            msg = (
                "`estimator` must have a `history_` of its training, got "
                f"{type(estimator).__name__}. Pass a fitted `WeightedDNNClassifier`."
            )
            raise TypeError(msg)
        return cls.from_history(
            estimator.history_,
            show_learning_rate=show_learning_rate,
            name=type(estimator).__name__ if name is None else name,
            ax=ax,
            **kwargs,
        )

    @classmethod
    def from_history(
        cls,
        history: pd.DataFrame,
        *,
        show_learning_rate: bool = True,
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
            "learning_rate" and "kept".
        show_learning_rate : bool, default=True
            Draw the learning rate on a panel below.
        name : str, default=None
            Title of the legend.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.plot` for the means.

        Returns
        -------
        display : TrainingHistoryDisplay

        Raises
        ------
        ValueError
            If the history is empty or a column is missing.
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
        train_loss, valid_loss, kept = (
            history.set_index(["epoch", "member"])[column].unstack()  # noqa: PD010
            for column in ("train_loss", "valid_loss", "kept")
        )
        display = cls(
            train_loss=train_loss,
            valid_loss=valid_loss,
            learning_rate=history.groupby("epoch")["learning_rate"].first(),
            kept=kept.eq(True),
            name=name,
        )
        return display.plot(ax, show_learning_rate=show_learning_rate, **kwargs)

    def plot(
        self,
        ax: "Axes | None" = None,
        *,
        name: str | None = None,
        show_learning_rate: bool = True,
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
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.plot` for the means.

        Returns
        -------
        self : TrainingHistoryDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.

        Notes
        -----
        The mean is drawn as far as all members were trained: where members stop early
        it would step as they leave.
        """
        self.ax_ = make_axes(ax, f"{type(self).__name__}.plot")
        self.figure_: Figure | SubFigure = self.ax_.figure
        self.mean_lines_: dict[str, Line2D] = {}
        self.member_lines_: dict[str, list[Line2D]] = {}
        for column in ("train_loss", "valid_loss"):
            self._draw_losses(column, kwargs)
        self._draw_kept()
        self.ax_.set_ylabel("weighted log-loss (nats)")
        self.ax_.legend(
            loc="upper right",
            fontsize="small",
            title_fontsize="small",
            title=self.name if name is None else name,
        )
        self.learning_rate_ax_ = None
        if show_learning_rate:
            self.learning_rate_ax_ = self._draw_learning_rate()
        self._label_epochs(self.learning_rate_ax_ or self.ax_)
        return self

    def _draw_losses(self, column: str, kwargs: dict[str, Any]) -> None:
        from matplotlib.lines import Line2D  # noqa: PLC0415

        losses = getattr(self, column)
        if losses.isna().all(axis=None):
            return
        n_members = losses.shape[1]
        style = _STYLES[column]
        self.member_lines_[column] = []
        if n_members > 1:
            self.member_lines_[column] = self.ax_.plot(
                losses.index, losses, **style, linewidth=0.7, alpha=0.4
            )
        of_members = f", mean of {n_members} members" if n_members > 1 else ""
        mean = losses.mean(axis=1, skipna=False)
        (self.mean_lines_[column],) = self.ax_.plot(
            mean.index,
            mean,
            **merge_style(
                {**style, "linewidth": 2.2, "label": _NAMES[column] + of_members},
                kwargs,
                Line2D,
            ),
        )

    def _draw_kept(self) -> None:
        """Mark the kept epochs on the curve that chose them."""
        losses = self.valid_loss.fillna(self.train_loss)
        row, column = np.nonzero(self.kept.to_numpy())
        (self.kept_,) = self.ax_.plot(
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

    def _draw_learning_rate(self) -> "Axes":
        panel = split_off_panel(self.ax_)
        panel.plot(self.learning_rate.index, self.learning_rate, color=NEUTRAL_COLOR)
        panel.set_ylabel("learning rate", fontsize="small")
        panel.set_ylim(bottom=0)
        self.ax_.tick_params(labelbottom=False)
        self.figure_.align_ylabels([self.ax_, panel])
        return panel

    def _label_epochs(self, ax: "Axes") -> None:
        from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

        ax.set_xlabel("epoch")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
