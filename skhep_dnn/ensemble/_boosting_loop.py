"""The loop of boosting: fit, respond, weigh, add, until it is enough or no better."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from skhep_dnn._event_sample import EventSample
from skhep_dnn.ensemble._boosting_rules import BoostingRule, HeldOutResponse, Verdict
from skhep_dnn.ensemble._boosting_steps import (
    as_logit,
    balanced_magnitudes,
    error_rate,
    log_loss_of_scores,
    raised_factors,
)
from skhep_dnn.neural_network._preparation.validation_scores import (
    Scorer,
    validation_score,
)
from skhep_dnn.weights import effective_sample_size
from skhep_dnn.weights._scheme import balanced_weights

__all__ = ["BoostingPart", "Patience", "Stage", "boost", "boosting_part"]

FloatArray = NDArray[np.float64]
FitNext = Callable[[FloatArray, FloatArray, Any], Any]


@dataclass(frozen=True)
class BoostingPart:
    """Events that are trained on or validated on.

    Attributes
    ----------
    events : EventSample
        The events.
    weights : ndarray of shape (n_samples,)
        Signed physics weights of which each class has the same sum, all together 1.
    score : callable
        Maps scores of shape (n_samples, n_classes) to a number; greater is better.
    """

    events: EventSample
    weights: FloatArray
    score: Callable[[FloatArray], float]

    @property
    def X(self) -> Any:  # noqa: N802
        """Features of the events."""
        return self.events.X

    @property
    def codes(self) -> NDArray[np.intp]:
        """Position of the class of each event."""
        return self.events.targets.codes


@dataclass(frozen=True)
class Patience:
    """When boosting ends before its last iteration.

    Attributes
    ----------
    n_iter_no_change : int or None
        Iterations to wait for a better score; None waits for ever.
    tol : float
        Gain that counts as better.
    """

    n_iter_no_change: int | None
    tol: float

    def is_over(self, scores: Sequence[float]) -> bool:
        """Return whether the last ones of some scores were no better, nan never is."""
        if self.n_iter_no_change is None:
            return False
        best, waited = -np.inf, 0
        for score in scores:
            is_better = score > best + self.tol
            best, waited = (score, 0) if is_better else (best, waited + 1)
        return waited >= self.n_iter_no_change


@dataclass(frozen=True)
class Stage:
    """One iteration.

    Attributes
    ----------
    model : classifier
        What was fitted.
    kind : str or None
        What its answers are.
    weight, error : float
        How much it counts, and its error rate on the boosted training events.
    factors : ndarray of shape (n_samples,)
        The boost factors that it was trained with.
    train_score, validation_score : float
        After the iteration; the second is nan without validation events.
    n_eff : float
        Effective number of boosted training events, of `|w| b`.
    time : float
        Seconds.
    """

    model: Any
    kind: Any
    weight: float
    error: float
    factors: FloatArray = field(repr=False)
    train_score: float
    validation_score: float
    n_eff: float
    time: float


def boosting_part(
    sample: EventSample, rows: NDArray[np.int64], scorer: Scorer | None
) -> BoostingPart:
    """Return some events of a sample, with what scores them.

    Parameters
    ----------
    sample : EventSample
        The whole sample, whose yields a significance belongs to.
    rows : ndarray of int of shape (n_samples,)
        Which of its events.
    scorer : callable or None
        A scorer of scikit-learn; None is minus the balanced log-loss.

    Returns
    -------
    part : BoostingPart

    Raises
    ------
    WeightsError
        If the weights of a class do not sum to more than 0.
    """
    events = sample.take(rows)
    targets = events.targets
    codes = targets.codes
    weights = balanced_weights(codes, targets.classes, targets.sample_weight)
    if scorer is None:
        return BoostingPart(
            events, weights, lambda s: -log_loss_of_scores(s, codes, weights)
        )
    score = validation_score(scorer, sample, rows)
    is_binary = len(targets.classes) == 2
    return BoostingPart(
        events, weights, lambda s: float(score(as_logit(s) if is_binary else s))
    )


def boost(
    rule: BoostingRule,
    parts: Sequence[BoostingPart],
    scores: Sequence[FloatArray],
    fit_next: FitNext,
    *,
    n_estimators: int,
    patience: Patience,
    start_score: float = np.nan,
    verbose: int = 0,
) -> list[Stage]:
    """Fit one classifier after the other.

    Parameters
    ----------
    rule : BoostingRule
        The form of boosting.
    parts : sequence of one or two BoostingPart
        Training events, and validation events if there are any.
    scores : sequence of ndarray of shape (n_samples, n_classes)
        Where the events of each part start.
    fit_next : callable
        Maps boost factors, scores of the training events and the classifier before,
        or None, to a fitted classifier.
    n_estimators : int
        Largest number of iterations.
    patience : Patience
        When to end before.
    start_score : float, default=nan
        Score of the validation events before the first iteration, which later ones
        have to beat; nan if it is no alternative.
    verbose : int, default=0
        1 shows a progress bar.

    Returns
    -------
    stages : list of Stage

    Raises
    ------
    ValueError
        If the first classifier is no better than chance where that matters.
    """
    train = parts[0]
    n_classes = len(train.events.targets.classes)
    magnitudes = balanced_magnitudes(train.codes, train.events.sample_weight, n_classes)
    factors, model = np.ones(len(train.codes)), None
    stages: list[Stage] = []
    with tqdm(desc="Boosting", total=n_estimators, disable=not verbose) as bar:
        while len(stages) < n_estimators:
            begun = perf_counter()
            factors = rule.factors(factors, scores[0], train.codes)
            model = fit_next(factors, scores[0], model)
            kind = rule.kind(model, train.X)
            responses = [rule.response(model, kind, part.X) for part in parts]
            is_missed = rule.labels(scores[0], responses[0]) != train.codes
            error = error_rate(is_missed, magnitudes, factors)
            held_out = _held_out(parts, scores, responses)
            weight = rule.weight(Verdict(error, n_classes, held_out))
            if not rule.is_worth_it(weight):
                _check_not_the_first(stages, error, n_classes)
                break
            scores = [
                rule.added(s, r, weight) for s, r in zip(scores, responses, strict=True)
            ]
            after = [part.score(s) for part, s in zip(parts, scores, strict=True)]
            stages.append(
                Stage(
                    model=model,
                    kind=kind,
                    weight=weight,
                    error=error,
                    factors=factors,
                    train_score=after[0],
                    validation_score=after[1] if len(after) > 1 else np.nan,
                    n_eff=effective_sample_size(magnitudes * factors),
                    time=perf_counter() - begun,
                )
            )
            bar.set_postfix(validation_score=f"{stages[-1].validation_score:.4f}")
            bar.update()
            by = rule.raise_by(weight)
            factors = raised_factors(factors, is_missed, by, magnitudes)
            history = [start_score, *(stage.validation_score for stage in stages)]
            is_over = len(parts) > 1 and patience.is_over(history)
            if is_over or (rule.learns_from_errors and error == 0.0):
                break
    return stages


def _held_out(
    parts: Sequence[BoostingPart],
    scores: Sequence[FloatArray],
    responses: Sequence[FloatArray],
) -> HeldOutResponse | None:
    if len(parts) == 1:
        return None
    return HeldOutResponse(scores[1], responses[1], parts[1].codes, parts[1].weights)


def _check_not_the_first(stages: Sequence[Stage], error: float, n_classes: int) -> None:
    if not stages:
        msg = (
            "`estimator` must classify the training events better than chance, with an "
            f"error rate below {1.0 - 1.0 / n_classes:.3g}, got {error:.3g} in the "
            'first iteration. Choose another estimator, or method="gradient".'
        )
        raise ValueError(msg)
