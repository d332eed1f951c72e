"""The figure of linear correlations of features, of two classes in one matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from skhep_dnn._signal_label import class_names, resolve_pos_label
from skhep_dnn._validation import check_signal
from skhep_dnn.feature_selection._columns import numeric_columns
from skhep_dnn.feature_selection._linear_correlation import linear_correlation
from skhep_dnn.inspection._fitting import make_large_axes
from skhep_dnn.inspection._heat_map import (
    HeatMap,
    draw_colorbar,
    draw_heat_map,
    heat_map_size,
)
from skhep_dnn.inspection._rank_correlation_map import clustered
from skhep_dnn.weights._class_sums import check_class_weights

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.image import AxesImage
    from matplotlib.text import Text

__all__ = ["CorrelationDisplay"]

_ALL = "all"


class CorrelationDisplay:
    """Heat map of linear correlations, of the signal above and the background below.

    Make one with `from_data`. With labels each class has a triangle of the matrix: what
    is not symmetric about the diagonal differs between the classes, which a classifier
    can use. Without labels both triangles are of all events.

    Parameters
    ----------
    correlation, error : dict of str to DataFrame of shape (n_features, n_features)
        Correlations of "signal" and "background", or of "all", and their errors; nan
        is drawn grey.
    class_names : dict of str, default=None
        What the figure calls "signal" and "background"; None leaves these words.

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
    class_texts_ : list of matplotlib Text
        What says which triangle is of which class.

    See Also
    --------
    skhep_dnn.feature_selection.weighted_correlation : The correlations and errors.
    RankCorrelationDisplay : Of ranks, for any monotonic dependence.
    MutualDependenceDisplay : Dependences on several features at once.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skhep_dnn.inspection import CorrelationDisplay
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["b", "s"], 1000)
    >>> X = pd.DataFrame(rng.normal(size=(2000, 2)), columns=["pt_GeV", "mass_GeV"])
    >>> X.loc[y == "s", "mass_GeV"] += X["pt_GeV"]
    >>> display = CorrelationDisplay.from_data(X, y)
    >>> for name, table in display.correlation.items():
    ...     print(name, round(table.loc["pt_GeV", "mass_GeV"], 1))
    signal 0.7
    background -0.0
    """

    def __init__(
        self,
        *,
        correlation: dict[str, pd.DataFrame],
        error: dict[str, pd.DataFrame],
        class_names: dict[str, str] | None = None,
    ) -> None:
        self.correlation = correlation
        self.error = error
        self.class_names = class_names

    @classmethod
    def from_data(
        cls,
        X: ArrayLike,
        y: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        missing_values: float = float("nan"),
        pos_label: object = None,
        cluster: bool = True,
        show_values: bool | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Compute and draw the correlations of weighted events.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Events, in columns of numbers.
        y : array-like of shape (n_samples,), default=None
            Their labels; None draws one matrix of all events, in which the class with
            the larger yield decides.
        sample_weight : array-like of shape (n_samples,), default=None
            Physics weights, negative ones too; None counts every event once.
        missing_values : float, default=nan
            Value that marks an undefined entry besides nan.
        pos_label : label or list of labels, default=None
            The label of the signal, or those of several signal classes, against all
            others; None takes the larger one of two in sorted order.
        cluster : bool, default=True
            As in `plot`.
        show_values : bool, default=None
            As in `plot`.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.imshow`.

        Returns
        -------
        display : CorrelationDisplay

        Raises
        ------
        ValueError
            If a column is not of numbers, or the labels cannot be used.
        WeightsError
            If the weights are unusable, or those of a class do not sum to more than 0.
        ImportError
            If matplotlib is not installed.

        Warns
        -----
        AssumedSignalWarning
            If `pos_label` is None and the labels are texts that do not say which of
            them is the signal.
        """
        columns, names = numeric_columns(X, missing_values)
        titles = None
        if y is None:
            weights = check_class_weights(
                np.zeros(len(columns), int), sample_weight, ["sample"]
            )
            parts = {_ALL: np.ones(len(columns), dtype=np.bool_)}
        else:
            pos_label = resolve_pos_label(y, pos_label)
            is_signal = check_signal(y, pos_label, "y")
            weights = check_class_weights(is_signal, sample_weight)
            parts = {"signal": is_signal, "background": ~is_signal}
            titles = class_names(y, pos_label)
        tables: dict[str, tuple[pd.DataFrame, pd.DataFrame]] = {}
        for name, own in parts.items():
            correlation, error = (
                pd.DataFrame(table, index=names, columns=names)
                for table in linear_correlation(columns[own], weights[own])
            )
            tables[name] = correlation, error
        display = cls(
            correlation={name: pair[0] for name, pair in tables.items()},
            error={name: pair[1] for name, pair in tables.items()},
            class_names=titles,
        )
        return display.plot(ax, cluster=cluster, show_values=show_values, **kwargs)

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
            Put features with large correlations side by side; False keeps the order of
            the columns.
        show_values : bool, default=None
            Print the correlations; None prints those of up to 16 features.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.imshow`.

        Returns
        -------
        self : CorrelationDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        tables = [table.to_numpy() for table in self.correlation.values()]
        upper, lower = tables[0], tables[-1]
        n = len(upper)
        mean = np.mean(np.nan_to_num(np.abs(tables)), axis=0)
        order = clustered(mean) if cluster else np.arange(n)
        names = next(iter(self.correlation.values())).columns
        self.order_ = [str(names[i]) for i in order]
        ordered = np.ix_(order, order)
        values = np.triu(upper[ordered], 1) + np.tril(lower[ordered])
        size = heat_map_size(n, n)
        heat_map = HeatMap(values, self.order_, self.order_, "RdBu_r", -1.0, 1.0)
        with make_large_axes(ax, f"{type(self).__name__}.plot", size) as self.ax_:
            self.figure_: Figure | SubFigure = self.ax_.figure
            self.image_: AxesImage = draw_heat_map(
                self.ax_, heat_map, show_values=show_values, kwargs=kwargs
            )
            draw_colorbar(self.ax_, self.image_, "linear correlation")
            self.class_texts_: list[Text] = []
            if len(tables) > 1:
                self._name_triangles()
        return self

    def _name_triangles(self) -> None:
        """Say which triangle is of which class, and draw the line between them."""
        n = len(self.order_)
        self.ax_.plot(
            [-0.5, n - 0.5], [-0.5, n - 0.5], color="black", linewidth=0.8, zorder=3
        )
        titles = {kind: kind for kind in self.correlation} | (self.class_names or {})
        for kind, sign, place, align in (
            ("background", r"$\swarrow$", 0.0, "left"),
            ("signal", r"$\nearrow$", 1.0, "right"),
        ):
            self.class_texts_.append(
                self.ax_.annotate(
                    f"{sign} {titles[kind]}",
                    (place, 1.0),
                    xycoords="axes fraction",
                    xytext=(0, 4),
                    textcoords="offset points",
                    ha=align,
                    va="bottom",
                    fontsize="small",
                )
            )
