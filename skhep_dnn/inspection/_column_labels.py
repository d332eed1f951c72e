"""What a figure calls a column: its name, with the unit that it ends in."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["column_label"]

_UNITS = {
    unit.casefold(): unit
    for unit in (
        *("eV", "keV", "MeV", "GeV", "TeV"),
        *("rad", "mrad", "deg"),
        *("um", "mm", "cm", "ns", "ps"),
    )
}


def column_label(name: str, units: Mapping[str, str] | None = None) -> str:
    """Return the name of a column and its unit, in brackets.

    Parameters
    ----------
    name : str
        Name of a column; of a name that ends in "_GeV" or another unit of energy,
        angle, length or time the end is the unit.
    units : mapping of str to str, default=None
        Units of columns by their names, which come first; "" is no unit.

    Returns
    -------
    label : str

    Examples
    --------
    >>> column_label("pt_GeV"), column_label("mass", {"mass": "GeV"})
    ('pt [GeV]', 'mass [GeV]')
    >>> column_label("n_jets")
    'n_jets'
    """
    if units is not None and name in units:
        unit = units[name]
        return f"{name} [{unit}]" if unit else name
    stem, _, end = name.rpartition("_")
    unit = _UNITS.get(end.casefold(), "")
    return f"{stem} [{unit}]" if stem and unit else name
