"""A header of C++ that this package has written, compiled and asked about events.

A small program reads the inputs of the events, calls the functions of the header, and
writes what they return. So what is compared is what a compiler makes of the header.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skhep_dnn.exceptions import ExportError
from skhep_dnn.export._manifest import Manifest
from skhep_dnn.export._model_inputs import InputSpec, input_arrays

__all__ = ["CompiledHeader"]

_COMPILERS = ("c++", "g++", "clang++")
_ARGUMENT = re.compile(r"(float|double|std::int64_t) (\w+)")
_KINDS: dict[str, Any] = {
    "float": "float32",
    "double": "float64",
    "std::int64_t": "int64",
}

# Inputs are eight bytes each, one event after another, and outputs are doubles.
_PROGRAM = """\
#include "{header}"
#include <cstdint>
#include <cstdio>
#include <cstring>

template <class T>
T number(const char* bytes) {{
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}}

int main(int argc, char**) {{
  static char row[8 * {n_inputs}];
  const bool only_fold = argc > 1;
{threshold}
  while (std::fread(row, 8, {n_inputs}, stdin) == {n_inputs}) {{
    double fold = -1.0;
    {fold}
    std::fwrite(&fold, 8, 1, stdout);
    if (only_fold) continue;
    const auto result = {namespace}::evaluate({arguments});
    std::fwrite(result.decision, 8, {namespace}::n_decisions, stdout);
    std::fwrite(result.probability, 8, {namespace}::n_classes, stdout);
  }}
}}
"""


class CompiledHeader:
    """Classifier that `to_cpp` has written, compiled by the compiler of the system.

    Parameters
    ----------
    path : Path
        The header.
    manifest : Manifest
        Says which columns the model has.
    folder : Path
        Where it is compiled.

    Attributes
    ----------
    threshold_ : float or None
        The cut, if there is one.
    has_folds : bool
        Whether the number of an event selects the model that scores it.

    Raises
    ------
    ExportError
        If there is no compiler, it fails, or the header was not written by `to_cpp` or
        takes codes of categories, which only a comment in it explains.
    """

    def __init__(self, path: Path, manifest: Manifest, folder: Path) -> None:
        text = path.read_text(encoding="utf-8")
        self._arguments = _arguments_of(text, "Result evaluate")
        self._inputs = _inputs_of(text, self._arguments, manifest)
        self._namespace = _found(r"^namespace (\w+) \{$", text)
        self._n_classes = int(_found(r"constexpr int n_classes = (\d+);", text))
        self._n_decisions = int(_found(r"constexpr int n_decisions = (\d+);", text))
        self.has_folds = "inline std::int64_t fold(" in text
        has_threshold = "constexpr double threshold =" in text
        source = self._source(path, text, has_threshold=has_threshold)
        self._program = _compiled(source, folder)
        found = self._answer(b"")[: int(has_threshold)]
        self.threshold_ = float(found[0]) if has_threshold else None
        self._skipped = int(has_threshold)

    def fold_numbers(
        self, X: Any, event_number: ArrayLike | None = None
    ) -> NDArray[np.int64]:
        """Return the model that scores each event."""
        rows = self._rows(X, event_number)
        found = self._answer(rows.tobytes(), "fold")[self._skipped :]
        return found.astype(np.int64)

    def decision_function(
        self, X: Any, event_number: ArrayLike | None = None
    ) -> NDArray[np.float64]:
        """Return the logits."""
        found = self._outputs(X, event_number)[:, 1 : 1 + self._n_decisions]
        return found[:, 0] if self._n_decisions == 1 else found

    def predict_proba(
        self, X: Any, event_number: ArrayLike | None = None
    ) -> NDArray[np.float64]:
        """Return the probabilities."""
        return self._outputs(X, event_number)[:, 1 + self._n_decisions :]

    def _outputs(self, X: Any, event_number: ArrayLike | None) -> NDArray[np.float64]:
        rows = self._rows(X, event_number)
        found = self._answer(rows.tobytes())[self._skipped :]
        return found.reshape(len(rows), 1 + self._n_decisions + self._n_classes)

    def _rows(self, X: Any, event_number: ArrayLike | None) -> NDArray[np.uint64]:
        """Return the inputs of each event, whole numbers and others in eight bytes."""
        arrays = input_arrays(self._inputs, X, event_number)
        columns = [
            (a if a.dtype.kind == "i" else a.astype(np.float64)).view(np.uint64)
            for a in arrays.values()
        ]
        return np.ascontiguousarray(np.concatenate(columns, axis=1))

    def _answer(self, rows: bytes, *options: str) -> NDArray[np.float64]:
        run = subprocess.run(
            [str(self._program), *options], input=rows, capture_output=True, check=False
        )
        if run.returncode != 0:
            msg = (
                f"The compiled header must run to its end, got {run.returncode}. "
                "Export the model again."
            )
            raise ExportError(msg)
        return np.frombuffer(run.stdout, dtype=np.float64)

    def _source(self, path: Path, text: str, *, has_threshold: bool) -> str:
        cast = {}
        for place, (kind, name) in enumerate(self._arguments):
            stored = "std::int64_t" if kind == "int64" else "double"
            number = f"number<{stored}>(row + {8 * place})"
            cast[name] = f"static_cast<float>({number})"
            if kind != "float32":
                cast[name] = number
        fold = ""
        if self.has_folds:
            own = [name for _, name in _arguments_of(text, "std::int64_t fold")]
            called = f"{self._namespace}::fold({', '.join(cast[n] for n in own)})"
            fold = f"fold = static_cast<double>({called});"
        threshold = f"std::fwrite(&{self._namespace}::threshold, 8, 1, stdout);"
        return _PROGRAM.format(
            header=path.resolve(),
            namespace=self._namespace,
            n_inputs=len(self._arguments),
            threshold=f"  {threshold}" if has_threshold else "",
            fold=fold,
            arguments=", ".join(cast[name] for _, name in self._arguments),
        )


def _compiled(source: str, folder: Path) -> Path:
    """Return the program of a source."""
    found = [name for name in map(shutil.which, _COMPILERS) if name is not None]
    if not found:
        msg = (
            "A compiler of C++ must be there to run the header, got none of "
            f"{_COMPILERS!r}. Install one."
        )
        raise ExportError(msg)
    place, program = folder / "verify.cpp", folder / "verify"
    place.write_text(source, encoding="utf-8")
    run = subprocess.run(
        [found[0], "-std=c++17", "-O1", "-o", str(program), str(place)],
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode != 0:
        first = run.stderr.splitlines()[:3]
        msg = (
            f"The header must compile, got from {found[0]}: {' '.join(first)}. "
            "Export the model again."
        )
        raise ExportError(msg)
    return program


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text, flags=re.MULTILINE)
    if found is None:
        msg = (
            "The header must have been written by `to_cpp`, got one without "
            f"{pattern!r}. Compile it yourself."
        )
        raise ExportError(msg)
    return found[1]


def _arguments_of(text: str, function: str) -> list[tuple[str, str]]:
    """Return kinds and names of the arguments of a function."""
    listed = _found(rf"inline {re.escape(function)}\(([^)]*)\) \{{", text)
    return [(_KINDS[kind], name) for kind, name in _ARGUMENT.findall(listed)]


def _inputs_of(
    text: str, arguments: Sequence[tuple[str, str]], manifest: Manifest
) -> list[InputSpec]:
    """Return where each input is among the columns, or that it comes beside them."""
    listed = _found(r"constexpr const char\* inputs\[\] = \{(.*)\};", text)
    names = [
        re.sub(r"\\(.)", r"\1", name)
        for name in re.findall(r'"((?:[^"\\]|\\.)*)"', listed)
    ]
    columns = [column.name for column in manifest.columns]
    if not manifest.is_named:
        columns = [f"x{position}" for position in range(len(columns))]
    numbers = [columns[_position(manifest, name)] for name in manifest.number_columns]
    specs = []
    for (kind, _), name in zip(arguments, names, strict=True):
        position = columns.index(name) if name in columns else None
        if kind == "int64" and position is not None and name not in numbers:
            msg = (
                "The header must take numbers to be run here, got codes of categories "
                f"in {name!r}, which a comment in it explains. Compare it yourself."
            )
            raise ExportError(msg)
        specs.append(InputSpec(name, kind, position))  # type: ignore[arg-type]
    return specs


def _position(manifest: Manifest, name: str) -> int:
    return [column.name for column in manifest.columns].index(name)
