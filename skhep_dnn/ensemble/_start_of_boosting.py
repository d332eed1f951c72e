"""Where boosting starts: nowhere, or at the out-of-fold scores of another classifier.

A training event starts at the score of the one model that has not seen it, a new event
at the mean over the models of all folds. The mean is sharper than a single one of them;
on events that no model has seen the difference is measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from skhep_dnn._event_sample import EventSample
from skhep_dnn._responses import Response, log_probabilities, response_of
from skhep_dnn._sklearn import _safe_indexing
from skhep_dnn.ensemble._boosting_loop import BoostingPart
from skhep_dnn.ensemble._boosting_steps import (
    LARGEST_START,
    as_logit,
    bounded,
    log_loss_of_scores,
)

__all__ = ["BoostingStart", "coin", "measured_shift", "out_of_fold_start"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class BoostingStart:
    """The models of the folds that boosting starts from.

    Attributes
    ----------
    models : list of classifier
        One for each fold; none for a start from equal probabilities.
    responses : list of {"sigmoid", "softmax", "probability"}
        What the answers of each are.
    n_classes : int
        Number of classes.
    """

    models: Sequence[Any]
    responses: Sequence[Response]
    n_classes: int

    def of_models(self, X: Any) -> FloatArray:
        """Return those by each model, of shape (n_models, n_samples, n_classes)."""
        pairs = zip(self.models, self.responses, strict=True)
        return np.stack([_start_score(*pair, X) for pair in pairs])

    def scores(self, X: Any) -> FloatArray:
        """Return the scores of new events: the mean over the models."""
        if not self.models:
            return np.zeros((len(X), self.n_classes))
        return np.asarray(self.of_models(X).mean(axis=0))


def coin(n_classes: int) -> BoostingStart:
    """Return the start from equal probabilities of all classes."""
    return BoostingStart([], [], n_classes)


def out_of_fold_start(
    classifier: Any,
    sample: EventSample,
    sample_weight: FloatArray | None,
    cv: Any,
    *,
    seed: int,
    n_jobs: int | None,
) -> tuple[BoostingStart, FloatArray]:
    """Fit a classifier in folds; return the start, and that of the training events.

    Parameters
    ----------
    classifier : classifier
        It is cloned.
    sample : EventSample
        The training events.
    sample_weight : ndarray of shape (n_samples,) or None
        What the classifier gets as weights; None if it takes none.
    cv : int or splitter
        Folds; an int means stratified, shuffled ones that keep groups together.
    seed : int
        Seed of the folds.
    n_jobs : int or None
        Folds that are fitted at the same time.

    Returns
    -------
    start : BoostingStart
        The models of the folds.
    scores : ndarray of shape (n_samples, n_classes)
        Of each event by the model that has not seen it.

    Raises
    ------
    ValueError
        If the folds leave an event untested, or know different classes.
    """
    # Pooled scores come with the searches and load Optuna.
    from skhep_dnn.model_selection import cross_validate_pooled  # noqa: PLC0415

    n_classes = len(sample.targets.classes)
    if isinstance(cv, int | np.integer):
        kind = StratifiedKFold if sample.groups is None else StratifiedGroupKFold
        cv = kind(int(cv), shuffle=True, random_state=seed)
    result = cross_validate_pooled(
        classifier,
        sample.X,
        sample.y,
        sample_weight,
        groups=sample.groups,
        cv=cv,
        n_replicas=0,
        return_estimator=True,
        n_jobs=n_jobs,
    )
    responses = [response_of(model, sample.X) for model in result.estimators]
    start = BoostingStart(result.estimators, responses, n_classes)
    scores, times = np.zeros((len(sample), n_classes)), np.zeros(len(sample))
    folds = zip(start.models, responses, result.splits, strict=True)
    for model, response, (_, test) in folds:
        scores[test] += _start_score(model, response, _safe_indexing(sample.X, test))
        times[test] += 1.0
    if not times.all():
        msg = (
            "`cv` must test every event once or more, got "
            f"{np.count_nonzero(times == 0.0)} of {len(sample)} without an out-of-fold "
            "score. Take a splitter whose folds cover the sample."
        )
        raise ValueError(msg)
    return start, scores / times[:, np.newaxis]


def measured_shift(
    start: BoostingStart, out_of_fold: FloatArray, parts: Sequence[BoostingPart]
) -> dict[str, float]:
    """Return how the start of new events differs from that of training events.

    Parameters
    ----------
    start : BoostingStart
        The models of the folds.
    out_of_fold : ndarray of shape (n_samples, n_classes)
        Scores of the training events.
    parts : sequence of one or two BoostingPart
        The training events, and validation events, which no model has seen.

    Returns
    -------
    shift : dict of str to float
        Log-losses "out_of_fold", "one_fold" and "mean", and "spread"; see
        `BoostedDNN.init_shift_`.
    """
    shift = dict.fromkeys(("out_of_fold", "one_fold", "mean", "spread"), np.nan)
    train = parts[0]
    shift["out_of_fold"] = log_loss_of_scores(out_of_fold, train.codes, train.weights)
    if len(parts) == 1:
        return shift
    X, codes, weights = parts[1].X, parts[1].codes, parts[1].weights
    by_model = start.of_models(X)
    mean = by_model.mean(axis=0)
    losses = [log_loss_of_scores(scores, codes, weights) for scores in by_model]
    distances = np.array([as_logit(scores) - as_logit(mean) for scores in by_model])
    magnitude = np.abs(weights) / np.abs(weights).sum()
    squares = np.square(distances).reshape(len(by_model), len(codes), -1).mean((0, 2))
    return shift | {
        "one_fold": float(np.mean(losses)),
        "mean": log_loss_of_scores(mean, codes, weights),
        "spread": float(np.sqrt(magnitude @ squares)),
    }


def _start_score(model: Any, response: Response, X: Any) -> FloatArray:
    return bounded(log_probabilities(model, response, X), LARGEST_START)
