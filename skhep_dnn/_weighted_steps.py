"""The steps of a pipeline: which is the last, and which take event weights.

Whether a step takes weights, declines them or passes them on is asked of it alone: of
its signature, its parts and the requests that were set on it.
"""

from typing import Any

from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.pipeline import Pipeline
from sklearn.utils.metadata_routing import (
    UNUSED,
    MetadataRouter,
    get_routing_for_object,
)
from sklearn.utils.validation import has_fit_parameter

__all__ = [
    "declines",
    "final_step",
    "gets_weights",
    "is_predictor",
    "requesting_weights",
    "weighted_parts",
]


def final_step(estimator: Any) -> Any:
    """Return the last step of a pipeline, also of nested ones, or the estimator.

    Parameters
    ----------
    estimator : estimator
        A pipeline or not.

    Returns
    -------
    final : estimator
    """
    while isinstance(estimator, Pipeline):
        estimator = estimator.steps[-1][1]
    return estimator


def requesting_weights(requests: Any) -> Any:
    """Return the requests with undecided ones for weights set to True.

    Of a router, only those of itself: its parts decide for themselves.

    Parameters
    ----------
    requests : MetadataRequest or MetadataRouter
        What a step requests; a copy, as it is changed.

    Returns
    -------
    requests : MetadataRequest or MetadataRouter
    """
    consumer = requests
    if isinstance(requests, MetadataRouter):
        consumer = dict(iter(requests)).get("$self_request", (None, None))[1]
    if consumer is not None:
        for method in ("fit", "transform", "score"):
            request = getattr(consumer, method)
            if request.requests.get("sample_weight", UNUSED) is None:
                request.add_request(param="sample_weight", alias=True)
    return requests


def gets_weights(step: Any) -> bool:
    """Return whether `fit` takes `sample_weight`, by name or to pass it on."""
    if declines(step):
        return False
    parts = ("estimator", "estimators", "steps")
    passes_on = any(hasattr(step, part) for part in parts)
    return passes_on or has_fit_parameter(step, "sample_weight")


def weighted_parts(step: Any) -> list[str]:
    """Return the names of the weighted parts of a column-wise or joined transformer.

    Parameters
    ----------
    step : estimator
        A step of a pipeline, of whatever kind.

    Returns
    -------
    names : list of str
        A part of a part has both names, such as "numbers__standardscaler".
    """
    parts = getattr(step, "transformers", getattr(step, "transformer_list", ()))
    return [name for part in parts for name in _weighted_names(part[0], part[1])]


def _weighted_names(name: str, part: Any) -> list[str]:
    """Return a part, or what is inside of it, if it accepts weights."""
    if has_fit_parameter(part, "sample_weight"):
        return [name]
    inner = weighted_parts(part)
    if isinstance(part, Pipeline):
        inner = [own for step in part.steps for own in _weighted_names(*step)]
    return [f"{name}__{own}" for own in inner]


def declines(step: Any) -> bool:
    """Return whether a request set on the step itself says no."""
    requests = get_routing_for_object(getattr(step, "_metadata_request", None))
    return requests.fit.requests.get("sample_weight") is False


def is_predictor(step: Any) -> bool:
    """Return whether the step predicts, so that its weights must not be left out."""
    predicts = isinstance(step, (ClassifierMixin, RegressorMixin))
    return predicts or hasattr(step, "predict")
