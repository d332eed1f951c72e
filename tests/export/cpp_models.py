"""Programs and headers of C++ that are compiled and run."""

import shutil
import subprocess

import numpy as np
import pytest

from skhep_dnn.export._program.in_cpp import CPP_TYPES, HELPERS, CppFunctions

COMPILER = shutil.which("g++") or shutil.which("c++")
FLAGS = ("-std=c++17", "-Wall", "-Wextra", "-Werror", "-pedantic")

needs_compiler = pytest.mark.skipif(
    COMPILER is None, reason="no compiler of C++ was found: neither g++ nor c++"
)

INCLUDES = "\n".join(
    f"#include <{name}>"
    for name in ("cmath", "cstddef", "cstdint", "cstring", "limits", "vector")
)


def compiled(source, folder, *flags):
    """Compile a source without a warning, and return the path of what can be run."""
    path = folder / "main.cpp"
    path.write_text(source, encoding="utf-8")
    program = folder / "main"
    command = [COMPILER, *FLAGS, *(flags or ("-O1",)), str(path), "-o", str(program)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:4000]
    return program


def outputs_of_program(program, arrays, folder):
    """Return the outputs of a program of operations, compiled."""
    functions = CppFunctions([program])
    coming = [(n, v) for n, v in program.inputs.items()]
    going = [(n, v) for n, v in program.outputs.items()]
    names = [f"x{k}.data() + i * {v.size}" for k, (_, v) in enumerate(coming)]
    # Of truth values there are no vectors with an address.
    names += [f"y{k}" for k in range(len(going))]
    body = [
        *(f"{CPP_TYPES[v.dtype]} y{k}[{v.size}];" for k, (_, v) in enumerate(going)),
        f"detail::{functions.call(program, names)}",
        *(
            f"for (auto value : y{k}) {{ const double d = static_cast<double>(value); "
            "out.write(reinterpret_cast<const char*>(&d), 8); }"
            for k in range(len(going))
        ),
    ]
    source = "\n".join(
        [
            INCLUDES,
            "#include <fstream>",
            "namespace detail {",
            HELPERS,
            functions.source(),
            "}",
            reading([v.dtype for _, v in coming], [v.size for _, v in coming], body),
        ]
    )
    result = run_on(compiled(source, folder), [arrays[n] for n, _ in coming], folder)
    sizes = [v.size for _, v in going]
    parts = np.split(result.reshape(-1, sum(sizes)), np.cumsum(sizes)[:-1], axis=1)
    return {n: part for (n, _), part in zip(going, parts, strict=True)}


def outputs_of_header(header, scoring, arrays, folder, *flags):
    """Return probabilities, decisions, labels and folds of a header, compiled."""
    name = header.stem
    kinds = [spec.dtype for spec in scoring.inputs]
    values = ", ".join(f"x{k}[i]" for k in range(len(kinds)))
    last = "r.fold" if scoring.has_folds else "-1"
    body = [
        f"const auto r = {name}::evaluate({values});",
        "for (double p : r.probability)",
        "  out.write(reinterpret_cast<const char*>(&p), 8);",
        "for (double d : r.decision)",
        "  out.write(reinterpret_cast<const char*>(&d), 8);",
        f"const double rest[] = {{double(r.label), double({last})}};",
        "out.write(reinterpret_cast<const char*>(rest), 16);",
    ]
    source = "\n".join(
        [
            f'#include "{header}"',
            f'#include "{header}"  // twice, as it happens in frameworks',
            "#include <fstream>",
            reading(kinds, [1] * len(kinds), body),
        ]
    )
    program = compiled(source, folder, *flags)
    inputs = [arrays[spec.name] for spec in scoring.inputs]
    n_classes = len(scoring.classes)
    table = run_on(program, inputs, folder).reshape(len(inputs[0]), -1)
    return {
        "probability": table[:, :n_classes],
        "decision": table[:, n_classes:-2],
        "label": table[:, -2].astype(int),
        "fold": table[:, -1].astype(int),
    }


def reading(kinds, sizes, body):
    """Return a main function that reads all inputs and runs lines for each event."""
    lines = ["int main(int, char** argument) {"]
    lines += ["  const long n = std::stol(argument[1]);"]
    lines += ["  std::ifstream in(argument[2], std::ios::binary);"]
    lines += ["  std::ofstream out(argument[3], std::ios::binary);"]
    for k, (kind, size) in enumerate(zip(kinds, sizes, strict=True)):
        cpp = CPP_TYPES[kind]
        lines += [f"  std::vector<{cpp}> x{k}(n * {size});"]
        lines += [f"  in.read(reinterpret_cast<char*>(x{k}.data()), n * {size} * "]
        lines += [f"          sizeof({cpp}));"]
    lines += ["  for (long i = 0; i < n; ++i) {", *(f"    {line}" for line in body)]
    return "#include <string>\n" + "\n".join([*lines, "  }", "}", ""])


def run_on(program, arrays, folder):
    """Run a compiled program on arrays, and return the numbers it writes."""
    given, written = folder / "in.bin", folder / "out.bin"
    given.write_bytes(b"".join(np.ascontiguousarray(a).tobytes() for a in arrays))
    command = [str(program), str(len(arrays[0])), str(given), str(written)]
    subprocess.run(command, check=True)
    return np.fromfile(written)
