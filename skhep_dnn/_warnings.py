"""Where does a warning point, and how often does it come.

It points at the line of the user, however deep it arises. One about parameters comes
once for an estimator and all its clones: a search or a cross-validation fits one for
each fold, and all have the same to say.
"""

import inspect
import multiprocessing
import os
import warnings
from pathlib import Path
from typing import Any

import joblib
import sklearn

__all__ = ["WarnsOnce", "warn_caller", "warn_once"]

# This package, and the tools through which a user calls it: a search its scorer, say.
_NOT_THE_USER = tuple(
    str(Path(module).parent) + os.sep
    for module in (__file__, joblib.__file__, sklearn.__file__)
)


# What a worker of joblib has told. Each of its tasks brings an estimator of its own.
_TOLD_BY_WORKER: set[str] = set()


class WarnsOnce:
    """Mixin of estimators whose clones do not repeat warnings about parameters.

    To be put left of `BaseEstimator`. An estimator and its clones share what they have
    told; a pickled one takes a copy with it.
    """

    def __sklearn_clone__(self) -> Any:
        """Return a clone that knows what has been told."""
        clone = super().__sklearn_clone__()  # type: ignore[misc]
        return self._shares_told(clone)

    def _shares_told(self, clone: Any) -> Any:
        """Return a clone, which from now on knows what has been told."""
        clone._warned_of = self._warnings_told()
        return clone

    def _warn_once(
        self, message: str, category: type[Warning], *, key: str | None = None
    ) -> None:
        """Warn, unless this estimator or a clone has done so.

        In the same words, or with the same key where the words have numbers.
        """
        warn_once(self._warnings_told(), message, category, key=key)

    def _warnings_told(self) -> set[str]:
        told: set[str] = self.__dict__.setdefault("_warned_of", set())
        return told


def warn_once(
    told: set[str], message: str, category: type[Warning], *, key: str | None = None
) -> None:
    """Warn of what has not been told, at the line of the user.

    Parameters
    ----------
    told : set of str
        Messages that have been told; this one is added.
    message : str
        What was expected, what came and how to mend it.
    category : type
        The class of the warning.
    key : str, default=None
        By which it is known whether it has been told; None: by the message.

    Warns
    -----
    category
        If it has not been told. A worker process tells it once in its life, whatever
        estimators it gets: it cannot see what the others tell.
    """
    is_worker = multiprocessing.parent_process() is not None
    key = message if key is None else key
    if key in told or (is_worker and key in _TOLD_BY_WORKER):
        return
    warn_caller(message, category)
    told.add(key)
    if is_worker:
        _TOLD_BY_WORKER.add(key)


def warn_caller(message: str, category: type[Warning]) -> None:
    """Warn at the line that called into this package, or into scikit-learn before it.

    A fixed `stacklevel` is right for one path of calls only, and most warnings can be
    reached by several.

    Parameters
    ----------
    message : str
        What was expected, what came and how to mend it.
    category : type
        The class of the warning.

    Warns
    -----
    category
        Always.
    """
    stacklevel = 1
    frame = inspect.currentframe()
    while frame is not None and frame.f_code.co_filename.startswith(_NOT_THE_USER):
        frame = frame.f_back
        stacklevel += 1
    warnings.warn(message, category, stacklevel=stacklevel)
