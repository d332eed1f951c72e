"""The models of all folds, asked together: each event by one of them, or by their mean.

The score of one model and the mean score of several are different variables: the mean
fluctuates less, so that fewer background events are beyond a cut in the tail.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold, check_cv

from skhep_dnn._fold_numbers import as_splitter
from skhep_dnn._logits import labels, log_odds_of_mean, log_of_mean, log_probability
from skhep_dnn._responses import (
    Response,
    log_of,
    log_probabilities,
    response_of,
    told_logarithms,
)
from skhep_dnn._sklearn import _num_samples, _safe_indexing
from skhep_dnn.model_selection._pooled import OutOfFold, mean_response
from skhep_dnn.model_selection._predictions import KeptPredictions

__all__ = ["N_SPLITS", "FoldModels", "folds_of_classifier", "oof_decisions"]

Floats = NDArray[np.float64]
Folds = NDArray[np.integer[Any]]

N_SPLITS = 5


@dataclass(frozen=True)
class FoldModels:
    """Classifiers of the same classes, one for each fold.

    Attributes
    ----------
    models : sequence of classifier
        Fitted.
    response : {"sigmoid", "softmax", "probability", "decision"}
        What their answers are, all alike.
    """

    models: Sequence[Any]
    response: Response

    @classmethod
    def of(cls, models: Sequence[Any], X: Any) -> Self:
        """Return models whose answers are tried on some events.

        Parameters
        ----------
        models : sequence of classifier
            Fitted.
        X : ndarray or pandas.DataFrame of shape (n_samples, n_features)
            Events, of which the first ones are tried.

        Returns
        -------
        models : FoldModels
        """
        found = {response_of(model, X) for model in models}
        return cls(list(models), found.pop() if len(found) == 1 else "probability")

    @property
    def classes(self) -> NDArray[Any]:
        """Labels of the classes."""
        return np.asarray(self.models[0].classes_)

    def decision_function(self, X: Any, folds: Folds | None) -> Floats:
        """Return the decision function of the models of some folds, or of the mean.

        Parameters
        ----------
        X : ndarray or pandas.DataFrame of shape (n_samples, n_features)
            Events.
        folds : ndarray of shape (n_samples,), dtype int, or None
            Whose model is asked about each event; None takes the mean of all: the logit
            of the mean probability, or the mean where there are no probabilities.

        Returns
        -------
        y_score : ndarray of shape (n_samples,) or (n_samples, n_classes)
        """
        if folds is not None:
            return self._by_fold(_decisions, X, folds)
        if self.response == "decision":
            return self._mean(_decisions, X)
        logs = [log_probabilities(model, self.response, X) for model in self.models]
        return log_odds_of_mean(np.stack(logs))

    def predict_proba(self, X: Any, folds: Folds | None) -> Floats:
        """Return probabilities; the arguments are those of `decision_function`."""
        if folds is None:
            return self._mean(lambda model, rows: model.predict_proba(rows), X)
        return self._by_fold(lambda model, rows: model.predict_proba(rows), X, folds)

    def predict_log_proba(self, X: Any, folds: Folds | None) -> Floats:
        """Return logarithms of probabilities; the arguments are the same."""
        if folds is not None:
            return self._by_fold(self._logarithms, X, folds)
        if self.response == "probability":
            logs = [told_logarithms(model, X) for model in self.models]
            return log_of_mean(np.stack(logs))
        return log_probability(self.decision_function(X, None))

    def _logarithms(self, model: Any, X: Any) -> Floats:
        if self.response == "probability":
            return told_logarithms(model, X)
        return log_probabilities(model, self.response, X)

    def predict(self, X: Any, folds: Folds | None) -> NDArray[Any]:
        """Return labels; the arguments are those of `decision_function`."""
        if folds is None:
            return labels(self.decision_function(X, None), self.classes)
        return self._by_fold(lambda model, rows: model.predict(rows), X, folds)

    def _by_fold(
        self, respond: Callable[[Any, Any], Any], X: Any, folds: Folds
    ) -> NDArray[Any]:
        answers: NDArray[Any] = np.empty(0)
        for position, k in enumerate(np.unique(folds).tolist()):
            rows = np.flatnonzero(folds == k)
            own = np.asarray(respond(self.models[k], _safe_indexing(X, rows)))
            if position == 0:
                answers = np.empty((_num_samples(X), *own.shape[1:]), dtype=own.dtype)
            answers[rows] = own
        return answers

    def _mean(self, respond: Callable[[Any, Any], Floats], X: Any) -> Floats:
        total = np.asarray(respond(self.models[0], X), dtype=np.float64).copy()
        for model in self.models[1:]:
            total += respond(model, X)
        return np.asarray(total / len(self.models))


def folds_of_classifier(cv: Any, y: Any, *, grouped: bool) -> Any:
    """Return the splitter of a parameter `cv`, which keeps groups where there are some.

    Parameters
    ----------
    cv : int, splitter, iterable, fold numbers or None
        Folds; None for five. A column has the fold number of each event.
    y : ndarray of shape (n_samples,) or None
        Labels; None where it is not known yet.
    grouped : bool
        Whether there are groups.

    Returns
    -------
    splitter : splitter
        Of a number of folds a stratified one, which keeps groups if there are some.
    """
    if grouped and (cv is None or isinstance(cv, Integral)):
        return StratifiedGroupKFold(N_SPLITS if cv is None else int(cv))
    return check_cv(as_splitter(cv), y, classifier=True)


def oof_decisions(passes: Sequence[OutOfFold], n_samples: int) -> Floats:
    """Return the out-of-fold decision function of each event.

    Parameters
    ----------
    passes : sequence of OutOfFold
        Passes over the events.
    n_samples : int
        Number of events.

    Returns
    -------
    y_score : ndarray of shape (n_samples,) or (n_samples, n_classes)
        That of the model that has not seen the event, the logit of its probability
        where it has no decision function; of several passes the mean. nan where an
        event was never tested.
    """
    return mean_response([_with_decisions(one) for one in passes], n_samples)


def _with_decisions(one: OutOfFold) -> OutOfFold:
    kept = one.predictions
    name, response = next(iter(kept.responses.items()))
    if name != "predict_proba":
        return one
    decisions = log_odds_of_mean(log_of(response)[np.newaxis])
    kept = KeptPredictions(
        {"decision_function": decisions}, kept.classes_, kept.__sklearn_tags__()
    )
    return OutOfFold(one.rows, one.fold, kept)


def _decisions(model: Any, X: Any) -> Floats:
    if hasattr(model, "decision_function"):
        return np.asarray(model.decision_function(X), dtype=np.float64)
    return log_odds_of_mean(log_probabilities(model, "probability", X)[np.newaxis])
