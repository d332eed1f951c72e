"""Arrays as they come in: in the byte order of the machine, and without a mask.

Files of other machines, ROOT's among them, give arrays of foreign byte order, which
torch and parts of pandas cannot read. A mask says which entries are undefined; numpy
drops it in silence wherever an array is wanted.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["defined_array", "native_order", "refuse_mask", "without_mask"]


def native_order(values: NDArray[Any]) -> NDArray[Any]:
    """Return an array in the byte order of the machine, not copied if it is so.

    Parameters
    ----------
    values : ndarray
        Of any dtype and shape.

    Returns
    -------
    values : ndarray

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn._arrays import native_order
    >>> native_order(np.array([1, 2], dtype=">i4")).dtype.isnative
    True
    """
    if values.dtype.isnative:
        return values
    return values.astype(values.dtype.newbyteorder("="))


def without_mask(values: Any) -> Any:
    """Return an array in which masked entries are undefined: nan, or None.

    Parameters
    ----------
    values : object
        What is no masked array is returned as it is. Integers and bools become floats
        where one is masked.

    Returns
    -------
    values : object
        Not copied unless an entry is masked.

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn._arrays import without_mask
    >>> without_mask(np.ma.masked_equal([2, -999], -999))
    array([ 2., nan])
    """
    if not np.ma.isMaskedArray(values):
        return values
    plain = np.asarray(values)
    is_masked = np.ma.getmaskarray(values)
    if not is_masked.any():
        return plain
    kind = plain.dtype.kind
    if kind in "biu":
        plain = plain.astype(np.float64)
    elif kind not in "fcmM":
        plain = plain.astype(object)
    filled = plain.copy()
    filled[is_masked] = None if plain.dtype.kind in "OmM" else np.nan
    return filled


def refuse_mask(values: Any, name: str, error: type[ValueError] = ValueError) -> None:
    """Refuse masked entries where an undefined one has no meaning.

    Parameters
    ----------
    values : object
        Labels, weights, scores or groups.
    name : str
        What messages call them.
    error : type, default=ValueError
        Class of the error.

    Raises
    ------
    ValueError
        If an entry is masked.
    """
    if not np.ma.isMaskedArray(values):
        return
    n_masked = int(np.count_nonzero(np.ma.getmaskarray(values)))
    if n_masked:
        msg = (
            f"`{name}` must have no masked entries, got {n_masked}. Drop these events, "
            "or fill the array with what is meant, by its method `filled`."
        )
        raise error(msg)


def defined_array(
    values: Any, name: str, error: type[ValueError] = ValueError
) -> NDArray[Any]:
    """Return an array in native byte order, of which no entry may be masked.

    Parameters
    ----------
    values : array-like
        Labels, weights, scores or groups.
    name : str
        What messages call them.
    error : type, default=ValueError
        Class of the error.

    Returns
    -------
    values : ndarray

    Raises
    ------
    ValueError
        If an entry is masked.
    """
    refuse_mask(values, name, error)
    return native_order(np.asarray(values))
