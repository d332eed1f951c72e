"""Downloading a file that is kept only if its content passes a check."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from skhep_dnn.exceptions import DataFileError, DownloadError

__all__ = ["default_cache", "download"]

Content = TypeVar("Content")


def default_cache() -> Path:
    """Return the folder in which downloads are kept.

    Returns
    -------
    folder : Path
        The cache folder of the operating system for this package.

    Raises
    ------
    ImportError
        If pooch is not installed.
    """
    return Path(_pooch().os_cache("skhep_dnn"))


def download(
    url: str, target: Path, read: Callable[[Path], Content], *, progressbar: bool
) -> Content:
    """Download a file, read it, and keep it only if reading succeeds.

    The bytes go to a scratch folder next to the target, which is deleted in any case;
    the finished file is moved to its place in one step.

    Parameters
    ----------
    url : str
        Address of the file.
    target : Path
        Where the file is kept.
    read : callable
        Reads and checks a file; a `DataFileError` refuses it.
    progressbar : bool
        Whether to show the progress on the standard error stream.

    Returns
    -------
    content : object
        What `read` returned.

    Raises
    ------
    ImportError
        If pooch is not installed.
    DownloadError
        If the folder cannot be made or written to, or the transfer fails or breaks
        off.
    DataFileError
        If the file arrived, but its content is refused.
    """
    fetch = _pooch().HTTPDownloader(progressbar=progressbar)
    with _scratch(target.parent) as scratch:
        part = scratch / target.name
        try:
            fetch(url, str(part), None)
        except OSError as error:  # base class of all errors of requests
            n_bytes = part.stat().st_size if part.exists() else 0
            msg = (
                f"The download of {url} must complete, got {n_bytes} bytes and then "
                f"{type(error).__name__}: {error}. Nothing was kept. Try again, or "
                "fetch the file by other means and pass its `path`."
            )
            raise DownloadError(msg) from error
        try:
            content = read(part)
        except DataFileError as error:
            msg = (
                f"{error} This came from {url} ({part.stat().st_size} bytes). Nothing "
                "was kept. Try again, or fetch the file by other means and pass its "
                "`path`."
            )
            raise DataFileError(msg) from error
        part.replace(target)
    return content


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """Make a folder, if need be, and a scratch folder in it, which is deleted again."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        scratch = tempfile.TemporaryDirectory(prefix=".download-", dir=folder)
    except OSError as error:
        msg = (
            f"The folder of downloads must be one that can be made and written to, got "
            f"{type(error).__name__} for {str(folder)!r}: {error}. Pass another one as "
            "`data_home`, or the `path` of a file that you have; on Linux the "
            "environment variable XDG_CACHE_HOME sets where caches are."
        )
        raise DownloadError(msg) from error
    with scratch as name:
        yield Path(name)


def _pooch() -> ModuleType:
    try:
        import pooch  # noqa: PLC0415 - an optional dependency
    except ImportError as error:
        msg = (
            "pooch must be installed to download data, got none. Install it with "
            '`pip install "skhep-dnn[data]"`, or pass the `path` of a local file.'
        )
        raise ImportError(msg) from error
    module: ModuleType = pooch
    return module
