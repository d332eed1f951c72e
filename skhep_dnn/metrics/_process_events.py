"""Which events belong to which process, and which processes are signal."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skhep_dnn._messages import shown
from skhep_dnn._validation import check_labels

__all__ = ["processes_of_classes"]

FloatArray = NDArray[np.float64]


def processes_of_classes(
    is_signal: NDArray[np.bool_], weights: FloatArray, process: ArrayLike | None
) -> tuple[NDArray[Any], dict[str, list[Any]]]:
    """Return the process of each event, and the processes of each class.

    Parameters
    ----------
    is_signal : ndarray of shape (n_samples,), dtype bool
        Which events are signal.
    weights : ndarray of shape (n_samples,)
        Their weights.
    process : array-like of shape (n_samples,) or None
        Name of the process of each event; None takes the class.

    Returns
    -------
    process : ndarray of shape (n_samples,)
    names : dict of str to list
        Of "signal" and "background" the processes, the largest yield first.

    Raises
    ------
    ValueError
        If there is not one name for each event, or a process has events of both
        classes.

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn.metrics._process_events import processes_of_classes
    >>> is_signal, weights = np.array([True, False, False]), np.array([0.5, 3.0, 7.0])
    >>> processes_of_classes(is_signal, weights, ["ggH", "top", "Z"])[1]
    {'signal': ['ggH'], 'background': ['Z', 'top']}
    """
    if process is None:
        process = np.where(is_signal, "signal", "background")
    labels = check_labels(process, "process")
    if len(labels) != len(is_signal):
        msg = (
            f"`process` must have a name for each of the {len(is_signal)} events, got "
            f"{len(labels)}. Pass the processes of the events in `y_true`."
        )
        raise ValueError(msg)
    # Names of different kinds, such as 1 and "Z", cannot be sorted together.
    labels = np.array([str(label) for label in labels.tolist()], dtype=object)
    found, codes = np.unique(labels, return_inverse=True)
    of_signal = np.bincount(codes, is_signal)
    mixed = (of_signal > 0) & (of_signal < np.bincount(codes))
    if mixed.any():
        msg = (
            "`process` must name signal or background, not both, got signal and "
            f"background events of {shown(found[mixed])}. Give them different names, "
            "or name the signal with `pos_label`."
        )
        raise ValueError(msg)
    yields = np.bincount(codes, weights)
    order = np.argsort(-yields, kind="stable")
    return labels, {
        "signal": [found[k] for k in order if of_signal[k] > 0],
        "background": [found[k] for k in order if of_signal[k] == 0],
    }
