"""Events that nobody has simulated, on which an export is tested without a sample.

They are numbers in the range that the networks of the classifier know, or of all sizes
where there are none, undefined values where it takes them, and known categories.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags

from skhep_dnn.exceptions import ExportError
from skhep_dnn.export._model_inputs import InputSpec
from skhep_dnn.export._scored_by import layers

__all__ = ["empty_table", "made_up_events"]

N_EVENTS = 1000
SHARE_UNDEFINED = 0.02


def empty_table(model: Any) -> Any:
    """Return a table without events that has the columns of a fitted classifier.

    Parameters
    ----------
    model : classifier
        Fitted.

    Returns
    -------
    table : DataFrame or ndarray of shape (0, n_features)

    Raises
    ------
    ExportError
        If the classifier does not know how many columns it has.
    """
    names = getattr(model, "feature_names_in_", None)
    if names is not None:
        return pd.DataFrame(columns=[str(name) for name in names], dtype=np.float64)
    if not hasattr(model, "n_features_in_"):
        msg = (
            "`X` must be passed for a classifier that does not know its columns, got "
            f"None with {type(model).__name__}. Pass some events."
        )
        raise ExportError(msg)
    return np.empty((0, model.n_features_in_))


def made_up_events(
    model: Any, inputs: Sequence[InputSpec], event_number: ArrayLike | None
) -> tuple[Any, NDArray[np.int64] | None]:
    """Return events to test an export on, and their numbers.

    Parameters
    ----------
    model : classifier
        Fitted.
    inputs : sequence of InputSpec
        What the exported file takes.
    event_number : array-like of shape (n_samples,) or (n_samples, 2) or None
        Numbers, where the classifier got some beside the events.

    Returns
    -------
    events : DataFrame or ndarray of shape (n_samples, n_features)
        1 000, or one for each number that is given, and no more.
    event_number : ndarray or None
        Their numbers.
    """
    table = empty_table(model)
    numbers = None if event_number is None else np.asarray(event_number)[:N_EVENTS]
    n = N_EVENTS if numbers is None else len(numbers)
    rng = np.random.default_rng(0)
    sizes = 10.0 ** rng.uniform(-2.0, 3.0, size=(n, table.shape[1]))
    values = rng.normal(size=sizes.shape) * sizes
    if get_tags(model).input_tags.allow_nan:
        values[rng.random(values.shape) < SHARE_UNDEFINED] = np.nan
    network = _network_inside(model)
    columns = {} if network is None else _known_columns(network, table, rng, n)
    # An array holds no whole number above 2**53.
    largest = 2**63 - 1 if isinstance(table, pd.DataFrame) else 2**53
    columns |= _whole_numbers(inputs, rng, n, largest)
    if not isinstance(table, pd.DataFrame):
        for i, column in columns.items():
            values[:, i] = column
        return values, numbers
    events = pd.DataFrame(values, columns=table.columns)
    for i, column in columns.items():
        events[table.columns[i]] = column
    return events, numbers


def _whole_numbers(
    inputs: Sequence[InputSpec], rng: np.random.Generator, n: int, largest: int
) -> dict[int, NDArray[Any]]:
    """Return event numbers, and categories that come in by their positions."""
    columns: dict[int, NDArray[Any]] = {}
    for spec in inputs:
        if spec.column is not None and spec.categories is not None:
            known = np.array(spec.categories, dtype=object)
            columns[spec.column] = known[rng.integers(0, len(known), n)]
        elif spec.column is not None and spec.dtype == "int64":
            columns[spec.column] = rng.integers(0, largest, n, dtype=np.int64)
    return columns


def _network_inside(model: Any) -> Any:
    """Return the first network that sees the columns as they come in, or None."""
    for one in layers(model):
        if hasattr(one, "encoder_"):
            return one
        if isinstance(one, Pipeline):
            return None
        if hasattr(one, "estimators_") and hasattr(one, "cv_"):
            return _network_inside(one.estimators_[0])
    return None


def _known_columns(
    network: Any, table: Any, rng: np.random.Generator, n: int
) -> dict[int, NDArray[Any]]:
    """Return columns in the range of a network's scaling, and categories it knows."""
    names = getattr(network, "feature_names_in_", None)
    if names is not None:
        places = [list(table.columns).index(str(name)) for name in names]
    elif network.n_features_in_ == table.shape[1]:
        places = list(range(table.shape[1]))
    else:
        return {}
    encoder, transform = network.encoder_, network.net_.module_.inputs
    center = transform.center[0, 0].cpu().numpy().astype(np.float64)
    scale = 1.0 / transform.inverse_scale[0, 0].cpu().numpy().astype(np.float64)
    columns: dict[int, NDArray[Any]] = {}
    for j, i in enumerate(encoder.numeric_):
        column = center[j] + 1.5 * scale[j] * rng.normal(size=n)
        column[rng.random(n) < SHARE_UNDEFINED] = np.nan
        columns[places[i]] = column
    for k, i in enumerate(encoder.categorical_):
        known = encoder.categories_[k].to_numpy()
        columns[places[i]] = known[rng.integers(0, len(known), n)]
    return columns
