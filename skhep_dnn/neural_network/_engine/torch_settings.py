"""How torch computes: where, in which precision, on how many threads.

What a caller has set for the process or for a block, such as float64 as the default
dtype (`pyhf.set_backend("pytorch")` does it) or a default device, is for the caller's
own tensors. The engine computes as it always does, and puts everything back.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock
from typing import Any

import torch

__all__ = ["engine_settings", "torch_device", "usual_modes"]

SMALLEST_NORMAL = sys.float_info.min
KINDS = ("cpu", "cuda", "mps")  # of devices, each with an autocast of its own


@contextmanager
def engine_settings() -> Iterator[None]:
    """Let torch compute in this block as the engine does, whatever the caller has set.

    That is float32 as the default, on the CPU, with its gradients; no autocast, and no
    products in a lower precision than that of their factors; on one thread; and with
    numbers below 1e-38 taken as 0. Such numbers, which swish returns for an event far
    out in a tail, would make the products that they enter much slower.

    Most of this belongs to a thread, so that each one must enter the block. Blocks may
    be inside each other. Deterministic algorithms stay as they are.
    """
    n_threads, flushes = torch.get_num_threads(), _flushes()
    if n_threads != 1:
        torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    try:
        with _PROCESS_WIDE, usual_modes():
            yield
    finally:
        torch.set_flush_denormal(flushes)
        if n_threads != 1:
            torch.set_num_threads(n_threads)


@contextmanager
def usual_modes() -> Iterator[None]:
    """Leave the modes of this thread that the caller is in; most of the time none."""
    with ExitStack() as stack:
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        if torch.is_inference_mode_enabled():
            stack.enter_context(torch.inference_mode(mode=False))
        if not torch.is_grad_enabled():
            stack.enter_context(torch.enable_grad())
        for kind in KINDS:
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        yield


def torch_device(name: str) -> str:
    """Return the name of a device; "auto" means an accelerator where there is one."""
    if name != "auto":
        return name
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _flushes() -> bool:
    """Tell whether numbers below the smallest normal one are taken as 0."""
    # Python's own numbers are multiplied by the same unit of the processor.
    return SMALLEST_NORMAL * 0.5 == 0.0


# Of products of float32 on the CPU; the precision of an accelerator is also its speed.
_PRODUCTS: Any = getattr(torch.backends.mkldnn, "matmul", None)  # from torch 2.9 on


def _product_precision() -> str:
    return str(_PRODUCTS.fp32_precision)


def _set_product_precision(precision: str) -> None:
    _PRODUCTS.fp32_precision = precision


class _ProcessWide:
    """What torch knows for the whole process alone, set while anybody is inside.

    Trainings may run in several threads, which enter and leave as they like: the first
    one notes what the caller has set, and the last one puts it back. A thread that
    noted it for itself could note what another one had set.
    """

    def __init__(self) -> None:
        self.lock = Lock()
        self.n_inside = 0
        self.before: list[Any] = []
        self.settings: list[tuple[Callable[[], Any], Callable[[Any], None], Any]] = [
            (torch.get_default_dtype, torch.set_default_dtype, torch.float32)
        ]
        if _PRODUCTS is not None:
            self.settings.append((_product_precision, _set_product_precision, "ieee"))

    def __enter__(self) -> None:
        with self.lock:
            if self.n_inside == 0:
                self.before = [read() for read, _, _ in self.settings]
                for _, write, value in self.settings:
                    write(value)
            self.n_inside += 1

    def __exit__(self, *_error: object) -> None:
        with self.lock:
            self.n_inside -= 1
            if self.n_inside == 0:
                for (_, write, _), value in zip(
                    self.settings, self.before, strict=True
                ):
                    write(value)


_PROCESS_WIDE = _ProcessWide()
