"""Methods of scikit-learn's classes that get events without a mask, in native order.

A pipeline or a search passes events on as they are; a step of scikit-learn would then
drop a mask in silence.
"""

from __future__ import annotations

from functools import wraps
from typing import Any

from sklearn.utils.metaestimators import available_if

from skhep_dnn._tables import native_events

__all__ = ["of_native_events"]


def of_native_events(base: type, name: str) -> Any:
    """Return a method of a class that gets `native_events` of its first argument.

    Parameters
    ----------
    base : type
        Class of scikit-learn that has the method.
    name : str
        Name of the method.

    Returns
    -------
    method : descriptor
        For a class that inherits from `base`; there where that of `base` is.
    """
    inherited = base.__dict__[name]

    def is_there(model: Any) -> bool:
        return callable(inherited.__get__(model, type(model)))  # or an AttributeError

    @available_if(is_there)
    @wraps(getattr(base, name))
    def method(self: Any, X: Any, *args: Any, **params: Any) -> Any:
        own = inherited.__get__(self, type(self))
        return own(native_events(X), *args, **params)

    return method
