"""What an exported model takes in, and how it is made of a table of events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from skhep_dnn._arrays import native_order
from skhep_dnn._messages import shown
from skhep_dnn._tables import table_column

if TYPE_CHECKING:
    from skhep_dnn.model_selection._event_number import EventNumbers

__all__ = ["VECTOR", "InputSpec", "input_arrays"]

VECTOR = "events"  # name of the input that has all columns


@dataclass(frozen=True)
class InputSpec:
    """One input of an exported model.

    Attributes
    ----------
    name : str
        Its name.
    dtype : {"float32", "float64", "int64"}
        Kind of its numbers; "int64" of event numbers and of codes of categories.
    column : int or None
        Position in the table of events; None of a number that comes beside it.
    categories : list or None
        Of a column of categories that are no numbers, what its codes 0, 1, ... mean;
        None stands for an undefined value.
    """

    name: str
    dtype: Literal["float32", "float64", "int64", "bool"]
    column: int | None
    categories: list[Any] | None = None


def input_arrays(
    inputs: Sequence[InputSpec], table: Any, event_number: ArrayLike | None
) -> dict[str, NDArray[Any]]:
    """Return the inputs of an exported model, each of shape (n_samples, 1).

    Parameters
    ----------
    inputs : sequence of InputSpec
        What comes in.
    table : DataFrame or ndarray of shape (n_samples, n_features)
        Events.
    event_number : array-like of shape (n_samples,) or (n_samples, 2) or None
        Their numbers, where they come beside the table.

    Returns
    -------
    arrays : dict of str to ndarray

    Raises
    ------
    ValueError
        If a column or the numbers are missing.
    """
    beside = [spec.name for spec in inputs if spec.column is None]
    numbers: dict[str, NDArray[np.int64]] = {}
    if beside:
        if event_number is None:
            msg = (
                f"`event_number` must be passed, which selects the model, got None. "
                f"Pass {' and '.join(beside)} of the events."
            )
            raise ValueError(msg)
        checked = _event_numbers(event_number, "event_number")
        values = [checked.run, checked.event][-len(beside) :]
        numbers = dict(zip(beside, values, strict=True))
    names = None
    if isinstance(table, pd.DataFrame):
        names = [str(name) for name in table.columns]
    arrays = {}
    for spec in inputs:
        if spec.column is None:
            values_of = numbers[spec.name]
        else:
            position = _position(spec, names, table.shape[1])
            values_of = _input_values(table_column(table, position), spec)
        arrays[spec.name] = values_of[:, np.newaxis]
    return arrays


def _position(spec: InputSpec, names: list[str] | None, n_columns: int) -> int:
    """Return where a column stands: by its name, or where it stood in the fit."""
    if names is not None:
        if spec.name in names:
            return names.index(spec.name)
        found = shown(names[:20])
    elif spec.column is not None and spec.column < n_columns:
        return spec.column
    else:
        found = f"{n_columns} columns without names"
    msg = f"`X` must have the column {spec.name!r}, got {found}. Pass it, too."
    raise ValueError(msg)


def _input_values(values: NDArray[Any], spec: InputSpec) -> NDArray[Any]:
    """Return the values of a column as the kind of numbers of an input.

    Parameters
    ----------
    values : ndarray of shape (n_samples,)
        As they stand in a table.
    spec : InputSpec
        The input.

    Returns
    -------
    numbers : ndarray of shape (n_samples,)
        Of unknown categories the code that follows the last one.
    """
    if spec.categories is not None:
        codes = pd.Index(spec.categories).get_indexer(pd.Index(values))
        if None in spec.categories:
            codes[pd.isna(values)] = spec.categories.index(None)
        codes[codes < 0] = len(spec.categories)  # unknown
        return np.asarray(codes, dtype=spec.dtype)
    if spec.dtype == "int64":
        return _event_numbers(values, spec.name).event
    return native_order(values).astype(spec.dtype, copy=False)


def _event_numbers(values: Any, name: str) -> EventNumbers:
    # Imported here, since its sub-package loads Optuna, which a file does not need.
    from skhep_dnn.model_selection._event_number import (  # noqa: PLC0415
        check_event_numbers,
    )

    return check_event_numbers(values, name)
