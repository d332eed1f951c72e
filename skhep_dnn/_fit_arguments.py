"""How the fit of an estimator, or of a pipeline, takes weights and what else it needs.

A pipeline takes arguments of its final step by the name of the step, a
`WeightedPipeline` takes weights for all steps, and with metadata routing the requests
of the steps decide.
"""

from typing import Any

from sklearn.pipeline import Pipeline
from sklearn.utils.metadata_routing import get_routing_for_object
from sklearn.utils.validation import has_fit_parameter

from skhep_dnn._sklearn import _routing_enabled
from skhep_dnn._weighted_steps import declines, final_step, gets_weights
from skhep_dnn.pipeline import WeightedPipeline

__all__ = [
    "groups_argument",
    "takes_validation_sample",
    "weights_argument",
]


def weights_argument(estimator: Any, *, required: bool) -> str | None:
    """Return the name under which `fit` takes weights; None if it takes none.

    Parameters
    ----------
    estimator : estimator
        A pipeline or not.
    required : bool
        Whether the weights differ, so that no step that accepts them may go without.

    Returns
    -------
    name : str or None

    Raises
    ------
    TypeError
        If weights would be left out, by the final step or one that accepts them.
    """
    final = final_step(estimator)
    if required and not gets_weights(final):
        msg = (
            "`estimator` must accept `sample_weight` in `fit`, got "
            f"{type(final).__name__}, which does not. Choose another estimator, or fit "
            "without weights."
        )
        raise TypeError(msg)
    if not required and (declines(final) or not _takes(final, "sample_weight")):
        return None
    return _weights_name(estimator, required=required)


def groups_argument(estimator: Any) -> str | None:
    """Return the name under which `fit` takes groups of rows; None if it does not.

    Parameters
    ----------
    estimator : estimator
        A pipeline or not.

    Returns
    -------
    name : str or None
    """
    prefix = ""
    while isinstance(estimator, Pipeline):
        name, estimator = estimator.steps[-1]
        prefix += "" if _routing_enabled() else f"{name}__"
    return f"{prefix}groups" if _takes(estimator, "groups") else None


def takes_validation_sample(estimator: Any) -> bool:
    """Return whether `fit` takes a validation sample.

    Parameters
    ----------
    estimator : estimator
        A pipeline or not. A pipeline has to transform the sample like the training
        events, which needs metadata routing.

    Returns
    -------
    takes : bool
    """
    if isinstance(estimator, Pipeline):
        transforms = "X_val" in (estimator.transform_input or ())
        final = estimator.steps[-1][1]
        return _routing_enabled() and transforms and _takes(final, "X_val")
    return _takes(estimator, "X_val")


def _takes(estimator: Any, name: str) -> bool:
    return bool(has_fit_parameter(estimator, name))


def _weights_name(estimator: Any, *, required: bool) -> str | None:
    plain = isinstance(estimator, Pipeline) and not isinstance(
        estimator, WeightedPipeline
    )
    if plain and _routing_enabled() and not required:
        return "sample_weight" if _requests_weights(estimator) else None
    if not plain or _routing_enabled():
        return "sample_weight"
    *others, (name, final) = estimator.steps
    forgotten = [step for step, part in others if gets_weights(part)]
    if forgotten and required:
        msg = (
            "`estimator` must pass weights to all steps that accept them, got a "
            f"Pipeline, which leaves out {forgotten!r}. Build it with "
            "`make_weighted_pipeline`."
        )
        raise TypeError(msg)
    inner = _weights_name(final, required=required)
    return None if inner is None else f"{name}__{inner}"


def _requests_weights(estimator: Any) -> bool:
    routing = get_routing_for_object(estimator)
    return bool(routing.consumes(method="fit", params={"sample_weight"}))
