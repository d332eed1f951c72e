"""Trainings that have ended, in a directory: one file each, so that a kill loses none.

A file says what was trained (iteration, candidate, columns, folds, seed) and holds the
out-of-fold predictions to the bit, from which all scores come.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from hashlib import sha256
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skhep_dnn._whole_file import make_directory, write_whole
from skhep_dnn.exceptions import DataFileError
from skhep_dnn.feature_selection._subset_training import Subset, Training

__all__ = ["TrainingRecords"]

_ABOUT = "elimination.json"


class TrainingRecords:
    """The records of an elimination, kept in a directory or not at all.

    Parameters
    ----------
    directory : Path or None
        Where they are; None keeps none.
    classes : ndarray of shape (n_classes,) or None
        Labels of the classes, of which a file holds the numbers.
    """

    def __init__(self, directory: Path | None, classes: NDArray[Any] | None) -> None:
        self.directory = directory
        self.classes = classes

    @classmethod
    def open(
        cls,
        directory: str | PathLike[str] | None,
        *,
        classes: NDArray[Any] | None,
        own: Mapping[str, str],
        seed: int | None,
        new_seed: int,
    ) -> tuple[TrainingRecords, int]:
        """Open the records of an elimination, or begin them; return its seed, too.

        Parameters
        ----------
        directory : str, path or None
            Where they are.
        classes : ndarray of shape (n_classes,) or None
            Labels of the classes.
        own : dict of str to str
            Fingerprint of this elimination.
        seed : int or None
            Its seed; None takes that of the records.
        new_seed : int
            The seed if there are no records.

        Returns
        -------
        records : TrainingRecords
        seed : int

        Raises
        ------
        ValueError
            If the records are those of another elimination.
        DataFileError
            If the file about them cannot be read.
        """
        if directory is None:
            return cls(None, classes), new_seed if seed is None else seed
        place = Path(directory)
        make_directory(place, "directory")
        if (place / _ABOUT).exists():
            about = _read(place / _ABOUT)
            seed = about["seed"] if seed is None else seed
            _check_same(place, about, {**own, "seed": str(seed)})
            return cls(place, classes), seed
        seed = new_seed if seed is None else seed
        about = {"seed": seed, "fingerprint": {**own, "seed": str(seed)}}
        write_whole(place / _ABOUT, json.dumps(about, indent=1))
        return cls(place, classes), seed

    def load(self, subset: Subset) -> Training | None:
        """Return a training that has ended, None if it has not."""
        path = self._path(subset)
        if path is None or not path.exists():
            return None
        stored = _read(path)
        ranked = [list(group) for group in subset.ranked]
        if ranked not in ([], stored["ranked"]):
            return None
        classes = None
        if self.classes is not None:
            classes = self.classes[stored["classes"]]
        return Training(
            responses=[
                {method: _array(packed) for method, packed in of_fold.items()}
                for of_fold in stored["responses"]
            ],
            classes=classes,
            seconds=stored["seconds"],
            importances=np.array(stored["importances"], dtype=np.float64),
        )

    def save(self, subset: Subset, training: Training) -> None:
        """Write a training that has ended, at once or not at all."""
        path = self._path(subset)
        if path is None:
            return
        classes = None
        if self.classes is not None and training.classes is not None:
            classes = np.searchsorted(self.classes, training.classes).tolist()
        stored = {
            "training": subset.label,
            "columns": list(subset.columns),
            "seed": subset.seed,
            "n_folds": len(training.responses),
            "seconds": training.seconds,
            "ranked": [list(group) for group in subset.ranked],
            "importances": training.importances.tolist(),
            "classes": classes,
            "responses": [
                {method: _packed(values) for method, values in of_fold.items()}
                for of_fold in training.responses
            ],
        }
        write_whole(path, json.dumps(stored, indent=1))

    def _path(self, subset: Subset) -> Path | None:
        if self.directory is None:
            return None
        # The columns are in the name: with another rule an iteration may begin with
        # other ones, and must not find these.
        columns = sha256(repr(sorted(subset.columns)).encode()).hexdigest()[:8]
        name = f"{subset.label}_columns_{columns}_seed_{subset.seed}.json"
        return self.directory / name


def _check_same(place: Path, about: Mapping[str, Any], own: Mapping[str, str]) -> None:
    stored = about["fingerprint"]
    different = [name for name in own if stored.get(name) != own[name]]
    if different:
        what = " and ".join(f"`{name}`" for name in different)
        msg = (
            f"`directory` must hold the trainings of the same elimination, got another "
            f"{what} in {str(place)!r}. Choose another directory, or pass what it was "
            "begun with."
        )
        raise ValueError(msg)


def _read(path: Path) -> dict[str, Any]:
    try:
        stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        msg = (
            f"{str(path)!r} must be a file of JSON as it was written, got something "
            f"else: {error}. Delete it: the training is then done again."
        )
        raise DataFileError(msg) from error
    return stored


def _packed(values: NDArray[Any]) -> dict[str, Any]:
    if values.dtype == object:
        return {"values": values.tolist()}
    data = base64.b64encode(zlib.compress(np.ascontiguousarray(values).tobytes(), 1))
    return {
        "dtype": values.dtype.str,
        "shape": list(values.shape),
        "data": data.decode("ascii"),
    }


def _array(packed: Mapping[str, Any]) -> NDArray[Any]:
    if "values" in packed:
        return np.array(packed["values"], dtype=object)
    data = zlib.decompress(base64.b64decode(packed["data"]))
    array = np.frombuffer(data, dtype=packed["dtype"])
    return array.reshape(packed["shape"]).copy()
