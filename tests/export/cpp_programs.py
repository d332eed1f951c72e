"""Several programs in one executable of C++, each on its own events."""

import subprocess

import numpy as np

from skhep_dnn.export._program.in_cpp import CPP_TYPES, HELPERS, CppFunctions
from tests.export.cpp_models import INCLUDES, compiled


def run_in_cpp(cases, folder):
    """Outputs of some programs, each with its arrays, all in one executable."""
    functions = CppFunctions([program for program, _ in cases])
    mains = [_loop(functions, program, k) for k, (program, _) in enumerate(cases)]
    source = [INCLUDES, "#include <cstdio>", HELPERS, functions.source()]
    path = compiled("\n".join([*source, "int main() {", *mains, "}", ""]), folder)
    for k, (program, arrays) in enumerate(cases):
        rows = [np.array([len(next(iter(arrays.values())))], np.int64).tobytes()]
        rows += [
            np.ascontiguousarray(arrays[name], dtype=value.dtype).tobytes()
            for name, value in program.inputs.items()
        ]
        (folder / f"in_{k}").write_bytes(b"".join(rows))
    subprocess.run([str(path)], cwd=folder, check=True)
    return [_read(folder / f"out_{k}", case) for k, (case, _) in enumerate(cases)]


def _loop(functions, program, k):
    """C++ that reads all events of a program, and writes its outputs."""
    lines = [
        "{",
        f'  FILE* const in = std::fopen("in_{k}", "rb");',
        f'  FILE* const out = std::fopen("out_{k}", "wb");',
        "  std::int64_t n = 0;",
        "  if (std::fread(&n, 8, 1, in) != 1) return 1;",
    ]
    ends, names = [], []
    for i, value in enumerate(program.inputs.values()):
        kind, size = CPP_TYPES[value.dtype], value.size
        lines.append(f"  std::vector<{kind}> x_{i}(n * {size});")
        read = f"std::fread(x_{i}.data(), sizeof({kind}), n * {size}, in)"
        lines.append(f"  if ({read} != std::size_t(n * {size})) return 1;")
        names.append(f"x_{i}.data() + event * {size}")
    for i, value in enumerate(program.outputs.values()):
        kind, size = CPP_TYPES[value.dtype], value.size
        lines.append(f"  {kind} y_{i}[{size}];")
        ends.append(f"    std::fwrite(y_{i}, sizeof({kind}), {size}, out);")
        names.append(f"y_{i}")
    call = functions.call(program, names)
    lines += ["  for (std::int64_t event = 0; event < n; ++event) {", f"    {call}"]
    return "\n".join(
        [*lines, *ends, "  }", "  std::fclose(in);", "  std::fclose(out);", "}"]
    )


def _read(path, program):
    fields = [(name, v.dtype, (v.size,)) for name, v in program.outputs.items()]
    events = np.fromfile(path, dtype=np.dtype(fields))
    return {name: events[name] for name, _, _ in fields}
