"""The mean of predictions over symmetric variants of events, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from tqdm.auto import tqdm

from skhep_dnn._sklearn import _safe_indexing
from skhep_dnn.preprocessing import SymmetryAugmenter

__all__ = ["over_variants"]

Floats = NDArray[np.float64]
ROWS = 16_384  # of a chunk, before it is transformed


def over_variants(
    respond: Callable[[Any], Floats],
    combine: Callable[[Floats], Floats],
    X: Any,
    augmenter: SymmetryAugmenter,
    *,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> Floats:
    """Combine what a classifier answers to the variants of events.

    The chunks do not depend on `n_jobs`, and so neither does a bit of the result.

    Parameters
    ----------
    respond : callable
        Maps a table of events to an array of shape (n_samples, ...).
    combine : callable
        Maps an array of shape (n_variants, n_samples, ...) to one of shape
        (n_samples, ...).
    X : ndarray or pandas.DataFrame of shape (n_samples, n_features)
        Events.
    augmenter : SymmetryAugmenter
        Makes the variants.
    n_jobs : int or None, default=None
        Number of threads.
    verbose : int, default=0
        Whether to show a progress bar.

    Returns
    -------
    values : ndarray of shape (n_samples, ...)
    """

    def of_chunk(start: int) -> Floats:
        rows = _safe_indexing(X, slice(start, start + ROWS))
        return combine(np.stack([respond(table) for table in augmenter.variants(rows)]))

    starts = range(0, len(X), ROWS)
    shown = tqdm(starts, desc="Predicting", disable=not verbose)
    parts = Parallel(n_jobs=n_jobs, prefer="threads")(
        delayed(of_chunk)(start) for start in shown
    )
    return np.concatenate(parts)
