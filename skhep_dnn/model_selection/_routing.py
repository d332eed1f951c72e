"""What goes to the fit, the split and the scores, with metadata routing or without."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sklearn.utils import Bunch
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    process_routing,
)

from skhep_dnn._fit_arguments import groups_argument, weights_argument
from skhep_dnn._sklearn import _MultimetricScorer, _routing_enabled
from skhep_dnn._tables import native_values
from skhep_dnn._weighted_steps import declines, final_step
from skhep_dnn.model_selection._scoring import Scoring

__all__ = ["routed_params", "router_of"]


def routed_params(
    router: Any, estimator: Any, scoring: Scoring, params: Mapping[str, Any]
) -> Bunch:
    """Return what `estimator.fit`, `splitter.split` and `scorer.score` are given.

    Parameters
    ----------
    router : MetadataRouter or estimator
        Whose requests decide where routing is enabled.
    estimator : estimator
        What is fitted.
    scoring : Scoring
        What scores.
    params : dict
        `sample_weight` and `groups`, where there are any, and further arguments.

    Returns
    -------
    routed : Bunch

    Raises
    ------
    TypeError
        If weights would be left out by a step of the estimator or by a scorer.
    ValueError
        If weights are given for a step alone: no scorer would get them. If a value
        of an event is masked.
    """
    known = {k: native_values(v, k) for k, v in params.items() if v is not None}
    weights = known.get("sample_weight")
    if weights is not None:
        scoring.check_takes_weights()
    if not _routing_enabled():
        return _manual_routing(estimator, known)
    routed = process_routing(router, "fit", **known)
    if weights is not None and scoring.has_weighted_functions():
        routed.scorer.score["sample_weight"] = weights
    return routed


def router_of(
    owner: str, estimator: Any, scoring: Scoring, splitter: Any
) -> MetadataRouter:
    """Return the router of a function that fits, splits and scores."""

    def called(method: str) -> MethodMapping:
        return MethodMapping().add(caller="fit", callee=method)

    scorer = _MultimetricScorer(scorers=dict(scoring.scorers))
    return (
        MetadataRouter(owner=owner)
        .add(splitter=splitter, method_mapping=called("split"))
        .add(estimator=estimator, method_mapping=called("fit"))
        .add(scorer=scorer, method_mapping=called("score"))
    )


def _manual_routing(estimator: Any, params: Mapping[str, Any]) -> Bunch:
    """Return what goes where without routing.

    Weights go to the fit under the name that the estimator or pipeline has for them,
    and to all scorers; groups to the splitter, and to a fit that takes them.
    """
    fit, score = dict(params), {}
    weights, groups = fit.pop("sample_weight", None), fit.pop("groups", None)
    named = [name for name in fit if name.endswith("__sample_weight")]
    if named:
        msg = (
            "Weights must be given as `sample_weight`, for all fits and scores, got "
            f"{', '.join(f'`{name}`' for name in named)}. Pass `sample_weight`, to a "
            "pipeline that is built with `make_weighted_pipeline`."
        )
        raise ValueError(msg)
    if weights is not None:
        required = not declines(final_step(estimator))
        name = weights_argument(estimator, required=required)
        if name is not None:
            fit[name] = weights
        score["sample_weight"] = weights
    if groups is not None:
        name = groups_argument(estimator)
        if name is not None:
            fit[name] = groups
    return Bunch(
        estimator=Bunch(fit=fit),
        splitter=Bunch(split={"groups": groups}),
        scorer=Bunch(score=score),
    )
