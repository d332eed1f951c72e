"""What do networks with two paths rely on: which block, and which columns beyond it.

Products of learned weights and of what they multiply, for each event. An absolute value
is taken network by network before the mean: the sign of what a block or a bottleneck
says is a choice of each network, and would cancel between them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from skhep_dnn._tables import check_table
from skhep_dnn.neural_network._classifier import WeightedDNNClassifier
from skhep_dnn.neural_network._engine.prediction import padded
from skhep_dnn.neural_network._engine.torch_settings import engine_settings
from skhep_dnn.neural_network._networks.network import MemberNetwork
from skhep_dnn.neural_network._networks.shapes import columns_of_inputs
from skhep_dnn.neural_network._networks.two_paths import SplitBlocks

__all__ = ["block_reliance", "bottleneck_outputs", "bottleneck_reliance"]

PATHS = ("deep", "wide")
ROWS = 512  # the hidden layers of a chunk stay in the cache

Values = Callable[[Tensor], Tensor]


def block_reliance(model: WeightedDNNClassifier, X: ArrayLike) -> pd.DataFrame:
    """Size of what each block adds to the logit of each event.

    It tells whether the prediction rests on the hidden layers or on the wide layer:
    the absolute value of the dot product of the outputs of a block with their slice of
    the weights of the output layer, as a mean over the networks.

    Parameters
    ----------
    model : WeightedDNNClassifier
        Fitted to two classes with `feature_groups`.
    X : DataFrame or array-like of shape (n_samples, n_features)
        Events, as in `predict`.

    Returns
    -------
    reliance : DataFrame of shape (n_samples, 2)
        Columns "deep", of the hidden layers, and "wide", with the index of `X`; in
        units of the logit.

    Raises
    ------
    TypeError
        If `model` is no `WeightedDNNClassifier`.
    ValueError
        If it has no `feature_groups`, or several logits, of which only the differences
        matter.
    NotFittedError
        If it is not fitted.

    See Also
    --------
    bottleneck_reliance : Which columns a bottleneck passes on.
    skhep_dnn.inspection.BlockRelianceDisplay : The figure.

    Notes
    -----
    For one network the logit is the sum of both products and of the output bias, which
    belongs to no block. What a block adds to all events alike counts as well, although
    it separates nothing: look at the spread beside the median. The mean over networks
    has the weights of the members, shared among their snapshots. An `augmenter` does
    nothing here: events are taken as they are, not with their symmetric copies.

    References
    ----------
    .. [1] G. C. Strong, "On the impact of selected modern deep-learning techniques to
       the performance and celerity of classification models in an experimental
       high-energy physics use case", arXiv:2002.01427, App. A, Fig. 18.

    Examples
    --------
    >>> from skhep_dnn import WeightedDNNClassifier
    >>> from skhep_dnn.datasets import make_higgs_events
    >>> from skhep_dnn.neural_network import FeatureSplit, block_reliance
    >>> events = make_higgs_events(500, random_state=0)
    >>> model = WeightedDNNClassifier(
    ...     n_members=2,
    ...     feature_groups=FeatureSplit(events.derived),
    ...     max_epochs=1,
    ...     random_state=0,
    ... ).fit(events.data, events.target, events.sample_weight)
    >>> reliance = block_reliance(model, events.data)
    >>> reliance.shape, list(reliance)
    ((500, 2), ['deep', 'wide'])
    """
    module, _ = _split_networks(model)
    n_classes = len(model.classes_)
    if n_classes > 2:
        msg = (
            f"`model` must have one logit, got {n_classes}, one for each class, of "
            "which only the differences matter. Fit it to two classes."
        )
        raise ValueError(msg)
    n_deep = module.hidden_layer_sizes[-1]

    def sums(x: Tensor) -> Tensor:
        products = module.hidden(x) * module.output_weight.mT
        blocks = products[..., :n_deep], products[..., n_deep:]
        return torch.stack([block.sum(2) for block in blocks], 2)

    columns = pd.Index(PATHS, name="block")
    return _mean_size(model, X, sums, columns)


def bottleneck_reliance(model: WeightedDNNClassifier, X: ArrayLike) -> pd.DataFrame:
    """Size of what each column adds to each bottleneck, event by event.

    It tells what the bottleneck of one path passes on to the other path: the absolute
    value of the scaled feature times its weight, as a mean over the networks. A column
    counts once, with the sum over the numbers of its embedding.

    Parameters
    ----------
    model : WeightedDNNClassifier
        Fitted with ``feature_groups=FeatureSplit(..., kind="bottleneck")``.
    X : DataFrame or array-like of shape (n_samples, n_features)
        Events, as in `predict`.

    Returns
    -------
    reliance : DataFrame of shape (n_samples, n_features)
        Columns (bottleneck, feature) with the index of `X`: ``reliance["deep"]`` has
        the columns of the hidden layers, whose bottleneck feeds the wide layer, and
        ``reliance["wide"]`` the wide columns.

    Raises
    ------
    TypeError
        If `model` is no `WeightedDNNClassifier`.
    ValueError
        If it has no bottlenecks.
    NotFittedError
        If it is not fitted.

    See Also
    --------
    bottleneck_outputs : What comes out of the bottlenecks.
    skhep_dnn.inspection.BottleneckRelianceDisplay : The figure.

    Notes
    -----
    Features are scaled as the network does it: an undefined value is the centre of its
    column and adds 0, or has learnt numbers where numbers are embedded. Two features
    that are strongly correlated can cancel each other, so that both look larger than
    what they add together. Networks, weights and an `augmenter` are treated as in
    `block_reliance`; several classes are no obstacle.

    References
    ----------
    .. [1] G. C. Strong, "On the impact of selected modern deep-learning techniques to
       the performance and celerity of classification models in an experimental
       high-energy physics use case", arXiv:2002.01427, App. A, Fig. 19.

    Examples
    --------
    >>> from skhep_dnn import WeightedDNNClassifier
    >>> from skhep_dnn.datasets import make_higgs_events
    >>> from skhep_dnn.neural_network import FeatureSplit, bottleneck_reliance
    >>> events = make_higgs_events(500, random_state=0)
    >>> model = WeightedDNNClassifier(
    ...     n_members=2,
    ...     feature_groups=FeatureSplit(events.derived, kind="bottleneck"),
    ...     max_epochs=1,
    ...     random_state=0,
    ... ).fit(events.data, events.target, events.sample_weight)
    >>> reliance = bottleneck_reliance(model, events.data)
    >>> reliance["deep"].shape, reliance["wide"].shape
    ((500, 17), (500, 13))
    """
    module, split = _split_networks(model, bottlenecks=True)
    features = _features_of_inputs(model, module)
    own = [features[list(places)] for places in (split.layout.deep, split.layout.wide)]
    places = [split.deep, split.wide]
    weights = [split.weights[1].mT, split.weights[2].mT]
    device = module.output_bias.device
    sums_of = [torch.from_numpy(_sums(k)).to(device) for k in own]

    def sums(x: Tensor) -> Tensor:
        embedded = module.embed(x)
        parts = zip(places, weights, sums_of, strict=True)
        return torch.cat([embedded[..., i] * w @ matrix for i, w, matrix in parts], 2)

    names = _names(model)
    columns = pd.MultiIndex.from_tuples(
        [
            (bottleneck, names[k])
            for bottleneck, of_inputs in zip(PATHS, own, strict=True)
            for k in np.unique(of_inputs)
        ],
        names=["bottleneck", "feature"],
    )
    return _mean_size(model, X, sums, columns)


def bottleneck_outputs(model: WeightedDNNClassifier, X: ArrayLike) -> pd.DataFrame:
    """Outputs of the bottlenecks of each network, after the activation.

    It tells what the paths say to each other. There is no mean over the networks:
    sign, scale and meaning of an output are the choice of each network.

    Parameters
    ----------
    model : WeightedDNNClassifier
        Fitted with ``feature_groups=FeatureSplit(..., kind="bottleneck")``.
    X : DataFrame or array-like of shape (n_samples, n_features)
        Events, as in `predict`.

    Returns
    -------
    outputs : DataFrame of shape (n_samples, 2 * n_networks)
        Columns (bottleneck, network) with the index of `X`: ``outputs["deep"]`` is of
        the columns of the hidden layers, and goes to the wide layer,
        ``outputs["wide"]`` of the wide ones, with a column for each member; with
        `snapshots`, one for each snapshot of the first member, then of the second.

    Raises
    ------
    TypeError
        If `model` is no `WeightedDNNClassifier`.
    ValueError
        If it has no bottlenecks.
    NotFittedError
        If it is not fitted.

    See Also
    --------
    bottleneck_reliance : Which columns make the outputs.
    skhep_dnn.inspection.BottleneckOutputDisplay : The figure.

    Notes
    -----
    An `augmenter` does nothing here: events are taken as they are.

    References
    ----------
    .. [1] G. C. Strong, "On the impact of selected modern deep-learning techniques to
       the performance and celerity of classification models in an experimental
       high-energy physics use case", arXiv:2002.01427, App. A, Fig. 20.

    Examples
    --------
    >>> from skhep_dnn import WeightedDNNClassifier
    >>> from skhep_dnn.datasets import make_higgs_events
    >>> from skhep_dnn.neural_network import FeatureSplit, bottleneck_outputs
    >>> events = make_higgs_events(500, random_state=0)
    >>> model = WeightedDNNClassifier(
    ...     n_members=2,
    ...     feature_groups=FeatureSplit(events.derived, kind="bottleneck"),
    ...     max_epochs=1,
    ...     random_state=0,
    ... ).fit(events.data, events.target, events.sample_weight)
    >>> bottleneck_outputs(model, events.data)["wide"].shape
    (500, 2)
    """
    module, split = _split_networks(model, bottlenecks=True)

    def outputs(x: Tensor) -> Tensor:
        return torch.cat(split.bottlenecks(module.embed(x)), 2)

    def by_bottleneck(values: Tensor) -> Tensor:
        return values.permute(1, 2, 0).flatten(1)

    networks = range(len(module.output_bias))
    columns = pd.MultiIndex.from_product(
        [PATHS, networks], names=["bottleneck", "network"]
    )
    return _event_values(model, X, outputs, by_bottleneck, columns)


def _split_networks(
    model: Any, *, bottlenecks: bool = False
) -> tuple[MemberNetwork, SplitBlocks]:
    """Return the fitted networks and their paths, which must be of the right kind."""
    if not isinstance(model, WeightedDNNClassifier):
        msg = (
            "`model` must be a `WeightedDNNClassifier`, got "
            f"{type(model).__name__}. Of a pipeline pass the last step."
        )
        raise TypeError(msg)
    check_is_fitted(model, "net_")
    module: MemberNetwork = model.net_.module_
    if module.split is None:
        msg = (
            "`model` must have two paths, got feature_groups=None. Fit it with "
            "`feature_groups=FeatureSplit(...)`."
        )
        raise ValueError(msg)
    kind = module.split.layout.kind
    if bottlenecks and kind != "bottleneck":
        msg = (
            f"`model` must have bottlenecks, got kind={kind!r}. Fit it with "
            '`feature_groups=FeatureSplit(..., kind="bottleneck")`.'
        )
        raise ValueError(msg)
    return module, module.split


def _features_of_inputs(
    model: WeightedDNNClassifier, module: MemberNetwork
) -> NDArray[np.intp]:
    """Return to which column of `X` each embedded input belongs."""
    sizes = [table.shape[2] for table in module.embeddings]
    return columns_of_inputs(
        model.encoder_.numeric_,
        model.encoder_.categorical_,
        sizes,
        module.columns_of_numbers,
    )


def _sums(features: NDArray[np.intp]) -> NDArray[np.float32]:
    """Return the matrix that adds up the inputs of each feature, in their order."""
    same = features[:, np.newaxis] == np.unique(features)
    return same.astype(np.float32)


def _names(model: WeightedDNNClassifier) -> list[str]:
    """Return the names of the columns of `X`: those of scikit-learn without names."""
    default = [f"x{i}" for i in range(model.n_features_in_)]
    return list(getattr(model, "feature_names_in_", default))


def _mean_size(
    model: WeightedDNNClassifier, X: ArrayLike, values: Values, columns: pd.Index
) -> pd.DataFrame:
    """Return the weighted mean over the networks of the absolute values."""
    weights = torch.from_numpy(model._network_weights)

    def mean(values: Tensor) -> Tensor:
        return torch.tensordot(weights, values.abs().double(), dims=1)

    return _event_values(model, X, values, mean, columns)


def _event_values(
    model: WeightedDNNClassifier,
    X: ArrayLike,
    values: Values,
    over_networks: Values,
    columns: pd.Index,
) -> pd.DataFrame:
    """Values of each event, computed in padded chunks of one size.

    Parameters
    ----------
    model : WeightedDNNClassifier
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
    inputs = model.encoder_.transform(table)
    module = model.net_.module_.eval()
    device = module.output_bias.device
    result = np.empty((len(inputs), len(columns)))
    with engine_settings(), torch.inference_mode():
        for first in range(0, len(inputs), ROWS):
            rows = padded(inputs[first : first + ROWS], ROWS)
            x = module.inputs(rows.to(device))
            chunk = over_networks(values(x).cpu()).numpy()
            result[first : first + ROWS] = chunk[: len(inputs) - first]
    index = table.index if isinstance(table, pd.DataFrame) else None
    return pd.DataFrame(result, index=index, columns=columns)
