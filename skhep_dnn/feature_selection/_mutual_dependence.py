"""How well is each feature predicted from all the others, and by which.

A regression of each feature on the others, scored on events that it was not trained on:
a feature that is predicted perfectly brings nothing of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold
from sklearn.utils import check_random_state

from skhep_dnn._validation import check_event_weights
from skhep_dnn.feature_selection._columns import numeric_columns
from skhep_dnn.feature_selection._donors import donor_rows, donor_weights
from skhep_dnn.feature_selection._permutation import permuted_tables

__all__ = ["MutualDependence", "mutual_dependence"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MutualDependence:
    """How well each feature is predicted from the others.

    Attributes
    ----------
    dependence : Series of shape (n_features,)
        Coefficient of determination R2 of the prediction of each feature: 1 is
        perfect, 0 no better than the mean.
    contributions : DataFrame of shape (n_features, n_features)
        Fall of the R2 of the feature of the row when that of the column is permuted;
        nan on the diagonal.

    See Also
    --------
    mutual_dependence : Makes one.

    Examples
    --------
    >>> import pandas as pd
    >>> from skhep_dnn.feature_selection import MutualDependence
    >>> result = MutualDependence(
    ...     pd.Series({"a": 0.1, "b": 0.9}),
    ...     pd.DataFrame({"a": {"b": 1.6}, "b": {"a": 0.2}}),
    ... )
    >>> print(result)
         R2 mostly from
    b 0.900           a
    a 0.100           b
    """

    dependence: pd.Series[float]
    contributions: pd.DataFrame

    def __str__(self) -> str:
        """Return a table of the features, the best predicted first."""
        ordered = self.dependence.sort_values(ascending=False)
        largest = [self._largest(name) for name in ordered.index]
        table = pd.DataFrame({"R2": ordered, "mostly from": largest})
        return table.to_string(float_format="{:.3f}".format)

    def _largest(self, name: str) -> str:
        contributions = self.contributions.loc[name].dropna()
        return str(contributions.idxmax()) if len(contributions) else ""


def mutual_dependence(
    X: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    estimator: BaseEstimator | None = None,
    cv: int = 3,
    max_events: int | None = 10_000,
    missing_values: float = float("nan"),
    n_jobs: int | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> MutualDependence:
    r"""How well each feature is predicted from the others, on weighted events.

    It finds dependences that a correlation matrix does not: on several features at
    once, such as a transverse mass on momenta and an angle, and without a direction.

    Parameters
    ----------
    X : array-like or DataFrame of shape (n_samples, n_features)
        Events with at least two features.
    sample_weight : array-like of shape (n_samples,), default=None
        Physics weights, of which the absolute value counts in the training, the R2 and
        the permutations; None counts every event once.
    estimator : regressor, default=None
        Takes `sample_weight` in `fit`, and undefined entries if there are some. None
        takes `HistGradientBoostingRegressor`, as in the notes.
    cv : int, default=3
        Number of folds, at least 2.
    max_events : int, default=10_000
        Use at most so many events, drawn at random; None uses all.
    missing_values : float, default=nan
        Value that marks an undefined entry besides nan, such as -999. A feature is
        predicted on the events in which it is defined.
    n_jobs : int, default=None
        Number of processes, as in joblib. The result does not depend on it.
    random_state : int, RandomState instance or None, default=None
        Seed of the events, the folds, the regressors and the permutations.

    Returns
    -------
    result : MutualDependence
        The R2 of each feature, and how much each other one contributes to it.

    Raises
    ------
    ValueError
        If an argument is not as described, a column is not of numbers, or a feature
        is defined in fewer events than there are folds.
    WeightsError
        If the weights are unusable.

    See Also
    --------
    weighted_spearman : Monotonic dependences of pairs, at once.
    skhep_dnn.inspection.MutualDependenceDisplay : The figure.

    Notes
    -----
    The predictions of all folds are pooled, and

    .. math:: R^2 = 1 - \frac{\sum_i |w_i| (x_i - \hat x_i)^2}
                             {\sum_i |w_i| (x_i - \bar x)^2}

    with the weighted mean :math:`\bar x`. It is dominated by the tails of a feature
    with long ones. The contribution of another feature is the fall of R2 when its
    values are taken from other events of the fold, which are drawn in proportion to
    :math:`|w|`; it exceeds R2 where the prediction becomes worse than the mean.

    The method is that of [1]_, where random forests are trained. Here the default is
    40 boosted trees on histograms, ``learning_rate=0.2``, without early stopping:
    about as good on toy events and some four times faster to train. For forests pass
    ``estimator=RandomForestRegressor(40, min_samples_leaf=3)``.

    References
    ----------
    .. [1] G. C. Strong, "On the impact of selected modern deep-learning techniques to
       the performance and celerity of classification models in an experimental
       high-energy physics use case", arXiv:2002.01427, section 3.1 and figure 3.

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn.feature_selection import mutual_dependence
    >>> rng = np.random.default_rng(0)
    >>> x, y, z = rng.normal(size=(3, 1000))
    >>> X = np.column_stack([x, y, x + y, z])
    >>> result = mutual_dependence(X, random_state=0)
    >>> (result.dependence > 0.5).to_dict()
    {'x0': True, 'x1': True, 'x2': True, 'x3': False}
    >>> result.contributions.loc["x2"].round(0).tolist()
    [1.0, 1.0, nan, 0.0]
    """
    columns, names = numeric_columns(X, missing_values)
    weights = np.abs(check_event_weights(sample_weight, len(columns)))
    _check_arguments(names, cv, max_events)
    rng = check_random_state(random_state)
    kept = _draw(np.flatnonzero(weights), max_events, rng)
    columns, weights = columns[kept], weights[kept]
    _check_defined(columns, names, cv)
    seeds = rng.randint(2**31 - 1, size=len(names))
    model = _default_regressor() if estimator is None else estimator
    rows = Parallel(n_jobs=n_jobs)(
        delayed(_predict_feature)(columns, weights, k, model, cv, int(seed))
        for k, seed in enumerate(seeds)
    )
    return MutualDependence(
        pd.Series([dependence for dependence, _ in rows], index=names),
        pd.DataFrame([falls for _, falls in rows], index=names, columns=names),
    )


def _check_arguments(names: list[str], cv: int, max_events: int | None) -> None:
    if len(names) < 2:
        msg = (
            f"`X` must have at least two features, got {len(names)}. Pass all that "
            "may depend on each other."
        )
        raise ValueError(msg)
    if not isinstance(cv, Integral) or cv < 2:
        msg = f"`cv` must be an integer of at least 2, got {cv!r}. Take 3 folds."
        raise ValueError(msg)
    if max_events is not None and (
        not isinstance(max_events, Integral) or max_events < cv
    ):
        msg = (
            f"`max_events` must be None or an integer of at least {cv}, got "
            f"{max_events!r}. Take some thousands."
        )
        raise ValueError(msg)


def _check_defined(columns: FloatArray, names: list[str], cv: int) -> None:
    n_defined = np.count_nonzero(~np.isnan(columns), axis=0)
    if n_defined.min() < cv:
        k = int(n_defined.argmin())
        msg = (
            f"`X` must have each feature defined in at least {cv} events, got "
            f"{n_defined[k]} for {names[k]!r}. Leave the feature out."
        )
        raise ValueError(msg)


def _draw(
    rows: NDArray[np.intp], max_events: int | None, rng: np.random.RandomState
) -> NDArray[np.intp]:
    if max_events is None or len(rows) <= max_events:
        return rows
    return np.sort(rng.choice(rows, size=max_events, replace=False))


def _predict_feature(
    columns: FloatArray,
    weights: FloatArray,
    feature: int,
    estimator: BaseEstimator,
    cv: int,
    seed: int,
) -> tuple[float, FloatArray]:
    """Return the R2 of one feature and its fall with each other one permuted."""
    rows = np.flatnonzero(~np.isnan(columns[:, feature]))
    target, weights = columns[rows, feature], weights[rows]
    inputs = np.delete(columns[rows], feature, axis=1)
    predictions = np.empty((inputs.shape[1] + 1, len(rows)))
    folds = KFold(cv, shuffle=True, random_state=seed).split(inputs)
    for k, (train, test) in enumerate(folds):
        model = _seeded(estimator, seed + k)
        model.fit(inputs[train], target[train], sample_weight=weights[train])
        donors = donor_rows(
            donor_weights(weights[test], None), np.random.default_rng([seed, k])
        )
        predictions[0, test] = model.predict(inputs[test])
        for i in range(inputs.shape[1]):
            (table,) = permuted_tables(inputs[test], [i], [donors])
            predictions[i + 1, test] = model.predict(table)
    scores = [r2_score(target, of, sample_weight=weights) for of in predictions]
    return scores[0], np.insert(scores[0] - np.array(scores[1:]), feature, np.nan)


def _default_regressor() -> BaseEstimator:
    return HistGradientBoostingRegressor(
        learning_rate=0.2, max_iter=40, early_stopping=False
    )


def _seeded(estimator: BaseEstimator, seed: int) -> Any:
    model = clone(estimator)
    if "random_state" in model.get_params():
        model.set_params(random_state=seed)
    return model
