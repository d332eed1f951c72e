"""What makes two runs the same search: hashes of the data, the space, the scores.

A stored search goes on only with what it was begun with; otherwise its trials could not
be compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from types import CodeType
from typing import Any

import joblib
from sklearn.base import BaseEstimator

from skhep_dnn._sklearn import _BaseScorer

__all__ = ["check_fingerprint", "fingerprint"]

# Parameters that change how long a fit takes, and not what comes of it.
_WITHOUT_EFFECT = ("n_jobs", "verbose")


def fingerprint(**parts: Any) -> dict[str, str]:
    """Return a short hash of each part, the same in every process.

    Parameters
    ----------
    **parts : object
        Arrays, tables, estimators, functions, plain values and containers of them.

    Returns
    -------
    hashes : dict of str to str
    """
    return {name: joblib.hash(_plain(part))[:16] for name, part in parts.items()}


def check_fingerprint(stored: Mapping[str, str], own: Mapping[str, str]) -> None:
    """Refuse to go on with a study that was made with something else.

    Raises
    ------
    ValueError
        If a part differs; the message names it.
    """
    different = [name for name in own if stored.get(name) != own[name]]
    if different:
        what = " and ".join(f"`{name}`" for name in different)
        msg = (
            f"The stored study must be of the same search, got another {what}. Give "
            "it another `study_name` or `storage`, or pass what it was begun with."
        )
        raise ValueError(msg)


def _plain(part: Any) -> Any:
    """Return what is hashed: estimators by type and parameters, functions by code."""
    if isinstance(part, BaseEstimator):
        params = {
            name: _plain(value)
            for name, value in sorted(part.get_params(deep=False).items())
            if name not in _WITHOUT_EFFECT
        }
        return type(part).__qualname__, params
    if isinstance(part, _BaseScorer):
        attributes = dict(vars(part))
        # The requests know their owner, the scorer itself.
        requests = str(attributes.pop("_metadata_request", None))
        return type(part).__qualname__, requests, _plain(attributes)
    if isinstance(part, Mapping):
        return {str(name): _plain(value) for name, value in part.items()}
    if isinstance(part, (list, tuple)):
        return [_plain(value) for value in part]
    if is_dataclass(part) and not isinstance(part, type):
        public = [f.name for f in fields(part) if not f.name.startswith("_")]
        return type(part).__qualname__, [_plain(getattr(part, n)) for n in public]
    return _plain_of_function(part)


def _plain_of_function(part: Any) -> Any:
    """Return what makes a function, of which nothing depends on the process."""
    if hasattr(part, "__code__"):
        return part.__qualname__, _plain_of_function(part.__code__)
    if isinstance(part, CodeType):
        constants = [_plain_of_function(value) for value in part.co_consts]
        return part.co_code, part.co_names, constants
    if isinstance(part, frozenset):  # a constant, in any order
        return sorted(repr(value) for value in part)
    if hasattr(part, "dist") and hasattr(part, "kwds"):
        # A distribution of scipy, with numpy's global generator in it.
        return type(part.dist).__qualname__, _plain(part.args), _plain(part.kwds)
    return part
