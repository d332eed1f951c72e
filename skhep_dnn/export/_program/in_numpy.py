"""A program evaluated by NumPy, all events at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skhep_dnn.export._program.operations import ELEMENTWISE
from skhep_dnn.export._program.program import Program, Step, TreeEnsemble, Value

__all__ = ["evaluate", "sums_of_trees"]

Array = NDArray[Any]


def evaluate(program: Program, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Return the outputs of a program for many events.

    Parameters
    ----------
    program : Program
        What is done to one event.
    inputs : mapping of str to ndarray of shape (n_events, size)
        What comes in, by name.

    Returns
    -------
    outputs : dict of str to ndarray of shape (n_events, size)

    Examples
    --------
    >>> program = Program("example")
    >>> program.outputs["y"] = program.sum(2.0 * program.input("x", 2))
    >>> evaluate(program, {"x": np.array([[1.0, 2.0]], dtype=np.float32)})
    {'y': array([[6.]], dtype=float32)}
    """
    known: dict[Value, Array] = {}
    n_events = 1
    for name, value in program.inputs.items():
        known[value] = np.asarray(inputs[name], dtype=value.dtype)
        n_events = len(known[value])

    def number(value: Value) -> Array:
        return (
            value.constant[np.newaxis] if value.constant is not None else known[value]
        )

    with np.errstate(all="ignore"):
        for step in program.steps:
            results = _results(step, [number(value) for value in step.inputs])
            known |= dict(zip(step.outputs, results, strict=True))
    return {
        name: np.broadcast_to(number(value), (n_events, value.size))
        for name, value in program.outputs.items()
    }


def sums_of_trees(ensemble: TreeEnsemble, X: Array) -> NDArray[np.float64]:
    """Return the sums of the leaves that events reach: (n_events, n_outputs)."""
    result = np.tile(ensemble.start, (len(X), 1))
    n_values = ensemble.values.shape[1]
    columns = np.ascontiguousarray(X.T, dtype=np.float64)
    for root, output in zip(ensemble.roots, ensemble.outputs, strict=True):
        node = np.full(len(X), root)
        events = np.flatnonzero(ensemble.features[node] >= 0)
        while len(events):  # those that have not come to a leaf
            at = node[events]
            x = columns[ensemble.features[at], events]
            goes_left = x <= ensemble.thresholds[at]
            goes_left |= np.isnan(x) & ensemble.missing_left[at]
            node[events] = np.where(goes_left, ensemble.left[at], ensemble.right[at])
            events = events[ensemble.features[node[events]] >= 0]
        result[:, output : output + n_values] += ensemble.values[ensemble.left[node]]
    return result


def _results(step: Step, x: list[Array]) -> tuple[Array, ...]:
    if step.operation in ELEMENTWISE:
        result = ELEMENTWISE[step.operation].numpy(*x)
        return (np.asarray(result, dtype=step.outputs[0].dtype),)
    return _OTHERS[step.operation](step, x)


def _dense(step: Step, x: list[Array]) -> tuple[Array]:
    products = x[0] @ step.attributes["weights"]
    bias = step.attributes["bias"]
    return (products if bias is None else products + bias,)


def _embedding(step: Step, x: list[Array]) -> tuple[Array]:
    known = step.attributes
    z, a, b = x[0][:, :, np.newaxis], known["a"], known["b"]
    cosine = known["function"] == "cosine"
    terms = np.cos(a * z + b) if cosine else np.clip((z - b) / a, 0.0, 1.0)
    products = np.einsum("net,eto->neo", terms, known["weights"])
    return (products.reshape(len(z), -1) + known["bias"],)


def _call(step: Step, x: list[Array]) -> tuple[Array, ...]:
    return _run(step.attributes["program"], x)


def _switch(step: Step, x: list[Array]) -> tuple[Array, ...]:
    case, *arguments = x
    results = [np.empty((len(case), v.size), dtype=v.dtype) for v in step.outputs]
    for k, program in enumerate(step.attributes["programs"]):
        rows = np.flatnonzero(case[:, 0] == k)
        parts = _run(program, [argument[rows] for argument in arguments])
        for result, part in zip(results, parts, strict=True):
            result[rows] = part
    return tuple(results)


def _run(program: Program, x: list[Array]) -> tuple[Array, ...]:
    return tuple(evaluate(program, dict(zip(program.inputs, x, strict=True))).values())


_OTHERS: dict[str, Callable[[Step, list[Array]], tuple[Array, ...]]] = {
    "is_nan": lambda _, x: (np.isnan(x[0]),),
    "cast": lambda step, x: (x[0].astype(step.outputs[0].dtype),),
    "concatenate": lambda _, x: (_joined(x),),
    "take": lambda step, x: (x[0][:, step.attributes["positions"]],),
    "dense": _dense,
    "embedding": _embedding,
    "lookup": lambda step, x: (step.attributes["table"][x[0][:, 0]],),
    "sum": lambda _, x: (x[0].sum(axis=1, keepdims=True),),
    "max": lambda _, x: (x[0].max(axis=1, keepdims=True),),
    "argmax": lambda _, x: (x[0].argmax(axis=1)[:, np.newaxis],),
    "trees": lambda step, x: (sums_of_trees(step.attributes["ensemble"], x[0]),),
    "call": _call,
    "switch": _switch,
}


def _joined(x: list[Array]) -> Array:
    n_events = max(len(part) for part in x)  # constants have one row
    return np.concatenate(
        [np.broadcast_to(part, (n_events, part.shape[1])) for part in x], axis=1
    )
