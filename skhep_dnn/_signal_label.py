"""Which label is the signal where none is named, and what figures call the classes.

The larger of two labels is the signal, as scikit-learn's `classes_[1]`. That is right
for 0 and 1, False and True, "b" and "s"; of "signal" and "ttbar" it takes the wrong
one, and nothing in a curve would show it. So a warning says which was taken, and it is
given where a figure is made or a cut is chosen, once for each call: what is called from
there gets the label.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from skhep_dnn._validation import check_labels, known_labels, signal_labels
from skhep_dnn._warnings import warn_caller
from skhep_dnn.exceptions import AssumedSignalWarning

__all__ = ["class_names", "resolve_pos_label", "taken_signal"]

_SIGNAL = re.compile(r"(s|sig|signal|pos|positive|true|yes)(?![a-z]).*", re.I)
_BACKGROUND = re.compile(
    r"(b|bg|bkg|bkgd|back|background|neg|negative|false|no)(?![a-z]).*", re.I
)


def resolve_pos_label(y_true: ArrayLike, pos_label: object) -> Any:
    """Return the label of the signal, and say which is taken if that is a guess.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels.
    pos_label : label, list of labels or None
        Those of the signal; None takes the larger one of two.

    Returns
    -------
    pos_label : label, list of labels or None
        None if numbers say which it is, or if there are not two labels, for which the
        checks of labels have a message.

    Warns
    -----
    AssumedSignalWarning
        If none is named and the labels are texts that do not say which it is.

    Examples
    --------
    >>> from skhep_dnn._signal_label import resolve_pos_label
    >>> resolve_pos_label(["b", "s", "s"], None), resolve_pos_label([1, 0], 0)
    ('s', 0)
    """
    if pos_label is not None:
        return pos_label
    labels = check_labels(y_true, "y_true")
    if labels.dtype.kind in "biuf":  # spares a sort of numbers
        return None
    return taken_signal(known_labels(labels, "y_true").tolist())


def taken_signal(classes: Sequence[Any]) -> Any:
    """Return the label that is taken as that of the signal, and say so if need be.

    Parameters
    ----------
    classes : sequence of labels
        Sorted.

    Returns
    -------
    label : label or None
        The larger one of two; None of another number.

    Warns
    -----
    AssumedSignalWarning
        If the labels are texts that do not say which it is.
    """
    if len(classes) != 2:
        return None
    background, signal = classes
    if isinstance(signal, str) and not _is_clear(str(background), signal):
        msg = (
            "`pos_label` must name the signal where the labels do not say which it is, "
            f"got None for {background!r} and {signal!r}: {signal!r}, the larger one, "
            f"is taken as the signal. Pass pos_label={signal!r} or "
            f"pos_label={background!r}."
        )
        warn_caller(msg, AssumedSignalWarning)
    return signal


def class_names(y_true: ArrayLike, pos_label: object) -> dict[str, str]:
    """Return what a figure calls the classes: what they are, and their labels.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels.
    pos_label : label, list of labels or None
        The label of the signal, or those of several signal classes; None takes the
        larger one of two.

    Returns
    -------
    names : dict of str
        Of "background" and "signal".

    Examples
    --------
    >>> from skhep_dnn._signal_label import class_names
    >>> class_names(["ttbar", "Higgs", "ttbar"], "Higgs")
    {'background': 'background (ttbar)', 'signal': 'signal (Higgs)'}
    >>> class_names(["background", "signal"], "signal")
    {'background': 'background', 'signal': 'signal'}
    """
    labels = np.unique(np.asarray(y_true)).tolist()
    signal = signal_labels(labels, pos_label)
    rest = [label for label in labels if label not in signal]
    of_class = {
        "background": ", ".join(map(str, rest)),
        "signal": ", ".join(map(str, signal)),
    }
    return {
        kind: kind if text.casefold() == kind else f"{kind} ({text})"
        for kind, text in of_class.items()
    }


def _is_clear(background: str, signal: str) -> bool:
    """Return whether two labels say which of them is the signal, and are right."""
    if background.isdigit() and signal.isdigit():
        return True
    named = bool(_SIGNAL.fullmatch(signal)), bool(_SIGNAL.fullmatch(background))
    left = bool(_BACKGROUND.fullmatch(background)), bool(_BACKGROUND.fullmatch(signal))
    return (True, False) in (named, left)
