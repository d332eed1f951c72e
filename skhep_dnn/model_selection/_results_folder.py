"""A temporary folder that goes where its owner goes: it is pickled with what is in it.

AutoML libraries keep their models in files. A fitted classifier must survive pickling,
copies and processes all the same.
"""

from __future__ import annotations

import io
import shutil
import tempfile
import weakref
import zipfile
from pathlib import Path
from typing import Any

__all__ = ["ResultsFolder"]


class ResultsFolder:
    """A folder that is deleted with the last reference to this object.

    Attributes
    ----------
    path : Path
        Where it is.

    Examples
    --------
    >>> import pickle
    >>> from skhep_dnn.model_selection._results_folder import ResultsFolder
    >>> folder = ResultsFolder()
    >>> _ = (folder.path / "model.txt").write_text("a tree")
    >>> copy = pickle.loads(pickle.dumps(folder))
    >>> (copy.path / "model.txt").read_text(), copy.path == folder.path
    ('a tree', False)
    """

    def __init__(self) -> None:
        self._make()

    def _make(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="skhep_dnn_"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)

    def __getstate__(self) -> dict[str, Any]:
        """Return the content of the folder."""
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as files:
            for file in sorted(self.path.rglob("*")):
                files.write(file, file.relative_to(self.path))
        return {"archive": archive.getvalue()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Make a new folder with the same content."""
        self._make()
        with zipfile.ZipFile(io.BytesIO(state["archive"])) as files:
            files.extractall(self.path)
