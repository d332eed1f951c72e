"""Does boosting help: what each iteration gains or loses on other events.

The score after each iteration minus that of the first one, on the same events and with
the same bootstrap replicas, so that what both have in common is in no error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator

from skhep_dnn.inspection._event_spread import last_step
from skhep_dnn.inspection._fitting import add_fitted_legend, fit_labels
from skhep_dnn.inspection._plotting import (
    BACKGROUND_COLOR,
    NEUTRAL_COLOR,
    SIGNAL_COLOR,
    fit_range,
    make_axes,
    merge_style,
)
from skhep_dnn.metrics import paired_bootstrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import ErrorbarContainer
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.lines import Line2D

__all__ = ["BoostingGainDisplay"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class _Figure:
    """A figure of merit: its sign, what it is computed from, and its name."""

    sign: float
    response: str
    label: str


_METRICS = {
    "balanced_log_loss": _Figure(-1.0, "predict_proba", "log-loss (nats)"),
    "roc_auc": _Figure(1.0, "decision_function", "weighted AUC"),
}


class BoostingGainDisplay:
    """Gain or loss of each iteration of a boosting, with paired errors.

    Make one with `from_estimator` or `from_predictions`. Above zero the boosting is
    better than what it began with: the classifier of its `init`, or else the first one
    that it has trained.

    Parameters
    ----------
    iteration : array-like of shape (n_stages,)
        Numbers of the iterations, the first one that of the beginning.
    gain, error : array-like of shape (n_stages,)
        Gains, positive where an iteration is better than the beginning, and their
        errors; both 0 for the first one.
    metric : {"balanced_log_loss", "roc_auc"}
        Figure of merit.
    n_iter : int, default=None
        Iteration that predicts, to be marked; None marks none.
    name : str, default=None
        Name of the classifier, for the legend.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the gains.
    figure_ : matplotlib Figure
        Figure that contains the axes.
    points_ : matplotlib ErrorbarContainer
        The gains.
    zero_line_ : matplotlib Line2D
        The beginning.
    n_iter_line_ : matplotlib Line2D or None
        The iteration that predicts.

    See Also
    --------
    skhep_dnn.ensemble.BoostedDNN : Is boosted.
    DiscriminantDisplay : What the scores look like, for an iteration of
        `staged_decision_function`.

    Notes
    -----
    The error is that of the sample of events, from replicas that all iterations share;
    neighbouring points are strongly correlated. The spread over trainings with other
    seeds comes on top of it.

    Examples
    --------
    >>> from skhep_dnn import BoostedDNN
    >>> from skhep_dnn.datasets import make_gaussian_events
    >>> from skhep_dnn.inspection import BoostingGainDisplay
    >>> events = make_gaussian_events(2000, random_state=0)
    >>> other = make_gaussian_events(2000, random_state=1)
    >>> model = BoostedDNN(n_estimators=3, n_iter_no_change=None, random_state=0)
    >>> model = model.fit(events.data, events.target, events.sample_weight)
    >>> display = BoostingGainDisplay.from_estimator(
    ...     model, other.data, other.target, other.sample_weight
    ... )
    >>> display.iteration
    array([1, 2, 3])
    """

    def __init__(
        self,
        *,
        iteration: ArrayLike,
        gain: ArrayLike,
        error: ArrayLike,
        metric: str,
        n_iter: int | None = None,
        name: str | None = None,
    ) -> None:
        self.iteration = np.asarray(iteration)
        self.gain = np.asarray(gain, dtype=np.float64)
        self.error = np.asarray(error, dtype=np.float64)
        self.metric = metric
        self.n_iter = n_iter
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        metric: str = "balanced_log_loss",
        n_replicas: int = 200,
        random_state: int = 0,
        name: str | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the gain of each iteration of a fitted boosting on other events.

        Parameters
        ----------
        estimator : BoostedDNN or Pipeline
            Fitted, or a fitted pipeline that ends with one. A classifier with stages
            from elsewhere, `staged_predict_proba` or `staged_decision_function`, is
            as good.
        X : array-like of shape (n_samples, n_features)
            Events that have decided nothing.
        y : array-like of shape (n_samples,)
            Their labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Their physics weights, negative ones too; None counts every event once.
        metric : {"balanced_log_loss", "roc_auc"}, default="balanced_log_loss"
            Figure of merit; the second one is for two classes.
        n_replicas : int, default=200
            Replicas of the bootstrap.
        random_state : int, default=0
            Their seed.
        name : str, default=None
            Name in the legend; None takes that of the class of the estimator.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.errorbar`.

        Returns
        -------
        display : BoostingGainDisplay

        Raises
        ------
        TypeError
            If the estimator has no stages.
        ValueError
            If the metric is unknown, or there are fewer than two stages.
        WeightsError
            If the weights of a class do not sum to more than 0.
        NotFittedError
            If the estimator is not fitted.
        ImportError
            If matplotlib is not installed.
        """
        response = _checked_metric(metric).response
        model, events = last_step(estimator, X)
        if not hasattr(model, f"staged_{response}"):
            msg = (
                f"`estimator` must have `staged_{response}`, got "
                f"{type(model).__name__} without. Pass a fitted `BoostedDNN`, or "
                "another `metric`."
            )
            raise TypeError(msg)
        # Those of scikit-learn's gradient boosting have a column for the one score.
        stages = [
            stage[:, 0] if stage.ndim == 2 and stage.shape[1] == 1 else stage
            for stage in getattr(model, f"staged_{response}")(events)
        ]
        first = 1
        if len(getattr(model, "init_estimators_", ())) > 0:
            stages.insert(0, getattr(model, f"init_{response}")(events))
            first = 0
        return cls.from_predictions(
            y,
            stages,
            sample_weight,
            metric=metric,
            first=first,
            n_iter=getattr(model, "n_iter_", None),
            n_replicas=n_replicas,
            random_state=random_state,
            name=type(model).__name__ if name is None else name,
            ax=ax,
            **kwargs,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_scores: Sequence[ArrayLike],
        sample_weight: ArrayLike | None = None,
        *,
        metric: str = "balanced_log_loss",
        first: int = 1,
        n_iter: int | None = None,
        n_replicas: int = 200,
        random_state: int = 0,
        name: str | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the gain of each stage from predictions.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Labels.
        y_scores : sequence of array-like
            Predictions after each iteration: probabilities for "balanced_log_loss",
            any score for "roc_auc".
        sample_weight : array-like of shape (n_samples,), default=None
            Physics weights, negative ones too; None counts every event once.
        metric : {"balanced_log_loss", "roc_auc"}, default="balanced_log_loss"
            Figure of merit.
        first : int, default=1
            Number of the first stage.
        n_iter : int, default=None
            Iteration that predicts, to be marked; None marks none.
        n_replicas : int, default=200
            Replicas of the bootstrap.
        random_state : int, default=0
            Their seed.
        name : str, default=None
            Name in the legend.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.errorbar`.

        Returns
        -------
        display : BoostingGainDisplay

        Raises
        ------
        ValueError
            If the metric is unknown, or there are fewer than two stages.
        WeightsError
            If the weights of a class do not sum to more than 0.
        ImportError
            If matplotlib is not installed.
        """
        sign = _checked_metric(metric).sign
        if len(y_scores) < 2:
            msg = (
                "`y_scores` must be of two stages or more, to be compared, got "
                f"{len(y_scores)}. Boost for more iterations."
            )
            raise ValueError(msg)
        results = [
            paired_bootstrap(
                metric,
                y_true,
                later,
                y_scores[0],
                sample_weight,
                n_replicas=n_replicas,
                random_state=random_state,
            )
            for later in y_scores[1:]
        ]
        display = cls(
            iteration=np.arange(first, first + len(y_scores)),
            gain=[0.0, *(sign * result.difference for result in results)],
            error=[0.0, *(result.error for result in results)],
            metric=metric,
            n_iter=n_iter,
            name=name,
        )
        return display.plot(ax, **kwargs)

    def plot(
        self, ax: Axes | None = None, *, name: str | None = None, **kwargs: Any
    ) -> Self:
        """Draw the gains.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure. Several can share one.
        name : str, default=None
            Name in the legend; None takes the attribute `name`.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.errorbar`.

        Returns
        -------
        self : BoostingGainDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        from matplotlib.lines import Line2D  # noqa: PLC0415
        from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

        metric = _checked_metric(self.metric)
        self.ax_ = make_axes(ax, f"{type(self).__name__}.plot")
        self.figure_: Figure | SubFigure = self.ax_.figure
        self.zero_line_: Line2D = self.ax_.axhline(
            0.0, color=NEUTRAL_COLOR, linewidth=1.0, linestyle=":"
        )
        label = self.name if name is None else name
        style = {
            "color": SIGNAL_COLOR,
            "marker": "o",
            "linestyle": "-",
            "markersize": 5,
            "capsize": 2.0,
            "label": "gain" if label is None else label,
        }
        self.points_: ErrorbarContainer = self.ax_.errorbar(
            self.iteration,
            self.gain,
            yerr=self.error,
            **merge_style(style, kwargs, Line2D),
        )
        self.n_iter_line_: Line2D | None = None
        if self.n_iter is not None:
            self.n_iter_line_ = self.ax_.axvline(
                self.n_iter,
                color=BACKGROUND_COLOR,
                linestyle="--",
                linewidth=1.0,
                label=f"predicts: iteration {self.n_iter}",
            )
        self.ax_.xaxis.set_major_locator(MaxNLocator(integer=True))
        self.ax_.set_xlabel("iteration")
        what = "fall of the" if metric.sign < 0 else "gain in"
        self.ax_.set_ylabel(f"{what} {metric.label}")
        for axis in ("x", "y"):
            fit_range(self.ax_, axis)
        add_fitted_legend(self.ax_, loc="best")
        fit_labels(self.ax_)
        return self


def _checked_metric(metric: str) -> _Figure:
    if metric not in _METRICS:
        msg = (
            f"`metric` must be one of {list(_METRICS)!r}, got {metric!r}. Choose one, "
            "or compare stages with `skhep_dnn.metrics.paired_bootstrap`."
        )
        raise ValueError(msg)
    return _METRICS[metric]
