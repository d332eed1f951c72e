"""The figure of mutual dependences: which feature is told by the others, and by which.

One row for each feature: how well it is predicted, and what each other one contributes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from skhep_dnn.feature_selection import MutualDependence, mutual_dependence
from skhep_dnn.inspection._fitting import make_large_axes
from skhep_dnn.inspection._heat_map import (
    HeatMap,
    draw_colorbar,
    draw_heat_map,
    heat_map_size,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.image import AxesImage

__all__ = ["MutualDependenceDisplay"]


class MutualDependenceDisplay:
    """Heat map of how well each feature is predicted, and by which others.

    Make one with `from_data` or `from_dependence`. The first column is R2, the rows are
    sorted by it; the others show by how much R2 falls when a feature is permuted.

    Parameters
    ----------
    result : MutualDependence
        The dependences.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the figure.
    figure_ : matplotlib Figure
        Figure that contains the axes.
    image_ : matplotlib AxesImage
        The matrix; the column after R2 is empty.
    order_ : list of str
        Names of the features from the top, and from the left.

    See Also
    --------
    skhep_dnn.feature_selection.mutual_dependence : The dependences.
    RankCorrelationDisplay : Monotonic dependences of pairs.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklearn.linear_model import LinearRegression
    >>> from skhep_dnn.inspection import MutualDependenceDisplay
    >>> x, y, noise, z = np.random.default_rng(0).normal(size=(4, 500))
    >>> X = pd.DataFrame({"x": x, "z": z, "y": y, "x + y": x + y + 0.3 * noise})
    >>> display = MutualDependenceDisplay.from_data(
    ...     X, estimator=LinearRegression(), random_state=0
    ... )
    >>> display.order_[0], display.order_[-1]
    ('x + y', 'z')
    """

    def __init__(self, *, result: MutualDependence) -> None:
        self.result = result

    @classmethod
    def from_data(
        cls,
        X: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        estimator: BaseEstimator | None = None,
        cv: int = 3,
        max_events: int | None = 10_000,
        missing_values: float = float("nan"),
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Compute and draw the dependences of weighted events.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Events.
        sample_weight : array-like of shape (n_samples,), default=None
            Physics weights, of which the absolute value counts; None counts every event
            once.
        estimator : regressor, default=None
            What predicts; None takes boosted trees.
        cv : int, default=3
            Number of folds.
        max_events : int, default=10_000
            Use at most so many events; None uses all.
        missing_values : float, default=nan
            Value that marks an undefined entry besides nan.
        n_jobs : int, default=None
            Number of processes.
        random_state : int, RandomState instance or None, default=None
            Seed of all random numbers.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.imshow`.

        Returns
        -------
        display : MutualDependenceDisplay

        Raises
        ------
        ValueError
            If an argument is not as `skhep_dnn.feature_selection.mutual_dependence`
            describes it.
        ImportError
            If matplotlib is not installed.
        """
        result = mutual_dependence(
            X,
            sample_weight,
            estimator=estimator,
            cv=cv,
            max_events=max_events,
            missing_values=missing_values,
            n_jobs=n_jobs,
            random_state=random_state,
        )
        return cls.from_dependence(result, ax=ax, **kwargs)

    @classmethod
    def from_dependence(
        cls, result: MutualDependence, *, ax: Axes | None = None, **kwargs: Any
    ) -> Self:
        """Draw dependences that were computed before.

        Parameters
        ----------
        result : MutualDependence
            Of `skhep_dnn.feature_selection.mutual_dependence`.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.imshow`.

        Returns
        -------
        display : MutualDependenceDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        return cls(result=result).plot(ax, **kwargs)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        show_values: bool | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the matrix.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        show_values : bool, default=None
            Print the numbers; None prints those of up to 14 features, if they can
            be read in the figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.imshow`.

        Returns
        -------
        self : MutualDependenceDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        dependence = self.result.dependence.sort_values(ascending=False)
        self.order_ = [str(name) for name in dependence.index]
        contributions = self.result.contributions.loc[
            dependence.index, dependence.index
        ]
        gap = np.full((len(dependence), 1), np.nan)
        values = np.hstack([dependence.to_numpy()[:, np.newaxis], gap, contributions])
        columns = ["dependence $R^2$", "", *self.order_]
        size = heat_map_size(*values.shape)
        with make_large_axes(ax, f"{type(self).__name__}.plot", size) as self.ax_:
            self.figure_: Figure | SubFigure = self.ax_.figure
            self.image_: AxesImage = draw_heat_map(
                self.ax_,
                HeatMap(values, self.order_, columns, "Blues", 0.0, 1.0),
                show_values=show_values,
                kwargs=kwargs,
            )
            self._blank_gap()
            self.ax_.set_ylabel("predicted feature")
            self.ax_.set_xlabel("permuted feature")
            draw_colorbar(self.ax_, self.image_, "$R^2$, and its fall by a permutation")
        return self

    def _blank_gap(self) -> None:
        """Cover the empty column between R2 and the contributions."""
        self.ax_.axvspan(0.5, 1.5, color="white", linewidth=0)
