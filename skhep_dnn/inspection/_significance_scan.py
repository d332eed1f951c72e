"""Where was the cut placed, and how well is the significance known there.

The significance of all cuts on the score with its statistical error, the cut that was
chosen, and the region in which too few background events are left to believe any of it.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator

from skhep_dnn._validation import check_scores, check_signal
from skhep_dnn.inspection._plotting import (
    NEUTRAL_COLOR,
    curve_style,
    make_axes,
    merge_style,
)
from skhep_dnn.inspection._response import signal_label, signal_scores
from skhep_dnn.inspection._scan_errors import (
    bootstrap_errors,
    make_grid,
    propagated_errors,
)
from skhep_dnn.metrics import SignificanceScan, WorkingPoint, significance_scan
from skhep_dnn.metrics._bootstrap_result import format_with_error
from skhep_dnn.metrics._class_sums import check_class_weights, scale_classes
from skhep_dnn.metrics._figure_of_merit import Kind

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import FillBetweenPolyCollection
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.lines import Line2D
    from matplotlib.patches import Rectangle

__all__ = ["SignificanceScanDisplay"]

FloatArray = NDArray[np.float64]
Abscissa = Literal["threshold", "signal_efficiency"]

_XLABELS = {
    "threshold": "threshold on the classifier score",
    "signal_efficiency": r"signal efficiency $\varepsilon_s$",
}
_MARGIN = 0.03
_HEADROOM = 0.3  # share of the height that is left to the legend
_ALL_SIGNAL = 0.995  # lower thresholds, which select more, have nothing to show


class SignificanceScanDisplay:
    """Significance against the cut on the score, with errors and the chosen cut.

    Make one with `from_estimator`, `from_predictions` or `from_scan`. The maximum of
    such a curve is biased upwards: choose the cut on one sample and show it on another,
    where the significance at the cut is the figure to quote.

    Parameters
    ----------
    scan : SignificanceScan
        The scan of all thresholds.
    grid : ndarray of shape (n_grid,)
        Rising thresholds at which the error is known.
    z_grid, z_error : ndarray of shape (n_grid,)
        Significance there and its error, nan where undefined.
    point : WorkingPoint, default=None
        What the chosen cut selects of the scanned events; None draws no cut.
    point_error : float, default=nan
        Error of its significance.
    chosen_here : bool, default=False
        Whether the cut was chosen on the scanned events themselves.
    min_n_eff : float, default=25.0
        Number of effective background events below which the figure is grey.
    name : str, default=None
        Name of the classifier in the legend.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the figure.
    figure_ : matplotlib Figure
        Figure that contains the axes.
    line_ : matplotlib Line2D
        The significance.
    band_ : matplotlib FillBetweenPolyCollection
        Its error.
    cut_ : matplotlib Line2D or None
        The chosen cut.
    low_statistics_ : list of matplotlib Rectangle
        The regions with too few effective background events.

    See Also
    --------
    skhep_dnn.metrics.significance_scan : The scan.
    skhep_dnn.metrics.threshold_at_maximum : One way to choose the cut.

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn.inspection import SignificanceScanDisplay
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["b", "s"], 2000)
    >>> display = SignificanceScanDisplay.from_predictions(
    ...     y,
    ...     rng.normal(size=4000) + 2 * (y == "s"),
    ...     sample_weight=np.where(y == "s", 0.05, 1.0),
    ...     threshold=2.0,
    ...     random_state=0,
    ... )
    >>> round(display.point.z, 2), round(display.point_error, 2)
    (6.73, 0.47)
    """

    def __init__(
        self,
        *,
        scan: SignificanceScan,
        grid: FloatArray,
        z_grid: FloatArray,
        z_error: FloatArray,
        point: WorkingPoint | None = None,
        point_error: float = float("nan"),
        chosen_here: bool = False,
        min_n_eff: float = 25.0,
        name: str | None = None,
    ) -> None:
        self.scan = scan
        self.grid = grid
        self.z_grid = z_grid
        self.z_error = z_error
        self.point = point
        self.point_error = point_error
        self.chosen_here = chosen_here
        self.min_n_eff = min_n_eff
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: ArrayLike,
        y: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        threshold: WorkingPoint | float | None = None,
        response_method: str = "auto",
        pos_label: object = None,
        name: str | None = None,
        ax: "Axes | None" = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the scan of a fitted classifier.

        Parameters
        ----------
        estimator : estimator
            Fitted binary classifier, or a pipeline that ends with one.
        X : array-like of shape (n_samples, n_features)
            Events.
        y : array-like of shape (n_samples,)
            Their labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Their physics weights, in events; None counts every event once.
        threshold : WorkingPoint or float, default=None
            The chosen cut on the score; None draws none.
        response_method : {"auto", "decision_function", "predict_proba"}, \
                default="auto"
            The score; "auto" takes `decision_function` where there is one.
        pos_label : label, default=None
            The label of the signal; None takes ``classes_[1]``.
        name : str, default=None
            Name in the legend; None takes that of the class of the estimator.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        **kwargs : dict
            The other options of `from_predictions`: `kind`, `b_reg`, `signal_yield`,
            `min_n_eff`, `x` and so on.

        Returns
        -------
        display : SignificanceScanDisplay

        Raises
        ------
        ValueError
            If the estimator is not a binary classifier, or an argument is not as
            described.
        WeightsError
            If the weights of a class do not sum to more than 0.
        ImportError
            If matplotlib is not installed.
        """
        pos_label = signal_label(estimator, pos_label)
        y_score = signal_scores(
            estimator, X, response_method=response_method, pos_label=pos_label
        )
        return cls.from_predictions(
            y,
            y_score,
            sample_weight=sample_weight,
            threshold=threshold,
            pos_label=pos_label,
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
        threshold: WorkingPoint | float | None = None,
        kind: Kind = "asimov",
        b_reg: float | None = None,
        sigma_b: float = 0.0,
        rel_sigma_b: float = 0.0,
        mc_stat: bool = False,
        signal_yield: float | None = None,
        background_yield: float | None = None,
        pos_label: object = None,
        min_n_eff: float = 25.0,
        n_replicas: int = 200,
        random_state: int | np.random.RandomState | None = None,
        x: Abscissa = "threshold",
        name: str | None = None,
        ax: "Axes | None" = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the scan of given scores, its error from a bootstrap.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Labels of two classes.
        y_score : array-like of shape (n_samples,)
            `decision_function(X)`, or the signal's column of `predict_proba(X)`.
        sample_weight : array-like of shape (n_samples,), default=None
            Physics weights, in events; None counts every event once.
        threshold : WorkingPoint or float, default=None
            The chosen cut, best from another sample; None draws none. A working point
            of these very events is marked as such in the legend.
        kind : {"asimov", "ams", "s_over_sqrt_b", "s_over_sqrt_sb"}, default="asimov"
            The significance.
        b_reg : float or None, default=None
            Added to `b`, in events; None means 10 for "ams" and 0 otherwise.
        sigma_b : float, default=0.0
            Absolute uncertainty of `b`, in events.
        rel_sigma_b : float, default=0.0
            Relative uncertainty of `b`.
        mc_stat : bool, default=False
            Whether the Monte Carlo variance of `b` counts as an uncertainty too.
        signal_yield, background_yield : float, default=None
            Full expected yields, in events, to which the weights are rescaled when the
            sample is a part of all events; None leaves them.
        pos_label : label, default=None
            The label of the signal; None takes the larger one in sorted order.
        min_n_eff : float, default=25.0
            Number of effective background events below which the figure is grey.
        n_replicas : int, default=200
            Replicas of the weighted Poisson bootstrap, at least 2.
        random_state : int, RandomState instance or None, default=None
            Seed of the replicas.
        x : {"threshold", "signal_efficiency"}, default="threshold"
            The horizontal axis.
        name : str, default=None
            Name of the classifier in the legend.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.plot`.

        Returns
        -------
        display : SignificanceScanDisplay

        Raises
        ------
        ValueError
            If an argument is not as described.
        WeightsError
            If the weights of a class do not sum to more than 0.
        ImportError
            If matplotlib is not installed.
        """
        if n_replicas < 2:
            msg = (
                f"`n_replicas` must be at least 2, got {n_replicas!r}. Take 200, or "
                "`from_scan`, which needs no replicas."
            )
            raise ValueError(msg)
        scan = significance_scan(
            y_true,
            y_score,
            sample_weight,
            kind=kind,
            b_reg=b_reg,
            sigma_b=sigma_b,
            rel_sigma_b=rel_sigma_b,
            mc_stat=mc_stat,
            signal_yield=signal_yield,
            background_yield=background_yield,
            pos_label=pos_label,
        )
        is_signal = check_signal(y_true, pos_label)
        weights = check_class_weights(is_signal, sample_weight)
        errors = partial(
            bootstrap_errors,
            is_signal,
            check_scores(y_score, len(is_signal)),
            scale_classes(is_signal, weights, signal_yield, background_yield),
            scan.figure_of_merit,
            n_replicas=n_replicas,
            random_state=random_state,
        )
        display = cls._with_errors(scan, errors, threshold, min_n_eff, name)
        return display.plot(ax, x=x, **kwargs)

    @classmethod
    def from_scan(
        cls,
        scan: SignificanceScan,
        *,
        threshold: WorkingPoint | float | None = None,
        min_n_eff: float = 25.0,
        x: Abscissa = "threshold",
        name: str | None = None,
        ax: "Axes | None" = None,
        **kwargs: Any,
    ) -> Self:
        """Draw a scan that was made before, its error by linear propagation.

        Parameters
        ----------
        scan : SignificanceScan
            The scan.
        threshold : WorkingPoint or float, default=None
            The chosen cut, best from another sample; None draws none.
        min_n_eff : float, default=25.0
            Number of effective background events below which the figure is grey.
        x : {"threshold", "signal_efficiency"}, default="threshold"
            The horizontal axis.
        name : str, default=None
            Name of the classifier in the legend.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.plot`.

        Returns
        -------
        display : SignificanceScanDisplay

        Raises
        ------
        ValueError
            If an argument is not as described.
        ImportError
            If matplotlib is not installed.
        """
        errors = partial(propagated_errors, scan)
        display = cls._with_errors(scan, errors, threshold, min_n_eff, name)
        return display.plot(ax, x=x, **kwargs)

    @classmethod
    def _with_errors(
        cls,
        scan: SignificanceScan,
        errors: Callable[..., FloatArray],
        threshold: WorkingPoint | float | None,
        min_n_eff: float,
        name: str | None,
    ) -> Self:
        """Return a display whose errors come from a function of `thresholds`."""
        if not min_n_eff >= 0:
            msg = (
                f"`min_n_eff` must be at least 0, got {min_n_eff!r}. Pass a number of "
                "effective background events."
            )
            raise ValueError(msg)
        grid = make_grid(scan)
        point = None
        thresholds = grid
        if threshold is not None:
            if isinstance(threshold, WorkingPoint):
                point = scan.at(threshold.threshold)
            else:
                point = scan.at(float(threshold))
            thresholds = np.append(grid, point.threshold)
        z_error = errors(thresholds=thresholds)
        return cls(
            scan=scan,
            grid=grid,
            z_grid=np.array([scan.at(value).z for value in grid.tolist()]),
            z_error=z_error[: len(grid)],
            point=point,
            point_error=float("nan") if point is None else float(z_error[-1]),
            chosen_here=point is not None and point == threshold,
            min_n_eff=min_n_eff,
            name=name,
        )

    def plot(
        self,
        ax: "Axes | None" = None,
        *,
        name: str | None = None,
        x: Abscissa = "threshold",
        **kwargs: Any,
    ) -> Self:
        """Draw the significance, its error and the chosen cut.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        name : str, default=None
            Name in the legend; None takes the attribute `name`.
        x : {"threshold", "signal_efficiency"}, default="threshold"
            The horizontal axis.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.plot`.

        Returns
        -------
        self : SignificanceScanDisplay

        Raises
        ------
        ValueError
            If `x` is unknown.
        ImportError
            If matplotlib is not installed.
        """
        if x not in _XLABELS:
            msg = f"`x` must be one of {tuple(_XLABELS)!r}, got {x!r}. Choose one."
            raise ValueError(msg)
        self.ax_ = make_axes(ax, f"{type(self).__name__}.plot")
        self.figure_: Figure | SubFigure = self.ax_.figure
        self._draw_curve(self.name if name is None else name, x, kwargs)
        self._draw_low_statistics(x)
        self.cut_: Line2D | None = None
        if self.point is not None:
            self._draw_cut(self.point, x)
        self.ax_.set(xlabel=_XLABELS[x], ylabel=self._ylabel())
        self._set_limits(x)
        self.ax_.legend(
            loc="upper left" if x == "threshold" else "upper right",
            fontsize="small",
            framealpha=1.0,
        )
        return self

    def _draw_curve(
        self, name: str | None, x: Abscissa, kwargs: dict[str, Any]
    ) -> None:
        from matplotlib.lines import Line2D  # noqa: PLC0415

        style = {**curve_style(self.ax_), "label": name or "significance"}
        style = merge_style(style, kwargs, Line2D)
        (self.line_,) = self.ax_.plot(getattr(self.scan, x), self.scan.z, **style)
        self.band_: FillBetweenPolyCollection = self.ax_.fill_between(
            [getattr(point, x) for point in self._grid_points()],
            self.z_grid - self.z_error,
            self.z_grid + self.z_error,
            color=self.line_.get_color(),
            alpha=0.25,
            linewidth=0,
            label=r"statistical error (1$\,\sigma$)",
        )

    def _draw_low_statistics(self, x: Abscissa) -> None:
        self.low_statistics_: list[Rectangle] = []
        position = getattr(self.scan, x)
        finite = position[np.isfinite(position)]
        position = np.clip(position, finite.min(), finite.max())
        label = rf"background $n_\mathrm{{eff}}$ < {self.min_n_eff:g}"
        for start, stop in _runs(self.scan.n_eff_b < self.min_n_eff):
            ends = position[start], position[min(stop, len(position) - 1)]
            span = self.ax_.axvspan(
                min(ends),
                max(ends),
                facecolor="0.95",
                edgecolor="0.8",
                hatch="\\\\\\\\",
                linewidth=0,
                zorder=0,
                label=label,
            )
            self.low_statistics_.append(span)
            label = "_low statistics"  # one entry in the legend is enough

    def _draw_cut(self, point: WorkingPoint, x: Abscissa) -> None:
        figure = format_with_error(point.z, self.point_error)
        label = f"cut at {point.threshold:.3g}: {figure}"
        if self.chosen_here:
            label += "\n(chosen on these events: biased upwards)"
        self.cut_ = self.ax_.axvline(
            getattr(point, x),
            ymax=1 - _HEADROOM,
            color=NEUTRAL_COLOR,
            linestyle=(0, (4, 2)),
            linewidth=1.4,
            label=label,
        )

    def _ylabel(self) -> str:
        figure_of_merit = self.scan.figure_of_merit
        name = {
            "asimov": "Asimov significance",
            "ams": "AMS",
            "s_over_sqrt_b": r"$s / \sqrt{b}$",
            "s_over_sqrt_sb": r"$s / \sqrt{s + b}$",
        }[figure_of_merit.kind]
        if figure_of_merit.b_reg:
            name += rf", $b_r$ = {figure_of_merit.b_reg:g}"
        return rf"{name} ($\sigma$)"

    def _set_limits(self, x: Abscissa) -> None:
        """Fit the region with enough events, and leave room for the legend."""
        self.ax_.set_xlim(*self._horizontal_range(x))
        trusted = np.isfinite(self.scan.z) & (self.scan.n_eff_b >= self.min_n_eff)
        ends = [self.scan.z[trusted]]
        for point, error in zip(self._grid_points(), self.z_error, strict=True):
            if point.n_eff_b >= self.min_n_eff and np.isfinite(error):
                ends.append(point.z + np.array([-error, error]))
        heights = np.concatenate(ends)
        if len(heights):
            low, high = min(0.0, float(heights.min())), float(heights.max())
            self.ax_.set_ylim(low, low + (high - low) / (1 - _HEADROOM))

    def _horizontal_range(self, x: Abscissa) -> tuple[float, float]:
        if x == "signal_efficiency":
            return 0.0, max(1.0, float(self.scan.signal_efficiency.max()))
        below = self.scan.signal_efficiency >= _ALL_SIGNAL
        finite = self.scan.threshold[np.isfinite(self.scan.threshold)]
        high = finite.max()
        low = max(finite.min(), self.scan.threshold[below.argmax()])
        if self.point is not None:
            low, high = min(low, self.point.threshold), max(high, self.point.threshold)
        margin = _MARGIN * (high - low) or 0.5
        return max(low - margin, finite.min()), high + margin

    def _grid_points(self) -> list[WorkingPoint]:
        return [self.scan.at(value) for value in self.grid.tolist()]


def _runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return begin and end of each run of True."""
    changes = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0))
    return [(int(a), int(b)) for a, b in changes.reshape(-1, 2)]
