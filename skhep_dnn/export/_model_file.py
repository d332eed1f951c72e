"""The file of a saved model: a zip archive of nodes, arrays and readable metadata.

Nothing in it is compressed, so that it holds no more than its size says, and no entry
is ever written to disk. Every entry has its SHA-256 in the metadata.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from skhep_dnn.exceptions import ModelFileError

__all__ = ["FORMAT_VERSION", "archive", "packed", "read_entries", "read_metadata"]

FORMAT = "skhep_dnn model"
FORMAT_VERSION = 1
_METADATA = "metadata.json"
_NAMES = re.compile(r"(schema\.json|metadata\.json|[0-9]+\.(npy|bin))")
_BEGINNING = (1980, 1, 1, 0, 0, 0)  # the first time that a zip archive can hold


def archive(entries: Mapping[str, bytes]) -> bytes:
    """Return a zip archive of entries, the same bytes for the same entries.

    Parameters
    ----------
    entries : mapping of str to bytes
        What it holds, by name.

    Examples
    --------
    >>> archive({"1.npy": b"numbers"}) == archive({"1.npy": b"numbers"})
    True
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as file:
        for name, data in entries.items():
            file.writestr(zipfile.ZipInfo(name, _BEGINNING), data)
    return buffer.getvalue()


def packed(metadata: Mapping[str, Any], entries: Mapping[str, bytes]) -> bytes:
    """Return a model file.

    Parameters
    ----------
    metadata : mapping of str to object
        What is to be known of the model without loading it.
    entries : mapping of str to bytes
        Its content, by name.
    """
    about = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        **metadata,
        "content": {name: _sha256(data) for name, data in entries.items()},
    }
    about["sha256"] = _sha256(_plain(about))
    text = json.dumps(about, indent=1, ensure_ascii=False)
    return archive({_METADATA: text.encode(), **entries})


def read_entries(path: Path) -> dict[str, bytes]:
    """Return the entries of a model file that are as they were written.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    entries : dict of str to bytes
        With the metadata.

    Raises
    ------
    ModelFileError
        If it is no such file, or was changed.
    OSError
        If it cannot be read.
    """
    data = path.read_bytes()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            _check_names(path, file.infolist(), len(data))
            entries = {name: file.read(name) for name in file.namelist()}
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        is_pickle = data[:1] == b"\x80"
        what = "a pickle" if is_pickle else f"another or a damaged file ({error})"
        raise _wrong(path, what) from error
    metadata = read_metadata(path, entries)
    found = {k: _sha256(data) for k, data in entries.items() if k != _METADATA}
    if found != metadata.get("content"):
        raise _wrong(path, "one whose content has other sums (SHA-256) than it says")
    return entries


def read_metadata(path: Path, entries: Mapping[str, bytes]) -> dict[str, Any]:
    """Return what is known of a model without loading it.

    Parameters
    ----------
    path : Path
        The file, for messages.
    entries : mapping of str to bytes
        Its entries.

    Raises
    ------
    ModelFileError
        If the metadata are not there, were changed, or are of a later format.
    """
    try:
        about = json.loads(entries[_METADATA].decode())
    except (KeyError, ValueError, RecursionError) as error:
        raise _wrong(path, "an archive without metadata") from error
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise _wrong(path, "an archive of something else")
    number, stored = about.get("format_version"), about.get("versions")
    then = stored.get("skhep-dnn") if isinstance(stored, dict) else None
    if not isinstance(number, int) or not 1 <= number <= FORMAT_VERSION:
        msg = (
            f"`path` must be of a format up to version {FORMAT_VERSION}, got "
            f"{str(path)!r} of version {number!r}, saved by skhep_dnn {then}. Load it "
            "with that version of skhep_dnn or a later one."
        )
        raise ModelFileError(msg)
    rest = {name: value for name, value in about.items() if name != "sha256"}
    if about.get("sha256") != _sha256(_plain(rest)) or then is None:
        raise _wrong(path, "one whose metadata have another sum (SHA-256) than it says")
    return about


def _check_names(path: Path, infos: list[zipfile.ZipInfo], size: int) -> None:
    names = [info.filename for info in infos]
    strange = [name for name in names if not _NAMES.fullmatch(name)]
    if strange or len(set(names)) < len(names):
        raise _wrong(path, f"an archive with entries {strange or names!r}")
    if any(info.compress_type != zipfile.ZIP_STORED for info in infos):
        raise _wrong(path, "an archive with compressed entries")
    if sum(info.file_size for info in infos) > size:
        raise _wrong(path, "an archive whose entries are larger than itself")


def _wrong(path: Path, what: str) -> ModelFileError:
    msg = (
        f"`path` must be a model file that `save_model` has written, got {str(path)!r}"
        f", {what}. Get it again from where it was saved; nothing was loaded."
    )
    return ModelFileError(msg)


def _plain(about: Mapping[str, Any]) -> bytes:
    return json.dumps(about, sort_keys=True).encode()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
