"""The three forms of boosting: what each iteration trains on, and what it adds.

A rule says with which boost factors the next classifier is trained, how much it counts,
and how its response joins the scores of events. The loop around it is in
`_boosting_loop`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from skhep_dnn._responses import Response, log_probabilities, response_of
from skhep_dnn.ensemble._boosting_steps import (
    LARGEST_CORRECTION,
    bounded,
    residual_factors,
    search_step,
    vote_weight,
)

__all__ = [
    "BoostingRule",
    "Gradient",
    "HeldOutResponse",
    "Reweighting",
    "Verdict",
    "Vote",
]

FloatArray = NDArray[np.float64]
Codes = NDArray[np.intp]


@dataclass(frozen=True)
class HeldOutResponse:
    """What a new classifier says of events that it was not trained on.

    Attributes
    ----------
    scores, response : ndarray of shape (n_samples, n_classes)
        Scores so far, and what the new classifier says.
    codes : ndarray of shape (n_samples,)
        Position of each event's class.
    weights : ndarray of shape (n_samples,)
        Signed weights of the balanced log-loss.
    """

    scores: FloatArray
    response: FloatArray
    codes: Codes
    weights: FloatArray


@dataclass(frozen=True)
class Verdict:
    """What decides how much a classifier counts.

    Attributes
    ----------
    error : float
        Error rate on the boosted training events.
    n_classes : int
        Number of classes.
    held_out : HeldOutResponse or None
        What it says of the validation events, if there are any.
    """

    error: float
    n_classes: int
    held_out: HeldOutResponse | None


class BoostingRule(ABC):
    """One form of boosting.

    Attributes
    ----------
    needs_probabilities : bool
        Whether classifiers must have `predict_proba`.
    learns_from_errors : bool
        Whether events that are classified wrongly decide the next training, so that
        there is none after one without errors.
    forgets : bool
        Whether the last classifier predicts alone.
    """

    needs_probabilities: ClassVar[bool] = True
    learns_from_errors: ClassVar[bool] = True
    forgets: ClassVar[bool] = False

    def factors(
        self,
        factors: FloatArray,
        scores: FloatArray,  # noqa: ARG002
        codes: Codes,  # noqa: ARG002
    ) -> FloatArray:
        """Return the boost factors of the next training."""
        return factors

    def kind(self, model: Any, X: Any) -> Response | None:
        """Return what the answers of a fitted classifier are, as tried on events."""
        return response_of(model, X)

    def response(self, model: Any, kind: Any, X: Any) -> FloatArray:
        """Return what a classifier says, of shape (n_samples, n_classes)."""
        return log_probabilities(model, kind, X)

    def labels(self, scores: FloatArray, response: FloatArray) -> Codes:  # noqa: ARG002
        """Return the class of each event, as the errors count it."""
        return response.argmax(axis=1)

    @abstractmethod
    def weight(self, verdict: Verdict) -> float:
        """Return how much a classifier counts."""

    def is_worth_it(self, weight: float) -> bool:  # noqa: ARG002
        """Return whether a classifier of this weight may join."""
        return True

    def added(
        self, scores: FloatArray, response: FloatArray, weight: float
    ) -> FloatArray:
        """Return scores that know of one more classifier."""
        return scores + weight * response

    @abstractmethod
    def raise_by(self, weight: float) -> float:
        """Return the factor for events that a classifier of this weight has missed."""


@dataclass(frozen=True)
class Reweighting(BoostingRule):
    """Misclassified events get a fixed factor, and the last classifier predicts.

    Attributes
    ----------
    boost_factor : float
        The factor.
    """

    boost_factor: float

    forgets: ClassVar[bool] = True

    def weight(self, verdict: Verdict) -> float:  # noqa: ARG002
        """Return 1: it is all there is."""
        return 1.0

    def added(
        self,
        scores: FloatArray,  # noqa: ARG002
        response: FloatArray,
        weight: float,  # noqa: ARG002
    ) -> FloatArray:
        """Return the response alone."""
        return response

    def raise_by(self, weight: float) -> float:  # noqa: ARG002
        """Return the fixed factor."""
        return self.boost_factor


@dataclass(frozen=True)
class Vote(BoostingRule):
    """AdaBoost: classifiers vote, with a weight that their error rate decides.

    Attributes
    ----------
    learning_rate : float
        Share of a vote that counts.
    """

    learning_rate: float

    needs_probabilities: ClassVar[bool] = False

    def kind(self, model: Any, X: Any) -> Response | None:  # noqa: ARG002
        """Return None: a classifier names a class."""
        return None

    def response(self, model: Any, kind: Response | None, X: Any) -> FloatArray:  # noqa: ARG002
        """Return 1 for the class that a classifier names, else 0."""
        named = np.asarray(model.predict(X))[:, np.newaxis] == model.classes_
        return named.astype(np.float64)

    def weight(self, verdict: Verdict) -> float:
        """Return the vote."""
        return self.learning_rate * vote_weight(verdict.error, verdict.n_classes)

    def is_worth_it(self, weight: float) -> bool:
        """Return whether a classifier is better than chance."""
        return weight > 0.0

    def raise_by(self, weight: float) -> float:
        """Return the exponential of the vote."""
        return float(np.exp(weight))


@dataclass(frozen=True)
class Gradient(BoostingRule):
    """Classifiers correct the scores, by a step that held-out events decide.

    Attributes
    ----------
    learning_rate : float
        Share of a step that is taken.
    max_step : float
        Largest step.
    takes_offset : bool
        Whether a classifier knows the scores, so that it needs no factors.
    """

    learning_rate: float
    max_step: float
    takes_offset: bool

    learns_from_errors: ClassVar[bool] = False

    def factors(
        self, factors: FloatArray, scores: FloatArray, codes: Codes
    ) -> FloatArray:
        """Return the factors by which a classifier learns what the scores lack."""
        return factors if self.takes_offset else residual_factors(scores, codes)

    def response(self, model: Any, kind: Response | None, X: Any) -> FloatArray:
        """Return the correction, within bounds."""
        return bounded(super().response(model, kind, X), LARGEST_CORRECTION)

    def labels(self, scores: FloatArray, response: FloatArray) -> Codes:
        """Return the class of each event, with the whole correction."""
        return (scores + response).argmax(axis=1)

    def weight(self, verdict: Verdict) -> float:
        """Return the share of the best step; a whole one without held-out events."""
        held_out = verdict.held_out
        if held_out is None:
            return self.learning_rate
        return self.learning_rate * search_step(
            held_out.scores,
            held_out.response,
            held_out.codes,
            held_out.weights,
            self.max_step,
        )

    def raise_by(self, weight: float) -> float:  # noqa: ARG002
        """Return 1: the scores decide the next factors."""
        return 1.0
