"""How torch computes: where, on how many threads, with which smallest numbers."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["one_thread", "torch_device"]


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread in this block, and take numbers below 1e-38 as 0.

    Such numbers, which swish returns for an event far out in a tail, would make the
    products that they enter much slower. Each thread has this setting for itself.
    """
    n_threads, flushes = torch.get_num_threads(), _flushes()
    if n_threads != 1:
        torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(flushes)
        if n_threads != 1:
            torch.set_num_threads(n_threads)


def torch_device(name: str) -> str:
    """Return the name of a device; "auto" means an accelerator where there is one."""
    if name != "auto":
        return name
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _flushes() -> bool:
    """Tell whether numbers below the smallest normal one are taken as 0."""
    smallest = torch.tensor(torch.finfo(torch.float32).tiny)
    return bool(smallest * 0.5 == 0.0)
