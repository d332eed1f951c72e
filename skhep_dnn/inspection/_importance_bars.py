"""The figure of permutation importances: which features carry the classifier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import Bunch

from skhep_dnn.feature_selection._columns import Groups
from skhep_dnn.feature_selection._scored_samples import Scorer
from skhep_dnn.inspection._fitting import make_large_axes
from skhep_dnn.inspection._permutation_importance import weighted_permutation_importance
from skhep_dnn.inspection._plotting import (
    BACKGROUND_COLOR,
    NEUTRAL_COLOR,
    SIGNAL_COLOR,
    fit_range,
    merge_style,
    plain_numbers,
)
from skhep_dnn.metrics._bootstrap import format_with_error

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import BarContainer
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.lines import Line2D

__all__ = ["PermutationImportanceDisplay"]

FloatArray = NDArray[np.float64]
Rows = NDArray[np.intp]

_XLABELS = {
    "balanced_log_loss": "increase of the balanced log-loss (nats)",
    "roc_auc": "decrease of the AUC",
    "balanced_accuracy": "decrease of the balanced accuracy",
    "accuracy": "decrease of the accuracy",
}
_CUT_COLOR = "#CCCCCC"
_ROOM_FOR_VALUES = 0.42  # beside the bars, in units of the range they take
_NEGLIGIBLE = 1e-3  # of the largest importance, below which no digits are printed


class PermutationImportanceDisplay:
    """Bars of the importance of each feature or group, the largest on top.

    Make one with `from_estimator` or `from_importance`.

    Parameters
    ----------
    importance : Bunch
        Of `weighted_permutation_importance`.
    cut : float, default=None
        Importance up to which a feature is drawn as unimportant; None draws no cut.
    max_features : int, default=20
        Number of the most important features or groups that are drawn; None draws all.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the figure.
    figure_ : matplotlib Figure
        Figure that contains the axes.
    bars_ : matplotlib BarContainer
        The bars, from the top.
    cut_ : matplotlib Line2D or None
        The cut.

    See Also
    --------
    weighted_permutation_importance : The importances and their errors.
    skhep_dnn.feature_selection.compare_after_cut : What a training without the
        unimportant ones does.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skhep_dnn.inspection import PermutationImportanceDisplay
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["b", "s"], 500)
    >>> X = rng.normal(size=(1000, 3)) + (y == "s")[:, np.newaxis] * [0.0, 1.0, 2.0]
    >>> display = PermutationImportanceDisplay.from_estimator(
    ...     LogisticRegression().fit(X, y), X, y, random_state=0
    ... )
    >>> [label.get_text() for label in display.ax_.get_yticklabels()]
    ['x2', 'x1', 'x0']
    """

    def __init__(
        self,
        *,
        importance: Bunch,
        cut: float | None = None,
        max_features: int | None = 20,
    ) -> None:
        self.importance = importance
        self.cut = cut
        self.max_features = max_features

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator | Sequence[BaseEstimator],
        X: ArrayLike,
        y: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        groups: Groups | None = None,
        indices: Literal["out_of_fold"] | Sequence[ArrayLike] | None = None,
        scoring: str | Scorer | None = None,
        n_repeats: int = 5,
        max_events: int | None = None,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        event_number: ArrayLike | None = None,
        cut: float | None = 0.005,
        max_features: int | None = 20,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Compute and draw the importances of fitted classifiers.

        Parameters
        ----------
        estimator : estimator or sequence of estimators
            Fitted classifier, or several of folds or seeds. Each event is scored by the
            model of a `CrossFitClassifier` that its event number selects.
        X : array-like or DataFrame of shape (n_samples, n_features)
            Events.
        y : array-like of shape (n_samples,)
            Their labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Physics weights, in events; None counts every event once.
        groups : mapping of str to sequence of str or int, default=None
            Columns that are permuted together.
        indices : "out_of_fold" or sequence of array-like of int, default=None
            Rows on which each estimator is scored; "out_of_fold" if `X` are the events
            that a `CrossFitClassifier` was fitted to.
        scoring : str or callable, default=None
            The score; None takes the balanced log-loss.
        n_repeats : int, default=5
            Number of permutations for each estimator.
        max_events : int, default=None
            Score at most so many events of each estimator.
        n_jobs : int, default=None
            Number of processes.
        random_state : int, RandomState instance or None, default=None
            Seed of the permutations.
        event_number : array-like of shape (n_samples,) or (n_samples, 2), default=None
            Event numbers, where `fit` of a `CrossFitClassifier` got some beside the
            events.
        cut : float, default=0.005
            Importance up to which a feature is drawn as unimportant; None draws no cut.
        max_features : int, default=20
            Number of the most important features or groups that are drawn; None draws
            all.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.barh`.

        Returns
        -------
        display : PermutationImportanceDisplay

        Raises
        ------
        ValueError
            If an argument is not as `weighted_permutation_importance` describes it.
        ImportError
            If matplotlib is not installed.
        """
        importance = weighted_permutation_importance(
            estimator,
            X,
            y,
            sample_weight,
            groups=groups,
            indices=indices,
            scoring=scoring,
            n_repeats=n_repeats,
            max_events=max_events,
            n_jobs=n_jobs,
            random_state=random_state,
            event_number=event_number,
        )
        return cls.from_importance(
            importance, cut=cut, max_features=max_features, ax=ax, **kwargs
        )

    @classmethod
    def from_importance(
        cls,
        importance: Bunch,
        *,
        cut: float | None = 0.005,
        max_features: int | None = 20,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw importances that were computed before.

        Parameters
        ----------
        importance : Bunch
            Of `weighted_permutation_importance`.
        cut : float, default=0.005
            Importance up to which a feature is drawn as unimportant; None draws no cut.
        max_features : int, default=20
            Number of the most important features or groups that are drawn; None draws
            all.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.barh`.

        Returns
        -------
        display : PermutationImportanceDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        display = cls(importance=importance, cut=cut, max_features=max_features)
        return display.plot(ax, **kwargs)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        show_values: bool = True,
        **kwargs: Any,
    ) -> Self:
        """Draw the bars, their errors and the cut.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        show_values : bool, default=True
            Print importance and error beside each bar.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.barh`.

        Returns
        -------
        self : PermutationImportanceDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        means = np.asarray(self.importance.importances_mean)
        order = np.argsort(-means)[: self.max_features]
        errors = np.nan_to_num(self.importance.errors)
        size = (6.4, 1.5 + 0.24 * len(order))
        with make_large_axes(ax, f"{type(self).__name__}.plot", size) as self.ax_:
            self.figure_: Figure | SubFigure = self.ax_.figure
            self._draw_bars(order, means, errors, kwargs)
            if show_values:
                self._print_values(order, means, errors)
            self.cut_: Line2D | None = None
            if self.cut is not None:
                self.cut_ = self._draw_cut(self.cut)
            self._label()
        return self

    def _draw_bars(
        self, order: Rows, means: FloatArray, errors: FloatArray, kwargs: dict[str, Any]
    ) -> None:
        from matplotlib.patches import Rectangle  # noqa: PLC0415

        cut = -np.inf if self.cut is None else self.cut
        is_kept = means[order] > cut
        style = {
            "color": np.where(is_kept, SIGNAL_COLOR, _CUT_COLOR),
            "hatch": np.where(is_kept, "", "////"),
            "edgecolor": "white",
            "linewidth": 0,
            "height": 0.7,
        }
        self.bars_: BarContainer = self.ax_.barh(
            np.arange(len(order)),
            means[order],
            xerr=errors[order],
            error_kw={"elinewidth": 1.1, "capsize": 2, "ecolor": "black"},
            **merge_style(style, kwargs, Rectangle),
        )
        names = [self.importance.names[i] for i in order]
        self.ax_.set_yticks(np.arange(len(order)), names, fontsize="small")
        for label, kept in zip(self.ax_.get_yticklabels(), is_kept, strict=True):
            label.set_color("black" if kept else NEUTRAL_COLOR)
        self.ax_.invert_yaxis()

    def _print_values(self, order: Rows, means: FloatArray, errors: FloatArray) -> None:
        fit_range(self.ax_, "x")
        right_of = max(0.0, 0.0 if self.cut is None else self.cut)
        negligible = _NEGLIGIBLE * float(np.abs(means[order]).max(initial=0.0))
        for row, i in enumerate(order):
            text = format_with_error(means[i], errors[i])
            if max(abs(means[i]), errors[i]) < negligible:
                text = f"below {negligible:.1g}"
            self.ax_.annotate(
                text.replace("-", "\N{MINUS SIGN}"),
                (max(means[i] + errors[i], right_of), row),
                xytext=(5, 0),
                textcoords="offset points",
                va="center",
                fontsize="small",
                color=NEUTRAL_COLOR if self._is_below(means[i]) else "black",
            )
        low, high = self.ax_.get_xlim()
        self.ax_.set_xlim(low, high + _ROOM_FOR_VALUES * (high - low))

    def _is_below(self, mean: float) -> bool:
        return self.cut is not None and mean <= self.cut

    def _draw_cut(self, cut: float) -> Line2D:
        return self.ax_.axvline(
            cut,
            color=BACKGROUND_COLOR,
            linestyle="--",
            linewidth=1,
            label=f"cut at {cut:g}, grey below",
        )

    def _label(self) -> None:
        scoring = self.importance.scoring
        self.ax_.set_xlabel(_XLABELS.get(scoring, f"decrease of {scoring}"))
        plain_numbers(self.ax_)
        self.ax_.axvline(0.0, color="black", linewidth=0.8)
        self.ax_.set_ylim(len(self.bars_) - 0.4, -0.6)
        self.bars_.set_label(self._meaning())
        self.ax_.legend(
            loc="lower right",
            bbox_to_anchor=(1.0, 1.0),
            borderaxespad=0.1,
            frameon=False,
            fontsize="small",
        )

    def _meaning(self) -> str:
        n_models = len(self.importance.baseline_scores)
        n_repeats = self.importance.importances.shape[1] // n_models
        times = "1 permutation" if n_repeats == 1 else f"{n_repeats} permutations"
        shown, found = len(self.bars_), len(self.importance.names)
        part = f"the largest {shown} of {found}: " if shown < found else ""
        if n_models == 1:
            return f"{part}mean and error of {times}"
        return f"{part}mean and error of {n_models} models, {times} each"
