"""Which numbers of a column enter a fitted network, for events and for any value."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from skhep_dnn._tables import check_table
from skhep_dnn.neural_network._classifier import WeightedDNNClassifier
from skhep_dnn.neural_network._engine.torch_settings import engine_settings
from skhep_dnn.neural_network._networks.inputs import NumericInputs
from skhep_dnn.neural_network._networks.network import MemberNetwork
from skhep_dnn.neural_network._numeric_embedding import PeriodicEmbedding

__all__ = ["NumbersOfColumn", "check_network", "numbers_of_column", "scaled_numbers"]

FloatArray = NDArray[np.float64]

ROWS = 4096  # of a chunk, for all members at once


class NumbersOfColumn(NamedTuple):
    """What a network sees of a column.

    Attributes
    ----------
    names : list of str
        What each number is.
    numbers : ndarray of shape (n_numbers, n_values)
        Those of each value.
    undefined : ndarray of shape (n_numbers,)
        Those of an undefined value.
    """

    names: list[str]
    numbers: FloatArray
    undefined: FloatArray


def check_network(model: Any, member: int) -> WeightedDNNClassifier:
    """Return a fitted classifier that has a member of this number."""
    if not isinstance(model, WeightedDNNClassifier):
        msg = (
            "`estimator` must be a `WeightedDNNClassifier`, or a pipeline that ends "
            f"with one, got {type(model).__name__}. Pass a fitted one."
        )
        raise TypeError(msg)
    check_is_fitted(model, "net_")
    n_members = len(model.member_weights_)
    if member not in range(n_members):
        msg = (
            f"`member` must be from 0 to {n_members - 1}, got {member!r}. Choose one "
            "of the ensemble."
        )
        raise ValueError(msg)
    return model


def scaled_numbers(
    model: WeightedDNNClassifier, X: ArrayLike, member: int
) -> tuple[FloatArray, FloatArray]:
    """Return the columns of numbers as they come in, and as a member scales them.

    Parameters
    ----------
    model : WeightedDNNClassifier
        Fitted classifier.
    X : DataFrame or array-like of shape (n_samples, n_features)
        Events, as in `predict`.
    member : int
        Which one.

    Returns
    -------
    raw, scaled : ndarray of shape (n_samples, n_numeric)
        nan where a value is undefined.
    """
    module, network = _network(model, member)
    rows = model.encoder_.transform(check_table(model, X, reset=False))
    raw = rows[:, : module.n_numeric].astype(np.float64)
    raw[raw == np.float32(module.inputs.missing_values)] = np.nan
    scaled = np.empty_like(raw)
    device = module.output_bias.device
    with engine_settings(), torch.inference_mode():
        for first in range(0, len(rows), ROWS):
            x = torch.from_numpy(rows[first : first + ROWS]).to(device)
            inputs = module.inputs(x)[network, :, : module.n_numeric]
            scaled[first : first + ROWS] = inputs.cpu().numpy()
    scaled[np.isnan(raw)] = np.nan
    return raw, scaled


def numbers_of_column(
    model: WeightedDNNClassifier, column: int, values: FloatArray, member: int
) -> NumbersOfColumn:
    """Return what a member makes of scaled values of one column.

    Parameters
    ----------
    model : WeightedDNNClassifier
        Fitted classifier.
    column : int
        Position among the columns of numbers.
    values : ndarray of shape (n_values,)
        Scaled values.
    member : int
        Which one.

    Returns
    -------
    numbers : NumbersOfColumn
    """
    module, network = _network(model, member)
    if module.numbers is None:
        return NumbersOfColumn(["value"], values[np.newaxis], np.zeros(1))
    n_networks = len(module.output_bias)
    x = torch.zeros(n_networks, len(values) + 1, module.n_numeric, dtype=torch.float32)
    x[:, :, column] = torch.from_numpy(np.append(values, np.nan))
    with engine_settings(), torch.inference_mode():
        found = module.numbers(x.to(module.output_bias.device))[network]
    own = found[:, module.numbers.columns == column].cpu().numpy().astype(np.float64).T
    names = _names(module.numbers, column, network, len(own))
    return NumbersOfColumn(names, own[:, :-1], own[:, -1])


def _network(model: WeightedDNNClassifier, member: int) -> tuple[MemberNetwork, int]:
    """Return the networks, and the first one of a member, without snapshots."""
    module: MemberNetwork = model.net_.module_.eval()
    n_networks = len(module.output_bias) // len(model.member_weights_)
    return module, member * n_networks


def _names(
    numbers: NumericInputs, column: int, network: int, n_numbers: int
) -> list[str]:
    """Return what the numbers of a column are."""
    times = ""
    if numbers.factor is not None:
        times = f"{numbers.factor[network, 0, column].item():.2g} x "
    if column in numbers.azimuths.tolist():
        return [f"{times}sine", f"{times}cosine"]
    kind = "waves" if isinstance(numbers.embedding, PeriodicEmbedding) else "bins"
    return [f"{times}value", *(f"{kind} {k}" for k in range(1, n_numbers))]
