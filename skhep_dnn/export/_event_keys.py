"""One 64-bit integer for each event, by which it is known again.

An event is known by its run and event number, so that a systematic variation is the
same event, or else by what stands in its columns. Both are mixed to 64 bits by the
finaliser of splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
generators", OOPSLA 2014), word by word: from a key that begins at 0, each word gives
``key = mix((key + 0x9E3779B97F4A7C15) ^ word)``. A step is a permutation of the keys
for a given word, and of the words for a given key: events that differ in one word alone
never have the same key. Others have it by chance, with a probability of 2**-64 for each
pair: 3e-6 that any two of 10 million events share one, 5e-6 that one of 10 million
events has that of one of 10 million others. Such an accident can only raise a false
alarm, as an event that was seen always has the key of itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skhep_dnn._tables import table_column

__all__ = ["Keys", "column_words", "event_keys", "value_words"]

Keys = NDArray[np.uint64]

_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_UNDEFINED = np.uint64(0x7FC00000)  # nan as a float32
# Events mixed together: their temporaries stay in the processor's cache.
_BLOCK = 2**15


def event_keys(words: Iterable[NDArray[Any]], n_events: int) -> Keys:
    """Return the key of each event.

    Parameters
    ----------
    words : iterable of ndarray of shape (n_events,), dtype uint64 or int64
        What an event is known by, one array after another.
    n_events : int
        Number of events.

    Returns
    -------
    keys : ndarray of shape (n_events,), dtype uint64

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn.export._event_keys import event_keys
    >>> run, event = np.array([1, 1, 2]), np.array([7, 8, 7])
    >>> [hex(key) for key in event_keys([run, event], 3)]
    ['0x3e05a25c667a24b6', '0x48ab8254069d443b', '0xe06dd043328bd285']
    """
    keys = np.zeros(n_events, dtype=np.uint64)
    for word in words:
        bits = word.view(np.uint64)
        for start in range(0, n_events, _BLOCK):
            block = keys[start : start + _BLOCK]
            block += _STEP
            block ^= bits[start : start + _BLOCK]
            _mix(block)
    return keys


def column_words(X: Any, position: int) -> Keys:
    """Return the values of a column of a table as words, the same however they came.

    Parameters
    ----------
    X : ndarray or pandas.DataFrame of shape (n_events, n_features)
        Events.
    position : int
        Of the column.

    Returns
    -------
    words : ndarray of shape (n_events,), dtype uint64
        As `value_words` has them.

    Raises
    ------
    TypeError
        If the column holds neither numbers nor texts.
    """
    name = X.columns[position] if isinstance(X, pd.DataFrame) else position
    return value_words(table_column(X, position), f"the column {name!r}")


def value_words(values: NDArray[Any], name: str) -> Keys:
    """Return values as words: numbers by their bits as float32, texts by a hash.

    So it makes no difference whether a number came as a float32, a float64 or an
    integer; numbers that a float32 does not keep apart are the same. All undefined
    values are the same, and so are 0 and -0.

    Parameters
    ----------
    values : ndarray of shape (n_events,)
        Numbers, texts, or None where undefined.
    name : str
        What messages call them.

    Returns
    -------
    words : ndarray of shape (n_events,), dtype uint64
        Of a number the 32 bits of a float32 (IEEE 754), of a text the first 64 bits of
        the BLAKE2b hash of its UTF-8 bytes, little-endian.

    Raises
    ------
    TypeError
        If they are neither numbers nor texts.

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn.export._event_keys import value_words
    >>> (
    ...     hex(value_words(np.array([1]), "x")[0]),
    ...     hex(value_words(np.array([-0.0]), "x")[0]),
    ... )
    ('0x3f800000', '0x0')
    """
    if values.dtype.kind in "biuf":
        return _number_words(values)
    if values.dtype.kind not in "OUS":
        msg = (
            f"Events must be known by numbers and texts, got {values.dtype} in {name}. "
            "Convert them, as the model does."
        )
        raise TypeError(msg)
    codes, known = pd.factorize(values, use_na_sentinel=True)
    words = np.array([_word(value, name) for value in known], dtype=np.uint64)
    return np.append(words, _UNDEFINED)[codes]  # -1, of what is undefined, is the last


def _number_words(values: NDArray[Any]) -> Keys:
    with np.errstate(over="ignore"):  # beyond the largest float32 all are infinite
        numbers = values.astype(np.float32)
    numbers += np.float32(0.0)  # -0 becomes 0
    words = numbers.view(np.uint32).astype(np.uint64)
    words[np.isnan(numbers)] = _UNDEFINED
    return words


def _word(value: object, name: str) -> int:
    if isinstance(value, bytes):
        value = value.decode("utf-8", errors="surrogateescape")
    if isinstance(value, str):
        text = value.encode("utf-8", errors="surrogateescape")
        return int.from_bytes(blake2b(text, digest_size=8).digest(), "little")
    if isinstance(value, (int, float, np.number, np.bool_)):
        return int(_number_words(np.array([value], dtype=np.float64))[0])
    msg = (
        f"Events must be known by numbers and texts, got {value!r} in {name}. Convert "
        "it, as the model does."
    )
    raise TypeError(msg)


def _mix(keys: Keys) -> None:
    """Apply the finaliser of splitmix64 in place."""
    keys ^= keys >> np.uint64(30)
    keys *= _FIRST
    keys ^= keys >> np.uint64(27)
    keys *= _SECOND
    keys ^= keys >> np.uint64(31)
