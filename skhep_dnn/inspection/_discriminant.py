"""Does the score separate the classes, also on events it was not trained on.

The distribution of the score for signal and background: the test sample as histograms,
the training sample as points over them. Points that leave the histograms by more than
their errors show overtraining.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from skhep_dnn._signal_label import class_names, resolve_pos_label
from skhep_dnn.inspection._display import ScoreDisplay, signal_label, signal_scores
from skhep_dnn.inspection._histogram import (
    Transform,
    WeightedHistogram,
    matched_histograms,
)
from skhep_dnn.inspection._histogram_drawing import (
    add_legend,
    draw_histogram,
    draw_points,
    flow_marks,
    height_label,
    height_range,
    mark_flow,
)
from skhep_dnn.inspection._plotting import make_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import ErrorbarContainer
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.patches import StepPatch

__all__ = ["DiscriminantDisplay"]


class DiscriminantDisplay(ScoreDisplay):
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
    class_names : dict of str, default=None
        What the legend calls "signal" and "background"; None leaves these words.

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
    flow_ : list of matplotlib Text
        What is said of test events outside of the bins.

    See Also
    --------
    WeightedRocCurveDisplay : What all cuts on the score select.

    Notes
    -----
    Errors are the square roots of the sums of squared weights in a bin. Neighbouring
    bins are independent, except that each class has a fixed yield.

    The range shows both classes up to their outermost 0.5 per cent of weight. Of a
    class with a far longer tail it shows the fullest part, one and a half times as wide
    as the other class, and writes how much lies beyond. The edges of the bins stand at
    equal steps of the mean of two functions: the position in the range, and the share
    of the weights below, where both classes have the same total. So bins are narrow
    where there are events, and heights are per unit of the score. Only the test sample
    sets the bins.

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
        class_names: Mapping[str, str] | None = None,
    ) -> None:
        self.signal = signal
        self.background = background
        self.signal_train = signal_train
        self.background_train = background_train
        self.name = name
        self.pos_label = pos_label
        self.class_names = class_names

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
        response_method: str = "auto",
        pos_label: object = None,
        name: str | None = None,
        ax: Axes | None = None,
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
        response_method : {"auto", "decision_function", "predict_proba"}, \
                default="auto"
            The score: "auto" takes `decision_function` where there is one, in which
            the tails are seen best; "predict_proba" has an axis from 0 to 1.
        pos_label : label or list of labels, default=None
            The label of the signal, or those of several signal classes, against all
            others; None takes ``classes_[1]`` of two.
        name : str, default=None
            Name in the legend; None takes that of the class of the estimator.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        **kwargs : dict
            The other options of `from_predictions`: `bins`, `transform`, `density`,
            `log` and the style of the test histograms.

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
        if X_train is not None:
            kwargs["y_score_train"] = signal_scores(
                estimator, X_train, response_method=response_method, pos_label=pos_label
            )
        return super().from_estimator(
            estimator,
            X,
            y,
            sample_weight=sample_weight,
            y_train=y_train,
            sample_weight_train=sample_weight_train,
            response_method=response_method,
            pos_label=pos_label,
            name=name,
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
        ax: Axes | None = None,
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
            Number of bins, narrower where there are more events, or their edges. The
            figure says how many events are outside.
        transform : callable, default=None
            Increasing function of the scores, applied before they are histogrammed,
            such as `scipy.special.expit` for probabilities from logits.
        pos_label : label or list of labels, default=None
            The label of the signal, or those of several signal classes, against all
            others; None takes the larger one of two in sorted order.
        density : bool, default=True
            Normalise each class to its yield, or else show events per unit of score.
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

        Warns
        -----
        AssumedSignalWarning
            If `pos_label` is None and the labels are texts that do not say which of
            them is the signal.
        """
        pos_label = resolve_pos_label(y_true, pos_label)
        signal, background, signal_train, background_train = matched_histograms(
            (y_true, y_score, sample_weight),
            (y_train, y_score_train, sample_weight_train),
            bins,
            pos_label=pos_label,
            transform=transform,
        )
        display = cls(
            signal=signal,
            background=background,
            signal_train=signal_train,
            background_train=background_train,
            name=name,
            pos_label=pos_label,
            class_names=class_names(y_true, pos_label),
        )
        return display.plot(ax, density=density, log=log, **kwargs)

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
            Normalise each class to its yield, or else show events per unit of score.
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
        test = {"background": self.background, "signal": self.signal}
        train = {"background": self.background_train, "signal": self.signal_train}
        names = {kind: kind for kind in test} | dict(self.class_names or {})
        for kind, histogram in test.items():
            self.histograms_[kind], self.bands_[kind] = draw_histogram(
                self.ax_, histogram, kind, density, kwargs, name=f"{names[kind]} test"
            )
        for kind, points in train.items():
            if points is not None:
                self.points_[kind] = draw_points(
                    self.ax_, points, kind, density, name=f"{names[kind]} train"
                )
        ylabel = height_label("score", density=density)
        self.ax_.set(xlabel="classifier score", ylabel=ylabel)
        edges = self.signal.edges
        self.ax_.set_xlim(edges[0], edges[-1])
        drawn = [h for h in (*test.values(), *train.values()) if h is not None]
        marks = flow_marks(test, names)
        place = add_legend(
            self.ax_,
            self.name if name is None else name,
            height_range(drawn, density, log),
            scaled=bool(self.points_) and not density,
            log=log,
            n_lines=max(map(len, marks)),
        )
        self.flow_ = mark_flow(self.ax_, marks, place)
        return self
