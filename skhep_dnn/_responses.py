"""What the answers of a fitted classifier are, and the logarithms of its probabilities.

The logarithms do not saturate where the classifier tells its logits.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax

from skhep_dnn._logits import log_probability, log_probability_of_scores
from skhep_dnn._sklearn import _safe_indexing

__all__ = [
    "Response",
    "kind_of",
    "log_of",
    "log_of_decisions",
    "log_probabilities",
    "response_of",
    "told_logarithms",
]

Floats = NDArray[np.float64]
Response = Literal["sigmoid", "softmax", "probability", "decision"]
_EVENTS = 1000  # that tell what a decision function is
_TINY = float(np.finfo(np.float64).tiny)  # the logit of a probability 0 is -708


def response_of(classifier: Any, X: Any) -> Response:
    """Return what the answers of a fitted classifier are, as tried on some events.

    Parameters
    ----------
    classifier : classifier
        Fitted.
    X : ndarray or pandas.DataFrame of shape (n_samples, n_features)
        Events of which the first ones are tried.

    Returns
    -------
    response : {"sigmoid", "softmax", "probability", "decision"}
        Whether the sigmoid or the softmax of the decision function is the
        probability, whether there are only probabilities, or no probabilities.
    """
    if not hasattr(classifier, "predict_proba"):
        return "decision"
    if not hasattr(classifier, "decision_function"):
        return "probability"
    events = _safe_indexing(X, slice(0, _EVENTS))
    return kind_of(
        classifier.predict_proba(events), classifier.decision_function(events)
    )


def kind_of(
    probability: Floats, decision: Floats
) -> Literal["sigmoid", "softmax", "probability"]:
    """Return whether a decision function has the probabilities in it, and how.

    Parameters
    ----------
    probability : ndarray of shape (n_samples, n_classes)
        Probabilities of some events.
    decision : ndarray of shape (n_samples,) or (n_samples, n_classes)
        Their decision function.

    Returns
    -------
    kind : {"sigmoid", "softmax", "probability"}
    """
    if decision.ndim == 1:
        implied = expit(decision)
        return "sigmoid" if _agree(implied, probability[:, -1]) else "probability"
    if _agree(expit(decision), probability):
        return "sigmoid"
    implied = softmax(decision, axis=1)
    return "softmax" if _agree(implied, probability) else "probability"


def log_probabilities(classifier: Any, response: Response, X: Any) -> Floats:
    """Return logarithms of probabilities, as exact as the classifier tells them.

    Parameters
    ----------
    classifier : classifier
        Fitted.
    response : {"sigmoid", "softmax", "probability"}
        What its answers are.
    X : ndarray or pandas.DataFrame of shape (n_samples, n_features)
        Events.

    Returns
    -------
    log_p : ndarray of shape (n_samples, n_classes)
    """
    if response == "probability":
        return log_of(classifier.predict_proba(X))
    z = np.asarray(classifier.decision_function(X), dtype=np.float64)
    return log_of_decisions(z, response)


def log_of_decisions(z: Floats, response: Response) -> Floats:
    """Return logarithms of probabilities from values of a decision function.

    Parameters
    ----------
    z : ndarray of shape (n_samples,) or (n_samples, n_classes)
        Values of the decision function.
    response : {"sigmoid", "softmax"}
        What makes probabilities of them.

    Returns
    -------
    log_p : ndarray of shape (n_samples, n_classes)
    """
    return log_probability_of_scores(z) if response == "softmax" else log_probability(z)


def told_logarithms(classifier: Any, X: Any) -> Floats:
    """Return logarithms of probabilities as a classifier without logits tells them.

    Those of a Bayesian model are exact where its probabilities are rounded.

    Parameters
    ----------
    classifier : classifier
        Fitted.
    X : ndarray or pandas.DataFrame of shape (n_samples, n_features)
        Events.

    Returns
    -------
    log_p : ndarray of shape (n_samples, n_classes)
        -inf of a probability 0, as in scikit-learn.
    """
    with np.errstate(divide="ignore"):
        if hasattr(classifier, "predict_log_proba"):
            return np.asarray(classifier.predict_log_proba(X), dtype=np.float64)
        return np.log(np.asarray(classifier.predict_proba(X), dtype=np.float64))


def log_of(probability: Any) -> Floats:
    """Return the logarithm of probabilities, which is finite where one is 0."""
    p = np.asarray(probability, dtype=np.float64)
    return np.log(np.maximum(p, _TINY))


def _agree(implied: Floats, given: Floats) -> bool:
    if implied.shape != given.shape:
        return False
    return bool(np.allclose(implied, given, rtol=0.0, atol=1e-6))
