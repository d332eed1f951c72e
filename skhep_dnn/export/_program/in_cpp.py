"""A program written down as functions of C++17, which need nothing but the standard.

A value of a program becomes an array on the stack; arrays are used again when their
values have been. Constants stand in one string of hexadecimal digits, bit by bit, which
compilers and interpreters read a hundred times faster than lists of numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skhep_dnn.export._program.operations import ELEMENTWISE
from skhep_dnn.export._program.program import Program, Step, Value

__all__ = ["CPP_TYPES", "HELPERS", "CppFunctions", "literal"]

CPP_TYPES = {
    "float32": "float",
    "float64": "double",
    "int64": "std::int64_t",
    "bool": "bool",
}
_POOLS = {"float32": "f", "float64": "d", "int64": "n"}
_LINE = 96  # digits in a line of the string

HELPERS = """\
// Told from the bits, so that it also holds with -ffast-math.
inline bool is_nan(float x) {
  std::uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return (bits & 0x7fffffffu) > 0x7f800000u;
}

inline bool is_nan(double x) {
  std::uint64_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return (bits & 0x7fffffffffffffffull) > 0x7ff0000000000000ull;
}

template <class T>
inline T sigmoid(T x) {
  return T(1) / (T(1) + std::exp(-x));
}

// y = x w + b, w of shape (n_in, n_out). Numbers of columns that compilers know, and
// multiples of 16, are what they make vector instructions of, already at -O2.
template <int n_out, class T>
inline void dense(const T* x, const T* w, const T* b, int n_in, T* y) {
  constexpr int whole = n_out / 16 * 16;
  T sums[n_out];
  for (int j = 0; j < n_out; ++j) sums[j] = b ? b[j] : T(0);
  for (int i = 0; i < n_in; ++i, w += n_out) {
    const T xi = x[i];
    for (int j = 0; j < whole; ++j) sums[j] += xi * w[j];
    for (int j = whole; j < n_out; ++j) sums[j] += xi * w[j];
  }
  for (int j = 0; j < n_out; ++j) y[j] = sums[j];
}

// Sums of functions of each number: see the products of w in `dense`.
template <class T>
inline void embedding(bool cosine, const T* x, const T* a, const T* b, const T* w,
                      const T* bias, int n_in, int n_terms, int n_out, T* y) {
  for (int i = 0; i < n_in; ++i) {
    for (int j = 0; j < n_out; ++j) y[j] = bias[j];
    for (int t = 0; t < n_terms; ++t, w += n_out) {
      T term;
      if (cosine) {
        term = std::cos(a[t] * x[i] + b[t]);
      } else {
        term = (x[i] - b[t]) / a[t];
        term = term < T(0) ? T(0) : (term > T(1) ? T(1) : term);
      }
      for (int j = 0; j < n_out; ++j) y[j] += term * w[j];
    }
    a += n_terms;
    b += n_terms;
    y += n_out;
    bias += n_out;
  }
}

// Sums of the leaves that an event reaches; `left` of a leaf is its row in `values`.
template <class T>
inline void trees(const T* x, const std::int64_t* roots, const std::int64_t* outputs,
                  int n_trees, const std::int64_t* features, const double* thresholds,
                  const std::int64_t* left, const std::int64_t* right,
                  const std::int64_t* missing_left, const double* values, int n_values,
                  const double* start, int n_out, double* y) {
  for (int j = 0; j < n_out; ++j) y[j] = start[j];
  for (int tree = 0; tree < n_trees; ++tree) {
    std::int64_t node = roots[tree];
    while (features[node] >= 0) {
      const double value = static_cast<double>(x[features[node]]);
      const bool goes_left =
          is_nan(value) ? missing_left[node] != 0 : value <= thresholds[node];
      node = goes_left ? left[node] : right[node];
    }
    const double* const leaf = values + left[node] * n_values;
    for (int j = 0; j < n_values; ++j) y[outputs[tree] + j] += leaf[j];
  }
}

inline std::uint64_t digits(const char*& text, int n) {
  std::uint64_t bits = 0;
  for (int i = 0; i < n; ++i, ++text) {
    const char c = *text;
    bits = 16 * bits + static_cast<std::uint64_t>(c <= '9' ? c - '0' : c - 'a' + 10);
  }
  return bits;
}
"""


class CppFunctions:
    """Functions of C++ for some programs and all that they call.

    The arguments of a function are pointers to the inputs of its program, and then to
    its outputs.

    Parameters
    ----------
    programs : sequence of Program
        What is written down, simplified.
    """

    def __init__(self, programs: Sequence[Program]) -> None:
        self._pools: dict[str, list[NDArray[Any]]] = {kind: [] for kind in _POOLS}
        self._sizes = dict.fromkeys(_POOLS, 0)
        self._known: dict[tuple[str, bytes], int] = {}
        every = [part for program in programs for part in program.all_programs()]
        self._names = {
            part: f"{part.name}_{k}" for k, part in enumerate(dict.fromkeys(every))
        }
        self._functions = [self._function(part) for part in self._names]

    def source(self) -> str:
        """Return the text of the constants and of all functions."""
        return "\n".join([self._constants(), *self._functions])

    def pool(self, array: NDArray[Any]) -> str:
        """Keep constants, each once, and return a pointer to them."""
        kind = str(array.dtype)
        key = (kind, array.tobytes())
        if key not in self._known:
            self._known[key] = self._sizes[kind]
            self._pools[kind].append(array.ravel())
            self._sizes[kind] += array.size
        return f"c.{_POOLS[kind]}.data() + {self._known[key]}"

    def signature(self, program: Program) -> list[str]:
        """Return the arguments of the function of a program."""
        coming = [
            f"const {CPP_TYPES[v.dtype]}* const in_{k}"
            for k, v in enumerate(program.inputs.values())
        ]
        going = [
            f"{CPP_TYPES[v.dtype]}* const out_{k}"
            for k, v in enumerate(program.outputs.values())
        ]
        return coming + going

    def call(self, program: Program, arguments: Sequence[str]) -> str:
        """Return the call of the function of a program."""
        return f"{self._names[program]}({', '.join(arguments)});"

    def _constants(self) -> str:
        members, reading, text = [], [], []
        for kind, name in _POOLS.items():
            cpp, size = CPP_TYPES[kind], self._sizes[kind]
            members.append(f"  std::vector<{cpp}> {name};")
            if not size:
                continue
            bits = 32 if kind == "float32" else 64
            reading += [
                f"  c.{name}.resize({size});",
                f"  for (auto& number : c.{name}) {{",
                f"    const auto bits = static_cast<std::uint{bits}_t>("
                f"digits(text, {bits // 4}));",
                "    std::memcpy(&number, &bits, sizeof bits);",
                "  }",
            ]
            whole = np.concatenate(self._pools[kind]).astype(f">{kind[0]}{bits // 8}")
            text.append(whole.tobytes().hex())
        digits = "".join(text)
        lines = [digits[i : i + _LINE] for i in range(0, len(digits), _LINE)]
        return "\n".join(
            [
                "struct Constants {",
                *members,
                "};",
                "",
                "inline Constants read_constants() {",
                "  const char* text =",
                *(f'      "{line}"' for line in lines or [""]),
                "      ;",
                "  Constants c;",
                *reading,
                "  (void)text;",
                "  return c;",
                "}",
                "",
                "inline const Constants& constants() {",
                "  static const Constants c = read_constants();",
                "  return c;",
                "}",
                "",
            ]
        )

    def _function(self, program: Program) -> str:
        body = _Body(self, program)
        return "\n".join(
            [
                f"inline void {self._names[program]}(",
                "    " + ",\n    ".join(self.signature(program)) + ") {",
                "  const Constants& c = constants();",
                "  (void)c;",
                *(f"  {line}" for line in body.lines()),
                "}",
                "",
            ]
        )


class _Body:
    """The lines of one function."""

    def __init__(self, functions: CppFunctions, program: Program) -> None:
        self.functions = functions
        self.program = program
        self.names = {v: f"in_{k}" for k, v in enumerate(program.inputs.values())}
        self.buffers: list[tuple[str, str, int]] = []  # name, type, size
        self.free: dict[str, list[int]] = {}
        self.buffer_of: dict[Value, int] = {}

    def lines(self) -> list[str]:
        last = {v: k for k, step in enumerate(self.program.steps) for v in step.inputs}
        last |= dict.fromkeys(self.program.outputs.values(), len(self.program.steps))
        steps = []
        for k, step in enumerate(self.program.steps):
            for value in step.outputs:
                self._give_buffer(value)
            steps += self._step(step)
            for value in dict.fromkeys((*step.inputs, *step.outputs)):
                if last.get(value, k) <= k and value in self.buffer_of:
                    buffer = self.buffer_of.pop(value)
                    self.free.setdefault(value.dtype, []).append(buffer)
        for k, value in enumerate(self.program.outputs.values()):
            steps.append(self._loop(value.size, f"out_{k}[i] = {self.item(value)};"))
        arrays = [f"{kind} {name}[{size}];" for name, kind, size in self.buffers]
        return [*arrays, *steps]

    def _give_buffer(self, value: Value) -> None:
        """Find the value an array, a free one that is large enough if there is one."""
        free = self.free.setdefault(value.dtype, [])
        fitting = [b for b in free if self.buffers[b][2] >= value.size]
        if fitting:
            buffer = min(fitting, key=lambda b: self.buffers[b][2])
            free.remove(buffer)
        else:
            buffer = len(self.buffers)
            kind = CPP_TYPES[value.dtype]
            self.buffers.append((f"v_{buffer}", kind, value.size))
        self.buffer_of[value] = buffer
        self.names[value] = self.buffers[buffer][0]

    def _step(self, step: Step) -> list[str]:
        if step.operation in ELEMENTWISE:
            expression = ELEMENTWISE[step.operation].cpp
            items = [self.item(value) for value in step.inputs]
            return [self._assigned(step, expression.format(*items))]
        return _WRITERS[step.operation](self, step)

    def _assigned(self, step: Step, expression: str) -> str:
        value = step.outputs[0]
        return self._loop(value.size, f"{self.names[value]}[i] = {expression};")

    def _loop(self, size: int, statement: str) -> str:
        if size == 1:
            return statement.replace("[i]", "[0]")
        return f"for (int i = 0; i < {size}; ++i) {statement}"

    def item(self, value: Value) -> str:
        """Return the number of a value in a loop over i."""
        if value.constant is not None and value.size == 1:
            return literal(value.constant[0])
        if value.size == 1:
            return f"{self.names[value]}[0]"
        if value.constant is not None:
            return f"({self.pointer(value)})[i]"
        return f"{self.names[value]}[i]"

    def pointer(self, value: Value) -> str:
        """Return a pointer to the numbers of a value."""
        if value.constant is None:
            return self.names[value]
        if value.dtype == "bool":
            return self.functions.pool(value.constant.astype(np.int64))
        return self.functions.pool(value.constant)


def literal(number: Any) -> str:
    """Return a number as C++ has it, with all its bits.

    Parameters
    ----------
    number : numpy scalar
        Its dtype is that of the literal.

    Returns
    -------
    literal : str

    Examples
    --------
    >>> literal(np.float32(0.1))
    '0x1.99999a0000000p-4f'
    """
    kind = str(np.asarray(number).dtype)
    if kind == "bool":
        return "true" if number else "false"
    if kind == "int64":
        return f"INT64_C({int(number)})"
    limits = f"std::numeric_limits<{CPP_TYPES[kind]}>::"
    if np.isnan(number):
        return f"{limits}quiet_NaN()"
    if np.isinf(number):
        return f"({'-' if number < 0 else ''}{limits}infinity())"
    text = float(number).hex() + ("f" if kind == "float32" else "")
    return f"({text})" if number < 0 else text


def _cast(body: _Body, step: Step) -> list[str]:
    kind = CPP_TYPES[step.outputs[0].dtype]
    return [body._assigned(step, f"static_cast<{kind}>({body.item(step.inputs[0])})")]


def _concatenate(body: _Body, step: Step) -> list[str]:
    name, start, lines = body.names[step.outputs[0]], 0, []
    for value in step.inputs:
        place = f"{start} + i" if value.size > 1 else f"{start}"
        statement = f"{name}[{place}] = {body.item(value)};"
        lines.append(body._loop(value.size, statement))
        start += value.size
    return lines


def _take(body: _Body, step: Step) -> list[str]:
    source, places = body.pointer(step.inputs[0]), step.attributes["positions"]
    if len(places) == 1:
        return [body._assigned(step, f"{source}[{places[0]}]")]
    if (np.diff(places) == 1).all():
        return [body._assigned(step, f"{source}[{places[0]} + i]")]
    table = body.functions.pool(places)
    return [body._assigned(step, f"{source}[({table})[i]]")]


def _dense(body: _Body, step: Step) -> list[str]:
    known, kind = step.attributes, CPP_TYPES[step.outputs[0].dtype]
    bias = f"static_cast<const {kind}*>(nullptr)"
    if known["bias"] is not None:
        bias = body.functions.pool(known["bias"])
    n_in, n_out = known["weights"].shape
    arguments = [
        body.pointer(step.inputs[0]),
        body.functions.pool(known["weights"]),
        bias,
        str(n_in),
        body.names[step.outputs[0]],
    ]
    return [f"dense<{n_out}>({', '.join(arguments)});"]


def _embedding(body: _Body, step: Step) -> list[str]:
    known, kind = step.attributes, CPP_TYPES[step.outputs[0].dtype]
    arguments = [
        "true" if known["function"] == "cosine" else "false",
        body.pointer(step.inputs[0]),
        *(body.functions.pool(known[name]) for name in ("a", "b", "weights", "bias")),
        *map(str, known["weights"].shape),
        body.names[step.outputs[0]],
    ]
    return [f"embedding<{kind}>({', '.join(arguments)});"]


def _lookup(body: _Body, step: Step) -> list[str]:
    table = step.attributes["table"]
    code, last = body.item(step.inputs[0]), len(table) - 1
    row = f"({code} < 0 || {code} > {last} ? {last} : {code})"
    pool = body.functions.pool(table)
    return [body._assigned(step, f"({pool})[{row} * {table.shape[1]} + i]")]


def _reduced(start: str, change: str) -> Callable[[_Body, Step], list[str]]:
    def write(body: _Body, step: Step) -> list[str]:
        result, x = f"{body.names[step.outputs[0]]}[0]", body.pointer(step.inputs[0])
        size = step.inputs[0].size
        return [
            f"{result} = {start.format(x=x)};",
            f"for (int i = 1; i < {size}; ++i) {change.format(result=result, x=x)};",
        ]

    return write


def _trees(body: _Body, step: Step) -> list[str]:
    known, pool = step.attributes["ensemble"], body.functions.pool
    arguments = [
        body.pointer(step.inputs[0]),
        pool(known.roots),
        pool(known.outputs),
        str(len(known.roots)),
        pool(known.features),
        pool(known.thresholds),
        pool(known.left),
        pool(known.right),
        pool(known.missing_left.astype(np.int64)),
        pool(known.values),
        str(known.values.shape[1]),
        pool(known.start),
        str(len(known.start)),
        body.names[step.outputs[0]],
    ]
    return [f"trees({', '.join(arguments)});"]


def _call(body: _Body, step: Step) -> list[str]:
    names = [body.pointer(value) for value in step.inputs]
    names += [body.names[value] for value in step.outputs]
    return [body.functions.call(step.attributes["program"], names)]


def _switch(body: _Body, step: Step) -> list[str]:
    case, *arguments = step.inputs
    names = [body.pointer(value) for value in arguments]
    names += [body.names[value] for value in step.outputs]
    lines = [f"switch ({body.item(case)}) {{"]
    programs = step.attributes["programs"]
    for k, program in enumerate(programs):
        label = "default" if k == len(programs) - 1 else f"case {k}"
        lines += [f"  {label}:", f"    {body.functions.call(program, names)}"]
        lines.append("    break;")
    return [*lines, "}"]


Writer = Callable[[_Body, Step], list[str]]
_WRITERS: dict[str, Writer] = {
    "is_nan": lambda body, step: [
        body._assigned(step, f"is_nan({body.item(step.inputs[0])})")
    ],
    "cast": _cast,
    "concatenate": _concatenate,
    "take": _take,
    "dense": _dense,
    "embedding": _embedding,
    "lookup": _lookup,
    "sum": _reduced("({x})[0]", "{result} += ({x})[i]"),
    "max": _reduced("({x})[0]", "if (({x})[i] > {result}) {result} = ({x})[i]"),
    "argmax": _reduced("0", "if (({x})[i] > ({x})[{result}]) {result} = i"),
    "trees": _trees,
    "call": _call,
    "switch": _switch,
}
