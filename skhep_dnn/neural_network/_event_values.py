"""A table of what the networks of a fitted model hold of each event but the logit."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from skhep_dnn._tables import check_table
from skhep_dnn.neural_network._batches import as_tensor
from skhep_dnn.neural_network._ensemble import NetworkEnsemble
from skhep_dnn.neural_network._threads import one_thread

__all__ = ["Values", "event_values"]

Values = Callable[[Tensor], Tensor]

ROWS = 512  # the hidden layers of a chunk stay in the cache


@torch.inference_mode()
def event_values(
    model: NetworkEnsemble,
    X: ArrayLike,
    values: Values,
    over_networks: Values,
    columns: pd.Index,
) -> pd.DataFrame:
    """Values of each event, computed in padded chunks of one size.

    Parameters
    ----------
    model : NetworkEnsemble
        Fitted estimator.
    X : DataFrame or array-like of shape (n_samples, n_features)
        Events, in raw columns.
    values : callable
        From scaled inputs `(n_networks, n_batch, n_features)` to values of each
        network `(n_networks, n_batch, n_values)`.
    over_networks : callable
        From these, on the CPU, to those of the table, `(n_batch, n_columns)`.
    columns : Index of shape (n_columns,)
        Names of the columns of the table.

    Returns
    -------
    table : DataFrame of shape (n_samples, n_columns)
        With the index of `X`, if that is a DataFrame of pandas.
    """
    table = check_table(model, X, reset=False)
    inputs = model.encoder_.transform(table, model)
    module = model.net_.module_.eval()
    device = module.output_bias.device
    result = np.empty((len(inputs), len(columns)))
    with one_thread():
        for first in range(0, len(inputs), ROWS):
            rows = inputs[first : first + ROWS]
            if len(rows) < ROWS:
                rows = np.pad(rows, ((0, ROWS - len(rows)), (0, 0)))
            x = module.inputs(as_tensor(rows).to(device))
            chunk = over_networks(values(x).cpu()).numpy()
            result[first : first + ROWS] = chunk[: len(inputs) - first]
    index = table.index if isinstance(table, pd.DataFrame) else None
    return pd.DataFrame(result, index=index, columns=columns)
