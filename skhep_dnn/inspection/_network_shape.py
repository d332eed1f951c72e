"""Which layers do the networks of a fitted estimator have, as names and numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

__all__ = ["Inputs", "NetworkShape", "network_shape"]


@dataclass(frozen=True)
class Inputs:
    """Features of one path.

    Parameters
    ----------
    n_features : int
        Columns.
    n_inputs : int
        Numbers, with those of embedded columns.
    """

    n_features: int
    n_inputs: int

    def text(self, kind: str = "") -> str:
        """Return how many there are, in words.

        Parameters
        ----------
        kind : str, default=""
            Which features.

        Returns
        -------
        text : str
        """
        noun = "feature" if self.n_features == 1 else "features"
        return " ".join([str(self.n_features), *([kind] if kind else []), noun])


@dataclass(frozen=True)
class NetworkShape:
    """Layers of the networks of a fitted estimator.

    Parameters
    ----------
    kind : {"full", "bottleneck", "semi"} or None
        How the features are split; None without a wide layer.
    deep, wide : Inputs
        Features of the hidden layers and of the wide layer, which has none without a
        split.
    layers : tuple of str
        Width, activation and dropout of each hidden layer.
    connection : {"plain", "dense", "residual"}
        How they are connected.
    batch_norm : bool
        Whether they are normalised.
    wide_layer, bottleneck : str
        The wide layer and a bottleneck.
    n_outputs, n_members, n_parameters : int
        Logits, members, and parameters of each of them.
    """

    kind: str | None
    deep: Inputs
    wide: Inputs
    layers: tuple[str, ...]
    connection: str
    batch_norm: bool
    wide_layer: str
    bottleneck: str
    n_outputs: int
    n_members: int
    n_parameters: int

    def path_texts(self) -> dict[str, str]:
        """Return what the hidden layers and the wide layer see.

        Returns
        -------
        texts : dict of str to str
            Of "deep" and "wide".
        """
        if self.kind is None:
            return {"deep": self.deep.text()}
        if self.kind == "semi":
            return {"deep": f"all {self.deep.text()}", "wide": self.wide.text("wide")}
        more = " + bottleneck" if self.kind == "bottleneck" else ""
        texts = self.bottleneck_texts()
        return {path: text + more for path, text in texts.items()}

    def bottleneck_texts(self) -> dict[str, str]:
        """Return what the bottlenecks of both paths see.

        Returns
        -------
        texts : dict of str to str
            Of "deep" and "wide".
        """
        return {"deep": self.deep.text("other"), "wide": self.wide.text("wide")}


def network_shape(model: BaseEstimator) -> NetworkShape:
    """Return the layers of the networks of a fitted estimator.

    Parameters
    ----------
    model : WeightedDNNClassifier
        Fitted estimator.

    Returns
    -------
    shape : NetworkShape

    Raises
    ------
    TypeError
        If it has no networks.
    NotFittedError
        If it is not fitted.
    """
    check_is_fitted(model)
    if not hasattr(model, "net_") or not hasattr(model, "encoder_"):
        msg = (
            "`estimator` must be a network with its layers, got "
            f"{type(model).__name__}. Pass a fitted `WeightedDNNClassifier`."
        )
        raise TypeError(msg)
    net, module = model.net_, model.net_.module_
    split = net.module__split
    features = _features_of_inputs(model)
    return NetworkShape(
        kind=None if split is None else split.kind,
        deep=_inputs(features, None if split is None else split.deep),
        wide=_inputs(features, () if split is None else split.wide),
        layers=_layers(net),
        connection=module.connection,
        batch_norm=net.module__batch_norm,
        wide_layer="" if split is None else f"{split.width} {split.activation}",
        bottleneck="" if split is None else f"1 {split.activation}",
        n_outputs=module.output_bias.shape[2],
        n_members=len(model.member_weights_),
        n_parameters=model.n_parameters_,
    )


def _features_of_inputs(model: BaseEstimator) -> NDArray[np.intp]:
    """Return to which column each embedded input belongs."""
    encoder, module = model.encoder_, model.net_.module_
    numeric = np.asarray(encoder.numeric_, dtype=np.intp)
    if module.columns_of_numbers is not None:
        numeric = numeric[module.columns_of_numbers]
    sizes = [table.shape[2] for table in module.embeddings]
    of_codes = np.repeat(np.asarray(encoder.categorical_, dtype=np.intp), sizes)
    return np.concatenate([numeric, of_codes])


def _inputs(features: NDArray[np.intp], places: tuple[int, ...] | None) -> Inputs:
    own = features if places is None else features[list(places)]
    return Inputs(len(np.unique(own)), len(own))


def _layers(net: Any) -> tuple[str, ...]:
    return tuple(
        f"{width} {activation}" + (f"\ndropout {dropout:g}" if dropout > 0.0 else "")
        for width, activation, dropout in zip(
            net.module__hidden_layer_sizes,
            net.module__activation,
            net.module__dropout,
            strict=True,
        )
    )
