"""How ntuples call the components of momenta: a name is parted into object and kind.

Two columns belong to one object if their names differ in nothing but the kind.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Spelling", "common_prefix", "parse_name"]

_COMPONENTS = ("pt", "eta", "phi", "px", "py", "pz")
_SIZES = ("met", "magnitude", "et")  # of a missing momentum, beside its azimuth
_BEFORE = r"(?P<before>.*(?:[_. -]|\d|met))"
_INDEX = r"(?P<after>(?:[_. ]?\d+|\[\d+\])?)"
_PATTERNS = (
    # lep_pt, Jet.Phi, lep_pt_1, jet_pt[0], lep1pt, metphi
    re.compile(rf"{_BEFORE}(?P<kind>{'|'.join(_COMPONENTS)}){_INDEX}", re.IGNORECASE),
    # LeptonPhi, leptonPt1
    re.compile(
        rf"(?P<before>.*[A-Za-z])(?P<kind>Pt|pT|PT|Eta|Phi|Px|Py|Pz){_INDEX}",
    ),
    # phi, phi_lep, phi_1, phi1, phij1
    re.compile(
        rf"(?P<before>)(?P<kind>{'|'.join(_COMPONENTS)})"
        r"(?P<after>(?:[_. -].+|\d+|[a-z]{1,3}\d+|\[\d+\])?)",
        re.IGNORECASE,
    ),
    # missing energy magnitude, MissingET.MET
    re.compile(rf"{_BEFORE}(?P<kind>{'|'.join(_SIZES)}){_INDEX}", re.IGNORECASE),
)


@dataclass(frozen=True)
class Spelling:
    """What stands before and after the kind of a component in a name.

    Attributes
    ----------
    before, after : str
        Parts of the name, equal for all components of an object.
    """

    before: str
    after: str

    @property
    def object(self) -> str:
        """Name of the object, without separators at its ends."""
        parts = [self.before.rstrip("_. -"), self.after.strip("_. -[]")]
        return "_".join(part for part in parts if part)

    def name(self, kind: str) -> str:
        """Return the name of the component of a kind."""
        glued = self.before[-1:].isalpha() and not self.before.endswith("met")
        return f"{self.before}{kind.title() if glued else kind}{self.after}"


def parse_name(name: str) -> tuple[Spelling, str] | None:
    """Return the spelling of a name and the kind of the component, in lower case.

    Parameters
    ----------
    name : str
        Name of a column.

    Returns
    -------
    parsed : tuple of (Spelling, str), or None
        None of a name that is not one of a component, nor of the size of a missing
        momentum.

    Examples
    --------
    >>> parse_name("lepton_pT")
    (Spelling(before='lepton_', after=''), 'pt')
    >>> parse_name("phi_1")
    (Spelling(before='', after='_1'), 'phi')
    >>> parse_name("delta_r") is None
    True
    """
    for pattern in _PATTERNS:
        found = pattern.fullmatch(name)
        if found is not None:
            return Spelling(found["before"], found["after"]), found["kind"].lower()
    return None


def common_prefix(names: Sequence[str]) -> str:
    """Return the name of the object to which the columns of a momentum belong.

    Parameters
    ----------
    names : sequence of str
        Names such as `tau_pt`, `tau_eta` and `tau_phi`.

    Returns
    -------
    prefix : str
        "tau", without the underscore; empty for names such as `pt`; the first name if
        nothing is common.
    """
    # Missing momentum can be (X, X_phi) as well as (X_met, X_phi).
    parsed = [found for name in names if (found := parse_name(name)) is not None]
    objects = {spelling.object for spelling, kind in parsed if kind in _COMPONENTS}
    return objects.pop() if len(objects) == 1 else names[0]
