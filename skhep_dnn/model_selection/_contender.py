"""A classifier of any kind in a comparison: gets the weights that it can use.

Estimators of this package get the physics weights as they are, and do with them what
their parameters say. Those of others get training weights: positive ones, as far as
they take any, with equal sums of all classes, computed from the training events of each
fold alone. So probabilities of all contenders are of equal priors.
"""

from __future__ import annotations

import warnings
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if

from skhep_dnn._fit_arguments import groups_argument, weights_argument
from skhep_dnn._sklearn import _num_samples, _safe_indexing
from skhep_dnn._weighted_steps import final_step
from skhep_dnn.model_selection._automl import AutoMLClassifier
from skhep_dnn.model_selection._positive_weights import (
    WORDS,
    positive_training_weights,
)

__all__ = ["Contender", "make_contender"]

_REFUSE_NEGATIVE = ("catboost", "xgboost")  # by their documentation
_ENCODED = ("xgboost",)  # takes no labels but 0, 1, ...
_PROBES = 30  # events of each class


def make_contender(
    estimator: Any,
    X: Any,
    y: NDArray[Any],
    sample_weight: NDArray[np.float64] | None,
    *,
    negative_weights: str,
    class_weight: Any,
    seed: int,
) -> tuple[Contender, str]:
    """Return an estimator with the weights that it can use, and a word for these.

    Parameters
    ----------
    estimator : estimator
        A classifier or a pipeline, not fitted.
    X : array-like of shape (n_samples, n_features)
        Events, of which a few tell whether negative weights are taken.
    y : ndarray of shape (n_samples,)
        Labels.
    sample_weight : ndarray of shape (n_samples,) or None
        Physics weights.
    negative_weights : {"refine", "abs", "keep"}
        What classifiers of others get in the place of negative weights; "keep" leaves
        them to those that take them.
    class_weight : "balanced", dict or None
        Of those as well.
    seed : int
        Of refinements.

    Returns
    -------
    contender : Contender
    word : {"none", "signed", "given", "refined", "absolute"}

    Raises
    ------
    TypeError
        If a step of a pipeline that accepts weights would go without.
    """
    is_signed = sample_weight is not None and bool((sample_weight < 0.0).any())
    if _is_of_this_package(estimator):
        word = "signed" if is_signed else "given"
        final = final_step(estimator)
        if is_signed and isinstance(final, AutoMLClassifier):
            word = WORDS[final.negative_weights]
        return Contender(estimator, weights="own"), word
    if weights_argument(estimator, required=False) is None:
        return Contender(estimator, weights="none"), "none"
    weights_argument(estimator, required=True)  # says which step would go without
    policy = negative_weights
    if is_signed and policy == "keep" and _refuses_negative(estimator, X, y):
        policy = "refine"
    contender = Contender(
        estimator, weights=policy, class_weight=class_weight, seed=seed
    )
    return contender, WORDS[policy] if is_signed else "given"


def _is_of_this_package(estimator: Any) -> bool:
    bases = type(final_step(estimator)).mro()
    return any(base.__module__.startswith("skhep_dnn.") for base in bases)


def _refuses_negative(estimator: Any, X: Any, y: NDArray[Any]) -> bool:
    """Return whether a fit on a few events fails by a negative weight alone."""
    if _library(estimator) in _REFUSE_NEGATIVE:
        return True
    few = np.concatenate([np.flatnonzero(y == c)[:_PROBES] for c in np.unique(y)])
    weights = np.ones(len(few))
    weights[0] = -0.5
    events = _safe_indexing(X, few)
    return _fails(estimator, events, y[few], weights) and not _fails(
        estimator, events, y[few], np.abs(weights)
    )


def _fails(
    estimator: Any, X: Any, y: NDArray[Any], weights: NDArray[np.float64]
) -> bool:
    name = weights_argument(estimator, required=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            clone(estimator).fit(X, y, **{str(name): weights})
        except ValueError:
            return True
    return False


def _library(estimator: Any) -> str:
    return type(final_step(estimator)).__module__.partition(".")[0]


def _has(method: str) -> Any:
    def check(self: Contender) -> bool:
        return hasattr(getattr(self, "estimator_", self.estimator), method)

    return available_if(check)


class Contender(ClassifierMixin, BaseEstimator):
    """A classifier that gets the weights it can use.

    Parameters
    ----------
    estimator : estimator
        What is fitted, as a clone.
    weights : {"own", "none", "refine", "abs", "keep"}, default="own"
        "own" passes physics weights as they are, "none" passes none; the others are
        policies for negative weights of training weights.
    class_weight : "balanced", dict or None, default="balanced"
        Of training weights.
    seed : int, default=0
        Of refinements.

    Attributes
    ----------
    estimator_ : estimator
        The fitted one.
    classes_ : ndarray of shape (n_classes,)
        Labels.
    """

    __metadata_request__fit: ClassVar = {"sample_weight": True, "groups": True}

    def __init__(
        self,
        estimator: Any,
        *,
        weights: str = "own",
        class_weight: Any = "balanced",
        seed: int = 0,
    ) -> None:
        self.estimator = estimator
        self.weights = weights
        self.class_weight = class_weight
        self.seed = seed

    def fit(
        self,
        X: Any,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> Self:
        """Fit a clone of the estimator.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Events.
        y : array-like of shape (n_samples,)
            Labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Physics weights.
        groups : array-like of shape (n_samples,), default=None
            Events that stay together, for a fit that takes groups.

        Returns
        -------
        self : Contender
        """
        labels = np.asarray(y)
        arguments: dict[str, Any] = {}
        if groups is not None and groups_argument(self.estimator) is not None:
            arguments[str(groups_argument(self.estimator))] = groups
        weights: Any = sample_weight
        if self.weights not in {"own", "none"}:
            weights = positive_training_weights(
                X,
                labels,
                sample_weight,
                negative_weights=self.weights,
                class_weight=self.class_weight,
                groups=groups,
                random_state=self.seed,
            )
            used = np.flatnonzero(weights != 0.0)
            if len(used) < _num_samples(X):
                X, labels, weights = (
                    _safe_indexing(X, used),
                    labels[used],
                    weights[used],
                )
                arguments = {k: _safe_indexing(v, used) for k, v in arguments.items()}
        if weights is not None and self.weights != "none":
            arguments[str(weights_argument(self.estimator, required=True))] = weights
        self.classes_ = np.unique(labels)
        if self._is_encoded():
            labels = np.searchsorted(self.classes_, labels)
        self.estimator_ = clone(self.estimator).fit(X, labels, **arguments)
        if not self._is_encoded():
            self.classes_ = np.asarray(self.estimator_.classes_)
        return self

    @_has("decision_function")
    def decision_function(self, X: Any) -> Any:
        """Return the scores of the estimator."""
        return self.estimator_.decision_function(X)

    @_has("predict_proba")
    def predict_proba(self, X: Any) -> Any:
        """Return the probabilities of the estimator."""
        return self.estimator_.predict_proba(X)

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the labels that the estimator predicts."""
        predicted = np.asarray(self.estimator_.predict(X))
        if self._is_encoded():
            return np.asarray(self.classes_[predicted.astype(np.intp)])
        return predicted.reshape(len(predicted))  # a column, of CatBoost

    def __sklearn_tags__(self) -> Any:
        """Return what the estimator takes."""
        tags = super().__sklearn_tags__()
        tags.input_tags = get_tags(self.estimator).input_tags
        return tags

    def _is_encoded(self) -> bool:
        return _library(self.estimator) in _ENCODED
