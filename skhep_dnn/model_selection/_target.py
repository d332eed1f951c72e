"""The target of a cross-validation: one value an event, and finite."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import assert_all_finite, column_or_1d, get_tags

from skhep_dnn._tables import native_values

__all__ = ["check_target"]


def check_target(y: Any, estimator: Any) -> Any:
    """Return the target as scorers take it: a column becomes a vector, with a warning.

    Parameters
    ----------
    y : array-like of shape (n_samples,), (n_samples, n_outputs) or None
        Labels or values.
    estimator : estimator
        What will be fitted.

    Returns
    -------
    y : array-like or None

    Raises
    ------
    ValueError
        If there are undefined or infinite values.

    Warns
    -----
    DataConversionWarning
        If a column became a vector.
    """
    if y is None:
        return None
    y = native_values(y, "y")
    values = np.asarray(y)
    if values.dtype.kind in "fc":
        assert_all_finite(values, input_name="y")
    is_column = values.ndim == 2 and values.shape[1] == 1
    if is_column and not get_tags(estimator).target_tags.multi_output:
        return column_or_1d(y, warn=True)
    return y
