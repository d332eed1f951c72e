"""Which events have the models of an export seen: a compact file, and the look-up.

Of each event of the fit the file has what it is known by, once, and the one fold model
that has not seen it. Run and event numbers are kept as they are, sorted, as steps from
one to the next: those of a simulated sample take a byte an event, or less. Events
without numbers are known by the 64-bit keys of their contents, which cannot be made
smaller than some five bytes. With them are the scores of some events of the fit, by the
models that score them, which an exported file must give again.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from skhep_dnn.export._event_keys import Keys, event_keys

__all__ = ["ALL_MODELS", "NEW", "KnownBy", "ReferenceScores", "SeenEvents"]

KnownBy = Literal["numbers", "contents"]
Integers = NDArray[np.int64]

# In place of the fold whose model has not seen an event.
ALL_MODELS = -1  # have seen it
NEW = -2  # no model has seen it: it is no event of the fit


@dataclass(frozen=True, eq=False)
class ReferenceScores:
    """Probabilities of some events of a fit.

    Attributes
    ----------
    keys : ndarray of shape (n_events,), dtype uint64
        Keys of numbers and contents of the events.
    probabilities : ndarray of shape (n_events, n_classes)
        Probability of each class.
    """

    keys: Keys
    probabilities: NDArray[np.float64]

    @classmethod
    def none(cls) -> ReferenceScores:
        """Return no scores."""
        return cls(np.empty(0, dtype=np.uint64), np.empty((0, 0)))

    def find(self, keys: Keys) -> tuple[Integers, Integers]:
        """Return which of some events have a score here, and where.

        Parameters
        ----------
        keys : ndarray of shape (n_samples,), dtype uint64
            Keys of the events.

        Returns
        -------
        rows, places : ndarray of int
            Of the events, and of their scores.
        """
        rows = np.flatnonzero(np.isin(keys, self.keys))
        order = np.argsort(self.keys)
        return rows, order[np.searchsorted(self.keys[order], keys[rows])]


@dataclass(frozen=True, eq=False)
class SeenEvents:
    """Events of a fit, each once, and the model that has not seen them.

    Attributes
    ----------
    known_by : {"numbers", "contents"}
        What an event is known by.
    identities : ndarray of shape (n_seen, 2) or (n_seen, 1), dtype int64 or uint64
        Run and event numbers, or keys of contents, sorted.
    held_out : ndarray of shape (n_seen,), dtype int64
        The only model that has not seen the event; -1 where all have seen it.
    reference : ReferenceScores
        Scores of some of the events.
    """

    known_by: KnownBy
    identities: NDArray[Any]
    held_out: Integers
    reference: ReferenceScores = field(default_factory=ReferenceScores.none)

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self.identities)

    @classmethod
    def of(
        cls,
        known_by: KnownBy,
        values: NDArray[Any],
        held_out: Integers,
        reference: ReferenceScores | None = None,
    ) -> Self:
        """Return the events of a fit, each once.

        Parameters
        ----------
        known_by : {"numbers", "contents"}
            What an event is known by.
        values : ndarray of shape (n_samples, 2) or (n_samples, 1)
            That of each event, copies included.
        held_out : ndarray of shape (n_samples,), dtype int64
            The model that has not seen it. Copies of which this is not the same have
            been seen by all.
        reference : ReferenceScores, default=None
            Scores of some of the events.

        Returns
        -------
        seen : SeenEvents

        Examples
        --------
        >>> import numpy as np
        >>> from skhep_dnn.export._seen_events import SeenEvents
        >>> numbers = np.array([[0, 9], [0, 4], [0, 9]])
        >>> seen = SeenEvents.of("numbers", numbers, np.array([1, 0, 1]))
        >>> len(seen), seen.find(np.array([[0, 4], [0, 5], [0, 9]]))
        (2, array([ 0, -2,  1]))
        """
        if reference is None:
            reference = ReferenceScores.none()
        order = np.lexsort(values.T[::-1])
        values, held_out = values[order], held_out[order]
        is_first = np.ones(len(values), dtype=np.bool_)
        is_first[1:] = (values[1:] != values[:-1]).any(axis=1)
        starts = np.flatnonzero(is_first)
        if not len(starts):
            return cls(known_by, values, held_out, reference)
        lowest = np.minimum.reduceat(held_out, starts)
        agree = lowest == np.maximum.reduceat(held_out, starts)
        held_out = np.where(agree, lowest, ALL_MODELS)
        return cls(known_by, values[starts], held_out, reference)

    def find(self, values: NDArray[Any]) -> Integers:
        """Return the only model that has not seen each of some events.

        Parameters
        ----------
        values : ndarray of shape (n_samples, 2) or (n_samples, 1)
            What the events are known by.

        Returns
        -------
        held_out : ndarray of shape (n_samples,), dtype int64
            -1 where all models have seen the event, -2 where none has.
        """
        known, order = self._sorted_keys
        keys = _keys(values)
        found = np.full(len(keys), NEW, dtype=np.int64)
        if not len(known):
            return found
        # Of sorted keys the search stays in the processor's cache: ten times faster.
        rows = np.argsort(keys)
        keys = keys[rows]
        places = np.minimum(np.searchsorted(known, keys), len(known) - 1)
        hit = known[places] == keys
        found[rows[hit]] = self.held_out[order[places[hit]]]
        return found

    def to_bytes(self) -> bytes:
        """Return the content of the file: an npz archive of NumPy, without pickle.

        Returns
        -------
        content : bytes
            With the arrays "steps", of shape (n_columns, 8, n_seen), dtype uint8: the
            bytes, lowest first, of the steps from one value to the next modulo 2**64,
            the first from 0; "held_out"; and keys and scores of the reference.
        """
        columns = self.identities.view(np.uint64)
        steps = columns.copy()
        steps[1:] -= columns[:-1]
        planes = steps.astype("<u8").T.copy().view(np.uint8)
        planes = planes.reshape(columns.shape[1], len(columns), 8).transpose(0, 2, 1)
        kind = np.min_scalar_type(-1 - int(self.held_out.max(initial=0)))
        file = io.BytesIO()
        np.savez_compressed(
            file,
            known_by=np.array(self.known_by),
            steps=np.ascontiguousarray(planes),
            held_out=self.held_out.astype(kind),
            reference_keys=self.reference.keys,
            reference_probabilities=self.reference.probabilities,
        )
        return file.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Return the events of a file.

        Parameters
        ----------
        content : bytes
            As `to_bytes` gives it.

        Returns
        -------
        seen : SeenEvents

        Raises
        ------
        ValueError
            If it is no such file.
        """
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                known_by = str(arrays["known_by"])
                planes, held_out = arrays["steps"], arrays["held_out"]
                reference = ReferenceScores(
                    arrays["reference_keys"], arrays["reference_probabilities"]
                )
            flat = np.ascontiguousarray(planes.transpose(0, 2, 1)).view("<u8")
            columns = np.cumsum(flat[..., 0].astype(np.uint64), axis=1, dtype=np.uint64)
        except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
            msg = (
                "The file of seen events must be an npz archive as it was exported, "
                f"got another content: {error}. Export the model again."
            )
            raise ValueError(msg) from error
        kind = np.int64 if known_by == "numbers" else np.uint64
        values = np.ascontiguousarray(columns.T).view(kind)
        kind_of_key: KnownBy = "numbers" if known_by == "numbers" else "contents"
        return cls(kind_of_key, values, held_out.astype(np.int64), reference)

    @cached_property
    def _sorted_keys(self) -> tuple[Keys, Integers]:
        keys = _keys(self.identities)
        if self.known_by == "contents":  # are sorted as they are
            return keys, np.arange(len(keys))
        order = np.argsort(keys)
        return keys[order], order


def _keys(values: NDArray[Any]) -> Keys:
    """Return one integer an event; contents have theirs already."""
    if values.shape[1] == 1:
        return np.ascontiguousarray(values[:, 0]).view(np.uint64)
    columns = (np.ascontiguousarray(column) for column in values.T)
    return event_keys(columns, len(values))
