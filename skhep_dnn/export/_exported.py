"""What an export has written, and what is checked before it writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from skhep_dnn._messages import shown
from skhep_dnn.export._agreement import SelfTest

__all__ = ["Exported", "check_targets", "check_units"]


@dataclass(frozen=True)
class Exported:
    """What an export has written.

    Attributes
    ----------
    paths : tuple of Path
        The files: one, or one for each fold.
    self_test : SelfTest
        How they compare with the classifier; of several files the worst one.
    """

    paths: tuple[Path, ...]
    self_test: SelfTest

    def __str__(self) -> str:
        names = ", ".join(path.name for path in self.paths)
        return f"{names}: {self.self_test}"


def check_targets(paths: Sequence[Path], *, overwrite: bool) -> None:
    """Refuse files that are there, and folders that are not.

    Parameters
    ----------
    paths : sequence of Path
        Files that will be written.
    overwrite : bool
        Whether files that are there may be replaced.

    Raises
    ------
    FileExistsError
        If a file is there and must not be replaced.
    FileNotFoundError
        If the folder is not there.
    """
    for path in paths:
        if not path.parent.is_dir():
            msg = (
                f"`path` must be in a folder that is there, got {str(path)!r}. Make "
                "the folder first."
            )
            raise FileNotFoundError(msg)
        if path.exists() and not overwrite:
            msg = (
                f"`path` must be a new file, got {str(path)!r}, which is there. Pass "
                "another one, or overwrite=True."
            )
            raise FileExistsError(msg)


def check_units(
    units: Mapping[str, str] | None, names: Sequence[str]
) -> dict[str, str]:
    """Return units of columns, all of which are used.

    Parameters
    ----------
    units : mapping of str to str or None
        Units by the names of columns.
    names : sequence of str
        Names of the columns that are used.

    Returns
    -------
    units : dict of str to str

    Raises
    ------
    ValueError
        If one is of another column.
    """
    given = {str(name): str(unit) for name, unit in (units or {}).items()}
    unknown = sorted(set(given).difference(names))
    if unknown:
        msg = (
            f"`units` must be of columns that are used, got {shown(unknown)}. These "
            f"are used: {shown(list(names))}."
        )
        raise ValueError(msg)
    return given
