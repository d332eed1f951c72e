"""By how much does a score fall when columns lose their meaning.

The columns of a group get the values of other events, row by row, so that what they
have to do with each other is kept and what they have to do with all else is lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed, effective_n_jobs
from numpy.typing import NDArray

from skhep_dnn.feature_selection._donors import donor_rows
from skhep_dnn.feature_selection._scored_samples import ScoredSample, Scorer

__all__ = ["permuted_scores", "permuted_tables"]

FloatArray = NDArray[np.float64]


def permuted_tables(
    X: Any, positions: Sequence[int], donors: Iterable[NDArray[np.intp]]
) -> Iterator[Any]:
    """Yield the table once for each set of donors, with some columns taken from them.

    Parameters
    ----------
    X : ndarray or pandas.DataFrame of shape (n_samples, n_features)
        Events; not changed.
    positions : sequence of int
        Positions of the columns that are permuted together.
    donors : iterable of ndarray of shape (n_samples,)
        Row from which each event gets its values.

    Yields
    ------
    table : ndarray or pandas.DataFrame of shape (n_samples, n_features)
        Good until the next one: an array is used again. The columns of a DataFrame
        that stay are not copied.
    """
    if isinstance(X, pd.DataFrame):
        for rows in donors:
            table = X.copy(deep=False)
            for position in positions:
                table.isetitem(position, X.iloc[:, position].array.take(rows))
            yield table
        return
    columns = list(positions)
    table, values = X.copy(), X[:, columns]
    for rows in donors:
        table[:, columns] = values[rows]
        yield table


def permuted_scores(
    samples: Sequence[ScoredSample],
    groups: Sequence[Sequence[int]],
    scorer: Scorer,
    seeds: NDArray[np.int64],
    n_jobs: int | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Return the scores as they are and with each group of columns permuted.

    In one repeat of one estimator all groups get the values of the same donors, so
    that groups compare as pairs.

    Parameters
    ----------
    samples : sequence of ScoredSample
        Estimators and their events.
    groups : sequence of sequence of int
        Positions of the columns that are permuted together.
    scorer : callable
        ``scorer(estimator, X, y, sample_weight=...)``, greater is better.
    seeds : ndarray of shape (n_estimators, n_repeats)
        Seeds of the donors.
    n_jobs : int, default=None
        Number of processes, as in joblib. The result does not depend on it.

    Returns
    -------
    baseline : ndarray of shape (n_estimators, n_scores)
        Scores of the events as they are: of all, and, if the samples have blocks,
        without each of them.
    permuted : ndarray of shape (n_groups, n_estimators, n_repeats, n_scores)
        Scores of the permuted ones.
    """
    n_parts = min(len(groups), effective_n_jobs(n_jobs))
    parts = list(np.array_split(np.arange(len(groups)), n_parts))
    tasks = Parallel(n_jobs=n_jobs)(
        delayed(_scores_of)(sample, [groups[i] for i in part], scorer, row)
        for sample, row in zip(samples, seeds, strict=True)
        for part in parts
    )
    by_sample = [tasks[i : i + n_parts] for i in range(0, len(tasks), n_parts)]
    permuted = [np.concatenate([scores for _, scores in of]) for of in by_sample]
    return np.array([of[0][0] for of in by_sample]), np.stack(permuted, axis=1)


def _scores_of(
    sample: ScoredSample,
    groups: Sequence[Sequence[int]],
    scorer: Scorer,
    seeds: NDArray[np.int64],
) -> tuple[FloatArray, FloatArray]:
    donors = [
        donor_rows(sample.donor_weights, np.random.default_rng(int(seed)))
        for seed in seeds
    ]
    scored = sample.prepare(scorer)
    permuted = [
        [scored(table) for table in permuted_tables(sample.X, group, donors)]
        for group in groups
    ]
    return scored(sample.X), np.array(permuted)
