"""The events that the engine trains and validates on, as clean arrays."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Events", "GroupData", "MemberSample", "ScoredEvents"]


@dataclass(frozen=True)
class MemberSample:
    """The events of one member: which ones, and with which weights.

    Attributes
    ----------
    index : ndarray of shape (n_events,), dtype int64
        Rows of the common events.
    weights : ndarray of shape (n_events,)
        Weights in the loss.
    """

    index: NDArray[np.int64]
    weights: NDArray[np.float64]


@dataclass(frozen=True)
class Events:
    """Events shared by all members.

    Attributes
    ----------
    X : ndarray of shape (n_samples, n_features), dtype float32
        Numeric columns first, category codes last; undefined values are nan.
    y : ndarray of shape (n_samples,), dtype float32 or int64
        1 for the class `classes_[1]`, else 0; the position of the class where there
        are more than two.
    """

    X: NDArray[np.float32]
    y: NDArray[Any]


@dataclass(frozen=True)
class ScoredEvents:
    """The validation events of one member, as a scorer gets them.

    Attributes
    ----------
    X : array-like of shape (n_events, n_features)
        The events as they were given.
    y : ndarray of shape (n_events,)
        Their labels.
    sample_weight : ndarray of shape (n_events,) or None
        Physics weights, scaled per class to the yields of the whole sample; None
        where the fit got none.
    classes : ndarray of shape (n_classes,)
        Labels of all classes.
    """

    X: Any
    y: NDArray[Any]
    sample_weight: NDArray[np.float64] | None
    classes: NDArray[Any]


@dataclass(frozen=True)
class GroupData:
    """What one group of members trains and validates on.

    Attributes
    ----------
    events, validation_events : Events
        Events that the samples index; the second is the first but for an explicit
        validation sample.
    training, validation : tuple of MemberSample
        One for each member; `validation` is empty without a validation sample.
    n_steps, width : int
        Batches in a pass and events of one member in a batch.
    seeds : tuple of int
        Seed of the event order and dropout of each member.
    scored : tuple of ScoredEvents
        The validation events as a scorer gets them; empty without one.
    """

    events: Events
    validation_events: Events
    training: tuple[MemberSample, ...]
    validation: tuple[MemberSample, ...]
    n_steps: int
    width: int
    seeds: tuple[int, ...]
    scored: tuple[ScoredEvents, ...] = ()
