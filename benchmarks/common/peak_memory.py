"""Resident memory of a piece of work, measured in a process of its own (Linux).

A process that has already worked keeps memory to use again, which would hide what the
next piece of work needs: so each is measured in a fresh process, above what was
resident when it began.
"""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from threading import Event, Thread
from typing import Any, Self

__all__ = ["PeakMemory", "in_fresh_process"]

INTERVAL = 0.005  # seconds between two looks at the private memory


def in_fresh_process(function: Callable[..., Any], *args: Any) -> Any:
    """Return the result of a function of a module, called in a new process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *args).result()


class PeakMemory:
    """Largest resident memory of a `with` block, in bytes above that at its begin.

    `total` counts all resident pages; of `private` ones those of mapped files, which
    the system takes back when it needs them, are left out. The kernel keeps the peak
    of the total; the private memory is sampled. `highest` is the peak of all resident
    memory of the process.
    """

    def __enter__(self) -> Self:
        """Begin with what is resident now."""
        with suppress(OSError):  # where it is refused, the peak is an upper bound
            Path("/proc/self/clear_refs").write_text("5")
        self._resident = _status("VmRSS")
        self._private = self._largest = _status("RssAnon")
        self._stop = Event()
        self._thread = Thread(target=self._sample, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Read the peaks."""
        self.highest = _status("VmHWM")
        self.total = self.highest - self._resident
        self._stop.set()
        self._thread.join()
        self.private = self._largest - self._private

    def _sample(self) -> None:
        while not self._stop.wait(INTERVAL):
            self._largest = max(self._largest, _status("RssAnon"))


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    line = next(line for line in lines if line.startswith(field + ":"))
    return 1024 * int(line.split()[1])
