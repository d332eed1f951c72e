"""What is done to single numbers, in NumPy, in ONNX and in C++: one line for each.

A value of a program is a vector of numbers of one event. These operations act on each
number; a vector of length 1 goes with one of any length.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.special import erf, expit

__all__ = ["ELEMENTWISE", "Elementwise"]

Result = Literal["same", "bool"]


@dataclass(frozen=True)
class Elementwise:
    """An operation on single numbers.

    Attributes
    ----------
    numpy : callable
        The operation on arrays.
    onnx : str or None
        Name of the operator of ONNX; None where there is none, or none in double
        precision: `composites` makes the operation of others.
    cpp : str
        Expression of C++, with the arguments as {0}, {1}, ...
    result : {"same", "bool"}
        Whether the result has the dtype of the last argument or is a truth value.
    """

    numpy: Callable[..., Any]
    onnx: str | None
    cpp: str
    result: Result = "same"


ELEMENTWISE = {
    "add": Elementwise(np.add, "Add", "{0} + {1}"),
    "subtract": Elementwise(np.subtract, "Sub", "{0} - {1}"),
    "multiply": Elementwise(np.multiply, "Mul", "{0} * {1}"),
    "divide": Elementwise(np.divide, "Div", "{0} / {1}"),
    "remainder": Elementwise(np.remainder, "Mod", "{0} % {1}"),
    "minimum": Elementwise(np.minimum, "Min", "({0} < {1} ? {0} : {1})"),
    "maximum": Elementwise(np.maximum, "Max", "({0} > {1} ? {0} : {1})"),
    "negative": Elementwise(np.negative, "Neg", "-{0}"),
    "absolute": Elementwise(np.abs, "Abs", "std::fabs({0})"),
    "square_root": Elementwise(np.sqrt, "Sqrt", "std::sqrt({0})"),
    "exponential": Elementwise(np.exp, "Exp", "std::exp({0})"),
    "logarithm": Elementwise(np.log, "Log", "std::log({0})"),
    "sine": Elementwise(np.sin, "Sin", "std::sin({0})"),
    "cosine": Elementwise(np.cos, "Cos", "std::cos({0})"),
    "arctangent": Elementwise(np.arctan, "Atan", "std::atan({0})"),
    "arctangent_of_quotient": Elementwise(np.arctan2, None, "std::atan2({0}, {1})"),
    "hyperbolic_sine": Elementwise(np.sinh, None, "std::sinh({0})"),
    "hyperbolic_cosine": Elementwise(np.cosh, None, "std::cosh({0})"),
    "inverse_hyperbolic_sine": Elementwise(np.arcsinh, None, "std::asinh({0})"),
    "hypotenuse": Elementwise(np.hypot, None, "std::hypot({0}, {1})"),
    "logarithm_of_one_plus": Elementwise(np.log1p, None, "std::log1p({0})"),
    "hyperbolic_tangent": Elementwise(np.tanh, "Tanh", "std::tanh({0})"),
    "error_function": Elementwise(erf, "Erf", "std::erf({0})"),
    "sigmoid": Elementwise(expit, "Sigmoid", "sigmoid({0})"),
    "floor": Elementwise(np.floor, "Floor", "std::floor({0})"),
    "less": Elementwise(np.less, "Less", "{0} < {1}", "bool"),
    "greater": Elementwise(np.greater, "Greater", "{0} > {1}", "bool"),
    "equal": Elementwise(np.equal, "Equal", "{0} == {1}", "bool"),
    "logical_and": Elementwise(np.logical_and, "And", "{0} && {1}", "bool"),
    "logical_or": Elementwise(np.logical_or, "Or", "{0} || {1}", "bool"),
    "logical_not": Elementwise(np.logical_not, "Not", "!{0}", "bool"),
    "where": Elementwise(np.where, "Where", "({0} ? {1} : {2})"),
}
