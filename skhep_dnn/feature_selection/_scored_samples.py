"""On which events is each of several models scored, and with what weights.

All on all events, or each on its own fold. A part of the events is rescaled per class
to the yields of all, since a significance belongs to the whole sample.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, is_classifier
from sklearn.model_selection import train_test_split

from skhep_dnn._sklearn import _safe_indexing
from skhep_dnn._validation import check_event_weights, check_labels
from skhep_dnn._warnings import warn_caller
from skhep_dnn.exceptions import LowStatisticsWarning
from skhep_dnn.feature_selection._donors import donor_weights
from skhep_dnn.feature_selection._jackknife import (
    RememberingEstimator,
    draw_blocks,
    leave_one_out,
)
from skhep_dnn.weights import scale_to_yields

__all__ = ["ScoredSample", "Scorer", "make_samples"]

FloatArray = NDArray[np.float64]
Rows = NDArray[np.intp]
Scorer = Callable[..., float]


@dataclass(frozen=True)
class ScoredSample:
    """A fitted estimator and the events on which it is scored.

    Parameters
    ----------
    estimator : estimator
        Fitted.
    X : ndarray or pandas.DataFrame of shape (n_samples, n_features)
        Events.
    y : ndarray of shape (n_samples,)
        Labels.
    weights : ndarray of shape (n_samples,) or None
        Event weights as the scorer gets them.
    donor_weights : ndarray of shape (n_samples,)
        What donors are drawn in proportion to.
    jackknife : ndarray of shape (n_blocks, n_samples) or None
        Weights without each block of events, for the error of the score.
    """

    estimator: Any
    X: Any
    y: NDArray[Any]
    weights: FloatArray | None
    donor_weights: FloatArray
    jackknife: FloatArray | None = None

    def prepare(self, scorer: Scorer) -> Callable[[Any], FloatArray]:
        """Return a function of a table that gives its scores, greater is better.

        Parameters
        ----------
        scorer : callable
            ``scorer(estimator, X, y, sample_weight=...)``.

        Returns
        -------
        scores : callable
            Takes a table and returns its score and those without each block.
        """
        estimator = RememberingEstimator(self.estimator)
        parts = [] if self.jackknife is None else list(self.jackknife)

        def scores(X: Any) -> FloatArray:
            estimator.forget()
            given = {} if self.weights is None else {"sample_weight": self.weights}
            values = [scorer(estimator, X, self.y, **given)]
            values += [scorer(estimator, X, self.y, sample_weight=w) for w in parts]
            return np.array(values, dtype=np.float64)

        return scores


def make_samples(
    models: list[BaseEstimator],
    table: Any,
    y: ArrayLike,
    sample_weight: ArrayLike | None,
    indices: Sequence[ArrayLike] | None,
    max_events: int | None,
    rng: np.random.RandomState,
    *,
    with_jackknife: bool = False,
) -> list[ScoredSample]:
    """Return each model with the events on which it is scored.

    Parameters
    ----------
    models : list of estimators
        Fitted.
    table : ndarray or pandas.DataFrame of shape (n_samples, n_features)
        Events.
    y : array-like of shape (n_samples,)
        Labels.
    sample_weight : array-like of shape (n_samples,) or None
        Physics weights.
    indices : sequence of array-like of int, or None
        Rows of the events of each model; None takes all.
    max_events : int or None
        Largest number of events of a model; None takes all.
    rng : RandomState
        Draws these events, and the blocks.
    with_jackknife : bool, default=False
        Whether the events are parted into blocks for the error of the score.

    Returns
    -------
    samples : list of ScoredSample
        With weights at the yields of all events, if the model is a classifier.

    Raises
    ------
    ValueError
        If `y` or `indices` do not fit to the table or the models.
    WeightsError
        If the weights of a class do not sum to more than 0.

    Warns
    -----
    LowStatisticsWarning
        If there are too few events for the blocks, which are then left out.
    """
    labels = _check_labels(y, len(table))
    weights = check_event_weights(sample_weight, len(table))
    folds = _check_indices(indices, len(models), len(table))
    blocks = draw_blocks(labels if is_classifier(models[0]) else None, len(table), rng)
    samples = []
    for model, fold in zip(models, folds, strict=True):
        classes = labels if is_classifier(model) else None
        rows = _draw(fold, classes, max_events, rng)
        part = _part_weights(weights, classes, rows)
        part_classes = None if classes is None else classes[rows]
        jackknife = None
        if with_jackknife:
            jackknife = leave_one_out(part, part_classes, blocks[rows])
            if jackknife is None:
                _warn_few_events(len(rows))
        samples.append(
            ScoredSample(
                model,
                table if len(rows) == len(table) else _safe_indexing(table, rows),
                labels[rows],
                None if sample_weight is None else part,
                donor_weights(part, part_classes),
                jackknife,
            )
        )
    return samples


def _warn_few_events(n_events: int) -> None:
    msg = (
        "Each class must have a positive sum of weights without any tenth of its "
        f"events, got one that has not among {n_events} events. The errors of the "
        "importances leave out the statistics of the events: use more of them."
    )
    warn_caller(msg, LowStatisticsWarning)


def _check_labels(y: ArrayLike, n_samples: int) -> NDArray[Any]:
    labels = check_labels(y)
    if labels.shape != (n_samples,):
        msg = (
            f"`y` must have one label for each of the {n_samples} events, got the "
            f"shape {labels.shape}. Pass the labels of exactly the events in `X`."
        )
        raise ValueError(msg)
    return labels


def _check_indices(
    indices: Sequence[ArrayLike] | None, n_models: int, n_samples: int
) -> list[Rows]:
    if indices is None:
        return [np.arange(n_samples)] * n_models
    folds = [np.asarray(rows) for rows in indices]
    if len(folds) != n_models:
        msg = (
            f"`indices` must have rows for each of the {n_models} estimators, got "
            f"{len(folds)}. Pass one array of rows per estimator."
        )
        raise ValueError(msg)
    for rows in folds:
        if (
            rows.ndim != 1
            or rows.dtype.kind not in "iu"
            or len(np.unique(rows)) != len(rows)
            or not np.isin(rows, np.arange(n_samples)).all()
        ):
            msg = (
                f"`indices` must be different rows from 0 to {n_samples - 1}, got "
                f"{rows!r}. Pass the rows of a test fold, not a mask."
            )
            raise ValueError(msg)
    return folds


def _draw(
    rows: Rows,
    classes: NDArray[Any] | None,
    max_events: int | None,
    rng: np.random.RandomState,
) -> Rows:
    if max_events is None or len(rows) <= max_events:
        return rows
    stratify = None if classes is None else classes[rows]
    drawn = train_test_split(
        rows, train_size=max_events, stratify=stratify, random_state=rng
    )[0]
    return np.sort(drawn)


def _part_weights(
    weights: FloatArray, classes: NDArray[Any] | None, rows: Rows
) -> FloatArray:
    """Return the weights of some events at the yields of all."""
    if classes is None:
        return weights[rows]
    yields = {
        label: float(weights[classes == label].sum())
        for label in np.unique(classes).tolist()
    }
    return scale_to_yields(classes[rows], weights[rows], yields)
