"""Fitted models in one file without pickle: to load it runs no code of the file.

skops turns a model into nodes and arrays and back. Around it stand what it does not
do: a list of types that are allowed in one role each, a look at the whole content
before anything is made of it, sums of every entry, and a second reading of what is
written. The state of networks is in arrays.
"""

from __future__ import annotations

import hashlib
import io
import json
import warnings
import zipfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.utils.validation import check_is_fitted

from skhep_dnn._whole_file import write_whole
from skhep_dnn.exceptions import ModelFileError, UntrustedTypeError
from skhep_dnn.export._model_audit import check_content, untrusted_types
from skhep_dnn.export._model_file import archive, packed, read_entries, read_metadata
from skhep_dnn.export._model_tree import canonical, nodes, type_name, without_ids
from skhep_dnn.export._model_versions import complete, hint, rename, versions

__all__ = ["load_model", "model_metadata", "save_model"]

# What skops, scikit-learn and torch raise about content that they make nothing of.
_UNREADABLE = (
    ArithmeticError,
    AttributeError,
    ImportError,
    LookupError,
    MemoryError,
    RecursionError,
    RuntimeError,
    TypeError,
    ValueError,
)


def save_model(
    model: Any,
    path: str | Path,
    *,
    overwrite: bool = False,
    trusted: Collection[str] = (),
) -> None:
    """Save a fitted model to one file without pickle.

    Estimators of this package and of scikit-learn are saved, alone or in each other,
    with all that they need to predict, and to go on by `partial_fit` and `warm_start`.
    The same model gives the same bytes. The file appears whole or not at all, and is
    read once before that.

    Parameters
    ----------
    model : estimator
        A fitted estimator.
    path : str or Path
        The file, by custom with the suffix ".skops".
    overwrite : bool, default=False
        Whether a file that is there may be replaced.
    trusted : collection of str, default=()
        Types and functions of other packages, by module and name, that are saved all
        the same. They are to be named again where the model is loaded, and must be
        importable there.

    Raises
    ------
    FileExistsError
        If the file is there and is not to be replaced.
    ImportError
        If skops is not installed.
    ModelFileError
        If the model would not come back as it is: it refers to itself, say.
    NotFittedError
        If the model is not fitted.
    UntrustedTypeError
        If it holds types that are neither known nor trusted, with their places in it.

    See Also
    --------
    load_model : Load it.
    model_metadata : What is known of it without loading it.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skhep_dnn.export import load_model, save_model
    >>> X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), ["b", "b", "s", "s"]
    >>> model = LogisticRegression().fit(X, y)
    >>> with TemporaryDirectory() as folder:
    ...     save_model(model, Path(folder, "model.skops"))
    ...     again = load_model(Path(folder, "model.skops"))
    >>> bool((again.predict_proba(X) == model.predict_proba(X)).all())
    True
    """
    path = Path(path)
    if path.exists() and not overwrite:
        msg = (
            f"`path` must be a new file, got {str(path)!r}, which is there. Pass "
            "another one, or `overwrite=True`."
        )
        raise FileExistsError(msg)
    check_is_fitted(model)
    skops_io = _import_skops()
    schema, files = _content(skops_io, model)
    _check_saved_types(schema, trusted)
    check_content(schema, files)
    again = _construct(skops_io, schema, files)
    if _fingerprint(*_content(skops_io, again)) != _fingerprint(schema, files):
        _refuse_changed(skops_io, schema, files, again)
    write_whole(path, packed(_about(model, schema), _entries(schema, files)))


def load_model(path: str | Path, *, trusted: Collection[str] = ()) -> Any:
    """Load a model that `save_model` has saved, without running code of the file.

    What stands in the file is looked at before anything is made of it: the sums of its
    entries, every type and function that it names, and what arrays and decision trees
    point at. Only types that are known or trusted are made.

    Parameters
    ----------
    path : str or Path
        The file.
    trusted : collection of str, default=()
        Further types and functions, by module and name, that the file may hold. Name
        those alone that you know: their code runs.

    Returns
    -------
    model : estimator
        With the same bits of predictions on the same machine.

    Raises
    ------
    ImportError
        If skops is not installed.
    ModelFileError
        If the file is no saved model, was changed, or is of a version that cannot be
        read.
    UntrustedTypeError
        If it holds types that are not trusted, with their places in the model.

    Warns
    -----
    InconsistentVersionWarning
        If it was saved with another version of scikit-learn.

    See Also
    --------
    save_model : Save it.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skhep_dnn.export import load_model, save_model
    >>> model = StandardScaler().fit([[0.0, 1.0], [2.0, 3.0]])
    >>> with TemporaryDirectory() as folder:
    ...     save_model(model, Path(folder, "scaler.skops"))
    ...     load_model(Path(folder, "scaler.skops")).mean_.tolist()
    [1.0, 2.0]
    """
    path = Path(path)
    entries = read_entries(path)
    metadata = read_metadata(path, entries)
    skops_io = _import_skops()
    stored = metadata["versions"]
    try:
        schema = json.loads(entries["schema.json"])
        _check_protocol(schema)
        rename(schema)
        found = untrusted_types(schema, trusted)
    except (*_UNREADABLE,) as error:
        raise _unreadable(path, error, stored) from error
    if found:
        _refuse_types(path, found, stored)
    try:
        check_content(schema, entries)
        complete(schema, stored)
        model = _construct(skops_io, schema, entries)
    except ModelFileError:
        raise
    except (*_UNREADABLE,) as error:
        raise _unreadable(path, error, stored) from error
    _tell_of_version(model, stored)
    return model


def model_metadata(path: str | Path) -> dict[str, Any]:
    """What is known of a saved model without loading it.

    Parameters
    ----------
    path : str or Path
        A file that `save_model` has written.

    Returns
    -------
    metadata : dict
        "class" of the model, "classes", "feature_names" and "n_features" (None of
        models without), "versions" of the packages that it was saved with, "types" that
        it holds, "format_version", and "sha256", the sum of all of it.

    Raises
    ------
    ModelFileError
        If the file is no saved model, was changed, or is of a later format.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skhep_dnn.export import model_metadata, save_model
    >>> model = StandardScaler().fit([[0.0, 1.0], [2.0, 3.0]])
    >>> with TemporaryDirectory() as folder:
    ...     save_model(model, Path(folder, "scaler.skops"))
    ...     metadata = model_metadata(Path(folder, "scaler.skops"))
    >>> metadata["class"], metadata["n_features"]
    ('sklearn.preprocessing._data.StandardScaler', 2)
    """
    path = Path(path)
    return read_metadata(path, read_entries(path))


def _import_skops() -> ModuleType:
    try:
        import skops.io  # noqa: PLC0415 - an extra
    except ImportError as error:
        msg = (
            "skops must be installed to save and load models, got none. Install it "
            'with `pip install "skhep-dnn[skops]"`.'
        )
        raise ImportError(msg) from error
    io_module: ModuleType = skops.io
    return io_module


def _content(
    skops_io: ModuleType, model: Any
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return the nodes of a model and its files, in a form that it always has."""
    try:
        data = skops_io.dumps(model)
    except RecursionError as error:
        msg = (
            f"`model` must not refer to itself, got a {type(model).__name__} that "
            "does. Leave out of its parameters what holds on to it."
        )
        raise ModelFileError(msg) from error
    except (TypeError, ValueError, AttributeError) as error:
        place, kind = _culprit(skops_io, model, "model")
        msg = (
            f"`model` must hold what can be saved without pickle, got a {kind} in "
            f"{place} ({error}). Leave it out, or save a part of the model, of a "
            "search `best_estimator_`."
        )
        raise UntrustedTypeError(msg) from error
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        raw = {name: file.read(name) for name in file.namelist()}
    schema = json.loads(raw.pop("schema.json"))
    names, files = _named_files(schema, raw)
    return canonical(schema, {}, names), files


def _named_files(
    schema: dict[str, Any], raw: Mapping[str, bytes]
) -> tuple[dict[str, str], dict[str, bytes]]:
    """Return new names of files, in their order in the model, and what they hold."""
    names: dict[str, str] = {}
    files: dict[str, bytes] = {}
    known: dict[bytes, str] = {}
    for node in nodes(schema):
        name = node.state.get("file")
        if name is not None and name not in names:
            data = raw[name]
            if node.state["__loader__"] == "NdArrayNode":
                data = _without_gaps(data)
            key = hashlib.sha256(data).digest()
            new = known.setdefault(key, f"{len(known) + 1}{Path(name).suffix}")
            names[name], files[new] = new, data
    return names, files


def _without_gaps(data: bytes) -> bytes:
    """Return a stored array with zeros between its fields, where memory is left over.

    Such are the nodes of decision trees.
    """
    table = np.load(io.BytesIO(data), allow_pickle=False)
    if table.dtype.names is None or table.ndim != 1:
        return data
    clean = np.frombuffer(bytearray(table.nbytes), dtype=table.dtype)
    for name in table.dtype.names:
        clean[name] = table[name]
    return data[: len(data) - table.nbytes] + clean.view(np.uint8).tobytes()


def _culprit(skops_io: ModuleType, value: Any, place: str) -> tuple[str, str]:
    """Return place and type of the innermost part that cannot be turned into nodes."""
    for name, part in _parts(value):
        try:
            skops_io.dumps(part)
        except (TypeError, ValueError, AttributeError, RecursionError):
            return _culprit(skops_io, part, f"{place}{name}")
    return place, _kind(value)


def _kind(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from ((f"[{key!r}]", part) for key, part in value.items())
    elif isinstance(value, list | tuple):
        yield from ((f"[{k}]", part) for k, part in enumerate(value))
    elif isinstance(value, np.ndarray) and value.dtype == object:
        yield from ((f"[{k}]", part) for k, part in enumerate(value.ravel()))
    elif hasattr(value, "__dict__") and not isinstance(value, type):
        yield from ((f".{name}", part) for name, part in vars(value).items())


def _check_saved_types(schema: dict[str, Any], trusted: Collection[str]) -> None:
    found = untrusted_types(schema, trusted)
    if found:
        msg = (
            "`model` must be made of types of this package, scikit-learn and NumPy, "
            f"got {_listed(found)}. Leave them out, or name them in `trusted=`, here "
            "and where the model is loaded. Functions without a name and methods "
            "cannot be saved at all, nor what stands in files elsewhere: of a search "
            "whose study does, save `best_estimator_`."
        )
        raise UntrustedTypeError(msg)


def _listed(found: Mapping[str, str]) -> str:
    return ", ".join(f"{name!r} in {place}" for name, place in sorted(found.items()))


def _refuse_types(
    path: Path, found: Mapping[str, str], stored: Mapping[str, Any]
) -> None:
    own = {k: place for k, place in found.items() if k.startswith("skhep_dnn.")}
    if own:
        msg = (
            f"`path` must hold classes that this version of skhep_dnn knows, got "
            f"{str(path)!r} with {_listed(own)}. {hint(stored)}"
        )
        raise ModelFileError(msg)
    msg = (
        f"`path` must hold trusted types alone, got {str(path)!r} with "
        f"{_listed(found)}. Nothing was loaded. If you know who made the file and what "
        f"these do, pass trusted={sorted(found)!r}."
    )
    raise UntrustedTypeError(msg)


def _unreadable(
    path: Path, error: BaseException, stored: Mapping[str, Any]
) -> ModelFileError:
    msg = (
        f"`path` must hold a model that can be made of its content, got {str(path)!r}: "
        f"{type(error).__name__}: {error}. {hint(stored)}"
    )
    return ModelFileError(msg)


def _check_protocol(schema: dict[str, Any]) -> None:
    """Refuse nodes of older protocols of skops, some of which look less closely."""
    oldest = 2
    if not isinstance(schema["protocol"], int) or schema["protocol"] < oldest:
        msg = f"skops protocol {schema['protocol']!r}, older than {oldest}"
        raise ValueError(msg)


def _construct(
    skops_io: ModuleType, schema: dict[str, Any], files: Mapping[str, bytes]
) -> Any:
    """Return the model of nodes that have been looked at."""
    names = sorted({type_name(node.state) for node in nodes(schema)})
    return skops_io.loads(archive(_entries(schema, files)), trusted=names)


def _entries(schema: dict[str, Any], files: Mapping[str, bytes]) -> dict[str, bytes]:
    text = json.dumps(schema, separators=(",", ":"))
    return {**files, "schema.json": text.encode()}


def _fingerprint(schema: dict[str, Any], files: Mapping[str, bytes]) -> bytes:
    """Return a sum of a model that does not know which of its parts are one object."""
    return hashlib.sha256(json.dumps(_pure(schema, files)).encode()).digest()


def _pure(schema: dict[str, Any], files: Mapping[str, bytes]) -> Any:
    """Return the nodes with the sums of the files in place of their names."""
    schema = without_ids(schema)
    for node in nodes(schema):
        if "file" in node.state:
            data = files[node.state["file"]]
            node.state["file"] = hashlib.sha256(data).hexdigest()
    return schema


def _refuse_changed(
    skops_io: ModuleType,
    schema: dict[str, Any],
    files: Mapping[str, bytes],
    again: Any,
) -> None:
    """Say where a model does not come back as it is."""
    other = _pure(*_content(skops_io, again))
    before = {n.place: n.state for n in nodes(_pure(schema, files))}
    after = {n.place: n.state for n in nodes(other)}
    places = [p for p in before if after.get(p) != before[p]]
    msg = (
        "`model` must come back as it is when it is saved, got one that does not, in "
        f"{places[-1] if places else 'model'}. Leave out what stands there: keys of "
        "dicts, say, must be texts or numbers."
    )
    raise ModelFileError(msg)


def _about(model: Any, schema: dict[str, Any]) -> dict[str, Any]:
    names = getattr(model, "feature_names_in_", None)
    classes = getattr(model, "classes_", None)
    n_features = getattr(model, "n_features_in_", None)
    return {
        "class": _kind(model),
        "feature_names": None if names is None else [str(name) for name in names],
        "n_features": None if n_features is None else int(n_features),
        "classes": None if classes is None else _plain_labels(classes),
        "versions": versions(),
        "types": sorted({type_name(node.state) for node in nodes(schema)}),
    }


def _plain_labels(classes: Any) -> list[Any]:
    labels = np.asarray(classes).tolist()
    return [k if isinstance(k, str | int | float) else str(k) for k in labels]


def _tell_of_version(model: Any, stored: Mapping[str, Any]) -> None:
    """Warn as scikit-learn does of its own estimators, each of which does so."""
    now, then = versions()["scikit-learn"], stored.get("scikit-learn")
    if now != then and not type(model).__module__.startswith("sklearn."):
        warning = InconsistentVersionWarning(
            estimator_name=type(model).__name__,
            current_sklearn_version=now,
            original_sklearn_version=then,
        )
        warnings.warn(warning, stacklevel=3)
