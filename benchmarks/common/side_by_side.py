"""Time several tasks side by side: interleaved rounds, the best of each.

Timings on shared machines differ by a quarter from minute to minute, in one direction:
the best round is the one that was disturbed least, and tasks that take turns meet the
same disturbances.
"""

from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any

__all__ = ["best_of", "seconds"]


def seconds(function: Callable[..., object], *args: object, **params: object) -> float:
    """Seconds that one call takes."""
    start = perf_counter()
    function(*args, **params)
    return perf_counter() - start


def best_of(rounds: int, tasks: Mapping[Any, Callable[[], float]]) -> dict[Any, float]:
    """Smallest figure of each task; a task returns the seconds that it measured."""
    best = dict.fromkeys(tasks, float("inf"))
    for _ in range(rounds):
        for name, task in tasks.items():
            best[name] = min(best[name], task())
    return best
