"""The networks of a classifier as a diagram, for its HTML representation."""

from collections.abc import Sequence
from itertools import groupby

from skhep_dnn._sklearn import _VisualBlock
from skhep_dnn.neural_network._feature_split import FeatureSplit
from skhep_dnn.neural_network._numeric_embedding import (
    NumericEmbedding,
    PeriodicEmbedding,
    named_embedding,
)

__all__ = ["network_diagram"]


def network_diagram(
    *,
    n_columns: int | None,
    n_categorical: int,
    n_inputs: int | None,
    numeric_scaling: str,
    scale_learning_rate: float | None,
    numeric_embedding: str | NumericEmbedding | None,
    widths: Sequence[int],
    activation: Sequence[str],
    dropout: Sequence[float],
    connection: str,
    batch_norm: bool,
    split: FeatureSplit | None,
    n_members: int,
    n_classes: int | None,
    n_parameters: int | None,
) -> _VisualBlock:
    """Return inputs, hidden layers and output, from top to bottom.

    Parameters
    ----------
    n_columns, n_categorical : int or None
        Number of features, and of those that are categories; None before a fit.
    n_inputs : int or None
        Numbers that come into the first layer; None before a fit.
    numeric_scaling, scale_learning_rate, numeric_embedding
        Parameters of `WeightedDNNClassifier`.
    widths, activation, dropout : sequence
        Width, activation and dropout of each hidden layer.
    connection, batch_norm, split, n_members
        Parameters of `WeightedDNNClassifier`.
    n_classes, n_parameters : int or None
        Number of classes, and of parameters of a member; None before a fit.

    Returns
    -------
    block : object
        What scikit-learn draws.
    """
    details = f"{connection} connections" + (", batch norm" if batch_norm else "")
    layers = list(zip(widths, activation, dropout, strict=True))
    numbers = _numbers(numeric_scaling, scale_learning_rate, numeric_embedding)
    blocks = [
        _inputs(n_columns, n_categorical, n_inputs, numbers),
        *_paths(_hidden_layers(layers, details), split),
        _output(n_members, n_classes, n_parameters),
    ]
    return _VisualBlock("serial", blocks, dash_wrapped=False)


def _block(name: str, caption: str) -> _VisualBlock:
    details = f"{name}: {caption}"
    return _VisualBlock(
        "single", name, names=name, name_details=details, name_caption=caption
    )


def _numbers(
    scaling: str, rate: float | None, embedding: str | NumericEmbedding | None
) -> str:
    """Return how numbers enter the first layer."""
    rule = named_embedding(embedding)
    parts = ["filled" if rule is None else "undefined values learnt"]
    parts.append(f"{scaling} scaling")
    if rate is not None:
        parts.append("learnt factors")
    if rule is not None:
        kind = "periodic" if isinstance(rule, PeriodicEmbedding) else "piecewise-linear"
        parts.append(f"{kind} embedding")
    return ", ".join(parts)


def _inputs(
    n_columns: int | None, n_categorical: int, n_inputs: int | None, numbers: str
) -> _VisualBlock:
    if n_columns is None:
        return _block("Inputs", f"{numbers}; categories embedded")
    name, caption = f"{n_columns - n_categorical} numbers", numbers
    if n_categorical:
        kind = "category column" if n_categorical == 1 else "category columns"
        name = f"{name}, {n_categorical} {kind}"
        caption = f"{numbers}; categories embedded"
    if n_inputs != n_columns:
        caption = f"{caption}; {n_inputs} inputs"
    return _block(name, caption)


def _paths(
    hidden: list[_VisualBlock], split: FeatureSplit | None
) -> list[_VisualBlock]:
    if split is None:
        return hidden
    deep = _VisualBlock("serial", hidden, dash_wrapped=False)
    columns = f"{len(split.wide)} column" + ("s" if len(split.wide) > 1 else "")
    wide = _block(f"{split.width} in the wide layer", f"{columns}, {split.kind} split")
    return [_VisualBlock("parallel", [deep, wide], dash_wrapped=False)]


def _hidden_layers(
    layers: Sequence[tuple[int, str, float]], details: str
) -> list[_VisualBlock]:
    blocks = []
    for layer, same in groupby(layers):
        n_layers = len(list(same))
        width, activation, probability = layer
        many = f"{n_layers} x " if n_layers > 1 else ""
        dropout = f", dropout {probability:g}" if probability > 0.0 else ""
        blocks.append(_block(f"{many}{width} {activation}", details + dropout))
    return blocks


def _output(
    n_members: int, n_classes: int | None, n_parameters: int | None
) -> _VisualBlock:
    members = "1 member" if n_members == 1 else f"mean of {n_members} members"
    if n_classes is None or n_parameters is None:
        return _block("Logit", members)
    name = "1 logit" if n_classes == 2 else f"{n_classes} logits"
    return _block(name, f"{members}, {n_parameters:,} parameters each")
