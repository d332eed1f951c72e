"""Programs say the same in NumPy, in ONNX and in C++, operation by operation."""

from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest

from skhep_dnn.export._program.in_cpp import literal
from skhep_dnn.export._program.in_numpy import evaluate
from skhep_dnn.export._program.in_onnx import (
    IR_VERSION,
    OPSET,
    TREE_OPSET,
    OnnxGraph,
    onnx_dtype,
)
from skhep_dnn.export._program.operations import ELEMENTWISE
from skhep_dnn.export._program.program import Program, TreeEnsemble
from tests.export.cpp_models import needs_compiler, outputs_of_program

N_EVENTS = 40


def numbers(dtype, size=3, *, positive=False, seed=0):
    """Return numbers, among them signed zeros, halves, whole and large ones."""
    rng = np.random.default_rng(seed)
    x = rng.normal(scale=3.0, size=(N_EVENTS, size))
    x[:6, 0] = [0.0, -0.0, 0.5, -0.5, 2.0, -2.0]
    if positive:
        x = np.abs(x) + 1e-3
    if dtype == "int64":
        x = np.abs(x * 1e15)
    return x.astype(dtype)


def in_onnx(program, arrays, *, basic=False):
    """Return the outputs of a program by onnxruntime."""
    graph = OnnxGraph(program, basic=basic)
    helper = onnx.helper
    coming = [
        helper.make_tensor_value_info(n, onnx_dtype(v.dtype), ["n", v.size])
        for n, v in program.inputs.items()
    ]
    going = []
    for name, value in program.outputs.items():
        graph.node("Identity", [graph.outputs[name]], name=name)
        shape = ["n", value.size]
        kind = onnx_dtype(value.dtype)
        going.append(helper.make_tensor_value_info(name, kind, shape))
    proto = helper.make_model(
        helper.make_graph(graph.nodes, "test", coming, going, graph.initializers),
        opset_imports=[
            helper.make_opsetid("", OPSET),
            helper.make_opsetid("ai.onnx.ml", TREE_OPSET),
        ],
    )
    proto.ir_version = IR_VERSION
    onnx.checker.check_model(proto, full_check=True)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options)
    results = session.run(list(program.outputs), arrays)
    return dict(zip(program.outputs, results, strict=True))


def compare(program, arrays, folder, *, rtol=2e-6, atol=1e-7, onnx_too=True):
    """Compare NumPy with ONNX, and with C++ where a folder for it is given."""
    expected = evaluate(program, arrays)
    others = [in_onnx(program, arrays)] if onnx_too else []
    if folder is not None:
        others.append(outputs_of_program(program, arrays, folder))
    for found in others:
        assert list(found) == list(expected)
        for name, values in expected.items():
            assert found[name].shape == values.shape
            np.testing.assert_allclose(
                np.asarray(found[name], dtype=np.float64),
                values.astype(np.float64),
                rtol=rtol,
                atol=atol,
                err_msg=name,
            )
    return expected


POSITIVE = {"logarithm", "logarithm_of_one_plus", "square_root"}
WHOLE = {"remainder"}
LOGIC = {"logical_and", "logical_or", "logical_not"}
N_ARGUMENTS = {
    "where": 3,
    **dict.fromkeys(
        [
            *("add", "subtract", "multiply", "divide", "remainder", "minimum"),
            *("maximum", "less", "greater", "equal", "logical_and", "logical_or"),
            *("arctangent_of_quotient", "hypotenuse"),
        ],
        2,
    ),
}


def program_of_all_operations(dtype):
    """Return a program that does every operation on numbers of one kind."""
    program, arrays = Program("all"), {}
    for name in ELEMENTWISE:
        kind = "int64" if name in WHOLE else dtype
        arguments = []
        for k in range(N_ARGUMENTS.get(name, 1)):
            size = 1 if k == 1 and name != "where" else 3  # one number for all
            key = f"{name}_{k}"  # as those of the steps, which must get others
            value = program.input(key, size, kind)
            arrays[key] = numbers(kind, size, positive=name in POSITIVE, seed=k)
            is_logical = name in LOGIC or (name == "where" and k == 0)
            arguments.append(value > 0.0 if is_logical else value)
        if name == "remainder":
            arrays["remainder_1"] = arrays["remainder_1"] // 10**6 + 1
        program.outputs[name] = program.elementwise(name, *arguments)
    return program, arrays


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_operations_on_numbers_in_onnx(dtype):
    program, arrays = program_of_all_operations(dtype)
    unknown = {"arctangent", "error_function"} if dtype == "float64" else set()
    for name in unknown:  # onnxruntime has them for float alone
        program.outputs.pop(name)
    program.simplify()
    program.inputs = {
        n: v for n, v in program.inputs.items() if n.rpartition("_")[0] not in unknown
    }
    arrays = {name: arrays[name] for name in program.inputs}
    compare(program, arrays, None)


@needs_compiler
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_operations_on_numbers_in_cpp(dtype, tmp_path):
    program, arrays = program_of_all_operations(dtype)
    compare(program, arrays, tmp_path, onnx_too=False)


def program_of_vectors(dtype):
    """Return a program of the operations on whole vectors."""
    rng = np.random.default_rng(1)
    program = Program("vectors")
    x = program.input("x", 5, dtype)
    code = program.input("code", 1, "int64")
    outputs = program.outputs
    outputs["slice"] = x[1:4]
    outputs["take"] = x[[4, 0, 0, 2]]
    outputs["concatenate"] = program.concatenate([x, code_as(program, code, dtype)])
    outputs["dense"] = program.dense(x, rng.normal(size=(5, 21)), rng.normal(size=21))
    outputs["product"] = program.dense(x, rng.normal(size=(5, 2)))
    a, b = rng.uniform(0.5, 2.0, size=(2, 5, 4))
    weights, bias = rng.normal(size=(5, 4, 3)), rng.normal(size=15)
    outputs["waves"] = program.embedding(x, "cosine", (a, b), weights, bias)
    outputs["ramps"] = program.embedding(x, "ramp", (a, b), weights, bias)
    outputs["lookup"] = program.lookup(code, rng.normal(size=(4, 3)).astype(dtype))
    outputs["sum"], outputs["max"] = program.sum(x), program.max(x)
    outputs["argmax"] = program.argmax(x)
    outputs["whole"] = program.cast(program.floor(x), "int64")
    outputs["number"] = program.cast(x > 0.0, dtype)
    arrays = {"x": numbers(dtype, 5), "code": np.arange(N_EVENTS)[:, None] % 4}
    return program, arrays


def code_as(program, code, dtype):
    """Return a code as a number."""
    return program.cast(code, dtype)


@needs_compiler
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_operations_on_vectors(dtype, tmp_path):
    program, arrays = program_of_vectors(dtype)
    compare(program, arrays, tmp_path, rtol=1e-5, atol=1e-6)


@needs_compiler
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_is_undefined_is_found(dtype, tmp_path):
    program = Program("undefined")
    x = program.input("x", 3, dtype)
    undefined = program.is_nan(x)
    program.outputs["filled"] = program.where(undefined, -1.0, x)
    program.outputs["is_nan"] = undefined
    values = numbers(dtype)
    values[::3, 1] = np.nan
    values[1::3, 2] = np.inf
    found = compare(program, {"x": values}, tmp_path)
    assert found["is_nan"].sum() == np.isnan(values).sum() > 0


def two_trees():
    """Return trees of two outputs, with a threshold that events meet exactly."""
    return TreeEnsemble(
        roots=np.array([0, 3]),
        outputs=np.array([0, 1]),
        features=np.array([0, -1, -1, 1, 0, -1, -1, -1]),
        thresholds=np.array([0.5, 0.0, 0.0, 0.0, -0.5, 0.0, 0.0, 0.0]),
        left=np.array([1, 0, 1, 4, 5, 2, 3, 4]),  # of leaves, rows of the values
        right=np.array([2, 0, 0, 7, 6, 0, 0, 0]),
        missing_left=np.array([1, 0, 0, 0, 1, 0, 0, 0], dtype=bool),
        values=np.array([[-1.25], [2.5], [10.0], [20.0], [30.0]]),
        start=np.array([0.125, -3.0]),
    )


@needs_compiler
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_trees(dtype, tmp_path):
    program = Program("trees")
    x = program.input("x", 3, dtype)
    program.outputs["sums"] = program.trees(x, two_trees())
    values = numbers(dtype)
    values[3:9, 0] = values[6:12, 1] = np.nan
    found = compare(program, {"x": values}, tmp_path)["sums"]
    left = np.isnan(values[:, 0]) | (values[:, 0] <= 0.5)
    np.testing.assert_array_equal(found[:, 0], np.where(left, -1.125, 2.625))
    up = ~(values[:, 1] <= 0.0)  # an undefined value, too
    low = np.where(np.isnan(values[:, 0]) | (values[:, 0] <= -0.5), 10.0, 20.0)
    np.testing.assert_array_equal(found[:, 1], np.where(up, 30.0, low) - 3.0)


@needs_compiler
def test_leaves_of_several_numbers_and_sums_in_double_precision(tmp_path):
    trees = replace(
        two_trees(),
        outputs=np.array([0, 0]),
        values=np.array([[0.1, -1e-9], [1 / 3, 2.0], [7.7, 0.3], [1e4, 0.0], [5, 6]]),
    )
    program = Program("trees")
    program.outputs["sums"] = program.trees(program.input("x", 3, "float64"), trees)
    values = numbers("float64")
    # The operator of ONNX has float32 sums, in which these would differ by 1e-4.
    found = compare(program, {"x": values}, tmp_path, rtol=0, atol=1e-10)["sums"]
    first = (values[:, 0] > 0.5).astype(int)
    second = np.where(values[:, 1] > 0.0, 4, np.where(values[:, 0] > -0.5, 3, 2))
    expected = trees.start + trees.values[first] + trees.values[second]
    np.testing.assert_allclose(found, expected, rtol=1e-15)


def test_constants_beside_vectors_have_a_row_for_each_event():
    program = Program("constants")
    parts = [program.constant([2.0], "float32"), program.input("x", 3)]
    program.outputs["y"] = program.concatenate(parts)
    found = compare(program, {"x": numbers("float32")}, None)["y"]
    np.testing.assert_array_equal(found[:, 0], 2.0)


@needs_compiler
def test_a_switch_runs_the_program_of_its_case(tmp_path):
    program = Program("switch")
    x, case = program.input("x", 2), program.input("case", 1, "int64")
    parts = []
    for k in range(3):
        part = Program(f"part_{k}")
        y = part.input("y", 2)
        part.outputs["a"] = y * float(k + 1)
        part.outputs["b"] = part.sum(y) + float(k)
        parts.append(part)
    program.outputs["a"], program.outputs["b"] = program.switch(case, parts, [x])
    program.outputs["called"] = program.call(parts[1], [x])[0]
    values = numbers("float32", 2)
    for cases in (np.arange(N_EVENTS) % 3, np.full(N_EVENTS, 2)):
        arrays = {"x": values, "case": cases[:, np.newaxis]}
        found = compare(program, arrays, tmp_path)
        factor = (cases + 1)[:, np.newaxis].astype(np.float32)
        np.testing.assert_array_equal(found["a"], values * factor)
    one = {name: array[:1] for name, array in arrays.items()}
    none = {name: array[:0] for name, array in arrays.items()}
    assert in_onnx(program, one)["a"].shape == (1, 2)
    assert in_onnx(program, none)["a"].shape == (0, 2)


def test_basic_operators_say_the_same():
    program = Program("basic")
    x = program.input("x", 3)
    is_low, is_nan = x < 0.0, program.is_nan(x)
    filled = program.where(is_nan, 0.5, x)
    program.outputs["and"] = program.cast(is_low & ~is_nan, "float32")
    program.outputs["or"] = program.cast(is_low | is_nan, "float32")
    program.outputs["floor"] = program.floor(filled)
    program.outputs["max"] = program.max(filled)
    values = numbers("float32")
    values[::5, 1] = np.nan
    expected = evaluate(program, {"x": values})
    found = in_onnx(program, {"x": values}, basic=True)
    for name, part in expected.items():
        np.testing.assert_array_equal(found[name], part)
    operators = {node.op_type for node in OnnxGraph(program, basic=True).nodes}
    assert not operators & {"And", "Or", "Not", "IsNaN", "Floor", "ReduceMax"}


def test_numbers_taken_one_by_one_are_taken_at_once():
    program = Program("detour")
    x = program.input("x", 4)
    whole = program.concatenate([x[i] for i in range(4)])
    program.outputs["whole"] = whole * 2.0
    program.outputs["turned"] = program.concatenate([x[[2, 3]][1], x[0]])
    program.exp(x)  # of which nothing comes
    arrays = {"x": numbers("float32", 4)}
    before = evaluate(program, arrays)
    program.simplify()
    assert [step.operation for step in program.steps] == ["multiply", "take"]
    for name, values in evaluate(program, arrays).items():
        np.testing.assert_array_equal(values, before[name])


def test_constants_are_computed_at_once():
    program = Program("constants")
    value = program.constant([2.0, 3.0]) * 2.0
    assert value.constant.tolist() == [4.0, 6.0]
    assert program.steps == []


def test_vectors_of_other_lengths_and_kinds_do_not_go_together():
    program = Program("wrong")
    x, y = program.input("x", 2), program.input("y", 3)
    with pytest.raises(ValueError, match=r"add of vectors of \[2, 3\] numbers"):
        _ = x + y
    z = program.input("z", 2, "float64")
    with pytest.raises(TypeError, match="add of"):
        _ = x + z


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (np.float32(-0.5), "(-0x1.0000000000000p-1f)"),
        (np.float64(0.1), "0x1.999999999999ap-4"),
        (np.int64(-3), "INT64_C(-3)"),
        (np.float64(np.inf), "(std::numeric_limits<double>::infinity())"),
        (np.float32(np.nan), "std::numeric_limits<float>::quiet_NaN()"),
        (np.bool_(True), "true"),
    ],
)
def test_literals_have_all_bits(number, expected):
    assert literal(number) == expected
