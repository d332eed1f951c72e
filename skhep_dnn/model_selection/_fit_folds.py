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

from skhep_dnn.model_selection._folds import (
    Events,
    FoldResult,
    FoldRules,
    Rows,
    fit_fold,
)

__all__ = ["fit_folds"]

_logger = logging.getLogger(__name__)

Splits = Sequence[tuple[Rows, Rows]]


def fit_folds(
    estimator: Any,
    events: Events,
    splits: Splits,
    rules: FoldRules,
    *,
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
    n_jobs : int or None, default=None
        Folds that are fitted at the same time.
    verbose : int, default=0
        Above 0 shows a progress bar.

    Returns
    -------
    results : list of FoldResult
    """
    tasks = (
        delayed(fit_fold)(estimator, events, train, test, rules)
        for train, test in splits
    )
    found = Parallel(n_jobs, return_as="generator")(tasks)
    return list(tqdm(found, "Folds", len(splits), disable=not verbose))
