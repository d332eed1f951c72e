"""Of which columns a user is warned: once for all that one call of `fit` fits inside.

The outermost fit opens a scope in which the same is told once. Workers, whose warnings
nobody reads, gather what they find and hand it back with their result.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, NamedTuple, TypeVar

from skhep_dnn._warnings import warn_caller
from skhep_dnn.exceptions import LostPrecisionWarning, UndeclaredMissingValueWarning

__all__ = ["Finding", "Gathering", "tell", "told", "warns_once"]

F = TypeVar("F", bound=Callable[..., Any])
R = TypeVar("R")


class Finding(NamedTuple):
    """What was found in a column.

    Attributes
    ----------
    category : type
        Class of the warning.
    column : str
        As messages call it.
    value : str
        The value that stands apart, or the range of values that are lost.
    """

    category: type[Warning]
    column: str
    value: str


@dataclass
class _Scope:
    """What has been told; `is_worker`: what is to be told by another."""

    is_worker: bool = False
    findings: dict[Finding, None] = field(default_factory=dict)


_SCOPE: ContextVar[_Scope | None] = ContextVar("_SCOPE", default=None)


def warns_once(function: F) -> F:
    """Decorate a fit: of each column is told once, whatever is fitted inside."""

    @wraps(function)
    def fit(*args: Any, **params: Any) -> Any:
        if _SCOPE.get() is not None:
            return function(*args, **params)
        with _opened(_Scope()):
            return function(*args, **params)

    return fit  # type: ignore[return-value]


def tell(findings: Iterable[Finding]) -> None:
    """Warn of what was found, unless it has been told.

    Parameters
    ----------
    findings : iterable of Finding
        Of any number of columns; there is one warning of each class.

    Warns
    -----
    LostPrecisionWarning, UndeclaredMissingValueWarning
        If there is a new finding of the class.
    """
    scope = _SCOPE.get()
    known = {} if scope is None else scope.findings
    new = [finding for finding in findings if finding not in known]
    known.update(dict.fromkeys(new))
    if scope is not None and scope.is_worker:
        return
    for category, message in _MESSAGES.items():
        named = [
            f"{column} ({value})" for kind, column, value in new if kind is category
        ]
        if named:
            warn_caller(message.format(columns=", ".join(named)), category)


class Gathering:
    """A function for workers, which returns what it has found beside its result.

    Parameters
    ----------
    function : callable
        What a worker calls.
    """

    def __init__(self, function: Callable[..., R]) -> None:
        # Not `function`: wrappers of scikit-learn take over the attributes.
        self._calls = function

    def __call__(self, *args: Any, **params: Any) -> tuple[Any, list[Finding]]:
        """Return the result of the function and the findings that are to be told."""
        if _SCOPE.get() is not None:  # in the process, and the thread, of the fit
            return self._calls(*args, **params), []
        scope = _Scope(is_worker=True)
        with _opened(scope):
            return self._calls(*args, **params), list(scope.findings)


def told(results: Iterable[tuple[R, list[Finding]]]) -> Generator[R, None, None]:
    """Yield the results of `Gathering` functions, and tell what they have found."""
    for result, findings in results:
        tell(findings)
        yield result


@contextmanager
def _opened(scope: _Scope) -> Iterator[None]:
    token = _SCOPE.set(scope)
    try:
        yield
    finally:
        _SCOPE.reset(token)


_MESSAGES: dict[type[Warning], str] = {
    UndeclaredMissingValueWarning: (
        "Undefined entries must be nan, or the value that `missing_values` names, got "
        "a value that is repeated at the edge of the range and far from all others in "
        "{columns}. If it marks undefined entries, pass it as `missing_values`, or "
        "replace it by nan; if it is a measured one, filter this warning."
    ),
    LostPrecisionWarning: (
        "Columns must keep their values apart in float32, in which a network computes, "
        "got nearly equal large numbers in {columns}. Subtract a constant from the "
        "column first, or divide a time into parts; leave numbers of runs and events "
        "out of the features, or name them in `categorical_features` if they are few."
    ),
}
