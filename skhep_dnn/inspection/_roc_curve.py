"""How much background each signal efficiency costs.

The rejection of the background against the efficiency of the signal, for all cuts on
the score, with signed event weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skhep_dnn._signal_label import resolve_pos_label
from skhep_dnn.inspection._display import ScoreDisplay
from skhep_dnn.inspection._fitting import (
    add_fitted_legend,
    fit_labels,
    height_of_legend,
)
from skhep_dnn.inspection._plotting import (
    NEUTRAL_COLOR,
    curve_style,
    leave_headroom,
    make_axes,
    merge_style,
)
from skhep_dnn.metrics import (
    bootstrap,
    significance_scan,
    weighted_roc_auc,
    weighted_roc_curve,
)
from skhep_dnn.metrics._bootstrap import format_with_error

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.lines import Line2D

__all__ = ["WeightedRocCurveDisplay"]

FloatArray = NDArray[np.float64]
Rejection = Literal["complement", "inverse"]

_MIN_N_EFF = 4.0
_REJECTIONS = ("complement", "inverse")
_YLABELS = {
    "complement": r"background rejection $1 - \varepsilon_b$",
    "inverse": r"background rejection $1 / \varepsilon_b$",
}


class WeightedRocCurveDisplay(ScoreDisplay):
    """Background rejection against signal efficiency, with signed weights.

    Make one with `from_estimator` or `from_predictions`. All parameters are stored as
    attributes. Several curves are drawn on the same axes by `ax=display.ax_`.

    Parameters
    ----------
    background_efficiency, signal_efficiency : ndarray of shape (n_thresholds,)
        Selected over total weight of each class.
    thresholds : ndarray of shape (n_thresholds,), default=None
        Scores from which on an event is selected, in falling order.
    background_n_eff : ndarray of shape (n_thresholds,), default=None
        Numbers of effective background events selected. One over the background
        efficiency is not drawn below 4, where its error exceeds 50 per cent.
    roc_auc : float, default=None
        Area under the curve; None leaves it out of the legend.
    roc_auc_error : float, default=None
        Its bootstrap error.
    name : str, default=None
        Name in the legend.
    pos_label : label, default=None
        The label of the signal.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the figure.
    figure_ : matplotlib Figure
        Figure that contains the axes.
    line_ : matplotlib Line2D
        The curve.
    chance_level_ : matplotlib Line2D or None
        The line of a score that says nothing.

    See Also
    --------
    skhep_dnn.metrics.weighted_roc_curve : The curve.
    skhep_dnn.metrics.weighted_roc_auc : The area under it.

    Examples
    --------
    >>> from skhep_dnn.inspection import WeightedRocCurveDisplay
    >>> display = WeightedRocCurveDisplay.from_predictions(
    ...     ["b", "b", "s", "b", "s"],
    ...     [0.1, 0.3, 0.4, 0.6, 0.8],
    ...     sample_weight=[2.0, 1.0, 3.0, 1.0, 1.0],
    ...     n_replicas=0,
    ... )
    >>> display.roc_auc
    0.8125
    >>> display.signal_efficiency
    array([0.  , 0.25, 0.25, 1.  , 1.  , 1.  ])
    """

    def __init__(
        self,
        *,
        background_efficiency: FloatArray,
        signal_efficiency: FloatArray,
        thresholds: FloatArray | None = None,
        background_n_eff: FloatArray | None = None,
        roc_auc: float | None = None,
        roc_auc_error: float | None = None,
        name: str | None = None,
        pos_label: object = None,
    ) -> None:
        self.background_efficiency = background_efficiency
        self.signal_efficiency = signal_efficiency
        self.thresholds = thresholds
        self.background_n_eff = background_n_eff
        self.roc_auc = roc_auc
        self.roc_auc_error = roc_auc_error
        self.name = name
        self.pos_label = pos_label

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_score: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        pos_label: object = None,
        n_replicas: int = 200,
        random_state: int | np.random.RandomState | None = None,
        rejection: Rejection = "complement",
        plot_chance_level: bool = False,
        name: str | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the curve of given scores.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Labels of two classes.
        y_score : array-like of shape (n_samples,)
            `decision_function(X)`, or the signal's column of `predict_proba(X)`.
        sample_weight : array-like of shape (n_samples,), default=None
            Physics weights, negative ones too; None counts every event once.
        pos_label : label or list of labels, default=None
            The label of the signal, or those of several signal classes, against all
            others; None takes the larger one of two in sorted order.
        n_replicas : int, default=200
            Replicas of the bootstrap that gives the error of the area; 0 leaves the
            error out.
        random_state : int, RandomState instance or None, default=None
            Seed of the replicas.
        rejection : {"complement", "inverse"}, default="complement"
            One minus the background efficiency, or one over it on a logarithmic axis.
        plot_chance_level : bool, default=False
            Draw the line of a score that says nothing.
        name : str, default=None
            Name in the legend.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.plot`.

        Returns
        -------
        display : WeightedRocCurveDisplay

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
        background, signal, thresholds = weighted_roc_curve(
            y_true, y_score, sample_weight, pos_label=pos_label
        )
        scan = significance_scan(y_true, y_score, sample_weight, pos_label=pos_label)
        error = None
        if n_replicas != 0:
            error = bootstrap(
                "roc_auc",
                y_true,
                y_score,
                sample_weight,
                n_replicas=n_replicas,
                pos_label=pos_label,
                random_state=random_state,
            ).error
        display = cls(
            background_efficiency=background,
            signal_efficiency=signal,
            thresholds=thresholds,
            background_n_eff=np.append(0.0, scan.n_eff_b),
            roc_auc=weighted_roc_auc(
                y_true, y_score, sample_weight, pos_label=pos_label
            ),
            roc_auc_error=error,
            name=name,
            pos_label=pos_label,
        )
        return display.plot(
            ax, rejection=rejection, plot_chance_level=plot_chance_level, **kwargs
        )

    def plot(
        self,
        ax: Axes | None = None,
        *,
        name: str | None = None,
        rejection: Rejection = "complement",
        plot_chance_level: bool = False,
        **kwargs: Any,
    ) -> Self:
        """Draw the curve.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on, with other curves or without; None makes a new figure.
        name : str, default=None
            Name in the legend; None takes the attribute `name`.
        rejection : {"complement", "inverse"}, default="complement"
            One minus the background efficiency, or one over it on a logarithmic axis;
            the latter is not drawn where the background efficiency is 0 or less, or
            its error above 50 per cent.
        plot_chance_level : bool, default=False
            Draw the line of a score that says nothing.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.plot`.

        Returns
        -------
        self : WeightedRocCurveDisplay

        Raises
        ------
        ValueError
            If `rejection` is unknown.
        ImportError
            If matplotlib is not installed.
        """
        if rejection not in _REJECTIONS:
            msg = (
                f"`rejection` must be one of {_REJECTIONS!r}, got {rejection!r}. "
                "Choose one."
            )
            raise ValueError(msg)
        self.ax_ = make_axes(ax, f"{type(self).__name__}.plot")
        self.figure_: Figure | SubFigure = self.ax_.figure
        self.chance_level_: Line2D | None = None
        self._draw_curve(self.name if name is None else name, rejection, kwargs)
        if plot_chance_level:
            self._draw_chance_level(rejection)
        self.ax_.set(
            xlabel=r"signal efficiency $\varepsilon_s$", ylabel=_YLABELS[rejection]
        )
        if self.ax_.get_legend_handles_labels()[1]:
            complement = rejection == "complement"
            place = "lower left" if complement else "upper right"
            add_fitted_legend(self.ax_, loc=place)
        self._set_limits(rejection)
        fit_labels(self.ax_)
        return self

    def _draw_curve(
        self, name: str | None, rejection: Rejection, kwargs: dict[str, Any]
    ) -> None:
        from matplotlib.lines import Line2D  # noqa: PLC0415

        style = curve_style(self.ax_)
        label = self._label(name)
        if label is not None:
            style["label"] = label
        value = _rejection(self.background_efficiency, rejection)
        if rejection == "inverse" and self.background_n_eff is not None:
            value[self.background_n_eff < _MIN_N_EFF] = np.nan
        (self.line_,) = self.ax_.plot(
            self.signal_efficiency,
            value,
            **merge_style(style, kwargs, Line2D),
        )

    def _draw_chance_level(self, rejection: Rejection) -> None:
        efficiency = np.linspace(0.0, 1.0, 201)
        (self.chance_level_,) = self.ax_.plot(
            efficiency,
            _rejection(efficiency, rejection),
            color=NEUTRAL_COLOR,
            linestyle=(0, (1, 2)),
            linewidth=1.0,
            label="chance (AUC = 0.5)",
        )

    def _label(self, name: str | None) -> str | None:
        if self.roc_auc is None:
            return name
        area = f"{self.roc_auc:.3f}"
        if self.roc_auc_error is not None:
            area = format_with_error(self.roc_auc, self.roc_auc_error)
        return f"AUC = {area}" if name is None else f"{name} (AUC = {area})"

    def _set_limits(self, rejection: Rejection) -> None:
        """Show all curves on the axes; leave room for the legend above inverse ones."""
        self.ax_.autoscale(enable=True)
        low, high = self.ax_.get_xlim()
        self.ax_.set_xlim(min(low, -0.02), max(high, 1.02))
        if rejection == "inverse":
            self.ax_.set_yscale("log")
            curves = [line for line in self.ax_.lines if line.get_gid() == "curve"]
            values = np.concatenate([np.asarray(line.get_ydata()) for line in curves])
            top = np.nanmax(values, initial=1.0)
            room = height_of_legend(self.ax_)
            leave_headroom(self.ax_, 0.7, 1.3 * float(top), room, log=True)


def _rejection(background_efficiency: FloatArray, rejection: Rejection) -> FloatArray:
    if rejection == "complement":
        return 1.0 - background_efficiency
    inverse = np.full_like(background_efficiency, np.nan)
    np.divide(
        1.0, background_efficiency, out=inverse, where=background_efficiency > 0.0
    )
    return inverse
