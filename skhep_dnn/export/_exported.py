"""What an export has written, and what is checked before it writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from numpy.typing import ArrayLike

from skhep_dnn._messages import shown
from skhep_dnn.export._agreement import SelfTest
from skhep_dnn.export._make_manifest import make_manifest
from skhep_dnn.export._manifest import manifest_path

__all__ = ["Exported", "FitEvents", "check_targets", "check_units", "write_export"]


@dataclass(frozen=True)
class Exported:
    """What an export has written.

    Attributes
    ----------
    paths : tuple of Path
        The files: one, or one for each fold.
    self_test : SelfTest
        How they compare with the classifier; of several files the worst one.
    manifest : Path or None
        The manifest, if there is one.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skhep_dnn.datasets import make_gaussian_events
    >>> from skhep_dnn.export import to_cpp
    >>> events = make_gaussian_events(500, random_state=0)
    >>> model = LogisticRegression().fit(events.data, events.target)
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "model.hpp"
    >>> exported = to_cpp(model, path, events.data)
    >>> exported.manifest.name, exported.self_test.passed
    ('model.hpp.manifest.json', True)
    """

    paths: tuple[Path, ...]
    self_test: SelfTest
    manifest: Path | None

    def __str__(self) -> str:
        names = ", ".join(path.name for path in self.paths)
        return f"{names}: {self.self_test}"


@dataclass(frozen=True)
class FitEvents:
    """The events of a fit, and those of a test: the arguments of `make_manifest`.

    Attributes
    ----------
    X : DataFrame or array-like of shape (n_samples, n_features)
        The events of the fit.
    y, sample_weight, event_number : array-like or None
        Their labels, weights and numbers.
    X_test, y_test, sample_weight_test, event_number_test : array-like or None
        A test sample.
    """

    X: Any
    y: ArrayLike | None = None
    sample_weight: ArrayLike | None = None
    event_number: ArrayLike | None = None
    X_test: Any = None
    y_test: ArrayLike | None = None
    sample_weight_test: ArrayLike | None = None
    event_number_test: ArrayLike | None = None


def write_export(
    model: Any,
    contents: Mapping[Path, bytes],
    test: SelfTest,
    events: FitEvents | None,
    **told: Any,
) -> Exported:
    """Write the files of an export with their manifest: all of them, or none.

    Parameters
    ----------
    model : classifier
        What was exported.
    contents : mapping of Path to bytes
        The files.
    test : SelfTest
        How they compare with the classifier.
    events : FitEvents or None
        What the manifest is made of; None makes none.
    **told : dict
        Further arguments of `make_manifest`.

    Returns
    -------
    exported : Exported
    """
    paths = list(contents)
    folder = paths[0].parent
    with TemporaryDirectory(prefix=f".{paths[0].name}.", dir=folder) as name:
        parts = [Path(name, path.name) for path in paths]
        for part, content in zip(parts, contents.values(), strict=True):
            part.write_bytes(content)
        if events is not None:
            made = make_manifest(model, parts, **vars(events), self_test=test, **told)
            made.write(parts[0])
        # The manifest comes last: what it tells of is there when it is.
        others = sorted(set(Path(name).iterdir()).difference(parts), reverse=True)
        for part in [*parts, *others]:
            part.replace(folder / part.name)
    manifest = None if events is None else manifest_path(paths[0])
    return Exported(tuple(paths), test, manifest)


def check_targets(
    paths: Sequence[Path], *, has_manifest: bool, overwrite: bool
) -> None:
    """Refuse files that are there, and folders that are not.

    Parameters
    ----------
    paths : sequence of Path
        Files that will be written.
    has_manifest : bool
        Whether a manifest will be written beside the first one.
    overwrite : bool
        Whether files that are there may be replaced.

    Raises
    ------
    FileExistsError
        If a file is there and must not be replaced.
    FileNotFoundError
        If the folder is not there.
    """
    for path in [*paths, *([manifest_path(paths[0])] if has_manifest else [])]:
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
