"""What does one path of a network tell the other: does it separate the classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from skhep_dnn._signal_label import class_names
from skhep_dnn.inspection._bottleneck_reliance import Bottleneck, check_bottleneck
from skhep_dnn.inspection._display import signal_label
from skhep_dnn.inspection._event_spread import event_shares, inner_edges, last_step
from skhep_dnn.inspection._histogram import WeightedHistogram, matched_histograms
from skhep_dnn.inspection._histogram_drawing import (
    add_legend,
    draw_histogram,
    height_label,
    height_range,
)
from skhep_dnn.inspection._network_shape import network_shape
from skhep_dnn.inspection._plotting import make_axes, spaced

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.patches import StepPatch

__all__ = ["BottleneckOutputDisplay"]


class BottleneckOutputDisplay:
    """Distribution of the output of a bottleneck for signal and background.

    Make one with `from_estimator`. It is that of one network: sign, scale and meaning
    of an output differ from member to member.

    Parameters
    ----------
    signal, background : WeightedHistogram
        Of the output after the activation.
    bottleneck : {"deep", "wide"}, default="deep"
        Of which path the bottleneck is.
    features : str, default=None
        What the bottleneck sees, for the axis.
    limits : tuple of float, default=None
        Ends of the horizontal axis; None takes those of the histograms.
    name : str, default=None
        Name of the network, the title of the legend.
    class_names : dict of str, default=None
        What the legend calls "signal" and "background"; None leaves these words.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the figure.
    figure_ : matplotlib Figure
        Figure that contains the axes.
    histograms_ : dict of str to matplotlib StepPatch
        The histograms of "background" and "signal".
    bands_ : dict of str to matplotlib StepPatch
        Their Monte Carlo errors.

    See Also
    --------
    skhep_dnn.neural_network.bottleneck_outputs : The numbers.
    BottleneckRelianceDisplay : Which features make the output.

    References
    ----------
    .. [1] G. C. Strong, "On the impact of selected modern deep-learning techniques to
       the performance and celerity of classification models in an experimental
       high-energy physics use case", arXiv:2002.01427, App. A, Fig. 20.

    Examples
    --------
    >>> from skhep_dnn import WeightedDNNClassifier
    >>> from skhep_dnn.datasets import make_higgs_events
    >>> from skhep_dnn.inspection import BottleneckOutputDisplay
    >>> from skhep_dnn.neural_network import FeatureSplit
    >>> events = make_higgs_events(500, random_state=0)
    >>> model = WeightedDNNClassifier(
    ...     feature_groups=FeatureSplit(events.derived, kind="bottleneck"),
    ...     max_epochs=1,
    ...     random_state=0,
    ... ).fit(events.data, events.target, events.sample_weight)
    >>> display = BottleneckOutputDisplay.from_estimator(
    ...     model, events.data, events.target, sample_weight=events.sample_weight
    ... )
    >>> display.ax_.get_xlabel()
    'output of the bottleneck of 17 other features'
    """

    def __init__(
        self,
        *,
        signal: WeightedHistogram,
        background: WeightedHistogram,
        bottleneck: Bottleneck = "deep",
        features: str | None = None,
        limits: tuple[float, float] | None = None,
        name: str | None = None,
        class_names: Mapping[str, str] | None = None,
    ) -> None:
        self.signal = signal
        self.background = background
        self.bottleneck = bottleneck
        self.features = features
        self.limits = limits
        self.name = name
        self.class_names = class_names

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: ArrayLike,
        y: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        bottleneck: Bottleneck = "deep",
        network: int = 0,
        bins: int | ArrayLike = 40,
        pos_label: object = None,
        name: str | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Compute and draw the output of a bottleneck of a fitted network.

        Parameters
        ----------
        estimator : estimator
            `WeightedDNNClassifier`, fitted with
            ``feature_groups=FeatureSplit(..., kind="bottleneck")``, or a pipeline that
            ends with one.
        X : array-like of shape (n_samples, n_features)
            Events.
        y : array-like of shape (n_samples,)
            Their labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Their physics weights, in events, negative ones too; None counts every
            event once.
        bottleneck : {"deep", "wide"}, default="deep"
            That of the columns of the hidden layers, or that of the wide ones.
        network : int, default=0
            Which network: the number of a member or, with snapshots, of a snapshot, as
            in `bottleneck_outputs`.
        bins : int or array-like of shape (n_bins + 1,), default=40
            Number of bins or their edges. Numbered bins leave out tails of at most
            1.5% of the events, which lie in one more bin each beyond the axis. Events
            outside of given edges are counted in the first or the last bin.
        pos_label : label or list of labels, default=None
            The label of the signal, or those of several signal classes, against all
            others; None takes ``classes_[1]`` of two.
        name : str, default=None
            Title of the legend; None takes the number of the network.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        **kwargs : dict
            The other options of `plot`: `density`, `log` and the style.

        Returns
        -------
        display : BottleneckOutputDisplay

        Raises
        ------
        TypeError
            If the estimator is no `WeightedDNNClassifier`.
        ValueError
            If it has no bottlenecks, or more than two classes and there is no
            `pos_label`, or an argument is not as described.
        NotFittedError
            If the estimator is not fitted.
        WeightsError
            If the weights of a class do not sum to more than 0.
        ImportError
            If matplotlib is not installed.
        """
        from skhep_dnn.neural_network import bottleneck_outputs  # noqa: PLC0415

        check_bottleneck(bottleneck)
        pos_label = signal_label(estimator, pos_label)
        model, events = last_step(estimator, X)
        outputs = bottleneck_outputs(model, events)[bottleneck]
        _check_network(network, outputs.shape[1])
        output = outputs[network].to_numpy()
        shares = event_shares(len(output), y, sample_weight)
        edges, limits = inner_edges(bins, [output], shares)
        signal, background, *_ = matched_histograms(
            (y, output, sample_weight),
            (None, None, None),
            edges,
            pos_label=pos_label,
            transform=None,
        )
        of_many = f"network {network}" if outputs.shape[1] > 1 else None
        display = cls(
            signal=signal,
            background=background,
            bottleneck=bottleneck,
            features=network_shape(model).bottleneck_texts()[bottleneck],
            limits=limits,
            name=of_many if name is None else name,
            class_names=class_names(y, pos_label),
        )
        return display.plot(ax, **kwargs)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        name: str | None = None,
        density: bool = True,
        log: bool = False,
        **kwargs: Any,
    ) -> Self:
        """Draw the histograms.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        name : str, default=None
            Title of the legend; None takes the attribute `name`.
        density : bool, default=True
            Normalise each class to its yield, or else show events per unit of output.
        log : bool, default=False
            Draw a logarithmic vertical axis.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.stairs`.

        Returns
        -------
        self : BottleneckOutputDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        self.ax_ = make_axes(ax, f"{type(self).__name__}.plot")
        self.figure_: Figure | SubFigure = self.ax_.figure
        self.histograms_: dict[str, StepPatch] = {}
        self.bands_: dict[str, StepPatch] = {}
        of_classes = {"background": self.background, "signal": self.signal}
        for kind, histogram in of_classes.items():
            name_of_class = (self.class_names or {}).get(kind, kind)
            size = {"label": f"{name_of_class}, N = {spaced(histogram.n_events)}"}
            self.histograms_[kind], self.bands_[kind] = draw_histogram(
                self.ax_, histogram, kind, density, size | kwargs, name=name_of_class
            )
        of_features = "" if self.features is None else f" of {self.features}"
        self.ax_.set(
            xlabel=f"output of the bottleneck{of_features}",
            ylabel=height_label("output", density=density),
            xlim=self.signal.edges[[0, -1]] if self.limits is None else self.limits,
        )
        drawn = height_range(list(of_classes.values()), density, log)
        title = self.name if name is None else name
        add_legend(self.ax_, title, drawn, scaled=False, log=log)
        return self


def _check_network(network: int, n_networks: int) -> None:
    if network not in range(n_networks):
        msg = (
            f"`network` must be from 0 to {n_networks - 1}, got {network!r}. Choose "
            "one of the ensemble."
        )
        raise ValueError(msg)
