"""Which scorers a cross-validation uses, how they get weights, and what they need.

A name stands for this package's weighted scorer where there is one. A scorer that is
computed from predictions alone can score kept ones; of one that looks at the model this
is not known before it is tried.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import isfunction, signature
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import RegressorMixin, is_classifier
from sklearn.metrics import check_scoring, get_scorer
from sklearn.utils.metadata_routing import get_routing_for_object

from skhep_dnn._messages import shown
from skhep_dnn._sklearn import (
    _BaseScorer,
    _check_response_method,
    _MultimetricScorer,
    _PassthroughScorer,
    _routing_enabled,
)
from skhep_dnn._warnings import warn_caller
from skhep_dnn._weighted_steps import final_step
from skhep_dnn.exceptions import UnweightedScoreWarning
from skhep_dnn.metrics import weighted_scorer
from skhep_dnn.metrics._metric_scorer import METRIC_NAMES
from skhep_dnn.metrics._scorer import EventWeightScorer
from skhep_dnn.model_selection._predictions import RESPONSE_METHODS, KeptPredictions

__all__ = [
    "Scoring",
    "as_scoring",
    "given_params",
    "lacks_classes",
    "score_of",
    "works_on_predictions",
]

Scorer = Callable[..., Any]

_METRICS = ("sklearn.metrics.", "skhep_dnn.metrics.")


@dataclass(frozen=True)
class Scoring:
    """Scorers by name.

    Attributes
    ----------
    scorers : dict of str to callable
        Called as ``scorer(estimator, X, y, **params)``.
    is_multimetric : bool
        Whether there were several; otherwise the only name is "score".
    """

    scorers: Mapping[str, Scorer]
    is_multimetric: bool

    def __call__(
        self,
        model: Any,
        X: Any,
        y: Any,
        params: Mapping[str, Any],
        *,
        predictions: KeptPredictions | None = None,
    ) -> dict[str, float]:
        """Return all scores of a model, from its kept predictions where these do."""
        scores: dict[str, float] = {}
        for name, scorer in self.scorers.items():
            enough = predictions is not None and works_on_predictions(scorer)
            scored = predictions if enough else model
            needs_all = isinstance(scorer, EventWeightScorer)
            if needs_all:
                _check_known_classes(scored, y, params.get("sample_weight"))
            if needs_all and lacks_classes(scored, y, params.get("sample_weight")):
                scores[name] = np.nan  # `fit_folds` warns, once
            else:
                scores.update(score_of(name, scorer, scored, X, y, params))
        return scores

    def for_sample(self, y: Any, sample_weight: Any, X: Any = None) -> Scoring:
        """Return scorers that know the yields of the whole sample.

        Carried weights are found by the index of `X`, as they are in every score.
        """
        if y is None:
            return self
        labels = np.asarray(y)
        if isinstance(X, pd.DataFrame) and labels.ndim == 1:
            y = pd.Series(labels, index=X.index)
        scorers = {
            name: scorer.for_sample(y, sample_weight)
            if isinstance(scorer, EventWeightScorer)
            else scorer
            for name, scorer in self.scorers.items()
        }
        return Scoring(scorers, self.is_multimetric)

    def check_takes_weights(self) -> None:
        """Refuse scorers that would leave the weights out in silence.

        Raises
        ------
        TypeError
            If a scorer takes no weights.

        Warns
        -----
        UnweightedScoreWarning
            If a function takes none, which may know them in another way.
        """
        for name, scorer in self.scorers.items():
            # With routing the requests decide, and an undecided one raises; a function
            # has no requests.
            if _routing_enabled() and not _is_function(scorer):
                continue
            if not _takes_weights(scorer):
                _refuse_or_warn(name, scorer)

    def need_all_classes(self) -> bool:
        """Return whether a scorer is undefined on events that lack a class."""
        return any(isinstance(s, EventWeightScorer) for s in self.scorers.values())

    def has_weighted_functions(self) -> bool:
        """Return whether a scorer is a function that takes weights."""
        scorers = self.scorers.values()
        return any(_is_function(s) and _takes_weights(s) for s in scorers)

    def methods(self, estimator: Any, further: Sequence[str] = ()) -> tuple[str, ...]:
        """Return the methods of a fitted estimator whose results are needed."""
        available = [m for m in RESPONSE_METHODS if hasattr(estimator, m)]
        needed = set(further)
        for scorer in self.scorers.values():
            wanted = getattr(scorer, "_response_method", None)
            if isinstance(scorer, EventWeightScorer):
                needed.update(scorer.methods_of(estimator))
            elif wanted is None:
                needed.update(available)
            else:
                needed.add(_check_response_method(estimator, wanted).__name__)
        # The response of the field is kept in any case: the score of each event.
        needed.update(available[:1])
        return tuple(method for method in available if method in needed)


def as_scoring(scoring: Any, estimator: Any, *, is_weighted: bool) -> Scoring:
    """Return the scorers of a parameter `scoring`.

    Parameters
    ----------
    scoring : str, callable, list, tuple, dict or None
        As in `sklearn.model_selection.cross_validate`. None takes the balanced log-loss
        of classifiers, the coefficient of determination of regressors, and the own
        score of others.
    estimator : estimator
        What is scored.
    is_weighted : bool
        Whether weights will be passed; only then are they required.

    Returns
    -------
    scoring : Scoring
    """
    named = _names(scoring)
    if named is None:
        return Scoring({"score": _one(scoring, estimator, is_weighted)}, False)
    scorers = {
        name: _one(scorer, estimator, is_weighted) for name, scorer in named.items()
    }
    return Scoring(scorers, True)


def works_on_predictions(scorer: Scorer) -> bool | None:
    """Return whether a scorer needs predictions only; None if that is not known."""
    if isinstance(scorer, _BaseScorer):
        return True
    return False if isinstance(scorer, _PassthroughScorer) else None


def score_of(
    name: str,
    scorer: Scorer,
    estimator: Any,
    X: Any,
    y: Any,
    params: Mapping[str, Any],
) -> dict[str, float]:
    """Return the scores that one scorer gives: one, or those of a dictionary."""
    taken = given_params(scorer, params)
    arguments = (X,) if y is None else (X, y)
    if not _is_function(scorer):
        # Knows under which names a scorer requests what.
        of_names = _MultimetricScorer(scorers={name: scorer})
        return _as_floats(of_names(estimator, *arguments, **taken))
    value = scorer(estimator, *arguments, **taken)
    return _as_floats(value if isinstance(value, Mapping) else {name: value})


def given_params(scorer: Scorer, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the arguments of a score that this scorer takes or requests."""
    if _routing_enabled() and not _is_function(scorer):
        routing = get_routing_for_object(scorer)
        names = routing.consumes(method="score", params=params.keys())
    else:
        names = {"sample_weight"} if _takes_weights(scorer) else set()
    return {name: value for name, value in params.items() if name in names}


def _is_function(scorer: Scorer) -> bool:
    return not isinstance(scorer, (_BaseScorer, _PassthroughScorer))


def lacks_classes(scored: Any, y: Any, sample_weight: Any) -> bool:
    """Return whether there are classes of a model without an event that counts."""
    known, found = _classes_of(scored, y, sample_weight)
    return found < known


def _check_known_classes(scored: Any, y: Any, sample_weight: Any) -> None:
    known, found = _classes_of(scored, y, sample_weight)
    if not found <= known:
        msg = (
            f"The model of a fold must know the classes {shown(sorted(found))} of "
            "the events that it is scored on, got one that knows "
            f"{shown(sorted(known))} only: its training events had none with a weight "
            f"other than zero of {shown(sorted(found - known))}. Use folds that have "
            "events of every class, such as those of StratifiedKFold."
        )
        raise ValueError(msg)


def _classes_of(scored: Any, y: Any, sample_weight: Any) -> tuple[set[Any], set[Any]]:
    """Return the classes that a model knows, and those of events with a weight."""
    labels = np.asarray(y)
    if sample_weight is not None:
        labels = labels[np.asarray(sample_weight) != 0.0]
    found = set(labels.tolist())
    classes = getattr(scored, "classes_", None)
    return found if classes is None else set(np.asarray(classes).tolist()), found


def _as_floats(scores: Mapping[str, Any]) -> dict[str, float]:
    for name, value in scores.items():
        try:
            float(value)
        except (TypeError, ValueError) as error:
            msg = (
                f"The scorer {name!r} must return a number, got {value!r}. Return a "
                "float, or a dictionary of them."
            )
            raise ValueError(msg) from error
    return {name: float(value) for name, value in scores.items()}


def _names(scoring: Any) -> dict[str, Any] | None:
    """Return the scorers by name; None if there is one without a name."""
    if scoring is None or isinstance(scoring, str) or callable(scoring):
        return None
    named: dict[str, Any] = {}
    if isinstance(scoring, Mapping):
        named = dict(scoring)
    elif isinstance(scoring, (list, tuple, set)):
        named = {name: name for name in scoring}
    if not named or not all(isinstance(name, str) for name in named):
        msg = (
            "`scoring` must be a name, a callable, a list of names or a dictionary of "
            f"names and scorers, got {scoring!r}. Pass such as "
            '["roc_auc", "balanced_log_loss"].'
        )
        raise ValueError(msg)
    return named


def _one(scoring: Any, estimator: Any, is_weighted: bool) -> Scorer:
    if callable(scoring):
        _check_is_scorer(scoring)
        return scoring
    if scoring is None:
        return _default(estimator, is_weighted)
    if scoring in METRIC_NAMES and is_classifier(estimator):
        return weighted_scorer(scoring, unit_weights=not is_weighted)
    return get_scorer(scoring)


def _check_is_scorer(scorer: Scorer) -> None:
    """Refuse a metric of labels and predictions, which is no scorer of a model."""
    module = str(getattr(scorer, "__module__", ""))
    if isfunction(scorer) and module.startswith(_METRICS):
        msg = (
            "A scorer must be called with an estimator, X and y, got the metric "
            f"{scorer.__name__!r} of labels and predictions. Pass a name such as "
            '"roc_auc", a `weighted_scorer`, or what sklearn.metrics.make_scorer makes '
            "of it."
        )
        raise ValueError(msg)


def _default(estimator: Any, is_weighted: bool) -> Scorer:
    if is_classifier(estimator):
        return weighted_scorer("balanced_log_loss", unit_weights=not is_weighted)
    if getattr(type(final_step(estimator)), "score", None) is RegressorMixin.score:
        return get_scorer("r2")
    return check_scoring(estimator)


def _takes_weights(scorer: Scorer) -> bool:
    accepts = getattr(scorer, "_accept_sample_weight", None)
    if accepts is not None:
        return bool(accepts())
    parameters = signature(scorer).parameters.values()
    return any(p.name == "sample_weight" or p.kind is p.VAR_KEYWORD for p in parameters)


def _refuse_or_warn(name: str, scorer: Scorer) -> None:
    what = (
        f"The scorer {name!r} must take `sample_weight` to score weighted events, got "
        f"{scorer!r}, which takes none. "
    )
    remedy = (
        'Use `weighted_scorer` or `make_significance_scorer`, such as scoring="roc_auc"'
        ", or give the function a parameter `sample_weight`."
    )
    if isinstance(scorer, (_BaseScorer, _PassthroughScorer)):
        raise TypeError(what + remedy)
    warn_caller(what + remedy, UnweightedScoreWarning)
