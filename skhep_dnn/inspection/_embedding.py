"""What did a network learn of categories: which ones does it take for alike.

Each category of a column is a point that the training moves: categories that mean the
same for the classification end up close to each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from skhep_dnn._sklearn import _check_feature_names_in
from skhep_dnn._tables import column_position
from skhep_dnn._weighted_steps import final_step
from skhep_dnn.inspection._fitting import (
    base_points,
    fit_labels,
    make_large_axes,
    small_points,
)
from skhep_dnn.inspection._heat_map import (
    HeatMap,
    draw_colorbar,
    draw_heat_map,
    heat_map_size,
)
from skhep_dnn.inspection._plotting import SIGNAL_COLOR, make_axes, merge_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.image import AxesImage
    from matplotlib.lines import Line2D

__all__ = ["EmbeddingDisplay"]

FloatArray = NDArray[np.float64]
Kind = Literal["heatmap", "points"]

_KINDS = ("heatmap", "points")


class EmbeddingDisplay:
    """Learned embedding of the categories of one column.

    Make one with `from_estimator`. Rows of numbers that are alike mean categories that
    are alike. Each member has axes of its own: compare distances between members, not
    numbers.

    Parameters
    ----------
    embedding : ndarray of shape (n_members, n_categories, size)
        Vectors of the categories.
    categories : sequence of str
        Their names.
    column : str
        Name of the column.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the figure.
    figure_ : matplotlib Figure
        Figure that contains the axes.
    image_ : matplotlib AxesImage or None
        The matrix.
    points_ : matplotlib Line2D or None
        The categories as points.

    See Also
    --------
    skhep_dnn.neural_network.WeightedDNNClassifier : Embeds its `categorical_features`.

    References
    ----------
    .. [1] C. Guo, F. Berkhahn, "Entity embeddings of categorical variables",
       arXiv:1604.06737.

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn.inspection import EmbeddingDisplay
    >>> display = EmbeddingDisplay(
    ...     embedding=np.array([[[0.1, 1.2], [0.2, 1.1], [-1.4, 0.3]]]),
    ...     categories=["0", "1", "2"],
    ...     column="number of jets",
    ... ).plot()
    >>> display.image_.get_array().shape
    (3, 2)
    """

    def __init__(
        self, *, embedding: FloatArray, categories: Sequence[str], column: str
    ) -> None:
        self.embedding = embedding
        self.categories = categories
        self.column = column

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        column: str | int | None = None,
        *,
        kind: Kind = "heatmap",
        member: int = 0,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the embedding that a fitted network has learned.

        Parameters
        ----------
        estimator : estimator
            Fitted `WeightedDNNClassifier` with `categorical_features`, or a pipeline
            that ends with one.
        column : str or int, default=None
            Name or position of a column of categories; None takes the only one.
        kind : {"heatmap", "points"}, default="heatmap"
            The numbers of all members, or the two principal components of one.
        member : int, default=0
            Which member is drawn as points.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.imshow` or `plot`.

        Returns
        -------
        display : EmbeddingDisplay

        Raises
        ------
        TypeError
            If the estimator has no encoder of categories, or `column` is neither a name
            nor a position.
        ValueError
            If there is no such column of categories, or an option is not as described.
        NotFittedError
            If the estimator is not fitted.
        ImportError
            If matplotlib is not installed.
        """
        check_is_fitted(estimator)
        estimator = final_step(estimator)
        if not hasattr(estimator, "encoder_") or not hasattr(estimator, "net_"):
            msg = (
                "`estimator` must be a network that embeds categories, got "
                f"{type(estimator).__name__}. Pass a fitted `WeightedDNNClassifier`."
            )
            raise TypeError(msg)
        encoder = estimator.encoder_
        names = _check_feature_names_in(estimator, None).tolist()
        k = _check_column(column, encoder.categorical_, names)
        undefined = ["undefined"] if encoder.has_missing_[k] else []
        table = estimator.net_.module_.embeddings[k].detach().cpu().numpy()
        display = cls(
            embedding=np.asarray(table, dtype=np.float64),
            categories=[*map(_text, encoder.categories_[k]), *undefined],
            column=str(names[encoder.categorical_[k]]),
        )
        return display.plot(ax, kind=kind, member=member, **kwargs)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        kind: Kind = "heatmap",
        member: int = 0,
        **kwargs: Any,
    ) -> Self:
        """Draw the embedding.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        kind : {"heatmap", "points"}, default="heatmap"
            The numbers of all members, or the two principal components of one.
        member : int, default=0
            Which member is drawn as points.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.imshow` or `plot`.

        Returns
        -------
        self : EmbeddingDisplay

        Raises
        ------
        ValueError
            If `kind` is unknown or there is no such member.
        ImportError
            If matplotlib is not installed.
        """
        _check_kind(kind, member, len(self.embedding))
        n_members, n_categories, size = self.embedding.shape
        self.image_: AxesImage | None = None
        self.points_: Line2D | None = None
        caller = f"{type(self).__name__}.plot"
        if kind == "points":
            self.ax_ = make_axes(ax, caller)
            self.points_ = self._draw_points(member, kwargs)
        else:
            needed = heat_map_size(n_categories + 1, n_members * size)
            with make_large_axes(ax, caller, needed) as self.ax_:
                self.image_ = self._draw_heat_map(kwargs)
        self.figure_: Figure | SubFigure = self.ax_.figure
        return self

    def _draw_heat_map(self, kwargs: dict[str, Any]) -> AxesImage:
        n_members, _, size = self.embedding.shape
        values = np.hstack(list(self.embedding))
        largest = float(np.abs(values).max())
        columns = [str(i + 1) for i in range(size)] * n_members
        image = draw_heat_map(
            self.ax_,
            HeatMap(values, self.categories, columns, "RdBu_r", -largest, largest),
            show_values=None,
            kwargs=kwargs,
        )
        self.ax_.tick_params(axis="x", rotation=0)
        self.ax_.set_xlabel("component of the embedding")
        self.ax_.set_ylabel(self.column)
        if n_members > 1:
            self._part_members(n_members, size)
        draw_colorbar(self.ax_, image, "learned value")
        return image

    def _part_members(self, n_members: int, size: int) -> None:
        for k in range(1, n_members):
            self.ax_.axvline(k * size - 0.5, color="white", linewidth=6)
        for k in range(n_members):
            self.ax_.annotate(
                f"member {k}" if size > 2 or n_members == 1 else str(k),
                ((k + 0.5) * size - 0.5, 1.0),
                xycoords=("data", "axes fraction"),
                xytext=(0, 3),
                textcoords="offset points",
                ha="center",
                fontsize="small",
            )

    def _draw_points(self, member: int, kwargs: dict[str, Any]) -> Line2D:
        from matplotlib.lines import Line2D  # noqa: PLC0415

        points, shares = _principal_components(self.embedding[member])
        style = {
            "linestyle": "none",
            "marker": "o",
            "markersize": 6,
            "color": SIGNAL_COLOR,
        }
        (line,) = self.ax_.plot(*points.T, **merge_style(style, kwargs, Line2D))
        for category, point in zip(self.categories, points, strict=True):
            self.ax_.annotate(
                category,
                point,
                xytext=(5, 4),
                textcoords="offset points",
                fontsize=small_points(),
            )
        self.ax_.set_aspect("equal", adjustable="datalim")
        self.ax_.margins(0.2)
        of_variance = "principal component ({:.0%} of variance)"
        self.ax_.set_xlabel("first " + of_variance.format(shares[0]))
        self.ax_.set_ylabel("second " + of_variance.format(shares[1]))
        of_member = f", member {member}" if len(self.embedding) > 1 else ""
        self.ax_.set_title(f"{self.column}{of_member}", fontsize=base_points())
        fit_labels(self.ax_)
        return line


def _check_column(
    column: str | int | None, categorical: list[int], names: list[str]
) -> int:
    """Return which of the columns of categories is meant."""
    if column is None and len(categorical) == 1:
        return 0
    position = None
    if column is not None:
        position = column_position(column, names, len(names), "column")
    if position not in categorical:
        msg = (
            "`column` must be one of the columns of categories "
            f"{[names[i] for i in categorical]!r}, got {column!r}. Name one, or fit "
            "with `categorical_features`."
        )
        raise ValueError(msg)
    return categorical.index(position)


def _check_kind(kind: str, member: int, n_members: int) -> None:
    if kind not in _KINDS:
        msg = (
            f"`kind` must be one of {_KINDS!r}, got {kind!r}. Take 'heatmap' for all "
            "members."
        )
        raise ValueError(msg)
    if not 0 <= member < n_members:
        msg = (
            f"`member` must be from 0 to {n_members - 1}, got {member!r}. Choose one "
            "of the ensemble."
        )
        raise ValueError(msg)


def _text(category: Any) -> str:
    """Return the name of a category; 2.0 is 2."""
    if isinstance(category, float) and category.is_integer():
        return str(int(category))
    return str(category)


def _principal_components(vectors: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the two components of each vector, and their shares of the variance."""
    centred = vectors - vectors.mean(axis=0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    largest = np.abs(left).argmax(axis=0)
    left = left * np.sign(left[largest, np.arange(left.shape[1])])
    points = np.zeros((len(vectors), 2))
    n_components = min(2, len(sizes))
    points[:, :n_components] = (left * sizes)[:, :n_components]
    total = float((sizes**2).sum())
    shares = np.zeros(2)
    if total > 0.0:
        shares[:n_components] = sizes[:n_components] ** 2 / total
    return points, shares
