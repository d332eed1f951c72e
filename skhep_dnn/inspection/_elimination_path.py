"""The figure of a backward elimination: what was dropped, and what it changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from sklearn.base import is_classifier
from sklearn.utils.validation import check_is_fitted

from skhep_dnn.inspection._fitting import make_large_axes
from skhep_dnn.inspection._plotting import (
    BACKGROUND_COLOR,
    NEUTRAL_COLOR,
    SIGNAL_COLOR,
    fit_range,
    merge_style,
    plain_numbers,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.container import ErrorbarContainer
    from matplotlib.figure import Figure, SubFigure

__all__ = ["EliminationDisplay"]

_CANDIDATE_COLOR = "#AAAAAA"
_SPANS = 2.0  # of what is accepted, that the range goes below it
_BETTER = {
    "balanced_log_loss": "decrease of the balanced log-loss (nats)",
    "roc_auc": "increase of the AUC",
}


class EliminationDisplay:
    """Change of the score with each column that is dropped, from the top down.

    Points with errors are the sets of columns on the way, compared with all columns;
    small ones are the candidates of each iteration, those that fall out of the range
    as triangles at its edge. Make one with `from_estimator` or `from_path`.

    Parameters
    ----------
    iterations : DataFrame
        `iterations_` of a `BackwardEliminationSelector`.
    candidates : DataFrame, default=None
        Its `elimination_path_`; None draws no candidates.
    scoring : str, default="score"
        Name of the score.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the figure.
    figure_ : matplotlib Figure
        Figure that contains the axes.
    points_ : matplotlib ErrorbarContainer
        The iterations.
    selected_ : matplotlib Line2D
        Ring around the one whose columns are selected.
    candidates_ : list of matplotlib PathCollection
        The candidates inside of the range and those outside.

    See Also
    --------
    skhep_dnn.feature_selection.BackwardEliminationSelector : Drops the columns.
    PermutationImportanceDisplay : What a fitted model relies on.

    Examples
    --------
    >>> import pandas as pd
    >>> from skhep_dnn.inspection import EliminationDisplay
    >>> iterations = pd.DataFrame(
    ...     {
    ...         "iteration": [0, 1, 2],
    ...         "dropped": [None, "phi", "mass"],
    ...         "n_features": [3, 2, 1],
    ...         "difference": [0.0, 0.001, -0.03],
    ...         "error": [0.0, 0.002, 0.004],
    ...         "accepted": [True, True, False],
    ...         "selected": [False, True, False],
    ...     }
    ... )
    >>> display = EliminationDisplay.from_path(iterations)
    >>> [label.get_text() for label in display.ax_.get_yticklabels()][0]
    'all 3 columns'
    """

    def __init__(
        self,
        *,
        iterations: pd.DataFrame,
        candidates: pd.DataFrame | None = None,
        scoring: str = "score",
    ) -> None:
        self.iterations = iterations
        self.candidates = candidates
        self.scoring = scoring

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        show_candidates: bool = True,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the elimination of a fitted selector.

        Parameters
        ----------
        estimator : BackwardEliminationSelector
            Fitted.
        show_candidates : bool, default=True
            Whether to draw the candidates that were not dropped.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.errorbar`.

        Returns
        -------
        display : EliminationDisplay

        Raises
        ------
        NotFittedError
            If the selector is not fitted.
        ImportError
            If matplotlib is not installed.
        """
        check_is_fitted(estimator, "iterations_")
        scoring = estimator.scoring
        if scoring is None and is_classifier(estimator.estimator):
            scoring = "balanced_log_loss"
        return cls.from_path(
            estimator.iterations_,
            estimator.elimination_path_ if show_candidates else None,
            scoring=scoring if isinstance(scoring, str) else "score",
            ax=ax,
            **kwargs,
        )

    @classmethod
    def from_path(
        cls,
        iterations: pd.DataFrame,
        candidates: pd.DataFrame | None = None,
        *,
        scoring: str = "score",
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw an elimination from its tables.

        Parameters
        ----------
        iterations : DataFrame
            `iterations_` of a `BackwardEliminationSelector`.
        candidates : DataFrame, default=None
            Its `elimination_path_`; None draws no candidates.
        scoring : str, default="score"
            Name of the score, for the label.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.errorbar`.

        Returns
        -------
        display : EliminationDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        display = cls(iterations=iterations, candidates=candidates, scoring=scoring)
        return display.plot(ax, **kwargs)

    def plot(self, ax: Axes | None = None, **kwargs: Any) -> Self:
        """Draw the iterations, their candidates and the selected one.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.errorbar`.

        Returns
        -------
        self : EliminationDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        size = (6.4, 1.5 + 0.24 * len(self.iterations))
        with make_large_axes(ax, f"{type(self).__name__}.plot", size) as self.ax_:
            self.figure_: Figure | SubFigure = self.ax_.figure
            self._draw_iterations(kwargs)
            self.candidates_: list[PathCollection] = []
            if self.candidates is not None:
                self._draw_candidates(self.candidates)
            self._draw_selected()
            self._label()
        return self

    def _draw_iterations(self, kwargs: dict[str, Any]) -> None:
        from matplotlib.lines import Line2D  # noqa: PLC0415

        table = self.iterations
        style: dict[str, Any] = {
            "color": SIGNAL_COLOR,
            "marker": "o",
            "linestyle": "",
            "markersize": 4,
            "elinewidth": 1.1,
            "capsize": 2,
            "label": "dropped, and error of the change",
        }
        rows = np.arange(len(table))
        style = merge_style(style, kwargs, Line2D)
        self.points_: ErrorbarContainer = self.ax_.errorbar(
            table["difference"], rows, xerr=table["error"], **style
        )
        self.ax_.axvline(0.0, color=NEUTRAL_COLOR, linewidth=0.8)
        self._limit_range()
        names = [f"\N{MINUS SIGN} {name}" for name in table["dropped"][1:]]
        first = f"all {table['n_features'].iloc[0]} columns"
        self.ax_.set_yticks(rows, [first, *names], fontsize="small")
        self.ax_.set_ylim(len(table) - 0.4, -0.6)

    def _limit_range(self) -> None:
        """Let a last iteration that is far worse not hide the others."""
        table = self.iterations
        fit_range(self.ax_, "x")
        low, high = self.ax_.get_xlim()
        accepted = table[table["accepted"]]
        lowest = float((accepted["difference"] - accepted["error"]).min())
        span = float((accepted["difference"] + accepted["error"]).max()) - lowest
        edge = lowest - _SPANS * span
        if span <= 0.0 or edge <= low:
            return
        self.ax_.set_xlim(edge, high)
        rows = np.flatnonzero(table["difference"] < edge)
        self.ax_.scatter(
            np.full(len(rows), edge),
            rows,
            marker="<",
            color=SIGNAL_COLOR,
            clip_on=False,
        )

    def _draw_candidates(self, table: pd.DataFrame) -> None:
        """Draw what else could have been dropped, at the scores without it."""
        low, high = self.ax_.get_xlim()
        others = table[(table["iteration"] > 0) & ~table["dropped"].astype(bool)]
        first = table.loc[table["iteration"] == 0, "score"].iloc[0]
        change = (others["score"] - first).to_numpy()
        rows = others["iteration"].to_numpy()
        inside = (change >= low) & (change <= high)
        style: dict[str, Any] = {
            "color": _CANDIDATE_COLOR,
            "s": 9,
            "linewidths": 0,
            "zorder": 1,
        }
        self.candidates_ = [
            self.ax_.scatter(
                change[inside], rows[inside], label="other candidates", **style
            ),
            self.ax_.scatter(
                np.clip(change[~inside], low, high),
                rows[~inside],
                marker="<",
                clip_on=False,
                **style,
            ),
        ]
        self.ax_.set_xlim(low, high)

    def _draw_selected(self) -> None:
        row = int(np.flatnonzero(self.iterations["selected"])[0])
        best = self.iterations.iloc[row]
        (self.selected_,) = self.ax_.plot(
            [best["difference"]],
            [row],
            marker="o",
            markersize=10,
            markerfacecolor="none",
            color=BACKGROUND_COLOR,
            linestyle="",
            label=f"selected: {best['n_features']} columns",
        )

    def _label(self) -> None:
        self.ax_.set_ylabel("dropped, one after the other")
        self.ax_.set_xlabel(
            _BETTER.get(self.scoring, f"increase of the {self.scoring}")
        )
        plain_numbers(self.ax_)
        self.ax_.legend(
            loc="lower right",
            bbox_to_anchor=(1.0, 1.0),
            borderaxespad=0.1,
            frameon=False,
            fontsize="small",
            ncols=2,
        )
