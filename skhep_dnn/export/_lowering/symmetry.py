"""Fixed transformations of the columns of an event, as in `SymmetryKernel.apply`."""

from __future__ import annotations

import math

import numpy as np

from skhep_dnn.export._program.program import Value
from skhep_dnn.preprocessing._symmetry_kernel import SymmetryKernel, Transformation

__all__ = ["transformed_columns", "whole_turns"]

TURN, HALF = 2.0 * math.pi, math.pi / 2.0


def transformed_columns(x: Value, kernel: SymmetryKernel, by: Transformation) -> Value:
    """Return the columns of an event after a transformation.

    Parameters
    ----------
    x : Value
        All columns.
    kernel : SymmetryKernel
        What they are.
    by : Transformation
        Numbers: a rotation by 0 or half a turn, after reflections.

    Returns
    -------
    x_new : Value
    """
    # A half turn changes the signs of px and py; nothing is mixed.
    factor = np.ones(x.size)
    factor[list(kernel.px)] = by.cos * by.sign_x
    factor[list(kernel.py)] = by.cos * by.sign_y
    signs = {"x": by.sign_x, "y": by.sign_y, "z": by.sign_z}
    factor[[*kernel.eta, *kernel.pz]] = by.sign_z
    for column, axes in zip(kernel.odd, kernel.odd_axes, strict=True):
        factor[column] = math.prod(signs[axis] for axis in axes)
    sign, offset = by.sign_x * by.sign_y, by.angle + HALF * (1.0 - by.sign_x)
    turns_angles = len(kernel.phi) > 0 and not (sign == 1.0 and offset == 0.0)
    if (factor == 1.0).all() and not turns_angles:
        return x
    program = x.program
    new = x * factor if (factor != 1.0).any() else x
    if turns_angles:
        phi = list(kernel.phi)
        angles = x[phi] * sign + offset
        angles = angles - whole_turns(angles - kernel.phi_low)
        # The angles in the places of the columns that they are.
        order = np.arange(x.size)
        order[phi] = x.size + np.arange(len(phi))
        new = program.concatenate([new, angles])[order.tolist()]
    if not math.isnan(kernel.missing_values):
        marked = program.equal(x, kernel.missing_values)
        new = program.where(marked, x, new)
    return new


def whole_turns(angle: Value) -> Value:
    """Return the whole turns in an angle, in rad, as the `//` of NumPy counts them.

    A quotient just below a whole number may be rounded up to it.

    Parameters
    ----------
    angle : Value
        In rad.

    Returns
    -------
    turns : Value
        Multiples of 2 pi; what is left is at least 0.
    """
    program = angle.program
    turns = program.floor(angle / TURN) * TURN
    return program.where(angle - turns < 0.0, turns - TURN, turns)
