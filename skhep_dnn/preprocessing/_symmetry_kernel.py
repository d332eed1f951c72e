r"""How momenta change under rotations in azimuth and reflections in x, y and z.

One formula for NumPy arrays and for tensors of torch, which is not imported here: the
code below uses arithmetic, comparisons and indexing only. Signs and angle are given for
each event; first the signs act, then the rotation:

.. math::
    \phi' = s_x s_y \phi + \pi (1 - s_x) / 2 + \alpha, \quad \eta' = s_z \eta, \quad
    p_x' + i p_y' = e^{i \alpha} (s_x p_x + i s_y p_y), \quad p_z' = s_z p_z
"""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

__all__ = ["SymmetryKernel", "Transformation"]

Tensor = Any  # a NumPy array or a tensor of torch
Columns = tuple[int, ...]
_TURN, _HALF = 2.0 * math.pi, math.pi / 2.0


class Transformation(NamedTuple):
    """A rotation in azimuth after reflections; numbers, or arrays of shape (..., 1).

    Attributes
    ----------
    angle : float or array of shape (..., 1)
        Of the rotation, in rad.
    cos, sin : float or array of shape (..., 1)
        Of that angle.
    sign_x, sign_y, sign_z : float or array of shape (..., 1)
        -1 where the axis is reflected, else 1.
    """

    angle: Tensor = 0.0
    cos: Tensor = 1.0
    sin: Tensor = 0.0
    sign_x: Tensor = 1.0
    sign_y: Tensor = 1.0
    sign_z: Tensor = 1.0


@dataclass(frozen=True, eq=False)
class SymmetryKernel:
    """What the columns are, by position, and which transformations are declared.

    Columns that are evenly spaced, such as neighbours, are treated together: put those
    of one kind side by side where speed matters. Kernels that look alike are equal,
    also those whose marker is nan.

    Attributes
    ----------
    phi, eta : tuple of int
        Azimuths and pseudorapidities.
    px, py : tuple of int
        Components of transverse momenta, in the same order.
    pz : tuple of int
        Longitudinal components.
    odd : tuple of int
        Columns that change sign.
    odd_axes : tuple of str
        The axes, some of "xyz", under whose reflections each of these does.
    rotation : bool
        Whether events are rotated in azimuth.
    reflections : str
        The axes, some of "xyz", in which events are reflected.
    phi_low : float
        Azimuths are in [phi_low, phi_low + 2 pi).
    missing_values : float
        Marks an undefined entry, as nan does.
    """

    phi: Columns = ()
    eta: Columns = ()
    px: Columns = ()
    py: Columns = ()
    pz: Columns = ()
    odd: Columns = ()
    odd_axes: tuple[str, ...] = ()
    rotation: bool = True
    reflections: str = "xyz"
    phi_low: float = -math.pi
    missing_values: float = math.nan
    _flips: dict[str, Columns] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        flips: dict[str, list[int]] = {"z": [*self.eta, *self.pz]}
        for column, axes in zip(self.odd, self.odd_axes, strict=True):
            flips.setdefault("".join(sorted(axes)), []).append(column)
        frozen = {axes: tuple(columns) for axes, columns in flips.items()}
        object.__setattr__(self, "_flips", frozen)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SymmetryKernel) and repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(repr(self))

    @property
    def columns(self) -> Columns:
        """All declared columns that a transformation can change, sorted."""
        kinds = (self.phi, self.eta, self.px, self.py, self.pz, self.odd)
        return tuple(sorted(itertools.chain(*kinds)))

    def moved(self, positions: Sequence[int]) -> "SymmetryKernel":
        """Return the kernel for a table whose column i was at `positions[i]`."""
        place = {int(old): new for new, old in enumerate(positions)}
        lost = sorted(set(self.columns) - set(place))
        if lost:
            msg = (
                "`positions` must contain every declared column that changes, got none "
                f"for the columns {lost!r}. Keep them, or declare fewer."
            )
            raise ValueError(msg)

        def new(columns: Columns) -> Columns:
            return tuple(place[i] for i in columns)

        return replace(
            self,
            phi=new(self.phi),
            eta=new(self.eta),
            px=new(self.px),
            py=new(self.py),
            pz=new(self.pz),
            odd=new(self.odd),
        )

    def apply(
        self, X: Tensor, transformation: Transformation, out: Tensor = None
    ) -> Tensor:
        """Return transformed events; nan and missing values stay as they are.

        Parameters
        ----------
        X : array of shape (..., n_columns)
            Events, floating point.
        transformation : Transformation
            One for each event, or one for all.
        out : array of shape (..., n_columns), default=None
            Where to put them, `X` itself for instance; None makes a new array.

        Returns
        -------
        X_new : array of shape (..., n_columns)
        """
        if out is None:
            out = X * 1  # a copy
        elif out is not X:
            out[...] = X
        if self.phi:
            self._turn_angles(out, transformation)
        if self.px:
            self._turn_components(out, transformation)
        for axes, columns in self._flips.items():
            sign = _product(axes, transformation)
            for (column,) in _slices(columns):
                self._flip(out, column, sign)
        return out

    def transformation(
        self, uniform: Tensor, cos_sin: Callable[[Tensor], tuple[Tensor, Tensor]]
    ) -> Transformation:
        """Return a transformation for each row of uniform random numbers.

        Parameters
        ----------
        uniform : array of shape (..., 4)
            Numbers in [0, 1) for the angle and the reflections in x, y and z; those
            of transformations that are not declared are not used.
        cos_sin : callable
            Maps an array of angles to its cosines and sines.

        Returns
        -------
        transformation : Transformation
            Arrays of shape (..., 1); numbers where nothing is declared.
        """
        signs = {
            f"sign_{axis}": 1.0 - 2.0 * (2.0 * uniform[..., i : i + 1] // 1.0)
            for i, axis in enumerate("xyz", start=1)
            if axis in self.reflections
        }
        if not self.rotation:
            return Transformation(**signs)
        angle = uniform[..., :1] * _TURN
        return Transformation(angle, *cos_sin(angle), **signs)

    def variants(self) -> list[Transformation]:
        """Return the fixed set of transformations, the identity first.

        With rotations: azimuth 0 and pi, times the flips of one transverse axis and
        of z as declared, 8 by default. Without: all combinations of the reflections.
        """
        half_turns = [(0.0, 1.0, 0.0)]
        axes = self.reflections
        if self.rotation:
            half_turns.append((math.pi, -1.0, 0.0))
            # A reflection in x is one in y and half a turn.
            axes = axes.replace("x", "") if "y" in axes else axes
        signs = itertools.product((1.0, -1.0), repeat=len(axes))
        names = [f"sign_{axis}" for axis in axes]
        return [
            Transformation(*turn, **dict(zip(names, flips, strict=True)))
            for flips, turn in itertools.product(signs, half_turns)
        ]

    def _turn_angles(self, out: Tensor, by: Transformation) -> None:
        sign, offset = by.sign_x * by.sign_y, by.angle + _HALF * (1.0 - by.sign_x)
        if _is_number(sign, 1.0) and _is_number(offset, 0.0):
            return  # azimuths that were rounded out of the range stay there
        for (columns,) in _slices(self.phi):
            old = out[..., columns]
            new = old * sign
            new += offset
            turns = (new - self.phi_low) // _TURN
            turns *= _TURN
            new -= turns
            if self._has_marker:
                new = _kept(old, new, old != self.missing_values)
            out[..., columns] = new

    def _turn_components(self, out: Tensor, by: Transformation) -> None:
        xx, xy = by.cos * by.sign_x, by.sin * by.sign_y
        yx, yy = by.sin * by.sign_x, by.cos * by.sign_y
        for x, y in _slices(self.px, self.py):
            if _is_number(by.sin, 0.0):
                self._flip(out, x, xx)
                self._flip(out, y, yy)
                continue
            px, py = out[..., x], out[..., y]
            new_x, new_y = px * xx, px * yx
            new_x -= py * xy
            new_y += py * yy
            if self._has_marker:
                marker = self.missing_values
                defined = (px != marker) & (py != marker)
                new_x, new_y = _kept(px, new_x, defined), _kept(py, new_y, defined)
            out[..., x], out[..., y] = new_x, new_y

    def _flip(self, out: Tensor, column: slice, sign: Tensor) -> None:
        if _is_number(sign, 1.0):
            return
        old = out[..., column]
        if self._has_marker:
            sign = 1.0 + (sign - 1.0) * (old != self.missing_values)
        out[..., column] = old * sign

    @property
    def _has_marker(self) -> bool:
        return not math.isnan(self.missing_values)


def _is_number(value: Tensor, number: float) -> bool:
    """Tell whether it is a number, as in fixed transformations, and no array."""
    return isinstance(value, float) and value == number


def _kept(old: Tensor, new: Tensor, defined: Tensor) -> Tensor:
    return new * defined + old * ~defined


def _slices(*columns: Columns) -> list[tuple[slice, ...]]:
    """Cut lists of columns, in parallel, into evenly spaced runs: views, no copies."""
    rows = list(zip(*columns, strict=True))
    runs = []
    while rows:
        first, steps, n = rows[0], [1] * len(columns), 1
        if len(rows) > 1:
            steps = [b - a for a, b in zip(first, rows[1], strict=True)]
        if min(steps) > 0:
            while n < len(rows) and rows[n] == _shifted(first, steps, n):
                n += 1
        ends = [i + 1 for i in rows[n - 1]]
        runs.append(tuple(map(slice, first, ends, [max(k, 1) for k in steps])))
        rows = rows[n:]
    return runs


def _shifted(first: Columns, steps: list[int], n: int) -> Columns:
    return tuple(i + n * step for i, step in zip(first, steps, strict=True))


def _product(axes: str, by: Transformation) -> Tensor:
    sign: Tensor = 1.0
    for axis in axes:
        sign = sign * getattr(by, f"sign_{axis}")
    return sign
