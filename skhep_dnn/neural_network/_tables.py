"""The table of events that an estimator gets: what kinds are taken and refused."""

from typing import TYPE_CHECKING, Any

import pandas as pd
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_array, validate_data

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

__all__ = ["check_table"]


def check_table(model: "BaseEstimator", X: ArrayLike, *, reset: bool) -> Any:
    """Return a DataFrame or a two-dimensional array with the columns of the fit."""
    if not isinstance(X, pd.DataFrame):
        X = check_array(X, dtype=None, ensure_all_finite=False, estimator=model)
    validate_data(model, X, reset=reset, skip_check_array=True)
    return X
