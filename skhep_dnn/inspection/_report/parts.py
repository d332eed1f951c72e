"""What a fitted estimator is made of, and what each of its parts gets to see.

A search holds its best estimator, a pipeline its steps, a classifier with a cut the
one that scores. The chain of those that predict ends with what was trained.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from skhep_dnn.inspection._display import signal_scores

__all__ = ["Answers", "DecidedCut", "Part", "decided_cut", "last_part", "parts_of"]

FloatArray = NDArray[np.float64]

_INNER = ("best_estimator_", "estimator_")


@dataclass(frozen=True)
class Part:
    """A fitted part of an estimator.

    Parameters
    ----------
    model : estimator
        The part.
    before : tuple of transformer
        What events pass before they come to it.
    predicts : bool
        Whether it is in the chain of those that predict.
    """

    model: Any
    before: tuple[Any, ...]
    predicts: bool

    @property
    def name(self) -> str:
        """Name of its class."""
        return type(self.model).__name__

    def events(self, X: Any) -> Any:
        """Return events as this part sees them."""
        for transformer in self.before:
            X = transformer.transform(X)
        return X


def parts_of(estimator: BaseEstimator) -> Iterator[Part]:
    """Yield the fitted parts of an estimator, in the order of their fits.

    Parameters
    ----------
    estimator : estimator
        Fitted.

    Yields
    ------
    part : Part
        Pipelines are not parts, their steps are; what is inside of another one comes
        before it.
    """
    return _parts(Part(estimator, (), predicts=True))


def _parts(part: Part) -> Iterator[Part]:
    model = part.model
    if isinstance(model, Pipeline):
        for k, (_, step) in enumerate(model.steps):
            if isinstance(step, str) or step is None:  # "passthrough"
                continue
            before = (*part.before, model[:k]) if k else part.before
            is_last = part.predicts and k == len(model.steps) - 1
            yield from _parts(Part(step, before, is_last))
        return
    inner = next((getattr(model, n) for n in _INNER if hasattr(model, n)), None)
    if part.predicts and isinstance(inner, BaseEstimator):
        yield from _parts(Part(inner, part.before, predicts=True))
    yield part


def last_part(estimator: BaseEstimator) -> Part:
    """Return the innermost part of those that predict."""
    return next(part for part in parts_of(estimator) if part.predicts)


@dataclass(frozen=True)
class DecidedCut:
    """A cut that a part of the estimator has chosen.

    Parameters
    ----------
    part : Part
        Whose cut it is.
    """

    part: Part

    @property
    def threshold(self) -> float:
        """The cut on its `signal_score`."""
        return float(self.part.model.best_threshold_)

    @property
    def pos_label(self) -> Any:
        """The signal that it selects."""
        signal = self.part.model.pos_label
        return self.part.model.classes_[1] if signal is None else signal

    @property
    def origin(self) -> str:
        """Who chose it, and on what."""
        how = "the out-of-fold scores of the events that it was fitted to"
        if isinstance(self.part.model.cv, str):
            how = "the events that it was fitted to"
        return f"chosen by the {self.part.name} of the estimator on {how}"


def decided_cut(estimator: BaseEstimator) -> DecidedCut | None:
    """Return the cut that a part of an estimator has chosen, if any has."""
    for part in parts_of(estimator):
        has_cut = hasattr(part.model, "best_threshold_")
        if part.predicts and has_cut and hasattr(part.model, "signal_score"):
            return DecidedCut(part)
    return None


@dataclass(frozen=True)
class Answers:
    """The scores of an estimator, pointing to a signal.

    Parameters
    ----------
    estimator : estimator
        Fitted.
    pos_label : label or list of labels
        The signal.
    decided : DecidedCut or None
        The cut, whose score is taken; None takes the decision function where there is
        one.
    """

    estimator: BaseEstimator
    pos_label: Any
    decided: DecidedCut | None = None

    def score(self, X: Any) -> FloatArray:
        """Return scores, larger for events more like the signal."""
        if self.decided is not None:
            part = self.decided.part
            return np.asarray(part.model.signal_score(part.events(X)), dtype=float)
        return signal_scores(
            self.estimator, X, response_method="auto", pos_label=self.pos_label
        )

    def probability(self, X: Any) -> FloatArray | None:
        """Return probabilities of the signal; None where the estimator knows none."""
        if not hasattr(self.estimator, "predict_proba"):
            return None
        return signal_scores(
            self.estimator, X, response_method="predict_proba", pos_label=self.pos_label
        )
