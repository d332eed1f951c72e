"""Which learning rate: the loss while the rate rises, and the rate that follows.

Smith's range test on short trainings of the members of a classifier, one curve each.
"""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator

from skhep_dnn.inspection._fitting import (
    add_fitted_legend,
    fit_labels,
    height_of_legend,
)
from skhep_dnn.inspection._plotting import (
    BACKGROUND_COLOR,
    SIGNAL_COLOR,
    fit_range,
    leave_headroom,
    make_axes,
    merge_style,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.lines import Line2D

__all__ = ["LearningRateRangeDisplay"]

_TOLERANCE = 0.05
_DISTANCE = 10.0


class LearningRateRangeDisplay:
    """Training loss against a rising learning rate, and a learning rate to begin with.

    Make one with `from_estimator`. It runs the learning-rate range test of [1]_: each
    member is trained for some hundred steps while the learning rate rises
    exponentially. The loss falls where the rate is high enough to learn, and rises
    where it is too high.

    Parameters
    ----------
    learning_rate : array-like of shape (n_steps,)
        Learning rates, rising.
    loss : array-like of shape (n_steps, n_members)
        Mean weighted training losses, smoothed; nan after a member has diverged.
    suggestion : float, default=None
        Learning rate to mark, nan for none; None takes it from the losses.
    name : str, default=None
        Name of the classifier, for the title of the legend.

    Attributes
    ----------
    suggestion_ : float
        The suggested learning rate: a tenth of the highest rate at which the mean loss
        of the members is close to its minimum. nan if the loss does not fall, or does
        not rise again within the range.
    ax_ : matplotlib Axes
        Axes with the losses.
    figure_ : matplotlib Figure
        Figure that contains the axes.
    line_ : matplotlib Line2D
        Mean over the members.
    member_lines_ : list of matplotlib Line2D
        The members; empty for a single one, which is its own mean.
    suggestion_line_ : matplotlib Line2D or None
        The suggested learning rate.

    See Also
    --------
    TrainingHistoryDisplay : The losses of a training.

    Notes
    -----
    Close to the minimum means within 5 % of the way from the first loss down to it.
    The loss has a wide and flat bottom, in which the place of the minimum itself is
    chance, while its upper edge is sharp: [1]_ takes it, where the figure of merit
    "becomes ragged, or starts to fall", as the upper limit of a cyclic learning rate. A
    tenth of it leaves room for what a short test does not show; the usual tenth of the
    minimum is below that and less stable. On toy events, with adam and sgd and
    different schedules, the log-loss on new events came within 0.02 of the best of five
    fixed rates. Where training is cheap, a search over the learning rate tells more.

    The suggestion holds for the optimiser, the momentum and the batch size of the test;
    the momentum does not follow the schedule.

    References
    ----------
    .. [1] L. N. Smith, "Cyclical learning rates for training neural networks",
       arXiv:1506.01186.

    Examples
    --------
    >>> from skhep_dnn import WeightedDNNClassifier
    >>> from skhep_dnn.datasets import make_gaussian_events
    >>> from skhep_dnn.inspection import LearningRateRangeDisplay
    >>> events = make_gaussian_events(2000, random_state=0)
    >>> model = WeightedDNNClassifier(n_layers=1, width=16, random_state=0)
    >>> display = LearningRateRangeDisplay.from_estimator(
    ...     model, events.data, events.target, events.sample_weight
    ... )
    >>> bool(1e-3 < display.suggestion_ < 0.5)
    True
    """

    def __init__(
        self,
        *,
        learning_rate: ArrayLike,
        loss: ArrayLike,
        suggestion: float | None = None,
        name: str | None = None,
    ) -> None:
        self.learning_rate = np.asarray(learning_rate, dtype=np.float64)
        self.loss = np.asarray(loss, dtype=np.float64)
        self.suggestion = suggestion
        self.name = name
        self.suggestion_ = (
            _suggested_rate(self.learning_rate, self.loss.mean(axis=1))
            if suggestion is None
            else float(suggestion)
        )

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        low: float = 1e-5,
        high: float = 10.0,
        n_passes: int | None = None,
        smoothing: float = 0.04,
        max_rise: float = 1.0,
        name: str | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Run the range test on a classifier, which is not changed, and draw it.

        The members are trained one by one, from scratch, on all events: with the
        learning rate, `schedule` and `max_epochs` of the test, and without `cv` and
        validation samples, early stopping, averages, snapshots, warm starts and
        callbacks. All else, such as the weights, dropout and augmentation, is as the
        classifier has it.

        Parameters
        ----------
        estimator : WeightedDNNClassifier or Pipeline
            Classifier, fitted or not, or a pipeline that ends with one.
        X : array-like or DataFrame of shape (n_samples, n_features)
            Events.
        y : array-like of shape (n_samples,)
            Their labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Their physics weights, in events, negative ones too; None counts every
            event once.
        low : float, default=1e-05
            Lowest learning rate.
        high : float, default=10.0
            Highest learning rate.
        n_passes : int, default=None
            Passes over the events in which the rate rises; None takes as few as make
            200 steps.
        smoothing : float, default=0.04
            Mean age of the losses in the exponential average, as a share of the range.
            Learning rates are averaged in the same way, so that the curve is not
            shifted.
        max_rise : float, default=1.0
            A member stops when its loss has risen above its minimum by so many times
            its first loss, or is not finite.
        name : str, default=None
            Name for the title of the legend; None takes that of the class.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.plot` for the mean.

        Returns
        -------
        display : LearningRateRangeDisplay

        Raises
        ------
        TypeError
            If the estimator is no such classifier.
        ValueError
            If an option is out of range.
        NonFiniteLossError
            If the loss is not finite from the first steps on.
        ImportError
            If matplotlib is not installed.
        """
        from skhep_dnn.neural_network._learning_rate_range import (  # noqa: PLC0415 - torch
            classifier_of,
            range_test,
        )

        _check_options(low, high, n_passes, smoothing, max_rise)
        learning_rate, loss = range_test(
            estimator,
            X,
            y,
            sample_weight,
            low=low,
            high=high,
            n_passes=n_passes,
            smoothing=smoothing,
            max_rise=max_rise,
        )
        if name is None:
            name = type(classifier_of(estimator)).__name__
        display = cls(learning_rate=learning_rate, loss=loss, name=name)
        return display.plot(ax, **kwargs)

    def plot(
        self, ax: Axes | None = None, *, name: str | None = None, **kwargs: Any
    ) -> Self:
        """Draw the losses and the suggested learning rate.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        name : str, default=None
            Name for the title of the legend; None takes the attribute `name`.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.plot` for the mean.

        Returns
        -------
        self : LearningRateRangeDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.

        Notes
        -----
        The vertical range ends above the first losses: what diverges leaves it.
        """
        self.ax_ = make_axes(ax, f"{type(self).__name__}.plot")
        self.figure_: Figure | SubFigure = self.ax_.figure
        self._draw_losses(kwargs)
        self._draw_suggestion()
        self.ax_.set_xlabel("learning rate")
        self.ax_.set_ylabel("mean weighted training loss (nats)")
        fit_range(self.ax_, "x")
        title = self.name if name is None else name
        add_fitted_legend(self.ax_, loc="upper center", title=title)
        self._set_range(height_of_legend(self.ax_))
        fit_labels(self.ax_)
        return self

    def _draw_losses(self, kwargs: dict[str, Any]) -> None:
        from matplotlib.lines import Line2D  # noqa: PLC0415

        n_members = self.loss.shape[1]
        style: dict[str, Any] = {"color": SIGNAL_COLOR, "linestyle": "-"}
        self.member_lines_: list[Line2D] = []
        label = "loss"
        if n_members > 1:
            label = f"mean of {n_members} members"
            self.member_lines_ = self.ax_.plot(
                self.learning_rate, self.loss, **style, linewidth=0.7, alpha=0.5
            )
        style |= {"linewidth": 2.2, "label": label}
        mean = self.loss.mean(axis=1)
        (self.line_,) = self.ax_.plot(
            self.learning_rate, mean, **merge_style(style, kwargs, Line2D)
        )
        self.ax_.set_xscale("log")

    def _draw_suggestion(self) -> None:
        self.suggestion_line_: Line2D | None = None
        if np.isfinite(self.suggestion_):
            self.suggestion_line_ = self.ax_.axvline(
                self.suggestion_,
                color=BACKGROUND_COLOR,
                linestyle="--",
                label=f"suggested: {self.suggestion_:.2g}",
            )
        else:
            self.ax_.plot([], [], linestyle="none", label="nothing to suggest")

    def _set_range(self, legend: float) -> None:
        """Show the first losses below the legend, and end the suggestion there."""
        first, lowest = float(np.nanmax(self.loss[0])), float(np.nanmin(self.loss))
        room = 0.15 * (first - lowest) or 0.15 * abs(first)
        leave_headroom(self.ax_, lowest - room, first + room, legend)
        if self.suggestion_line_ is not None:
            self.suggestion_line_.set_ydata([0.0, 1.0 - legend])


def _suggested_rate(
    learning_rate: NDArray[np.float64], mean_loss: NDArray[np.float64]
) -> float:
    """Return a tenth of the upper edge of the minimum, or nan without one."""
    first, lowest = mean_loss[0], np.nanmin(mean_loss)
    is_close = mean_loss <= lowest + _TOLERANCE * (first - lowest)
    edge = int(np.flatnonzero(is_close)[-1])
    has_edge = lowest < first and edge + 1 < len(mean_loss)
    return float(learning_rate[edge]) / _DISTANCE if has_edge else np.nan


def _check_options(
    low: float, high: float, n_passes: int | None, smoothing: float, max_rise: float
) -> None:
    if not 0.0 < low < high < np.inf:
        msg = (
            f"`low` and `high` must be positive and rising, got {low!r} and {high!r}. "
            "Correct the range."
        )
        raise ValueError(msg)
    if n_passes is not None and (not isinstance(n_passes, Integral) or n_passes < 1):
        msg = (
            f"`n_passes` must be None or an integer of at least 1, got {n_passes!r}. "
            "Correct it."
        )
        raise ValueError(msg)
    if not 0.0 <= smoothing < 1.0:
        msg = f"`smoothing` must be in [0, 1), got {smoothing!r}. Take 0.04."
        raise ValueError(msg)
    if not 0.0 < max_rise < np.inf:
        msg = f"`max_rise` must be positive, got {max_rise!r}. Take 1.0."
        raise ValueError(msg)
