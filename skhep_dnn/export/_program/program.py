"""A program: what a fitted model does to the numbers of one event, step by step.

It is written once, by what knows the model, and read by what evaluates it in NumPy or
writes it down as ONNX or C++. A value is a vector of numbers of one kind; steps are in
the order in which they are done. So a program reads like the formulas it stands for:

>>> program = Program("example")
>>> x = program.input("x", 3)
>>> y = program.sigmoid(2.0 * x + 1.0)
>>> y.size, y.dtype, [step.operation for step in program.steps]
(3, 'float32', ['multiply', 'add', 'sigmoid'])
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skhep_dnn.export._program.operations import ELEMENTWISE

__all__ = ["DType", "Program", "Step", "TreeEnsemble", "Value"]

DType = Literal["float32", "float64", "int64", "bool"]


@dataclass(frozen=True, eq=False)
class Value:
    """A vector of numbers of one event.

    Attributes
    ----------
    program : Program
        Where it is computed.
    size : int
        Length of the vector.
    dtype : {"float32", "float64", "int64", "bool"}
        Kind of the numbers.
    constant : ndarray of shape (size,) or None
        The numbers, if they are the same for all events.
    """

    program: Program = field(repr=False)
    size: int
    dtype: DType
    constant: NDArray[Any] | None = field(default=None, repr=False)

    def __add__(self, other: Value | ArrayLike) -> Value:
        """Return the sum."""
        return self.program.elementwise("add", self, other)

    def __radd__(self, other: ArrayLike) -> Value:
        """Return the sum."""
        return self.program.elementwise("add", other, self)

    def __sub__(self, other: Value | ArrayLike) -> Value:
        """Return the difference."""
        return self.program.elementwise("subtract", self, other)

    def __rsub__(self, other: ArrayLike) -> Value:
        """Return the difference."""
        return self.program.elementwise("subtract", other, self)

    def __mul__(self, other: Value | ArrayLike) -> Value:
        """Return the product."""
        return self.program.elementwise("multiply", self, other)

    def __rmul__(self, other: ArrayLike) -> Value:
        """Return the product."""
        return self.program.elementwise("multiply", other, self)

    def __truediv__(self, other: Value | ArrayLike) -> Value:
        """Return the quotient."""
        return self.program.elementwise("divide", self, other)

    def __rtruediv__(self, other: ArrayLike) -> Value:
        """Return the quotient."""
        return self.program.elementwise("divide", other, self)

    def __mod__(self, other: Value | ArrayLike) -> Value:
        """Return the remainder of integers that are not negative."""
        return self.program.elementwise("remainder", self, other)

    def __neg__(self) -> Value:
        """Return the negative."""
        return self.program.elementwise("negative", self)

    def __lt__(self, other: Value | ArrayLike) -> Value:
        """Tell where it is less."""
        return self.program.elementwise("less", self, other)

    def __gt__(self, other: Value | ArrayLike) -> Value:
        """Tell where it is greater."""
        return self.program.elementwise("greater", self, other)

    def __and__(self, other: Value) -> Value:
        """Tell where both hold."""
        return self.program.elementwise("logical_and", self, other)

    def __or__(self, other: Value) -> Value:
        """Tell where one of both holds."""
        return self.program.elementwise("logical_or", self, other)

    def __invert__(self) -> Value:
        """Tell where it does not hold."""
        return self.program.elementwise("logical_not", self)

    def __getitem__(self, positions: int | slice | Sequence[int]) -> Value:
        """Return some of the numbers, a vector even of one."""
        return self.program.take(self, positions)


@dataclass(frozen=True, eq=False)
class TreeEnsemble:
    """Decision trees whose leaves are summed up.

    Nodes of all trees stand one after the other. An event goes left where its value is
    at most the threshold, or is undefined and `missing_left` holds.

    Attributes
    ----------
    roots : ndarray of shape (n_trees,), dtype int64
        First node of each tree.
    outputs : ndarray of shape (n_trees,), dtype int64
        To which output the first value of the leaves of each tree is added; the others
        are added to those that follow.
    features : ndarray of shape (n_nodes,), dtype int64
        Column of each node; -1 of a leaf.
    thresholds : ndarray of shape (n_nodes,), dtype float64
        Threshold of a node; 0 of a leaf.
    left : ndarray of shape (n_nodes,), dtype int64
        Where an event goes; of a leaf, its row in `values`.
    right : ndarray of shape (n_nodes,), dtype int64
        Where an event goes that does not go left; 0 of a leaf.
    missing_left : ndarray of shape (n_nodes,), dtype bool
        Whether an undefined value goes left.
    values : ndarray of shape (n_leaves, n_values), dtype float64
        What a leaf adds to one output, or to several in a row.
    start : ndarray of shape (n_outputs,), dtype float64
        Added to the sums.
    """

    roots: NDArray[np.int64]
    outputs: NDArray[np.int64]
    features: NDArray[np.int64]
    thresholds: NDArray[np.float64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    missing_left: NDArray[np.bool_]
    values: NDArray[np.float64]
    start: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Step:
    """One operation.

    Attributes
    ----------
    operation : str
        Its name.
    inputs, outputs : tuple of Value
        What it takes and what it gives.
    attributes : dict
        What else it knows: positions, trees, programs that it calls.
    """

    operation: str
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    attributes: dict[str, Any] = field(default_factory=dict)


class Program:
    """Steps from inputs to outputs.

    Parameters
    ----------
    name : str
        Its name, a word.

    Attributes
    ----------
    inputs : dict of str to Value
        What comes in, by name.
    steps : list of Step
        What is done, in this order.
    outputs : dict of str to Value
        What goes out, by name.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.inputs: dict[str, Value] = {}
        self.steps: list[Step] = []
        self.outputs: dict[str, Value] = {}

    def input(self, name: str, size: int = 1, dtype: DType = "float32") -> Value:
        """Return a value that comes in."""
        value = Value(self, size, dtype)
        self.inputs[name] = value
        return value

    def constant(self, numbers: ArrayLike, dtype: DType | None = None) -> Value:
        """Return a value that is the same for all events."""
        array = np.atleast_1d(np.asarray(numbers, dtype=dtype))
        return Value(self, len(array), str(array.dtype), array)  # type: ignore[arg-type]

    def elementwise(self, operation: str, *arguments: Value | ArrayLike) -> Value:
        """Return what an operation makes of each number."""
        kinds = [a.dtype for a in arguments if isinstance(a, Value)]
        inputs = [
            a if isinstance(a, Value) else self.constant(a, kinds[-1])
            for a in arguments
        ]
        compared = inputs[1:] if operation == "where" else inputs
        if len({value.dtype for value in compared}) > 1:
            msg = f"{operation} of {[v.dtype for v in inputs]}"
            raise TypeError(msg)
        sizes = {value.size for value in inputs} - {1}
        if len(sizes) > 1:
            msg = f"{operation} of vectors of {[v.size for v in inputs]} numbers"
            raise ValueError(msg)
        rule = ELEMENTWISE[operation]
        known = [value.constant for value in inputs if value.constant is not None]
        if len(known) == len(inputs):
            return self.constant(rule.numpy(*known))
        dtype: DType = "bool" if rule.result == "bool" else compared[0].dtype
        size = max(value.size for value in inputs)
        return self._step(operation, inputs, size, dtype)

    def sigmoid(self, x: Value) -> Value:
        """Return 1 / (1 + exp(-x))."""
        return self.elementwise("sigmoid", x)

    def exp(self, x: Value) -> Value:
        """Return the exponential."""
        return self.elementwise("exponential", x)

    def log(self, x: Value) -> Value:
        """Return the natural logarithm."""
        return self.elementwise("logarithm", x)

    def sqrt(self, x: Value) -> Value:
        """Return the square root."""
        return self.elementwise("square_root", x)

    def floor(self, x: Value) -> Value:
        """Return the largest whole number that is not above."""
        return self.elementwise("floor", x)

    def is_nan(self, x: Value) -> Value:
        """Tell where a number is undefined."""
        return self._step("is_nan", [x], x.size, "bool")

    def equal(self, x: Value, y: Value | ArrayLike) -> Value:
        """Tell where two numbers are equal."""
        return self.elementwise("equal", x, y)

    def where(
        self, condition: Value, x: Value | ArrayLike, y: Value | ArrayLike
    ) -> Value:
        """Return x where a condition holds, else y; one of them must be a value."""
        dtype = next(v.dtype for v in (x, y) if isinstance(v, Value))
        known = [v if isinstance(v, Value) else self.constant(v, dtype) for v in (x, y)]
        return self.elementwise("where", condition, *known)

    def clip(self, x: Value, low: float, high: float) -> Value:
        """Return what is nearest to x from low to high; x must be defined."""
        return self.elementwise("minimum", self.elementwise("maximum", x, low), high)

    def cast(self, x: Value, dtype: DType) -> Value:
        """Return the same numbers as another kind."""
        if x.dtype == dtype:
            return x
        if x.constant is not None:
            return self.constant(x.constant, dtype)
        return self._step("cast", [x], x.size, dtype)

    def concatenate(self, values: Sequence[Value]) -> Value:
        """Return one vector after the other."""
        if len(values) == 1:
            return values[0]
        size = sum(value.size for value in values)
        return self._step("concatenate", values, size, values[0].dtype)

    def take(self, x: Value, positions: int | slice | Sequence[int]) -> Value:
        """Return some of the numbers."""
        places = np.atleast_1d(np.arange(x.size)[positions])
        if len(places) == x.size and (places == np.arange(x.size)).all():
            return x
        if x.constant is not None:
            return self.constant(x.constant[places])
        return self._step(
            "take", [x], len(places), x.dtype, positions=places.astype(np.int64)
        )

    def dense(
        self, x: Value, weights: NDArray[Any], bias: NDArray[Any] | None = None
    ) -> Value:
        """Return `x @ weights + bias`; weights of shape (x.size, size)."""
        matrix = np.asarray(weights, dtype=x.dtype)
        row = None if bias is None else np.asarray(bias, dtype=x.dtype)
        return self._step(
            "dense", [x], matrix.shape[1], x.dtype, weights=matrix, bias=row
        )

    def embedding(
        self,
        x: Value,
        function: Literal["cosine", "ramp"],
        terms: tuple[NDArray[Any], NDArray[Any]],
        weights: NDArray[Any],
        bias: NDArray[Any],
    ) -> Value:
        """Return sums of functions of each number, which are its own.

        With the terms (a, b), of shape (x.size, n_terms), those of a number are
        `cos(a x + b)`, or `(x - b) / a`, at least 0 and at most 1. Their products with
        the weights, of shape (x.size, n_terms, n_out), follow number by number; the
        bias, of shape (x.size * n_out,), is added.
        """
        first, second = (np.asarray(part, dtype=x.dtype) for part in terms)
        blocks = np.asarray(weights, dtype=x.dtype)
        return self._step(
            "embedding",
            [x],
            blocks.shape[0] * blocks.shape[2],
            x.dtype,
            function=function,
            a=first,
            b=second,
            weights=blocks,
            bias=np.asarray(bias, dtype=x.dtype),
        )

    def lookup(self, code: Value, table: NDArray[Any]) -> Value:
        """Return the row of a table, of shape (n_rows, size), that a code names."""
        rows = np.asarray(table)
        return self._step(
            "lookup",
            [code],
            rows.shape[1],
            str(rows.dtype),  # type: ignore[arg-type]
            table=rows,
        )

    def sum(self, x: Value) -> Value:
        """Return the sum of all numbers."""
        return x if x.size == 1 else self._step("sum", [x], 1, x.dtype)

    def max(self, x: Value) -> Value:
        """Return the largest of all numbers, none of which is undefined."""
        return x if x.size == 1 else self._step("max", [x], 1, x.dtype)

    def argmax(self, x: Value) -> Value:
        """Return the position of the largest number, the first of equal ones."""
        return self._step("argmax", [x], 1, "int64")

    def trees(self, x: Value, ensemble: TreeEnsemble) -> Value:
        """Return the sums of decision trees, in double precision."""
        size = len(ensemble.start)
        return self._step("trees", [x], size, "float64", ensemble=ensemble)

    def call(self, other: Program, arguments: Sequence[Value]) -> tuple[Value, ...]:
        """Return the outputs of another program."""
        return self._steps("call", arguments, other, program=other)

    def switch(
        self, case: Value, others: Sequence[Program], arguments: Sequence[Value]
    ) -> tuple[Value, ...]:
        """Return the outputs of that one of several programs which a number names.

        They have the same inputs and outputs. Only the program that is named is run.
        """
        inputs = [case, *arguments]
        return self._steps("switch", inputs, others[0], programs=list(others))

    def all_programs(self) -> list[Program]:
        """Return all programs that this one needs, those before it that it calls."""
        found: list[Program] = []
        for step in self.steps:
            called = step.attributes.get("programs", [])
            called = [*called, *filter(None, [step.attributes.get("program")])]
            for other in called:
                found += [p for p in other.all_programs() if p not in found]
        return [*found, self]

    def simplify(self) -> Program:
        """Leave out steps that nothing comes of, and detours of single numbers.

        Numbers that are taken from one vector one by one, and then put together, are
        taken at once.
        """
        made_by: dict[Value, Step] = {}
        same: dict[Value, Value] = {}
        for step in self.steps:
            inputs = tuple(same.get(value, value) for value in step.inputs)
            known = _shorter(
                Step(step.operation, inputs, step.outputs, step.attributes), made_by
            )
            made_by |= dict.fromkeys(known.outputs, known)
            if known.operation == "take" and _takes_all(known):
                same[known.outputs[0]] = known.inputs[0]
        self.outputs = {name: same.get(v, v) for name, v in self.outputs.items()}
        needed = set(self.outputs.values())
        steps = []
        for step in reversed(dict.fromkeys(made_by.values())):
            if needed.intersection(step.outputs):
                steps.append(step)
                needed.update(step.inputs)
        self.steps = steps[::-1]
        return self

    def _step(
        self,
        operation: str,
        inputs: Sequence[Value],
        size: int,
        dtype: DType,
        **attributes: Any,
    ) -> Value:
        value = Value(self, size, dtype)
        self.steps.append(Step(operation, tuple(inputs), (value,), attributes))
        return value

    def _steps(
        self, operation: str, inputs: Sequence[Value], like: Program, **attributes: Any
    ) -> tuple[Value, ...]:
        outputs = tuple(Value(self, v.size, v.dtype) for v in like.outputs.values())
        self.steps.append(Step(operation, tuple(inputs), outputs, attributes))
        return outputs


def _shorter(step: Step, made_by: Mapping[Value, Step]) -> Step:
    """Return a step that takes numbers from where they come from."""
    if step.operation not in ("take", "concatenate"):
        return step
    makers = [made_by.get(value) for value in step.inputs]
    takes = [m for m in makers if m is not None and m.operation == "take"]
    sources = {m.inputs[0] for m in takes}
    if len(takes) < len(makers) or len(sources) > 1:
        return step
    positions = np.concatenate([m.attributes["positions"] for m in takes])
    if step.operation == "take":
        positions = positions[step.attributes["positions"]]
    return Step("take", (sources.pop(),), step.outputs, {"positions": positions})


def _takes_all(step: Step) -> bool:
    everything = np.arange(step.inputs[0].size)
    return np.array_equal(step.attributes["positions"], everything)
