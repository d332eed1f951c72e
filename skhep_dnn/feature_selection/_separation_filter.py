"""Which columns separate signal from background, and which say the same.

Columns are ranked by their separation power; of two that are highly correlated the
weaker one is dropped. No model is trained. Source: the choice of input variables in
I. R. Boiko et al., Phys. Part. Nuclei Lett. 21 (2024) 481.
"""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectorMixin
from sklearn.utils import ClassifierTags, Tags
from sklearn.utils.validation import check_is_fitted

from skhep_dnn._event_sample import EventSample, check_event_sample, check_two_classes
from skhep_dnn._learnt_table import LearntTable
from skhep_dnn._messages import shown
from skhep_dnn._native_methods import of_native_events
from skhep_dnn._sklearn import Interval, StrOptions, _fit_context
from skhep_dnn._tables import check_table
from skhep_dnn.feature_selection._columns import (
    Groups,
    kept_groups,
    numeric_columns,
    resolve_groups,
)
from skhep_dnn.feature_selection._rank_correlation import rank_correlation
from skhep_dnn.metrics import SeparationPower, separation_power

__all__ = ["SeparationSelector"]

FloatArray = NDArray[np.float64]


class SeparationSelector(SelectorMixin, BaseEstimator):
    """Keep the columns that separate two classes best, without those that say the same.

    From the highest separation power down, a column is kept unless it is highly
    correlated with one that is kept already. It costs a sort per column, and it sees
    one column at a time: what separates in combination alone looks useless to it.
    `BackwardEliminationSelector` trains instead.

    Parameters
    ----------
    n_features_to_select : int, float or None, default=None
        Largest number of columns, or share of them; None sets no limit. More stay for
        the sake of `groups` and `always_keep`.
    min_separation : float, default=0.0
        Columns must separate by more than this, as a fraction; from 0 to 1.
    min_separation_unit : {"separation", "error"}, default="error"
        Unit of `min_separation`: the separation itself, or its statistical error. With
        the latter 0 keeps what is above 0 at all, and 3 what is significantly so.
    max_correlation : float, default=0.95
        Largest absolute rank correlation of two columns that are kept; 1 keeps all.
    n_bins : int, default=None
        Bins of the separation power; None takes as many as the events allow.
    missing_values : float, default=nan
        Value that marks an undefined entry besides nan, such as -999.
    pos_label : label or list of labels, default=None
        Label of the signal, or of several signal classes, against all others; None
        takes the larger one of two.
    n_replicas : int, default=50
        Bootstrap replicas for the errors of the separations.
    groups : mapping of str to sequence of str or int, default=None
        Columns of which all are kept if one is, by name or position: the components of
        each momentum that a later step must find whole, such as the `momenta` of the
        events of `skhep_dnn.datasets`. None among the columns is left out.
    always_keep : sequence of str or int, default=None
        Names of groups, and names or positions of columns, that are kept whatever they
        separate, such as the categories that a later step names.

    Attributes
    ----------
    support_ : ndarray of bool of shape (n_features,)
        Which columns are selected.
    table_ : DataFrame
        One row for each column, the best first: "feature", "separation", "error",
        "selected", "reason" ("" or why it would be dropped by itself: "separation",
        "correlated" or "number") and "correlated_with", the kept column that says the
        same.
    correlation_ : DataFrame of shape (n_features, n_features)
        Smallest one of the absolute rank correlations in the classes.
    classes_ : ndarray of shape (2,)
        Labels of the classes.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of str
        Names of the columns, if they have any.

    See Also
    --------
    skhep_dnn.metrics.separation_power : The separation of one column.
    weighted_spearman : The correlations.
    BackwardEliminationSelector : Trains without each column.

    Notes
    -----
    Two columns say the same if they are correlated in *each* class: a correlation in
    one class alone separates the classes. A correlation that is undefined counts as 0.
    Undefined values are a bin of the separation of their own.

    With negative weights, separation and correlation take them as they are.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skhep_dnn.feature_selection import SeparationSelector
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["b", "s"], 1000)
    >>> X = pd.DataFrame(rng.normal(size=(2000, 2)), columns=["mass", "noise"])
    >>> X["mass"] += 1.0 * (y == "s")
    >>> X["smeared"] = X["mass"] + 0.1 * rng.normal(size=2000)
    >>> selector = SeparationSelector(min_separation=3.0).set_output(transform="pandas")
    >>> w = rng.exponential(size=2000)
    >>> selector.fit_transform(X, y, sample_weight=w).columns.tolist()
    ['mass']
    >>> selector.table_[["feature", "reason", "correlated_with"]]
       feature      reason correlated_with
    0     mass
    1  smeared  correlated            mass
    2    noise  separation
    """

    table_ = LearntTable()
    correlation_ = LearntTable()

    __metadata_request__fit: ClassVar[dict[str, bool]] = {"sample_weight": True}

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "n_features_to_select": [
            Interval(Real, 0, 1, closed="neither"),
            Interval(Integral, 1, None, closed="left"),
            None,
        ],
        "min_separation": [Interval(Real, None, None, closed="neither")],
        "min_separation_unit": [StrOptions({"separation", "error"})],
        "max_correlation": [Interval(Real, 0, 1, closed="both")],
        "n_bins": [Interval(Integral, 2, None, closed="left"), None],
        "missing_values": [Real],
        "pos_label": "no_validation",
        "n_replicas": [Interval(Integral, 2, None, closed="left")],
        "groups": [dict, None],
        "always_keep": ["array-like", None],
    }

    def __init__(
        self,
        *,
        n_features_to_select: int | float | None = None,
        min_separation: float = 0.0,
        min_separation_unit: Literal["separation", "error"] = "error",
        max_correlation: float = 0.95,
        n_bins: int | None = None,
        missing_values: float = float("nan"),
        pos_label: object = None,
        n_replicas: int = 50,
        groups: Groups | None = None,
        always_keep: Sequence[str | int] | None = None,
    ) -> None:
        self.n_features_to_select = n_features_to_select
        self.min_separation = min_separation
        self.min_separation_unit = min_separation_unit
        self.max_correlation = max_correlation
        self.n_bins = n_bins
        self.missing_values = missing_values
        self.pos_label = pos_label
        self.n_replicas = n_replicas
        self.groups = groups
        self.always_keep = always_keep

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Rank the columns, and choose.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Events, in columns of numbers.
        y : array-like of shape (n_samples,), default=None
            Labels of two classes, or of more with `pos_label`; required.
        sample_weight : array-like of shape (n_samples,), default=None
            Physics weights, negative ones too; None counts every event once.

        Returns
        -------
        self : SeparationSelector

        Raises
        ------
        ValueError
            If there are no labels of two classes, more than two without `pos_label`, a
            column is not of numbers, or one of `groups` or `always_keep` is unknown.
        WeightsError
            If the weights of a class do not sum to more than 0.
        """
        table = check_table(self, X, reset=True)
        events, _ = check_event_sample(
            table, y, sample_weight, estimator=type(self).__name__
        )
        self.classes_ = events.targets.classes
        _check_signal_is_named(self.classes_, self.pos_label)
        columns, names = numeric_columns(events.X, self.missing_values)
        groups = resolve_groups(names, self.groups)
        kept = kept_groups(names, groups, self.always_keep)
        separations = [self._separation(column, events) for column in columns.T]
        self.correlation_ = pd.DataFrame(
            _correlation_in_each(columns, events), index=names, columns=names
        )
        self._choose(separations, names)
        self._complete(groups, kept)
        return self

    def __sklearn_tags__(self) -> Tags:
        """Return scikit-learn's tags: labels of two classes, undefined values."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.target_tags.required = True
        several = self.pos_label is not None
        tags.classifier_tags = ClassifierTags(multi_class=several)
        return tags

    # scikit-learn's own would drop a mask in silence.
    transform = of_native_events(SelectorMixin, "transform")

    def _get_support_mask(self) -> NDArray[np.bool_]:
        check_is_fitted(self)
        support: NDArray[np.bool_] = self.support_
        return support

    def _separation(self, column: FloatArray, events: EventSample) -> SeparationPower:
        return separation_power(
            events.y,
            column,
            events.sample_weight,
            n_bins=self.n_bins,
            pos_label=self.pos_label,
            n_replicas=self.n_replicas,
        )

    def _choose(self, separations: list[SeparationPower], names: list[str]) -> None:
        """Set what is selected, and why the others are not."""
        values = np.array([separation.value for separation in separations])
        errors = np.array([separation.error for separation in separations])
        in_errors = self.min_separation_unit == "error"
        least = self.min_separation * (errors if in_errors else np.ones(len(errors)))
        correlation = self.correlation_.to_numpy()
        most = self._most(len(names))
        kept: list[int] = []
        rows = []
        for i in np.argsort(-values, kind="stable").tolist():
            same = [k for k in kept if correlation[i, k] > self.max_correlation]
            reason = ""
            if not values[i] > least[i]:
                reason = "separation"
            elif same:
                reason = "correlated"
            elif len(kept) >= most:
                reason = "number"
            else:
                kept.append(i)
            rows.append(
                {
                    "feature": names[i],
                    "separation": values[i],
                    "error": errors[i],
                    "selected": not reason,
                    "reason": reason,
                    "correlated_with": names[same[0]] if reason == "correlated" else "",
                }
            )
        self.table_ = pd.DataFrame(rows)
        self.support_ = np.isin(np.arange(len(names)), kept)

    def _complete(self, groups: dict[str, list[int]], kept: frozenset[str]) -> None:
        """Add what stays for the sake of its group, or in any case."""
        for name, positions in groups.items():
            if name in kept or self.support_[positions].any():
                self.support_[positions] = True
        names = self.correlation_.columns[self.support_]
        table = self.table_
        self.table_ = table.assign(selected=table["feature"].isin(names))

    def _most(self, n_features: int) -> int:
        wanted = self.n_features_to_select
        if wanted is None:
            return n_features
        if isinstance(wanted, Integral):
            return int(wanted)
        return max(1, int(wanted * n_features))


def _check_signal_is_named(classes: NDArray[Any], pos_label: object) -> None:
    check_two_classes(classes)
    if len(classes) > 2 and pos_label is None:
        msg = (
            "Only binary classification is supported by a separation without "
            f"`pos_label`: `y` must hold two classes, got {shown(classes)}. Name "
            "the class, or the classes, to separate from the others by `pos_label`."
        )
        raise ValueError(msg)


def _correlation_in_each(columns: FloatArray, events: EventSample) -> FloatArray:
    """Return the smallest absolute correlation of the classes; 0 if undefined."""
    parts = []
    for code in range(len(events.targets.classes)):
        rows = np.flatnonzero(events.targets.codes == code)
        of_class = rank_correlation(columns[rows], events.sample_weight[rows])
        parts.append(np.nan_to_num(np.abs(np.asarray(of_class)), nan=0.0))
    smaller: FloatArray = np.min(parts, axis=0)
    np.fill_diagonal(smaller, 1.0)
    return smaller
