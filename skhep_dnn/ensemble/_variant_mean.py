"""The mean of predictions over symmetric variants of events, in bounded memory.

Also the logarithms of its probabilities, which do not saturate where the classifier
tells its logits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from scipy.special import expit, log_expit, log_softmax, softmax
from tqdm.auto import tqdm

from skhep_dnn._sklearn import _safe_indexing
from skhep_dnn.preprocessing import SymmetryAugmenter

__all__ = [
    "Response",
    "log_probabilities",
    "over_variants",
    "response_of",
]

Floats = NDArray[np.float64]
Response = Literal["sigmoid", "softmax", "probability", "decision"]
ROWS = 16_384  # of a chunk, before it is transformed
_EVENTS = 1000  # that tell what a decision function is
_TINY = float(np.finfo(np.float64).tiny)  # the logit of a probability 0 is -708


def over_variants(
    respond: Callable[[Any], Floats],
    combine: Callable[[Floats], Floats],
    X: Any,
    augmenter: SymmetryAugmenter,
    *,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> Floats:
    """Combine what a classifier answers to the variants of events.

    The chunks do not depend on `n_jobs`, and so neither does a bit of the result.

    Parameters
    ----------
    respond : callable
        Maps a table of events to an array of shape (n_samples, ...).
    combine : callable
        Maps an array of shape (n_variants, n_samples, ...) to one of shape
        (n_samples, ...).
    X : ndarray or pandas.DataFrame of shape (n_samples, n_features)
        Events.
    augmenter : SymmetryAugmenter
        Makes the variants.
    n_jobs : int or None, default=None
        Number of threads.
    verbose : int, default=0
        Whether to show a progress bar.

    Returns
    -------
    values : ndarray of shape (n_samples, ...)
    """

    def of_chunk(start: int) -> Floats:
        rows = _safe_indexing(X, slice(start, start + ROWS))
        return combine(np.stack([respond(table) for table in augmenter.variants(rows)]))

    starts = range(0, len(X), ROWS)
    shown = tqdm(starts, desc="Predicting", disable=not verbose)
    parts = Parallel(n_jobs=n_jobs, prefer="threads")(
        delayed(of_chunk)(start) for start in shown
    )
    return np.concatenate(parts)


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
    p, z = classifier.predict_proba(events), classifier.decision_function(events)
    if z.ndim == 1:
        return "sigmoid" if _agree(expit(z), p[:, -1]) else "probability"
    if _agree(expit(z), p):
        return "sigmoid"
    return "softmax" if _agree(softmax(z, axis=1), p) else "probability"


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
        p = np.asarray(classifier.predict_proba(X), dtype=np.float64)
        return np.log(np.maximum(p, _TINY))
    z = np.asarray(classifier.decision_function(X), dtype=np.float64)
    if response == "softmax":
        return np.asarray(log_softmax(z, axis=1))
    return np.asarray(log_expit(np.column_stack([-z, z]) if z.ndim == 1 else z))


def _agree(implied: Floats, given: Floats) -> bool:
    if implied.shape != given.shape:
        return False
    return bool(np.allclose(implied, given, rtol=0.0, atol=1e-6))
