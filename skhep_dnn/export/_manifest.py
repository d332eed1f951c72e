"""What stands beside an exported model, so that others can verify it.

The manifest says of what data, with which columns, by which rule of folds and with what
result a model was exported, with the hash of every file. A second file has which events
the models have seen.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Self

import numpy as np

from skhep_dnn._whole_file import write_whole
from skhep_dnn.exceptions import DataFileError
from skhep_dnn.export._fold_rule import FoldRule
from skhep_dnn.export._sample_record import (
    AtThreshold,
    ClassRecord,
    SampleRecord,
    ThresholdScore,
    Value,
)

__all__ = [
    "ColumnRecord",
    "FileRecord",
    "Manifest",
    "ModelRecord",
    "SeenRecord",
    "current_versions",
    "manifest_path",
    "plain",
]

SCHEMA = 1
_PACKAGES = (
    "skhep-dnn",
    "numpy",
    "scipy",
    "pandas",
    "scikit-learn",
    "torch",
    "skorch",
    "joblib",
    "onnx",
    "onnxruntime",
)


@dataclass(frozen=True)
class FileRecord:
    """A file, by which it is recognised.

    Attributes
    ----------
    name : str
        Without its folder.
    size : int
        In bytes.
    sha256 : str
        Hash of its content.
    """

    name: str
    size: int
    sha256: str

    @classmethod
    def of(cls, name: str, content: bytes) -> FileRecord:
        """Return the record of a content."""
        return cls(name, len(content), sha256(content).hexdigest())


@dataclass(frozen=True)
class SeenRecord:
    """The file of the events that the models have seen.

    Attributes
    ----------
    file : FileRecord
        The file.
    known_by : {"numbers", "contents"}
        What an event is known by.
    n_events : int
        Number of events, each counted once.
    """

    file: FileRecord
    known_by: str
    n_events: int


@dataclass(frozen=True)
class ModelRecord:
    """The model that was exported.

    Attributes
    ----------
    name : str
        Of its class, with the module.
    parameters : dict of str to str
        All of them, those of its parts included, as texts.
    """

    name: str
    parameters: Mapping[str, str]


@dataclass(frozen=True)
class ColumnRecord:
    """A column of the model.

    Attributes
    ----------
    name : str
        Its name, or its position where columns have no names.
    dtype : str
        Of the events of the fit.
    unit : str or None
        Its unit, if it was told.
    """

    name: str
    dtype: str
    unit: str | None


@dataclass(frozen=True)
class Manifest:
    """What stands beside an exported model, so that others can verify it.

    It is written as JSON beside the exported file, as ``<file>.manifest.json``, with
    the events that the models have seen in ``<file>.seen.npz``.

    Attributes
    ----------
    files : sequence of FileRecord
        What was exported.
    seen : SeenRecord
        The file of the events that the models have seen.
    versions : dict of str to str
        Of Python and of the packages that made the files.
    model : ModelRecord
        Class and parameters of the model.
    columns : sequence of ColumnRecord
        Columns of the model, in the order of the fit.
    is_named : bool
        Whether the columns have names.
    number_columns : sequence of str
        Those of the columns that have the event numbers, or run and event numbers.
    has_runs : bool
        Whether run and event numbers were passed, not event numbers alone.
    classes : sequence of labels
        In the order of the probabilities.
    signal : sequence of labels or None
        Those of the signal.
    fold_rule : FoldRule
        Which model scores an event.
    threshold : float or None
        Events with a score of the signal of at least this are selected.
    response_method : {"decision_function", "predict_proba"}
        That score: its logit, or its probability.
    training : SampleRecord
        The events of the fit.
    test : SampleRecord or None
        Events that no model has seen.
    self_test : dict or None
        What the export itself has compared.
    schema : int, default=1
        Version of the manifest.
    seen_content : bytes or None, default=None
        Content of the file of seen events, until it is written.

    See Also
    --------
    make_manifest : Makes it.
    verify_export : Verifies an export by it.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skhep_dnn.export import Manifest, make_manifest
    >>> X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array(["b", "b", "s", "s"])
    >>> model = LogisticRegression().fit(X, y)
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "model.bin")
    ...     _ = path.write_bytes(b"what some export has written")
    ...     make_manifest(model, path, X, y=y).write(path)
    ...     names = sorted(entry.name for entry in Path(folder).iterdir())
    ...     manifest = Manifest.read(path)
    >>> names
    ['model.bin', 'model.bin.manifest.json', 'model.bin.seen.npz']
    >>> manifest.fold_rule.scored_by, manifest.classes, manifest.training.n_events
    ('single', ['b', 's'], 4)
    """

    files: Sequence[FileRecord]
    seen: SeenRecord
    versions: Mapping[str, str]
    model: ModelRecord
    columns: Sequence[ColumnRecord]
    is_named: bool
    number_columns: Sequence[str]
    has_runs: bool
    classes: Sequence[Any]
    signal: Sequence[Any] | None
    fold_rule: FoldRule
    threshold: float | None
    response_method: ThresholdScore
    training: SampleRecord
    test: SampleRecord | None
    self_test: Mapping[str, Any] | None
    schema: int = SCHEMA
    seen_content: bytes | None = field(default=None, repr=False, compare=False)

    @property
    def sha256(self) -> str:
        """Hash of all that it says, which proves it unchanged if kept elsewhere."""
        return sha256(_text(self._content()).encode()).hexdigest()

    def write(self, path: str | Path) -> None:
        """Write the manifest and the file of seen events, each whole or not at all.

        Parameters
        ----------
        path : str or Path
            The exported file, beside which they are written.

        Raises
        ------
        ValueError
            If it was read from a file, as only a manifest that was made can be written,
            or was made for another file.
        """
        if self.seen_content is None:
            msg = (
                "Only a manifest that `make_manifest` has made can be written, got "
                "one that was read. Copy its files."
            )
            raise ValueError(msg)
        if Path(path).name != self.files[0].name:
            msg = (
                f"`path` must be the exported file {self.files[0].name!r}, got "
                f"{str(path)!r}. Make another manifest for another file."
            )
            raise ValueError(msg)
        write_whole(Path(path).with_name(self.seen.file.name), self.seen_content)
        content = {**self._content(), "sha256": self.sha256}
        write_whole(manifest_path(path), _text(content))

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Return the manifest of an exported file.

        Parameters
        ----------
        path : str or Path
            The exported file, or the manifest itself.

        Returns
        -------
        manifest : Manifest

        Raises
        ------
        FileNotFoundError
            If there is none.
        DataFileError
            If it was changed, or is of a version that is not known.
        """
        place = manifest_path(path)
        if not place.is_file():
            msg = (
                f"An exported file must have its manifest beside it, got no file "
                f"{str(place)!r}. Copy it, too, or export the model again."
            )
            raise FileNotFoundError(msg)
        raw = place.read_bytes()
        content = _parsed(raw, place)
        stored = content.pop("sha256", None)
        own = sha256(_text(content).encode()).hexdigest()
        if stored != own or _text({**content, "sha256": own}).encode() != raw:
            msg = (
                f"A manifest must be as it was written, got {str(place)!r} with "
                "another content than its own hash says: it was changed. Take the "
                "files of the export again."
            )
            raise DataFileError(msg)
        if content.get("schema") != SCHEMA:
            msg = (
                f"A manifest must have the schema {SCHEMA}, got "
                f"{content.get('schema')!r} in {str(place)!r}. Verify it with the "
                "version of skhep_dnn that wrote it."
            )
            raise DataFileError(msg)
        try:
            return cls(**_records(content))
        except (TypeError, KeyError, AttributeError) as error:
            msg = (
                f"A manifest must have the parts of schema {SCHEMA}, got others in "
                f"{str(place)!r}: {error}. Export the model again."
            )
            raise DataFileError(msg) from error

    def _content(self) -> dict[str, Any]:
        content = {f.name: getattr(self, f.name) for f in fields(self)}
        del content["seen_content"]
        return {name: plain(value) for name, value in content.items()}


def manifest_path(path: str | Path) -> Path:
    """Return where the manifest of an exported file is.

    Parameters
    ----------
    path : str or Path
        The exported file, or the manifest itself.

    Returns
    -------
    path : Path
    """
    place = Path(path)
    if place.name.endswith(".manifest.json"):
        return place
    return place.with_name(f"{place.name}.manifest.json")


def current_versions() -> dict[str, str]:
    """Return the versions of Python and of what is installed of the packages.

    Returns
    -------
    versions : dict of str to str
    """
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def plain(value: Any) -> Any:
    """Return a value as JSON has it.

    Parameters
    ----------
    value : object
        A plain value, one of NumPy, a record, or a container of them.

    Returns
    -------
    plain : object
    """
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {str(name): plain(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(entry) for entry in value]
    if hasattr(value, "__dataclass_fields__"):
        return plain(asdict(value))
    return value


def _text(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n"


def _parsed(raw: bytes, place: Path) -> dict[str, Any]:
    try:
        content = json.loads(raw)
    except ValueError as error:
        msg = (
            f"A manifest must be JSON, got {str(place)!r}: {error}. Take the files of "
            "the export again."
        )
        raise DataFileError(msg) from error
    if not isinstance(content, dict):
        msg = (
            f"A manifest must be a JSON object, got {type(content).__name__} in "
            f"{str(place)!r}. Take the files of the export again."
        )
        raise DataFileError(msg)
    return content


def _records(content: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a manifest from its JSON."""
    made: dict[str, Callable[[Any], Any]] = {
        "files": lambda found: [FileRecord(**one) for one in found],
        "seen": lambda found: SeenRecord(
            **{**found, "file": FileRecord(**found["file"])}
        ),
        "model": lambda found: ModelRecord(**found),
        "columns": lambda found: [ColumnRecord(**one) for one in found],
        "fold_rule": lambda found: FoldRule(**found),
        "training": _sample_of,
        "test": lambda found: None if found is None else _sample_of(found),
    }
    return {
        name: made[name](found) if name in made else found
        for name, found in content.items()
    }


def _sample_of(found: dict[str, Any]) -> SampleRecord:
    selected = found["at_threshold"]
    if selected is not None:
        selected = AtThreshold(
            **{**selected, "significances": _values(selected["significances"])}
        )
    return SampleRecord(
        **{
            **found,
            "classes": [ClassRecord(**one) for one in found["classes"]],
            "metrics": _values(found["metrics"]),
            "at_threshold": selected,
        }
    )


def _values(found: dict[str, Any]) -> dict[str, Value]:
    return {name: Value(**value) for name, value in found.items()}
