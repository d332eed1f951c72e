"""Does a network with two paths rely on its hidden layers or on its wide layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from skhep_dnn.inspection._binning import quantiles
from skhep_dnn.inspection._event_spread import (
    DEEP_COLOR,
    WIDE_COLOR,
    event_shares,
    inner_edges,
    last_step,
)
from skhep_dnn.inspection._fitting import (
    add_fitted_legend,
    fit_labels,
    height_of_legend,
)
from skhep_dnn.inspection._histogram import WeightedHistogram, weighted_histogram
from skhep_dnn.inspection._network_shape import network_shape
from skhep_dnn.inspection._plotting import leave_headroom, make_axes, merge_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.lines import Line2D
    from matplotlib.patches import StepPatch

__all__ = ["BlockRelianceDisplay"]

_STYLES: dict[str, dict[str, Any]] = {
    "deep": {"facecolor": f"{DEEP_COLOR}40", "edgecolor": DEEP_COLOR},
    "wide": {"facecolor": "none", "edgecolor": WIDE_COLOR, "hatch": "////"},
}
_NAMES = {"deep": "hidden layers", "wide": "wide layer"}


class BlockRelianceDisplay:
    """Distribution over events of what each block adds to the logit.

    Make one with `from_estimator`. Medians are lines.

    Parameters
    ----------
    histograms : mapping of str to WeightedHistogram
        Of the blocks "deep" and "wide".
    medians : mapping of str to float
        Weighted medians.
    features : mapping of str to str, default=None
        What each block sees, for the legend.
    limits : tuple of float, default=None
        Ends of the horizontal axis; None takes those of the histograms.
    name : str, default=None
        Name of the classifier, the title of the legend.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the figure.
    figure_ : matplotlib Figure
        Figure that contains the axes.
    histograms_ : dict of str to matplotlib StepPatch
        What was drawn of each block.
    medians_ : dict of str to matplotlib Line2D
        The lines at the medians.

    See Also
    --------
    skhep_dnn.neural_network.block_reliance : The numbers.
    NetworkDiagramDisplay : The blocks.

    References
    ----------
    .. [1] G. C. Strong, "On the impact of selected modern deep-learning techniques to
       the performance and celerity of classification models in an experimental
       high-energy physics use case", arXiv:2002.01427, App. A, Fig. 18.

    Examples
    --------
    >>> from skhep_dnn import WeightedDNNClassifier
    >>> from skhep_dnn.datasets import make_higgs_events
    >>> from skhep_dnn.inspection import BlockRelianceDisplay
    >>> from skhep_dnn.neural_network import FeatureSplit
    >>> events = make_higgs_events(500, random_state=0)
    >>> model = WeightedDNNClassifier(
    ...     n_members=2,
    ...     feature_groups=FeatureSplit(events.derived),
    ...     max_epochs=1,
    ...     random_state=0,
    ... ).fit(events.data, events.target, events.sample_weight)
    >>> display = BlockRelianceDisplay.from_estimator(
    ...     model, events.data, events.target, sample_weight=events.sample_weight
    ... )
    >>> sorted(display.medians)
    ['deep', 'wide']
    """

    def __init__(
        self,
        *,
        histograms: Mapping[str, WeightedHistogram],
        medians: Mapping[str, float],
        features: Mapping[str, str] | None = None,
        limits: tuple[float, float] | None = None,
        name: str | None = None,
    ) -> None:
        self.histograms = histograms
        self.medians = medians
        self.features = features
        self.limits = limits
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: ArrayLike,
        y: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        bins: int | ArrayLike = 40,
        name: str | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Compute and draw the reliance of a fitted network on its blocks.

        Parameters
        ----------
        estimator : estimator
            `WeightedDNNClassifier`, fitted to two classes with `feature_groups`, or a
            pipeline that ends with one.
        X : array-like of shape (n_samples, n_features)
            Events.
        y : array-like of shape (n_samples,), default=None
            Their labels: each class gets the same sum of weights, so that the yield of
            the background does not hide the signal. None leaves the yields.
        sample_weight : array-like of shape (n_samples,), default=None
            Their physics weights, in events, negative ones too; None counts every
            event once.
        bins : int or array-like of shape (n_bins + 1,), default=40
            Number of bins or their edges. Numbered bins leave out a tail of at most
            1.5% of the events, which lies in one more bin beyond the axis. Events
            outside of given edges are counted in the last bin.
        name : str, default=None
            Title of the legend.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.stairs`.

        Returns
        -------
        display : BlockRelianceDisplay

        Raises
        ------
        TypeError
            If the estimator is no `WeightedDNNClassifier`.
        ValueError
            If it has no `feature_groups` or more than two classes, or an argument is
            not as described.
        NotFittedError
            If the estimator is not fitted.
        WeightsError
            If the weights do not sum to more than 0 in each class.
        ImportError
            If matplotlib is not installed.
        """
        from skhep_dnn.neural_network import block_reliance  # noqa: PLC0415

        model, events = last_step(estimator, X)
        reliance = block_reliance(model, events)
        shares = event_shares(len(reliance), y, sample_weight)
        columns = list(reliance.to_numpy().T)
        edges, limits = inner_edges(bins, columns, shares, low=0.0)
        display = cls(
            histograms={
                str(block): weighted_histogram(values.to_numpy(), shares, edges)
                for block, values in reliance.items()
            },
            medians={
                str(block): float(quantiles(values.to_numpy(), shares, [0.5])[0])
                for block, values in reliance.items()
            },
            features=network_shape(model).path_texts(),
            limits=limits,
            name=name,
        )
        return display.plot(ax, **kwargs)

    def plot(
        self, ax: Axes | None = None, *, name: str | None = None, **kwargs: Any
    ) -> Self:
        """Draw the distributions and their medians.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        name : str, default=None
            Title of the legend; None takes the attribute `name`.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.stairs`.

        Returns
        -------
        self : BlockRelianceDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        self.ax_ = make_axes(ax, f"{type(self).__name__}.plot")
        self.figure_: Figure | SubFigure = self.ax_.figure
        self.histograms_: dict[str, StepPatch] = {}
        self.medians_: dict[str, Line2D] = {}
        for block, histogram in self.histograms.items():
            self._draw_block(block, histogram, kwargs)
        edges = next(iter(self.histograms.values())).edges
        self.ax_.set_xlim((edges[0], edges[-1]) if self.limits is None else self.limits)
        self.ax_.set_xlabel("|weights · outputs of the block| in the logit")
        self.ax_.set_ylabel("normalised events / unit of the logit")
        title = self.name if name is None else name
        add_fitted_legend(self.ax_, loc="upper right", title=title)
        heights = np.concatenate([h.density for h in self.histograms.values()])
        low, room = min(0.0, float(heights.min())), height_of_legend(self.ax_)
        leave_headroom(self.ax_, low, float(heights.max()), room)
        for median in self.medians_.values():
            median.set_ydata([0.0, 1.0 - room])
        fit_labels(self.ax_)
        return self

    def _draw_block(
        self, block: str, histogram: WeightedHistogram, kwargs: dict[str, Any]
    ) -> None:
        from matplotlib.patches import StepPatch  # noqa: PLC0415

        median = self.medians[block]
        seen = "" if self.features is None else f" ({self.features[block]})"
        style = {
            **_STYLES[block],
            "fill": True,
            "linewidth": 1.4,
            "label": f"{_NAMES[block]}{seen}, median {median:.2g}",
        }
        steps = self.ax_.stairs(
            histogram.density, histogram.edges, **merge_style(style, kwargs, StepPatch)
        )
        self.histograms_[block] = steps
        self.medians_[block] = self.ax_.axvline(
            median,
            color=steps.get_edgecolor(),
            linestyle="-" if block == "deep" else "--",
            linewidth=1.8,
        )
