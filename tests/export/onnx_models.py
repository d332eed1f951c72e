"""Programs and fitted models, as they are run by NumPy and by onnxruntime."""

import numpy as np
import onnx
import onnxruntime

from skhep_dnn.export._lowering.lowering import InputColumn, Inputs, Lowering, Table
from skhep_dnn.export._lowering.rules import REASONS, SCORE_RULES, TRANSFORM_RULES
from skhep_dnn.export._program.in_numpy import evaluate
from skhep_dnn.export._program.in_onnx import (
    IR_VERSION,
    OPSET,
    TREE_OPSET,
    OnnxGraph,
    onnx_dtype,
)
from skhep_dnn.export._program.program import Program
from skhep_dnn.export._scoring_program import scoring_program


def run_program(program, arrays):
    """Outputs of a program by onnxruntime, of a file that is checked."""
    graph = OnnxGraph(program)
    for name, tensor in graph.outputs.items():
        graph.node("Identity", [tensor], name=f"output_{name}")
    inputs, outputs = (
        [
            onnx.helper.make_tensor_value_info(
                prefix + name, onnx_dtype(value.dtype), ["n_events", value.size]
            )
            for name, value in values.items()
        ]
        for prefix, values in (("", program.inputs), ("output_", program.outputs))
    )
    model = onnx.helper.make_model(
        onnx.helper.make_graph(
            graph.nodes, "model", inputs, outputs, initializer=graph.initializers
        ),
        ir_version=IR_VERSION,
        opset_imports=[
            onnx.helper.make_opsetid("", OPSET),
            onnx.helper.make_opsetid("ai.onnx.ml", TREE_OPSET),
        ],
    )
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    names = [f"output_{name}" for name in program.outputs]
    return dict(zip(program.outputs, session.run(names, arrays), strict=True))


def as_decision(values):
    """The decision function as scikit-learn has it: one column is none."""
    return values[:, 0] if values.shape[1] == 1 else values


def check_export(model, X, *, exact=1e-6, tolerance=1e-5, dtype="auto", **numbers):
    """Compare both forms of a program with the model in Python, event by event."""
    scoring = scoring_program(model, X, dtype=dtype, **numbers)
    arrays = scoring.arrays(X, **numbers)
    given = (X, *numbers.values())
    probability = model.predict_proba(*given)
    decision = model.decision_function(*given)
    in_numpy = evaluate(scoring.program, arrays)
    in_onnx = run_program(scoring.program, arrays)
    for found, limit in ((in_numpy, exact), (in_onnx, tolerance)):
        np.testing.assert_allclose(
            found["probability"], probability, rtol=0.0, atol=limit
        )
        # A logit of 20 has float32 digits only to 1e-6 of it.
        np.testing.assert_allclose(
            as_decision(found["decision"]), decision, rtol=30 * limit, atol=30 * limit
        )
    return scoring


def transformed_program(step, X, dtype):
    """Program from the columns of a table to those that a step makes, and names."""
    program = Program("step")
    inputs = Inputs(program, dtype)
    columns = tuple(InputColumn(inputs, i) for i in range(X.shape[1]))
    names = tuple(X.columns) if hasattr(X, "columns") else None
    lowering = Lowering(SCORE_RULES, TRANSFORM_RULES, reasons=REASONS)
    table = lowering.transformed(step, Table(program, columns, names))
    program.outputs["columns"] = table.vector(table.kind())
    inputs.declare({i: f"x{i}" for i in range(X.shape[1])})
    return program.simplify(), table


def check_transformer(step, X, dtype="float64", rtol=1e-6):
    """Compare both forms of a step with the step in Python, value by value."""
    program, table = transformed_program(step, X, dtype)
    x = np.asarray(X, dtype=dtype)
    arrays = {name: x[:, [int(name[1:])]] for name in program.inputs}
    expected = step.transform(X)
    if hasattr(expected, "columns"):
        assert list(expected.columns) == list(table.names)
    else:
        assert table.names is None
    expected = np.asarray(expected)
    in_numpy = evaluate(program, arrays)["columns"]
    in_onnx = run_program(program, arrays)["columns"]
    scale = np.finfo(dtype).eps * 1e4
    for found in (in_numpy, in_onnx):
        assert found.dtype == dtype
        # Of numbers near 0, differences of large ones, no digit may be the same.
        np.testing.assert_allclose(found, expected, rtol=rtol, atol=scale)
    return program
