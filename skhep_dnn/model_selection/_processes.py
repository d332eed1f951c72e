"""Which process left a mark in a shared place, and whether it still lives.

A number alone says little: it belongs to one table of processes, and is used again.
So a process is named by its table (the host since its last boot, or a container on
it), its number and its start. Linux tells all three. Elsewhere the table is the name of
the host, and a process with the right number may be another one: that it is dead can be
known there, that it is alive cannot.
"""

from __future__ import annotations

import os
import re
import socket
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ["Process"]

_TEXT = re.compile(r"(\S+) (\d+) (\S+)")
_UNKNOWN = "-"
# A zombie has ended, and waits for its parent to ask how.
_ENDED = {"Z", "X"}


@dataclass(frozen=True)
class Process:
    """A process, on this host or another.

    Parameters
    ----------
    host : str
        Name of the table of processes: host, and on Linux boot and PID namespace.
    pid : int
        Its number there.
    start : str
        When it started, in ticks of the clock since the boot; "-" where not known.

    Examples
    --------
    >>> from skhep_dnn.model_selection._processes import Process
    >>> process = Process.current()
    >>> Process.parse(f"{process} and more") == process
    True
    """

    host: str
    pid: int
    start: str

    @classmethod
    def current(cls) -> Process:
        """The process that asks."""
        pid = os.getpid()
        status = _status(pid)
        return cls(_table(), pid, _UNKNOWN if status is None else status[1])

    @classmethod
    def parse(cls, text: str) -> Process | None:
        """Process that a text begins with; None if it begins with something else."""
        match = _TEXT.match(text)
        return match and cls(match[1], int(match[2]), match[3])

    def __str__(self) -> str:
        """Text that `parse` reads."""
        return f"{self.host} {self.pid} {self.start}"

    def is_alive(self) -> bool | None:
        """Whether the process lives; None if that cannot be known from here."""
        # Elsewhere than on POSIX systems the signal 0 is a real one.
        if self.host != _table() or os.name != "posix":
            return None
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:  # it is there, and another user's
            pass
        status = _status(self.pid)
        if status is None:
            return None
        state, start = status
        return state not in _ENDED and start == self.start


@cache
def _table() -> str:
    """Name of the table that gives this process its number."""
    host = socket.gethostname()
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
        namespace = Path("/proc/self/ns/pid").readlink()
    except OSError:  # not Linux
        return host
    return f"{host}/{boot.strip()}/{namespace}"


def _status(pid: int) -> tuple[str, str] | None:
    """State and start of a process, fields 3 and 22 of its `stat` on Linux."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:  # not Linux, or just gone
        return None
    # The second field is the name of the program in brackets, with whatever it holds.
    fields = text.rpartition(")")[2].split()
    return fields[0], fields[19]
