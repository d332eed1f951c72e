"""Operations and steps of momenta in C++: those of NumPy, and of Python."""

import numpy as np
import pytest

from skhep_dnn.datasets import make_higgs_events
from skhep_dnn.export._program.operations import ELEMENTWISE
from skhep_dnn.export._program.program import Program
from tests.export.cpp_models import needs_compiler
from tests.export.cpp_programs import run_in_cpp
from tests.export.onnx_models import transformed_program
from tests.export.test_composites import ONE, TWO, pairs, single
from tests.export.test_preprocessing_export import (
    ANGLES,
    CARTESIAN_STEPS,
    STEPS,
    in_components,
    marked,
)

pytestmark = needs_compiler


def test_composites_are_functions_of_the_standard_library(tmp_path):
    cases, expected = [], []
    for operation in (*ONE, *TWO):
        for dtype in ("float64", "float32"):
            columns = pairs(dtype) if operation in TWO else (single(dtype),)
            program = Program(operation)
            values = [program.input(f"x{k}", 1, dtype) for k in range(len(columns))]
            program.outputs["y"] = program.elementwise(operation, *values)
            arrays = {f"x{k}": column[:, None] for k, column in enumerate(columns)}
            cases.append((program, arrays))
            with np.errstate(all="ignore"):
                expected.append(ELEMENTWISE[operation].numpy(*columns))
    for found, truth in zip(run_in_cpp(cases, tmp_path), expected, strict=True):
        rtol = 8 * np.finfo(truth.dtype).eps
        np.testing.assert_allclose(found["y"][:, 0], truth, rtol=rtol)
        defined = ~np.isnan(truth)
        signs = np.signbit(found["y"][defined, 0])
        np.testing.assert_array_equal(signs, np.signbit(truth[defined]))


@pytest.mark.parametrize("components", [False, True])
def test_steps_are_those_of_python(components, tmp_path):
    X = make_higgs_events(10_000, random_state=0).data
    for k, name in enumerate(n for n in X if n.endswith("_phi")):
        X.loc[10 * k : 10 * k + len(ANGLES) - 1, name] = ANGLES
    X.loc[120:130, "PRI_tau_phi"] = X.loc[120:130, "PRI_lep_phi"]
    X = in_components(X) if components else X
    cases, expected = [], []
    for name, step in (CARTESIAN_STEPS if components else STEPS).items():
        table = marked(X) if name.endswith("_marked") else X
        program, _ = transformed_program(step.fit(table), table, "float64")
        x = table.to_numpy(dtype=float)
        arrays = {name: x[:, [int(name[1:])]] for name in program.inputs}
        cases.append((program, arrays))
        expected.append(np.asarray(step.transform(table)))
    for found, truth in zip(run_in_cpp(cases, tmp_path), expected, strict=True):
        np.testing.assert_allclose(found["columns"], truth, rtol=1e-6, atol=1e-11)
