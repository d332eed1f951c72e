"""How are numbers of a report written: rounded for people, whole for machines."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from skhep_dnn.inspection._plotting import spaced
from skhep_dnn.metrics._bootstrap import format_with_error

__all__ = [
    "Measured",
    "defined",
    "flattened",
    "number",
    "per_cent",
    "plain",
    "with_error",
]

Measured = dict[str, float]

_ROUNDING = 1e-12


def plain(value: Any) -> Any:
    """Return a value as JSON knows it: no numpy, no nan, no keys but texts.

    Parameters
    ----------
    value : object
        A number, a text, None, a sequence or a mapping of such; anything else becomes
        its text.

    Returns
    -------
    plain : object

    Examples
    --------
    >>> import numpy as np
    >>> plain({1: np.array([0.5, np.nan]), "b": (np.int64(2), -np.inf)})
    {'1': [0.5, None], 'b': [2, '-inf']}
    """
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(entry) for key, entry in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple | set):
        return [plain(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value if value is None or isinstance(value, int | float) else str(value)


def flattened(values: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the path and value of each number, one with an error as one.

    Parameters
    ----------
    values : Mapping
        Mappings inside of mappings.
    path : str, default=""
        Where they are.

    Yields
    ------
    path : str
        The keys from the outside, with arrows between.
    value : object

    Examples
    --------
    >>> dict(flattened({"test": {"auc": {"value": 0.9, "error": 0.01}, "n": 3}}))
    {'test / auc': '0.900 ± 0.010', 'test / n': 3}
    """
    for key, value in values.items():
        here = f"{path} / {key}" if path else str(key)
        if isinstance(value, Mapping) and set(value) == {"value", "error"}:
            yield here, with_error(**defined(value))
        elif isinstance(value, Mapping):
            yield from flattened(value, here)
        elif isinstance(value, int | float | np.generic):
            yield here, value


def defined(measured: Mapping[str, Any]) -> Measured:
    """Return a value and its error as numbers; None of the JSON is nan.

    Examples
    --------
    >>> defined({"value": "inf", "error": None})
    {'value': inf, 'error': nan}
    """
    return {k: math.nan if v is None else float(v) for k, v in measured.items()}


def number(value: float) -> str:
    """Return a number with four digits, large ones whole, in groups of three digits.

    Examples
    --------
    >>> number(0.012345), number(123456.7), number(float("nan")), number(12)
    ('0.01235', '123 457', 'nan', '12')
    """
    is_whole = math.isfinite(value) and float(value).is_integer()
    if (is_whole or abs(value) >= 1e4) and abs(value) < 1e15:
        return spaced(value)
    return f"{value:.4g}"


def per_cent(share: float) -> str:
    """Return a share in per cent.

    Examples
    --------
    >>> per_cent(0.0123), per_cent(0.0)
    ('1.23 %', '0 %')
    """
    return f"{100 * share:.3g} %"


def with_error(value: float, error: float) -> str:
    """Return "value ± error" with two digits of the error, or the value alone.

    Examples
    --------
    >>> with_error(0.91234, 0.0032), with_error(12346.0, 120.0), with_error(2.5, 0.0)
    ('0.9123 ± 0.0032', '12 350 ± 120', '2.5')
    """
    is_known = math.isfinite(value) and math.isfinite(error)
    if not is_known or error <= _ROUNDING * abs(value):
        return number(value)
    digits = 1 - math.floor(math.log10(error))
    if digits >= 0:
        text = format_with_error(value, error)
        return text if abs(value) < 1e4 else _grouped(value, error, digits)
    return _grouped(round(value, digits), round(error, digits), 0)


def _grouped(value: float, error: float, places: int) -> str:
    return f"{spaced(value, places)} ± {spaced(error, places)}"
