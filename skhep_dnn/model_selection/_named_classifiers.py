"""Classifiers by name, with settings that are good on tables of collider events.

Those of the boosted trees are the ones by hand of `benchmarks/common/trees.py`, or as
near to them as the parameters of the library allow. One thread each, so that times can
be compared.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sklearn.ensemble import HistGradientBoostingClassifier

from skhep_dnn.model_selection._automl import AutoMLClassifier
from skhep_dnn.neural_network import WeightedDNNClassifier

__all__ = ["CLASSIFIER_NAMES", "named_classifier"]


def named_classifier(name: str, seed: int, *, has_names: bool) -> Any:
    """Return a classifier that is not fitted.

    Parameters
    ----------
    name : str
        One of `CLASSIFIER_NAMES`.
    seed : int
        Its `random_state`.
    has_names : bool
        Whether the events are a table with dtypes, which tell categories.

    Returns
    -------
    classifier : estimator

    Raises
    ------
    ValueError
        If the name is unknown.
    ImportError
        If its library is not installed.
    """
    if name not in _CLASSIFIERS:
        msg = (
            f"A classifier must be an estimator or one of {list(CLASSIFIER_NAMES)}, "
            f"got {name!r}. Choose one, or pass an estimator."
        )
        raise ValueError(msg)
    try:
        return _CLASSIFIERS[name](seed, "from_dtype" if has_names else None)
    except ImportError as error:
        msg = (
            f"The classifier {name!r} must have the library {name}, got none: {error}. "
            f"Run `pip install {name}`, or leave it out."
        )
        raise ImportError(msg) from error


def _network(seed: int, categories: str | None) -> Any:
    return WeightedDNNClassifier(categorical_features=categories, random_state=seed)


def _hist_gradient_boosting(seed: int, categories: str | None) -> Any:
    return HistGradientBoostingClassifier(
        max_iter=200,
        learning_rate=0.05,
        max_leaf_nodes=15,
        l2_regularization=5.0,
        early_stopping="auto",
        categorical_features=categories,
        random_state=seed,
    )


def _lightgbm(seed: int, _categories: str | None) -> Any:
    from lightgbm import LGBMClassifier  # noqa: PLC0415 - an optional dependency

    return LGBMClassifier(
        n_estimators=300,
        learning_rate=0.04,
        num_leaves=15,
        min_child_samples=50,
        subsample=0.8,
        subsample_freq=1,
        colsample_bytree=0.5,
        reg_lambda=5.0,
        n_jobs=1,
        verbose=-1,
        random_state=seed,
    )


def _xgboost(seed: int, categories: str | None) -> Any:
    from xgboost import XGBClassifier  # noqa: PLC0415 - an optional dependency

    return XGBClassifier(
        n_estimators=300,
        learning_rate=0.04,
        max_depth=4,
        min_child_weight=10.0,
        subsample=0.8,
        colsample_bytree=0.5,
        reg_lambda=5.0,
        enable_categorical=categories is not None,
        n_jobs=1,
        random_state=seed,
    )


def _catboost(seed: int, _categories: str | None) -> Any:
    from catboost import CatBoostClassifier  # noqa: PLC0415 - an optional dependency

    return CatBoostClassifier(
        iterations=400,
        learning_rate=0.05,
        depth=5,
        l2_leaf_reg=5.0,
        allow_writing_files=False,
        thread_count=1,
        verbose=0,
        random_state=seed,
    )


def _automl(seed: int, _categories: str | None) -> Any:
    return AutoMLClassifier(random_state=seed)


_CLASSIFIERS: dict[str, Callable[[int, str | None], Any]] = {
    "automl": _automl,
    "catboost": _catboost,
    "hist_gradient_boosting": _hist_gradient_boosting,
    "lightgbm": _lightgbm,
    "network": _network,
    "xgboost": _xgboost,
}
CLASSIFIER_NAMES = tuple(sorted(_CLASSIFIERS))
