"""Operations that ONNX has not, or onnxruntime not in double precision, of others.

Each is a small program of operations that are there in both precisions, as exact as
the function of NumPy to a few units in the last place, up to the largest numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from skhep_dnn.export._program.program import Program, Value

__all__ = ["composite"]

_SERIES_UP_TO = 1.0  # beyond, exponentials lose no digits to their difference
_SERIES = [1.0 / math.factorial(n) for n in range(17, 1, -2)]
_LARGE = 1e9  # whose square is a number of single precision, and swallows a 1


def composite(operation: str, arguments: Sequence[Value]) -> Program:
    """Return the program of an operation.

    Parameters
    ----------
    operation : str
        One of `ELEMENTWISE` without an operator of ONNX.
    arguments : sequence of Value
        What it acts on: their kinds and sizes count.

    Returns
    -------
    program : Program
        With one output.

    Examples
    --------
    >>> from skhep_dnn.export._program.in_numpy import evaluate
    >>> x = Program("example").input("x", 1, "float64")
    >>> program = composite("hyperbolic_sine", [x])
    >>> evaluate(program, {"x0": np.array([[2.0]])})["result"].round(6)
    array([[3.62686]])
    """
    program = Program(operation)
    given = [
        program.input(f"x{k}", value.size, value.dtype)
        for k, value in enumerate(arguments)
    ]
    program.outputs["result"] = _COMPOSITES[operation](*given)
    return program


def _arctangent_of_quotient(y: Value, x: Value) -> Value:
    p = x.program
    a, b = _absolute(x), _absolute(y)
    is_steep = b > a
    larger, smaller = p.where(is_steep, b, a), p.where(is_steep, a, b)
    ratio = p.where(p.equal(larger, 0.0), smaller, smaller / larger)
    ratio = p.where(p.equal(a, b) & (larger > 0.0), 1.0, ratio)
    angle = _arctangent(ratio)
    angle = p.where(is_steep, math.pi / 2.0 - angle, angle)
    # The reciprocal tells -0.0 from 0.0.
    angle = p.where((x < 0.0) | (1.0 / x < 0.0), math.pi - angle, angle)
    return p.where((y < 0.0) | (1.0 / y < 0.0), -angle, angle)


def _arctangent(ratio: Value) -> Value:
    """Return the arctangent of numbers from 0 to 1, in their precision."""
    p = ratio.program
    first = p.elementwise("arctangent", p.cast(ratio, "float32"))
    if ratio.dtype == "float32":
        return first
    # The tangent of what is left, some 1e-8, is that angle.
    angle = p.cast(first, "float64")
    sine, cosine = p.elementwise("sine", angle), p.elementwise("cosine", angle)
    return angle + (ratio * cosine - sine) / (cosine + ratio * sine)


def _hyperbolic_sine(x: Value) -> Value:
    p = x.program
    square = x * x
    series = p.constant(0.0, x.dtype)
    for coefficient in _SERIES:
        series = (series + coefficient) * square
    # Half of an exponential is a number where the whole one is not.
    a = _absolute(x)
    root = p.exp(a * 0.5)
    far = root * 0.5 * root - 0.5 / root / root
    far = p.where(x < 0.0, -far, far)
    return p.where(a < _SERIES_UP_TO, x + x * series, far)


def _hyperbolic_cosine(x: Value) -> Value:
    p = x.program
    root = p.exp(_absolute(x) * 0.5)
    return root * 0.5 * root + 0.5 / root / root


def _inverse_hyperbolic_sine(x: Value) -> Value:
    p = x.program
    a = _absolute(x)
    square = a * a
    near = _logarithm_of_one_plus(a + square / (p.sqrt(square + 1.0) + 1.0))
    result = p.where(a > _LARGE, p.log(a) + math.log(2.0), near)
    return p.where(x < 0.0, -result, result)


def _logarithm_of_one_plus(x: Value) -> Value:
    # What rounding does to 1 + x is divided out again (W. Kahan).
    p = x.program
    total = x + 1.0
    kept = total - 1.0
    result = p.where(p.equal(kept, 0.0), x, p.log(total) * (x / kept))
    return p.where(p.equal(total, np.inf), total, result)


def _hypotenuse(x: Value, y: Value) -> Value:
    p = x.program
    a, b = _absolute(x), _absolute(y)
    larger, smaller = p.where(b > a, b, a), p.where(b > a, a, b)
    ratio = smaller / larger
    result = larger * p.sqrt(ratio * ratio + 1.0)
    result = p.where(p.equal(larger, 0.0), smaller, result)
    return p.where(p.equal(larger, np.inf), larger, result)


def _absolute(x: Value) -> Value:
    return x.program.elementwise("absolute", x)


_COMPOSITES: dict[str, Callable[..., Value]] = {
    "arctangent_of_quotient": _arctangent_of_quotient,
    "hyperbolic_cosine": _hyperbolic_cosine,
    "hyperbolic_sine": _hyperbolic_sine,
    "hypotenuse": _hypotenuse,
    "inverse_hyperbolic_sine": _inverse_hyperbolic_sine,
    "logarithm_of_one_plus": _logarithm_of_one_plus,
}
