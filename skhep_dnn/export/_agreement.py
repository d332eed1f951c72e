"""An exported file against the classifier it was made of, on the same events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skhep_dnn._sklearn import _num_samples, _safe_indexing
from skhep_dnn.exceptions import ExportError
from skhep_dnn.export._made_up_events import made_up_events
from skhep_dnn.export._model_inputs import InputSpec
from skhep_dnn.export._scored_by import fold_numbers

__all__ = ["TOLERANCE", "SelfTest", "compare"]

TOLERANCE = 1e-5
N_EVENTS = 1000

Answers = tuple[NDArray[np.float64], NDArray[np.int64] | None]


@dataclass(frozen=True)
class SelfTest:
    """How an exported file compares with the classifier that it was made of.

    Attributes
    ----------
    n_events : int
        Events that were compared.
    largest_difference : float
        Of the probabilities of any class.
    n_wrong_folds : int or None
        Events that were scored by another model; None where no event number selects it.
    tolerance : float, default=1e-5
        What the largest difference may be.

    Examples
    --------
    >>> from skhep_dnn.export import SelfTest
    >>> test = SelfTest(1000, 3.2e-8, 0)
    >>> print(test)
    1000 events: largest difference of a probability 3.2e-08, 0 in a wrong fold
    >>> test.passed
    True
    """

    n_events: int
    largest_difference: float
    n_wrong_folds: int | None
    tolerance: float = TOLERANCE

    @property
    def passed(self) -> bool:
        """Whether the file says what the classifier says."""
        return self.largest_difference <= self.tolerance and not self.n_wrong_folds

    def __str__(self) -> str:
        folds = (
            ""
            if self.n_wrong_folds is None
            else (f", {self.n_wrong_folds} in a wrong fold")
        )
        return (
            f"{self.n_events} events: largest difference of a probability "
            f"{self.largest_difference:.1e}{folds}"
        )


def compare(
    model: Any,
    answer: Callable[[Any, ArrayLike | None], Answers],
    inputs: Sequence[InputSpec],
    X: Any,
    event_number: ArrayLike | None,
) -> SelfTest:
    """Return how a file answers to some events, compared with its classifier.

    Parameters
    ----------
    model : classifier
        Fitted.
    answer : callable
        Returns probabilities, and folds or None, of events and their numbers.
    inputs : sequence of InputSpec
        What the file takes.
    X : DataFrame or ndarray of shape (n_samples, n_features)
        Events, of which 1 000 are taken, evenly spaced; without any, some are made up.
    event_number : array-like of shape (n_samples,) or (n_samples, 2) or None
        Their numbers, where they come beside the table.

    Returns
    -------
    test : SelfTest

    Raises
    ------
    ExportError
        If it does not pass.
    """
    if _num_samples(X) == 0:
        events, numbers = made_up_events(model, inputs, event_number)
        expected = _told(model, events, numbers)
    else:
        n_samples = _num_samples(X)
        rows = np.linspace(0, n_samples - 1, min(N_EVENTS, n_samples)).astype(np.intp)
        events = _safe_indexing(X, rows)
        numbers = None if event_number is None else np.asarray(event_number)[rows]
        expected = _probabilities(model, events, numbers)
    got, folds = answer(events, numbers)
    differences = np.abs(got - expected)
    if np.isnan(differences).any():
        differences = np.where(np.isnan(got) & np.isnan(expected), 0.0, differences)
        differences = np.where(np.isnan(differences), np.inf, differences)
    n_wrong = None
    if folds is not None:
        beside = {} if numbers is None else {"event_number": numbers}
        n_wrong = int((folds != fold_numbers(model, events, **beside)).sum())
    test = SelfTest(len(expected), float(differences.max()), n_wrong)
    if not test.passed:
        msg = (
            "The exported file must agree with the classifier to "
            f"{test.tolerance:.0e}, got {test}. Nothing was written. Where trees stand "
            "behind a formula, such as PCA or a logarithm, fit them to float64; else "
            "please report the classifier with its parameters."
        )
        raise ExportError(msg)
    return test


def _probabilities(
    model: Any, X: Any, event_number: ArrayLike | None
) -> NDArray[np.float64]:
    beside = {} if event_number is None else {"event_number": event_number}
    probability: NDArray[np.float64] = model.predict_proba(X, **beside)
    return probability


def _told(model: Any, X: Any, event_number: ArrayLike | None) -> NDArray[np.float64]:
    """Return probabilities of made-up events, unless the classifier refuses these."""
    try:
        return _probabilities(model, X, event_number)
    except ValueError as error:
        msg = (
            "`X` must be passed for a classifier that refuses events that are made up, "
            f"got None: {error} Pass the events of the fit."
        )
        raise ExportError(msg) from error
