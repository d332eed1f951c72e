"""From the parameters that a user writes to the shape of a network."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skhep_dnn.neural_network._activations import ACTIVATIONS, activation_names
from skhep_dnn.neural_network._feature_split import FeatureSplit, Kind
from skhep_dnn.neural_network._numeric_embedding import (
    NumericEmbedding,
    named_embedding,
)

__all__ = [
    "Embedding",
    "SplitLayout",
    "columns_of_inputs",
    "count_parameters",
    "embedding_width",
    "hidden_widths",
    "layer_dropout",
    "numbers_of_columns",
    "split_layout",
]

Embedding = int | Literal["n-1", "half"]


def hidden_widths(
    hidden_layer_sizes: Sequence[int] | None,
    n_layers: int,
    width: int,
    width_growth: float,
) -> list[int]:
    """Return the width of each hidden layer.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int or None
        Widths one by one; they replace the other parameters.
    n_layers, width : int
        Number of layers and width of the first one.
    width_growth : float
        Layer d has the width `width * (1 + d * width_growth)`, d from 0, rounded.

    Returns
    -------
    widths : list of int

    Raises
    ------
    ValueError
        If a width is not a positive whole number.

    Examples
    --------
    >>> hidden_widths(None, 4, 100, -0.2)
    [100, 80, 60, 40]
    """
    if hidden_layer_sizes is None:
        widths = [round(width * (1.0 + d * width_growth)) for d in range(n_layers)]
        if min(widths) < 1:
            msg = (
                f"`width_growth` must leave every layer a width of 1 or more, got "
                f"{width_growth!r} for {n_layers} layers: {widths!r}. Raise it."
            )
            raise ValueError(msg)
        return widths
    sizes = np.asarray(hidden_layer_sizes)
    if sizes.ndim != 1 or len(sizes) == 0 or sizes.dtype.kind not in "iu":
        msg = (
            "`hidden_layer_sizes` must be a sequence of whole numbers, got "
            f"{hidden_layer_sizes!r}. Pass one width for each hidden layer."
        )
        raise ValueError(msg)
    if sizes.min() < 1:
        msg = (
            f"`hidden_layer_sizes` must be positive, got {hidden_layer_sizes!r}. "
            "Raise them."
        )
        raise ValueError(msg)
    return sizes.tolist()


def layer_dropout(dropout: float | Sequence[float], n_layers: int) -> list[float]:
    """Return the dropout probability of each hidden layer.

    Parameters
    ----------
    dropout : float or sequence of float
        One probability for all layers, or one for each, in [0, 1).
    n_layers : int
        Number of hidden layers.

    Returns
    -------
    probabilities : list of float

    Raises
    ------
    ValueError
        If a probability is out of range or there is not one for each layer.
    """
    values = np.broadcast_to(dropout, n_layers) if np.ndim(dropout) == 0 else dropout
    array = np.asarray(values, dtype=np.float64)
    if array.shape != (n_layers,) or not ((array >= 0.0) & (array < 1.0)).all():
        msg = (
            f"`dropout` must be a probability in [0, 1), or one for each of the "
            f"{n_layers} hidden layers, got {dropout!r}. Correct it."
        )
        raise ValueError(msg)
    return array.tolist()


def embedding_width(n_categories: int, embedding_size: Embedding) -> int:
    """Return how many numbers stand for one category.

    Parameters
    ----------
    n_categories : int
        Number of categories.
    embedding_size : int, "n-1" or "half"
        The number itself, one less than there are categories, or half of them,
        rounded up and at most 50.

    Returns
    -------
    size : int

    Examples
    --------
    >>> embedding_width(4, "n-1"), embedding_width(4, "half"), embedding_width(4, 5)
    (3, 2, 5)
    """
    if embedding_size == "n-1":
        return max(1, n_categories - 1)
    if embedding_size == "half":
        return min(50, (n_categories + 1) // 2)
    return int(embedding_size)


def numbers_of_columns(
    n_numeric: int, size: int = 1, azimuths: Sequence[int] = ()
) -> NDArray[np.intp]:
    """Return to which column of numbers each input belongs that stands for one.

    Parameters
    ----------
    n_numeric : int
        Number of columns of numbers.
    size : int, default=1
        Numbers that stand for a value of a column.
    azimuths : sequence of int, default=()
        Columns of which the sine comes in first, and the cosine last.

    Returns
    -------
    columns : ndarray of shape (n_inputs,)

    Examples
    --------
    >>> numbers_of_columns(3, 3, [1]).tolist()
    [0, 1, 2, 0, 0, 2, 2, 1]
    """
    columns = np.arange(n_numeric)
    others = columns[~np.isin(columns, azimuths)]
    last = np.asarray(azimuths, dtype=np.intp)
    return np.concatenate([columns, np.repeat(others, size - 1), last])


def columns_of_inputs(
    numeric: Sequence[int],
    categorical: Sequence[int],
    sizes: Sequence[int],
    numbers: NDArray[np.intp] | None = None,
) -> NDArray[np.intp]:
    """Return to which column of `X` each embedded input of a network belongs.

    Parameters
    ----------
    numeric, categorical : sequence of int
        Positions of the columns, in the order of the network: numbers come first.
    sizes : sequence of int
        Numbers that stand for a category of each categorical column.
    numbers : ndarray of int or None, default=None
        Those of `numbers_of_columns`; None for one of each column.

    Returns
    -------
    columns : ndarray of shape (n_inputs,)

    Examples
    --------
    >>> columns_of_inputs([0, 2], [1], [3]).tolist()
    [0, 2, 1, 1, 1]
    >>> columns_of_inputs([0, 2], [1], [3], numbers_of_columns(2, 2)).tolist()
    [0, 2, 0, 2, 1, 1, 1]
    """
    if numbers is None:
        numbers = numbers_of_columns(len(numeric))
    of_numbers = np.asarray(numeric, dtype=np.intp)[numbers]
    of_codes = np.repeat(np.asarray(categorical, dtype=np.intp), sizes)
    return np.concatenate([of_numbers, of_codes])


class SplitLayout(NamedTuple):
    """Where the features of both paths lie among the embedded inputs.

    Attributes
    ----------
    kind : {"full", "bottleneck", "semi"}
        What the hidden layers see.
    deep, wide : tuple of int
        Positions of the features that are the paths' own.
    width : int
        Outputs of the wide layer.
    activation : str
        Activation of the wide layer and of the bottlenecks.
    """

    kind: Kind
    deep: tuple[int, ...]
    wide: tuple[int, ...]
    width: int
    activation: str


def split_layout(
    rule: FeatureSplit,
    wide_columns: Collection[int],
    columns: NDArray[np.intp],
    activation: str,
) -> SplitLayout:
    """Return where the columns of both paths lie among the embedded inputs.

    Parameters
    ----------
    rule : FeatureSplit
        Kind and width of the second path.
    wide_columns : collection of int
        Positions in `X` of its columns.
    columns : ndarray of shape (n_inputs,)
        To which column of `X` each embedded input belongs.
    activation : str
        Activation of the wide layer and of the bottlenecks.

    Returns
    -------
    layout : SplitLayout

    Raises
    ------
    ValueError
        If no column is left to the hidden layers.
    """
    is_wide = np.isin(columns, list(wide_columns))
    is_deep = ~is_wide | (rule.kind == "semi")
    if not is_deep.any():
        msg = (
            "`feature_groups` must leave columns to the hidden layers, got all of them "
            'as wide ones. Name fewer, or take kind="semi".'
        )
        raise ValueError(msg)
    deep, wide = np.flatnonzero(is_deep).tolist(), np.flatnonzero(is_wide).tolist()
    return SplitLayout(rule.kind, tuple(deep), tuple(wide), rule.width, activation)


def count_parameters(
    n_numeric: int,
    hidden_layer_sizes: Sequence[int],
    *,
    activation: str | Sequence[str] = "swish",
    connection: Literal["plain", "dense", "residual"] = "dense",
    n_categories: Sequence[int] = (),
    embedding_size: Embedding = "n-1",
    batch_norm: bool = False,
    n_classes: int = 2,
    has_factors: bool = True,
    numeric_embedding: str | NumericEmbedding | None = "periodic",
    n_azimuths: int = 0,
) -> int:
    """Number of parameters that one network learns.

    Weights, biases, embeddings, factors of the inputs and the parameters of activations
    and of batch norm count; the scaling of the inputs does not.

    Parameters
    ----------
    n_numeric : int
        Number of numeric features.
    hidden_layer_sizes : sequence of int
        Widths of the hidden layers.
    activation : str or sequence of str, default="swish"
        Activation of all hidden layers, or of each.
    connection : {"plain", "dense", "residual"}, default="dense"
        How the layers are connected.
    n_categories : sequence of int, default=()
        Number of categories of each categorical feature.
    embedding_size : int, "n-1" or "half", default="n-1"
        Numbers for each category; see `WeightedDNNClassifier`.
    batch_norm : bool, default=False
        Whether the input of each activation is normalised: gain and shift for each
        hidden output, instead of a bias.
    n_classes : int, default=2
        Number of classes; two need one logit.
    has_factors : bool, default=True
        Whether each numeric feature has a learnt factor, as it has with a
        `scale_learning_rate`.
    numeric_embedding : {"periodic", "piecewise_linear"}, PeriodicEmbedding, \
            PiecewiseLinearEmbedding or None, default="periodic"
        What stands for a number; see `WeightedDNNClassifier`.
    n_azimuths : int, default=0
        How many of the numeric features are azimuths that enter as sine and cosine.

    Returns
    -------
    n_parameters : int

    Raises
    ------
    ValueError
        If an embedding or an activation is unknown or there is not one for each layer.

    References
    ----------
    .. [1] G. C. Strong, "On the impact of selected modern deep-learning techniques to
       the performance and celerity of classification models in an experimental
       high-energy physics use case", arXiv:2002.01427.

    Examples
    --------
    The two networks of [1]_, with the number of jets as a category:

    >>> from skhep_dnn.neural_network import count_parameters
    >>> plain = {"has_factors": False, "numeric_embedding": None, "n_categories": [4]}
    >>> count_parameters(30, [100] * 4, connection="plain", **plain)
    33813
    >>> count_parameters(30, [33] * 6, connection="dense", **plain)
    23113

    With four numbers for each of the other columns, and a factor of each:

    >>> count_parameters(30, [33] * 6, n_categories=[4])
    42373
    """
    names = activation_names(activation, len(hidden_layer_sizes))
    sizes = [embedding_width(n, embedding_size) for n in n_categories]
    tables = sum(n * size for n, size in zip(n_categories, sizes, strict=True))
    embedding = named_embedding(numeric_embedding)
    size = 1 if embedding is None else embedding.size
    n_numbers = len(numbers_of_columns(n_numeric, size, range(n_azimuths)))
    source = n_numbers + sum(sizes)
    count = n_numeric if has_factors else 0
    if embedding is not None:
        count += n_numbers + (n_numeric - n_azimuths) * embedding.n_parameters
    count += tables + sum(ACTIVATIONS[name].n_parameters for name in names)
    for width in hidden_layer_sizes:
        count += (source + (2 if batch_norm else 1)) * width
        source = source + width if connection == "dense" else width
    n_outputs = 1 if n_classes == 2 else n_classes
    return count + (hidden_layer_sizes[-1] + 1) * n_outputs
