"""The figure of the outputs of a classifier of several classes, one panel a class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator

from skhep_dnn._validation import check_class_probabilities, check_classes
from skhep_dnn.inspection._binning import check_bins
from skhep_dnn.inspection._display import check_fitted_classifier
from skhep_dnn.inspection._fitting import (
    add_fitted_legend,
    fit_labels,
    make_large_axes,
)
from skhep_dnn.inspection._histogram import WeightedHistogram, weighted_histogram
from skhep_dnn.inspection._panels import divided
from skhep_dnn.inspection._plotting import fit_range
from skhep_dnn.weights._class_sums import check_class_weights

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.patches import StepPatch

__all__ = ["OutputNodesDisplay"]

FloatArray = NDArray[np.float64]

_PANEL = (3.1, 2.7)  # inches
_COLUMNS = 3
_STYLES = (
    ("#0072B2", "-"),
    ("#D55E00", "--"),
    ("#009E73", "-."),
    ("#CC79A7", ":"),
    ("#000000", (0, (5, 1, 1, 1, 1, 1))),
    ("#56B4E9", (0, (8, 2))),
)


class OutputNodesDisplay:
    """Distributions of the probability of each class, for the events of each class.

    One panel for each output node, with the true classes as histograms with errors;
    that of the node's own class is filled. Make one with `from_estimator` or
    `from_predictions`.

    Parameters
    ----------
    histograms : mapping of label to mapping of label to WeightedHistogram
        For each node the histogram of each true class.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes of shape (n_classes,)
        One panel for each node.
    figure_ : matplotlib Figure
        Figure that contains the axes.
    steps_ : dict of label to dict of label to matplotlib StepPatch
        The histograms, for each node and true class.

    See Also
    --------
    DiscriminantDisplay : Signal against background.
    YieldConfusionDisplay : What the events are taken for.

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn.inspection import OutputNodesDisplay
    >>> proba = np.random.default_rng(0).dirichlet(np.ones(3), size=300)
    >>> y = np.repeat(["W", "Z", "top"], 100)
    >>> display = OutputNodesDisplay.from_predictions(y, proba, bins=10)
    >>> [ax.get_xlabel() for ax in display.axes_]
    ['probability of W', 'probability of Z', 'probability of top']
    """

    def __init__(
        self, *, histograms: Mapping[Any, Mapping[Any, WeightedHistogram]]
    ) -> None:
        self.histograms = histograms

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: ArrayLike,
        y: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        bins: int | ArrayLike = 20,
        density: bool = True,
        log: bool = False,
        ax: Axes | NDArray[Any] | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the outputs of a fitted classifier.

        Parameters
        ----------
        estimator : estimator
            Fitted classifier with `predict_proba`, or a pipeline that ends with one.
        X : array-like of shape (n_samples, n_features)
            Events.
        y : array-like of shape (n_samples,)
            Their labels, of all classes.
        sample_weight : array-like of shape (n_samples,), default=None
            Their physics weights, negative ones too; None counts every event once.
        bins : int or array-like of shape (n_bins + 1,), default=20
            Number of bins from 0 to 1, or their edges.
        density : bool, default=True
            As in `plot`.
        log : bool, default=False
            As in `plot`.
        ax : matplotlib Axes or array of Axes, default=None
            As in `plot`.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.stairs`.

        Returns
        -------
        display : OutputNodesDisplay

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
            estimator.predict_proba(X),
            sample_weight=sample_weight,
            bins=bins,
            density=density,
            log=log,
            ax=ax,
            **kwargs,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_proba: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        bins: int | ArrayLike = 20,
        density: bool = True,
        log: bool = False,
        ax: Axes | NDArray[Any] | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw given probabilities.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Labels of two classes or more.
        y_proba : array-like of shape (n_samples, n_classes)
            Probabilities, a column for each label in `y_true` in sorted order.
        sample_weight : array-like of shape (n_samples,), default=None
            Physics weights, negative ones too; None counts every event once.
        bins : int or array-like of shape (n_bins + 1,), default=20
            Number of bins from 0 to 1, or their edges.
        density : bool, default=True
            As in `plot`.
        log : bool, default=False
            As in `plot`.
        ax : matplotlib Axes or array of Axes, default=None
            As in `plot`.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.stairs`.

        Returns
        -------
        display : OutputNodesDisplay

        Raises
        ------
        ValueError
            If an argument is not as described.
        WeightsError
            If the weights of a class do not sum to more than 0.
        ImportError
            If matplotlib is not installed.
        """
        codes, names = check_classes(y_true)
        weights = check_class_weights(codes, sample_weight, names)
        classes = np.unique(np.asarray(y_true)).tolist()
        proba = check_class_probabilities(y_proba, len(codes), classes)
        edges = check_bins(bins)
        if isinstance(edges, int):
            edges = np.linspace(0.0, 1.0, edges + 1)
        histograms = {
            node: {
                label: weighted_histogram(
                    proba[codes == code, column], weights[codes == code], edges
                )
                for code, label in enumerate(classes)
            }
            for column, node in enumerate(classes)
        }
        return cls(histograms=histograms).plot(ax, density=density, log=log, **kwargs)

    def plot(
        self,
        ax: Axes | NDArray[Any] | None = None,
        *,
        density: bool = True,
        log: bool = False,
        **kwargs: Any,
    ) -> Self:
        """Draw the panels.

        Parameters
        ----------
        ax : matplotlib Axes or array of Axes, default=None
            Axes that are divided into panels, or one for each node; None makes a new
            figure.
        density : bool, default=True
            Draw densities with an integral of one, or else events.
        log : bool, default=False
            Whether the vertical axes are logarithmic.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.stairs`.

        Returns
        -------
        self : OutputNodesDisplay

        Raises
        ------
        ValueError
            If there are not as many axes as nodes.
        ImportError
            If matplotlib is not installed.
        """
        n = len(self.histograms)
        if isinstance(ax, (np.ndarray, list, tuple)):
            self.axes_ = _given(ax, n)
            self._draw(density=density, log=log, kwargs=kwargs)
            return self
        columns = min(n, _COLUMNS)
        size = (_PANEL[0] * columns, _PANEL[1] * -(-n // columns))
        with make_large_axes(ax, f"{type(self).__name__}.plot", size) as whole:
            self.axes_ = divided(whole, n, columns)
            self._draw(density=density, log=log, kwargs=kwargs)
        return self

    def _draw(self, *, density: bool, log: bool, kwargs: dict[str, Any]) -> None:
        self.figure_: Figure | SubFigure = self.axes_[0].figure
        self.steps_: dict[Any, dict[Any, StepPatch]] = {}
        for panel, (node, of_classes) in zip(
            self.axes_, self.histograms.items(), strict=True
        ):
            self.steps_[node] = {}
            for k, (label, histogram) in enumerate(of_classes.items()):
                style = _style(k, is_own=label == node)
                self.steps_[node][label] = _draw_histogram(
                    panel, histogram, str(label), {**style, **kwargs}, density=density
                )
            panel.set_xlabel(f"probability of {node}")
            panel.set_ylabel("density" if density else "events per bin")
            fit_range(panel, "x", margin=0.02)
            if log:
                panel.set_yscale("log")
            else:
                fit_range(panel, "y")
                panel.set_ylim(bottom=min(0.0, panel.get_ylim()[0]))
        add_fitted_legend(self.axes_[0], title="true class", frameon=False)
        fit_labels(*self.axes_)


def _given(ax: Any, n: int) -> NDArray[Any]:
    """Return the axes of the user, one for each of the nodes."""
    panels = np.asarray(ax, dtype=object).ravel()
    if len(panels) != n:
        msg = (
            f"`ax` must be one axes, or {n}, one for each node, got {len(panels)}. "
            f"Make them by plt.subplots(1, {n})."
        )
        raise ValueError(msg)
    return panels


def _style(k: int, *, is_own: bool) -> dict[str, Any]:
    """Return the style of a true class: its own is filled in the panel of its node."""
    color, line = _STYLES[k % len(_STYLES)]
    fill = f"{color}30" if is_own else "none"
    return {"edgecolor": color, "linestyle": line, "facecolor": fill, "fill": True}


def _draw_histogram(
    ax: Axes,
    histogram: WeightedHistogram,
    label: str,
    style: dict[str, Any],
    *,
    density: bool,
) -> StepPatch:
    """Draw a histogram with a bar of its Monte Carlo error in each bin."""
    value = histogram.density if density else histogram.content
    error = histogram.density_error if density else histogram.error
    steps = ax.stairs(
        value, histogram.edges, **{"linewidth": 1.3, "label": label, **style}
    )
    centres = (histogram.edges[1:] + histogram.edges[:-1]) / 2
    ax.errorbar(
        centres, value, error, fmt="none", ecolor=steps.get_edgecolor(), elinewidth=1.0
    )
    return steps
