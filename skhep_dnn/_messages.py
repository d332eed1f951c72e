"""How labels and other values are shown in messages: as a user writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["shown"]


def shown(value: object) -> str:
    """Return the text of a value as a user writes it, without the types of numpy.

    Parameters
    ----------
    value : object
        A label, or an array, list, tuple, set or mapping of labels.

    Returns
    -------
    text : str

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn._messages import shown
    >>> shown(np.int64(1)), shown(np.str_("s"))
    ('1', "'s'")
    >>> shown({np.int64(0): np.float64(0.5)})
    '{0: 0.5}'
    >>> shown(np.array([np.int64(1), "s"], dtype=object))
    "[1, 's']"
    """
    return repr(_plain(value))


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, Mapping):
        return {_plain(key): _plain(entry) for key, entry in value.items()}
    for kind in (list, tuple, set):
        if isinstance(value, kind):
            return kind(_plain(entry) for entry in value)
    return value
