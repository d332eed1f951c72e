"""An exported model against Python: in NumPy, and by onnxruntime."""

import numpy as np
import onnx
import onnxruntime

from skhep_dnn.export._program.in_numpy import evaluate
from skhep_dnn.export._program.in_onnx import IR_VERSION, OPSET, TREE_OPSET, OnnxGraph
from skhep_dnn.export._scoring_program import scoring_program


def onnx_outputs(program, arrays):
    """Return what onnxruntime makes of the inputs of a program."""
    graph = OnnxGraph(program)
    inputs, outputs = graph.inputs_and_outputs()
    whole = onnx.helper.make_graph(
        graph.nodes, "model", inputs, outputs, graph.initializers
    )
    opsets = [
        onnx.helper.make_opsetid("", OPSET),
        onnx.helper.make_opsetid("ai.onnx.ml", TREE_OPSET),
    ]
    model = onnx.helper.make_model(whole, ir_version=IR_VERSION, opset_imports=opsets)
    onnx.checker.check_model(model, full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, arrays), strict=True))


def check_agreement(
    model, X, *, event_number=None, in_numpy=1e-6, in_onnx=1e-5, decision=None
):
    """Compare the probabilities, and the decision function if it is asked for."""
    expected = np.asarray(
        model.predict_proba(X)
        if event_number is None
        else model.predict_proba(X, event_number=event_number)
    )
    scoring = scoring_program(model, X, event_number=event_number)
    assert scoring.classes == np.asarray(model.classes_).tolist()
    arrays = scoring.arrays(X, event_number)
    ours = evaluate(scoring.program, arrays)
    theirs = onnx_outputs(scoring.program, arrays)
    for found, tolerance in ((ours, in_numpy), (theirs, in_onnx)):
        np.testing.assert_allclose(
            found["probability"], expected, rtol=0, atol=tolerance
        )
        if decision is not None:
            values = model.decision_function(X)
            values = values[:, np.newaxis] if values.ndim == 1 else values
            np.testing.assert_allclose(
                found["decision"], values, rtol=1e-5, atol=decision
            )
    return scoring
