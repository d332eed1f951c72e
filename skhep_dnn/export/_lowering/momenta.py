"""`CartesianMomenta` and `InvariantFeatures`: formulas of momenta, all objects at once.

They are those of `preprocessing._cartesian` and `preprocessing._pairs`. A vector has a
number for each object, or for each pair of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from skhep_dnn.export._lowering.lowering import Lowering, MadeColumn, Table
from skhep_dnn.export._lowering.symmetry import TURN, whole_turns
from skhep_dnn.export._program.program import DType, Value
from skhep_dnn.preprocessing import CartesianMomenta, InvariantFeatures
from skhep_dnn.preprocessing._momenta import Momentum

__all__ = ["cartesian_momenta", "invariant_features", "is_undefined"]


def cartesian_momenta(_: Lowering, step: CartesianMomenta, table: Table) -> Table:
    """Return the columns with Cartesian components in the place of others."""
    columns = [table.columns[i] for i in step._sources()]
    places = step._places()
    for n_components in (2, 3):
        momenta = [m for m in step.momenta_ if len(m.columns) == n_components]
        if not momenta:
            continue
        parts = _components(_vectors(table, momenta), step.missing_values)
        for k, momentum in enumerate(momenta):
            start = [places[i] for i in momentum.columns]
            if step._keeps_size(momentum):
                start = [start[1], start[1] + 1]
            for place, part in zip(start, parts, strict=True):
                columns[place] = MadeColumn(part[k])
    names = None
    if table.names is not None:
        names = tuple(str(name) for name in step.get_feature_names_out())
    return Table(table.program, tuple(columns), names)


def invariant_features(
    lowering: Lowering, step: InvariantFeatures, table: Table
) -> Table:
    """Return the columns that are kept, and then those that no orientation changes."""
    program = table.program
    objects = _objects(table, step, lowering.wide)
    values, places = _new_columns(objects, step.momenta_)
    if step._collinear is not None:
        first = values.size
        values = program.concatenate([values, _collinear(objects, *step._collinear)])
        places = [*places, first, first + 1, first + 2]
    finite = program.elementwise("absolute", values) < np.inf
    values = program.where(finite, values, step.missing_values)[places]
    used = table.take([i for m in step.momenta_ for i in m.columns])
    new = Table.of_vector(program.cast(values, used.kind()))
    kept = table.take(step._kept())
    names = None if kept.names is None else (*kept.names, *step._names)
    return Table(program, (*kept.columns, *new.columns), names)


def is_undefined(x: Value, missing_values: float) -> Value:
    """Tell where numbers are nan or the marker of missing values.

    Parameters
    ----------
    x : Value
        Numbers.
    missing_values : float
        The marker.

    Returns
    -------
    undefined : Value
    """
    undefined = x.program.is_nan(x)
    if math.isnan(missing_values):
        return undefined
    return undefined | x.program.equal(x, missing_values)


def _vectors(table: Table, momenta: Sequence[Momentum]) -> list[Value]:
    """Return the components of objects of one kind, a vector for each component."""
    used = table.take([i for m in momenta for i in m.columns])
    x, step = used.vector(used.kind()), len(momenta[0].columns)
    return [x[slice(k, None, step)] for k in range(step)]


def _components(old: Sequence[Value], marker: float) -> list[Value]:
    program = old[0].program
    unknown = _any([program.is_nan(x) for x in old])
    pt, phi = old[0], old[-1]
    cos, sin = program.elementwise("cosine", phi), program.elementwise("sine", phi)
    new = [pt * cos, pt * sin]
    if len(old) == 3:
        new.append(pt * program.elementwise("hyperbolic_sine", old[1]))
    if not math.isnan(marker):
        marked = _any([program.equal(x, marker) for x in old])
        new = [program.where(marked, marker, x) for x in new]
    return [program.where(unknown, math.nan, x) for x in new]


def _any(conditions: Sequence[Value]) -> Value:
    result = conditions[0]
    for condition in conditions[1:]:
        result = result | condition
    return result


@dataclass(frozen=True)
class _Objects:
    """Momenta, as exact as they may be; nan where an object is undefined.

    Attributes
    ----------
    pt, phi : Value
        Of all objects.
    eta : Value or None
        Of those that have one; None if none has.
    with_eta : tuple of int
        Which these are.
    """

    pt: Value
    phi: Value
    eta: Value | None
    with_eta: tuple[int, ...]

    def etas(self, objects: Sequence[int]) -> Value:
        """Return those of some objects that have one."""
        if self.eta is None:
            msg = "no object has a pseudorapidity"
            raise ValueError(msg)
        return self.eta[[self.with_eta.index(i) for i in objects]]


def _objects(table: Table, step: InvariantFeatures, dtype: DType) -> _Objects:
    program, momenta = table.program, step.momenta_
    kinds: dict[tuple[bool, int], list[int]] = {}
    for k, momentum in enumerate(momenta):
        kinds.setdefault((momentum.cylindrical, len(momentum.columns)), []).append(k)
    pts, phis, etas = [], [], []
    for (cylindrical, n_components), which in kinds.items():
        parts = _vectors(table, [momenta[k] for k in which])
        bad = _any([is_undefined(x, step.missing_values) for x in parts])
        parts = [program.where(bad, math.nan, program.cast(x, dtype)) for x in parts]
        first, second, last = parts[0], parts[1], parts[-1]
        eta = second
        if not cylindrical:
            pt = program.elementwise("hypotenuse", first, second)
            eta = program.elementwise("inverse_hyperbolic_sine", last / pt)
            last = program.elementwise("arctangent_of_quotient", second, first)
            first = pt
        pts.append(first)
        phis.append(last)
        if n_components == 3:
            etas.append(eta)
    order = [k for which in kinds.values() for k in which]
    places = np.argsort(order).tolist()
    full = [k for k in order if len(momenta[k].columns) == 3]
    return _Objects(
        program.concatenate(pts)[places],
        program.concatenate(phis)[places],
        program.concatenate(etas) if etas else None,
        tuple(full),
    )


def _new_columns(
    objects: _Objects, momenta: Sequence[Momentum]
) -> tuple[Value, list[int]]:
    """Return numbers of objects and pairs, and which of them are the new columns."""
    pairs = list(combinations(range(len(momenta)), 2))
    full = [pair for pair in pairs if set(pair) <= set(objects.with_eta)]
    values = _quantities(objects, pairs, full)
    sizes = [value.size for value in values.values()]
    starts = dict(zip(values, np.cumsum([0, *sizes]).tolist(), strict=False))
    places = []
    for k, momentum in enumerate(momenta):
        if not momentum.cylindrical:
            places.append(starts["pt"] + k)
        if k in objects.with_eta:
            places.append(starts["abseta"] + objects.with_eta.index(k))
    for k, pair in enumerate(pairs):
        places.append(starts["dphi"] + k)
        if pair in full:
            places += [starts[name] + full.index(pair) for name in ("deta", "dr")]
        places.append(starts["mass"] + k)
    return objects.pt.program.concatenate(list(values.values())), places


def _quantities(
    objects: _Objects,
    pairs: Sequence[tuple[int, int]],
    full: Sequence[tuple[int, int]],
) -> dict[str, Value]:
    """Return those of objects, of pairs, and of pairs that have pseudorapidities."""
    program = objects.pt.program
    values = {"pt": objects.pt}
    if objects.eta is not None:
        values["abseta"] = program.elementwise("absolute", objects.eta)
    if not pairs:
        return values
    values["dphi"] = _distance(objects, pairs)
    if full:
        values["deta"] = _delta_eta(objects, full)
        across = values["dphi"][[pairs.index(pair) for pair in full]]
        values["dr"] = program.elementwise("hypotenuse", values["deta"], across)
    values["mass"] = _mass(objects, pairs)
    return values


def _distance(objects: _Objects, pairs: Sequence[tuple[int, int]]) -> Value:
    """Return the angles between azimuths, in [0, pi]."""
    program = objects.phi.program
    a, b = (objects.phi[list(which)] for which in zip(*pairs, strict=True))
    turn = program.elementwise("absolute", a - b)
    turn = turn - whole_turns(turn)
    return program.elementwise("minimum", turn, TURN - turn)


def _delta_eta(objects: _Objects, pairs: Sequence[tuple[int, int]]) -> Value:
    a, b = (objects.etas(which) for which in zip(*pairs, strict=True))
    return a.program.elementwise("absolute", a - b)


def _mass(objects: _Objects, pairs: Sequence[tuple[int, int]]) -> Value:
    """Return masses of pairs, transverse ones if one has no pseudorapidity."""
    program = objects.pt.program
    a, b = (objects.pt[list(which)] for which in zip(*pairs, strict=True))
    full = [pair for pair in pairs if set(pair) <= set(objects.with_eta)]
    cosh = program.constant(1.0, objects.pt.dtype)
    if full:
        own = program.elementwise("hyperbolic_cosine", _delta_eta(objects, full))
        is_flat = program.constant([pair not in full for pair in pairs])
        places = [full.index(pair) if pair in full else 0 for pair in pairs]
        cosh = program.where(is_flat, 1.0, own[places])
    cosine = program.elementwise("cosine", _distance(objects, pairs))
    # cosh - cos of equal directions is 0 up to rounding.
    difference = cosh - cosine
    difference = program.where(difference < 0.0, 0.0, difference)
    return program.sqrt(2.0 * a * b * difference)


def _collinear(objects: _Objects, a: int, b: int, missing: int) -> Value:
    """Return the shares of two objects and the mass, as `collinear_taus` does."""
    program, pt, phi = objects.pt.program, objects.pt, objects.phi

    def sine(angle: Value) -> Value:
        return program.elementwise("sine", angle)

    def finite(x: Value) -> Value:
        return program.where(program.elementwise("absolute", x) < np.inf, x, math.nan)

    area = sine(phi[b] - phi[a])
    r_a = pt[missing] * sine(phi[b] - phi[missing]) / (pt[a] * area)
    r_b = pt[missing] * sine(phi[missing] - phi[a]) / (pt[b] * area)
    ratios = program.concatenate([r_a, r_b])
    fractions = finite(1.0 / (finite(ratios) + 1.0))
    first, second = fractions[0], fractions[1]
    mass = finite(_mass(objects, [(a, b)]) / program.sqrt(first * second))
    positive = (first > 0.0) & (second > 0.0)
    mass = program.where(positive, mass, math.nan)
    return program.concatenate([fractions, mass])
