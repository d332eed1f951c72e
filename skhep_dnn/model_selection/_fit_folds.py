"""All folds of a cross-validation: one after the other, in processes, or as members.

The folds of a `WeightedDNNClassifier` are networks of one shape on parts of the same
events, so they can train as members of one batch. Each comes out as a fitted model.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.utils.parallel import Parallel, delayed
from tqdm.auto import tqdm

from skhep_dnn._fit_tasks import FitTask
from skhep_dnn._told_columns import Gathering, told
from skhep_dnn._warnings import warn_caller
from skhep_dnn._weighted_steps import final_step
from skhep_dnn.exceptions import FitTogetherError
from skhep_dnn.model_selection._fold_classes import check_training_events
from skhep_dnn.model_selection._folds import (
    Events,
    FoldResult,
    FoldRules,
    Rows,
    evaluate_fold,
    fit_fold,
)
from skhep_dnn.model_selection._scoring import lacks_classes
from skhep_dnn.model_selection._together import fit_models_together
from skhep_dnn.neural_network import WeightedDNNClassifier

__all__ = ["fit_folds"]

_logger = logging.getLogger(__name__)

Splits = Sequence[tuple[Rows, Rows]]


def fit_folds(
    estimator: Any,
    events: Events,
    splits: Splits,
    rules: FoldRules,
    *,
    as_members: bool | str = "auto",
    gives_up: Callable[[list[FoldResult]], bool] | None = None,
    n_jobs: int | None = None,
    verbose: int = 0,
    task: FitTask | None = None,
) -> list[FoldResult]:
    """Fit, predict and score each fold.

    Parameters
    ----------
    estimator : estimator
        It is cloned for each fold.
    events : Events
        The whole sample.
    splits : sequence of (train, test)
        Positions of the events.
    rules : FoldRules
        What is scored and kept.
    as_members : bool or "auto", default="auto"
        Whether the folds of a network train as members of one batch. "auto" does so
        where it is possible, and says in the log why it is not; True insists.
    gives_up : callable or None, default=None
        Asked between the folds, which are then fitted one by one, whether the others
        are worth it.
    n_jobs : int or None, default=None
        Folds that are fitted at the same time.
    verbose : int, default=0
        Above 0 shows a progress bar, of folds that are fitted one by one.
    task : FitTask or None, default=None
        The task that the folds are part of. Of folds that train together, which they
        do unless the estimator has callbacks of its own, nobody hears.

    Returns
    -------
    results : list of FoldResult
        Of the first folds alone if the others were given up.

    Raises
    ------
    FitTogetherError
        If `as_members` is True and the folds cannot train together.
    TypeError
        If `as_members` is True and the estimator is no network.
    WeightsError
        If the training events of a fold are of one class.

    Warns
    -----
    UndefinedMetricWarning
        If there are no events of some class in a fold, whose score is nan then.
    """
    check_training_events(estimator, events, splits)
    if gives_up is not None:
        return _one_by_one(estimator, events, splits, rules, gives_up, task)
    if as_members is not False and _is_network(estimator, as_members):
        try:
            models, fit_time = fit_models_together(estimator, events, splits, n_jobs)
        except FitTogetherError as reason:
            if as_members is True:
                raise
            _logger.info("The folds are fitted one by one: %s", reason)
        else:
            results = [
                evaluate_fold(model, events, train, test, rules, fit_time)
                for model, (train, test) in zip(models, splits, strict=True)
            ]
            _warn_of_missing_classes(results, events, rules)
            return results
    # All before the first one begins: a tree of tasks must not grow while it is sent
    # to a process.
    parts = [None if task is None else task.subtask("fold") for _ in splits]
    calls = (
        delayed(Gathering(fit_fold))(estimator, events, train, test, rules, part)
        for (train, test), part in zip(splits, parts, strict=True)
    )
    results = []
    # The bar is no frame of this loop: warnings of a fold point at the user.
    with tqdm(desc="Folds", total=len(splits), disable=not verbose) as bar:
        # Some backends, such as that of Ray, give back all results together.
        as_they_come = "generator" if verbose else "list"
        for result in told(Parallel(n_jobs, return_as=as_they_come)(calls)):
            results.append(result)
            bar.update()
    _warn_of_missing_classes(results, events, rules)
    return results


def _warn_of_missing_classes(
    results: Sequence[FoldResult], events: Events, rules: FoldRules
) -> None:
    if not rules.scoring.need_all_classes():
        return
    labels, weights = np.asarray(events.y), events.score_params.get("sample_weight")
    n_undefined = sum(
        lacks_classes(
            result.predictions,
            labels[result.test],
            None if weights is None else np.asarray(weights)[result.test],
        )
        for result in results
    )
    if n_undefined:
        msg = (
            "The events of a fold must be of all classes for a score of this fold "
            f"alone, got {n_undefined} of {len(results)} folds without a class: their "
            "scores are nan. Take the pooled score, or a stratified `cv`."
        )
        warn_caller(msg, UndefinedMetricWarning)


def _one_by_one(
    estimator: Any,
    events: Events,
    splits: Splits,
    rules: FoldRules,
    gives_up: Callable[[list[FoldResult]], bool],
    task: FitTask | None,
) -> list[FoldResult]:
    results: list[FoldResult] = []
    for train, test in splits:
        if results and gives_up(results):
            break
        part = None if task is None else task.subtask("fold")
        results.append(fit_fold(estimator, events, train, test, rules, part))
    _warn_of_missing_classes(results, events, rules)
    return results


def _is_network(estimator: Any, as_members: bool | str) -> bool:
    if isinstance(final_step(estimator), WeightedDNNClassifier):
        return True
    if as_members is True:
        msg = (
            "`as_members` must not be True for an estimator that is no "
            "WeightedDNNClassifier and does not end with one, got "
            f"{type(estimator).__name__}. Leave it at 'auto'."
        )
        raise TypeError(msg)
    return False
