"""What classifiers gain over the first one, and what they cost, in one figure.

A row for each classifier: its figure of merit on new events and on those of its
training, the paired difference to the first classifier, and the times relative to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from skhep_dnn.inspection._discriminant import DiscriminantDisplay
from skhep_dnn.inspection._fitting import add_fitted_legend, fit_labels, make_large_axes
from skhep_dnn.inspection._plotting import (
    AVERAGE_COLOR,
    BACKGROUND_COLOR,
    NEUTRAL_COLOR,
    SIGNAL_COLOR,
    fit_range,
    make_axes,
    merge_style,
)
from skhep_dnn.inspection._roc_curve import WeightedRocCurveDisplay

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import ErrorbarContainer
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.lines import Line2D

    # Not at run time: figures need neither torch nor Optuna.
    from skhep_dnn.model_selection import ClassifierComparison

__all__ = ["ComparisonDisplay", "plot_classifiers"]

_WIDTH, _ROW, _FRAME = 8.0, 0.42, 1.5  # inches, with letters of 10 points
_LABELS = {"roc_auc": "weighted AUC", "balanced_log_loss": "log-loss (nats)"}
_SPREAD = 0.16  # of a row, between the two times


class ComparisonDisplay:
    """Figure of merit, difference to the first and times of several classifiers.

    Make one with `from_comparison`.

    Parameters
    ----------
    comparison : ClassifierComparison
        What is drawn.
    metric : str
        Figure of merit.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the figure of merit, on new events and on those of the training.
    ax_difference_ : matplotlib Axes
        Axes with the differences to the first classifier.
    ax_time_ : matplotlib Axes
        Axes with the times over those of the first one.
    figure_ : matplotlib Figure
        Figure that contains the axes.
    points_ : matplotlib ErrorbarContainer
        The figure of merit, pooled over the folds.
    train_points_ : matplotlib Line2D
        The same with the overfitting added.
    difference_points_ : matplotlib ErrorbarContainer
        The differences, of all but the first.
    time_points_ : dict of str to matplotlib ErrorbarContainer
        Ratios of "fit_time" and "predict_time".

    See Also
    --------
    skhep_dnn.model_selection.compare_classifiers : The numbers.
    plot_classifiers : Discriminant and ROC of each.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skhep_dnn.datasets import make_gaussian_events
    >>> from skhep_dnn.inspection import ComparisonDisplay
    >>> from skhep_dnn.model_selection import compare_classifiers
    >>> events = make_gaussian_events(1000, random_state=0)
    >>> result = compare_classifiers(
    ...     {"linear": LogisticRegression(), "naive": GaussianNB()},
    ...     events.data,
    ...     events.target,
    ...     random_state=0,
    ... )
    >>> display = ComparisonDisplay.from_comparison(result)
    >>> display.ax_.get_xlabel()
    'weighted AUC'
    """

    def __init__(self, *, comparison: ClassifierComparison, metric: str) -> None:
        self.comparison = comparison
        self.metric = metric

    @classmethod
    def from_comparison(
        cls,
        comparison: ClassifierComparison,
        *,
        metric: str | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw a comparison.

        Parameters
        ----------
        comparison : ClassifierComparison
            As `compare_classifiers` returns it.
        metric : str, default=None
            Figure of merit, one of its `metrics`; None takes the first.
        ax : matplotlib Axes, default=None
            Axes to draw on, which are split; None makes a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.errorbar`.

        Returns
        -------
        display : ComparisonDisplay

        Raises
        ------
        ValueError
            If there is no such figure of merit.
        ImportError
            If matplotlib is not installed.
        """
        known = list(comparison.metrics)
        metric = known[0] if metric is None else metric
        if metric not in known:
            msg = f"`metric` must be one of {known!r}, got {metric!r}. Choose one."
            raise ValueError(msg)
        return cls(comparison=comparison, metric=metric).plot(ax, **kwargs)

    def plot(self, ax: Axes | None = None, **kwargs: Any) -> Self:
        """Draw the comparison.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on, which are split; None makes a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.errorbar`.

        Returns
        -------
        self : ComparisonDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        names = self.comparison.names
        size = (_WIDTH, _FRAME + _ROW * len(names))
        with make_large_axes(ax, f"{type(self).__name__}.plot", size) as axes:
            self.ax_ = axes
            self.figure_: Figure | SubFigure = axes.figure
            self.ax_difference_, self.ax_time_ = _split_off_right(axes)
            self._draw_values(kwargs)
            self._draw_differences(kwargs)
            self._draw_times(kwargs)
            self.ax_.set_ylim(len(names) - 0.5, -0.5)
            self.ax_.set_yticks(range(len(names)), names)
            for part in (self.ax_difference_, self.ax_time_):
                part.tick_params(axis="y", which="minor", length=0)
            self.ax_.set_ylabel("classifier")
            for part in (self.ax_difference_, self.ax_time_):
                part.tick_params(axis="y", labelleft=False)
            for part in (self.ax_, self.ax_difference_, self.ax_time_):
                legend = add_fitted_legend(
                    part,
                    loc="lower left",
                    bbox_to_anchor=(0.0, 1.01),
                    borderaxespad=0.1,
                    frameon=False,
                )
                legend.set_in_layout(True)  # it stands above the axes
            fit_labels(self.ax_, self.ax_difference_, self.ax_time_)
        return self

    def _draw_values(self, kwargs: dict[str, Any]) -> None:
        results = list(self.comparison.metrics[self.metric].values())
        values = np.array([result.value for result in results])
        gaps = self.comparison.overfitting[self.metric].values()
        gained = np.array([gap.value for gap in gaps])
        sign = 1.0 if self.comparison.greater_is_better[self.metric] else -1.0
        rows = np.arange(len(values))
        (self.train_points_,) = self.ax_.plot(
            values + sign * gained,
            rows,
            linestyle="none",
            marker="D",
            markersize=4.5,
            color=BACKGROUND_COLOR,
            markerfacecolor="none",
            label="training events",
        )
        self.points_ = _errorbar(
            self.ax_,
            values,
            rows,
            [result.error for result in results],
            {"color": SIGNAL_COLOR, "marker": "o", "label": "out of fold"},
            kwargs,
        )
        self.ax_.set_xlabel(_LABELS.get(self.metric, self.metric))
        fit_range(self.ax_, "x")

    def _draw_differences(self, kwargs: dict[str, Any]) -> None:
        results = list(self.comparison.differences[self.metric].values())
        self.zero_line_: Line2D = self.ax_difference_.axvline(
            0.0, color=NEUTRAL_COLOR, linewidth=1.0, linestyle=":"
        )
        self.difference_points_ = _errorbar(
            self.ax_difference_,
            [result.difference for result in results],
            np.arange(1, 1 + len(results)),
            [result.error for result in results],
            {"color": SIGNAL_COLOR, "marker": "o", "label": "paired difference"},
            kwargs,
        )
        self.ax_difference_.set_xlabel(f"minus {self.comparison.names[0]}")
        fit_range(self.ax_difference_, "x")

    def _draw_times(self, kwargs: dict[str, Any]) -> None:
        self.ax_time_.axvline(1.0, color=NEUTRAL_COLOR, linewidth=1.0, linestyle=":")
        self.time_points_: dict[str, ErrorbarContainer] = {}
        styles = {
            "fit_time": ("training", BACKGROUND_COLOR, "s", -_SPREAD),
            "predict_time": ("prediction", AVERAGE_COLOR, "^", _SPREAD),
        }
        for kind, (label, color, marker, shift) in styles.items():
            ratios = getattr(self.comparison, f"{kind}_ratio").values()
            values = np.array([ratio.value for ratio in ratios])
            errors = np.array([ratio.error for ratio in ratios])
            low = np.minimum(errors, 0.9 * values)  # stays on a logarithmic axis
            self.time_points_[kind] = _errorbar(
                self.ax_time_,
                values,
                np.arange(len(values)) + shift,
                np.stack([low, errors]),
                {"color": color, "marker": marker, "label": label},
                kwargs,
            )
        self.ax_time_.set_xscale("log")
        fit_range(self.ax_time_, "x")
        self.ax_time_.set_xlabel(f"time / {self.comparison.names[0]}")


def plot_classifiers(
    comparison: ClassifierComparison,
    *,
    bins: int = 25,
    log: bool = False,
    n_replicas: int = 200,
    axes: Any = None,
) -> dict[str, tuple[DiscriminantDisplay, WeightedRocCurveDisplay]]:
    """Draw the discriminant and the ROC curve of each classifier of a comparison.

    A row for each classifier. Histograms and the first curve are of scores out of
    fold, points and the second curve of scores of the same events by a model that was
    trained on them: what lies between them is overfitting.

    Parameters
    ----------
    comparison : ClassifierComparison
        As `compare_classifiers` returns it, of signal and background.
    bins : int, default=25
        Bins of the discriminants.
    log : bool, default=False
        Draw the discriminants with a logarithmic axis.
    n_replicas : int, default=200
        Replicas of the bootstrap that gives the errors of the areas; 0 for none.
    axes : array of matplotlib Axes of shape (n_classifiers, 2), default=None
        Axes to draw on; None makes a new figure, as high as there are classifiers.

    Returns
    -------
    displays : dict of str to (DiscriminantDisplay, WeightedRocCurveDisplay)
        By classifier.

    Raises
    ------
    ValueError
        If there are several classes and no signal among them, or `axes` has another
        shape.
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skhep_dnn.datasets import make_gaussian_events
    >>> from skhep_dnn.inspection import plot_classifiers
    >>> from skhep_dnn.model_selection import compare_classifiers
    >>> events = make_gaussian_events(1000, random_state=0)
    >>> result = compare_classifiers(
    ...     {"naive": GaussianNB()}, events.data, events.target, random_state=0
    ... )
    >>> displays = plot_classifiers(result, n_replicas=20)
    >>> displays["naive"][0].ax_.get_xlabel()
    'classifier score'
    """
    scores = next(iter(comparison.out_of_fold.values()))
    if scores.ndim > 1:
        msg = (
            "`comparison` must be of signal and background, got "
            f"{scores.shape[1]} classes without a signal. Compare with `pos_label`."
        )
        raise ValueError(msg)
    axes = _grid(axes, len(comparison.names))
    return {
        name: _draw_classifier(comparison, name, row, bins, log, n_replicas)
        for name, row in zip(comparison.names, axes, strict=True)
    }


def _draw_classifier(
    comparison: ClassifierComparison,
    name: str,
    axes: Any,
    bins: int,
    log: bool,
    n_replicas: int,
) -> tuple[DiscriminantDisplay, WeightedRocCurveDisplay]:
    y, w = comparison.y, comparison.sample_weight
    test, train = comparison.out_of_fold[name], comparison.in_fold[name]
    tested, trained = np.isfinite(test), np.isfinite(train)
    discriminant = DiscriminantDisplay.from_predictions(
        y[tested],
        test[tested],
        sample_weight=None if w is None else w[tested],
        y_train=y[trained],
        y_score_train=train[trained],
        sample_weight_train=None if w is None else w[trained],
        bins=bins,
        log=log,
        pos_label=comparison.pos_label,
        name=name,
        ax=axes[0],
    )
    curves = {}
    for label, score, used in (
        ("out of fold", test, tested),
        ("training events", train, trained),
    ):
        curves[label] = WeightedRocCurveDisplay.from_predictions(
            y[used],
            score[used],
            sample_weight=None if w is None else w[used],
            pos_label=comparison.pos_label,
            n_replicas=n_replicas,
            random_state=0,
            name=label,
            ax=axes[1],
        )
    return discriminant, curves["out of fold"]


def _grid(axes: Any, n_rows: int) -> Any:
    if axes is None:
        make_axes_of = make_axes(None, "plot_classifiers")
        from matplotlib import pyplot as plt  # noqa: PLC0415

        width, height = make_axes_of.figure.get_size_inches()  # type: ignore[union-attr]
        plt.close(make_axes_of.figure)  # type: ignore[arg-type]
        _, axes = plt.subplots(
            n_rows,
            2,
            figsize=(1.6 * width, 0.8 * n_rows * height),
            layout="constrained",
            squeeze=False,
        )
    axes = np.asarray(axes)
    if axes.shape != (n_rows, 2):
        msg = (
            f"`axes` must have the shape ({n_rows}, 2), two for each classifier, got "
            f"{axes.shape}. Make them with `plt.subplots({n_rows}, 2, squeeze=False)`."
        )
        raise ValueError(msg)
    return axes


def _errorbar(
    ax: Axes,
    values: Any,
    rows: Any,
    errors: Any,
    style: dict[str, Any],
    kwargs: dict[str, Any],
) -> ErrorbarContainer:
    from matplotlib.lines import Line2D  # noqa: PLC0415

    defaults = {"linestyle": "none", "markersize": 4.5, **style}
    return ax.errorbar(
        np.asarray(values, dtype=np.float64),
        rows,
        xerr=np.asarray(errors, dtype=np.float64),
        **{"capsize": 2.0, "elinewidth": 1.1, **merge_style(defaults, kwargs, Line2D)},
    )


def _split_off_right(ax: Axes) -> tuple[Axes, Axes]:
    """Return two new axes to the right of some axes, which make room for them."""
    ratios = (1.15, 1.0, 0.9)
    place = ax.get_subplotspec()
    if place is not None:
        columns = place.subgridspec(1, 3, width_ratios=ratios, wspace=0.05)
        ax.set_subplotspec(columns[0])
        first, second = (ax.figure.add_subplot(columns[k], sharey=ax) for k in (1, 2))
        return first, second
    box = ax.get_position()
    unit = box.width / sum(ratios)
    ax.set_position((box.x0, box.y0, 0.94 * ratios[0] * unit, box.height))
    starts = box.x0 + ratios[0] * unit, box.x0 + (ratios[0] + ratios[1]) * unit
    first, second = (
        ax.figure.add_axes((start, box.y0, 0.94 * ratio * unit, box.height), sharey=ax)
        for start, ratio in zip(starts, ratios[1:], strict=True)
    )
    return first, second
