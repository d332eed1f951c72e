"""`SymmetryAligner`: all events in one orientation, as in `preprocessing._orientation`.

An event whose leading object is undefined, which the aligner refuses, gets no score.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from skhep_dnn.export._lowering.lowering import Lowering, Table
from skhep_dnn.export._lowering.momenta import is_undefined
from skhep_dnn.export._lowering.symmetry import whole_turns
from skhep_dnn.export._program.program import Value
from skhep_dnn.preprocessing import SymmetryAligner, SymmetryAugmenter
from skhep_dnn.preprocessing._momenta import Momentum
from skhep_dnn.preprocessing._orientation import SMALLEST_SINE, Orientation
from skhep_dnn.preprocessing._symmetry_kernel import SymmetryKernel

__all__ = ["aligned_by_augmenter", "aligned_columns"]


def aligned_columns(lowering: Lowering, step: SymmetryAligner, table: Table) -> Table:
    """Return the columns of the event in its orientation."""
    kernel, orientation = step.kernel_, step.orientation_
    columns = kernel.columns
    used = table.take(columns)
    x = used.vector(used.kind())
    by, defined = _turn(orientation, table)
    lowering.require(defined)
    new = _turned(x, kernel.moved(columns), by)
    zero = [i for i, column in enumerate(columns) if column == orientation.constant]
    keep = [i for i in range(x.size) if i not in zero]
    aligned = table.replace([columns[i] for i in keep], new[keep])
    still = x.program.constant([0.0], x.dtype)
    return aligned.replace([orientation.constant], still).take(step._kept())


def aligned_by_augmenter(
    lowering: Lowering, step: SymmetryAugmenter, table: Table
) -> Table:
    """Return what `SymmetryAugmenter.transform` makes of an event: it is aligned."""
    return aligned_columns(lowering, step._aligner(), table)


class _Turn(NamedTuple):
    """A rotation after reflections in y and z: cosine, sine, angle and signs."""

    cos: Value
    sin: Value
    angle: Value
    sign_y: Value
    sign_z: Value


class _Direction(NamedTuple):
    """Cosine, sine and azimuth; nan where the object is undefined."""

    cos: Value
    sin: Value
    phi: Value


def _turn(orientation: Orientation, table: Table) -> tuple[_Turn, Value]:
    """Return the transformation of an event, and where its leading object is."""
    kernel, leading = orientation.kernel, orientation.leading
    used = table.take(kernel.columns).kind()
    program = table.program
    cos, sin, phi = _direction(table, leading, kernel.missing_values)
    one = program.constant([1.0], used)
    sign_y = sign_z = one
    if set("xy") & set(kernel.reflections):
        side = program.constant([0.0], used)
        for reference in orientation.references:
            other = _direction(table, reference, kernel.missing_values)
            sine = program.cast(cos * other.sin - sin * other.cos, used)
            size = program.elementwise("absolute", sine)
            sine = program.where(~(size < SMALLEST_SINE), sine, 0.0)
            sine = program.where(program.is_nan(sine), 0.0, sine)
            side = program.where(program.equal(side, 0.0), sine, side)
        sign_y = program.where(side < 0.0, -1.0, one)
    if "z" in kernel.reflections and leading.longitudinal is not None:
        eta = program.cast(table.columns[leading.longitudinal].number, used)
        sign_z = program.where(eta < 0.0, -1.0, one)
    defined = ~program.is_nan(cos)
    cos, sin, phi = (program.cast(value, used) for value in (cos, sin, phi))
    return _Turn(cos, -sign_y * sin, -sign_y * phi, sign_y, sign_z), defined


def _direction(table: Table, momentum: Momentum, marker: float) -> _Direction:
    program = table.program
    used = table.take(momentum.columns)
    x = used.vector(used.kind())
    bad = program.max(program.cast(is_undefined(x, marker), "float32")) > 0.0
    if momentum.cylindrical:
        phi = program.where(bad, math.nan, x[-1])
        return _Direction(
            program.elementwise("cosine", phi), program.elementwise("sine", phi), phi
        )
    px, py = x[0], x[1]
    pt = program.elementwise("hypotenuse", px, py)
    bad = bad | program.equal(pt, 0.0)
    phi = program.elementwise("arctangent_of_quotient", py, px)
    parts = (px / pt, py / pt, phi)
    return _Direction(*(program.where(bad, math.nan, part) for part in parts))


def _turned(x: Value, kernel: SymmetryKernel, by: _Turn) -> Value:
    """Return columns after a transformation, as `SymmetryKernel.apply` does."""
    program, new = x.program, [x[i] for i in range(x.size)]
    phi, px, py = list(kernel.phi), list(kernel.px), list(kernel.py)
    if phi:
        angles = x[phi] * by.sign_y + by.angle
        angles = angles - whole_turns(angles - kernel.phi_low)
        _put(new, phi, _kept(x[phi], angles, kernel.missing_values))
    if px:
        old_x, old_y = x[px], x[py]
        new_x = old_x * by.cos - old_y * (by.sin * by.sign_y)
        new_y = old_x * by.sin + old_y * (by.cos * by.sign_y)
        if not math.isnan(kernel.missing_values):
            marked = program.equal(old_x, kernel.missing_values)
            marked = marked | program.equal(old_y, kernel.missing_values)
            # Beside a marker nan is nan, in both components.
            marked = marked & ~program.is_nan(new_x)
            new_x = program.where(marked, old_x, new_x)
            new_y = program.where(marked, old_y, new_y)
        _put(new, px, new_x)
        _put(new, py, new_y)
    signs = {"y": by.sign_y, "z": by.sign_z}
    flips: dict[str, list[int]] = {"z": [*kernel.eta, *kernel.pz]}
    for column, axes in zip(kernel.odd, kernel.odd_axes, strict=True):
        flips.setdefault(axes, []).append(column)
    for axes, columns in flips.items():
        if not columns:
            continue
        flipped = x[columns]
        for axis in axes.replace("x", ""):  # nothing is reflected in x
            flipped = flipped * signs[axis]
        _put(new, columns, _kept(x[columns], flipped, kernel.missing_values))
    return program.concatenate(new)


def _kept(old: Value, new: Value, marker: float) -> Value:
    """Return new numbers, the old ones where these are missing."""
    if math.isnan(marker):
        return new
    return old.program.where(old.program.equal(old, marker), old, new)


def _put(new: list[Value], columns: Iterable[int], values: Value) -> None:
    for k, column in enumerate(columns):
        new[column] = values[k]
