"""A checked sample as the networks take it: events that count, in float32 columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skhep_dnn._event_sample import EventSample
from skhep_dnn._messages import shown
from skhep_dnn._present_events import found
from skhep_dnn.exceptions import WeightsError
from skhep_dnn.neural_network._preparation.columns import ColumnEncoder

__all__ = ["Sample", "check_all_classes", "encoded", "without_weightless"]


@dataclass(frozen=True)
class Sample:
    """A sample without its events of weight zero, which are as good as absent.

    Attributes
    ----------
    events : EventSample
        The events as they were given, with classes, weights and groups.
    columns : ndarray of shape (n_samples, n_columns), dtype float32
        The events as the network takes them.
    present : ndarray of bool of shape (n_passed,)
        Which of the events that were passed have a weight.
    """

    events: EventSample
    columns: NDArray[np.float32]
    present: NDArray[np.bool_]

    @property
    def has_negative(self) -> bool:
        """Whether there are events of negative weight."""
        return bool((self.events.sample_weight < 0.0).any())

    @property
    def target(self) -> NDArray[np.generic]:
        """The target of the loss: 0 or 1, or with more classes the position of it."""
        targets = self.events.targets
        kind = np.float32 if len(targets.classes) == 2 else np.int64
        return targets.codes.astype(kind)

    def found(self, passed: ArrayLike) -> NDArray[np.int64]:
        """Return where the present ones of some events that were passed lie here."""
        return found(self.present, passed)


def without_weightless(
    events: EventSample, present: NDArray[np.bool_]
) -> tuple[EventSample, NDArray[np.bool_]]:
    """Return the events whose weight is not zero, and which of all they are.

    `present` says which of all came here, as `check_event_sample` returns it.
    """
    counts = events.sample_weight != 0.0
    if counts.all():
        return events, present  # without a copy
    counted = present.copy()
    counted[present] = counts
    return events.take(np.flatnonzero(counts)), counted


def encoded(
    events: EventSample, present: NDArray[np.bool_], encoder: ColumnEncoder
) -> Sample:
    """Return a sample with the columns of the network."""
    return Sample(events, encoder.transform(events.X), present)


def check_all_classes(events: EventSample, name: str, remedy: str) -> None:
    """Refuse a sample without events of some class that is known."""
    classes = events.targets.classes
    counts = np.bincount(events.targets.codes, minlength=len(classes))
    if not counts.all():
        msg = (
            f"`{name}` must hold the labels {shown(classes)}, got no event with a "
            f"weight other than zero of {shown(classes[counts == 0])}. {remedy}"
        )
        raise WeightsError(msg)
