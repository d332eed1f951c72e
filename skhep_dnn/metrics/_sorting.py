"""Order of events by descending score, several times faster than an argsort.

Sorting plain integers is vectorised, sorting indices by a key is not. So each event
becomes one integer, made of a coarse key of its score, its index and its class, and the
integers are sorted. Where coarse keys tie, the exact float64 scores decide.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["sort_events"]


def sort_events(
    scores: NDArray[np.float64], is_signal: NDArray[np.bool_]
) -> NDArray[np.uint64]:
    """Return the events in descending order of their exact scores, packed.

    Parameters
    ----------
    scores : ndarray of shape (n_samples,)
        Scores without nan; they may be infinite.
    is_signal : ndarray of shape (n_samples,)
        Whether each event is signal.

    Returns
    -------
    events : ndarray of shape (n_samples,), dtype uint64
        Twice the index of the event plus 1 for signal. The order within equal scores
        is arbitrary.
    """
    n_samples = len(scores)
    event_bits = max(n_samples - 1, 1).bit_length() + 1
    # No more bits than a float64 product resolves.
    packed = _coarse_key(scores, min(64 - event_bits, 48))
    packed <<= np.uint64(event_bits)
    packed |= np.arange(0, 2 * n_samples, 2, dtype=np.uint64)
    packed |= is_signal.view(np.uint8)
    packed.sort()
    tied = _in_runs(packed >> np.uint64(event_bits))
    packed &= np.uint64(2**event_bits - 1)
    if len(tied):
        events = packed[tied]
        descending = -scores[events >> np.uint64(1)]
        if (descending[1:] < descending[:-1]).any():
            # Keys never contradict scores, so all runs can be sorted together.
            packed[tied] = events[np.argsort(descending)]
    return packed


def _coarse_key(scores: NDArray[np.float64], n_bits: int) -> NDArray[np.uint64]:
    """Return integers that never increase with the score, of `n_bits` bits."""
    low, high = scores.min(), scores.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        finite = scores[np.isfinite(scores)]
        low, high = (finite.min(), finite.max()) if len(finite) else (0.0, 0.0)
        scores = np.clip(scores, low, high)
    # Halves, since the difference of the extremes can overflow.
    half_range = 0.5 * high - 0.5 * low
    with np.errstate(over="ignore", divide="ignore"):
        scale = np.float64(2**n_bits - 1) / half_range
    if not np.isfinite(scale):
        return np.zeros(len(scores), dtype=np.uint64)
    key = scores * -0.5
    key += 0.5 * high
    key *= scale
    return key.astype(np.uint64)


def _in_runs(keys: NDArray[np.uint64]) -> NDArray[np.intp]:
    """Return the positions of sorted keys that equal a neighbour."""
    equal = keys[1:] == keys[:-1]
    if not equal.any():
        return np.empty(0, dtype=np.intp)
    in_run = np.zeros(len(keys), dtype=bool)
    in_run[1:] = equal
    in_run[:-1] |= equal
    return np.flatnonzero(in_run)
