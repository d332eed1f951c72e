"""The figure of a table of yields, for slides and for pages without tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator

from skhep_dnn.inspection._display import signal_label, signal_scores
from skhep_dnn.inspection._fitting import make_large_axes
from skhep_dnn.metrics import WorkingPoint, YieldsTable, yields_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.text import Text

__all__ = ["YieldsTableDisplay"]

Cut = float | WorkingPoint

_COLUMN = 1.55  # inches
_ROW = 0.3


class YieldsTableDisplay:
    """Table of the yields of each process at each working point, with errors.

    Make one with `from_estimator`, `from_predictions` or `from_table`. Names are shown
    as they are: a dollar sign or an underscore in one is no formula.

    Parameters
    ----------
    table : YieldsTable
        The yields.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the table.
    figure_ : matplotlib Figure
        Figure that contains the axes.
    cells_ : ndarray of matplotlib Text of shape (n_rows + 1, n_selections + 1)
        The texts, with names in the first row and column.

    See Also
    --------
    skhep_dnn.metrics.yields_table : The numbers, and tables in HTML and LaTeX.

    Examples
    --------
    >>> from skhep_dnn.inspection import YieldsTableDisplay
    >>> display = YieldsTableDisplay.from_predictions(
    ...     ["b", "b", "b", "s"], [0.1, 0.7, 0.8, 0.9], thresholds={"tight": 0.75}
    ... )
    >>> [text.get_text() for text in display.cells_[1]]
    ['signal', '1.0 ± 1.0', '1.0 ± 1.0']
    """

    def __init__(self, *, table: YieldsTable) -> None:
        self.table = table

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: ArrayLike,
        y: ArrayLike,
        *,
        thresholds: Cut | Sequence[Cut] | Mapping[str, Cut] | None = None,
        process: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        response_method: str = "auto",
        pos_label: object = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the yields above thresholds on the score of a fitted classifier.

        Parameters
        ----------
        estimator : estimator
            Fitted classifier, or a pipeline that ends with one.
        X : array-like of shape (n_samples, n_features)
            Events.
        y : array-like of shape (n_samples,)
            Their labels.
        thresholds : float, WorkingPoint, or sequence or mapping of them, default=None
            As in `skhep_dnn.metrics.yields_table`.
        process : array-like of shape (n_samples,), default=None
            Name of the process of each event; None has a row for each class.
        sample_weight : array-like of shape (n_samples,), default=None
            Physics weights, in events, negative ones too; None counts every event once.
        response_method : {"auto", "decision_function", "predict_proba"}, \
                default="auto"
            The score, in whose units the thresholds are.
        pos_label : label or list of labels, default=None
            The label of the signal, or those of several signal classes, against all
            others; None takes ``classes_[1]`` of two.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.text`.

        Returns
        -------
        display : YieldsTableDisplay

        Raises
        ------
        ValueError
            If the estimator is no classifier, or an argument is not as described.
        WeightsError
            If the weights of a class do not sum to more than 0.
        ImportError
            If matplotlib is not installed.
        """
        pos_label = signal_label(estimator, pos_label)
        y_score = signal_scores(
            estimator, X, response_method=response_method, pos_label=pos_label
        )
        return cls.from_predictions(
            y,
            y_score,
            thresholds=thresholds,
            process=process,
            sample_weight=sample_weight,
            pos_label=pos_label,
            ax=ax,
            **kwargs,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_score: ArrayLike,
        *,
        thresholds: Cut | Sequence[Cut] | Mapping[str, Cut] | None = None,
        process: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        pos_label: object = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the yields above thresholds on given scores.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Labels.
        y_score : array-like of shape (n_samples,)
            Scores.
        thresholds : float, WorkingPoint, or sequence or mapping of them, default=None
            As in `skhep_dnn.metrics.yields_table`.
        process : array-like of shape (n_samples,), default=None
            Name of the process of each event; None has a row for each class.
        sample_weight : array-like of shape (n_samples,), default=None
            Physics weights, in events, negative ones too; None counts every event once.
        pos_label : label or list of labels, default=None
            The label of the signal, or those of several signal classes, against all
            others; None takes the larger one of two in sorted order.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.text`.

        Returns
        -------
        display : YieldsTableDisplay

        Raises
        ------
        ValueError
            If an argument is not as described.
        WeightsError
            If the weights of a class do not sum to more than 0.
        ImportError
            If matplotlib is not installed.
        """
        table = yields_table(
            y_true,
            y_score,
            sample_weight,
            thresholds=thresholds,
            process=process,
            pos_label=pos_label,
        )
        return cls.from_table(table, ax=ax, **kwargs)

    @classmethod
    def from_table(
        cls, table: YieldsTable, *, ax: Axes | None = None, **kwargs: Any
    ) -> Self:
        """Draw a table that was made before.

        Parameters
        ----------
        table : YieldsTable
            Of `skhep_dnn.metrics.yields_table`.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.text`.

        Returns
        -------
        display : YieldsTableDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        return cls(table=table).plot(ax, **kwargs)

    def plot(self, ax: Axes | None = None, **kwargs: Any) -> Self:
        """Draw the table.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.text`.

        Returns
        -------
        self : YieldsTableDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        table = self.table
        texts = np.empty((len(table.processes) + 1, len(table.selections) + 1), object)
        texts[0, 0], texts[0, 1:] = "events", table.selections
        texts[1:, 0], texts[1:, 1:] = table.processes, table.cells()
        n_rows, n_columns = texts.shape
        size = (1.2 + _COLUMN * n_columns, 0.4 + _ROW * n_rows)
        with make_large_axes(ax, f"{type(self).__name__}.plot", size) as self.ax_:
            self.figure_: Figure | SubFigure = self.ax_.figure
            self.ax_.set_axis_off()
            # An axis without a grid of ticks: rows of equal height, from the top.
            self.ax_.set(xlim=(0.0, 1.0), ylim=(n_rows, 0.0))
            self.cells_: NDArray[Any] = np.empty(texts.shape, dtype=object)
            for (i, j), text in np.ndenumerate(texts):
                is_bold = i > 0 and bool(table.is_sum[i - 1])
                self.cells_[i, j] = self._cell(text, i, j, is_bold, kwargs)
            self._place()
            self._rule()
        return self

    def _cell(
        self, text: str, i: int, j: int, is_bold: bool, kwargs: dict[str, Any]
    ) -> Text:
        return self.ax_.text(
            0.0,
            i + 0.5,
            text,
            **{
                "ha": "left" if j == 0 else "right",
                "va": "center",
                "fontsize": "medium",
                "fontweight": "bold" if is_bold else "normal",
                "parse_math": False,
                **kwargs,
            },
        )

    def _place(self) -> None:
        """Share the width among the columns, and shrink letters that do not fit."""
        self.ax_.figure.canvas.figure.draw_without_rendering()
        box = self.ax_.bbox
        sizes = [[text.get_window_extent() for text in row] for row in self.cells_]
        widths = np.array([[s.width for s in row] for row in sizes]).max(axis=0)
        height = max(s.height for row in sizes for s in row)
        gap = 1.2 * height
        needed = widths.sum() + gap * (len(widths) - 1)
        shrunk = min(1.0, 0.99 * box.width / needed)
        shrunk = min(shrunk, 0.95 * box.height / (len(self.cells_) * height))
        rest = (box.width - shrunk * widths.sum()) / max(len(widths) - 1, 1)
        ends = np.cumsum(shrunk * widths + np.r_[0.0, np.full(len(widths) - 1, rest)])
        for row in self.cells_:
            for j, text in enumerate(row):
                text.set_fontsize(float(text.get_fontsize()) * shrunk)
                text.set_x(0.0 if j == 0 else ends[j] / box.width)

    def _rule(self) -> None:
        """Draw lines above and below the table, its head and each class."""
        kinds = self.table.kinds
        changes = [k + 1 for k in range(1, len(kinds)) if kinds[k] != kinds[k - 1]]
        for row, width in [
            (0.0, 1.4),
            (1.0, 0.8),
            *((change, 0.5) for change in changes),
            (len(self.cells_), 1.4),
        ]:
            self.ax_.plot(
                [0.0, 1.0], [row, row], color="black", linewidth=width, clip_on=False
            )
