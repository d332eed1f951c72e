"""Declarations of momenta for a table of which some columns are left out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sklearn.base import clone

from skhep_dnn.preprocessing._base import MomentumTransformer
from skhep_dnn.preprocessing._columns import ColumnNames
from skhep_dnn.preprocessing._momenta import Form, Momentum, known_momenta

__all__ = ["declared_momenta", "restricted_transformer"]

_FORMS: dict[str, Form] = {
    "cylindrical": "cylindrical",
    "momenta": "cylindrical",
    "cartesian": "cartesian",
}


def declared_momenta(
    model: MomentumTransformer, names: Sequence[str]
) -> list[Momentum]:
    """Return the momenta that an unfitted transformer will find among some columns.

    Parameters
    ----------
    model : SymmetryAugmenter, SymmetryAligner, CartesianMomenta or InvariantFeatures
        Declares momenta, or finds them.
    names : sequence of str
        Names of the columns.

    Returns
    -------
    momenta : list of Momentum
        Those whose columns are all there. What is ambiguous is left out; `fit` refuses
        it.
    """
    columns = ColumnNames(names, len(names))
    others = [*_mapping(model, "odd_under"), *_mapping(model, "invariants")]
    known = {*names, *range(len(names))}
    taken = [columns.position(c, "odd_under") for c in others if c in known]
    given = {
        _FORMS[name]: getattr(model, name) for name in _FORMS if hasattr(model, name)
    }
    return known_momenta(columns, given, taken)


def restricted_transformer(
    model: MomentumTransformer, names: Sequence[str], kept: Collection[str]
) -> MomentumTransformer | None:
    """Return a clone that declares the columns alone that are kept.

    Parameters
    ----------
    model : SymmetryAugmenter, SymmetryAligner, CartesianMomenta or InvariantFeatures
        Not fitted; declares columns by name.
    names : sequence of str
        Names of all columns.
    kept : collection of str
        Names of those that are kept.

    Returns
    -------
    model : transformer or None
        None of one that has nothing to transform among the columns that are kept.

    Raises
    ------
    ValueError
        If a momentum is kept in part, or an object goes that the model needs.
    """
    momenta = declared_momenta(model, names)
    cut = set(names) - set(kept)
    remaining = [momentum for momentum in momenta if not cut & set(momentum.names)]
    for momentum in momenta:
        _check_whole(momentum, cut)
    changes: dict[str, Any] = {}
    for name in _FORMS:
        if hasattr(model, name):
            changes[name] = _without(getattr(model, name), cut)
    for name in ("odd_under", "invariants"):
        if hasattr(model, name):
            left = {k: v for k, v in _mapping(model, name).items() if k not in cut}
            changes[name] = left or None
    gone = [momentum for momentum in momenta if momentum not in remaining]
    changes |= _without_objects(model, gone)
    restricted = clone(model).set_params(**changes)
    if not hasattr(model, "reflections"):
        return restricted if remaining or not momenta else None
    return _acting(restricted, momenta, remaining, _mapping(model, "odd_under"))


def _mapping(model: Any, name: str) -> Mapping[Any, Any]:
    value: Mapping[Any, Any] | None = getattr(model, name, None)
    return {} if value is None else value


def _without(declared: Any, cut: set[str]) -> Any:
    """Return declared momenta without those whose columns are cut."""
    if declared is None or isinstance(declared, str):
        return declared
    if not any(cut & set(group) for group in _values(declared)):
        return declared
    if isinstance(declared, Mapping):
        left = {k: group for k, group in declared.items() if not cut & set(group)}
        return left or None
    return [group for group in declared if not cut & set(group)] or None


def _values(declared: Any) -> Any:
    return declared.values() if isinstance(declared, Mapping) else declared


def _check_whole(momentum: Momentum, cut: set[str]) -> None:
    left = [name for name in momentum.names if name not in cut]
    if left and len(left) < len(momentum.names):
        msg = (
            "A momentum must be kept or dropped as a whole where it is rotated or "
            f"converted, got {left!r} alone of {momentum}. Keep all its columns or "
            "none: put them into one group."
        )
        raise ValueError(msg)


def _without_objects(model: Any, gone: Sequence[Momentum]) -> dict[str, Any]:
    """Return what becomes of parameters that name an object."""
    changes: dict[str, Any] = {}
    for name in ("leading", "reference", "collinear"):
        value = getattr(model, name, None)
        objects = value if isinstance(value, list | tuple) else [value]
        lost = [m for m in gone for column in objects if column in (m.name, *m.names)]
        if not lost:
            continue
        if not hasattr(model, "rotation"):
            msg = (
                f"`{name}` must name objects that are kept, got {value!r} without "
                f"{lost[0]}. Keep it, by `keep` or `always_keep`, or choose another."
            )
            raise ValueError(msg)
        changes[name] = None  # of an augmenter: without a meaning but in `transform`
    return changes


def _acting(
    model: Any,
    before: Sequence[Momentum],
    after: Sequence[Momentum],
    odd_before: Mapping[Any, str],
) -> Any:
    """Return the model without transformations that have lost all their columns."""
    lost = _axes(before, odd_before) - _axes(after, _mapping(model, "odd_under"))
    model.set_params(reflections="".join(a for a in model.reflections if a not in lost))
    if not hasattr(model, "rotation"):
        return model
    if before and not after:
        model.set_params(rotation=False)
    return model if model.rotation or model.reflections else None


def _axes(momenta: Sequence[Momentum], odd: Mapping[Any, str]) -> set[str]:
    """Return the axes whose reflections change some column."""
    axes = {axis for of_column in odd.values() for axis in of_column}
    if momenta:
        axes |= {"x", "y"}
    if any(momentum.longitudinal is not None for momentum in momenta):
        axes.add("z")
    return axes
