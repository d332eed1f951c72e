"""What a user should know of the columns that networks are about to be trained on."""

from __future__ import annotations

from math import isnan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skhep_dnn._column_checks import drawn_rows, is_lost_in_float32, values_apart
from skhep_dnn._tables import table_column
from skhep_dnn._told_columns import Finding
from skhep_dnn.exceptions import LostPrecisionWarning, UndeclaredMissingValueWarning
from skhep_dnn.neural_network._preparation.columns import ColumnEncoder
from skhep_dnn.neural_network._preparation.sample import Sample

__all__ = ["column_findings"]

Rows = NDArray[np.int64] | slice

_WHOLE = 2.0**24  # up to which all whole numbers are there in float32
_ENOUGH_STEPS = 300  # in the range of a column, so that rounding is of no account


def column_findings(sample: Sample, encoder: ColumnEncoder) -> list[Finding]:
    """Return which columns of numbers have marks, or lose their spread in float32.

    Parameters
    ----------
    sample : Sample
        Events as they were given, and as the networks take them.
    encoder : ColumnEncoder
        Has made the columns; its `missing_values` are undefined.

    Returns
    -------
    findings : list of Finding
    """
    findings = []
    rows = drawn_rows(len(sample.columns))
    for k, i in enumerate(encoder.numeric_):
        drawn = _defined(sample.columns[rows, k], encoder.missing_values)
        name = encoder.names_[i]
        if values_apart(drawn, is_part=True):
            whole = _defined(sample.columns[:, k], encoder.missing_values)
            findings += [
                Finding(UndeclaredMissingValueWarning, name, f"{value:.6g}")
                for value in values_apart(whole)
            ]
        step = _large_step(drawn)
        if step and _is_lost(sample.events.X, i, rows, encoder.missing_values):
            text = f"in steps of {step:.6g}"
            findings.append(Finding(LostPrecisionWarning, name, text))
    return findings


def _defined(values: NDArray[Any], missing_values: float) -> NDArray[np.floating[Any]]:
    """Return values, nan where they are undefined; a copy where there are marks."""
    if isnan(missing_values):
        return values
    return np.where(values == np.float32(missing_values), np.float32("nan"), values)


def _large_step(drawn: NDArray[np.floating[Any]]) -> float:
    """Return the steps of float32 where they may be too large for a column, or 0."""
    defined = drawn[~np.isnan(drawn)]
    if not len(defined):
        return 0.0
    largest = float(np.abs(defined).max())
    low, high = np.quantile(defined, [0.01, 0.99])
    step = float(np.spacing(np.float32(largest)))
    return step if largest >= _WHOLE or step * _ENOUGH_STEPS > high - low else 0.0


def _is_lost(X: Any, position: int, rows: Rows, missing_values: float) -> bool:
    values = table_column(X, position)[rows]
    if values.dtype == np.float32:
        return False
    if values.dtype.kind not in "iuf":
        values = values.astype(np.float64)
    return is_lost_in_float32(values[values != missing_values])
