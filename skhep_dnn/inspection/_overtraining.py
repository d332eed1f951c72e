"""The classic figure of overtraining: training points over test histograms.

With the ratio of both below, and what the figure is looked at for in words: by how much
the classifier is worse on the test sample, and whether its scores differ there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator

from skhep_dnn._signal_label import resolve_pos_label
from skhep_dnn.inspection._display import signal_label, signal_scores
from skhep_dnn.inspection._fitting import fit_labels
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
from skhep_dnn.inspection._plotting import (
    BACKGROUND_COLOR,
    NEUTRAL_COLOR,
    SIGNAL_COLOR,
    make_axes,
    split_off_panels,
)
from skhep_dnn.metrics import MetricGap, OvertrainingTest, overtraining_test
from skhep_dnn.metrics._bootstrap import format_with_error

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import ErrorbarContainer
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.patches import StepPatch

__all__ = ["OvertrainingDisplay"]

FloatArray = NDArray[np.float64]

_COLORS = {"background": BACKGROUND_COLOR, "signal": SIGNAL_COLOR}
_FACES = {"background": "white", "signal": SIGNAL_COLOR}
_MARKERS = {"background": "s", "signal": "o"}
_SHIFTS = {"background": -0.12, "signal": 0.12}  # in bins, so that errors stay apart
_RANGE = (0.15, 1.0)  # narrowest and widest half of the axis of ratios
_WELL_KNOWN = 0.3  # error of a ratio that may widen the axis
_NAMES = {"roc_auc": "AUC", "balanced_log_loss": "log-loss"}


class OvertrainingDisplay:
    """Scores of the training sample as points over histograms of the test sample.

    Below it the ratio of both, with errors. Make one with `from_estimator` or
    `from_predictions`. All parameters are stored as attributes.

    Parameters
    ----------
    signal, background : WeightedHistogram
        The test sample.
    signal_train, background_train : WeightedHistogram
        The training sample, with the yields of the test sample.
    test : OvertrainingTest
        What is said of the two samples.
    name : str, default=None
        Name of the classifier, in the title of the legend.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the histograms.
    ax_ratio_ : matplotlib Axes
        Axes with the ratios.
    figure_ : matplotlib Figure
        Figure that contains the axes.
    histograms_, bands_ : dict of str to matplotlib StepPatch
        The test sample and its Monte Carlo errors, of "background" and "signal".
    points_, ratios_ : dict of str to matplotlib ErrorbarContainer
        The training sample, and it over the test sample.

    See Also
    --------
    skhep_dnn.metrics.overtraining_test : The numbers.
    DiscriminantDisplay : The scores alone.

    Notes
    -----
    The p-values are those of the permutation test, of the scores as they are and not
    of the bins. A classifier always differs on the events that it was fitted to: what
    counts is the gap, which the legend begins with.

    Errors of a ratio are those of both samples; ratios are left out where the content
    of a bin of the test sample is 0 or less. A triangle stands for one beyond the axis.

    Examples
    --------
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from skhep_dnn.datasets import make_gaussian_events
    >>> from skhep_dnn.inspection import OvertrainingDisplay
    >>> train, test = (make_gaussian_events(2000, random_state=k) for k in (0, 1))
    >>> tree = DecisionTreeClassifier(max_depth=6, random_state=0)
    >>> tree = tree.fit(train.data, train.target)
    >>> display = OvertrainingDisplay.from_estimator(
    ...     tree,
    ...     train.data,
    ...     train.target,
    ...     test.data,
    ...     test.target,
    ...     n_permutations=99,
    ...     random_state=0,
    ... )
    >>> display.test.is_worse
    True
    """

    def __init__(
        self,
        *,
        signal: WeightedHistogram,
        background: WeightedHistogram,
        signal_train: WeightedHistogram,
        background_train: WeightedHistogram,
        test: OvertrainingTest,
        name: str | None = None,
    ) -> None:
        self.signal = signal
        self.background = background
        self.signal_train = signal_train
        self.background_train = background_train
        self.test = test
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X_train: ArrayLike,
        y_train: ArrayLike,
        X_test: ArrayLike,
        y_test: ArrayLike,
        sample_weight_train: ArrayLike | None = None,
        sample_weight_test: ArrayLike | None = None,
        *,
        response_method: str = "auto",
        pos_label: object = None,
        name: str | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the figure of a fitted classifier.

        Parameters
        ----------
        estimator : estimator
            Fitted classifier, or a pipeline that ends with one.
        X_train : array-like of shape (n_samples, n_features)
            Events that it was trained on.
        y_train : array-like of shape (n_samples,)
            Their labels.
        X_test : array-like of shape (n_samples, n_features)
            Other events.
        y_test : array-like of shape (n_samples,)
            Their labels.
        sample_weight_train, sample_weight_test : array-like of shape (n_samples,), \
                default=None
            Their physics weights, negative ones too; None counts every event once.
            Either both samples have weights or none.
        response_method : {"auto", "decision_function", "predict_proba"}, \
                default="auto"
            The score: "auto" takes `decision_function` where there is one. With
            "predict_proba" the log-loss is compared as well.
        pos_label : label or list of labels, default=None
            The label of the signal, or those of several signal classes, against all
            others; None takes ``classes_[1]`` of two.
        name : str, default=None
            Name in the legend; None takes that of the class of the estimator.
        ax : matplotlib Axes, default=None
            Axes to draw on, which are split; None makes a new figure.
        **kwargs : dict
            The other options of `from_predictions`.

        Returns
        -------
        display : OvertrainingDisplay

        Raises
        ------
        ValueError
            If the estimator is no classifier, or an argument is not as described.
        WeightsError
            If the weights of a class do not sum to more than 0.
        ImportError
            If matplotlib is not installed.
        """
        pos_label = signal_label(estimator, pos_label)
        train, test = (
            signal_scores(
                estimator, X, response_method=response_method, pos_label=pos_label
            )
            for X in (X_train, X_test)
        )
        return cls.from_predictions(
            y_train,
            train,
            y_test,
            test,
            sample_weight_train,
            sample_weight_test,
            pos_label=pos_label,
            name=type(estimator).__name__ if name is None else name,
            ax=ax,
            **kwargs,
        )

    @classmethod
    def from_predictions(
        cls,
        y_train: ArrayLike,
        y_score_train: ArrayLike,
        y_test: ArrayLike,
        y_score_test: ArrayLike,
        sample_weight_train: ArrayLike | None = None,
        sample_weight_test: ArrayLike | None = None,
        *,
        bins: int | ArrayLike = 25,
        transform: Transform | None = None,
        metrics: str | Sequence[Any] | Mapping[str, Any] = "auto",
        n_permutations: int = 1000,
        n_replicas: int = 200,
        pos_label: object = None,
        random_state: int | np.random.RandomState | None = 0,
        density: bool = True,
        log: bool = False,
        name: str | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the figure of given scores.

        Parameters
        ----------
        y_train : array-like of shape (n_samples,)
            Labels of the training sample.
        y_score_train : array-like of shape (n_samples,)
            Its scores: `decision_function(X)`, or the signal's column of
            `predict_proba(X)`.
        y_test : array-like of shape (n_samples,)
            Labels of the test sample.
        y_score_test : array-like of shape (n_samples,)
            Its scores, by the same classifier.
        sample_weight_train, sample_weight_test : array-like of shape (n_samples,), \
                default=None
            Their physics weights, negative ones too; None counts every event once.
            Either both samples have weights or none.
        bins : int or array-like of shape (n_bins + 1,), default=25
            Number of bins, narrower where there are more test events, or their edges.
        transform : callable, default=None
            Increasing function of the scores, applied before they are histogrammed;
            the numbers are those of the scores as they are given.
        metrics : "auto", name, sequence or dict of str to name or callable, \
                default="auto"
            Figures of merit, as in `skhep_dnn.metrics.overtraining_test`.
        n_permutations : int, default=1000
            Deals of the permutation test.
        n_replicas : int, default=200
            Replicas of the bootstrap.
        pos_label : label or list of labels, default=None
            The label of the signal, or those of several signal classes, against all
            others; None takes the larger one of two in sorted order.
        random_state : int, RandomState instance or None, default=0
            Seed of replicas and deals.
        density : bool, default=True
            Normalise each class to its yield, or else show events per unit of score.
        log : bool, default=False
            Draw a logarithmic vertical axis.
        name : str, default=None
            Name of the classifier in the legend.
        ax : matplotlib Axes, default=None
            Axes to draw on, which are split; None makes a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.stairs` for the test histograms.

        Returns
        -------
        display : OvertrainingDisplay

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
        pos_label = resolve_pos_label(y_test, pos_label)
        test = overtraining_test(
            y_train,
            y_score_train,
            y_test,
            y_score_test,
            sample_weight_train,
            sample_weight_test,
            metrics=metrics,
            n_permutations=n_permutations,
            n_replicas=n_replicas,
            pos_label=pos_label,
            random_state=random_state,
        )
        signal, background, signal_train, background_train = matched_histograms(
            (y_test, y_score_test, sample_weight_test),
            (y_train, y_score_train, sample_weight_train),
            bins,
            pos_label=pos_label,
            transform=transform,
        )
        display = cls(
            signal=signal,
            background=background,
            signal_train=signal_train,  # type: ignore[arg-type] # there is a sample
            background_train=background_train,  # type: ignore[arg-type]
            test=test,
            name=name,
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
        """Draw the histograms and their ratio.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on, which are split; None makes a new figure.
        name : str, default=None
            Name in the legend; None takes the attribute `name`.
        density : bool, default=True
            Normalise each class to its yield, or else show events per unit of score.
        log : bool, default=False
            Draw a logarithmic vertical axis.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.stairs` for the test histograms.

        Returns
        -------
        self : OvertrainingDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        self.ax_ = make_axes(ax, f"{type(self).__name__}.plot")
        self.figure_: Figure | SubFigure = self.ax_.figure
        (self.ax_ratio_,) = split_off_panels(self.ax_)
        self._draw_samples(density, kwargs)
        self._draw_ratios()
        self._label(self.name if name is None else name, density, log)
        return self

    @property
    def _test(self) -> dict[str, WeightedHistogram]:
        return {"background": self.background, "signal": self.signal}

    @property
    def _train(self) -> dict[str, WeightedHistogram]:
        return {"background": self.background_train, "signal": self.signal_train}

    def _draw_samples(self, density: bool, kwargs: dict[str, Any]) -> None:
        self.histograms_: dict[str, StepPatch] = {}
        self.bands_: dict[str, StepPatch] = {}
        self.points_: dict[str, ErrorbarContainer] = {}
        for kind, histogram in self._test.items():
            name = f"{self.test.class_names[kind]} test"
            self.histograms_[kind], self.bands_[kind] = draw_histogram(
                self.ax_, histogram, kind, density, kwargs, name=name
            )
            self.histograms_[kind].set_label(name)
        for kind, points in self._train.items():
            self.points_[kind] = draw_points(
                self.ax_, points, kind, density, name="train"
            )
            p_value = self.test.samples[kind].p_value
            self.points_[kind].set_label(f"train, permutation p = {p_value:.2g}")

    def _draw_ratios(self) -> None:
        self.ratios_: dict[str, ErrorbarContainer] = {}
        found = {
            kind: _ratio(self._train[kind], histogram)
            for kind, histogram in self._test.items()
        }
        half = _half_range(list(found.values()))
        self.ax_ratio_.axhline(1.0, color=NEUTRAL_COLOR, linewidth=1.0, linestyle=":")
        for kind, (ratio, error) in found.items():
            self._draw_ratio(kind, ratio, error, half)
        self.ax_ratio_.set_ylim(1.0 - 1.08 * half, 1.0 + 1.08 * half)

    def _draw_ratio(
        self, kind: str, ratio: FloatArray, error: FloatArray, half: float
    ) -> None:
        edges = self.signal.edges
        place = (edges[1:] + edges[:-1]) / 2 + _SHIFTS[kind] * np.diff(edges)
        beyond = np.sign(ratio - 1.0) * (np.abs(ratio - 1.0) > half)
        inside = beyond == 0.0  # nan is neither
        style: dict[str, Any] = {
            "color": _COLORS[kind],
            "markersize": 3.5,
            "linestyle": "none",
        }
        self.ratios_[kind] = self.ax_ratio_.errorbar(
            place[inside],
            ratio[inside],
            error[inside],
            **style,
            marker=_MARKERS[kind],
            markerfacecolor=_FACES[kind],
            elinewidth=1.0,
        )
        for side, marker in ((-1.0, "v"), (1.0, "^")):
            out = beyond == side
            self.ax_ratio_.plot(
                place[out],
                np.full(out.sum(), 1.0 + side * half),
                **style,
                marker=marker,
            )

    def _label(self, name: str | None, density: bool, log: bool) -> None:
        self.ax_.tick_params(axis="x", which="both", labelbottom=False)
        self.ax_.set_ylabel(height_label("score", density=density))
        self.ax_ratio_.set(xlabel="classifier score", ylabel="train / test")
        edges = self.signal.edges
        self.ax_.set_xlim(edges[0], edges[-1])
        marks = flow_marks(self._test, self.test.class_names)
        drawn = [*self._test.values(), *self._train.values()]
        titles = [name] if name else []
        titles += [_said(gap) for gap in self.test.gaps.values()]
        place = add_legend(
            self.ax_,
            "\n".join(titles),
            height_range(drawn, density, log),
            scaled=False,
            log=log,
            n_lines=max(map(len, marks)),
        )
        self.flow_ = mark_flow(self.ax_, marks, place)
        fit_labels(self.ax_, self.ax_ratio_)


def _said(gap: MetricGap) -> str:
    """Return the gap of a figure of merit as a line of the legend."""
    verdict = "worse" if gap.is_worse else "not significantly worse"
    name = _NAMES.get(gap.metric, gap.metric)
    return f"{name} train $-$ test: {format_with_error(gap.gap, gap.error)}, {verdict}"


def _ratio(
    train: WeightedHistogram, test: WeightedHistogram
) -> tuple[FloatArray, FloatArray]:
    """Return the ratio of two histograms with its errors, nan where it has no sense."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(test.content > 0.0, train.content / test.content, np.nan)
        error = np.hypot(train.error, ratio * test.error) / test.content
    unfilled = (train.error == 0.0) | ~(test.content > 0.0)
    return np.where(unfilled, np.nan, ratio), np.where(unfilled, np.nan, error)


def _half_range(found: Sequence[tuple[FloatArray, FloatArray]]) -> float:
    """Return how far from 1 the axis of ratios goes: to all that are well known."""
    reach = [
        np.abs(ratio - 1.0)[error < _WELL_KNOWN] + error[error < _WELL_KNOWN]
        for ratio, error in found
    ]
    lowest, highest = _RANGE
    return float(np.clip(np.concatenate(reach).max(initial=lowest), lowest, highest))
