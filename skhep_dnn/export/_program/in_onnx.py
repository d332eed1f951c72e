"""A program written down as a graph of ONNX.

A value of `size` numbers becomes a tensor of shape `(n_events, size)`. Programs that
are called are written in place, their constants once. IR version 8 and opset 17 are
what runtimes since 2022 read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skhep_dnn.export._program.composites import composite
from skhep_dnn.export._program.operations import ELEMENTWISE
from skhep_dnn.export._program.program import Program, Step, TreeEnsemble, Value

if TYPE_CHECKING:
    import onnx

__all__ = ["IR_VERSION", "OPSET", "TREE_OPSET", "OnnxGraph", "onnx_dtype"]

IR_VERSION = 8
OPSET = 17
TREE_OPSET = 3  # of the domain ai.onnx.ml, that which belongs to opset 17


class OnnxGraph:
    """Nodes and constants of one program.

    Parameters
    ----------
    program : Program
        What is written down, simplified.
    basic : bool, default=False
        Whether operators are avoided that the readers of experiments lack: logic,
        floors, tests of nan and largest numbers are written by comparisons, choices and
        conversions.

    Attributes
    ----------
    nodes : list of onnx.NodeProto
        In the order in which they are computed.
    initializers : list of onnx.TensorProto
        The constants, each once.
    outputs : dict of str to str
        Names of the tensors of the outputs of the program.
    """

    def __init__(self, program: Program, *, basic: bool = False) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self._writers = _WRITERS | (_BASIC_WRITERS if basic else {})
        self._known: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._names: dict[str, int] = {}
        names = {value: name for name, value in program.inputs.items()}
        self._taken = set(program.inputs)
        outputs = self._write(program, names)
        self.outputs = dict(zip(program.outputs, outputs, strict=True))

    def node(
        self,
        operator: str,
        inputs: Sequence[str],
        *,
        name: str | None = None,
        domain: str = "",
        n_outputs: int = 1,
        **attributes: Any,
    ) -> str:
        """Add a node, and return the name of its (first) output."""
        from onnx import helper  # noqa: PLC0415 - an optional dependency

        name = self._new(operator.lower()) if name is None else name
        outputs = [name, *(f"{name}_{k}" for k in range(1, n_outputs))]
        self.nodes.append(
            helper.make_node(operator, inputs, outputs, domain=domain, **attributes)
        )
        return name

    def constant(self, array: NDArray[Any], what: str = "constant") -> str:
        """Add a constant, unless it is there already, and return its name."""
        from onnx import numpy_helper  # noqa: PLC0415 - an optional dependency

        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._known:
            self._known[key] = self._new(what)
            self.initializers.append(
                numpy_helper.from_array(np.ascontiguousarray(array), self._known[key])
            )
        return self._known[key]

    def _new(self, what: str) -> str:
        """Return a name that no column has."""
        self._names[what] = self._names.get(what, -1) + 1
        name = f"{what}_{self._names[what]}"
        return self._new(what) if name in self._taken else name

    def _write(self, program: Program, names: dict[Value, str]) -> list[str]:
        """Write the steps of a program, and return the names of its outputs."""
        for step in program.steps:
            inputs = [self._name(value, names) for value in step.inputs]
            writer = self._writers.get(step.operation)
            if writer is None:
                results = self._elementwise(step, inputs)
            else:
                results = writer(self, step, inputs)
            names |= dict(zip(step.outputs, results, strict=True))
        return [self._name(value, names) for value in program.outputs.values()]

    def _elementwise(self, step: Step, inputs: list[str]) -> list[str]:
        operator = ELEMENTWISE[step.operation].onnx
        if operator is None:
            return self.inline(composite(step.operation, step.inputs), inputs)
        return [self.node(operator, inputs)]

    def _name(self, value: Value, names: dict[Value, str]) -> str:
        if value.constant is None:
            return names[value]
        return self.constant(value.constant[np.newaxis])

    def inline(self, program: Program, inputs: Sequence[str]) -> list[str]:
        """Write a program in place."""
        names = dict(zip(program.inputs.values(), inputs, strict=True))
        return self._write(program, names)


def onnx_dtype(dtype: str) -> int:
    """Return the number that ONNX has for a kind of numbers."""
    from onnx import helper  # noqa: PLC0415 - an optional dependency

    return int(helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))


def _cast(graph: OnnxGraph, step: Step, x: list[str]) -> list[str]:
    return [graph.node("Cast", x, to=onnx_dtype(step.outputs[0].dtype))]


def _slice(graph: OnnxGraph, name: str, start: int, end: int) -> str:
    """Return some columns side by side."""
    ends = [graph.constant(np.array([n])) for n in (start, end, 1)]
    return graph.node("Slice", [name, *ends])


def _concatenate(graph: OnnxGraph, step: Step, x: list[str]) -> list[str]:
    """Write vectors one after the other; a constant gets a row for each event."""
    known = [value.constant is not None for value in step.inputs]
    if any(known) and not all(known):
        column = x[known.index(False)]
        one = graph.constant(np.array([1]))
        n_events = graph.node("Shape", [column], start=0, end=1)
        shape = graph.node("Concat", [n_events, one], axis=0)
        x = [
            graph.node("Expand", [name, shape]) if constant else name
            for name, constant in zip(x, known, strict=True)
        ]
    return [graph.node("Concat", x, axis=1)]


def _take(graph: OnnxGraph, step: Step, x: list[str]) -> list[str]:
    places = step.attributes["positions"]
    if (np.diff(places) == 1).all():
        return [_slice(graph, x[0], places[0], places[-1] + 1)]
    return [graph.node("Gather", [x[0], graph.constant(places)], axis=1)]


def _dense(graph: OnnxGraph, step: Step, x: list[str]) -> list[str]:
    weights = graph.constant(step.attributes["weights"], "weights")
    if step.attributes["bias"] is None:
        return [graph.node("MatMul", [x[0], weights])]
    bias = graph.constant(step.attributes["bias"], "bias")
    return [graph.node("Gemm", [x[0], weights, bias])]


def _embedding(graph: OnnxGraph, step: Step, x: list[str]) -> list[str]:
    """Write products of matrices, which are faster than repetition and transposition.

    What is 0 in them costs less than moving numbers around would, as long as there are
    only some numbers.
    """
    known = step.attributes
    a, b, weights = known["a"], known["b"], known["weights"]
    n_numbers, n_terms, n_out = weights.shape
    own = np.arange(n_numbers)
    spread = np.zeros((n_numbers, n_numbers, n_terms), a.dtype)
    spread[own, own] = a if known["function"] == "cosine" else 1.0
    matrix = graph.constant(spread.reshape(n_numbers, -1))
    if known["function"] == "cosine":
        terms = graph.node("Gemm", [x[0], matrix, graph.constant(b.ravel())])
        terms = graph.node("Cos", [terms])
    else:
        terms = graph.node("MatMul", [x[0], matrix])
        terms = graph.node("Sub", [terms, graph.constant(b.reshape(1, -1))])
        terms = graph.node("Div", [terms, graph.constant(a.reshape(1, -1))])
        limits = [graph.constant(np.full((1, 1), n, a.dtype)) for n in (0, 1)]
        terms = graph.node("Max", [terms, limits[0]])
        terms = graph.node("Min", [terms, limits[1]])
    blocks = np.zeros((n_numbers, n_terms, n_numbers, n_out), a.dtype)
    blocks[own, :, own] = weights
    matrix = graph.constant(blocks.reshape(n_numbers * n_terms, -1), "weights")
    return [graph.node("Gemm", [terms, matrix, graph.constant(known["bias"], "bias")])]


def _lookup(graph: OnnxGraph, step: Step, x: list[str]) -> list[str]:
    code = graph.node("Reshape", [x[0], graph.constant(np.array([-1]))])
    table = graph.constant(step.attributes["table"], "table")
    return [graph.node("Gather", [table, code], axis=0)]


def _sum(graph: OnnxGraph, _: Step, x: list[str]) -> list[str]:
    axes = graph.constant(np.array([1]))
    return [graph.node("ReduceSum", [x[0], axes], keepdims=1)]


def _trees(graph: OnnxGraph, step: Step, x: list[str]) -> list[str]:
    """Write sums of leaves in double precision, though the operator has float32 sums.

    Each leaf is parted in two numbers: one with so few digits that float32 holds the
    sum of all of them exactly, and the rest, which is small.
    """
    ensemble = step.attributes["ensemble"]
    # Thresholds of double precision are compared with numbers of the same kind.
    values = graph.node("Cast", x, to=onnx_dtype("float64"))
    sums = graph.node(
        "TreeEnsembleRegressor",
        [values],
        domain="ai.onnx.ml",
        **_tree_attributes(ensemble),
        **_leaf_attributes(ensemble),
    )
    n = len(ensemble.start)
    double = graph.node("Cast", [sums], to=onnx_dtype("float64"))
    parts = [_slice(graph, double, 0, n), _slice(graph, double, n, 2 * n)]
    return [graph.node("Add", parts)]


def _numbered_in_trees(
    trees: TreeEnsemble,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the tree of each node, and its number there: the root has number 0."""
    sizes = np.diff(np.append(trees.roots, len(trees.features)))
    tree_of = np.repeat(np.arange(len(trees.roots)), sizes)
    return tree_of, np.arange(len(trees.features)) - trees.roots[tree_of]


def _tree_attributes(trees: TreeEnsemble) -> dict[str, Any]:
    from onnx import numpy_helper  # noqa: PLC0415 - an optional dependency

    tree_of, own = _numbered_in_trees(trees)
    first = trees.roots[tree_of]
    is_leaf = trees.features < 0
    return {
        "aggregate_function": "SUM",
        "nodes_treeids": tree_of.tolist(),
        "nodes_nodeids": own.tolist(),
        "nodes_featureids": np.maximum(trees.features, 0).tolist(),
        "nodes_modes": np.where(is_leaf, "LEAF", "BRANCH_LEQ").tolist(),
        "nodes_values_as_tensor": numpy_helper.from_array(trees.thresholds),
        "nodes_truenodeids": np.where(is_leaf, 0, trees.left - first).tolist(),
        "nodes_falsenodeids": np.where(is_leaf, 0, trees.right - first).tolist(),
        "nodes_missing_value_tracks_true": (
            trees.missing_left.astype(np.int64).tolist()
        ),
    }


def _leaf_attributes(trees: TreeEnsemble) -> dict[str, Any]:
    """Return the leaves: each is named once for each of its values, and its rest."""
    from onnx import numpy_helper  # noqa: PLC0415 - an optional dependency

    tree_of, own = _numbered_in_trees(trees)
    leaves = np.flatnonzero(trees.features < 0)
    values = trees.values[trees.left[leaves]]
    # Multiples of the step that are not above the bound have 23 bits.
    largest = np.zeros(len(trees.roots))
    np.maximum.at(largest, tree_of[leaves], np.abs(values).max(axis=1))
    bound = largest.sum() + np.abs(trees.start).max()
    step = 2.0 ** (np.ceil(np.log2(max(bound, np.finfo(np.float32).tiny))) - 23.0)
    coarse, start = (np.round(a / step) * step for a in (values, trees.start))
    n_outputs, n_values = len(start), values.shape[1]
    targets = trees.outputs[tree_of[leaves]][:, np.newaxis] + np.arange(n_values)
    weights = np.hstack([coarse, values - coarse])
    return {
        "n_targets": 2 * n_outputs,
        "base_values_as_tensor": numpy_helper.from_array(
            np.concatenate([start, trees.start - start])
        ),
        "target_treeids": np.repeat(tree_of[leaves], 2 * n_values).tolist(),
        "target_nodeids": np.repeat(own[leaves], 2 * n_values).tolist(),
        "target_ids": np.hstack([targets, targets + n_outputs]).ravel().tolist(),
        "target_weights_as_tensor": numpy_helper.from_array(weights.ravel()),
    }


def _call(graph: OnnxGraph, step: Step, x: list[str]) -> list[str]:
    return graph.inline(step.attributes["program"], x)


def _switch(graph: OnnxGraph, step: Step, x: list[str]) -> list[str]:
    """Write each program for the events of its case alone, and put them together."""
    case, *arguments = x
    flat = graph.constant(np.array([-1]))
    all_rows, all_parts = [], []
    for k, program in enumerate(step.attributes["programs"]):
        is_case = graph.node("Equal", [case, graph.constant(np.array([[k]]))])
        found = graph.node("NonZero", [graph.node("Reshape", [is_case, flat])])
        rows = graph.node("Reshape", [found, flat])
        chosen = [graph.node("Gather", [name, rows], axis=0) for name in arguments]
        all_parts.append(graph.inline(program, chosen))
        all_rows.append(rows)
    rows = graph.node("Concat", all_rows, axis=0)
    places = graph.node("Unsqueeze", [rows, graph.constant(np.array([1]))])
    results = []
    for value, parts in zip(step.outputs, zip(*all_parts, strict=True), strict=True):
        whole = graph.node("Concat", list(parts), axis=0)
        zeros = graph.node("Mul", [whole, graph.constant(np.zeros(1, value.dtype))])
        results.append(graph.node("ScatterND", [zeros, places, whole]))
    return results


Writer = Callable[[OnnxGraph, Step, list[str]], list[str]]
_WRITERS: dict[str, Writer] = {
    "is_nan": lambda graph, _, x: [graph.node("IsNaN", x)],
    "cast": _cast,
    "concatenate": _concatenate,
    "take": _take,
    "dense": _dense,
    "embedding": _embedding,
    "lookup": _lookup,
    "sum": _sum,
    "max": lambda graph, _, x: [graph.node("ReduceMax", x, axes=[1], keepdims=1)],
    "argmax": lambda graph, _, x: [graph.node("ArgMax", x, axis=1, keepdims=1)],
    "trees": _trees,
    "call": _call,
    "switch": _switch,
}


# Without operators for logic, floors and largest numbers.


def _as_numbers(graph: OnnxGraph, condition: str) -> str:
    """Return 1 where a condition holds, else 0."""
    limits = [graph.constant(np.full((1, 1), n, np.float32)) for n in (1, 0)]
    return graph.node("Where", [condition, *limits])


def _as_condition(graph: OnnxGraph, number: str) -> list[str]:
    return [graph.node("Greater", [number, _half(graph)])]


def _half(graph: OnnxGraph) -> str:
    return graph.constant(np.full((1, 1), 0.5, np.float32))


def _basic_not(graph: OnnxGraph, _: Step, x: list[str]) -> list[str]:
    return [graph.node("Less", [_as_numbers(graph, x[0]), _half(graph)])]


def _basic_and(graph: OnnxGraph, _: Step, x: list[str]) -> list[str]:
    numbers = [_as_numbers(graph, name) for name in x]
    return _as_condition(graph, graph.node("Min", numbers))


def _basic_or(graph: OnnxGraph, _: Step, x: list[str]) -> list[str]:
    numbers = [_as_numbers(graph, name) for name in x]
    return _as_condition(graph, graph.node("Max", numbers))


def _basic_is_nan(graph: OnnxGraph, step: Step, x: list[str]) -> list[str]:
    return _basic_not(graph, step, [graph.node("Equal", [x[0], x[0]])])


def _basic_floor(graph: OnnxGraph, _: Step, x: list[str]) -> list[str]:
    """Cut the digits off, which goes towards 0, and go on by 1 where that is up."""
    whole = graph.node("Cast", x, to=onnx_dtype("int64"))
    cut = graph.node("Cast", [whole], to=onnx_dtype("float32"))
    is_up = _as_numbers(graph, graph.node("Greater", [cut, x[0]]))
    return [graph.node("Sub", [cut, is_up])]


def _basic_max(graph: OnnxGraph, step: Step, x: list[str]) -> list[str]:
    """Compare halves with each other until one number is left."""
    name, size = x[0], step.inputs[0].size
    while size > 1:
        half = (size + 1) // 2
        first = _slice(graph, name, 0, half)
        second = _slice(graph, name, size - half, size)
        name, size = graph.node("Max", [first, second]), half
    return [name]


def _basic_cast(graph: OnnxGraph, step: Step, x: list[str]) -> list[str]:
    if step.inputs[0].dtype == "bool":
        return [_as_numbers(graph, x[0])]
    return _cast(graph, step, x)


_BASIC_WRITERS: dict[str, Writer] = {
    "cast": _basic_cast,
    "floor": _basic_floor,
    "is_nan": _basic_is_nan,
    "logical_and": _basic_and,
    "logical_not": _basic_not,
    "logical_or": _basic_or,
    "max": _basic_max,
}
