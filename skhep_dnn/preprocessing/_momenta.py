"""Which columns are the components of which momentum: declared, or found by name.

Names of one object differ in the kind of the component: `X_pt, X_eta, X_phi`, missing
momentum as `X, X_phi`, `X_met, X_phi`, `X_magnitude, X_phi` or `X_et, X_phi`, Cartesian
components as `X_px, X_py, X_pz`; see `_spellings` for how they may be put together.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from skhep_dnn._tables import check_column
from skhep_dnn.preprocessing._columns import Column, ColumnNames
from skhep_dnn.preprocessing._spellings import Spelling, common_prefix, parse_name

__all__ = [
    "Form",
    "Momenta",
    "Momentum",
    "check_named",
    "find_momenta",
    "find_object",
    "known_momenta",
]

Momenta = (
    Sequence[Sequence[Column | None]]
    | Mapping[str, Sequence[Column | None]]
    | Literal["auto"]
    | None
)
Form = Literal["cylindrical", "cartesian"]
_KINDS: dict[Form, tuple[str, ...]] = {
    "cylindrical": ("pt", "eta", "phi"),
    "cartesian": ("px", "py", "pz"),
}
_EXAMPLE: dict[Form, str] = {
    "cylindrical": "('tau_pt', 'tau_eta', 'tau_phi')",
    "cartesian": "('tau_px', 'tau_py', 'tau_pz')",
}


@dataclass(frozen=True)
class Momentum:
    """The columns of one object.

    Attributes
    ----------
    name : str
        What the names of the columns begin with.
    form : {"cylindrical", "cartesian"}
        Whether the columns are (pt[, eta], phi) or (px, py[, pz]).
    columns : tuple of int
        Positions of the columns.
    names : tuple of str
        Their names, or their positions where they have none.
    """

    name: str
    form: Form
    columns: tuple[int, ...]
    names: tuple[str, ...]

    @property
    def cylindrical(self) -> bool:
        """Whether the columns are (pt[, eta], phi)."""
        return self.form == "cylindrical"

    @property
    def longitudinal(self) -> int | None:
        """Position of the pseudorapidity or of pz; None if there is none."""
        if len(self.columns) == 2:
            return None
        return self.columns[1 if self.cylindrical else 2]

    def __str__(self) -> str:
        return f"{self.name} ({', '.join(self.names)})"


def find_momenta(
    columns: ColumnNames,
    cylindrical: Momenta,
    cartesian: Momenta,
    others: Sequence[int] = (),
    *,
    parameter: str | None = None,
    remedy: str = "",
) -> list[Momentum]:
    """Return the momenta that are declared, or found by their names.

    Parameters
    ----------
    columns : ColumnNames
        All columns.
    cylindrical, cartesian : sequence or mapping of sequences, "auto" or None
        Columns of each momentum.
    others : sequence of int, default=()
        Columns that are declared to be something else.
    parameter : str, default=None
        Name of the parameter in errors; None is "cylindrical" or "cartesian".
    remedy : str, default=""
        What else than to declare momenta helps where names are ambiguous.

    Returns
    -------
    momenta : list of Momentum
        Cylindrical ones first, in the order of their columns.

    Raises
    ------
    TypeError
        If a column is neither a name nor a position.
    ValueError
        If a column is missing or declared twice, if a momentum has a wrong number of
        columns, or if names are ambiguous.
    """
    given: dict[Form, Momenta] = {"cylindrical": cylindrical, "cartesian": cartesian}
    momenta: list[Momentum] = []
    for form, declared in given.items():
        if declared is not None and not isinstance(declared, str):
            momenta += _declared(columns, declared, form, parameter or form)
    taken = {*others, *(i for momentum in momenta for i in momentum.columns)}
    for form, declared in given.items():
        if isinstance(declared, str):
            if declared != "auto":
                raise TypeError(_not_momenta(form, parameter or form, declared))
            found, problems = _found_by_name(columns, form, taken)
            if problems:
                msg = _ambiguous(form, parameter or form, problems, found)
                msg += f"{remedy}."
                raise ValueError(msg)
            momenta += found
    _check_declared_once(columns, momenta, others)
    return sorted(momenta, key=lambda m: (not m.cylindrical, m.columns))


def known_momenta(
    columns: ColumnNames, given: Mapping[Form, Momenta], others: Sequence[int] = ()
) -> list[Momentum]:
    """Return the momenta of which all columns are there, whatever is wrong elsewhere.

    Parameters
    ----------
    columns : ColumnNames
        All columns, with names.
    given : mapping of form to sequence or mapping of sequences, "auto" or None
        Columns of each momentum.
    others : sequence of int, default=()
        Columns that are declared to be something else.

    Returns
    -------
    momenta : list of Momentum
    """
    momenta: list[Momentum] = []
    for form, declared in given.items():
        if declared is not None and not isinstance(declared, str):
            whole = _whole(columns, declared)
            momenta += _declared(columns, whole, form, form)
    taken = {*others, *(i for momentum in momenta for i in momentum.columns)}
    for form, declared in given.items():
        if isinstance(declared, str):
            momenta += _found_by_name(columns, form, taken)[0]
    return momenta


def _whole(columns: ColumnNames, declared: Any) -> Any:
    """Return declared momenta whose columns are all there."""
    known = {None, *(columns.names or []), *range(columns.n_columns)}
    if isinstance(declared, Mapping):
        return {k: group for k, group in declared.items() if known.issuperset(group)}
    return [group for group in declared if known.issuperset(group)]


def _declared(
    columns: ColumnNames,
    declared: Sequence[Sequence[Column | None]] | Mapping[str, Sequence[Column | None]],
    form: Form,
    parameter: str,
) -> list[Momentum]:
    if isinstance(declared, Mapping):
        named = list(declared.items())
    else:
        named = [("", group) for group in declared]
    momenta = []
    for name, group in named:
        if isinstance(group, str) or not isinstance(group, Sequence):
            raise TypeError(_not_momenta(form, parameter, declared))
        members = _members(group, form)
        if len(members) not in (2, 3) or None in members:
            raise ValueError(_not_momenta(form, parameter, declared))
        positions = [columns.position(c, parameter) for c in members if c is not None]
        momenta.append(_momentum(columns, positions, form, name))
    return momenta


def _members(group: Sequence[Column | None], form: Form) -> list[Column | None]:
    """Return the columns of a momentum, without a None that stands for eta or pz."""
    members = list(group)
    longitudinal = 1 if form == "cylindrical" else 2
    if len(members) == 3 and members[longitudinal] is None:
        del members[longitudinal]
    return members


def _not_momenta(form: Form, parameter: str, got: object) -> str:
    kinds = _KINDS[form]
    pair = (kinds[0], kinds[2] if form == "cylindrical" else kinds[1])
    return (
        f"`{parameter}` must hold the columns ({', '.join(kinds)}) or "
        f'({", ".join(pair)}) of each momentum, or be "auto", got {got!r}. Pass a list '
        f"such as [{_EXAMPLE[form]}]."
    )


def _check_declared_once(
    columns: ColumnNames, momenta: list[Momentum], others: Sequence[int]
) -> None:
    positions = [*others, *(i for momentum in momenta for i in momentum.columns)]
    twice = sorted({columns.label(i) for i in positions if positions.count(i) > 1})
    if twice:
        msg = (
            f"Columns must be declared once, got {twice!r} several times. Remove all "
            "but one."
        )
        raise ValueError(msg)


def _momentum(
    columns: ColumnNames, positions: Sequence[int], form: Form, name: str = ""
) -> Momentum:
    names = tuple(columns.label(i) for i in positions)
    shown = name or common_prefix(names) or names[0]
    return Momentum(shown, form, tuple(positions), names)


def check_named(
    columns: ColumnNames, momenta: Sequence[Momentum], declared: Mapping[str, Momenta]
) -> None:
    """Raise if momenta were to be found by name among columns without names.

    Parameters
    ----------
    columns : ColumnNames
        All columns.
    momenta : sequence of Momentum
        Those that were found.
    declared : mapping of str to sequence, mapping, "auto" or None
        What was asked for, by the name of the parameter.

    Raises
    ------
    ValueError
        If there are neither momenta nor names.
    """
    by_name = [name for name, value in declared.items() if isinstance(value, str)]
    if columns.names is None and not momenta and by_name:
        msg = (
            f'`X` must have names of columns, by which `{by_name[0]}`="auto" finds '
            f"momenta, got {columns}. {columns.remedy}, or pass positions, such as "
            f"{by_name[0]}=[(0, 1, 2)]."
        )
        raise ValueError(msg)


def find_object(
    momenta: Sequence[Momentum],
    declared: Column | None,
    parameter: str,
    word: str | None = None,
) -> Momentum:
    """Return the momentum that a parameter names.

    Parameters
    ----------
    momenta : sequence of Momentum
        All momenta.
    declared : str, int or None
        Name of the momentum or one of its columns; None finds `word` in its name.
    parameter : str
        Name of the parameter.
    word : str, default=None
        What the name of the default contains.

    Returns
    -------
    momentum : Momentum

    Raises
    ------
    TypeError
        If the parameter is neither a name nor a position.
    ValueError
        If there is none, or several.
    """
    if declared is None and word is not None:
        matches = [m for m in momenta if word in m.name.lower()]
        default = f" (None finds the one whose name contains {word!r})"
    else:
        column = check_column(declared, parameter)
        matches = [m for m in momenta if column in (m.name, *m.names, *m.columns)]
        default = ""
    if len(matches) != 1:
        msg = (
            f"`{parameter}` must name one of the momenta or one of its columns"
            f"{default}, got {declared!r} with {len(matches)} matches among "
            f"{', '.join(map(str, momenta)) or 'none'}. Pass its name or a column."
        )
        raise ValueError(msg)
    return matches[0]


def _found_by_name(
    columns: ColumnNames, form: Form, taken: set[int]
) -> tuple[list[Momentum], dict[str, str]]:
    """Return momenta, and what is wrong with columns whose names look like one."""
    free = {name: i for i, name in enumerate(columns.names or []) if i not in taken}
    wanted = {"eta", "phi"} if form == "cylindrical" else {"px", "py", "pz"}
    finder = _cylindrical_group if form == "cylindrical" else _cartesian_group
    momenta: list[Momentum] = []
    problems: dict[str, str] = {}
    for spelling, parts in _by_object(free).items():
        asking = [name for kind in parts for name in parts[kind] if kind in wanted]
        if not asking:
            continue
        group = finder(spelling, parts, free)
        if isinstance(group, str):
            problems |= dict.fromkeys(asking, group)
        else:
            momenta.append(_momentum(columns, [free[name] for name in group], form))
    return momenta, problems


def _by_object(names: Iterable[str]) -> dict[Spelling, dict[str, list[str]]]:
    """Return the names of each object, by kind."""
    objects: dict[Spelling, dict[str, list[str]]] = {}
    for name in names:
        parsed = parse_name(name)
        if parsed is not None:
            spelling, kind = parsed
            objects.setdefault(spelling, {}).setdefault(kind, []).append(name)
    return objects


def _cylindrical_group(
    spelling: Spelling, parts: Mapping[str, list[str]], free: Mapping[str, int]
) -> list[str] | str:
    """Return the names of one momentum, or what is wrong with them."""
    eta, phi = parts.get("eta", []), parts.get("phi", [])
    alone = spelling.object or "met"
    sizes = [*parts.get("pt", []), *([alone] if alone in free else [])]
    sizes += parts.get("met", [])
    if not (sizes or eta):  # of an object with eta they may be anything
        sizes = [*parts.get("magnitude", []), *parts.get("et", [])]
    if not phi:
        return f"no {spelling.name('phi')}"
    if not sizes:
        further = [spelling.name("met")] if spelling.before else []
        return f"no {', '.join([spelling.name('pt'), alone, *further])}"
    twice = [names for names in (phi, sizes, eta) if len(names) > 1]
    return " and ".join(twice[0]) if twice else [*sizes, *eta, *phi]


def _cartesian_group(
    spelling: Spelling, parts: Mapping[str, list[str]], _: Mapping[str, int]
) -> list[str] | str:
    """Return the names of one momentum, or what is wrong with them."""
    missing = [spelling.name(kind) for kind in ("px", "py") if kind not in parts]
    if missing:
        return f"no {' and no '.join(missing)}"
    found = [parts[kind] for kind in ("px", "py", "pz") if kind in parts]
    twice = [names for names in found if len(names) > 1]
    return " and ".join(twice[0]) if twice else [names[0] for names in found]


def _ambiguous(
    form: Form,
    parameter: str,
    problems: Mapping[str, str],
    found: list[Momentum],
) -> str:
    what = ", ".join(f"{name!r} with {problem}" for name, problem in problems.items())
    shown = ", ".join(map(str, found)) or "none"
    return (
        f"`{parameter}` must be declared where names are not those of one momentum "
        f"each, got {what}; found {shown}. Pass the momenta, such as "
        f"{parameter}=[{_EXAMPLE[form]}]"
    )
