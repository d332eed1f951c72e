"""From a DataFrame or an array to one float32 array: numbers first, codes last."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from math import isnan
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.utils.validation import check_array

from skhep_dnn._messages import shown
from skhep_dnn._tables import (
    column_positions,
    is_category,
    select_columns,
    table_column,
)
from skhep_dnn.preprocessing import SymmetryAugmenter

__all__ = ["Categorical", "ColumnEncoder", "Unknown", "fitted_augmenter"]

Categorical = Sequence[int | bool | str] | Literal["from_dtype"] | None
Unknown = Literal["error", "mean"]


def fitted_augmenter(
    augmenter: SymmetryAugmenter | None, X: Any, missing_values: float
) -> SymmetryAugmenter | None:
    """Return a copy that knows the columns, and the marker unless it has its own."""
    if augmenter is None:
        return None
    copied = clone(augmenter)
    if isnan(copied.missing_values):
        copied.set_params(missing_values=missing_values)
    return copied.fit(X)


class ColumnEncoder:
    """Puts numeric columns first and categories, as codes, last.

    A missing category is a category of its own where it was seen in `fit`. Categories
    are the same where their values are equal: 1 is 1.0 and True, in any kind of table.

    Parameters
    ----------
    categorical_features : sequence of int, bool or str, "from_dtype" or None
        Which columns hold categories; "from_dtype" takes the columns of a DataFrame
        that have the dtype "category" of pandas, "dictionary" of Arrow, or
        "Categorical" or "Enum" of polars.
    missing_values : float
        Value that marks an undefined entry besides nan, None and NA.
    handle_unknown : {"error", "mean"}, default="error"
        What becomes of a category that was not seen in `fit`: an error, or the code
        that follows those of the known ones, for the mean of all.

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
        handle_unknown: Unknown = "error",
    ) -> None:
        self.categorical_features = categorical_features
        self.missing_values = missing_values
        self.handle_unknown = handle_unknown

    def fit(self, X: Any, names: Sequence[str] | None) -> ColumnEncoder:
        """Learn the categories of the columns."""
        n_features = X.shape[1]
        self.names_ = [f"column {i}" for i in range(n_features)]
        if names is not None:
            self.names_ = [f"column {name!r}" for name in names]
        if isinstance(self.categorical_features, str):
            dtypes = enumerate(getattr(X, "dtypes", ()))
            self.categorical_ = [i for i, dtype in dtypes if is_category(dtype)]
        else:
            given = self.categorical_features
            self.categorical_ = column_positions(
                [] if given is None else given,
                names,
                n_features,
                "categorical_features",
            )
        chosen = set(self.categorical_)
        self.numeric_ = [i for i in range(n_features) if i not in chosen]
        self._categories: list[Any] = []
        self.has_missing_: list[bool] = []
        for i in self.categorical_:
            values = table_column(X, i)
            missing = self._missing(values)
            self._categories.append(_plain(self._sorted(values[~missing], i)))
            self.has_missing_.append(bool(missing.any()))
        return self

    def with_unknown(self, handle_unknown: Unknown) -> ColumnEncoder:
        """Return the encoder that treats unknown categories so, itself if it does."""
        if handle_unknown == self.handle_unknown:
            return self
        other = copy(self)
        other.handle_unknown = handle_unknown
        return other

    def transform(self, X: Any) -> NDArray[np.float32]:
        """Return the columns as float32, in C order.

        An array of float32 in C order without categories, also a memory-mapped one,
        is not copied. Copied are other dtypes, Fortran order, columns of DataFrames
        unless all are one block of float32, and any table with categories.
        """
        if not self.categorical_:
            return self._numbers(X)
        n_numeric = len(self.numeric_)
        columns = np.empty(X.shape, dtype=np.float32)
        if n_numeric:
            numbers = select_columns(X, self.numeric_)
            columns[:, :n_numeric] = self._numbers(numbers)
        for k, i in enumerate(self.categorical_):
            columns[:, n_numeric + k] = self._codes(table_column(X, i), k)
        return columns

    @property
    def categories_(self) -> list[pd.Index]:
        """Known categories of each column of them, sorted."""
        return [pd.Index(known) for known in self._categories]

    @property
    def n_categories(self) -> list[int]:
        """Number of codes of each column of categories."""
        return [
            len(known) + missing
            for known, missing in zip(self._categories, self.has_missing_, strict=True)
        ]

    def _numbers(self, X: Any) -> NDArray[np.float32]:
        with np.errstate(over="ignore"):  # what overflows is refused as infinite
            dtypes = X.dtypes if isinstance(X, pd.DataFrame) else [X.dtype]
            if not all(isinstance(d, np.dtype) and d.kind in "biuf" for d in dtypes):
                X = self._converted(X)
            return check_array(
                X,
                dtype=np.float32,
                order="C",
                ensure_all_finite="allow-nan",
                estimator="WeightedDNNClassifier",
                input_name="X",
            )

    def _converted(self, X: Any) -> NDArray[np.float32]:
        columns = np.empty(X.shape, dtype=np.float32)
        for j, i in enumerate(self.numeric_):
            columns[:, j] = _float32(table_column(X, j), self.names_[i])
        return columns

    def _codes(self, values: NDArray[Any], k: int) -> NDArray[np.int64]:
        known, missing = pd.Index(self._categories[k]), self._missing(values)
        # -1 where the value is unknown, or missing.
        codes = np.asarray(known.get_indexer(pd.Index(values)), dtype=np.int64)
        if self.has_missing_[k]:
            codes[missing] = len(known)
        unknown = codes < 0
        if unknown.any():
            if self.handle_unknown == "error":
                raise ValueError(self._unknown(values[unknown], k))
            codes[unknown] = self.n_categories[k]
        return codes

    def _unknown(self, values: NDArray[Any], k: int) -> str:
        known, got = self.categories_[k], pd.unique(values)[:5].tolist()
        return (
            f"Categories of {self.names_[self.categorical_[k]]} must be among "
            f"{shown(known.tolist()[:20])}, got {shown(got)}. Train on events of all "
            'categories, merge the rare ones, or set handle_unknown="mean".'
        )

    def _missing(self, values: NDArray[Any]) -> NDArray[np.bool_]:
        return np.logical_or(values == self.missing_values, pd.isna(values))

    def _sorted(self, values: NDArray[Any], i: int) -> pd.Index:
        try:
            return pd.Index(pd.unique(values)).sort_values()
        except TypeError as error:
            msg = (
                f"Categories of {self.names_[i]} must be of one kind that can be "
                f"sorted, got a mixture: {error}. Convert the column to strings."
            )
            raise TypeError(msg) from error


def _plain(categories: pd.Index) -> Any:
    """Return numbers as an array and others as a list.

    Tools that store models without pickle know these, but nothing of pandas.
    """
    values = categories.to_numpy()
    return values if values.dtype.kind in "biuf" else categories.tolist()


def _float32(values: NDArray[Any], name: str) -> NDArray[np.float32]:
    if values.dtype.kind not in "iufO":
        msg = (
            f"`X` must hold numbers, got {values.dtype} in {name}. Convert the column, "
            "drop it, or name it in `categorical_features`."
        )
        raise TypeError(msg)
    try:
        return values.astype(np.float32)
    except (TypeError, ValueError) as error:
        msg = (
            f"`X` must hold numbers, got another value in {name}: {error}. Convert "
            "the column, drop it, or name it in `categorical_features`."
        )
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(msg) from error
