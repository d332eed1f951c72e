"""What an estimator must keep to before it is worth a training.

A limit is a number that is computed from the unfitted estimator and the events, such as
the number of parameters of a network, and the range in which it must lie.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, isnan
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import Pipeline

from skhep_dnn._tables import check_table
from skhep_dnn._weighted_steps import final_step

__all__ = ["Limit", "last_width", "network_size"]

OfEstimator: TypeAlias = Callable[[BaseEstimator, ArrayLike, ArrayLike], float]


@dataclass(frozen=True)
class Limit:
    """Range of a number that is computed from an unfitted estimator.

    Parameters
    ----------
    function : callable
        Maps the estimator with its parameters set, the features and the labels to a
        number; `network_size` is one.
    low : float, default=-inf
        Smallest number that is allowed.
    high : float, default=inf
        Largest number that is allowed.

    Raises
    ------
    TypeError
        If `function` cannot be called.
    ValueError
        If no number is allowed, or the function returns nan.

    Examples
    --------
    >>> from skhep_dnn import WeightedDNNClassifier
    >>> from skhep_dnn.datasets import make_gaussian_events
    >>> from skhep_dnn.model_selection import Limit, network_size
    >>> events = make_gaussian_events(100, random_state=0)
    >>> limit = Limit(network_size, high=100)
    >>> model = WeightedDNNClassifier(n_layers=1, width=40)
    >>> limit.excess(model, events.data, events.target)
    813.0
    """

    function: OfEstimator
    low: float = -inf
    high: float = inf

    def __post_init__(self) -> None:
        """Refuse what allows nothing where it is written."""
        if not callable(self.function):
            msg = (
                "`function` must be a function of the estimator, the features and the "
                f"labels, got {self.function!r}. Pass one, such as `network_size`."
            )
            raise TypeError(msg)
        if not self.low <= self.high:
            msg = (
                f"`low` must be at most `high`, got {self.low!r} and {self.high!r}. "
                "Exchange them."
            )
            raise ValueError(msg)

    def excess(self, estimator: BaseEstimator, X: ArrayLike, y: ArrayLike) -> float:
        """Return by how much the number is out of its range.

        Parameters
        ----------
        estimator : estimator
            Unfitted, with its parameters set.
        X : array-like of shape (n_samples, n_features)
            Features.
        y : array-like of shape (n_samples,)
            Labels.

        Returns
        -------
        excess : float
            Above 0 outside of the range, at most 0 in it, as Optuna has constraints.
        """
        number = float(self.function(estimator, X, y))
        if isnan(number):
            msg = (
                f"The number of a limit must be defined, got nan of {self.function!r}. "
                "Return inf for what is never allowed."
            )
            raise ValueError(msg)
        return max(self.low - number, number - self.high)


def network_size(estimator: BaseEstimator, X: ArrayLike, y: ArrayLike) -> float:
    """Number of parameters that a network will learn, before it is trained.

    It equals `n_parameters_` of the fitted `WeightedDNNClassifier`, if its events of
    weight zero have no category of their own.

    Parameters
    ----------
    estimator : WeightedDNNClassifier or Pipeline
        Unfitted; in a pipeline the network is the last step, and copies of the steps
        before it are fitted, to know its columns.
    X : array-like of shape (n_samples, n_features)
        Features, whose columns and categories count.
    y : array-like of shape (n_samples,)
        Labels, whose classes count.

    Returns
    -------
    n_parameters : float

    Raises
    ------
    TypeError
        If the estimator is no `WeightedDNNClassifier` and does not end in one.
    ValueError
        If the network has `feature_groups`, or there is no network of such a shape.

    See Also
    --------
    skhep_dnn.neural_network.count_parameters : The count from numbers of columns.

    Examples
    --------
    >>> from skhep_dnn import WeightedDNNClassifier
    >>> from skhep_dnn.datasets import make_gaussian_events
    >>> from skhep_dnn.model_selection import network_size
    >>> events = make_gaussian_events(100, random_state=0)
    >>> events.data.shape[1]
    4
    >>> model = WeightedDNNClassifier(n_layers=1, width=40)
    >>> network_size(model, events.data, events.target)
    913.0
    """
    # Importing the search spaces shall not load torch.
    from skhep_dnn.neural_network import count_parameters  # noqa: PLC0415
    from skhep_dnn.neural_network._networks.network import (  # noqa: PLC0415
        azimuths_of,
    )
    from skhep_dnn.neural_network._networks.shapes import hidden_widths  # noqa: PLC0415
    from skhep_dnn.neural_network._preparation.columns import (  # noqa: PLC0415
        ColumnEncoder,
        fitted_augmenter,
    )

    network = _network(estimator)
    if network.feature_groups is not None:
        msg = (
            "`feature_groups` must be None, got "
            f"{network.feature_groups!r}. Limit `width` and `n_layers` instead."
        )
        raise ValueError(msg)
    probe = clone(network)
    table = check_table(probe, _features_of_last_step(estimator, X, y), reset=True)
    names = getattr(probe, "feature_names_in_", None)
    encoder = ColumnEncoder(network.categorical_features, network.missing_values)
    encoder.fit(table, None if names is None else names.tolist())
    augmenter = fitted_augmenter(network.augmenter, table, network.missing_values)
    of_inputs = {
        name: getattr(network, name)
        for name in ("numeric_scaling", "scale_learning_rate", "numeric_embedding")
    }
    order = [*encoder.numeric_, *encoder.categorical_]
    kernel = None if augmenter is None else augmenter.kernel(order)
    count = count_parameters(
        len(encoder.numeric_),
        hidden_widths(
            network.hidden_layer_sizes,
            network.n_layers,
            network.width,
            network.width_growth,
        ),
        activation=network.activation,
        connection=network.connection,
        n_categories=encoder.n_categories,
        embedding_size=network.embedding_size,
        batch_norm=network.batch_norm,
        n_classes=len(np.unique(np.asarray(y))),
        has_factors=network.scale_learning_rate is not None,
        numeric_embedding=network.numeric_embedding,
        n_azimuths=len(azimuths_of(kernel, **of_inputs)),
    )
    return float(count)


def last_width(estimator: BaseEstimator, X: ArrayLike, y: ArrayLike) -> float:  # noqa: ARG001
    """Number of outputs of the last hidden layer, below 1 if there is none.

    Parameters
    ----------
    estimator : WeightedDNNClassifier or Pipeline
        Unfitted; in a pipeline the network is the last step.
    X : array-like of shape (n_samples, n_features)
        Features; not looked at.
    y : array-like of shape (n_samples,)
        Labels; not looked at.

    Returns
    -------
    width : float

    Raises
    ------
    TypeError
        If the estimator is no `WeightedDNNClassifier` and does not end in one.

    Examples
    --------
    >>> from skhep_dnn import WeightedDNNClassifier
    >>> from skhep_dnn.model_selection import last_width
    >>> last_width(WeightedDNNClassifier(width=100, width_growth=-0.2), [], [])
    40.0
    """
    network = _network(estimator)
    if network.hidden_layer_sizes is not None:
        return float(network.hidden_layer_sizes[-1])
    growth = 1.0 + (network.n_layers - 1) * network.width_growth
    return float(round(network.width * growth))


def _network(estimator: BaseEstimator) -> Any:
    from skhep_dnn.neural_network import WeightedDNNClassifier  # noqa: PLC0415

    network = final_step(estimator)
    if not isinstance(network, WeightedDNNClassifier):
        msg = (
            "The estimator must be a WeightedDNNClassifier or a pipeline that ends in "
            f"one, got {estimator!r}. Pass a function of your own to `Limit`."
        )
        raise TypeError(msg)
    return network


def _features_of_last_step(
    estimator: BaseEstimator, X: ArrayLike, y: ArrayLike
) -> ArrayLike:
    """Return what the last step of a pipeline gets, by copies of the others."""
    while isinstance(estimator, Pipeline):
        if len(estimator.steps) > 1:
            X = clone(estimator[:-1]).fit_transform(X, y)
        estimator = estimator.steps[-1][1]
    return X
