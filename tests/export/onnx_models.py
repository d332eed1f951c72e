"""Programs and fitted models, as they are run by NumPy and by onnxruntime."""

import numpy as np

from skhep_dnn.export._program.in_numpy import evaluate
from skhep_dnn.export._program.in_onnx import IR_VERSION, OPSET, TREE_OPSET, OnnxGraph
from skhep_dnn.export._scoring_program import scoring_program


def run_program(program, arrays):
    """Outputs of a program by onnxruntime, of a file that is checked."""
    import onnx
    import onnxruntime

    graph = OnnxGraph(program)
    inputs, outputs = graph.inputs_and_outputs()
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
    names = list(program.outputs)
    return dict(zip(names, session.run(names, arrays), strict=True))


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
