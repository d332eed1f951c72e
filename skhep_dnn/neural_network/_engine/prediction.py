"""Prediction of all members, in padded chunks of one size.

A chunk always has the same number of rows, so that the bits of a prediction do not
depend on which other events are predicted with it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from joblib import Parallel, delayed, effective_n_jobs
from numpy.typing import NDArray
from torch import Tensor

from skhep_dnn._logits import combine_logits
from skhep_dnn.neural_network._engine.batches import as_tensor
from skhep_dnn.neural_network._engine.torch_settings import engine_settings
from skhep_dnn.neural_network._networks.network import MemberNetwork, variant_logits

__all__ = ["ensemble_logits", "out_of_fold_logits", "padded"]

CHUNKS_OF_THREAD = 32  # fewer are done before another thread has started
LOGITS_TOGETHER = 80 * 16  # chunks of all networks, for 10 MB of logits
MOST_CHUNKS = 16
ROWS = 1024  # the hidden layers of a chunk stay in the cache


def ensemble_logits(
    module: MemberNetwork,
    X: NDArray[np.float32],
    member_weights: NDArray[np.float64],
    n_jobs: int | None = None,
    *,
    rows: NDArray[np.int64] | None = None,
) -> NDArray[np.float64]:
    """Logit of the weighted mean probability of the members.

    Parameters
    ----------
    module : MemberNetwork
        The trained members.
    X : ndarray of shape (n_samples, n_columns)
        Raw inputs, codes last.
    member_weights : ndarray of shape (n_members,)
        Weights of the members; their sum is 1.
    n_jobs : int or None
        Number of threads.
    rows : ndarray of shape (n_rows,), default=None
        Which of the events are predicted, as if `X` held them alone; they are copied
        block by block. None for all.

    Returns
    -------
    logits : ndarray of shape (n_samples,) or (n_samples, n_classes)
    """
    module.eval()
    # A thread gets whole chunks, so that the chunks, and with them the bits, are the
    # same for any number of threads.
    n_events = len(X) if rows is None else len(rows)
    n_chunks = max(1, -(-n_events // ROWS))
    n_parts = min(effective_n_jobs(n_jobs), -(-n_chunks // CHUNKS_OF_THREAD))
    rows_each = -(-n_chunks // n_parts) * ROWS
    tasks = [slice(start, start + rows_each) for start in range(0, n_events, rows_each)]
    with engine_settings():
        if len(tasks) <= 1:
            return _logits(module, X, rows, member_weights)
        parts = Parallel(n_jobs=n_parts, prefer="threads")(
            delayed(_logits)(module, *_part(X, rows, task), member_weights)
            for task in tasks
        )
    return np.concatenate(parts)


def out_of_fold_logits(
    module: MemberNetwork,
    X: NDArray[np.float32],
    untouched: Sequence[NDArray[np.int64]],
    network_weights: NDArray[np.float64],
    n_jobs: int | None = None,
) -> NDArray[np.float64]:
    """Logit of each event by the members that it decided nothing for.

    Parameters
    ----------
    module : MemberNetwork
        The trained members.
    X : ndarray of shape (n_samples, n_columns)
        Raw inputs, codes last.
    untouched : sequence of ndarray
        For each member the rows that it neither trained nor validated on.
    network_weights : ndarray of shape (n_networks,)
        Weights of the networks; each member has the same number of them in a row.
    n_jobs : int or None
        Number of threads.

    Returns
    -------
    logits : ndarray of shape (n_samples,) or (n_samples, n_classes)
        nan for an event without such a member.
    """
    logits = _empty(module, len(X))
    # Events that the same members may score are predicted together. The pattern is a
    # binary number of a digit for each member, renumbered after each so that it stays
    # small with any number of members.
    pattern = np.zeros(len(X), dtype=np.intp)
    for rows in untouched:
        pattern = 2 * pattern
        pattern[rows] += 1
        pattern = np.unique(pattern, return_inverse=True)[1]
    for code in np.unique(pattern):
        events = np.flatnonzero(pattern == code)
        free = np.array([events[0] in rows for rows in untouched])
        if free.any():
            is_free = np.repeat(free, len(network_weights) // len(free))
            weights = np.where(is_free, network_weights, 0.0)
            weights /= weights.sum()
            logits[events] = ensemble_logits(module, X, weights, n_jobs, rows=events)
    return logits


def padded(rows: NDArray[np.float32], size: int) -> Tensor:
    """Return a chunk of events, filled up with zeros.

    Chunks are of one size, so that the bits of an event do not depend on which others
    it is predicted with.
    """
    if len(rows) < size:
        rows = np.pad(rows, ((0, size - len(rows)), (0, 0)))
    return as_tensor(rows)


def _empty(module: MemberNetwork, n_rows: int) -> NDArray[np.float64]:
    n_outputs = module.output_bias.shape[2]
    return np.full(n_rows if n_outputs == 1 else (n_rows, n_outputs), np.nan)


def _n_variants(module: MemberNetwork) -> int:
    return 1 if module.kernel is None else len(module.kernel.variants())


def _part(
    X: NDArray[np.float32], rows: NDArray[np.int64] | None, part: slice
) -> tuple[NDArray[np.float32], NDArray[np.int64] | None]:
    """Return table and rows of a part of the events, neither of them copied."""
    return (X[part], None) if rows is None else (X, rows[part])


def _logits(
    module: MemberNetwork,
    X: NDArray[np.float32],
    rows: NDArray[np.int64] | None,
    network_weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    n_events = len(X) if rows is None else len(rows)
    result = _empty(module, n_events)
    n_variants = _n_variants(module)
    weights = np.tile(network_weights / n_variants, n_variants)
    n_chunks = min(MOST_CHUNKS, max(1, LOGITS_TOGETHER // len(weights)))
    for first in range(0, n_events, n_chunks * ROWS):
        table, some = _part(X, rows, slice(first, first + n_chunks * ROWS))
        events = table if some is None else table[some]
        with engine_settings():  # each thread has its own settings
            logits = _network_logits(module, events)
        result[first : first + len(events)] = combine_logits(logits, weights)
    return result


@torch.inference_mode()
def _network_logits(
    module: MemberNetwork, X: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Return the logits of all networks for all variants of some events."""
    device = module.output_bias.device
    n_networks, _, n_outputs = module.output_bias.shape
    n_variants = _n_variants(module)
    logits = np.empty((n_variants, n_networks, len(X), n_outputs), dtype=np.float32)
    for first in range(0, len(X), ROWS):
        rows = X[first : first + ROWS]
        n_rows = len(rows)
        variants = variant_logits(module, padded(rows, ROWS).to(device))
        for k, values in enumerate(variants):
            part = values[:, :n_rows].reshape(n_networks, n_rows, n_outputs)
            logits[k, :, first : first + n_rows] = part.cpu().numpy()
    shape = (n_variants * n_networks, len(X), n_outputs)
    networks = logits.reshape(shape).astype(np.float64)
    return networks[..., 0] if n_outputs == 1 else networks
