"""Operations made of others, in NumPy and in onnxruntime: those of NumPy itself."""

import numpy as np
import pytest

from skhep_dnn.export._program.composites import composite
from skhep_dnn.export._program.in_numpy import evaluate
from skhep_dnn.export._program.operations import ELEMENTWISE
from skhep_dnn.export._program.program import Program
from tests.export.onnx_models import run_program

ONE = (
    "hyperbolic_cosine",
    "hyperbolic_sine",
    "inverse_hyperbolic_sine",
    "logarithm_of_one_plus",
)
TWO = ("arctangent_of_quotient", "hypotenuse")
SPECIAL = (0.0, -0.0, np.inf, -np.inf, 1.0, -1.0, 0.25, -3.0)


def numbers(dtype, n_events, seed):
    """Numbers of all sizes and both signs, half of them from 0.001 to 1000."""
    rng = np.random.default_rng(seed)
    limits = np.finfo(dtype)
    powers = rng.uniform(np.log10(limits.tiny) + 1, np.log10(limits.max) - 1, n_events)
    powers[::2] = rng.uniform(-3.0, 3.0, len(powers[::2]))
    return (rng.choice([-1.0, 1.0], n_events) * 10.0**powers).astype(dtype)


def single(dtype):
    large = np.arange(-711.0, 712.0) * (1.0 if dtype == "float64" else 0.126)
    return np.concatenate([numbers(dtype, 20_000, 0), large, SPECIAL, [np.nan]]).astype(
        dtype
    )


def pairs(dtype):
    rng = np.random.default_rng(1)
    x, y = numbers(dtype, 20_000, 2), numbers(dtype, 20_000, 3)
    y[::3] = x[::3] * rng.normal(size=len(x[::3]))  # comparable sizes
    y[1::30] = x[1::30]
    special = np.array([(a, b) for a in SPECIAL for b in SPECIAL], dtype)
    undefined = np.array([(np.nan, 1.0), (1.0, np.nan), (0.0, np.nan), (np.nan, 0.0)])
    columns = np.concatenate([np.stack([y, x], axis=1), special, undefined])
    return tuple(columns.astype(dtype).T)


def run_in(how, operation, columns, dtype):
    program = Program("test")
    values = [program.input(f"x{k}", 1, dtype) for k in range(len(columns))]
    arrays = {f"x{k}": column[:, np.newaxis] for k, column in enumerate(columns)}
    if how == "numpy":
        program = composite(operation, values)
        return evaluate(program, arrays)["result"][:, 0]
    program.outputs["result"] = program.elementwise(operation, *values)
    return run_program(program, arrays)["result"][:, 0]


@pytest.mark.parametrize("how", ["numpy", "onnxruntime"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("operation", [*ONE, *TWO])
def test_a_composite_is_the_function_of_numpy(operation, dtype, how):
    columns = pairs(dtype) if operation in TWO else (single(dtype),)
    found = run_in(how, operation, columns, dtype)
    with np.errstate(all="ignore"):
        expected = ELEMENTWISE[operation].numpy(*columns)
    assert found.dtype == expected.dtype == dtype
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    limit = 300 if operation.startswith("hyperbolic") else 8  # exp(x) has x epsilons
    rtol = limit * np.finfo(dtype).eps
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=0.0)


@pytest.mark.parametrize("how", ["numpy", "onnxruntime"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_arctangent_knows_all_quadrants_and_signed_zeros(dtype, how):
    y, x = pairs(dtype)
    found = run_in(how, "arctangent_of_quotient", (y, x), dtype)
    expected = np.arctan2(y, x)
    # An angle of -0.0 is 0.0 in onnxruntime, whose Where adds a 0 to it.
    told = ~np.isnan(found) & ((how == "numpy") | (expected != 0.0))
    np.testing.assert_array_equal(np.signbit(found)[told], np.signbit(expected)[told])
    error = np.nanmax(np.abs(found - expected))
    assert error < (1e-15 if dtype == "float64" else 5e-7)


def test_every_operation_without_an_operator_of_onnx_is_composed():
    without = {name for name, rule in ELEMENTWISE.items() if rule.onnx is None}
    assert without == {*ONE, *TWO}
