"""Which features does one path of a network tell the other through its bottleneck."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator

from skhep_dnn.inspection._binning import quantiles
from skhep_dnn.inspection._event_spread import (
    DEEP_COLOR,
    WIDE_COLOR,
    event_shares,
    last_step,
)
from skhep_dnn.inspection._fitting import (
    add_fitted_legend,
    fit_labels,
    make_large_axes,
)
from skhep_dnn.inspection._plotting import fit_range, merge_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import BarContainer
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.lines import Line2D

__all__ = ["Bottleneck", "BottleneckRelianceDisplay", "check_bottleneck"]

Bottleneck = Literal["deep", "wide"]

_BOTTLENECKS = ("deep", "wide")
_COLORS = {"deep": DEEP_COLOR, "wide": WIDE_COLOR}
_PROBABILITIES = {"low": 0.05, "q1": 0.25, "median": 0.5, "q3": 0.75, "high": 0.95}


class BottleneckRelianceDisplay:
    """Boxes of what each feature adds to a bottleneck, the largest mean on top.

    Make one with `from_estimator`. A box holds the central half of the weighted events
    with a line at the median, its whiskers nine in ten, and a diamond is the mean.

    Parameters
    ----------
    spread : DataFrame of shape (n_features, 6)
        Columns "mean", "low", "q1", "median", "q3" and "high" of each feature; the
        quantiles of 5, 25, 50, 75 and 95%.
    bottleneck : {"deep", "wide"}, default="deep"
        Of which path the features are.
    name : str, default=None
        Name of the classifier, the title of the legend.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the figure.
    figure_ : matplotlib Figure
        Figure that contains the axes.
    boxes_ : matplotlib BarContainer
        The boxes, from the top.
    means_ : matplotlib Line2D
        The means.

    See Also
    --------
    skhep_dnn.neural_network.bottleneck_reliance : The numbers.
    BottleneckOutputDisplay : What comes out of the bottleneck.

    References
    ----------
    .. [1] G. C. Strong, "On the impact of selected modern deep-learning techniques to
       the performance and celerity of classification models in an experimental
       high-energy physics use case", arXiv:2002.01427, App. A, Fig. 19.

    Examples
    --------
    >>> from skhep_dnn import WeightedDNNClassifier
    >>> from skhep_dnn.datasets import make_higgs_events
    >>> from skhep_dnn.inspection import BottleneckRelianceDisplay
    >>> from skhep_dnn.neural_network import FeatureSplit
    >>> events = make_higgs_events(500, random_state=0)
    >>> model = WeightedDNNClassifier(
    ...     n_members=2,
    ...     feature_groups=FeatureSplit(events.derived, kind="bottleneck"),
    ...     max_epochs=1,
    ...     random_state=0,
    ... ).fit(events.data, events.target, events.sample_weight)
    >>> display = BottleneckRelianceDisplay.from_estimator(
    ...     model, events.data, sample_weight=events.sample_weight, bottleneck="wide"
    ... )
    >>> len(display.spread)
    13
    """

    def __init__(
        self,
        *,
        spread: pd.DataFrame,
        bottleneck: Bottleneck = "deep",
        name: str | None = None,
    ) -> None:
        self.spread = spread
        self.bottleneck = bottleneck
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: ArrayLike,
        y: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        bottleneck: Bottleneck = "deep",
        max_features: int | None = None,
        name: str | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Compute and draw the reliance of a bottleneck on its features.

        Parameters
        ----------
        estimator : estimator
            `WeightedDNNClassifier`, fitted with
            ``feature_groups=FeatureSplit(..., kind="bottleneck")``, or a pipeline that
            ends with one.
        X : array-like of shape (n_samples, n_features)
            Events.
        y : array-like of shape (n_samples,), default=None
            Their labels: each class gets the same sum of weights, so that the yield of
            the background does not hide the signal. None leaves the yields.
        sample_weight : array-like of shape (n_samples,), default=None
            Their physics weights, in events, negative ones too; None counts every
            event once.
        bottleneck : {"deep", "wide"}, default="deep"
            That of the columns of the hidden layers, or that of the wide ones.
        max_features : int, default=None
            Number of the features with the largest mean that are drawn; None draws all.
        name : str, default=None
            Title of the legend.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.barh` for the boxes.

        Returns
        -------
        display : BottleneckRelianceDisplay

        Raises
        ------
        TypeError
            If the estimator is no `WeightedDNNClassifier`.
        ValueError
            If it has no bottlenecks, or an argument is not as described.
        NotFittedError
            If the estimator is not fitted.
        WeightsError
            If the weights do not sum to more than 0 in each class.
        ImportError
            If matplotlib is not installed.
        """
        from skhep_dnn.neural_network import bottleneck_reliance  # noqa: PLC0415

        check_bottleneck(bottleneck)
        model, events = last_step(estimator, X)
        reliance = bottleneck_reliance(model, events)[bottleneck]
        shares = event_shares(len(reliance), y, sample_weight)
        spread = pd.DataFrame(
            [_spread(values.to_numpy(), shares) for _, values in reliance.items()],
            index=reliance.columns,
        )
        display = cls(spread=spread, bottleneck=bottleneck, name=name)
        return display.plot(ax, max_features=max_features, **kwargs)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        name: str | None = None,
        max_features: int | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the boxes.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        name : str, default=None
            Title of the legend; None takes the attribute `name`.
        max_features : int, default=None
            Number of the features with the largest mean that are drawn; None draws all.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.barh` for the boxes.

        Returns
        -------
        self : BottleneckRelianceDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        spread = self.spread.sort_values("mean", ascending=False, kind="stable")
        spread = spread[:max_features]
        size = (6.0, 1.2 + 0.24 * len(spread))
        with make_large_axes(ax, f"{type(self).__name__}.plot", size) as self.ax_:
            self.figure_: Figure | SubFigure = self.ax_.figure
            self._draw_boxes(spread, kwargs)
            self._label([str(feature) for feature in spread.index], name)
        return self

    def _draw_boxes(self, spread: pd.DataFrame, kwargs: dict[str, Any]) -> None:
        from matplotlib.patches import Rectangle  # noqa: PLC0415

        rows = np.arange(len(spread))
        color = _COLORS[self.bottleneck]
        style = {
            "facecolor": f"{color}60",
            "edgecolor": color,
            "height": 0.62,
            "label": "central half, and median",
        }
        self.ax_.hlines(
            rows,
            spread["low"],
            spread["high"],
            color="black",
            linewidth=1.0,
            label="5% to 95% of the events",
        )
        self.boxes_: BarContainer = self.ax_.barh(
            rows,
            spread["q3"] - spread["q1"],
            left=spread["q1"],
            **merge_style(style, kwargs, Rectangle),
        )
        self.ax_.vlines(
            spread["median"], rows - 0.31, rows + 0.31, color="black", linewidth=1.8
        )
        means: list[Line2D] = self.ax_.plot(
            spread["mean"],
            rows,
            linestyle="none",
            marker="D",
            markersize=4,
            markerfacecolor="white",
            markeredgecolor="black",
            label="mean",
        )
        self.means_ = means[0]

    def _label(self, features: Sequence[str], name: str | None) -> None:
        self.ax_.set_yticks(np.arange(len(features)), features, fontsize="small")
        self.ax_.set_ylim(len(features) - 0.4, -0.6)
        fit_range(self.ax_, "x", low=0.0)
        self.ax_.set_xlabel("|weight · scaled feature| in the bottleneck")
        title = self.name if name is None else name
        add_fitted_legend(self.ax_, loc="lower right", title=title)
        fit_labels(self.ax_)


def check_bottleneck(bottleneck: object) -> None:
    """Refuse what is no name of a bottleneck.

    Parameters
    ----------
    bottleneck : object
        Of the user.

    Raises
    ------
    ValueError
        If it is none.
    """
    if bottleneck not in _BOTTLENECKS:
        msg = (
            f"`bottleneck` must be one of {_BOTTLENECKS!r}, got {bottleneck!r}. Choose "
            'that of the columns of the hidden layers, "deep", or of the wide ones.'
        )
        raise ValueError(msg)


def _spread(
    values: NDArray[np.float64], shares: NDArray[np.float64]
) -> dict[str, float]:
    found = quantiles(values, shares, list(_PROBABILITIES.values()))
    of_events = dict(zip(_PROBABILITIES, found.tolist(), strict=True))
    return {"mean": float(shares @ values), **of_events}
