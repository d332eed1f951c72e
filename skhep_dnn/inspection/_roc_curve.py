"""How much background each signal efficiency costs.

The rejection of the background against the efficiency of the signal, for all cuts on
the score, with signed event weights, and how far it may be off.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_consistent_length

from skhep_dnn._messages import shown
from skhep_dnn._signal_label import resolve_pos_label
from skhep_dnn._sklearn import _safe_indexing
from skhep_dnn.inspection._display import ScoreDisplay, signal_label, signal_scores
from skhep_dnn.inspection._fitting import (
    add_fitted_legend,
    fit_labels,
    height_of_legend,
)
from skhep_dnn.inspection._plotting import (
    NEUTRAL_COLOR,
    curve_style,
    fit_range,
    leave_headroom,
    legend_handles,
    make_axes,
    merge_style,
    once_in_legend,
)
from skhep_dnn.inspection._roc_band import (
    FoldCurve,
    RocBand,
    bootstrap_band,
    fold_band,
    fold_curve,
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
    from matplotlib.collections import FillBetweenPolyCollection
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.lines import Line2D

__all__ = ["WeightedRocCurveDisplay"]

FloatArray = NDArray[np.float64]
Rejection = Literal["complement", "inverse"]

_MIN_N_EFF = 4.0
_LOWEST = 0.7  # end of the axis of one over the background efficiency
_MOST_ROOM = 0.8  # share of the height that a legend takes, above which it is ignored
_REJECTIONS = ("complement", "inverse")
_YLABELS = {
    "complement": r"background rejection $1 - \varepsilon_b$",
    "inverse": r"background rejection $1 / \varepsilon_b$",
}


class WeightedRocCurveDisplay(ScoreDisplay):
    """Background rejection against signal efficiency, with signed weights.

    Make one with `from_estimator`, `from_predictions`, `from_folds` or
    `from_cv_results`. All parameters are stored as attributes. Several curves are drawn
    on the same axes by `ax=display.ax_`.

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
        Its bootstrap error, or the spread of folds.
    band : RocBand, default=None
        Error of the background efficiency at given signal efficiencies, with the
        attributes `signal_efficiency`, `background_efficiency`, `error`, `n_eff` and
        `name`; None draws no band.
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
    band_ : matplotlib FillBetweenPolyCollection or None
        Its error.
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
        band: RocBand | None = None,
        name: str | None = None,
        pos_label: object = None,
    ) -> None:
        self.background_efficiency = background_efficiency
        self.signal_efficiency = signal_efficiency
        self.thresholds = thresholds
        self.background_n_eff = background_n_eff
        self.roc_auc = roc_auc
        self.roc_auc_error = roc_auc_error
        self.band = band
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
        """Draw the curve of given scores, its error from a bootstrap.

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
            Replicas of the bootstrap that gives the errors of the curve and of the
            area; 0 leaves the errors out.
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
        error = band = None
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
            band = bootstrap_band(
                y_true,
                y_score,
                sample_weight,
                pos_label=pos_label,
                n_replicas=n_replicas,
                random_state=random_state,
            )
        display = cls(
            background_efficiency=background,
            signal_efficiency=signal,
            thresholds=thresholds,
            background_n_eff=np.append(0.0, scan.n_eff_b),
            roc_auc=weighted_roc_auc(
                y_true, y_score, sample_weight, pos_label=pos_label
            ),
            roc_auc_error=error,
            band=band,
            name=name,
            pos_label=pos_label,
        )
        return display.plot(
            ax, rejection=rejection, plot_chance_level=plot_chance_level, **kwargs
        )

    @classmethod
    def from_folds(
        cls,
        y_true: ArrayLike,
        y_score: ArrayLike,
        fold: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        pos_label: object = None,
        rejection: Rejection = "complement",
        plot_chance_level: bool = False,
        name: str | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        r"""Draw the mean curve of the folds of a cross-validation, with their spread.

        The spread is that of single folds, from their events and from the trainings. It
        is not the error of the mean, whose folds share training events.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Labels of two classes.
        y_score : array-like of shape (n_samples,)
            Score of each event by the model that has not seen it, such as
            `oof_decision_function_` of a `CrossFitClassifier`.
        fold : array-like of shape (n_samples,), dtype int
            Fold of each event, such as `fold_` of a `CrossFitClassifier`; negative
            numbers are left out.
        sample_weight : array-like of shape (n_samples,), default=None
            Physics weights, negative ones too; None counts every event once.
        pos_label : label or list of labels, default=None
            The label of the signal, or those of several signal classes, against all
            others; None takes the larger one of two in sorted order.
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
            With the mean and the standard deviation of the areas of the folds.

        Raises
        ------
        ValueError
            If there are fewer than two folds, a fold lacks a class, or an argument is
            not as described.
        WeightsError
            If the weights of a class of a fold do not sum to more than 0.
        ImportError
            If matplotlib is not installed.

        Warns
        -----
        AssumedSignalWarning
            If `pos_label` is None and the labels are texts that do not say which of
            them is the signal.

        Examples
        --------
        >>> import numpy as np
        >>> from skhep_dnn.inspection import WeightedRocCurveDisplay
        >>> rng = np.random.default_rng(0)
        >>> y = rng.choice(["b", "s"], size=1000)
        >>> display = WeightedRocCurveDisplay.from_folds(
        ...     y, rng.normal(size=1000) + (y == "s"), np.arange(1000) % 5
        ... )
        >>> display.band_.get_label()
        'spread of 5 folds (1$\\,\\sigma$)'
        """
        pos_label = resolve_pos_label(y_true, pos_label)
        labels, scores, folds = np.asarray(y_true), np.asarray(y_score), _checked(fold)
        check_consistent_length(labels, scores, folds, sample_weight)
        curves = []
        for number in np.unique(folds[folds >= 0]).tolist():
            rows = folds == number
            weights = None
            if sample_weight is not None:
                weights = np.asarray(sample_weight)[rows]
            curves.append(
                fold_curve(labels[rows], scores[rows], weights, pos_label=pos_label)
            )
        return cls._of_folds(curves, pos_label, name).plot(
            ax, rejection=rejection, plot_chance_level=plot_chance_level, **kwargs
        )

    @classmethod
    def from_cv_results(
        cls,
        cv_results: Mapping[str, Any],
        X: ArrayLike,
        y: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        response_method: str = "auto",
        pos_label: object = None,
        rejection: Rejection = "complement",
        plot_chance_level: bool = False,
        name: str | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the mean curve of cross-validated estimators, with their spread.

        Parameters
        ----------
        cv_results : dict
            Of `sklearn.model_selection.cross_validate` with ``return_estimator=True``
            and ``return_indices=True``.
        X : array-like of shape (n_samples, n_features)
            The events that were cross-validated.
        y : array-like of shape (n_samples,)
            Their labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Physics weights, negative ones too; None counts every event once.
        response_method : {"auto", "decision_function", "predict_proba"}, \
                default="auto"
            The score: "auto" takes `decision_function` where there is one.
        pos_label : label or list of labels, default=None
            The label of the signal, or those of several signal classes, against all
            others; None takes ``classes_[1]`` of two.
        rejection : {"complement", "inverse"}, default="complement"
            One minus the background efficiency, or one over it on a logarithmic axis.
        plot_chance_level : bool, default=False
            Draw the line of a score that says nothing.
        name : str, default=None
            Name in the legend; None takes that of the class of the estimators.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.plot`.

        Returns
        -------
        display : WeightedRocCurveDisplay
            With the mean and the standard deviation of the areas of the folds.

        Raises
        ------
        ValueError
            If estimators or indices are missing, there are fewer than two, or an
            argument is not as described.
        WeightsError
            If the weights of a class of a fold do not sum to more than 0.
        ImportError
            If matplotlib is not installed.
        """
        estimators, tests = _checked_results(cv_results)
        labels = np.asarray(y)
        signal = signal_label(estimators[0], pos_label)
        curves = []
        for estimator, rows in zip(estimators, tests, strict=True):
            scores = signal_scores(
                estimator,
                _safe_indexing(X, rows),
                response_method=response_method,
                pos_label=signal,
            )
            weights = None
            if sample_weight is not None:
                weights = np.asarray(sample_weight)[rows]
            curves.append(fold_curve(labels[rows], scores, weights, pos_label=signal))
        if name is None:
            name = type(estimators[0]).__name__
        return cls._of_folds(curves, signal, name).plot(
            ax, rejection=rejection, plot_chance_level=plot_chance_level, **kwargs
        )

    @classmethod
    def _of_folds(
        cls, curves: list[FoldCurve], pos_label: object, name: str | None
    ) -> Self:
        if len(curves) < 2:
            msg = (
                "`fold` must be of two folds or more, to show their spread, got "
                f"{len(curves)}. Use `from_predictions` for one sample."
            )
            raise ValueError(msg)
        band = fold_band(curves)
        areas = [curve.roc_auc for curve in curves]
        return cls(
            background_efficiency=band.background_efficiency,
            signal_efficiency=band.signal_efficiency,
            background_n_eff=band.n_eff,
            roc_auc=float(np.mean(areas)),
            roc_auc_error=float(np.std(areas, ddof=1)),
            band=band,
            name=name,
            pos_label=pos_label,
        )

    def plot(
        self,
        ax: Axes | None = None,
        *,
        name: str | None = None,
        rejection: Rejection = "complement",
        plot_chance_level: bool = False,
        plot_band: bool = True,
        **kwargs: Any,
    ) -> Self:
        """Draw the curve, and its error where it is known.

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
        plot_band : bool, default=True
            Draw the error of the curve as a band, if there is one.
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
        self.band_: FillBetweenPolyCollection | None = None
        if plot_band and self.band is not None:
            self.band_ = self._draw_band(self.band, rejection)
        if plot_chance_level:
            self._draw_chance_level(rejection)
        self.ax_.set(
            xlabel=r"signal efficiency $\varepsilon_s$", ylabel=_YLABELS[rejection]
        )
        if self.ax_.get_legend_handles_labels()[1]:
            complement = rejection == "complement"
            place = "lower left" if complement else "upper right"
            add_fitted_legend(self.ax_, handles=legend_handles(self.ax_), loc=place)
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

    def _draw_band(
        self, band: RocBand, rejection: Rejection
    ) -> FillBetweenPolyCollection:
        value = _rejection(band.background_efficiency, rejection)
        low, high = value - band.error, value + band.error
        if rejection == "inverse":  # as far as the curve is drawn
            value[band.n_eff < _MIN_N_EFF] = np.nan
            # The relative error to first order, symmetric on the logarithmic axis.
            factor = np.exp(band.error * value)
            low, high = value / factor, value * factor
        return self.ax_.fill_between(
            band.signal_efficiency,
            low,
            high,
            color=self.line_.get_color(),
            alpha=0.25,
            linewidth=0,
            label=once_in_legend(self.ax_, band.name),
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
        fit_range(self.ax_, "x")
        low, high = self.ax_.get_xlim()
        self.ax_.set_xlim(min(low, -0.02), max(high, 1.02))
        if rejection == "complement":
            fit_range(self.ax_, "y")
            return
        self.ax_.set_yscale("log")
        leave_headroom(self.ax_, _LOWEST, self._highest(), 0.0, log=True)

    def _highest(self) -> float:
        """Return the upper end of inverse curves, none of which is behind the legend.

        The legend is on the right, where the curves are low: they need not all end
        below it.
        """
        curves = [line for line in self.ax_.lines if line.get_gid() == "curve"]
        x = np.concatenate([np.asarray(line.get_xdata()) for line in curves])
        y = np.concatenate([np.asarray(line.get_ydata()) for line in curves])
        highest = 1.3 * float(np.nanmax(y, initial=1.0))
        legend, room = self.ax_.get_legend(), height_of_legend(self.ax_)
        if legend is None or room > _MOST_ROOM:
            return highest
        box = legend.get_window_extent().transformed(self.ax_.transData.inverted())
        beside = np.interp(0.02, [0.0, 1.0], self.ax_.get_xlim())
        behind = y[x >= box.x0 - beside]
        below = 1.2 * float(np.nanmax(behind, initial=1.0))
        return max(highest, float(_LOWEST * (below / _LOWEST) ** (1 / (1 - room))))


def _checked(fold: ArrayLike) -> NDArray[np.integer[Any]]:
    """Return the folds of the events, or raise a ValueError."""
    folds = np.asarray(fold)
    if folds.ndim != 1 or folds.dtype.kind not in "iu":
        msg = (
            "`fold` must be a whole number for each event, got an array of "
            f"{folds.dtype} of the shape {folds.shape}. Pass `fold_` of a "
            "`CrossFitClassifier`, or the number of the test fold of each event."
        )
        raise ValueError(msg)
    return folds


def _checked_results(
    cv_results: Mapping[str, Any],
) -> tuple[list[BaseEstimator], list[NDArray[np.intp]]]:
    """Return the estimators of a cross-validation and the rows of their test folds."""
    if not {"estimator", "indices"} <= set(cv_results):
        msg = (
            "`cv_results` must have 'estimator' and 'indices', got "
            f"{shown(sorted(cv_results))}. Call `cross_validate` with "
            "return_estimator=True and return_indices=True."
        )
        raise ValueError(msg)
    return list(cv_results["estimator"]), list(cv_results["indices"]["test"])


def _rejection(background_efficiency: FloatArray, rejection: Rejection) -> FloatArray:
    if rejection == "complement":
        return 1.0 - background_efficiency
    inverse = np.full_like(background_efficiency, np.nan)
    np.divide(
        1.0, background_efficiency, out=inverse, where=background_efficiency > 0.0
    )
    return inverse
