"""What a user declares about columns and symmetries, as momenta and as a kernel."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skhep_dnn._sklearn import _safe_indexing
from skhep_dnn.preprocessing._columns import (
    Column,
    ColumnNames,
    read_block,
    read_defined,
    undefined,
    with_block,
)
from skhep_dnn.preprocessing._event_checks import check_events, lowest_azimuth
from skhep_dnn.preprocessing._momenta import Momentum, check_named, find_momenta
from skhep_dnn.preprocessing._symmetry_kernel import SymmetryKernel, Transformation

__all__ = [
    "Invariants",
    "OddUnder",
    "declare_symmetry",
    "random_transformation",
]

OddUnder = Mapping[Column, str] | None
Invariants = Mapping[Column, Callable[[Any], ArrayLike]] | None
_TOLERANCE = 1e-5  # of the scale, between an event and its copies
_LIKENESS = 0.1  # of the mean deviation, between a formula and its column
_N_EVENTS = 1000  # on which formulas are checked


def declare_symmetry(
    model: Any,
    X: Any,
    *,
    rotation: bool = True,
    invariants: Invariants = None,
) -> tuple[list[Momentum], SymmetryKernel]:
    """Return the momenta and transformations that a model declares, checked on events.

    Parameters
    ----------
    model : SymmetryAugmenter or SymmetryAligner
        Declares columns, reflections and missing values.
    X : ndarray or pandas.DataFrame of shape (n_samples, n_features)
        Events.
    rotation : bool, default=True
        Whether events are rotated.
    invariants : mapping of column to callable, or None, default=None
        Formulas of columns that must not change.

    Returns
    -------
    momenta : list of Momentum
    kernel : SymmetryKernel

    Raises
    ------
    TypeError
        If a declaration is of a wrong kind.
    ValueError
        If a column is missing, names are ambiguous, a transformation changes nothing,
        or values are not what the columns are declared to be.
    """
    columns = ColumnNames.of_fitted(model, X)
    reflections = _check_axes(model.reflections, "reflections")
    odd = _odd_columns(columns, model, rotation=rotation)
    formulas = [columns.position(column, "invariants") for column in invariants or ()]
    others = [name for name in ("odd_under", "invariants") if hasattr(model, name)]
    momenta = find_momenta(
        columns,
        model.cylindrical,
        model.cartesian,
        [*odd, *formulas],
        remedy=f", or None, or declare these columns in `{'` or `'.join(others)}`",
    )
    if not odd:
        declared = {"cylindrical": model.cylindrical, "cartesian": model.cartesian}
        check_named(columns, momenta, declared)
    missing_values = float(model.missing_values)
    check_events(X, momenta, missing_values)
    kernel = _kernel(
        momenta,
        odd,
        rotation=rotation,
        reflections=reflections,
        phi_low=lowest_azimuth(X, momenta, missing_values),
        missing_values=missing_values,
    )
    _check_effect(X, kernel, columns)
    _check_invariants(X, columns, momenta, kernel, invariants)
    return momenta, kernel


def _check_axes(axes: object, parameter: str) -> str:
    """Return axes, some of "xyz", in this order."""
    if not isinstance(axes, str) or len(set(axes) & set("xyz")) != len(axes):
        msg = (
            f'`{parameter}` must hold axes, some of "xyz", each once, got {axes!r}. '
            'Pass a str such as "xyz" or "y".'
        )
        raise ValueError(msg)
    return "".join(sorted(axes))


def _odd_columns(columns: ColumnNames, model: Any, *, rotation: bool) -> dict[int, str]:
    """Return the axes under whose reflections columns change sign, by position."""
    odd = {}
    for column, axes in dict(model.odd_under or {}).items():
        position = columns.position(column, "odd_under")
        odd[position] = _check_axes(axes, "odd_under")
        if rotation and ("x" in axes) != ("y" in axes):
            remedy = ", or set `rotation=False`" if hasattr(model, "rotation") else ""
            msg = (
                f"`odd_under` must name both x and y or neither for a column that does "
                "not change under rotations (reflections in x and y together are half "
                f"a turn), got {axes!r} for {column!r}. Correct the axes{remedy}."
            )
            raise ValueError(msg)
    return odd


def _kernel(
    momenta: Sequence[Momentum],
    odd: Mapping[int, str],
    *,
    rotation: bool,
    reflections: str,
    phi_low: float,
    missing_values: float,
) -> SymmetryKernel:
    """Return the kernel of declared columns, with the range of azimuths of a table."""
    polar = [m for m in momenta if m.cylindrical]
    cartesian = [m for m in momenta if not m.cylindrical]
    return SymmetryKernel(
        phi=tuple(m.columns[-1] for m in polar),
        eta=tuple(m.longitudinal for m in polar if m.longitudinal is not None),
        px=tuple(m.columns[0] for m in cartesian),
        py=tuple(m.columns[1] for m in cartesian),
        pz=tuple(m.longitudinal for m in cartesian if m.longitudinal is not None),
        odd=tuple(odd),
        odd_axes=tuple(odd.values()),
        rotation=rotation,
        reflections=reflections,
        phi_low=phi_low,
        missing_values=missing_values,
    )


def random_transformation(
    kernel: SymmetryKernel, n_samples: int, rng: np.random.RandomState
) -> Transformation:
    """Return one random transformation for each of some events.

    Parameters
    ----------
    kernel : SymmetryKernel
        Says which transformations are declared.
    n_samples : int
        Number of events.
    rng : RandomState
        Source of the random numbers.

    Returns
    -------
    transformation : Transformation
    """
    uniform = rng.uniform(size=(n_samples, 4))
    return kernel.transformation(uniform, lambda angle: (np.cos(angle), np.sin(angle)))


def _check_effect(X: Any, kernel: SymmetryKernel, columns: ColumnNames) -> None:
    """Raise if a declared transformation changes no value of a table."""
    block = read_block(X, kernel.columns)
    local = kernel.moved(kernel.columns)
    trials = {}
    if kernel.rotation:
        trials["rotation"] = Transformation(1.0, math.cos(1.0), math.sin(1.0))
    elif not kernel.reflections:
        msg = (
            "A transformation must be declared, got rotation=False and reflections=''. "
            "Allow rotations, or name the axes of reflections."
        )
        raise ValueError(msg)
    for axis in kernel.reflections:
        trials[f"reflection in {axis}"] = Transformation(**{f"sign_{axis}": -1.0})
    for name, trial in trials.items():
        if np.array_equal(local.apply(block, trial), block, equal_nan=True):
            other = "do not rotate" if name == "rotation" else "change `reflections`"
            msg = (
                "A declared transformation must change some column of `X`, got the "
                f"{name}, which changes nothing in {columns}. Declare the columns that "
                f"it changes, or {other}."
            )
            raise ValueError(msg)


def _check_invariants(
    X: Any,
    columns: ColumnNames,
    momenta: Sequence[Momentum],
    kernel: SymmetryKernel,
    invariants: Invariants,
) -> None:
    """Raise if a formula changes for transformed events, or is not of its column."""
    if not invariants:
        return
    X = _safe_indexing(X, slice(0, _N_EVENTS))
    components = {i for momentum in momenta for i in momentum.columns}
    table = _doubled(X, sorted(components | set(kernel.columns)), kernel.missing_values)
    block = read_block(table, kernel.columns)
    local = kernel.moved(kernel.columns)
    random = random_transformation(kernel, len(block), np.random.RandomState(0))
    for column, formula in invariants.items():
        before = _first_values(formula, table, column)
        for trial in (*kernel.variants()[1:], random):
            moved = with_block(table, kernel.columns, local.apply(block, trial))
            _check_unchanged(before, _values(formula, moved), column)
        stored = read_block(X, [columns.position(column, "invariants")])[:, 0]
        _check_formula(before, stored, column, kernel.missing_values)


def _doubled(X: Any, positions: Sequence[int], missing_values: float) -> Any:
    """Return a table with some columns in double precision, nan where undefined."""
    block = read_defined(X, positions, missing_values)
    table = X.astype(np.float64) if isinstance(X, np.ndarray) else X.copy()
    if not isinstance(table, np.ndarray):
        for i in positions:  # float32 would not be exact enough
            table.isetitem(i, np.zeros(len(block)))
    return with_block(table, positions, block)


def _first_values(
    formula: Callable[[Any], ArrayLike], table: Any, column: Column
) -> NDArray[np.float64]:
    """Return the values of a formula, which must find the columns that it uses."""
    try:
        return _values(formula, table)
    except (KeyError, IndexError) as error:
        msg = (
            f"The formula of the invariant {column!r} must be computed from the "
            f"columns of `X`, got {type(error).__name__}: {error}. Keep the columns "
            "that it uses, or leave the formula out."
        )
        raise ValueError(msg) from error


def _values(formula: Callable[[Any], ArrayLike], table: Any) -> NDArray[np.float64]:
    values = np.asarray(formula(table), np.float64)
    if values.shape != (len(table),):
        msg = (
            "The formula of an invariant must return one value for each event, the "
            f"shape ({len(table)},), got {values.shape}. Correct the formula."
        )
        raise ValueError(msg)
    return values


def _check_unchanged(
    before: NDArray[np.float64], after: NDArray[np.float64], column: Column
) -> None:
    both = np.isfinite(before) & np.isfinite(after)
    scale = np.sqrt(np.mean(before[both] ** 2)) if both.any() else 0.0
    change = np.abs(after - before)[both].max(initial=0.0)
    lost = int((np.isfinite(before) != np.isfinite(after)).sum())
    if lost or change > _TOLERANCE * scale:
        size = f"{lost} values that became undefined" if lost else f"{change:.3g}"
        msg = (
            f"The formula of the invariant {column!r} must give the same values for "
            f"transformed events to {_TOLERANCE} of its scale {scale:.3g}, got a "
            f"change of {size}. Correct the formula, declare all columns that it uses, "
            "or choose other transformations."
        )
        raise ValueError(msg)


def _check_formula(
    values: NDArray[np.float64],
    stored: NDArray[np.floating[Any]],
    column: Column,
    missing_values: float,
) -> None:
    both = np.isfinite(values) & ~undefined(stored, missing_values)
    got, expected = values[both], stored[both].astype(np.float64)
    if not len(expected):
        return
    spread = np.abs(expected - np.median(expected)).mean()
    difference = np.abs(got - expected).mean()
    if difference > _LIKENESS * spread + 1e-3 * np.abs(expected).mean():
        msg = (
            f"The formula of the invariant {column!r} must give the values of this "
            f"column, got a mean difference of {difference:.3g}, where their mean "
            f"deviation is {spread:.3g}. Correct the formula; a column that changes "
            "sign belongs to `odd_under`."
        )
        raise ValueError(msg)
