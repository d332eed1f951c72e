"""Batches of events for many members at once, gathered in memory.

The events lie in memory once, for all members; each member has the indices of its own
events, its own weights and its own random order. Sixteen batches are gathered, filled
and scaled together, which makes the cost of doing so per batch negligible.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice, pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skhep_dnn.neural_network._engine.data import Events, MemberSample
from skhep_dnn.preprocessing._symmetry_kernel import SymmetryKernel

__all__ = [
    "Batch",
    "TrainingBatches",
    "ValidationBatches",
    "as_tensor",
    "batch_shape",
]

BLOCK = 16
VALIDATION_ROWS = 2048


class Batch(NamedTuple):
    """One step of all members: inputs, targets, weights, dropout bytes, known logits.

    The inputs are filled and scaled in training, and raw in validation.
    """

    inputs: Tensor
    target: Tensor
    weight: Tensor
    random_bytes: Tensor | None
    offset: Tensor | None = None

    def with_offset(self, logit: Tensor) -> Tensor:
        """Return logits of the networks with the known ones added."""
        return logit if self.offset is None else logit + self.offset


def batch_shape(largest: int, batch_size: int) -> tuple[int, int]:
    """Return steps and batch width that fit the largest member, in equal batches.

    The width may be below `batch_size`: 257 events in batches of at most 256 are two
    batches of 129, not one of 256 and one of a single event, whose gradient would be
    all noise.

    Examples
    --------
    >>> batch_shape(257, 256)
    (2, 129)
    """
    n_steps = -(-largest // batch_size)
    return n_steps, -(-largest // n_steps)


def as_tensor(array: NDArray[Any]) -> Tensor:
    """Share an array's memory with a tensor, also where it is read-only.

    Torch warns of read-only memory, such as that of a memory-mapped file, because
    writing to the tensor would be undefined. Nothing here writes to it.
    """
    if not array.flags.writeable:
        interface = dict(array.__array_interface__)
        interface["data"] = (interface["data"][0], False)
        array = np.asarray(_Memory(array, interface))
    return torch.from_numpy(array)


class _Memory:
    """An array interface without the read-only flag that keeps its owner alive."""

    def __init__(self, owner: NDArray[Any], interface: dict[str, Any]) -> None:
        self.owner = owner
        self.__array_interface__ = interface


class TrainingBatches:
    """Passes over the training events, each in a new random order.

    The number of steps and their width come from outside, so that a member's batches
    do not depend on which other members are trained beside it; where a member has
    fewer events the last batch is filled up with events of weight zero.

    Parameters
    ----------
    events : Events
        The common events.
    samples : sequence of MemberSample
        The training events of each member.
    n_steps : int
        Number of batches in an epoch.
    width : int
        Events of one member in a batch.
    prepare : callable
        Maps raw inputs to scaled ones, of the same shape.
    kernel : SymmetryKernel or None
        Transforms each use of an event at random, before `prepare`.
    n_hidden : int
        Random bytes needed for each event (dropout); 0 for none.
    generators : sequence of torch.Generator
        One for each member, on `device`; each pass continues them.
    device : torch.device
        Where the batches are needed.
    """

    def __init__(
        self,
        events: Events,
        samples: Sequence[MemberSample],
        *,
        n_steps: int,
        width: int,
        prepare: Callable[[Tensor], Tensor],
        kernel: SymmetryKernel | None = None,
        n_hidden: int,
        generators: Sequence[torch.Generator],
        device: torch.device,
    ) -> None:
        self.X = as_tensor(events.X).to(device)
        self.y = as_tensor(events.y).to(device)
        self.offset = _offset(events, device)
        self.n_events = [len(sample.index) for sample in samples]
        self.index, weights = _pad(samples, n_steps * width, device)
        self.weights = weights.float().to(device)
        self.sum_w = weights.abs().sum(1)
        self.n_steps = n_steps
        self.width = width
        self.prepare = prepare
        self.kernel = kernel
        self.n_hidden = n_hidden
        self.generators = generators

    def __len__(self) -> int:
        """Return the number of batches in a pass."""
        return self.n_steps

    def parts(self, n_parts: int = 1) -> Iterator[tuple[Tensor, Iterator[Batch]]]:
        """Yield one pass in parts: the sum of `|w|` of each member, and the batches.

        Parameters
        ----------
        n_parts : int, default=1
            Number of parts, at most that of batches; what is drawn at random does
            not depend on it.
        """
        order = self._draw_order()
        batches = self._batches(order)
        # Parts are cut between batches, as equal as whole batches allow; the iterator
        # of batches runs on from part to part, so that blocks do not care for parts.
        ends = [k * self.n_steps // n_parts for k in range(n_parts + 1)]
        for first, end in pairwise(ends):
            # The sum of `|w|` turns the sum of losses into a mean. It is known before
            # the batches are: each event is used exactly once in a pass.
            columns = order[:, first * self.width : end * self.width]
            weights = self.weights.gather(1, columns).cpu()  # not all devices know
            sum_w = weights.abs().sum(1, dtype=torch.float64)  # double precision
            yield sum_w, islice(batches, end - first)

    def _batches(self, order: Tensor) -> Iterator[Batch]:
        for first in range(0, self.n_steps, BLOCK):
            n_batches = min(BLOCK, self.n_steps - first)
            columns = slice(first * self.width, (first + n_batches) * self.width)
            yield from self._block(order[:, columns], n_batches)

    def _draw_order(self) -> Tensor:
        # A member with fewer events than its batches have room for is filled up at the
        # end of the order, not among its events: its last batch holds the padding, of
        # weight zero, and which events share a batch does not depend on it.
        device = self.index.device
        order = torch.arange(self.index.shape[1], dtype=torch.int64, device=device)
        order = order.repeat(len(self.n_events), 1)
        for k, (n, generator) in enumerate(
            zip(self.n_events, self.generators, strict=True)
        ):
            order[k, :n] = torch.randperm(
                n, generator=generator, dtype=torch.int64, device=device
            )
        return order

    def _block(self, order: Tensor, n_batches: int) -> Iterator[Batch]:
        # `order` counts the events of a member, `rows` those of the common table.
        rows = self.index.gather(1, order)
        inputs = self.X.index_select(0, rows.view(-1)).view(*rows.shape, -1)
        inputs = self.prepare(self._augment(inputs))
        target, weight = self.y[rows], self.weights.gather(1, order)
        offset = None if self.offset is None else self.offset[rows]
        noise = self._draw_bytes(n_batches)
        for k in range(n_batches):
            part = slice(k * self.width, (k + 1) * self.width)
            yield Batch(
                inputs[:, part],
                target[:, part],
                weight[:, part],
                None if noise is None else noise[:, k],
                None if offset is None else offset[:, part],
            )

    def _augment(self, inputs: Tensor) -> Tensor:
        """Transform each event in place; it is a copy of this block."""
        if self.kernel is None:
            return inputs
        uniform = torch.empty(
            (*inputs.shape[:2], 4), dtype=torch.float32, device=inputs.device
        )
        for row, generator in zip(uniform, self.generators, strict=True):
            row.uniform_(generator=generator)
        by = self.kernel.transformation(uniform, lambda a: (torch.cos(a), torch.sin(a)))
        transformed: Tensor = self.kernel.apply(inputs, by, out=inputs)
        return transformed

    def _draw_bytes(self, n_batches: int) -> Tensor | None:
        if self.n_hidden == 0:
            return None
        # A byte decides on each hidden output, and eight come with each draw of a
        # word: several times cheaper than a uniform number for each.
        n_bytes = n_batches * self.width * self.n_hidden
        n_words = -(-n_bytes // 8)
        words = torch.empty(
            (len(self.generators), n_words),
            dtype=torch.int64,
            device=self.index.device,
        )
        for row, generator in zip(words, self.generators, strict=True):
            row.random_(-(2**63), None, generator=generator)
        return words.view(torch.uint8)[:, :n_bytes].view(
            len(self.generators), n_batches, -1
        )


class ValidationBatches:
    """The validation events of all members, in a fixed order and without dropout.

    Parameters
    ----------
    events : Events
        The common events.
    samples : sequence of MemberSample
        The validation events of each member.
    device : torch.device
        Where the batches are needed.

    Attributes
    ----------
    target, weights : Tensor of shape (n_members, n_events)
        Of all events, filled up with events of weight zero; the weights in double
        precision, on the CPU.
    n_events : list of int
        Number of events of each member.
    """

    def __init__(
        self,
        events: Events,
        samples: Sequence[MemberSample],
        *,
        device: torch.device,
    ) -> None:
        self.X = as_tensor(events.X).to(device)
        self.n_events = [len(sample.index) for sample in samples]
        self.index, self.weights = _pad(samples, max(self.n_events), device)
        self.target = as_tensor(events.y).to(device)[self.index]
        self.offset = _offset(events, device)

    def __len__(self) -> int:
        """Return the number of batches."""
        return len(range(0, self.index.shape[1], VALIDATION_ROWS))

    def __iter__(self) -> Iterator[Batch]:
        """Yield all events once."""
        for first in range(0, self.index.shape[1], VALIDATION_ROWS):
            part = slice(first, first + VALIDATION_ROWS)
            rows = self.index[:, part]
            inputs = self.X.index_select(0, rows.reshape(-1)).view(*rows.shape, -1)
            target, weights = self.target[:, part], self.weights[:, part]
            offset = None if self.offset is None else self.offset[rows]
            yield Batch(inputs, target, weights, None, offset)


def _offset(events: Events, device: torch.device) -> Tensor | None:
    return None if events.offset is None else as_tensor(events.offset).to(device)


def _pad(
    samples: Sequence[MemberSample], length: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Return indices on the device and weights, in double precision, beside it."""
    index = np.zeros((len(samples), length), dtype=np.int64)
    weights = np.zeros((len(samples), length))
    for k, sample in enumerate(samples):
        # What fills a row up must be some event that exists; its weight is zero.
        index[k, : len(sample.index)] = sample.index
        index[k, len(sample.index) :] = sample.index[0]
        weights[k, : len(sample.index)] = sample.weights
    return torch.from_numpy(index).to(device), torch.from_numpy(weights)
