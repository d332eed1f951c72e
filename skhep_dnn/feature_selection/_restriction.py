"""An estimator for some of the columns: what it says about the others is taken out.

Estimators name columns in their parameters: categories, momenta, signed columns,
columns of a second path. On a table without such a column `fit` would refuse the name.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone
from sklearn.compose import ColumnTransformer

from skhep_dnn._tables import column_positions
from skhep_dnn.feature_selection._columns import named_table
from skhep_dnn.preprocessing import SymmetryAugmenter
from skhep_dnn.preprocessing._base import MomentumTransformer
from skhep_dnn.preprocessing._momenta import Momentum
from skhep_dnn.preprocessing._restriction import (
    declared_momenta,
    restricted_transformer,
)

__all__ = [
    "check_columns_are_named",
    "momenta_of",
    "needed_columns",
    "restricted_to_columns",
    "restricted_to_names",
]

# Parameters that declare columns, of the estimators of this package, of scikit-learn
# and of boosters, in what is no transformer of momenta.
_LISTS = {
    "always_keep",
    "cat_features",
    "categorical_feature",
    "categorical_features",
    "stratify",
}
_OF_COLUMNS = _LISTS | {
    "cartesian",
    "collinear",
    "cylindrical",
    "event_number",
    "feature_groups",
    "groups",
    "interaction_cst",
    "invariants",
    "leading",
    "momenta",
    "monotonic_cst",
    "odd_under",
    "reference",
    "transformers",
}


def restricted_to_columns(
    estimator: BaseEstimator, X: ArrayLike, columns: Iterable[str | int]
) -> Any:
    """Return a clone of an estimator that can be fitted to some of the columns.

    What its parameters say about other columns is taken out, at any depth: categories,
    momenta and signed columns of an augmenter, with the transformations that have lost
    all their columns, columns to stratify by, of a second path, of a
    `ColumnTransformer`. Nothing else changes.

    Parameters
    ----------
    estimator : estimator
        Any, or a pipeline; names its columns. It is not fitted, nor changed.
    X : array-like or DataFrame of shape (n_samples, n_features)
        Events with all columns, of which the names are looked at alone.
    columns : iterable of str or int
        Names or positions of the columns that are kept.

    Returns
    -------
    estimator : estimator
        Clone, for ``X[columns]``.

    Raises
    ------
    ValueError
        If a column is unknown, a momentum is kept in part, an object or a column of
        event numbers goes that an estimator needs, nothing is left of the symmetries
        of a `SymmetryAveragedClassifier`, or the estimator declares columns by
        position.

    See Also
    --------
    important_columns : Columns to keep.
    compare_after_cut : What is lost without the others.

    Notes
    -----
    Names of which `X` has no column belong to another step of a pipeline, and stay.
    A momentum is there or not: transformations mix its components. `important_columns`
    keeps it whole by `groups`.

    Examples
    --------
    >>> from skhep_dnn import SymmetryAugmenter, WeightedDNNClassifier
    >>> from skhep_dnn.datasets import make_higgs_events
    >>> from skhep_dnn.feature_selection import restricted_to_columns
    >>> events = make_higgs_events(300, random_state=0)
    >>> model = WeightedDNNClassifier(
    ...     categorical_features=["PRI_jet_num"], augmenter=SymmetryAugmenter()
    ... )
    >>> columns = ["DER_mass_MMC", "DER_mass_vis", "PRI_met", "PRI_met_phi"]
    >>> smaller = restricted_to_columns(model, events.data, columns)
    >>> smaller.categorical_features is None
    True
    >>> smaller.augmenter.reflections  # the missing momentum has no z
    'xy'
    >>> model.categorical_features
    ['PRI_jet_num']
    """
    _, names = named_table(X)
    positions = column_positions(columns, names, len(names), "columns")
    return restricted_to_names(estimator, names, {names[i] for i in positions})


def restricted_to_names(
    estimator: BaseEstimator, names: Sequence[str], kept: Collection[str]
) -> Any:
    """Return a clone without what is said about columns that are not kept.

    Parameters
    ----------
    estimator : estimator
        Names its columns.
    names : sequence of str
        Names of all columns.
    kept : collection of str
        Names of those that are kept.
    """
    check_columns_are_named(estimator)
    if isinstance(estimator, MomentumTransformer):
        restricted = restricted_transformer(estimator, names, kept)
        return _something(restricted, estimator)
    cut = set(names) - set(kept)
    _check_needed(needed_columns(estimator, names) & cut)
    changes: dict[str, Any] = {}
    for path, part in _transformers(estimator):
        changes[path] = restricted_transformer(part, names, kept)
        if not _is_optional(estimator, path):
            _something(changes[path], _owner(estimator, path))
    for path, value in estimator.get_params().items():
        restrict = _RULES.get(_parameter(estimator, path))
        if restrict is not None and value is not None and not _inside(path, changes):
            changes[path] = restrict(value, cut)
    return clone(estimator).set_params(**changes)


def needed_columns(estimator: BaseEstimator, names: Sequence[str]) -> set[str]:
    """Return the columns without which an estimator cannot be fitted.

    Parameters
    ----------
    estimator : estimator
        Any, or a pipeline, not fitted.
    names : sequence of str
        Names of the columns.

    Returns
    -------
    columns : set of str
        Those of event numbers, of which no model learns.
    """
    needed: set[str] = set()
    for path, value in estimator.get_params().items():
        name = path.rpartition("__")[2]
        numbers = value if name == "event_number" else None
        if name == "cv":  # an EventNumberKFold
            numbers = getattr(value, "column", None)
        if isinstance(numbers, str):
            needed.add(numbers)
        elif isinstance(numbers, list | tuple):
            needed.update(column for column in numbers if isinstance(column, str))
    return needed.intersection(names)


def momenta_of(estimator: BaseEstimator, names: Sequence[str]) -> list[Momentum]:
    """Return the momenta that an estimator must find whole, each once.

    Parameters
    ----------
    estimator : estimator
        Any, or a pipeline, not fitted.
    names : sequence of str
        Names of the columns.

    Returns
    -------
    momenta : list of Momentum
    """
    parts = [part for _, part in _transformers(estimator)]
    if isinstance(estimator, MomentumTransformer):
        parts = [estimator]
    found = [m for part in parts for m in declared_momenta(part, names)]
    return list({momentum.columns: momentum for momentum in found}.values())


def check_columns_are_named(estimator: BaseEstimator) -> None:
    """Refuse positions of columns, which a table of some columns would shift.

    Parameters
    ----------
    estimator : estimator
        Its parameters that declare columns are looked at.

    Raises
    ------
    ValueError
        If one gives a column by its position.
    """
    for parameter, value in estimator.get_params().items():
        name = _parameter(estimator, parameter)
        if name in _OF_COLUMNS and _has_position(_declared_columns(name, value)):
            msg = (
                f"`{parameter}` must name its columns where some are cut, got "
                f"positions: {value!r}. Pass a DataFrame and names."
            )
            raise ValueError(msg)


def _parameter(estimator: Any, path: str) -> str:
    """Return the name of a parameter; empty if it means another thing than columns."""
    name = path.rpartition("__")[2]
    if name == "transformers":
        return name if isinstance(_owner(estimator, path), ColumnTransformer) else ""
    return name


def _declared_columns(name: str, value: Any) -> Any:
    """Return the columns in the value of a parameter, without what is said of them."""
    if name == "transformers":
        return [columns for *_, columns in value]
    if name == "monotonic_cst" and isinstance(value, Mapping):
        return list(value)
    return getattr(value, "wide", value)  # a FeatureSplit


def _has_position(value: Any) -> bool:
    """Tell whether a declaration of columns holds an int, or a mask, at any depth."""
    if isinstance(value, Integral | np.bool_ | slice):
        return True
    if isinstance(value, Mapping):
        return any(_has_position(part) for pair in value.items() for part in pair)
    if isinstance(value, Iterable) and not isinstance(value, str):
        return any(_has_position(part) for part in value)
    return False


def _transformers(estimator: Any) -> Iterator[tuple[str, MomentumTransformer]]:
    """Yield the transformers of momenta in an estimator, by their parameters."""
    for path, value in estimator.get_params().items():
        if isinstance(value, MomentumTransformer):
            yield path, value
        elif value is None and _is_default_augmenter(estimator, path):
            yield path, SymmetryAugmenter()


def _owner(estimator: Any, path: str) -> Any:
    """Return the estimator of which a parameter is one."""
    owner, _, _ = path.rpartition("__")
    return estimator.get_params()[owner] if owner else estimator


def _inside(path: str, replaced: Collection[str]) -> bool:
    return any(path.startswith(f"{other}__") for other in replaced)


def _check_needed(lost: set[str]) -> None:
    if lost:
        msg = (
            f"Columns of event numbers must stay, got none of {sorted(lost)!r}. Keep "
            "them, by `keep` or `always_keep`."
        )
        raise ValueError(msg)


def _is_augmenter(path: str) -> bool:
    return path.rpartition("__")[2] == "augmenter"


def _is_default_augmenter(estimator: Any, path: str) -> bool:
    """Tell whether None stands for the default augmenter in a parameter."""
    if not _is_augmenter(path):
        return False
    return bool(getattr(_owner(estimator, path), "_copies_rows", False))


def _is_optional(estimator: Any, path: str) -> bool:
    """Tell whether a parameter is an augmenter, without which its owner works, too."""
    return _is_augmenter(path) and not _is_default_augmenter(estimator, path)


def _something(restricted: Any, owner: Any) -> Any:
    if restricted is None:
        msg = (
            "The columns that are kept must leave something that can be transformed, "
            f"got nothing for {type(owner).__name__}. Keep a momentum, or take an "
            "estimator without symmetries and momenta."
        )
        raise ValueError(msg)
    return restricted


def _without(columns: Any, cut: set[str]) -> Any:
    if isinstance(columns, str) or not cut.intersection(columns):
        return columns  # a str such as "from_dtype"
    return [column for column in columns if column not in cut] or None


def _mapping_without(values: Any, cut: set[str]) -> Any:
    return {name: value for name, value in values.items() if name not in cut} or None


def _split_without(split: Any, cut: set[str]) -> Any:
    """Return a FeatureSplit of the columns that are left."""
    wide = _without(split.wide, cut)
    return None if wide is None else replace(split, wide=wide)


def _groups_without(groups: Any, cut: set[str]) -> Any:
    if not isinstance(groups, Mapping):
        return groups
    left = {name: _without(columns, cut) for name, columns in groups.items()}
    return {name: columns for name, columns in left.items() if columns} or None


def _transformers_without(transformers: Any, cut: set[str]) -> list[Any]:
    """Return the transformers of a ColumnTransformer, of the columns that are left."""
    left: list[Any] = []
    for name, transformer, columns in transformers:
        if isinstance(columns, str):
            if columns not in cut:
                left.append((name, transformer, columns))
        elif callable(columns):
            left.append((name, transformer, columns))
        else:
            left.append((name, transformer, [c for c in columns if c not in cut]))
    return left


_RULES: dict[str, Callable[[Any, set[str]], Any]] = {
    **dict.fromkeys(_LISTS, _without),
    "feature_groups": _split_without,
    "groups": _groups_without,
    "monotonic_cst": _mapping_without,
    "transformers": _transformers_without,
}
