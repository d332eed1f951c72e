"""The figure of what the events of each class are taken for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator

from skhep_dnn.inspection._display import check_fitted_classifier
from skhep_dnn.inspection._fitting import fit_labels, make_large_axes
from skhep_dnn.inspection._heat_map import (
    VALUE,
    HeatMap,
    draw_colorbar,
    draw_heat_map,
)
from skhep_dnn.inspection._histogram import yield_with_error
from skhep_dnn.metrics import YieldConfusion, confusion_by_yields
from skhep_dnn.metrics._confusion import Normalize

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.image import AxesImage
    from matplotlib.text import Text

__all__ = ["YieldConfusionDisplay"]

_SCALES = {
    None: "share of the true class",
    "true": "share of the true class",
    "pred": "share of the predicted class",
    "all": "share of all events",
}


class YieldConfusionDisplay:
    """Heat map of a confusion by yields, with an error in each cell.

    Make one with `from_estimator`, `from_predictions` or of a `YieldConfusion`.

    Parameters
    ----------
    confusion : YieldConfusion
        Yields of each true class in each predicted class.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the figure.
    figure_ : matplotlib Figure
        Figure that contains the axes.
    image_ : matplotlib AxesImage
        The colours: shares, also where yields are printed.
    text_ : ndarray of matplotlib Text of shape (n_classes, n_classes)
        What the cells say.

    See Also
    --------
    skhep_dnn.metrics.confusion_by_yields : The numbers.

    Examples
    --------
    >>> from skhep_dnn.inspection import YieldConfusionDisplay
    >>> display = YieldConfusionDisplay.from_predictions(
    ...     ["b", "b", "b", "s"], ["b", "b", "s", "s"], sample_weight=[30, 40, 10, 2]
    ... )
    >>> display.text_[0, 0].get_text().replace(chr(10), " ")
    '70 ± 50'
    """

    def __init__(self, *, confusion: YieldConfusion) -> None:
        self.confusion = confusion

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: ArrayLike,
        y: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        labels: ArrayLike | None = None,
        normalize: Normalize | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw what a fitted classifier takes the events for.

        Parameters
        ----------
        estimator : estimator
            Fitted classifier, or a pipeline that ends with one.
        X : array-like of shape (n_samples, n_features)
            Events.
        y : array-like of shape (n_samples,)
            Their labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Their physics weights, in events, at the full yields; None counts every
            event once.
        labels : array-like of shape (n_classes,), default=None
            Order of the classes; None sorts them.
        normalize : {"true", "pred", "all"}, default=None
            Shares of the true classes, of the predicted classes or of all events; None
            prints yields.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.imshow`.

        Returns
        -------
        display : YieldConfusionDisplay

        Raises
        ------
        ValueError
            If the estimator is no classifier, or an argument is not as described.
        ImportError
            If matplotlib is not installed.
        """
        check_fitted_classifier(estimator)
        return cls.from_predictions(
            y,
            estimator.predict(X),
            sample_weight=sample_weight,
            labels=labels,
            normalize=normalize,
            ax=ax,
            **kwargs,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        labels: ArrayLike | None = None,
        normalize: Normalize | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw what events are taken for, from their predicted labels.

        Parameters
        ----------
        y_true, y_pred : array-like of shape (n_samples,)
            True and predicted labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Physics weights, in events, at the full yields; None counts every event
            once.
        labels : array-like of shape (n_classes,), default=None
            Order of the classes; None sorts them.
        normalize : {"true", "pred", "all"}, default=None
            Shares of the true classes, of the predicted classes or of all events; None
            prints yields.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.imshow`.

        Returns
        -------
        display : YieldConfusionDisplay

        Raises
        ------
        ValueError
            If labels or `normalize` are not as described.
        WeightsError
            If the weights are unusable.
        ImportError
            If matplotlib is not installed.
        """
        confusion = confusion_by_yields(y_true, y_pred, sample_weight, labels=labels)
        return cls(confusion=confusion).plot(ax, normalize=normalize, **kwargs)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        normalize: Normalize | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the table.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        normalize : {"true", "pred", "all"}, default=None
            Shares of the true classes, of the predicted classes or of all events; None
            prints yields, in events, over the colours of "true", as a colour for
            yields would show the most frequent class alone.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.imshow`.

        Returns
        -------
        self : YieldConfusionDisplay

        Raises
        ------
        ValueError
            If `normalize` is unknown.
        ImportError
            If matplotlib is not installed.
        """
        shares = self.confusion.share("true" if normalize is None else normalize)
        values, errors = self.confusion.yields, self.confusion.error
        if normalize is not None:
            values, errors = shares, self.confusion.share_error(normalize)
        names = [str(label) for label in self.confusion.labels.tolist()]
        size = (2.3 + 1.1 * len(names), 1.3 + 0.75 * len(names))
        heat_map = HeatMap(shares, names, names, "Blues", 0.0, 1.0)
        with make_large_axes(ax, f"{type(self).__name__}.plot", size) as self.ax_:
            self.figure_: Figure | SubFigure = self.ax_.figure
            self.image_: AxesImage = draw_heat_map(
                self.ax_, heat_map, show_values=False, kwargs=kwargs
            )
            self.text_ = self._print(values, errors)
            draw_colorbar(self.ax_, self.image_, _SCALES[normalize])
            unit = " (cells: events)" if normalize is None else ""
            self.ax_.set_xlabel(f"predicted class{unit}")
            self.ax_.set_ylabel("true class")
            fit_labels(self.ax_, self.image_.colorbar.ax)  # type: ignore[union-attr]
        return self

    def _print(
        self, values: NDArray[np.float64], errors: NDArray[np.float64]
    ) -> NDArray[Any]:
        """Print a value with its error in each cell, dark on light or light on dark."""
        colours: Any = self.image_.get_array()
        luminance = self.image_.to_rgba(colours)[..., :3] @ [0.30, 0.59, 0.11]
        text: NDArray[Any] = np.empty(values.shape, dtype=object)
        for (i, j), value in np.ndenumerate(values):
            cell: Text = self.ax_.text(
                j,
                i,
                _cell(float(value), float(errors[i, j])),
                ha="center",
                va="center",
                fontsize="small",
                color="white" if luminance[i, j] < 0.5 else "black",
                gid=VALUE,
            )
            text[i, j] = cell
        return text


def _cell(value: float, error: float) -> str:
    if np.isnan(value):
        return "undefined"
    if not error > 0:
        return f"{value:.3g}"
    return yield_with_error(value, error).replace(" ± ", "\n± ")
