"""An exported model against Python: in NumPy, and by onnxruntime."""

import numpy as np
import onnxruntime

from skhep_dnn.export._program.in_numpy import evaluate
from skhep_dnn.export._scoring_program import scoring_program
from skhep_dnn.export._to_onnx import _model_proto


def onnx_outputs(scoring, arrays):
    """Return what onnxruntime makes of the inputs of a program."""
    content = _model_proto(scoring, "full").SerializeToString()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options)
    probability, decision = session.run(["probabilities", "decision_function"], arrays)
    return {"probability": probability, "decision": decision}


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
    theirs = onnx_outputs(scoring, arrays)
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
