"""The figure of rank correlations: which features rise and fall together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from skhep_dnn.feature_selection import weighted_spearman
from skhep_dnn.feature_selection._columns import named_table
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

__all__ = ["RankCorrelationDisplay", "clustered"]


class RankCorrelationDisplay:
    """Heat map of the rank correlations, correlated features side by side.

    Make one with `from_data` or `from_correlation`.

    Parameters
    ----------
    correlation : DataFrame of shape (n_features, n_features)
        Correlations with the names of the features; nan is drawn grey.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the figure.
    figure_ : matplotlib Figure
        Figure that contains the axes.
    image_ : matplotlib AxesImage
        The matrix.
    order_ : list of str
        Names of the features from the top, and from the left.

    See Also
    --------
    skhep_dnn.feature_selection.weighted_spearman : The correlations.
    MutualDependenceDisplay : Dependences on several features at once.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skhep_dnn.inspection import RankCorrelationDisplay
    >>> x, y, z = np.random.default_rng(0).normal(size=(3, 500))
    >>> X = pd.DataFrame({"x": x, "z": z, "x + y": x + y, "-x": -x})
    >>> RankCorrelationDisplay.from_data(X).order_
    ['z', 'x', '-x', 'x + y']
    """

    def __init__(self, *, correlation: pd.DataFrame) -> None:
        self.correlation = correlation

    @classmethod
    def from_data(
        cls,
        X: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        missing_values: float = float("nan"),
        cluster: bool = True,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Compute and draw the rank correlations of weighted events.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Events.
        sample_weight : array-like of shape (n_samples,), default=None
            Physics weights, negative ones too; None counts every event once.
        missing_values : float, default=nan
            Value that marks an undefined entry besides nan.
        cluster : bool, default=True
            Put correlated features side by side; False keeps the order of the columns.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.imshow`.

        Returns
        -------
        display : RankCorrelationDisplay

        Raises
        ------
        ValueError
            If a column is not of numbers.
        ImportError
            If matplotlib is not installed.
        """
        correlation = np.asarray(
            weighted_spearman(X, sample_weight, missing_values=missing_values)
        )
        return cls.from_correlation(
            correlation, names=named_table(X)[1], cluster=cluster, ax=ax, **kwargs
        )

    @classmethod
    def from_correlation(
        cls,
        correlation: ArrayLike,
        *,
        names: Sequence[str] | None = None,
        cluster: bool = True,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw correlations that were computed before.

        Parameters
        ----------
        correlation : array-like or DataFrame of shape (n_features, n_features)
            Of `skhep_dnn.feature_selection.weighted_spearman`.
        names : sequence of str, default=None
            Names of the features; None takes those of a DataFrame.
        cluster : bool, default=True
            Put correlated features side by side; False keeps the order.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.imshow`.

        Returns
        -------
        display : RankCorrelationDisplay

        Raises
        ------
        ValueError
            If the matrix is not square or has not as many names.
        ImportError
            If matplotlib is not installed.
        """
        if names is None:
            names = named_table(correlation)[1]
        names = list(names)
        values = np.asarray(correlation, dtype=np.float64)
        if values.shape != (len(names), len(names)):
            msg = (
                f"`correlation` must be of {len(names)} features with each other, got "
                f"the shape {values.shape}. Pass the result of `weighted_spearman`."
            )
            raise ValueError(msg)
        display = cls(correlation=pd.DataFrame(values, index=names, columns=names))
        return display.plot(ax, cluster=cluster, **kwargs)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        cluster: bool = True,
        show_values: bool | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the matrix.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        cluster : bool, default=True
            Put correlated features side by side; False keeps the order.
        show_values : bool, default=None
            Print the correlations; None prints those of up to 16 features, if they
            can be read in the figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.imshow`.

        Returns
        -------
        self : RankCorrelationDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        values = self.correlation.to_numpy()
        order = clustered(values) if cluster else np.arange(len(values))
        self.order_ = [str(self.correlation.columns[i]) for i in order]
        size = heat_map_size(len(values), len(values))
        ordered = values[np.ix_(order, order)]
        heat_map = HeatMap(ordered, self.order_, self.order_, "RdBu_r", -1.0, 1.0)
        with make_large_axes(ax, f"{type(self).__name__}.plot", size) as self.ax_:
            self.figure_: Figure | SubFigure = self.ax_.figure
            self.image_: AxesImage = draw_heat_map(
                self.ax_, heat_map, show_values=show_values, kwargs=kwargs
            )
            draw_colorbar(self.ax_, self.image_, "Spearman rank correlation")
        return self


def clustered(correlation: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return an order in which features with large |correlation| are neighbours."""
    if len(correlation) < 3:
        return np.arange(len(correlation))
    distance = 1.0 - np.clip(np.nan_to_num(np.abs(correlation)), 0.0, 1.0)
    np.fill_diagonal(distance, 0.0)
    tree = linkage(squareform(distance, checks=False), "average", optimal_ordering=True)
    return np.asarray(leaves_list(tree), dtype=np.intp)
