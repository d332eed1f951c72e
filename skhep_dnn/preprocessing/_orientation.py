"""The transformation that brings each event into one orientation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skhep_dnn.preprocessing._columns import Column, read_block, undefined
from skhep_dnn.preprocessing._momenta import Momentum, find_object
from skhep_dnn.preprocessing._symmetry_kernel import SymmetryKernel, Transformation

__all__ = ["SMALLEST_SINE", "Orientation", "find_orientation"]

Floats = NDArray[np.floating[Any]]

SMALLEST_SINE = 1e-6  # of an angle, in rad; less is a matter of rounding


@dataclass(frozen=True)
class Orientation:
    """The objects that fix the orientation of an event.

    Attributes
    ----------
    leading : Momentum
        Is turned to azimuth 0 and reflected to positive pseudorapidities.
    references : tuple of Momentum
        The first of them whose direction is defined and not that of the leading
        object is reflected to positive azimuths.
    kernel : SymmetryKernel
        Says which reflections are declared.
    """

    leading: Momentum
    references: tuple[Momentum, ...]
    kernel: SymmetryKernel

    @property
    def constant(self) -> int:
        """Position of the column that the orientation makes 0: phi or py."""
        return self.leading.columns[-1 if self.leading.cylindrical else 1]

    def transformation(self, X: Any) -> Transformation:
        """Return the transformation of each event of a table."""
        cos, sin, phi = self._direction(X, self.leading)
        self._check_defined(X, cos)
        sign_y = np.ones_like(cos)
        if set("xy") & set(self.kernel.reflections):
            sign_y = self._side(X, cos, sin)
        sign_z = np.ones_like(cos)
        if "z" in self.kernel.reflections and self.leading.longitudinal is not None:
            eta = read_block(X, [self.leading.longitudinal])
            sign_z = np.where(eta < 0.0, -1.0, 1.0).astype(eta.dtype)
        return Transformation(
            -sign_y * phi, cos, -sign_y * sin, sign_y=sign_y, sign_z=sign_z
        )

    def _side(self, X: Any, cos: Floats, sin: Floats) -> Floats:
        side = np.zeros_like(cos)
        for reference in self.references:
            other_cos, other_sin, _ = self._direction(X, reference)
            sine = np.nan_to_num(cos * other_sin - sin * other_cos)
            sine = np.where(np.abs(sine) < SMALLEST_SINE, 0.0, np.sign(sine))
            side = np.where(side == 0.0, sine, side)
        return np.where(side < 0.0, -1.0, 1.0).astype(cos.dtype)

    def _direction(self, X: Any, momentum: Momentum) -> tuple[Floats, Floats, Floats]:
        """Return cosine, sine and azimuth, each (n_samples, 1); nan if undefined."""
        block = read_block(X, momentum.columns)
        bad = undefined(block, self.kernel.missing_values).any(axis=1, keepdims=True)
        if momentum.cylindrical:
            phi = np.where(bad, np.nan, block[:, -1:])
            return np.cos(phi), np.sin(phi), phi
        px, py = block[:, :1], block[:, 1:2]
        pt = np.hypot(px, py)
        bad |= pt == 0.0
        pt = np.where(bad, 1.0, pt)
        cos, sin, phi = (
            np.where(bad, np.nan, part).astype(block.dtype)
            for part in (px / pt, py / pt, np.arctan2(py, px))
        )
        return cos, sin, phi

    def _check_defined(self, X: Any, cos: Floats) -> None:
        bad = np.flatnonzero(np.isnan(cos[:, 0]))
        if len(bad):
            msg = (
                f"The leading object {self.leading} must be defined in every event, "
                f"got {len(bad)} of {X.shape[0]} events without it, the first in row "
                f"{bad[0]}. Choose another `leading` object, or drop these events."
            )
            raise ValueError(msg)


def find_orientation(
    momenta: list[Momentum],
    kernel: SymmetryKernel,
    leading: Column | None,
    reference: Column | None,
) -> Orientation:
    """Return the orientation by objects that are declared, or found by their names.

    Parameters
    ----------
    momenta : list of Momentum
        All momenta.
    kernel : SymmetryKernel
        The declared transformations.
    leading : str, int or None
        Name of the leading object or one of its columns; None finds "lep".
    reference : str, int or None
        The same of the reference object; None finds "tau".

    Returns
    -------
    orientation : Orientation

    Raises
    ------
    ValueError
        If an object is not among the momenta or not found, or if the leading object
        cannot fix what is declared.
    """
    first = find_object(momenta, leading, "leading", "lep")
    if "z" in kernel.reflections and first.longitudinal is None:
        msg = (
            "`leading` must have a pseudorapidity or pz to fix reflections in z, got "
            f"{first}. Choose another object, or leave z out of `reflections`."
        )
        raise ValueError(msg)
    others = [momentum for momentum in momenta if momentum is not first]
    if reference is None and len(others) < 2:
        return Orientation(first, tuple(others), kernel)
    second = find_object(others, reference, "reference", "tau")
    rest = (momentum for momentum in others if momentum is not second)
    return Orientation(first, (second, *rest), kernel)
