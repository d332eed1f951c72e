"""Where a search keeps its trials: in memory, in a journal or in a database.

The model that `_storage.py` and its neighbours share:

- Trials are asked, told and written by the process that runs a search, its parent; the
  processes that fit models know no storage. Several parents, on one host or more, may
  share a storage, and nothing else connects them.
- A trial belongs to the parent that runs it, whose name is written into the trial
  (`_trial_owner.py`). A parent lives as long as its process is seen (`_processes.py`),
  or from another host its heartbeat.
- A parent that leaves in order gives its unfinished trials back to the queue. A parent
  that is killed leaves three things: running trials, which the next one gives back to
  the queue; a lock of the journal, which goes at once if its holder is known to be
  dead (`_journal_lock.py`); and half a line at the end of the journal, which is cut
  (`_journal_repair.py`). At most the record that was being written is lost.
- A trial from the queue keeps its number, its parameters and its attributes. Should two
  parents ever run the same trial, the first result stays; the score of a trial depends
  on its parameters and its number alone, so that is waste and no damage.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage, InMemoryStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from sqlalchemy.exc import DatabaseError

from skhep_dnn.exceptions import DataFileError
from skhep_dnn.model_selection._journal_lock import JournalLock
from skhep_dnn.model_selection._journal_repair import first_broken_line

__all__ = ["close_storage", "open_storage"]

_PAUSES = (0.1, 0.2, 0.4, 0.8)


def open_storage(
    storage: str | os.PathLike[str] | BaseStorage | None = None,
) -> BaseStorage:
    """Storage of Optuna for a place.

    Parameters
    ----------
    storage : str, path-like, optuna.storages.BaseStorage or None, default=None
        A path is a journal, a file that needs no server and may lie on a network file
        system; it is made if it does not exist, and its end repaired if need be. A
        text with "://" is the URL of a database, such as `sqlite:///study.db` or
        `postgresql://user@host/database`. None keeps the trials in memory, and an
        object of Optuna is used as it is.

    Returns
    -------
    storage : optuna.storages.BaseStorage
        The storage, open.

    Raises
    ------
    TypeError
        If `storage` is something else.
    FileNotFoundError
        If the directory of the file does not exist.
    DataFileError
        If the file is no journal, or broken elsewhere than at its end.
    ImportError
        If the driver of the database is not installed.

    Warns
    -----
    JournalRepairWarning
        If half a line was cut from the end of the journal.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import optuna
    >>> from skhep_dnn.model_selection._storage import open_storage
    >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "search.log"
    ...     study = optuna.create_study(storage=open_storage(path), study_name="toy")
    ...     study.tell(study.ask(), 0.5).number
    ...     optuna.load_study(storage=open_storage(path), study_name="toy").best_value
    0
    0.5
    """
    if storage is None:
        return InMemoryStorage()
    if isinstance(storage, BaseStorage):
        return storage
    if isinstance(storage, str) and "://" in storage:
        return _open_database(storage)
    if isinstance(storage, str | os.PathLike):
        return _open_journal(Path(storage))
    msg = (
        "`storage` must be a path, a URL, a storage of Optuna or None, got "
        f"{storage!r}. Pass the path of a file to keep the trials in a journal."
    )
    raise TypeError(msg)


def close_storage(storage: BaseStorage) -> None:
    """Close the connections to a database, which the next use opens again.

    Parameters
    ----------
    storage : optuna.storages.BaseStorage
        What `open_storage` has returned. Other storages than databases keep nothing
        open.

    Examples
    --------
    >>> from skhep_dnn.model_selection._storage import close_storage, open_storage
    >>> storage = open_storage("sqlite://")
    >>> close_storage(storage)
    """
    if isinstance(storage, RDBStorage):
        storage.remove_session()
        storage.engine.dispose()


def _open_journal(path: Path) -> JournalStorage:
    _check_directory(path)
    lock = JournalLock(path)
    backend = JournalFileBackend(str(path), lock)
    with lock:  # which repairs the end
        pass
    try:
        return JournalStorage(backend)
    except (KeyError, TypeError, ValueError) as error:
        line = first_broken_line(path)
        msg = (
            f"Each line of the journal {str(path)!r} must be a record, got "
            f"{error!r}{'' if line is None else f' at line {line}'}. Only the end of a "
            "journal can be repaired: take a copy from before, or another path."
        )
        raise DataFileError(msg) from error


def _open_database(url: str) -> RDBStorage:
    dialect, _, place = url.partition("://")
    if dialect == "postgresql":  # the driver of the extra, unless the URL names another
        url = f"postgresql+psycopg://{place}"
    if dialect.startswith("sqlite") and place.strip("/"):
        _check_directory(Path(place.removeprefix("/").partition("?")[0]))
    try:
        return _connect(url)
    except ImportError as error:
        # The URL may hold a password: only its dialect is shown.
        msg = (
            f"The driver of `storage` must be installed, got a URL of {dialect!r} "
            f"({error.__cause__}). Install it, for PostgreSQL with "
            '`pip install "skhep-dnn[postgresql]"`.'
        )
        raise ImportError(msg) from error


def _connect(url: str) -> RDBStorage:
    # A server may close a connection while a long trial runs.
    options = {"pool_pre_ping": True}
    # Who opens a new database makes its tables. Of several who do so at the same time
    # all but one fail, and find the tables when they try again.
    for pause in _PAUSES:
        try:
            return RDBStorage(url, engine_kwargs=options)
        except (DatabaseError, StorageInternalError):
            time.sleep(pause)
    return RDBStorage(url, engine_kwargs=options)


def _check_directory(path: Path) -> None:
    if not path.parent.is_dir():
        msg = (
            "The directory of `storage` must exist, got "
            f"{str(path.parent)!r}. Create it first, or pass another path."
        )
        raise FileNotFoundError(msg)
