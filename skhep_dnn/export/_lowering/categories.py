"""Which of some categories a value is, as a whole number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skhep_dnn._messages import shown
from skhep_dnn.exceptions import ExportError
from skhep_dnn.export._lowering.lowering import Column
from skhep_dnn.export._program.program import Program, Value

__all__ = ["category_code"]


def category_code(program: Program, column: Column, categories: NDArray[Any]) -> Value:
    """Return the position of the value of a column among categories.

    Parameters
    ----------
    program : Program
        Program that the column is in.
    column : Column
        Of numbers, or of anything else that comes in.
    categories : ndarray of shape (n_categories,)
        All different; nan or None stands for an undefined value.

    Returns
    -------
    code : Value
        A whole number, `n_categories` of a value that is none of them.

    Raises
    ------
    ExportError
        If there are two kinds of undefined values.
    """
    values = np.asarray(categories)
    undefined = pd.isna(values)
    if undefined.sum() > 1:
        msg = (
            "Categories must have one undefined value at most, got "
            f"{shown(values.tolist()[:20])}. Put one in place of the other before the "
            "fit."
        )
        raise ExportError(msg)
    if values.dtype.kind not in "biuf":
        labels = [
            None if no else v for v, no in zip(values.tolist(), undefined, strict=True)
        ]
        return column.code(labels)
    n = float(len(values))
    x = program.cast(column.number, "float64")
    places = np.flatnonzero(~undefined)
    code = program.constant([n])
    if len(places):
        known = program.constant(values[places].astype(np.float64))
        hits = program.cast(program.equal(x, known), "float64")
        code = program.sum(hits * (places - n)) + n
    if undefined.any():
        code = program.where(
            program.is_nan(x), float(np.flatnonzero(undefined)[0]), code
        )
    return program.cast(code, "int64")
