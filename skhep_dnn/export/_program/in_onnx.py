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

    Attributes
    ----------
    nodes : list of onnx.NodeProto
        In the order in which they are computed.
    initializers : list of onnx.TensorProto
        The constants, each once.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self._known: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._names: dict[str, int] = {}
        names = {value: name for name, value in program.inputs.items()}
        outputs = self._write(program, names)
        for name, inner in zip(program.outputs, outputs, strict=True):
            self.node("Identity", [inner], name=name)

    def inputs_and_outputs(
        self,
    ) -> tuple[list[onnx.ValueInfoProto], list[onnx.ValueInfoProto]]:
        """Return what comes in and goes out: names, kinds and shapes."""
        from onnx import helper  # noqa: PLC0415 - an optional dependency

        def told(values: dict[str, Value]) -> list[onnx.ValueInfoProto]:
            return [
                helper.make_tensor_value_info(
                    name, onnx_dtype(value.dtype), ["n_events", value.size]
                )
                for name, value in values.items()
            ]

        return told(self.program.inputs), told(self.program.outputs)

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
        self._names[what] = self._names.get(what, -1) + 1
        return f"{what}_{self._names[what]}"

    def _write(self, program: Program, names: dict[Value, str]) -> list[str]:
        """Write the steps of a program, and return the names of its outputs."""
        for step in program.steps:
            inputs = [self._name(value, names) for value in step.inputs]
            if step.operation in ELEMENTWISE:
                operator = ELEMENTWISE[step.operation].onnx
                results = [self.node(operator, inputs)]
            else:
                results = _WRITERS[step.operation](self, step, inputs)
            names |= dict(zip(step.outputs, results, strict=True))
        return [self._name(value, names) for value in program.outputs.values()]

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


def _take(graph: OnnxGraph, step: Step, x: list[str]) -> list[str]:
    places = step.attributes["positions"]
    if (np.diff(places) == 1).all():
        ends = [np.array([n]) for n in (places[0], places[-1] + 1, 1)]
        return [graph.node("Slice", [x[0], *map(graph.constant, ends)])]
    return [graph.node("Gather", [x[0], graph.constant(places)], axis=1)]


def _dense(graph: OnnxGraph, step: Step, x: list[str]) -> list[str]:
    weights = graph.constant(step.attributes["weights"], "weights")
    if step.attributes["bias"] is None:
        return [graph.node("MatMul", [x[0], weights])]
    bias = graph.constant(step.attributes["bias"], "bias")
    return [graph.node("Gemm", [x[0], weights, bias])]


def _grouped(graph: OnnxGraph, step: Step, x: list[str]) -> list[str]:
    weights = step.attributes["weights"]
    n_groups, n_in, n_out = weights.shape

    def shaped(name: str, *shape: int) -> str:
        return graph.node("Reshape", [name, graph.constant(np.array([0, *shape]))])

    groups = graph.node("Transpose", [shaped(x[0], n_groups, n_in)], perm=[1, 0, 2])
    products = graph.node("MatMul", [groups, graph.constant(weights, "weights")])
    events = graph.node("Transpose", [products], perm=[1, 0, 2])
    return [
        graph.node(
            "Add",
            [shaped(events, n_groups * n_out), graph.constant(step.attributes["bias"])],
        )
    ]


def _lookup(graph: OnnxGraph, step: Step, x: list[str]) -> list[str]:
    code = graph.node("Reshape", [x[0], graph.constant(np.array([-1]))])
    table = graph.constant(step.attributes["table"], "table")
    return [graph.node("Gather", [table, code], axis=0)]


def _sum(graph: OnnxGraph, _: Step, x: list[str]) -> list[str]:
    axes = graph.constant(np.array([1]))
    return [graph.node("ReduceSum", [x[0], axes], keepdims=1)]


def _trees(graph: OnnxGraph, step: Step, x: list[str]) -> list[str]:
    sums = graph.node(
        "TreeEnsembleRegressor",
        x,
        domain="ai.onnx.ml",
        **_tree_attributes(step.attributes["ensemble"]),
    )
    return [graph.node("Cast", [sums], to=onnx_dtype("float64"))]


def _tree_attributes(trees: TreeEnsemble) -> dict[str, Any]:
    from onnx import numpy_helper  # noqa: PLC0415 - an optional dependency

    # Nodes are numbered in each tree from 0 on, its root first.
    starts = np.append(trees.roots, len(trees.features))
    tree_of = np.repeat(np.arange(len(trees.roots)), np.diff(starts))
    own = np.arange(len(trees.features)) - trees.roots[tree_of]
    is_leaf = trees.features < 0
    below = trees.roots[tree_of]
    values = np.where(is_leaf, 0.0, trees.thresholds)
    return {
        "n_targets": len(trees.start),
        "aggregate_function": "SUM",
        "base_values_as_tensor": numpy_helper.from_array(trees.start),
        "nodes_treeids": tree_of.tolist(),
        "nodes_nodeids": own.tolist(),
        "nodes_featureids": np.maximum(trees.features, 0).tolist(),
        "nodes_modes": np.where(is_leaf, "LEAF", "BRANCH_LEQ").tolist(),
        "nodes_values_as_tensor": numpy_helper.from_array(values),
        "nodes_truenodeids": np.where(is_leaf, 0, trees.left - below).tolist(),
        "nodes_falsenodeids": np.where(is_leaf, 0, trees.right - below).tolist(),
        "nodes_missing_value_tracks_true": (
            trees.missing_left.astype(np.int64).tolist()
        ),
        "target_treeids": tree_of[is_leaf].tolist(),
        "target_nodeids": own[is_leaf].tolist(),
        "target_ids": trees.outputs[tree_of[is_leaf]].tolist(),
        "target_weights_as_tensor": numpy_helper.from_array(trees.thresholds[is_leaf]),
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
    "concatenate": lambda graph, _, x: [graph.node("Concat", x, axis=1)],
    "take": _take,
    "dense": _dense,
    "grouped": _grouped,
    "lookup": _lookup,
    "sum": _sum,
    "max": lambda graph, _, x: [graph.node("ReduceMax", x, axes=[1], keepdims=1)],
    "argmax": lambda graph, _, x: [graph.node("ArgMax", x, axis=1, keepdims=1)],
    "trees": _trees,
    "call": _call,
    "switch": _switch,
}
