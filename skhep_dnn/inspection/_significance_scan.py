"""Where was the cut placed, and how well is the significance known there.

The significance of all cuts on the score with its statistical error, the cut that was
chosen, and the region in which too few background events are left to believe any of it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skhep_dnn._signal_label import resolve_pos_label
from skhep_dnn.inspection._display import ScoreDisplay
from skhep_dnn.inspection._plotting import make_axes
from skhep_dnn.inspection._scan_drawing import (
    Abscissa,
    checked_abscissa,
    draw_curve,
    draw_cut,
    draw_low_statistics,
    finish_axes,
)
from skhep_dnn.metrics import SignificanceScan, WorkingPoint, significance_scan
from skhep_dnn.metrics._figure_of_merit import Kind
from skhep_dnn.metrics._scan_errors import (
    bootstrap_errors,
    check_n_replicas,
    errors_on_grid,
    propagated_errors,
)
from skhep_dnn.metrics._thresholds import MIN_N_EFF, check_min_n_eff
from skhep_dnn.weights._class_sums import check_events, scale_classes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import ErrorbarContainer
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.lines import Line2D
    from matplotlib.patches import Rectangle

__all__ = ["SignificanceScanDisplay"]

FloatArray = NDArray[np.float64]


class SignificanceScanDisplay(ScoreDisplay):
    """Significance against the cut on the score, with errors and the chosen cut.

    Make one with `from_estimator`, `from_predictions` or `from_scan`. The maximum of
    such a curve is biased upwards: choose the cut on one sample and show it on another,
    where the significance at the cut is the figure to quote.

    Several models are drawn on the same axes by `ax=display.ax_`, each with a name, a
    colour, a band and a cut of its own. Their scores have different scales: draw them
    against the signal efficiency, with ``x="signal_efficiency"``.

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
    cut_value_ : matplotlib ErrorbarContainer or None
        The significance at the cut and its error.
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
        min_n_eff: float = MIN_N_EFF,
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
        min_n_eff: float = MIN_N_EFF,
        n_replicas: int = 200,
        random_state: int | np.random.RandomState | None = None,
        x: Abscissa | None = None,
        name: str | None = None,
        ax: Axes | None = None,
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
        sigma_b, rel_sigma_b : float, default=0.0
            Absolute uncertainty of `b`, in events, and relative one.
        mc_stat : bool, default=False
            Whether the Monte Carlo variance of `b` counts as an uncertainty too.
        signal_yield, background_yield : float, default=None
            Full expected yields, in events, to which the weights are rescaled when the
            sample is a part of all events; None leaves them.
        pos_label : label or list of labels, default=None
            The label of the signal, or those of several signal classes, against all
            others; None takes the larger one of two in sorted order.
        min_n_eff : float, default=25.0
            Number of effective background events below which the figure is grey.
        n_replicas : int, default=200
            Replicas of the weighted Poisson bootstrap, at least 2.
        random_state : int, RandomState instance or None, default=None
            Seed of the replicas.
        x : {"threshold", "signal_efficiency"}, default=None
            The horizontal axis; None takes that of the scans on `ax`, or else
            "threshold". Take "signal_efficiency" to compare models.
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

        Warns
        -----
        AssumedSignalWarning
            If `pos_label` is None and the labels are texts that do not say which of
            them is the signal.
        """
        check_n_replicas(n_replicas)
        pos_label = resolve_pos_label(y_true, pos_label)
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
        is_signal, scores, weights = check_events(
            y_true, y_score, sample_weight, pos_label
        )
        errors = partial(
            bootstrap_errors,
            is_signal=is_signal,
            scores=scores,
            weights=scale_classes(is_signal, weights, signal_yield, background_yield),
            figure_of_merit=scan.figure_of_merit,
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
        min_n_eff: float = MIN_N_EFF,
        x: Abscissa | None = None,
        name: str | None = None,
        ax: Axes | None = None,
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
        x : {"threshold", "signal_efficiency"}, default=None
            The horizontal axis; None takes that of the scans on `ax`, or else
            "threshold". Take "signal_efficiency" to compare models.
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
        errors: Callable[[FloatArray], FloatArray],
        threshold: WorkingPoint | float | None,
        min_n_eff: float,
        name: str | None,
    ) -> Self:
        """Return a display whose errors come from a function of the thresholds."""
        check_min_n_eff(min_n_eff)
        known = errors_on_grid(scan, errors, threshold)
        return cls(scan=scan, **vars(known), min_n_eff=min_n_eff, name=name)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        name: str | None = None,
        x: Abscissa | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the significance, its error and the chosen cut.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        name : str, default=None
            Name in the legend; None takes the attribute `name`.
        x : {"threshold", "signal_efficiency"}, default=None
            The horizontal axis; None takes that of the scans on `ax`, or else
            "threshold". Take "signal_efficiency" to compare models.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.plot`.

        Returns
        -------
        self : SignificanceScanDisplay

        Raises
        ------
        ValueError
            If `x` is unknown, or not that of the scans on `ax`.
        ImportError
            If matplotlib is not installed.
        """
        x = checked_abscissa(x, ax)
        self.ax_ = make_axes(ax, f"{type(self).__name__}.plot")
        self.figure_: Figure | SubFigure = self.ax_.figure
        points = [self.scan.at(value) for value in self.grid.tolist()]
        label = (self.name if name is None else name) or "significance"
        self.line_, self.band_ = draw_curve(
            self.ax_, self.scan, points, self.z_error, x, label, kwargs
        )
        self.low_statistics_: list[Rectangle] = draw_low_statistics(
            self.ax_, self.scan, self.min_n_eff, x
        )
        self.cut_: Line2D | None = None
        self.cut_value_: ErrorbarContainer | None = None
        if self.point is not None:
            self.cut_, self.cut_value_ = draw_cut(
                self.ax_,
                self.point,
                self.point_error,
                x,
                biased=self.chosen_here,
                color=self.line_.get_color(),
            )
        finish_axes(
            self.ax_, self.scan, points, self.z_error, self.point, self.min_n_eff, x
        )
        return self
