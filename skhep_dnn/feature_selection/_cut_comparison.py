"""Can the unimportant columns go: retrain without them and compare.

An importance tells what fitted models rely on; only another training tells what it can
do without. Both trainings see the same folds, and their difference has a paired error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from numbers import Integral
from textwrap import wrap
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.model_selection import (
    BaseCrossValidator,
    StratifiedKFold,
    check_cv,
    cross_val_predict,
)
from sklearn.utils import Bunch, check_random_state

from skhep_dnn._fold_numbers import as_splitter
from skhep_dnn._tables import select_columns
from skhep_dnn._validation import check_event_weights, check_signal
from skhep_dnn.feature_selection._columns import (
    check_columns_are_named,
    named_table,
)
from skhep_dnn.feature_selection._important_columns import important_columns
from skhep_dnn.metrics import PairedBootstrapResult, paired_bootstrap

__all__ = ["CutComparison", "compare_after_cut"]

Metric = Callable[..., float]
Splits = list[tuple[NDArray[np.intp], NDArray[np.intp]]]

_LINE_WIDTH = 88
_BETTER = {"balanced_log_loss": "less", "roc_auc": "more"}


@dataclass(frozen=True, eq=False, repr=False)
class CutComparison:
    """A classifier trained on all columns and on the important ones.

    Attributes
    ----------
    kept, dropped : list of str
        Names of the columns that were kept and that were cut.
    cut : float
        Importance above which a column was kept.
    scoring : str
        Name of the figure of merit.
    comparison : PairedBootstrapResult
        The figure after the cut, that of all columns and their difference, after minus
        before, on the pooled out-of-fold predictions.

    See Also
    --------
    compare_after_cut : Makes one.

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn.feature_selection import CutComparison
    >>> from skhep_dnn.metrics import PairedBootstrapResult
    >>> CutComparison(
    ...     kept=["mass", "pt"],
    ...     dropped=["phi"],
    ...     cut=0.005,
    ...     scoring="roc_auc",
    ...     comparison=PairedBootstrapResult(0.914, 0.915, -0.001, 0.002, np.zeros(2)),
    ... )
    roc_auc (more is better), out of fold
      all 3 columns          0.9150
      2 of importance >0.005 0.9140
      change                 -0.0010 ± 0.0020 (-0.5 standard errors)
      dropped                phi
    """

    kept: list[str]
    dropped: list[str]
    cut: float
    scoring: str
    comparison: PairedBootstrapResult

    def __repr__(self) -> str:
        """Return both figures, their difference and what was dropped."""
        better = _BETTER.get(self.scoring)
        direction = f" ({better} is better)" if better else ""
        result = self.comparison
        pull = result.difference / result.error if result.error > 0.0 else np.nan
        n_kept, n_dropped = len(self.kept), len(self.dropped)
        lines = {
            f"all {n_kept + n_dropped} columns": f"{result.value_b:.4f}",
            f"{n_kept} of importance >{self.cut:.3g}": f"{result.value_a:.4f}",
            "change": f"{result} ({pull:.1f} standard errors)",
        }
        width = max(map(len, lines))
        rows = [f"  {name:<{width}} {value}" for name, value in lines.items()]
        rows += wrap(
            ", ".join(self.dropped),
            initial_indent=f"  {'dropped':<{width}} ",
            subsequent_indent=" " * (width + 3),
            width=_LINE_WIDTH,
        )
        return "\n".join([f"{self.scoring}{direction}, out of fold", *rows])


def compare_after_cut(
    estimator: BaseEstimator,
    X: ArrayLike,
    y: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    importance: Bunch,
    cut: float = 0.005,
    cv: int | BaseCrossValidator | Iterable[Any] = 5,
    scoring: str | Metric = "balanced_log_loss",
    n_replicas: int = 200,
    n_jobs: int | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> CutComparison:
    """Retrain a classifier without the unimportant columns, and compare.

    Copies of the classifier are trained on all columns and on those above the cut, on
    the same folds, and the pooled out-of-fold predictions are compared on the same
    replicas of the events.

    Parameters
    ----------
    estimator : estimator
        Classifier of two classes with `predict_proba`; it is cloned. With a fixed
        `random_state` it is the same in all folds.
    X : array-like or DataFrame of shape (n_samples, n_features)
        Events.
    y : array-like of shape (n_samples,)
        Their labels.
    sample_weight : array-like of shape (n_samples,), default=None
        Physics weights, passed to `fit` and to the comparison; None counts every event
        once.
    importance : Bunch
        Of `skhep_dnn.inspection.weighted_permutation_importance`, for the same columns.
    cut : float, default=0.005
        Columns are kept if their importance exceeds it, in the unit of the score of
        `importance`.
    cv : int, cross-validator, iterable of splits or fold numbers, default=5
        Folds that hold each event once; an int makes stratified, shuffled ones, a
        column has the fold number of each event.
    scoring : {"balanced_log_loss", "roc_auc"} or callable, \
            default="balanced_log_loss"
        Metric of `paired_bootstrap`: a callable takes labels, probabilities of the
        larger label and `sample_weight`.
    n_replicas : int, default=200
        Replicas of the bootstrap.
    n_jobs : int, default=None
        Number of processes over the folds.
    random_state : int, RandomState instance or None, default=None
        Seed of the folds and the replicas.

    Returns
    -------
    result : CutComparison
        Both figures and their difference, after minus before, printed as a table.

    Raises
    ------
    ValueError
        If `importance` is of other columns or undefined, the cut removes no column or
        all, the labels are not two, or `estimator` names its columns by positions.
    WeightsError
        If the weights of a class do not sum to more than 0.

    See Also
    --------
    important_columns : The columns that are kept.
    skhep_dnn.metrics.paired_bootstrap : The comparison.

    Notes
    -----
    The error is that of other events at the same two trainings. What another seed
    changes is not in it: a change of one or two errors may be that of the seed.

    The importances decide on the columns, so they are best from other events than
    these. That bias favours the cut.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skhep_dnn.feature_selection import compare_after_cut
    >>> from skhep_dnn.inspection import weighted_permutation_importance
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["b", "s"], 500)
    >>> X = rng.normal(size=(1000, 3)) + (y == "s")[:, np.newaxis] * [2.0, 1.0, 0.0]
    >>> model = LogisticRegression()
    >>> importance = weighted_permutation_importance(
    ...     model.fit(X[::2], y[::2]), X[::2], y[::2], random_state=0
    ... )
    >>> result = compare_after_cut(
    ...     model, X[1::2], y[1::2], importance=importance, random_state=0
    ... )
    >>> result.kept, result.dropped
    (['x0', 'x1'], ['x2'])
    >>> abs(result.comparison.difference) < 2 * result.comparison.error
    True
    """
    table, names = named_table(X)
    kept = _check_cut(names, importance, cut)
    check_columns_are_named(estimator)
    labels = np.asarray(y)
    check_signal(labels, name="y")
    if sample_weight is not None:
        sample_weight = check_event_weights(sample_weight, len(table))
    rng = check_random_state(random_state)
    splits = _make_splits(cv, table, labels, rng)
    after, before = (
        _out_of_fold(estimator, part, labels, sample_weight, splits, n_jobs)
        for part in (select_columns(table, kept), table)
    )
    comparison = paired_bootstrap(
        scoring,
        labels,
        after,
        before,
        sample_weight,
        n_replicas=n_replicas,
        random_state=rng,
    )
    return CutComparison(
        kept=[names[i] for i in kept],
        dropped=[name for i, name in enumerate(names) if i not in kept],
        cut=float(cut),
        scoring=scoring if isinstance(scoring, str) else _name_of(scoring),
        comparison=comparison,
    )


def _check_cut(names: Sequence[str], importance: Bunch, cut: float) -> list[int]:
    """Return the positions of the columns that are kept."""
    if list(importance.feature_names) != list(names):
        msg = (
            f"`importance` must be of the columns of `X`, {list(names)[:40]!r}, got "
            f"{list(importance.feature_names)[:40]!r}. Compute it for this table."
        )
        raise ValueError(msg)
    kept = important_columns(importance, cut=cut)
    if len(kept) in {0, len(names)}:
        means = np.asarray(importance.importances_mean)
        msg = (
            f"`cut` must remove some columns and keep some, got {cut!r}, which keeps "
            f"{len(kept)} of {len(names)}. The importances reach from {means.min():.3g}"
            f" to {means.max():.3g}: choose a cut between them."
        )
        raise ValueError(msg)
    return [names.index(name) for name in kept]


def _make_splits(
    cv: Any, table: Any, labels: NDArray[Any], rng: np.random.RandomState
) -> Splits:
    if isinstance(cv, Integral):
        cv = StratifiedKFold(cv, shuffle=True, random_state=rng)
    return list(check_cv(as_splitter(cv), labels, classifier=True).split(table, labels))


def _out_of_fold(
    estimator: BaseEstimator,
    table: NDArray[Any] | pd.DataFrame,
    labels: NDArray[Any],
    sample_weight: ArrayLike | None,
    splits: Splits,
    n_jobs: int | None,
) -> NDArray[np.float64]:
    params = None if sample_weight is None else {"sample_weight": sample_weight}
    proba = cross_val_predict(
        estimator,
        table,
        labels,
        cv=splits,
        method="predict_proba",
        params=params,
        n_jobs=n_jobs,
    )
    return np.asarray(proba, dtype=np.float64)[:, 1]


def _name_of(scoring: Metric) -> str:
    return str(getattr(scoring, "__name__", repr(scoring)))
