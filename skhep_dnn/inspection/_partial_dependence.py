"""What does the score become, on average, if one column had another value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state

from skhep_dnn._tables import table_column
from skhep_dnn.exceptions import WeightsError
from skhep_dnn.inspection._binning import quantiles
from skhep_dnn.inspection._chosen_columns import chosen_columns
from skhep_dnn.inspection._column_labels import column_label
from skhep_dnn.inspection._display import signal_label, signal_scores
from skhep_dnn.inspection._event_spread import event_shares, last_step
from skhep_dnn.inspection._fitting import fit_labels, make_large_axes
from skhep_dnn.inspection._panels import divided
from skhep_dnn.inspection._plotting import NEUTRAL_COLOR, SIGNAL_COLOR, merge_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PolyCollection
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.lines import Line2D

__all__ = ["PartialDependenceCurve", "WeightedPartialDependenceDisplay"]

FloatArray = NDArray[np.float64]
Scores = Callable[[Any], FloatArray]

_MOST = 6  # columns that are drawn if none are named
_PER_ROW = 3
_PANEL = (3.1, 2.3)  # inches
_HEADER = 0.16  # of a panel, for the legend
_TAIL = 0.02  # share of the events beyond the grid on either side
_HISTOGRAM_BINS = 25
_HISTOGRAM_HEIGHT = 0.18  # of a panel
_UNDEFINED_COLOR = "#D55E00"


@dataclass(frozen=True, eq=False)
class PartialDependenceCurve:
    """Mean score against the value of one column, with its error.

    Parameters
    ----------
    label : str
        Name of the column, with its unit.
    grid : ndarray of shape (n_values,)
        Values of the column.
    mean, error : ndarray of shape (n_values,)
        Mean of the score over the events in which the column is defined, and its
        error or spread.
    density : tuple of ndarray
        Contents and edges of a histogram of the column; the largest content is 1.
    undefined : float
        Mean score of the events in which the column is undefined; nan without such.
    undefined_share : float
        Share of the weights of these events.

    See Also
    --------
    WeightedPartialDependenceDisplay : The figure.

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn.inspection import PartialDependenceCurve
    >>> curve = PartialDependenceCurve(
    ...     label="mass [GeV]",
    ...     grid=np.array([0.0, 1.0]),
    ...     mean=np.array([0.2, 0.8]),
    ...     error=np.array([0.1, 0.1]),
    ...     density=(np.array([1.0]), np.array([0.0, 1.0])),
    ...     undefined=float("nan"),
    ...     undefined_share=0.0,
    ... )
    >>> curve.label
    'mass [GeV]'
    """

    label: str
    grid: FloatArray
    mean: FloatArray
    error: FloatArray
    density: tuple[FloatArray, FloatArray]
    undefined: float
    undefined_share: float


class WeightedPartialDependenceDisplay:
    r"""Mean score of weighted events against the value of each column, with a band.

    Make one with `from_estimator`. Each panel has the curve, its band, and at its foot
    the distribution of the column, without which nobody can tell where the curve has
    events behind it.

    Parameters
    ----------
    curves : sequence of PartialDependenceCurve
        What is drawn, row by row.
    band : {"members", "models", "events"}
        What the bands are: the spread over the members of an ensemble or over several
        models, or the error from the number of events.
    response : {"predict_proba", "decision_function"}, default="predict_proba"
        What the score is, for the label.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes that are hidden, in whose place the panels are.
    axes_ : ndarray of matplotlib Axes of shape (n_columns,)
        Panels.
    figure_ : matplotlib Figure
        Figure that contains the axes.
    lines_ : list of matplotlib Line2D
        The curves.
    bands_ : list of matplotlib PolyCollection
        Their bands.
    undefined_ : list of matplotlib Line2D or None
        For each column the score of events in which it is undefined; None where there
        are none.

    See Also
    --------
    PermutationImportanceDisplay : How much a classifier relies on a column.
    sklearn.inspection.PartialDependenceDisplay : Without spread over members.

    Notes
    -----
    With signed weights and the columns :math:`x_c` of an event that stay,

    .. math:: \bar f(v) = \frac{\sum_i w_i f(v, x_{c,i})}{\sum_i w_i} .

    Negative weights count as negative: their events take away what others have in
    excess. With labels both classes count alike; without, the larger yield decides.
    Entries that are undefined stay so: a jet that is not there gets no momentum, and
    the score of its event is drawn as a line of its own.

    The band of several models or members is the standard deviation between them, that
    of one the error of the mean, :math:`\sqrt{\sum_i w_i^2 (f_i - \bar f)^2} /
    \sum_i w_i`. A curve holds all other columns as they are, which of correlated
    columns makes events that do not exist.

    References
    ----------
    .. [1] J. H. Friedman, "Greedy function approximation: a gradient boosting machine",
       Annals of Statistics 29 (2001) 1189, section 8.2.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skhep_dnn.datasets import make_gaussian_events
    >>> from skhep_dnn.inspection import WeightedPartialDependenceDisplay
    >>> events = make_gaussian_events(1000, random_state=0)
    >>> model = LogisticRegression().fit(events.data, events.target)
    >>> display = WeightedPartialDependenceDisplay.from_estimator(
    ...     model,
    ...     events.data,
    ...     events.target,
    ...     sample_weight=events.sample_weight,
    ...     columns=["x0"],
    ... )
    >>> bool((np.diff(display.curves[0].mean) > 0).all())
    True
    """

    def __init__(
        self,
        *,
        curves: Sequence[PartialDependenceCurve],
        band: str,
        response: str = "predict_proba",
    ) -> None:
        self.curves = curves
        self.band = band
        self.response = response

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator | Sequence[BaseEstimator],
        X: ArrayLike,
        y: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        columns: Sequence[str] | Sequence[int] | None = None,
        units: Mapping[str, str] | None = None,
        missing_values: float = float("nan"),
        n_values: int = 20,
        max_events: int | None = 1000,
        response_method: str = "predict_proba",
        pos_label: object = None,
        random_state: int | np.random.RandomState | None = 0,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Compute and draw the mean score against each column.

        Parameters
        ----------
        estimator : estimator or sequence of estimators
            Fitted classifier, or several of folds or seeds, whose spread is the band.
            So is that of the members of one `WeightedDNNClassifier`, or of a pipeline
            that ends with one, fitted to two classes.
        X : array-like or DataFrame of shape (n_samples, n_features)
            Events, preferably not of the training.
        y : array-like of shape (n_samples,), default=None
            Their labels, to count all classes alike; None takes the yields as they are.
        sample_weight : array-like of shape (n_samples,), default=None
            Physics weights, negative ones too; None counts every event once.
        columns : sequence of str or int, default=None
            Names or positions of columns of numbers; None takes the first six.
        units : mapping of str to str, default=None
            Units of columns by their names. A name that ends in "_GeV" or another unit
            has that one.
        missing_values : float, default=nan
            Value that marks an undefined entry besides nan, such as -999.
        n_values : int, default=20
            Number of values of each column: quantiles of the events from 2 to 98 per
            cent, or all values of a column with fewer.
        max_events : int, default=1000
            Largest number of events, drawn at random; None takes all.
        response_method : {"predict_proba", "decision_function", "auto"}, \
                default="predict_proba"
            The score: the probability of the signal, or its decision function, which
            "auto" takes where there is one.
        pos_label : label or list of labels, default=None
            The label of the signal, or those of several signal classes; None takes
            ``classes_[1]`` of two.
        random_state : int, RandomState instance or None, default=0
            Seed of the draw of events.
        ax : matplotlib Axes, default=None
            Axes in whose place to draw; None makes a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.plot` for the curves.

        Returns
        -------
        display : WeightedPartialDependenceDisplay

        Raises
        ------
        ValueError
            If there is no such column of numbers, or an argument is not as described.
        WeightsError
            If the weights of the events, or of a class, or of the events in which a
            column is defined, do not sum to more than 0.
        NotFittedError
            If an estimator is not fitted.
        ImportError
            If matplotlib is not installed.
        """
        models = list(estimator) if isinstance(estimator, list | tuple) else [estimator]
        _check_numbers(len(models), n_values, max_events)
        table, positions, names, values = chosen_columns(
            X, columns, _MOST, missing_values
        )
        rows, shares = _drawn_events(
            len(table), y, sample_weight, max_events, random_state
        )
        table, values = _rows(table, rows), values[rows]
        score, band, of_models = _score_of(models, response_method, pos_label)
        response = response_method
        if response == "auto":
            has = all(hasattr(model, "decision_function") for model in models)
            response = "decision_function" if has else "predict_proba"
        curves = [
            _curve(
                score,
                of_models,
                table,
                position,
                x,
                shares,
                n_values,
                column_label(name, units),
            )
            for position, name, x in zip(positions, names, values.T, strict=True)
        ]
        return cls(curves=curves, band=band, response=response).plot(ax, **kwargs)

    def plot(self, ax: Axes | None = None, **kwargs: Any) -> Self:
        """Draw the panels.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes in whose place to draw; None makes a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.plot` for the curves.

        Returns
        -------
        self : WeightedPartialDependenceDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        n = len(self.curves)
        per_row = min(n, _PER_ROW)
        size = (max(6.0, _PANEL[0] * per_row), _PANEL[1] * (-(-n // per_row) + _HEADER))
        self.lines_: list[Line2D] = []
        self.bands_: list[PolyCollection] = []
        self.undefined_: list[Line2D | None] = []
        with make_large_axes(ax, f"{type(self).__name__}.plot", size) as self.ax_:
            self.figure_: Figure | SubFigure = self.ax_.figure
            self.axes_: NDArray[Any] = divided(self.ax_, n, per_row, header=_HEADER)
            limits = self._common_limits()
            for panel, curve in zip(self.axes_, self.curves, strict=True):
                self._draw(panel, curve, limits, kwargs)
            for k, panel in enumerate(self.axes_):
                if k % per_row == 0:
                    panel.set_ylabel(
                        "mean probability"
                        if self.response == "predict_proba"
                        else "mean decision function"
                    )
            self._add_legend()
            fit_labels(*self.axes_)
        return self

    def _common_limits(self) -> tuple[float, float]:
        """Return the range that all panels show, so that they can be compared."""
        ends = []
        for curve in self.curves:
            seen = [*(curve.mean - curve.error), *(curve.mean + curve.error)]
            if np.isfinite(curve.undefined):
                seen.append(curve.undefined)
            ends += [min(seen), max(seen)]
        low, high = min(ends), max(ends)
        margin = 0.06 * max(high - low, 1e-3)
        # The distributions stand below the lowest curve, if the axis need not go on
        # below a probability of 0 for that.
        foot = _HISTOGRAM_HEIGHT * (high - low + 2 * margin) / (1 - _HISTOGRAM_HEIGHT)
        lowest = 0.0 if self.response == "predict_proba" else -np.inf
        return max(low - margin - foot, lowest), high + margin

    def _draw(
        self,
        ax: Axes,
        curve: PartialDependenceCurve,
        limits: tuple[float, float],
        kwargs: dict[str, Any],
    ) -> None:
        from matplotlib.lines import Line2D  # noqa: PLC0415

        style = {"color": SIGNAL_COLOR, "linewidth": 1.5, "label": "mean"}
        if len(curve.grid) <= 2 or _is_whole(curve.grid):
            style |= {"marker": "o", "markersize": 3}
        (line,) = ax.plot(curve.grid, curve.mean, **merge_style(style, kwargs, Line2D))
        self.lines_.append(line)
        self.bands_.append(
            ax.fill_between(
                curve.grid,
                curve.mean - curve.error,
                curve.mean + curve.error,
                color=line.get_color(),
                alpha=0.3,
                linewidth=0,
                label=_BANDS[self.band],
            )
        )
        level: Line2D | None = None
        if curve.undefined_share != 0.0:
            level = ax.axhline(
                curve.undefined, color=_UNDEFINED_COLOR, linestyle=":", linewidth=1.3
            )
            level.set_label("events without a value")
        self.undefined_.append(level)
        content, edges = curve.density
        ax.stairs(
            _HISTOGRAM_HEIGHT * content,
            edges,
            transform=ax.get_xaxis_transform(),
            fill=True,
            facecolor="#DDDDDD",
            edgecolor=NEUTRAL_COLOR,
            linewidth=0.6,
            zorder=0,
            label="events",
        )
        margin = 0.03 * float(np.ptp(edges))
        ax.set_xlim(edges[0] - margin, edges[-1] + margin)
        ax.set_ylim(limits)
        ax.set_xlabel(curve.label)
        ax.locator_params(axis="x", nbins=5)

    def _add_legend(self) -> None:
        handles: dict[str, Any] = {}
        for panel in self.axes_:
            for handle, label in zip(*panel.get_legend_handles_labels(), strict=True):
                handles.setdefault(label, handle)
        self.ax_.legend(
            handles=list(handles.values()),
            loc="upper center",
            ncols=len(handles),
            frameon=False,
            fontsize="small",
            columnspacing=1.0,
            handlelength=1.4,
        )


_BANDS = {
    "members": "spread of members",
    "models": "spread of models",
    "events": "stat. error",
}


def _check_numbers(n_models: int, n_values: int, max_events: int | None) -> None:
    if n_models == 0:
        msg = "`estimator` must be fitted, got an empty sequence. Pass a classifier."
        raise ValueError(msg)
    for name, value in (("n_values", n_values), ("max_events", max_events)):
        if value is None and name == "max_events":
            continue
        if not isinstance(value, Integral) or value < 2:
            msg = f"`{name}` must be an integer of at least 2, got {value!r}. Pass 20."
            raise ValueError(msg)


def _drawn_events(
    n_samples: int,
    y: ArrayLike | None,
    sample_weight: ArrayLike | None,
    max_events: int | None,
    random_state: int | np.random.RandomState | None,
) -> tuple[NDArray[np.intp], FloatArray]:
    """Return the rows of the events that are scored, and their shares."""
    shares = event_shares(n_samples, y, sample_weight)
    rows = np.flatnonzero(shares)
    if max_events is None or len(rows) <= max_events:
        return rows, shares[rows]
    rng = check_random_state(random_state)
    rows = np.sort(rng.choice(rows, size=max_events, replace=False))
    # The sum of the drawn weights fluctuates: each class has its share again.
    labels = None if y is None else np.asarray(y)[rows]
    return rows, event_shares(len(rows), labels, shares[rows])


def _score_of(
    models: list[BaseEstimator], response_method: str, pos_label: object
) -> tuple[Scores, str, FloatArray]:
    """Return scores by each model or member, what their spread is, and weights."""
    labels = [signal_label(model, pos_label) for model in models]
    if len(models) == 1 and response_method == "predict_proba":
        of_members = _scores_of_members(models[0], labels[0])
        if of_members is not None:
            return of_members

    def scores(table: Any) -> FloatArray:
        return np.array(
            [
                signal_scores(
                    model, table, response_method=response_method, pos_label=label
                )
                for model, label in zip(models, labels, strict=True)
            ]
        )

    band = "models" if len(models) > 1 else "events"
    return scores, band, np.full(len(models), 1.0 / len(models))


def _scores_of_members(
    model: Any, pos_label: object
) -> tuple[Scores, str, FloatArray] | None:
    """Return the scores by each member of an ensemble of networks, if it is one."""
    last = model
    while isinstance(last, Pipeline):
        last = last[-1]
    weights = getattr(last, "member_weights_", ())
    if len(weights) < 2 or not hasattr(last, "net_"):
        return None
    from skhep_dnn.neural_network._member_predictions import (  # noqa: PLC0415 - torch
        probabilities_of_members,
    )

    wanted = pos_label if isinstance(pos_label, list) else [pos_label]
    is_signal = np.array([label in wanted for label in last.classes_.tolist()])

    def scores(table: Any) -> FloatArray:
        network, events = last_step(model, table)
        proba = probabilities_of_members(network, events)
        return np.asarray(proba[..., is_signal].sum(axis=-1))

    return scores, "members", np.asarray(weights)


def _curve(
    score: Scores,
    of_models: FloatArray,
    table: Any,
    position: int,
    x: FloatArray,
    shares: FloatArray,
    n_values: int,
    axis_label: str,
) -> PartialDependenceCurve:
    defined = np.isfinite(x)
    own = shares[defined]
    if not own.sum() > 0.0:
        msg = (
            "`sample_weight` must sum to more than 0 for the events in which a column "
            f"is defined, got {float(own.sum())!r} for {axis_label!r}. Leave the "
            "column out."
        )
        raise WeightsError(msg)
    sizes = np.abs(own) / np.abs(own).sum()
    grid = _grid(x[defined], sizes, n_values)
    events = _rows(table, np.flatnonzero(defined))
    raw = table_column(table, position)
    stacked = _with_values(events, position, _as_given(grid, x, raw))
    scores = score(stacked)
    scores = scores.reshape(len(scores), len(grid), -1)
    means = scores @ own / own.sum()
    undefined, share = float("nan"), float(shares[~defined].sum())
    if (~defined).any() and share > 0.0:
        rest = score(_rows(table, np.flatnonzero(~defined)))
        undefined = float(of_models @ rest @ shares[~defined] / share)
    return PartialDependenceCurve(
        label=axis_label,
        grid=grid,
        mean=of_models @ means,
        error=_error(scores, means, own),
        density=_density(x[defined], sizes, grid),
        undefined=undefined,
        undefined_share=share if np.isfinite(undefined) else 0.0,
    )


def _error(scores: FloatArray, means: FloatArray, shares: FloatArray) -> FloatArray:
    """Return the spread between models, or the error of the mean of one."""
    if len(means) > 1:
        return np.asarray(means.std(axis=0, ddof=1))
    deviation = scores[0] - means[0][:, np.newaxis]
    return np.sqrt(np.square(deviation) @ np.square(shares)) / shares.sum()


def _grid(x: FloatArray, sizes: FloatArray, n_values: int) -> FloatArray:
    different = np.unique(x)
    if len(different) <= n_values:
        return different
    return np.unique(quantiles(x, sizes, np.linspace(_TAIL, 1 - _TAIL, n_values)))  # type: ignore[arg-type]


def _as_given(grid: FloatArray, x: FloatArray, raw: NDArray[Any]) -> NDArray[Any]:
    """Return the entries of the table that have the values of the grid."""
    order = np.argsort(x, kind="stable")
    return raw[order[np.searchsorted(x[order], grid)]]


def _rows(table: Any, rows: NDArray[np.intp]) -> Any:
    return table.iloc[rows] if isinstance(table, pd.DataFrame) else table[rows]


def _with_values(table: Any, position: int, values: NDArray[Any]) -> Any:
    """Return the events once for each value of one column, one below the other."""
    repeated = np.repeat(values, len(table))
    rows = np.tile(np.arange(len(table)), len(values))
    if isinstance(table, pd.DataFrame):
        stacked = table.iloc[rows].reset_index(drop=True)
        dtype = stacked.dtypes.iloc[position]
        stacked.isetitem(position, pd.Series(repeated).astype(dtype).array)
        return stacked
    stacked = table[rows]
    stacked[:, position] = repeated
    return stacked


def _density(
    x: FloatArray, sizes: FloatArray, grid: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return a histogram of a column over the range of the grid."""
    low, high = float(grid[0]), float(grid[-1])
    if _is_whole(grid) and high - low <= 2 * _HISTOGRAM_BINS:
        edges = np.arange(low - 0.5, high + 1.0)
    elif low < high:
        edges = np.linspace(low, high, _HISTOGRAM_BINS + 1)
    else:
        edges = np.array([low - 0.5, high + 0.5])
    content = np.histogram(x, edges, weights=sizes)[0]
    return content / max(float(content.max()), np.finfo(float).tiny), edges


def _is_whole(grid: FloatArray) -> bool:
    return bool((grid == np.floor(grid)).all())
