"""Does the score separate the classes, also on events it was not trained on.

The distribution of the score for signal and background: the test sample as histograms,
the training sample as points over them. Points that leave the histograms by more than
their errors show overtraining.
"""

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator

from skhep_dnn.inspection._histogram import (
    Transform,
    WeightedHistogram,
    check_sample,
    class_histograms,
    histogram_edges,
    yield_with_error,
)
from skhep_dnn.inspection._plotting import (
    BACKGROUND_COLOR,
    SIGNAL_COLOR,
    make_axes,
    merge_style,
)
from skhep_dnn.inspection._response import signal_label, signal_scores

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import ErrorbarContainer
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.patches import StepPatch

__all__ = ["DiscriminantDisplay"]

FloatArray = NDArray[np.float64]

# Filling against hatching, full against open markers: readable without colours.
_HISTOGRAM_STYLES: dict[str, dict[str, Any]] = {
    "background": {
        "facecolor": "none",
        "edgecolor": BACKGROUND_COLOR,
        "hatch": "////",
    },
    "signal": {"facecolor": f"{SIGNAL_COLOR}40", "edgecolor": SIGNAL_COLOR},
}
_POINT_STYLES: dict[str, dict[str, Any]] = {
    "background": {
        "color": BACKGROUND_COLOR,
        "marker": "s",
        "markerfacecolor": "white",
    },
    "signal": {"color": SIGNAL_COLOR, "marker": "o"},
}
_HEADROOM = 0.28  # share of the height that is left to the legend
_DECADES = 6  # a logarithmic axis shows at most so many


class DiscriminantDisplay:
    """Distribution of the score of signal and background, test and training sample.

    Make one with `from_estimator` or `from_predictions`. All parameters are stored as
    attributes, in events, so that it can be drawn again with other options.

    Parameters
    ----------
    signal, background : WeightedHistogram
        The test sample.
    signal_train, background_train : WeightedHistogram, default=None
        The training sample, with the yields of the test sample; None draws none.
    name : str, default=None
        Name of the classifier, the title of the legend.
    pos_label : label, default=None
        The label of the signal.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the figure.
    figure_ : matplotlib Figure
        Figure that contains the axes.
    histograms_ : dict of str to matplotlib StepPatch
        The histograms of the test sample, of "background" and "signal".
    bands_ : dict of str to matplotlib StepPatch
        Their Monte Carlo errors.
    points_ : dict of str to matplotlib ErrorbarContainer
        The points of the training sample; empty without one.

    See Also
    --------
    WeightedRocCurveDisplay : What all cuts on the score select.

    Notes
    -----
    Errors are the square roots of the sums of squared weights in a bin. Neighbouring
    bins are independent, except that each class has a fixed yield.

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn.inspection import DiscriminantDisplay
    >>> display = DiscriminantDisplay.from_predictions(
    ...     ["b", "b", "b", "s", "s"],
    ...     [0.1, 0.2, 0.7, 0.6, 0.9],
    ...     sample_weight=[4.0, 3.0, -1.0, 0.5, 0.5],
    ...     bins=2,
    ... )
    >>> display.background.content
    array([ 7., -1.])
    >>> display.background.error
    array([5., 1.])
    """

    def __init__(
        self,
        *,
        signal: WeightedHistogram,
        background: WeightedHistogram,
        signal_train: WeightedHistogram | None = None,
        background_train: WeightedHistogram | None = None,
        name: str | None = None,
        pos_label: object = None,
    ) -> None:
        self.signal = signal
        self.background = background
        self.signal_train = signal_train
        self.background_train = background_train
        self.name = name
        self.pos_label = pos_label

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: ArrayLike,
        y: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        X_train: ArrayLike | None = None,
        y_train: ArrayLike | None = None,
        sample_weight_train: ArrayLike | None = None,
        bins: int | ArrayLike = 25,
        transform: Transform | None = None,
        response_method: str = "auto",
        pos_label: object = None,
        density: bool = True,
        log: bool = False,
        name: str | None = None,
        ax: "Axes | None" = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the distribution of the score of a fitted classifier.

        Parameters
        ----------
        estimator : estimator
            Fitted binary classifier, or a pipeline that ends with one.
        X : array-like of shape (n_samples, n_features)
            Events of the test sample.
        y : array-like of shape (n_samples,)
            Their labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Their physics weights, in events, negative ones too; None counts every
            event once.
        X_train, y_train, sample_weight_train : array-like, default=None
            The same for the training sample; None draws none. Either both samples
            have weights or none.
        bins : int or array-like of shape (n_bins + 1,), default=25
            Number of bins or their edges. Events outside are counted in the first or
            the last bin.
        transform : callable, default=None
            Increasing function of the scores, applied before they are histogrammed.
        response_method : {"auto", "decision_function", "predict_proba"}, \
                default="auto"
            The score: "auto" takes `decision_function` where there is one, in which
            the tails are seen best; "predict_proba" has an axis from 0 to 1.
        pos_label : label, default=None
            The label of the signal; None takes ``classes_[1]``.
        density : bool, default=True
            Normalise each class to one, or else show yields in events.
        log : bool, default=False
            Draw a logarithmic vertical axis.
        name : str, default=None
            Name in the legend; None takes that of the class of the estimator.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.stairs` for the test histograms.

        Returns
        -------
        display : DiscriminantDisplay

        Raises
        ------
        ValueError
            If the estimator is not a binary classifier, or an argument is not as
            described.
        WeightsError
            If the weights of a class do not sum to more than 0.
        ImportError
            If matplotlib is not installed.

        Examples
        --------
        >>> from sklearn.linear_model import LogisticRegression
        >>> from skhep_dnn.datasets import make_gaussian_events
        >>> from skhep_dnn.inspection import DiscriminantDisplay
        >>> events = make_gaussian_events(1000, random_state=0)
        >>> model = LogisticRegression().fit(events.data, events.target)
        >>> display = DiscriminantDisplay.from_estimator(
        ...     model, events.data, events.target, response_method="predict_proba"
        ... )
        >>> display.ax_.get_xlabel()
        'classifier score'
        """
        pos_label = signal_label(estimator, pos_label)
        options: dict[str, Any] = {
            "response_method": response_method,
            "pos_label": pos_label,
        }
        y_score_train = None
        if X_train is not None:
            y_score_train = signal_scores(estimator, X_train, **options)
        return cls.from_predictions(
            y,
            signal_scores(estimator, X, **options),
            sample_weight=sample_weight,
            y_train=y_train,
            y_score_train=y_score_train,
            sample_weight_train=sample_weight_train,
            bins=bins,
            transform=transform,
            pos_label=pos_label,
            density=density,
            log=log,
            name=type(estimator).__name__ if name is None else name,
            ax=ax,
            **kwargs,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_score: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        y_train: ArrayLike | None = None,
        y_score_train: ArrayLike | None = None,
        sample_weight_train: ArrayLike | None = None,
        bins: int | ArrayLike = 25,
        transform: Transform | None = None,
        pos_label: object = None,
        density: bool = True,
        log: bool = False,
        name: str | None = None,
        ax: "Axes | None" = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the distribution of given scores.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Labels of the test sample.
        y_score : array-like of shape (n_samples,)
            Its scores: `decision_function(X)`, or the signal's column of
            `predict_proba(X)`.
        sample_weight : array-like of shape (n_samples,), default=None
            Its physics weights, in events, negative ones too; None counts every event
            once.
        y_train, y_score_train, sample_weight_train : array-like, default=None
            The same for the training sample; None draws none. Either both samples
            have weights or none.
        bins : int or array-like of shape (n_bins + 1,), default=25
            Number of bins or their edges. Events outside are counted in the first or
            the last bin.
        transform : callable, default=None
            Increasing function of the scores, applied before they are histogrammed,
            such as `scipy.special.expit` for probabilities from logits.
        pos_label : label, default=None
            The label of the signal; None takes the larger one in sorted order.
        density : bool, default=True
            Normalise each class to one, or else show yields in events.
        log : bool, default=False
            Draw a logarithmic vertical axis.
        name : str, default=None
            Name of the classifier in the legend.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.stairs` for the test histograms.

        Returns
        -------
        display : DiscriminantDisplay

        Raises
        ------
        ValueError
            If an argument is not as described.
        WeightsError
            If the weights of a class do not sum to more than 0.
        ImportError
            If matplotlib is not installed.
        """
        _check_training_sample(
            y_train, y_score_train, sample_weight, sample_weight_train
        )
        test = check_sample(y_true, y_score, sample_weight, pos_label, transform)
        train = None
        if y_train is not None and y_score_train is not None:
            train = check_sample(
                y_train, y_score_train, sample_weight_train, pos_label, transform
            )
        samples = [test] if train is None else [test, train]
        edges = histogram_edges(
            bins, np.concatenate([scores for _, scores, _ in samples])
        )
        signal, background = class_histograms(test, edges)
        signal_train = background_train = None
        if train is not None:
            signal_train, background_train = class_histograms(train, edges)
            signal_train = signal_train.scaled_to(signal.sum_w)
            background_train = background_train.scaled_to(background.sum_w)
        display = cls(
            signal=signal,
            background=background,
            signal_train=signal_train,
            background_train=background_train,
            name=name,
            pos_label=pos_label,
        )
        return display.plot(ax, density=density, log=log, **kwargs)

    def plot(
        self,
        ax: "Axes | None" = None,
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
            Normalise each class to one, or else show yields in events.
        log : bool, default=False
            Draw a logarithmic vertical axis; bins with a content of 0 or less are
            empty there, but the upper ends of their errors are seen.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.stairs` for the test histograms.

        Returns
        -------
        self : DiscriminantDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        self.ax_ = make_axes(ax, f"{type(self).__name__}.plot")
        self.figure_: Figure | SubFigure = self.ax_.figure
        self.histograms_: dict[str, StepPatch] = {}
        self.bands_: dict[str, StepPatch] = {}
        self.points_: dict[str, ErrorbarContainer] = {}
        for kind in ("background", "signal"):
            self._draw_test(kind, density, kwargs)
        for kind in ("background", "signal"):
            self._draw_train(kind, density)
        ylabel = "normalised to 1 per bin width" if density else "events / bin"
        self.ax_.set(xlabel="classifier score", ylabel=ylabel)
        edges = self.signal.edges
        self.ax_.set_xlim(edges[0], edges[-1])
        self._set_heights(density, log)
        self._add_legend(self.name if name is None else name, density)
        return self

    def _draw_test(self, kind: str, density: bool, kwargs: dict[str, Any]) -> None:
        from matplotlib.patches import StepPatch  # noqa: PLC0415

        histogram = getattr(self, kind)
        value, error = _heights(histogram, density)
        style = {
            **_HISTOGRAM_STYLES[kind],
            "linewidth": 1.4,
            "fill": True,
            "label": f"{kind} test, {_size(histogram, density)}",
        }
        style = merge_style(style, kwargs, StepPatch)
        self.histograms_[kind] = self.ax_.stairs(value, histogram.edges, **style)
        self.bands_[kind] = self.ax_.stairs(
            value + error,
            histogram.edges,
            baseline=value - error,
            fill=True,
            color=self.histograms_[kind].get_edgecolor(),
            alpha=0.3,
            linewidth=0,
        )

    def _draw_train(self, kind: str, density: bool) -> None:
        histogram = getattr(self, f"{kind}_train")
        if histogram is None:
            return
        value, error = _heights(histogram, density)
        filled = error > 0.0
        size = f", {_size(histogram, density)}" if density else ""
        self.points_[kind] = self.ax_.errorbar(
            (histogram.edges[1:] + histogram.edges[:-1])[filled] / 2,
            value[filled],
            error[filled],
            **_POINT_STYLES[kind],
            linestyle="none",
            markersize=4,
            elinewidth=1.0,
            label=f"{kind} train{size}",
        )

    def _set_heights(self, density: bool, log: bool) -> None:
        """Leave room for the legend; a logarithmic axis begins below the lowest bin."""
        drawn = [self.signal, self.background]
        drawn += [h for h in (self.signal_train, self.background_train) if h]
        values, errors = np.array([_heights(h, density) for h in drawn]).swapaxes(0, 1)
        top = float((values + errors).max())
        if not log:
            low = min(0.0, float((values - errors).min()))
            self.ax_.set_ylim(low, top + (top - low) * _HEADROOM / (1 - _HEADROOM))
            return
        low = max(0.5 * float(values[values > 0].min()), top * 10.0**-_DECADES)
        self.ax_.set_yscale("log")
        self.ax_.set_ylim(low, top * (top / low) ** (_HEADROOM / (1 - _HEADROOM)))

    def _add_legend(self, name: str | None, density: bool) -> None:
        title = [name] if name else []
        if self.points_ and not density:
            title.append("train scaled to the yields of test")
        self.ax_.legend(
            loc="upper center",
            title=", ".join(title) or None,
            title_fontsize="small",
            fontsize="small",
            ncols=2,
            columnspacing=0.6,
            borderpad=0.25,
            borderaxespad=0.3,
            handlelength=1.1,
            handletextpad=0.4,
        )


def _check_training_sample(
    y_train: ArrayLike | None,
    y_score_train: ArrayLike | None,
    sample_weight: ArrayLike | None,
    sample_weight_train: ArrayLike | None,
) -> None:
    """Refuse half a training sample, and weights of one sample only."""
    if (y_train is None) != (y_score_train is None):
        given, missing = ("labels", "events")
        if y_train is None:
            given, missing = missing, given
        msg = (
            "The training sample must have events and labels, got its "
            f"{given} without its {missing}. Pass both, or none."
        )
        raise ValueError(msg)
    if y_train is None and sample_weight_train is not None:
        msg = (
            "`sample_weight_train` must come with a training sample, got the weights "
            "alone. Pass its events and labels too."
        )
        raise ValueError(msg)
    weighted = sample_weight is not None, sample_weight_train is not None
    if y_train is not None and weighted[0] != weighted[1]:
        name = "sample_weight_train" if weighted[0] else "sample_weight"
        msg = (
            f"`{name}` must be given, as the other sample has weights, got None: "
            "weighted and unweighted events have different distributions. Pass the "
            "weights of both samples, or of none."
        )
        raise ValueError(msg)


def _heights(
    histogram: WeightedHistogram, density: bool
) -> tuple[FloatArray, FloatArray]:
    if density:
        return histogram.density, histogram.density_error
    return histogram.content, histogram.error


def _size(histogram: WeightedHistogram, density: bool) -> str:
    if density:
        return f"N = {histogram.n_events:,}".replace(",", " ")
    return yield_with_error(histogram.sum_w, histogram.sum_w_error)
