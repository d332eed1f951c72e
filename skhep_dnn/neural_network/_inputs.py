"""From a DataFrame or an array to one float32 array: numbers first, codes last."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_array

__all__ = ["Categorical", "ColumnEncoder", "weighted_statistics"]

Categorical = Sequence[int | bool | str] | Literal["from_dtype"] | None
ROWS = 4096  # of a block: temporary arrays stay in the cache
EPSILON = float(np.finfo(np.float32).eps)


class ColumnEncoder:
    """Puts numeric columns first and categories, as codes, last.

    A missing category is a category of its own where it was seen in `fit`.

    Parameters
    ----------
    categorical_features : sequence of int, bool or str, "from_dtype" or None
        Which columns hold categories; "from_dtype" takes the columns of a DataFrame
        that have the dtype "category".
    missing_values : float
        Value that marks an undefined entry besides nan and None.

    Attributes
    ----------
    categorical_ : list of int
        Positions of the columns of categories.
    numeric_ : list of int
        Positions of the others.
    categories_ : list of pandas.Index
        Known categories of each column, sorted.
    has_missing_ : list of bool
        Whether the column had a missing category.
    """

    def __init__(
        self,
        categorical_features: Categorical,
        missing_values: float,
    ) -> None:
        self.categorical_features = categorical_features
        self.missing_values = missing_values

    def fit(self, X: Any, names: Sequence[str] | None) -> "ColumnEncoder":
        """Learn the categories of the columns."""
        n_features = X.shape[1]
        self.names_ = [f"column {i}" for i in range(n_features)]
        if names is not None:
            self.names_ = [f"column {name!r}" for name in names]
        if isinstance(self.categorical_features, str):
            self.categorical_ = _positions_by_dtype(X)
        else:
            given = self.categorical_features
            self.categorical_ = _positions(given, n_features, names)
        chosen = set(self.categorical_)
        self.numeric_ = [i for i in range(n_features) if i not in chosen]
        self.categories_, self.has_missing_ = [], []
        for i in self.categorical_:
            column = _column(X, i)
            missing = self._missing(column)
            self.categories_.append(self._sorted(column[~missing], i))
            self.has_missing_.append(bool(missing.any()))
        return self

    def transform(self, X: Any, estimator: Any) -> NDArray[np.float32]:
        """Return the columns as float32, in C order."""
        if not self.categorical_:
            return _check_numbers(X, estimator)
        codes = [self._codes(_column(X, i), k) for k, i in enumerate(self.categorical_)]
        columns = np.column_stack(codes).astype(np.float32)
        if not self.numeric_:
            return np.ascontiguousarray(columns)
        numbers = (
            X.iloc[:, self.numeric_] if hasattr(X, "iloc") else X[:, self.numeric_]
        )
        return np.hstack([_check_numbers(numbers, estimator), columns])

    @property
    def n_categories(self) -> list[int]:
        """Number of codes of each column of categories."""
        return [
            len(known) + missing
            for known, missing in zip(self.categories_, self.has_missing_, strict=True)
        ]

    def _codes(self, column: pd.Series, k: int) -> NDArray[np.int64]:
        known, missing = self.categories_[k], self._missing(column)
        codes = np.asarray(known.get_indexer(pd.Index(column)), dtype=np.int64)
        unknown = (codes < 0) & ~missing
        if self.has_missing_[k]:
            codes[missing] = len(known)
        else:
            unknown |= missing
        if unknown.any():
            got = pd.unique(column[unknown])[:5].tolist()
            msg = (
                f"Categories of {self.names_[self.categorical_[k]]} must be among "
                f"{known.tolist()[:20]!r}, got {got!r}. Train on events of all "
                "categories, or merge the rare ones."
            )
            raise ValueError(msg)
        return codes

    def _missing(self, column: pd.Series) -> NDArray[np.bool_]:
        marked: pd.Series[bool] = column == self.missing_values
        # A column of pandas' "string" type compares to NA, not to False.
        is_marked = marked.to_numpy(dtype=np.bool_, na_value=False)
        return np.logical_or(is_marked, column.isna().to_numpy())

    def _sorted(self, column: pd.Series, i: int) -> pd.Index:
        try:
            return pd.Index(pd.unique(column)).sort_values()
        except TypeError as error:
            msg = (
                f"Categories of {self.names_[i]} must be of one kind that can be "
                f"sorted, got a mixture: {error}. Convert the column to strings."
            )
            raise TypeError(msg) from error


def weighted_statistics(
    X: NDArray[np.float32],
    index: NDArray[np.int64],
    weights: NDArray[np.float64],
    missing_values: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weighted mean and standard deviation of the defined values of each column.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Inputs; nan and `missing_values` are undefined.
    index : ndarray of shape (n_events,)
        Rows that count.
    weights : ndarray of shape (n_events,)
        Their weights, not negative.
    missing_values : float
        Value that marks an undefined entry besides nan.

    Returns
    -------
    mean, scale : ndarray of shape (n_features,)
        0 and 1 for a column without defined values, scale 1 for a constant one.
    """
    # Not as products of matrices, whose bits depend on the number of BLAS threads.
    total, sums, squares = np.zeros((3, X.shape[1]))
    for x, w in _defined(X, index, weights, missing_values):
        total += w.sum(axis=0)
        sums += np.einsum("ij,ij->j", w, x)
    total[total <= 0.0] = 1.0
    mean = sums / total
    for x, w in _defined(X, index, weights, missing_values):
        deviation = x - mean
        squares += np.einsum("ij,ij,ij->j", w, deviation, deviation)
    scale = np.sqrt(squares / total)
    constant = scale <= 10.0 * EPSILON * np.abs(mean)
    return mean, np.where(constant, 1.0, scale)


def _defined(
    X: NDArray[np.float32],
    index: NDArray[np.int64],
    weights: NDArray[np.float64],
    missing_values: float,
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Yield blocks of values and weights, both zero where a value is undefined."""
    for first in range(0, len(index), ROWS):
        part = slice(first, first + ROWS)
        x = X[index[part]].astype(np.float64)
        defined = ~(np.isnan(x) | (x == np.float32(missing_values)))
        x[~defined] = 0.0
        yield x, defined * weights[part, np.newaxis]


def _check_numbers(X: ArrayLike, estimator: Any) -> NDArray[np.float32]:
    return check_array(
        X,
        dtype=np.float32,
        order="C",
        ensure_all_finite="allow-nan",
        estimator=estimator,
        input_name="X",
    )


def _column(X: Any, i: int) -> pd.Series:
    return X.iloc[:, i] if hasattr(X, "iloc") else pd.Series(X[:, i])


def _positions_by_dtype(X: Any) -> list[int]:
    dtypes = getattr(X, "dtypes", ())
    return [i for i, d in enumerate(dtypes) if isinstance(d, pd.CategoricalDtype)]


def _positions(
    categorical_features: Sequence[int | bool | str] | None,
    n_features: int,
    names: Sequence[str] | None,
) -> list[int]:
    if categorical_features is None or len(categorical_features) == 0:
        return []
    given = np.asarray(categorical_features)
    if given.dtype.kind == "b":
        if given.shape != (n_features,):
            msg = (
                "`categorical_features` as a mask must have one entry for each of "
                f"the {n_features} features, got {len(given)}. Correct its length."
            )
            raise ValueError(msg)
        return np.flatnonzero(given).tolist()
    if given.dtype.kind in "iu":
        return _checked_positions(given, n_features)
    return _positions_of_names(categorical_features, names)


def _checked_positions(given: NDArray[Any], n_features: int) -> list[int]:
    outside = given[(given < 0) | (given >= n_features)]
    if len(outside):
        msg = (
            f"`categorical_features` must be positions from 0 to {n_features - 1}, "
            f"got {outside.tolist()!r}. Correct them."
        )
        raise ValueError(msg)
    return np.unique(given).tolist()


def _positions_of_names(given: Sequence[Any], names: Sequence[str] | None) -> list[int]:
    if names is None:
        msg = (
            f"`categorical_features` must be positions where `X` has no column "
            f"names, got {list(given)!r}. Pass a DataFrame or positions."
        )
        raise ValueError(msg)
    known = list(names)
    unknown = [name for name in given if name not in known]
    if unknown:
        msg = (
            f"`categorical_features` must be names of columns, got {unknown!r} that "
            f"do not exist. The columns are {known!r}."
        )
        raise ValueError(msg)
    return sorted({known.index(name) for name in given})
