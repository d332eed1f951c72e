"""One writer at a time for a journal, also when one is killed while it writes.

The lock is a symbolic link beside the journal, as in Optuna: creating one is atomic on
network file systems, too, and what it points to, here the name of its holder, comes
into being with it. Optuna removes a lock that has not changed for 30 seconds. Here the
lock of a process that is known to be dead goes at once, that of a living process never,
and only that of a process that cannot be seen from here, on another host, after a grace
period.
"""

from __future__ import annotations

import errno
import logging
import time
import uuid
from pathlib import Path
from typing import Self

from optuna.storages.journal._file import BaseJournalFileLock

from skhep_dnn.model_selection._journal_repair import repair_end
from skhep_dnn.model_selection._processes import Process

__all__ = ["JournalLock", "LinkLock"]

_logger = logging.getLogger(__name__)

_FIRST_PAUSE = 0.001
_LONGEST_PAUSE = 0.2


class LinkLock(BaseJournalFileLock):
    """Lock that is a symbolic link to the name of its holder.

    Parameters
    ----------
    path : Path
        Where the link is made; all who share the lock must see this place.
    grace_period : float, default=30.0
        Seconds after which the lock of a process that cannot be seen from here is
        removed. Should that process live and be slow, two hold the lock.

    Notes
    -----
    Two processes that find the lock of a dead one must not both remove it: the second
    would remove the lock that the first has taken meanwhile. So it is removed under a
    lock of its own, which is one of these, too. For a process on another host that is
    still alive after the grace period, and removes its lock itself at the very moment,
    a window remains.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from skhep_dnn.model_selection._journal_lock import LinkLock
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "study.lock"
    ...     with LinkLock(path):
    ...         print(path.is_symlink())
    True
    """

    def __init__(self, path: Path, grace_period: float = 30.0) -> None:
        self.path = path
        self.grace_period = grace_period
        self._name = ""

    def __enter__(self) -> Self:
        """Take the lock."""
        self.acquire()
        return self

    def __exit__(self, *_error: object) -> None:
        """Give the lock back."""
        self.release()

    def acquire(self) -> bool:
        """Take the lock, and wait until it is free.

        Returns
        -------
        acquired : bool
            Always True, which Optuna asks for.
        """
        # The random part makes each lock another one, so that a process that takes the
        # same lock again and again is not taken for one that never lets go.
        self._name = f"{Process.current()} {uuid.uuid4().hex}"
        try:
            self._wait()
        except BaseException:
            if self._holder() == self._name:
                self.path.unlink()
            raise
        return True

    def release(self) -> None:
        """Give the lock back."""
        if self._holder() == self._name:
            self.path.unlink()
        else:
            _logger.warning(
                "The lock %s was taken away from this process, which held it for more "
                "than %g s.",
                self.path,
                self.grace_period,
            )

    def _wait(self) -> None:
        pause, holder, since = _FIRST_PAUSE, None, time.monotonic()
        while not self._take():
            previous, holder = holder, self._holder()
            if holder is None:
                continue
            if holder != previous:
                since = time.monotonic()
            if self._is_abandoned(holder, time.monotonic() - since):
                self._remove(holder)
            else:
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)

    def _take(self) -> bool:
        try:
            self.path.symlink_to(self._name)
        except FileExistsError:
            # A network file system may send a request twice and report on the second.
            return self._holder() == self._name
        return True

    def _holder(self) -> str | None:
        try:
            return str(self.path.readlink())
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            return ""  # a plain file, which other kinds of locks make

    def _is_abandoned(self, holder: str, seconds: float) -> bool:
        process = Process.parse(holder)
        alive = None if process is None else process.is_alive()
        return seconds > self.grace_period if alive is None else not alive

    def _remove(self, holder: str) -> None:
        removal = self.path.with_name(f"{self.path.name}.removal")
        with LinkLock(removal, self.grace_period):
            if self._holder() == holder:
                self.path.unlink(missing_ok=True)
                _logger.info("Removed the lock %s of %s.", self.path, holder)


class JournalLock(LinkLock):
    r"""Lock of a journal; whoever holds it finds the journal whole.

    Parameters
    ----------
    journal : Path
        File of the journal. The lock has its name with `.lock` behind it, as that of
        Optuna, so that processes with either exclude each other.
    grace_period : float, default=30.0
        See `LinkLock`.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from skhep_dnn.model_selection._journal_lock import JournalLock
    >>> with TemporaryDirectory() as folder:
    ...     journal = Path(folder) / "study.log"
    ...     length = journal.write_text('{"op_code":0}')
    ...     with JournalLock(journal):
    ...         print(repr(journal.read_text()))
    '{"op_code":0}\n'
    """

    def __init__(self, journal: Path, grace_period: float = 30.0) -> None:
        super().__init__(journal.with_name(f"{journal.name}.lock"), grace_period)
        self.journal = journal

    def acquire(self) -> bool:
        """Take the lock, wait until it is free, and repair the end of the journal.

        Returns
        -------
        acquired : bool
            Always True, which Optuna asks for.
        """
        super().acquire()
        try:
            repair_end(self.journal)
        except BaseException:
            self.release()
            raise
        return True
