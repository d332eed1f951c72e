"""Which numbers have the same last digits in every language, and which need not.

Sums, products, quotients and square roots of two numbers are rounded alike everywhere
(IEEE 754). Sines, exponentials and other functions, and sums of many numbers, are not.
"""

from __future__ import annotations

import numpy as np

from skhep_dnn.export._program.program import Step, Value

__all__ = ["is_rounded_alike"]

_ALIKE = frozenset(
    (
        *("absolute", "add", "cast", "divide", "equal", "floor", "greater", "is_nan"),
        *("less", "logical_and", "logical_not", "logical_or", "maximum", "minimum"),
        *("multiply", "negative", "remainder", "square_root", "subtract", "where"),
    )
)


def is_rounded_alike(value: Value) -> bool:
    """Tell whether a number has the same last digits in NumPy, ONNX and C++.

    Parameters
    ----------
    value : Value
        One number, of a program whose steps so far make it.

    Returns
    -------
    is_alike : bool

    Examples
    --------
    >>> from skhep_dnn.export._program.program import Program
    >>> program = Program("example")
    >>> x = program.input("x", 2, "float64")
    >>> both = program.concatenate([x[0] - x[1], program.exp(x[0])])
    >>> is_rounded_alike(both[0]), is_rounded_alike(both[1])
    (True, False)
    """
    made_by = {v: step for step in value.program.steps for v in step.outputs}
    seen: set[tuple[Value, int]] = set()
    open_ends = [(value, 0)]
    while open_ends:
        number = open_ends.pop()
        step = made_by.get(number[0])
        if step is None or number in seen:  # comes in, or is a constant
            continue
        seen.add(number)
        sources = _sources(step, number[1])
        if sources is None:
            return False
        open_ends += sources
    return True


def _sources(step: Step, i: int) -> list[tuple[Value, int]] | None:
    """Return the numbers of which the i-th one is made; None if it is not exact."""
    if step.operation == "take":
        return [(step.inputs[0], int(step.attributes["positions"][i]))]
    if step.operation == "concatenate":
        ends = np.cumsum([part.size for part in step.inputs])
        k = int(np.searchsorted(ends, i, side="right"))
        part = step.inputs[k]
        return [(part, i - int(ends[k]) + part.size)]
    if step.operation in _ALIKE:
        return [(v, i if v.size > 1 else 0) for v in step.inputs]
    return None
