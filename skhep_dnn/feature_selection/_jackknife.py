"""How far would a score move with other events of the same kind: the jackknife.

Each block of events is left out once, by weights of zero, and the weights of each class
are rescaled to its yield. An estimator that remembers its responses makes that cheap.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["RememberingEstimator", "draw_blocks", "jackknife_error", "leave_one_out"]

FloatArray = NDArray[np.float64]

_N_BLOCKS = 10  # the error is then known to 24 per cent
_RESPONSES = {"predict", "predict_proba", "predict_log_proba", "decision_function"}


def draw_blocks(
    labels: NDArray[Any] | None, n_samples: int, rng: np.random.RandomState
) -> NDArray[np.intp]:
    """Return the block of each event, of which each class has equal shares.

    Parameters
    ----------
    labels : ndarray of shape (n_samples,) or None
        Labels of classes; None for no classes.
    n_samples : int
        Number of events.
    rng : RandomState
        Draws the blocks.

    Returns
    -------
    blocks : ndarray of shape (n_samples,)
        From 0 to 9.
    """
    order = rng.permutation(n_samples)
    if labels is not None:
        codes = np.unique(labels, return_inverse=True)[1]
        order = order[np.argsort(codes[order], kind="stable")]
    blocks = np.empty(n_samples, dtype=np.intp)
    blocks[order] = np.arange(n_samples) % _N_BLOCKS
    return blocks


def leave_one_out(
    weights: FloatArray, labels: NDArray[Any] | None, blocks: NDArray[np.intp]
) -> FloatArray | None:
    """Return the weights without each block, each class at its yield.

    Parameters
    ----------
    weights : ndarray of shape (n_samples,)
        Event weights.
    labels : ndarray of shape (n_samples,) or None
        Labels of classes; None for no classes.
    blocks : ndarray of shape (n_samples,)
        Block of each event.

    Returns
    -------
    weights : ndarray of shape (n_blocks, n_samples) or None
        None if a class does not sum to more than 0 without one of the blocks.
    """
    left = weights * (blocks != np.arange(_N_BLOCKS)[:, np.newaxis])
    classes = np.zeros(len(weights)) if labels is None else labels
    for label in np.unique(classes):
        rows = classes == label
        sums = left[:, rows].sum(axis=1)
        if not (sums > 0.0).all():
            return None
        left[:, rows] *= (weights[rows].sum() / sums)[:, np.newaxis]
    return left


def jackknife_error(values: FloatArray) -> FloatArray:
    """Return the error of figures that were computed without each of some blocks.

    Parameters
    ----------
    values : ndarray of shape (..., n_blocks)
        The figures.

    Returns
    -------
    errors : ndarray of shape (...)
    """
    return values.std(axis=-1) * np.sqrt(values.shape[-1] - 1)


class RememberingEstimator:
    """A fitted estimator that predicts a table once, however often it is asked.

    Parameters
    ----------
    estimator : estimator
        Fitted; all that is not a prediction is passed on to it.
    """

    def __init__(self, estimator: Any) -> None:
        self._estimator = estimator
        self._responses: dict[str, Any] = {}

    def forget(self) -> None:
        """Prepare for another table."""
        self._responses = {}

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._estimator, name)
        return self._remembered(name, attribute) if name in _RESPONSES else attribute

    def _remembered(self, name: str, method: Callable[[Any], Any]) -> Any:
        @wraps(method)
        def respond(X: Any) -> Any:
            if name not in self._responses:
                self._responses[name] = method(X)
            return self._responses[name]

        return respond
