"""The figure of separation powers: which single columns tell the classes apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skhep_dnn._signal_label import resolve_pos_label
from skhep_dnn._validation import check_scores, check_signal
from skhep_dnn.feature_selection._columns import numeric_columns
from skhep_dnn.inspection._fitting import fit_labels, make_large_axes
from skhep_dnn.inspection._plotting import AVERAGE_COLOR, SIGNAL_COLOR, merge_style
from skhep_dnn.metrics import SeparationPower, separation_power

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import BarContainer
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.text import Annotation

__all__ = ["SeparationDisplay"]

FloatArray = NDArray[np.float64]

_SCORE = "classifier score"
_GREY = "#BBBBBB"
_N_ERRORS = 2.0  # within so many errors of 0 a separation is drawn grey
_MOST = 20


class SeparationDisplay:
    """Bars of the separation power of each column, the largest on top, with errors.

    Make one with `from_data` or `from_separations`. Each column is looked at by itself:
    one that helps in combination alone has a small separation.

    Parameters
    ----------
    separations : mapping of str to SeparationPower
        Of each column.
    max_features : int, default=20
        Number of the largest ones that are drawn; None draws all.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the figure.
    figure_ : matplotlib Figure
        Figure that contains the axes.
    bars_ : matplotlib BarContainer
        The bars, from the top.
    values_ : list of matplotlib Annotation
        The numbers beside them.
    order_ : list of str
        Names of what is drawn, from the top.

    See Also
    --------
    skhep_dnn.metrics.separation_power : The definition.
    skhep_dnn.feature_selection.SeparationSelector : Keeps the best columns.
    PermutationImportanceDisplay : What a classifier relies on.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skhep_dnn.inspection import SeparationDisplay
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["b", "s"], 1000)
    >>> X = pd.DataFrame(rng.normal(size=(2000, 2)), columns=["noise", "mass"])
    >>> X["mass"] += y == "s"
    >>> SeparationDisplay.from_data(X, y).order_
    ['mass', 'noise']
    """

    def __init__(
        self,
        *,
        separations: Mapping[str, SeparationPower],
        max_features: int | None = _MOST,
    ) -> None:
        self.separations = separations
        self.max_features = max_features

    @classmethod
    def from_data(
        cls,
        X: ArrayLike,
        y: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        y_score: ArrayLike | None = None,
        missing_values: float = float("nan"),
        n_bins: int | None = None,
        n_replicas: int = 50,
        random_state: int | np.random.RandomState | None = 0,
        pos_label: object = None,
        max_features: int | None = _MOST,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Compute and draw the separation power of each column.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Events, in columns of numbers.
        y : array-like of shape (n_samples,)
            Their labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Physics weights, negative ones too; None counts every event once.
        y_score : array-like of shape (n_samples,), default=None
            Scores of a classifier, which get a bar of their own to compare with.
        missing_values : float, default=nan
            Value that marks an undefined entry besides nan. Undefined entries are a
            bin of their own.
        n_bins : int, default=None
            As in `skhep_dnn.metrics.separation_power`.
        n_replicas : int, default=50
            Bootstrap replicas for the errors, which are then known to 10 per cent.
        random_state : int, RandomState instance or None, default=0
            Seed of the replicas.
        pos_label : label or list of labels, default=None
            The label of the signal, or those of several signal classes, against all
            others; None takes the larger one of two in sorted order.
        max_features : int, default=20
            Number of the largest ones that are drawn; None draws all.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.barh`.

        Returns
        -------
        display : SeparationDisplay

        Raises
        ------
        ValueError
            If a column is not of numbers, or an argument is not as described.
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
        columns, names = numeric_columns(X, missing_values)
        pos_label = resolve_pos_label(y, pos_label)
        is_signal = check_signal(y, pos_label, "y")
        values = dict(zip(names, columns.T, strict=True))
        if y_score is not None:
            values[_SCORE] = check_scores(y_score, len(is_signal))
        separations = {
            name: separation_power(
                is_signal,
                x,
                sample_weight,
                n_bins=n_bins,
                n_replicas=n_replicas,
                random_state=random_state,
            )
            for name, x in values.items()
        }
        return cls.from_separations(
            separations, max_features=max_features, ax=ax, **kwargs
        )

    @classmethod
    def from_separations(
        cls,
        separations: Mapping[str, SeparationPower],
        *,
        max_features: int | None = _MOST,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw separation powers that were computed before.

        Parameters
        ----------
        separations : mapping of str to SeparationPower
            Of each column.
        max_features : int, default=20
            Number of the largest ones that are drawn; None draws all.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.barh`.

        Returns
        -------
        display : SeparationDisplay

        Raises
        ------
        ValueError
            If there are none, or `max_features` is below 1.
        ImportError
            If matplotlib is not installed.
        """
        if not separations or (max_features is not None and max_features < 1):
            msg = (
                "`separations` must not be empty and `max_features` at least 1, got "
                f"{len(separations)} and {max_features!r}. Pass a column or more."
            )
            raise ValueError(msg)
        return cls(separations=separations, max_features=max_features).plot(
            ax, **kwargs
        )

    def plot(
        self, ax: Axes | None = None, *, show_values: bool = True, **kwargs: Any
    ) -> Self:
        """Draw the bars and their errors.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        show_values : bool, default=True
            Print separation and error beside each bar.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.barh`.

        Returns
        -------
        self : SeparationDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        ranked = sorted(self.separations.items(), key=lambda item: -item[1].value)
        drawn = ranked[: self.max_features]
        self.order_ = [name for name, _ in drawn]
        values = np.array([power.value for _, power in drawn])
        errors = np.nan_to_num([power.error for _, power in drawn])
        size = (6.4, 1.4 + 0.24 * len(drawn))
        with make_large_axes(ax, f"{type(self).__name__}.plot", size) as self.ax_:
            self.figure_: Figure | SubFigure = self.ax_.figure
            self._draw_bars(values, errors, kwargs)
            self.values_: list[Annotation] = []
            if show_values:
                self._print_values(values, errors)
            self._label(len(ranked) - len(drawn))
        return self

    def _draw_bars(
        self, values: FloatArray, errors: FloatArray, kwargs: dict[str, Any]
    ) -> None:
        from matplotlib.patches import Rectangle  # noqa: PLC0415

        is_clear = values > _N_ERRORS * errors
        colors = [
            AVERAGE_COLOR if name == _SCORE else SIGNAL_COLOR if clear else _GREY
            for name, clear in zip(self.order_, is_clear, strict=True)
        ]
        style = {
            "color": colors,
            "hatch": ["" if clear else "////" for clear in is_clear],
            "edgecolor": "white",
            "linewidth": 0,
            "height": 0.7,
        }
        self.bars_: BarContainer = self.ax_.barh(
            np.arange(len(values)),
            values,
            xerr=errors,
            error_kw={"elinewidth": 1.1, "capsize": 2, "ecolor": "black"},
            **merge_style(style, kwargs, Rectangle),
        )
        self.ax_.set_yticks(np.arange(len(values)), self.order_, fontsize="small")
        self.ax_.set_ylim(len(values) - 0.4, -0.6)

    def _print_values(self, values: FloatArray, errors: FloatArray) -> None:
        for row, name in enumerate(self.order_):
            text = str(self.separations[name]).replace("-", "\N{MINUS SIGN}")
            self.values_.append(
                self.ax_.annotate(
                    text,
                    (max(0.0, values[row] + errors[row]), row),
                    xytext=(5, 0),
                    textcoords="offset points",
                    va="center",
                    fontsize="x-small",
                )
            )

    def _label(self, n_left: int) -> None:
        self.ax_.set_xlabel("separation power")
        self.ax_.locator_params(axis="x", nbins=6)
        self.ax_.axvline(0.0, color="black", linewidth=0.8)
        self.bars_.set_label("separation and its statistical error")
        self.ax_.legend(
            handles=[self.bars_],
            loc="lower right",
            bbox_to_anchor=(1.0, 1.0),
            borderaxespad=0.1,
            frameon=False,
            fontsize="small",
        )
        is_grey = any(patch.get_hatch() for patch in self.bars_.patches)
        notes = [f"grey: within {_N_ERRORS:g} errors of 0"] if is_grey else []
        notes += [f"{n_left} smaller ones are not shown"] if n_left else []
        fit_labels(self.ax_)
        self._make_room_for_values()
        if notes:
            self.ax_.annotate(
                "\n".join(notes),
                (0.98, 0.02),
                xycoords="axes fraction",
                ha="right",
                va="bottom",
                fontsize="small",
            )

    def _make_room_for_values(self) -> None:
        """Widen the axis until the numbers are inside of it."""
        low, high = self.ax_.get_xlim()
        box = self.ax_.bbox
        for text in self.values_:
            width = text.get_window_extent().width / box.width
            end = float(text.xy[0])
            # (end - low) / (high - low) + width < 1
            high = max(high, low + (end - low) / max(0.96 - width, 0.1))
        self.ax_.set_xlim(low, high)
