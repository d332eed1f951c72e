"""The figure of how far probabilities can be believed.

A probability holds on one prior: at equal yields, on which networks are trained, or at
the yields that are expected. It can be shown on either.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator

from skhep_dnn._signal_label import class_names
from skhep_dnn._validation import check_classes, signal_labels
from skhep_dnn.inspection._display import check_fitted_classifier
from skhep_dnn.inspection._fitting import add_fitted_legend, fit_labels
from skhep_dnn.inspection._plotting import (
    NEUTRAL_COLOR,
    curve_style,
    fit_range,
    make_axes,
    merge_style,
    split_off_panels,
)
from skhep_dnn.metrics import ReliabilityCurve, reliability_curve
from skhep_dnn.metrics._reliability import Strategy
from skhep_dnn.weights import to_physical_prior
from skhep_dnn.weights._class_sums import check_class_weights, sums_by_class

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import ErrorbarContainer
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.patches import StepPatch

__all__ = ["ReliabilityDisplay", "probabilities_at"]

Prior = Literal["balanced", "physical"]

FloatArray = NDArray[np.float64]

_MARKERS = "osD^vP"
_YIELDS = {"balanced": "equal yields", "physical": "the expected yields"}
_DECADES = 1.6  # of effective events up to which numbers between are written
_RARE = 0.01  # lowest mean probability of a bin from which a linear axis shows all


class ReliabilityDisplay:
    """Share of a class against its predicted probability, with errors.

    Below it the effective events behind each point. Make one with `from_estimator`,
    `from_predictions` or of curves.

    Parameters
    ----------
    curves : mapping of str to ReliabilityCurve
        Curves by the name in the legend.
    class_weight : "balanced" or None, default="balanced"
        Whether they are at equal yields, the balanced prior, or at the yields of the
        weights, the physical prior; for the labels of the axes.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the curves.
    ax_n_eff_ : matplotlib Axes
        Axes with the effective events.
    figure_ : matplotlib Figure
        Figure that contains the axes.
    points_ : dict of str to matplotlib ErrorbarContainer
        The curves by name.
    n_eff_ : dict of str to matplotlib StepPatch
        Their effective events.

    See Also
    --------
    skhep_dnn.metrics.reliability_curve : The numbers.
    skhep_dnn.weights.to_physical_prior : Probabilities at the expected yields.

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn.inspection import ReliabilityDisplay
    >>> rng = np.random.default_rng(0)
    >>> p = rng.uniform(size=1000)
    >>> y = np.where(rng.uniform(size=1000) < p, "s", "b")
    >>> display = ReliabilityDisplay.from_predictions(y, p, n_bins=5)
    >>> display.ax_.get_ylabel()
    'share of the class, at equal yields'
    """

    def __init__(
        self,
        *,
        curves: Mapping[str, ReliabilityCurve],
        class_weight: Literal["balanced"] | None = "balanced",
    ) -> None:
        self.curves = curves
        self.class_weight = class_weight

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: ArrayLike,
        y: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        pos_label: object = None,
        class_weight: Literal["balanced"] | None = "balanced",
        prior: Prior | None = None,
        n_bins: int = 10,
        strategy: Strategy | None = None,
        name: str | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw how reliable the probabilities of a fitted classifier are.

        Parameters
        ----------
        estimator : estimator
            Fitted classifier with `predict_proba`, or a pipeline that ends with one.
        X : array-like of shape (n_samples, n_features)
            Events that were not trained on.
        y : array-like of shape (n_samples,)
            Their labels, of all classes.
        sample_weight : array-like of shape (n_samples,), default=None
            Their physics weights, negative ones too; None counts every event once.
        pos_label : label or list of labels, default=None
            As in `from_predictions`.
        class_weight : "balanced" or None, default="balanced"
            Where the probabilities hold: "balanced" at equal yields of all classes, for
            which networks with their default `class_weight` are trained; None at those
            of the weights.
        prior : {"balanced", "physical"}, default=None
            Where they are compared: at equal yields, or at those of the weights, for
            which they are converted if need be; None takes where they hold.
        n_bins : int, default=10
            Number of bins.
        strategy : {"uniform", "quantile", "balanced_quantile"}, default=None
            Bins of equal width, of equal content, or of equal content at equal yields;
            None takes "uniform" on the balanced prior and "balanced_quantile" on the
            physical one, where a rare signal has small probabilities.
        name : str, default=None
            Name in the legend of a single curve; None takes that of the class.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.errorbar`.

        Returns
        -------
        display : ReliabilityDisplay

        Raises
        ------
        ValueError
            If the estimator is no classifier, or an argument is not as described.
        ImportError
            If matplotlib is not installed.
        """
        check_fitted_classifier(estimator)
        return cls.from_predictions(
            y,
            estimator.predict_proba(X),
            sample_weight=sample_weight,
            pos_label=pos_label,
            class_weight=class_weight,
            prior=prior,
            n_bins=n_bins,
            strategy=strategy,
            name=name,
            ax=ax,
            **kwargs,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_proba: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        pos_label: object = None,
        class_weight: Literal["balanced"] | None = "balanced",
        prior: Prior | None = None,
        n_bins: int = 10,
        strategy: Strategy | None = None,
        name: str | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw how reliable given probabilities are.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Labels of two classes or more.
        y_proba : array-like of shape (n_samples,) or (n_samples, n_classes)
            Probability of the signal, or `predict_proba`.
        sample_weight : array-like of shape (n_samples,), default=None
            Physics weights, negative ones too; None counts every event once.
        pos_label : label or list of labels, default=None
            Label of the signal, or of several signal classes, against all others; None
            takes the larger one of two, and of more classes draws a curve for each.
        class_weight : "balanced" or None, default="balanced"
            Where the probabilities hold: "balanced" at equal yields of all classes;
            None at those of the weights, the physical prior.
        prior : {"balanced", "physical"}, default=None
            Where they are compared: at equal yields, or at those of the weights, for
            which they are converted if need be; None takes where they hold.
        n_bins : int, default=10
            Number of bins.
        strategy : {"uniform", "quantile", "balanced_quantile"}, default=None
            Bins of equal width, of equal content, or of equal content at equal yields;
            None takes "uniform" on the balanced prior and "balanced_quantile" on the
            physical one, where a rare signal has small probabilities.
        name : str, default=None
            Name in the legend of a single curve; None takes that of the class.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.errorbar`.

        Returns
        -------
        display : ReliabilityDisplay

        Raises
        ------
        ValueError
            If an argument is not as described.
        WeightsError
            If the weights of a class do not sum to more than 0.
        ImportError
            If matplotlib is not installed.
        """
        classes = np.unique(np.asarray(y_true)).tolist()
        signals: list[object] = [pos_label]
        if pos_label is None:
            signals = list(classes) if len(classes) > 2 else classes[1:]
        if name is not None and len(signals) > 1:
            msg = (
                "`name` must be left out for a curve of each class, got "
                f"{name!r} for {len(signals)} curves. Choose one by `pos_label`."
            )
            raise ValueError(msg)
        y_proba, at = probabilities_at(
            y_true, y_proba, sample_weight, pos_label, class_weight, prior
        )
        if strategy is None:
            strategy = "uniform" if at == "balanced" else "balanced_quantile"
        curves = {
            _name(classes, signal, pos_label)
            if name is None
            else name: reliability_curve(
                y_true,
                y_proba,
                sample_weight,
                pos_label=signal,
                class_weight=at,
                n_bins=n_bins,
                strategy=strategy,
            )
            for signal in signals
        }
        return cls(curves=curves, class_weight=at).plot(ax, **kwargs)

    def plot(
        self, ax: Axes | None = None, *, log: bool | None = None, **kwargs: Any
    ) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on, which are split; None makes a new figure.
        log : bool, default=None
            Whether both axes are logarithmic, on which bins without the class are not
            seen; None makes them so on the physical prior, if there are bins of
            probabilities below 0.01.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.errorbar`.

        Returns
        -------
        self : ReliabilityDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        self.ax_ = make_axes(ax, f"{type(self).__name__}.plot")
        self.figure_: Figure | SubFigure = self.ax_.figure
        (self.ax_n_eff_,) = split_off_panels(self.ax_)
        self.points_: dict[str, ErrorbarContainer] = {}
        self.n_eff_: dict[str, StepPatch] = {}
        if log is None:
            log = self.class_weight is None and self._lowest() < _RARE
        ends = [self._lowest() / 10.0 if log else 0.0, 1.0]
        self.ax_.plot(ends, ends, ":", color=NEUTRAL_COLOR, lw=1.0, label="ideal")
        for k, (name, curve) in enumerate(self.curves.items()):
            seen = curve.share > 0.0 if log else np.isfinite(curve.share)
            self._draw(name, curve, seen, _MARKERS[k % len(_MARKERS)], kwargs)
        self._set_ranges(log=log)
        self._label()
        return self

    def _lowest(self) -> float:
        """Return the lowest mean probability of a bin with a share above 0."""
        curves = self.curves.values()
        means = np.concatenate([c.probability[c.share > 0.0] for c in curves])
        return float(np.min(means[means > 0.0], initial=1.0))

    def _set_ranges(self, *, log: bool) -> None:
        """Show all points, and their errors on linear axes."""
        if not log:
            fit_range(self.ax_, "y")
            low, high = self.ax_.get_ylim()
            self.ax_.set(xlim=(0.0, 1.0), ylim=(min(low, -0.02), max(high, 1.02)))
            return
        low = high = 0.5 * self._lowest()
        for curve in self.curves.values():
            shares = curve.share[curve.share > 0.0]
            low = min(low, 0.5 * float(np.min(shares, initial=low)))
            high = max(high, np.nanmax(curve.probability), np.nanmax(curve.share))
        self.ax_.set(xscale="log", yscale="log", ylim=(low, 2.0 * high))
        self.ax_.set_xlim(0.5 * self._lowest(), min(2.0 * high, 1.0))

    def _draw(
        self,
        name: str,
        curve: ReliabilityCurve,
        seen: NDArray[np.bool_],
        marker: str,
        kwargs: dict[str, Any],
    ) -> None:
        from matplotlib.lines import Line2D  # noqa: PLC0415

        style = curve_style(self.ax_)
        style.pop("gid")
        defaults = {**style, "marker": marker, "markersize": 4.5, "linewidth": 1.1}
        merged = merge_style({**defaults, "label": name}, kwargs, Line2D)
        points = self.ax_.errorbar(
            curve.probability[seen],
            curve.share[seen],
            curve.error[seen],
            **{"capsize": 2.0, "elinewidth": 1.1, **merged},
        )
        points.lines[0].set_gid("curve")
        self.points_[name] = points
        self.n_eff_[name] = self.ax_n_eff_.stairs(
            np.where(curve.n_eff > 0, curve.n_eff, np.nan),
            curve.edges,
            baseline=None,
            color=merged["color"],
            linestyle=merged["linestyle"],
            linewidth=1.1,
        )

    def _label(self) -> None:
        from matplotlib.ticker import LogFormatter, LogLocator  # noqa: PLC0415

        prior = "physical" if self.class_weight is None else "balanced"
        self.ax_.set_ylabel(f"share of the class, at {_YIELDS[prior]}")
        self.ax_.tick_params(labelbottom=False)
        self.ax_n_eff_.set(
            xlabel=f"predicted probability ({prior} prior)",
            ylabel="$n_{eff}$",
            yscale="log",
        )
        fit_range(self.ax_n_eff_, "y", margin=0.1)
        self.ax_n_eff_.yaxis.set_minor_locator(LogLocator(subs=(2.0, 5.0)))
        self.ax_n_eff_.yaxis.set_major_formatter(LogFormatter())
        self.ax_n_eff_.yaxis.set_minor_formatter(
            LogFormatter(minor_thresholds=(_DECADES, _DECADES))
        )
        add_fitted_legend(self.ax_, loc="upper left", frameon=False)
        fit_labels(self.ax_, self.ax_n_eff_)


def probabilities_at(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    sample_weight: ArrayLike | None,
    pos_label: object,
    class_weight: Literal["balanced"] | None,
    prior: Prior | None,
) -> tuple[ArrayLike, Literal["balanced"] | None]:
    """Return the probabilities on a prior, and the yields at which they hold there."""
    if prior not in {None, *_YIELDS}:
        msg = (
            f"`prior` must be one of {tuple(_YIELDS)!r} or None, got {prior!r}. Choose "
            "one."
        )
        raise ValueError(msg)
    own = "physical" if class_weight is None else "balanced"
    if prior in {None, own}:
        return y_proba, class_weight
    codes, names = check_classes(y_true)
    weights = check_class_weights(codes, sample_weight, names)
    yields = sums_by_class(weights, codes.astype(np.intp), len(names))
    proba = np.asarray(y_proba, dtype=np.float64)
    if proba.ndim == 1 and len(names) == 2:
        classes = np.unique(np.asarray(y_true)).tolist()
        column = classes.index(signal_labels(classes, pos_label)[0])
        proba = np.column_stack([1.0 - proba, proba][:: 1 if column else -1])
        converted, at = _converted(proba, yields, prior)
        return converted[:, column], at
    if proba.ndim == 1:
        msg = (
            "`y_proba` must have a column for each class to be shown on another prior, "
            f"got one value for each event of {len(names)} classes. Pass "
            "`predict_proba(X)`."
        )
        raise ValueError(msg)
    return _converted(proba, yields, prior)


def _converted(
    proba: FloatArray, yields: FloatArray, prior: Prior | None
) -> tuple[FloatArray, Literal["balanced"] | None]:
    if prior == "physical":
        return to_physical_prior(proba, yields), None
    equal = np.ones(len(yields))
    return to_physical_prior(proba, equal, training_yields=yields), "balanced"


def _name(classes: list[Any], signal: object, pos_label: object) -> str:
    """Return the name of a class, or that of the signal where one is named or taken."""
    if len(classes) > 2 and pos_label is None:
        return str(signal)
    return class_names(classes, signal)["signal"]
