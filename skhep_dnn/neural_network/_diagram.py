"""The networks of an estimator as a diagram, for its HTML representation."""

from itertools import groupby
from typing import TYPE_CHECKING

from skhep_dnn._sklearn import _VisualBlock
from skhep_dnn.neural_network._activations import activation_names
from skhep_dnn.neural_network._architecture import hidden_widths, layer_dropout

if TYPE_CHECKING:
    from skhep_dnn.neural_network._ensemble import NetworkEnsemble

__all__ = ["network_diagram"]


def network_diagram(model: "NetworkEnsemble") -> _VisualBlock:
    """Return inputs, hidden layers and output, from top to bottom."""
    blocks = [_inputs(model), *_paths(model), _output(model)]
    return _VisualBlock("serial", blocks, dash_wrapped=False)


def _block(name: str, caption: str) -> _VisualBlock:
    details = f"{name}: {caption}"
    return _VisualBlock(
        "single", name, names=name, name_details=details, name_caption=caption
    )


def _inputs(model: "NetworkEnsemble") -> _VisualBlock:
    if not hasattr(model, "net_"):
        return _block("Inputs", "filled and standardised, categories embedded")
    sizes = model.encoder_.n_categories
    numbers = f"{model.n_features_in_ - len(sizes)} numbers"
    if not sizes:
        return _block(numbers, "filled and standardised")
    kind = "category column" if len(sizes) == 1 else "category columns"
    name = f"{numbers}, {len(sizes)} {kind}"
    return _block(name, "filled and standardised, categories embedded")


def _paths(model: "NetworkEnsemble") -> list[_VisualBlock]:
    hidden, split = _hidden_layers(model), model.feature_groups
    if split is None:
        return hidden
    deep = _VisualBlock("serial", hidden, dash_wrapped=False)
    columns = f"{len(split.wide)} column" + ("s" if len(split.wide) > 1 else "")
    wide = _block(f"{split.width} in the wide layer", f"{columns}, {split.kind} split")
    return [_VisualBlock("parallel", [deep, wide], dash_wrapped=False)]


def _hidden_layers(model: "NetworkEnsemble") -> list[_VisualBlock]:
    widths = hidden_widths(
        model.hidden_layer_sizes, model.n_layers, model.width, model.width_growth
    )
    activations = activation_names(model.activation, len(widths))
    dropout = layer_dropout(model.dropout, len(widths))
    blocks = []
    for layer, same in groupby(zip(widths, activations, dropout, strict=True)):
        n_layers = len(list(same))
        width, activation, probability = layer
        many = f"{n_layers} x " if n_layers > 1 else ""
        parts = [f"{model.connection} connections"]
        parts += ["batch norm"] if model.batch_norm else []
        parts += [f"dropout {probability:g}"] if probability > 0.0 else []
        blocks.append(_block(f"{many}{width} {activation}", ", ".join(parts)))
    return blocks


def _output(model: "NetworkEnsemble") -> _VisualBlock:
    members = (
        "1 member" if model.n_members == 1 else f"mean of {model.n_members} members"
    )
    if not hasattr(model, "net_"):
        return _block("Logit", members)
    n_classes = len(model.classes_)
    name = "1 logit" if n_classes == 2 else f"{n_classes} logits"
    return _block(name, f"{members}, {model.n_parameters_:,} parameters each")
