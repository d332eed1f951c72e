"""All folds of a cross-validation: one after the other, in processes, or as members.

The folds of a `WeightedDNNClassifier` are networks of one shape on parts of the same
events, so they can train as members of one batch. Each comes out as a fitted model.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from joblib import Parallel, delayed
from tqdm.auto import tqdm

from skhep_dnn._weighted_steps import final_step
from skhep_dnn.exceptions import FitTogetherError
from skhep_dnn.model_selection._folds import (
    Events,
    FoldResult,
    FoldRules,
    Rows,
    evaluate_fold,
    fit_fold,
)
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

    Returns
    -------
    results : list of FoldResult
        Of the first folds alone if the others were given up, or one failed before.

    Raises
    ------
    FitTogetherError
        If `as_members` is True and the folds cannot train together.
    TypeError
        If `as_members` is True and the estimator is no network.
    """
    if gives_up is not None:
        return _one_by_one(estimator, events, splits, rules, gives_up)
    if as_members is not False and _is_network(estimator, as_members):
        try:
            models, fit_time = fit_models_together(estimator, events, splits, n_jobs)
        except FitTogetherError as reason:
            if as_members is True:
                raise
            _logger.info("The folds are fitted one by one: %s", reason)
        else:
            return [
                evaluate_fold(model, events, train, test, rules, fit_time)
                for model, (train, test) in zip(models, splits, strict=True)
            ]
    tasks = (
        delayed(fit_fold)(estimator, events, train, test, rules)
        for train, test in splits
    )
    found = Parallel(n_jobs, return_as="generator")(tasks)
    return list(tqdm(found, "Folds", len(splits), disable=not verbose))


def _one_by_one(
    estimator: Any,
    events: Events,
    splits: Splits,
    rules: FoldRules,
    gives_up: Callable[[list[FoldResult]], bool],
) -> list[FoldResult]:
    results: list[FoldResult] = []
    for train, test in splits:
        if results and (results[-1].error is not None or gives_up(results)):
            break
        results.append(fit_fold(estimator, events, train, test, rules))
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
